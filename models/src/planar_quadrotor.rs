//! A bar with a rotor at each end, flying in a vertical plane.
//!
//! Equations: Tedrake, "Underactuated Robotics", MIT 2023, section 3.3.1, Newton and Euler for a rigid body.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod planar_quadrotor {
    /// The bar.
    pub struct State {
        /// Horizontal position of the center of mass \[m\].
        pub x: f64,
        /// Height of the center of mass \[m\].
        pub y: f64,
        /// Angle of the bar, counterclockwise from level \[rad\].
        pub angle: f64,
        /// Horizontal velocity \[m/s\].
        pub x_rate: f64,
        /// Vertical velocity \[m/s\].
        pub y_rate: f64,
        /// Angular velocity \[rad/s\].
        pub angle_rate: f64,
    }

    /// The rotors.
    pub struct Control {
        /// Thrust of the right and of the left rotor, square to the bar \[N\].
        pub thrust: [f64; 2],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass \[kg\].
        pub mass: f64,
        /// Moment of inertia about the center of mass \[kg m^2\].
        pub inertia: f64,
        /// Centre of mass to rotor \[m\].
        pub arm: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let [right, left] = u.thrust;
        let lift = (right + left) / p.mass;
        State {
            x: x.x_rate,
            y: x.y_rate,
            angle: x.angle_rate,
            x_rate: -lift * sin,
            y_rate: lift * cos - p.gravity,
            angle_rate: p.arm * (right - left) / p.inertia,
        }
    }

    /// Distance from hovering at the origin.
    fn state_cost(x: State) -> f64 {
        x.x.powi(2)
            + x.y.powi(2)
            + (1.0 - x.angle.cos())
            + 0.1 * (x.x_rate.powi(2) + x.y_rate.powi(2) + x.angle_rate.powi(2))
    }

    /// Cost of one step, with the difference of each thrust from half the weight.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let hover = 0.5 * p.mass * p.gravity;
        state_cost(x) + 0.1 * ((u.thrust[0] - hover).powi(2) + (u.thrust[1] - hover).powi(2))
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::planar_quadrotor::*;

impl Default for Params {
    /// The values of the publication's example: 0.486 kg, 0.00383 kg m^2, an arm of 0.25 m.
    fn default() -> Self {
        Self { gravity: 9.81, mass: 0.486, inertia: 0.00383, arm: 0.25 }
    }
}
