//! A mass that passes a given place at one moment, and comes back to rest where it started.
//!
//! The problem `way_point` of the suite in `stress/`: a double integrator with an equality in the interior of the horizon. A
//! parameter of the stages says at which of them the equality holds; at all others it is `0 = 0`.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod waypoint {
    /// The mass.
    pub struct State {
        /// Place \[m\].
        pub place: f64,
        /// Speed \[m/s\].
        pub speed: f64,
    }

    /// What moves it.
    pub struct Control {
        /// Acceleration \[m/s^2\].
        pub acceleration: f64,
    }

    /// Parameters of the problem.
    pub struct Params {
        /// The place to pass \[m\].
        pub way: f64,
        /// Price of an acceleration \[s^4/m^2\].
        pub effort: f64,
    }

    /// What differs between the stages.
    pub struct StageParams {
        /// 1 at the stage where the mass passes the place, 0 at all others.
        pub passes: f64,
    }

    /// Length of a stage \[s\].
    pub const DT: f64 = 0.02;

    /// Rates of the state.
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { place: x.speed, speed: u.acceleration }
    }

    /// The effort.
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.effort * u.acceleration * u.acceleration
    }

    /// The end has no cost.
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }

    /// At the place, at one stage.
    pub fn stage_equalities(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        [s.passes * (x.place - p.way)]
    }

    /// At the end back at rest.
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place, x.speed]
    }
}

pub use self::waypoint::*;

impl Default for Params {
    /// The values of the suite.
    fn default() -> Self {
        Self { way: 0.2, effort: 0.01 }
    }
}

/// The parameters of the stages of a problem over `horizon` stages that passes the place at stage `at`.
#[must_use]
pub fn passing_at(at: usize, horizon: usize) -> Vec<StageParams> {
    (0..=horizon).map(|t| StageParams { passes: if t == at { 1.0 } else { 0.0 } }).collect()
}
