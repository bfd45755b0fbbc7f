//! The pendulum in the coordinates of mpc.pytorch: cosine, sine and rate.
//!
//! Equations and cost: mpc.pytorch (`env_dx/pendulum.py`) without its limit on the torque. A step uses the angle, so it
//! returns states to the unit circle. Data recorded with mpc.pytorch are in these coordinates. For other purposes
//! prefer [`pendulum`](crate::pendulum), the same system with the angle itself.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model]
mod pendulum_cos_sin {
    /// The rod.
    pub struct State {
        /// Cosine of the angle from upright \[-\].
        pub cos: f64,
        /// Sine of the angle from upright \[-\].
        pub sin: f64,
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
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.sin;
        let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
        let omega = x.omega + DT * (fall + drive);
        let (sin, cos) = (x.sin.atan2(x.cos) + DT * omega).sin_cos();
        State { cos, sin, omega }
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.torque.powi(2)
    }

    /// Cost of the final state: weights 1, 1 and 0.1 on the squares, and the goal `cos = 1`.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.5 * (x.cos.powi(2) + x.sin.powi(2) + 0.1 * x.omega.powi(2)) - x.cos
    }
}

pub use self::pendulum_cos_sin::*;

impl Default for Params {
    /// Gravity 10, mass 1 kg, length 1 m: the values of mpc.pytorch and of Gym's pendulum.
    fn default() -> Self {
        Self { gravity: 10.0, mass: 1.0, length: 1.0 }
    }
}
