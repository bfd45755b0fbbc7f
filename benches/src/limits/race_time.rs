//! The race car of [`dilqr_models::race_car`], and the same with its time as a state, as tools without design variables have it.

/// A first stage sets the time, which the others read.
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod race_time {
    pub struct State {
        pub place: f64,
        pub speed: f64,
        pub time: f64,
    }

    pub struct Control {
        #[bounds(0.0, p.most)]
        pub throttle: f64,
        /// At the first stage, the time of the lap; without effect at others.
        #[bounds(0.0, None)]
        pub time: f64,
    }

    pub struct Params {
        pub most: f64,
        pub drag: f64,
        pub dip: f64,
    }

    pub struct StageParams {
        /// 1 at the first stage, 0 at others.
        pub first: f64,
        /// 1 at stages whose state is not given, 0 at the first two.
        pub inside: f64,
    }

    const DT: f64 = 0.01;

    pub fn derivative(x: State, u: Control, p: Params, s: StageParams) -> State {
        let span = (1.0 - s.first) * x.time;
        State { place: span * x.speed, speed: span * (u.throttle - p.drag * x.speed), time: s.first * u.time / DT }
    }

    /// Controls without effect rest inside their bounds.
    pub fn stage_cost(_x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        s.first * (u.throttle - 0.5).powi(2) + (1.0 - s.first) * (u.time - 1.0).powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.time
    }

    fn over(x: State, p: Params) -> f64 {
        x.speed - 1.0 + p.dip * (2.0 * std::f64::consts::PI * x.place).sin()
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        [s.inside * over(x, p) - (1.0 - s.inside)]
    }

    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] {
        [over(x, p)]
    }

    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place - 1.0]
    }
}

use dilqr_models::race_car;
use dilqr_runtime::Problem;

const STAGES: usize = 100;

/// Most throttle, drag and dip of both forms.
const PARAMS: [f64; 3] = [1.0, 1.0, 0.5];

/// The guesses of both forms, on the stages that they share: at rest in the first place, and then at speed 1.
fn guess(t: usize) -> f64 {
    if t == 0 { 0.0 } else { 1.0 }
}

/// With the time as a design variable.
pub fn by_design() -> race_car::Problem {
    let states: Vec<[f64; 2]> = (0..=STAGES).map(|t| [0.0, guess(t)]).collect();
    Problem::new(states[0], PARAMS, STAGES).with_design([1.0]).with_states(&states).with_controls(&[[0.0]; STAGES])
}

/// With the time as a state, and one more stage.
pub fn by_state() -> race_time::Problem {
    let mut states = vec![[0.0; 3]];
    states.extend((0..=STAGES).map(|t| [0.0, guess(t), 1.0]));
    let flags: Vec<[f64; 2]> = (0..=STAGES + 1).map(|t| [f64::from(t == 0), f64::from(t > 1)]).collect();
    Problem::new(states[0], PARAMS, STAGES + 1)
        .with_stage_params(&flags)
        .with_states(&states)
        .with_controls(&[[0.0, 1.0]; STAGES + 1])
}
