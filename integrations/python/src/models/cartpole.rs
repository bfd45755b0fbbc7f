//! A pole hinged on a cart that a force pushes along a rail.
//!
//! Equations: Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control
//! problems", IEEE Transactions on Systems, Man, and Cybernetics 13(5), 1983, without friction; discretized by explicit
//! Euler as in mpc.pytorch (`env_dx/cartpole.py`), whose limit on the force is left out. The state carries the angle
//! itself instead of its cosine and sine.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(vendored = "src/models/cartpole.dilqr.rs")]
mod cartpole {
    /// The cart and the pole on it.
    pub struct State {
        /// Position of the cart along the rail \[m\].
        pub position: f64,
        /// Velocity of the cart \[m/s\].
        pub velocity: f64,
        /// Angle of the pole from upright \[rad\].
        pub angle: f64,
        /// Angular velocity of the pole \[rad/s\].
        pub angular_velocity: f64,
    }

    /// The actuator.
    pub struct Control {
        /// Force on the cart along the rail \[N\].
        pub force: f64,
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass of the cart \[kg\].
        pub mass_cart: f64,
        /// Mass of the pole \[kg\].
        pub mass_pole: f64,
        /// Half the length of the pole, hinge to center of mass \[m\].
        pub length: f64,
    }

    /// Time step \[s\].
    const DT: f64 = 0.05;

    /// The state one time step later.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let mass = p.mass_cart + p.mass_pole;
        // Acceleration of the cart without the pole's weight.
        let push = (u.force + p.mass_pole * p.length * x.angular_velocity.powi(2) * sin) / mass;
        let angular_acceleration =
            (p.gravity * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos.powi(2) / mass));
        let acceleration = push - p.mass_pole * p.length * angular_acceleration * cos / mass;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * acceleration,
            angle: x.angle + DT * x.angular_velocity,
            angular_velocity: x.angular_velocity + DT * angular_acceleration,
        }
    }

    /// Distance from rest, upright, in the middle of the rail.
    fn state_cost(x: State) -> f64 {
        0.1 * x.position.powi(2)
            + 0.1 * x.velocity.powi(2)
            + 2.0 * (1.0 - x.angle.cos())
            + 0.1 * x.angular_velocity.powi(2)
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        state_cost(x) + 0.001 * u.force.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::cartpole::*;

impl Default for Params {
    /// Gravity 9.8, a cart of 1 kg, a pole of 0.1 kg and 1 m (half length 0.5): the values of the publication.
    fn default() -> Self {
        Self { gravity: 9.8, mass_cart: 1.0, mass_pole: 0.1, length: 0.5 }
    }
}
