//! A mass that passes a given place at one moment, and comes back to rest where it started.
//!
//! The problem `way_point` of the suite in `stress/`: a double integrator with an equality in the interior of the horizon. It is a
//! bound of the state at one stage, whose sides are equal there and infinite, which means absent, at all others.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod waypoint {
    /// The mass.
    pub struct State {
        /// Place \[m\].
        #[bounds(s.least, s.most)]
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
        /// Price of an acceleration \[s^4/m^2\].
        pub effort: f64,
    }

    /// What differs between the stages.
    pub struct StageParams {
        /// Least place \[m\].
        pub least: f64,
        /// Greatest place \[m\].
        pub most: f64,
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

    /// At the end back at rest.
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place, x.speed]
    }
}

pub use self::waypoint::*;

impl Default for Params {
    /// The values of the suite.
    fn default() -> Self {
        Self { effort: 0.01 }
    }
}

/// The parameters of the stages of a problem over `horizon` stages whose mass is at this place at stage `at`, and anywhere at the
/// others.
#[must_use]
pub fn passing(place: f64, at: usize, horizon: usize) -> Vec<StageParams> {
    let anywhere = StageParams { least: f64::NEG_INFINITY, most: f64::INFINITY };
    let there = StageParams { least: place, most: place };
    (0..=horizon).map(|t| if t == at { there } else { anywhere }).collect()
}
