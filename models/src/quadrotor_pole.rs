//! A quadrotor that balances a pole on a ball joint: the flying inverted pendulum.
//!
//! Equations: Hehn and D'Andrea, "A flying inverted pendulum", IEEE International Conference on Robotics and
//! Automation, 2011: the pole is a point mass on a massless rod, hinged at the vehicle's center of mass, and the loops
//! on board follow body rates at once, so that thrust and body rates are the controls. The publication neglects the
//! mass of the pole; this model does not. With the direction `d` of the rod (length `L`), the thrust's axis `b` and `a
//! = thrust / mass`, the constraint `|d| = L` gives the force in the rod and with it, free of a mass matrix,
//!
//! ```text
//! d'' = k d - a b,        k = (a d.b - |d'|^2) / L^2
//! v'  = a b - g e3 - k d  mass_pole / (mass + mass_pole)
//! ```

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod quadrotor_pole {
    /// The vehicle and the pole on it.
    pub struct State {
        /// Position in the world, the third axis up \[m\].
        pub position: [f64; 3],
        /// Velocity in the world \[m/s\].
        pub velocity: [f64; 3],
        /// Attitude, body to world: a unit quaternion, the real part first \[-\].
        pub attitude: [f64; 4],
        /// Horizontal displacement of the pole's mass from its hinge, shorter than the pole \[m\].
        pub lean: [f64; 2],
        /// Rate of that displacement \[m/s\].
        pub lean_rate: [f64; 2],
    }

    /// Set points of the control loops on board.
    pub struct Control {
        /// Thrust of all rotors together along the body's third axis \[N\].
        pub thrust: f64,
        /// Angular velocity in the body \[rad/s\].
        pub rate: [f64; 3],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass of the vehicle \[kg\].
        pub mass: f64,
        /// Mass of the pole \[kg\].
        pub mass_pole: f64,
        /// Hinge to the pole's center of mass \[m\].
        pub length: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    fn square(v: [f64; 3]) -> f64 {
        v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    }

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [qw, qx, qy, qz] = x.attitude;
        let [wx, wy, wz] = u.rate;
        let push = u.thrust / p.mass;
        let lift = [
            2.0 * push * (qx * qz + qw * qy),
            2.0 * push * (qy * qz - qw * qx),
            push * (1.0 - 2.0 * (qx * qx + qy * qy)),
        ];

        // The rod in space, and its rate.
        let [r, s] = x.lean;
        let [r_rate, s_rate] = x.lean_rate;
        let height = (p.length.powi(2) - r * r - s * s).sqrt();
        let rod = [r, s, height];
        let turn = square([r_rate, s_rate, -(r * r_rate + s * s_rate) / height]);
        let carried = (rod[0] * lift[0] + rod[1] * lift[1] + rod[2] * lift[2] - turn) / p.length.powi(2);
        let share = p.mass_pole / (p.mass + p.mass_pole) * carried;
        State {
            position: x.velocity,
            velocity: [lift[0] - share * rod[0], lift[1] - share * rod[1], lift[2] - share * rod[2] - p.gravity],
            attitude: [
                -0.5 * (qx * wx + qy * wy + qz * wz),
                0.5 * (qw * wx + qy * wz - qz * wy),
                0.5 * (qw * wy + qz * wx - qx * wz),
                0.5 * (qw * wz + qx * wy - qy * wx),
            ],
            lean: x.lean_rate,
            lean_rate: [carried * r - lift[0], carried * s - lift[1]],
        }
    }

    /// Distance from hovering at the origin, level, with the pole upright.
    fn state_cost(x: State) -> f64 {
        let [_, qx, qy, qz] = x.attitude;
        square(x.position)
            + 0.1 * square(x.velocity)
            + square([qx, qy, qz])
            + 5.0 * (x.lean[0].powi(2) + x.lean[1].powi(2))
            + 0.5 * (x.lean_rate[0].powi(2) + x.lean_rate[1].powi(2))
    }

    /// Cost of one step, with the difference of the thrust from the weight.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let weight = (p.mass + p.mass_pole) * p.gravity;
        state_cost(x) + 0.02 * (u.thrust - weight).powi(2) + 0.1 * square(u.rate)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::quadrotor_pole::*;

impl Default for Params {
    /// A vehicle of half a kilogram and a pole of 0.05 kg whose center of mass is 0.565 m up: the publication's pole.
    fn default() -> Self {
        Self { gravity: 9.81, mass: 0.5, mass_pole: 0.05, length: 0.565 }
    }
}
