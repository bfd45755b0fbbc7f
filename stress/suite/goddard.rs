//! Goddard's rocket: the greatest height for a given amount of fuel (COPS 3, Dolan, More and Munson 2004).

use dilqr_runtime::Problem;

use crate::check::{check, with_first_stage};

#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod goddard {
    pub struct State {
        pub height: f64,
        pub speed: f64,
        pub mass: f64,
        /// The final time, which the first stage sets.
        pub time: f64,
    }
    pub struct Control {
        /// At the first stage, the final time.
        #[bounds(0.0, p.thrust)]
        pub thrust: f64,
    }
    pub struct Params {
        pub thrust: f64,
        pub drag: f64,
        pub exhaust: f64,
        pub dry: f64,
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
        let drag = p.drag * x.speed * x.speed * (-500.0 * (x.height - 1.0)).exp();
        let acceleration = (u.thrust - drag) / x.mass - 1.0 / (x.height * x.height);
        State {
            height: span * x.speed,
            speed: span * acceleration,
            mass: -span * u.thrust / p.exhaust,
            time: s.first * u.thrust / DT,
        }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.height
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params, s: StageParams) -> [f64; 2] {
        let outside = 1.0 - s.inside;
        [s.inside * (1.0 - x.height) - outside, -s.inside * x.speed - outside]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [x.mass - p.dry]
    }
}

const STEPS: usize = 100;

#[test]
fn goddard_rocket() {
    let (states, flags) = with_first_stage(STEPS, 1.0, |part| [1.0, part * (1.0 - part), 1.0 - 0.4 * part]);
    let mut controls = vec![[1.0]];
    controls.extend([[1.75]; STEPS]);
    let problem = Problem::new(states[0], [3.5, 310.0, 0.5, 0.6], STEPS + 1)
        .with_stage_params(&flags)
        .with_states(&states)
        .with_controls(&controls);
    check("goddard", goddard::Goddard, &problem);
}
