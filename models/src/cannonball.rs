//! The greatest range of a cannonball of free size from a cannon of a given energy.
//!
//! After an example of Dymos (Falck et al., *dymos: A Python package for optimal control of multidisciplinary systems*, JOSS
//! 2021), here as one phase and in an exponential atmosphere. A small ball is fast and is slowed down by the air, a large one
//! is slow.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = d.time / STAGES, initial_state = free)]
mod cannonball {
    /// The ball.
    pub struct State {
        /// Distance from the cannon \[m\].
        pub range: f64,
        /// Height above the ground \[m\].
        pub height: f64,
        /// Angle between path and ground \[rad\].
        pub tilt: f64,
        /// Speed \[m/s\].
        pub speed: f64,
    }

    /// A ball has no control: this one is zero.
    pub struct Control {
        /// Without effect.
        #[bounds(0.0, 0.0)]
        pub none: f64,
    }

    /// Parameters of cannon, ball and air.
    pub struct Params {
        /// Energy of the ball at the start \[J\].
        pub energy: f64,
        /// Density of the ball \[kg/m^3\].
        pub density: f64,
        /// Density of the air at the ground \[kg/m^3\].
        pub air: f64,
    }

    /// What is chosen beside angle and speed at the start.
    pub struct Design {
        /// Radius of the ball \[m\].
        #[bounds(0.01, 0.1)]
        pub radius: f64,
        /// Time of flight \[s\].
        #[bounds(1.5, 60.0)]
        pub time: f64,
    }

    /// The number of stages that share the time of flight.
    const STAGES: f64 = 50.0;
    const PI: f64 = std::f64::consts::PI;
    const GRAVITY: f64 = 9.80665;
    /// The steepest cannon, 85 degrees.
    const STEEPEST: f64 = 85.0 * PI / 180.0;

    /// Rates of the state.
    pub fn derivative(x: State, _u: Control, p: Params, d: Design) -> State {
        let (sin, cos) = x.tilt.sin_cos();
        let air = p.air * (-x.height / 8500.0).exp();
        let drag = 3.0 / 8.0 * 0.5 * air * x.speed * x.speed / (p.density * d.radius);
        State {
            range: x.speed * cos,
            height: x.speed * sin,
            tilt: -GRAVITY * cos / x.speed,
            speed: -(drag + GRAVITY * sin),
        }
    }

    /// At the cannon.
    pub fn initial_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.range, x.height]
    }

    /// The energy, and the limits of angle and speed.
    pub fn initial_constraints(x: State, p: Params, d: Design) -> [f64; 5] {
        let mass = p.density * 4.0 / 3.0 * PI * d.radius.powi(3);
        [
            0.5 * mass * x.speed * x.speed - p.energy,
            -x.tilt,
            x.tilt - STEEPEST,
            10.0 - x.speed,
            x.speed - 1000.0,
        ]
    }

    /// Stages have no cost.
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }

    /// Minus the range.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.range
    }

    /// On the ground.
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.height]
    }
}

pub use self::cannonball::*;

impl Default for Params {
    /// 400 kJ, iron, and air at sea level.
    fn default() -> Self {
        Self { energy: 4e5, density: 7870.0, air: 1.225 }
    }
}
