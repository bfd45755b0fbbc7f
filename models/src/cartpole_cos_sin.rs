//! The cart and pole in the coordinates of mpc.pytorch: the pole by cosine, sine and rate.
//!
//! Equations and cost: mpc.pytorch (`env_dx/cartpole.py`) without its limit on the force. A step uses the angle, so it
//! returns states to the unit circle. Data recorded with mpc.pytorch are in these coordinates. For other purposes
//! prefer [`cartpole`](crate::cartpole), the same system with the angle itself.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model]
mod cartpole_cos_sin {
    /// The cart and the pole on it.
    pub struct State {
        /// Position of the cart along the rail \[m\].
        pub position: f64,
        /// Velocity of the cart \[m/s\].
        pub velocity: f64,
        /// Cosine of the pole's angle from upright \[-\].
        pub cos: f64,
        /// Sine of the pole's angle from upright \[-\].
        pub sin: f64,
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
        let mass = p.mass_cart + p.mass_pole;
        // Acceleration of the cart without the pole's weight.
        let push = (u.force + p.mass_pole * p.length * x.angular_velocity.powi(2) * x.sin) / mass;
        let angular_acceleration =
            (p.gravity * x.sin - x.cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * x.cos.powi(2) / mass));
        let acceleration = push - p.mass_pole * p.length * angular_acceleration * x.cos / mass;
        let (sin, cos) = (x.sin.atan2(x.cos) + DT * x.angular_velocity).sin_cos();
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * acceleration,
            cos,
            sin,
            angular_velocity: x.angular_velocity + DT * angular_acceleration,
        }
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.force.powi(2)
    }

    /// Cost of the final state: weights 0.1, 0.1, 1, 1 and 0.1 on the squares, and the goal `cos = 1`.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.05 * (x.position.powi(2) + x.velocity.powi(2) + x.angular_velocity.powi(2))
            + 0.5 * (x.cos.powi(2) + x.sin.powi(2))
            - x.cos
    }
}

pub use self::cartpole_cos_sin::*;

impl Default for Params {
    /// Gravity 9.8, a cart of 1 kg, a pole of 0.1 kg and 1 m (half length 0.5): the values of mpc.pytorch.
    fn default() -> Self {
        Self { gravity: 9.8, mass_cart: 1.0, mass_pole: 0.1, length: 0.5 }
    }
}
