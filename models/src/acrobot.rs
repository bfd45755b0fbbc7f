//! Two rods hinged to one another and to a fixed point, with a motor at the joint between them only.
//!
//! Equations: Spong, "The swing up control problem for the acrobot", IEEE Control Systems Magazine 15(1), 1995, without
//! friction; the first angle is measured from upright instead of from level.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod acrobot {
    /// The two rods.
    pub struct State {
        /// Angle of the first rod from upright, and of the second from the first one's direction \[rad\].
        pub angle: [f64; 2],
        /// Their angular velocities \[rad/s\].
        pub rate: [f64; 2],
    }

    /// The motor.
    pub struct Control {
        /// Torque between the rods \[N m\].
        pub torque: f64,
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Masses of the rods \[kg\].
        pub mass: [f64; 2],
        /// Length of the first rod \[m\].
        pub length: f64,
        /// From each rod's upper joint to its center of mass \[m\].
        pub center: [f64; 2],
        /// Moments of inertia of the rods about their centres of mass \[kg m^2\].
        pub inertia: [f64; 2],
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let ([first, second], [first_rate, second_rate]) = (x.angle, x.rate);
        let (sin, cos) = second.sin_cos();

        // The inertia matrix [[m11, m12], [m12, m22]].
        let coupling = p.mass[1] * p.length * p.center[1];
        let m22 = p.mass[1] * p.center[1].powi(2) + p.inertia[1];
        let m12 = m22 + coupling * cos;
        let m11 = p.mass[0] * p.center[0].powi(2) + p.inertia[0] + p.mass[1] * p.length.powi(2) + m12 + coupling * cos;

        // Right-hand side of Lagrange's equations: gravity, centrifugal and Coriolis torques, and the motor.
        let fall_second = p.mass[1] * p.center[1] * p.gravity * (first + second).sin();
        let fall_first = (p.mass[0] * p.center[0] + p.mass[1] * p.length) * p.gravity * first.sin() + fall_second;
        let torque_first = fall_first + coupling * sin * second_rate * (2.0 * first_rate + second_rate);
        let torque_second = fall_second - coupling * sin * first_rate.powi(2) + u.torque;

        let determinant = m11 * m22 - m12.powi(2);
        State {
            angle: x.rate,
            rate: [
                (m22 * torque_first - m12 * torque_second) / determinant,
                (m11 * torque_second - m12 * torque_first) / determinant,
            ],
        }
    }

    /// Distance from rest with both rods upright.
    fn state_cost(x: State) -> f64 {
        let [first, second] = x.angle;
        (1.0 - first.cos()) + (1.0 - (first + second).cos()) + 0.05 * (x.rate[0].powi(2) + x.rate[1].powi(2))
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        state_cost(x) + 0.01 * u.torque.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::acrobot::*;

impl Default for Params {
    /// Two equal uniform rods of 1 kg and 1 m.
    fn default() -> Self {
        Self { gravity: 9.81, mass: [1.0; 2], length: 1.0, center: [0.5; 2], inertia: [1.0 / 12.0; 2] }
    }
}
