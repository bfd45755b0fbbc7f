//! A rod on a hinge, upright, with a motor at the hinge.
//!
//! Equations: a uniform rod about its end has the inertia `mass length^2 / 3`, hence the accelerations
//! `3 gravity / (2 length) sin theta` and `3 torque / (mass length^2)`; semi-implicit Euler as in mpc.pytorch
//! (`env_dx/pendulum.py`), whose limit on the torque is left out. The state carries the angle itself instead of its
//! cosine and sine.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(vendored = "src/models/pendulum.dilqr.rs")]
mod pendulum {
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
    }

    /// Time step \[s\].
    const DT: f64 = 0.05;

    /// The state one time step later.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.theta.sin();
        let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
        let omega = x.omega + DT * (fall + drive);
        State { theta: x.theta + DT * omega, omega }
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.theta.powi(2) + 0.1 * x.omega.powi(2) + 0.001 * u.torque.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * x.theta.powi(2) + x.omega.powi(2)
    }
}

pub use self::pendulum::*;

impl Default for Params {
    /// Gravity 10, mass 1 kg, length 1 m: the values of mpc.pytorch and of Gym's pendulum.
    fn default() -> Self {
        Self { gravity: 10.0, mass: 1.0, length: 1.0 }
    }
}
