//! The cart-pole from its measurements: a smoother or, over a window, an estimator of the state.
//!
//! The motion is that of [`cartpole`](crate::cartpole), with a known force and with noise on both rates. Position and angle are
//! measured. The costs are halves of squares over variances (Rao, Rawlings and Mayne, "Constrained state estimation for
//! nonlinear discrete-time systems", IEEE Transactions on Automatic Control 48(2), 2003): a minimum is the most probable
//! trajectory, and the covariance of an estimate is a covariance.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(initial_state = free)]
mod cartpole_estimator {
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

    /// Noise of a time step, added to the rates at its end.
    pub struct Control {
        /// Change of the cart's velocity \[m/s\].
        pub velocity: f64,
        /// Change of the pole's angular velocity \[rad/s\].
        pub angular_velocity: f64,
    }

    /// Parameters of the motion, of the noise, and of the state that the first measurement is expected in.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass of the cart \[kg\].
        pub mass_cart: f64,
        /// Mass of the pole \[kg\].
        pub mass_pole: f64,
        /// Half the length of the pole, hinge to center of mass \[m\].
        pub length: f64,
        /// Standard deviations of the noise of a time step \[m/s, rad/s\].
        pub process: [f64; 2],
        /// Standard deviations of the measured position and angle \[m, rad\].
        pub sensors: [f64; 2],
        /// Mean of the first state, in the units of the state.
        pub mean: [f64; 4],
        /// Inverse of the covariance of the first state, symmetric.
        pub information: [[f64; 4]; 4],
    }

    /// The known force, and measurements.
    pub struct StageParams {
        /// Force on the cart along the rail, during the step \[N\].
        pub force: f64,
        /// Measured position of the cart \[m\].
        pub position: f64,
        /// Measured angle of the pole from upright \[rad\].
        pub angle: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The state one time step later.
    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let mass = p.mass_cart + p.mass_pole;
        // Acceleration of the cart without the pole's weight.
        let push = (s.force + p.mass_pole * p.length * x.angular_velocity.powi(2) * sin) / mass;
        let angular_acceleration =
            (p.gravity * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos.powi(2) / mass));
        let acceleration = push - p.mass_pole * p.length * angular_acceleration * cos / mass;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * acceleration + u.velocity,
            angle: x.angle + DT * x.angular_velocity,
            angular_velocity: x.angular_velocity + DT * angular_acceleration + u.angular_velocity,
        }
    }

    /// Half the squared distance of the first state from its mean.
    pub fn initial_cost(x: State, p: Params) -> f64 {
        let state = [x.position, x.velocity, x.angle, x.angular_velocity];
        let mut sum = 0.0;
        for i in 0..4 {
            for j in 0..4 {
                sum += p.information[i][j] * (state[i] - p.mean[i]) * (state[j] - p.mean[j]);
            }
        }
        0.5 * sum
    }

    /// Half the squares of the errors of both measurements over their variances.
    fn misfit(x: State, p: Params, s: StageParams) -> f64 {
        let position = (x.position - s.position) / p.sensors[0];
        let angle = (x.angle - s.angle) / p.sensors[1];
        0.5 * (position.powi(2) + angle.powi(2))
    }

    /// Measurement and noise of one time step.
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        let velocity = u.velocity / p.process[0];
        let angular_velocity = u.angular_velocity / p.process[1];
        misfit(x, p, s) + 0.5 * (velocity.powi(2) + angular_velocity.powi(2))
    }

    /// The newest measurement.
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        misfit(x, p, s)
    }
}

pub use self::cartpole_estimator::*;

impl Default for Params {
    /// The cart-pole of [`cartpole`](crate::cartpole). Noise and sensors: kicks of 5 cm/s and 0.1 rad/s a step, 2 cm, 0.02 rad. The
    /// first state is near rest, upright, in the middle: standard deviations of 1 m, 1 m/s, 0.5 rad, 1 rad/s.
    fn default() -> Self {
        let mut information = [[0.0; 4]; 4];
        for (i, deviation) in [1.0, 1.0, 0.5, 1.0_f64].into_iter().enumerate() {
            information[i][i] = deviation.powi(-2);
        }
        Self {
            gravity: 9.8,
            mass_cart: 1.0,
            mass_pole: 0.1,
            length: 0.5,
            process: [0.05, 0.1],
            sensors: [0.02, 0.02],
            mean: [0.0; 4],
            information,
        }
    }
}
