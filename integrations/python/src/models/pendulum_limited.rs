//! A rod on a hinge with a motor that is too weak to lift it directly: it must swing up.
//!
//! Equations: those of [`pendulum`](crate::pendulum), a uniform rod about its end by semi-implicit Euler; the limit on
//! the torque is that of Gym's pendulum (Brockman et al., "OpenAI Gym", arXiv 1606.01540, 2016), below the weight's
//! largest moment `mass gravity length / 2`. The cost depends on the cosine of the angle, so it is the same for any
//! number of turns.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(vendored = "src/models/pendulum_limited.dilqr.rs")]
mod pendulum_limited {
    /// The rod.
    pub struct State {
        /// Angle from upright \[rad\].
        pub theta: f64,
        /// Angular velocity \[rad/s\].
        pub omega: f64,
    }

    /// The motor.
    pub struct Control {
        /// Torque at the hinge \[N m\].
        #[bounds(-p.limit, p.limit)]
        pub torque: f64,
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass of the rod \[kg\].
        pub mass: f64,
        /// Length of the rod \[m\].
        pub length: f64,
        /// Largest torque \[N m\].
        pub limit: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The state one time step later.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.theta.sin();
        let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
        let omega = x.omega + DT * (fall + drive);
        State { theta: x.theta + DT * omega, omega }
    }

    /// Distance from rest, upright.
    fn state_cost(x: State) -> f64 {
        2.0 * (1.0 - x.theta.cos()) + 0.1 * x.omega.powi(2)
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        state_cost(x) + 0.001 * u.torque.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::pendulum_limited::*;

impl Default for Params {
    /// Gravity 10, mass 1 kg, length 1 m and at most 2 N m, the values of Gym's pendulum; its weight turns with up to 5
    /// N m.
    fn default() -> Self {
        Self { gravity: 10.0, mass: 1.0, length: 1.0, limit: 2.0 }
    }
}
