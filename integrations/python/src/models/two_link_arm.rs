//! An arm of two links in a horizontal plane that reaches for a point.
//!
//! Equations and values: Li and Todorov, "Iterative linear quadratic regulator design for nonlinear biological movement
//! systems", 1st International Conference on Informatics in Control, Automation and Robotics, 2004, section 5; torques
//! at the joints instead of muscles.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT, vendored = "src/models/two_link_arm.dilqr.rs")]
mod two_link_arm {
    /// The joints, shoulder first.
    pub struct State {
        /// Angle of the upper arm from the first axis, and of the forearm from the upper arm \[rad\].
        pub angle: [f64; 2],
        /// Their angular velocities \[rad/s\].
        pub rate: [f64; 2],
    }

    /// The motors.
    pub struct Control {
        /// Torques at shoulder and elbow \[N m\].
        pub torque: [f64; 2],
    }

    /// Parameters of the motion, and the point to reach.
    pub struct Params {
        /// Moments of inertia of upper arm and forearm about their joints \[kg m^2\].
        pub inertia: [f64; 2],
        /// Mass of the forearm \[kg\].
        pub mass: f64,
        /// Lengths of upper arm and forearm \[m\].
        pub length: [f64; 2],
        /// From the elbow to the forearm's center of mass \[m\].
        pub center: f64,
        /// Friction of a joint against its own rate \[N m s\].
        pub friction: f64,
        /// Friction of a joint against the other one's rate \[N m s\].
        pub friction_cross: f64,
        /// Goal of the hand \[m\].
        pub target: [f64; 2],
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.02;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [first, second] = x.rate;
        let (sin, cos) = x.angle[1].sin_cos();

        let coupling = p.mass * p.length[0] * p.center;
        let m22 = p.inertia[1];
        let m12 = m22 + coupling * cos;
        let m11 = p.inertia[0] + p.mass * p.length[0].powi(2) + m12 + coupling * cos;

        let swing = coupling * sin;
        let torque_first =
            u.torque[0] + swing * second * (2.0 * first + second) - p.friction * first - p.friction_cross * second;
        let torque_second = u.torque[1] - swing * first.powi(2) - p.friction_cross * first - p.friction * second;

        let determinant = m11 * m22 - m12.powi(2);
        State {
            angle: x.rate,
            rate: [
                (m22 * torque_first - m12 * torque_second) / determinant,
                (m11 * torque_second - m12 * torque_first) / determinant,
            ],
        }
    }

    /// Squared distance of the hand from its target, and motion.
    fn state_cost(x: State, p: Params) -> f64 {
        let (sin, cos) = x.angle[0].sin_cos();
        let (sin_both, cos_both) = (x.angle[0] + x.angle[1]).sin_cos();
        let hand = [p.length[0] * cos + p.length[1] * cos_both, p.length[0] * sin + p.length[1] * sin_both];
        (hand[0] - p.target[0]).powi(2)
            + (hand[1] - p.target[1]).powi(2)
            + 1e-3 * (x.rate[0].powi(2) + x.rate[1].powi(2))
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        state_cost(x, p) + 1e-3 * (u.torque[0].powi(2) + u.torque[1].powi(2))
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        10.0 * state_cost(x, p)
    }
}

pub use self::two_link_arm::*;

impl Default for Params {
    /// The publication's arm, and a target within its reach.
    fn default() -> Self {
        Self {
            inertia: [0.025, 0.045],
            mass: 1.0,
            length: [0.3, 0.33],
            center: 0.16,
            friction: 0.05,
            friction_cross: 0.025,
            target: [0.2, 0.4],
        }
    }
}
