//! Every construct that lifts a model, with functions and structs that nothing else uses.
#![deny(warnings)]

use dilqr_runtime::{Ilqr, Problem, Settings, Status};

#[dilqr_runtime::model(initial_state = free, integrator = euler, dt = d.total / 4.0)]
mod lifted {
    pub struct State {
        #[bounds(-p.most, d.total * s.wide)]
        pub place: [f64; 2],
    }
    pub struct Control {
        #[bounds(-s.wide, d.total)]
        #[rate_bounds(None, [1.0, 2.0])]
        pub push: [f64; 2],
    }
    pub struct Params {
        pub most: f64,
        pub soft: f64,
    }
    pub struct Design {
        #[bounds(LEAST, 3.0 * LEAST)]
        pub total: f64,
    }
    pub struct StageParams {
        pub wide: f64,
    }
    const LEAST: f64 = 1.0;
    fn factor(p: Params) -> f64 {
        1.0 + p.soft
    }
    pub fn derivative(x: &State, u: &Control, _previous: &Control, _p: &Params, d: &Design) -> State {
        State { place: [u.push[0] - 0.1 * x.place[0] * d.total, u.push[1]] }
    }
    pub fn running_cost(x: State, _u: Control, _p: Params, s: StageParams) -> f64 {
        (x.place[0] - s.wide).powi(2) + x.place[1].powi(2)
    }
    pub fn stage_cost(_x: State, u: Control, previous: Control, _p: Params) -> f64 {
        let change = [u.push[0] - previous.push[0], u.push[1] - previous.push[1]];
        change[0].powi(2) + change[1].powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params, d: Design) -> f64 {
        x.place[0].powi(2) + (d.total - 2.0).powi(2)
    }
    pub fn initial_cost(x: State, _p: Params, _s: StageParams) -> f64 {
        (x.place[0] - 0.3).powi(2) + x.place[1].powi(2)
    }
    pub fn initial_equalities(x: State, _p: Params, d: Design) -> [f64; 1] {
        [x.place[1] - 0.1 * d.total]
    }
    #[penalty(linear = factor(p), quadratic = s.wide)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.place[0] - 0.5]
    }
    #[penalty(linear = 3.0)]
    pub fn terminal_soft_constraints(x: State, _p: Params) -> [f64; 2] {
        [x.place[0] - 0.2, 0.1 - x.place[1]]
    }
}

fn main() {
    let problem: lifted::Problem = Problem::new(lifted::State { place: [0.3, 0.0] }, lifted::Params { most: 2.0, soft: 0.5 }, 4)
        .with_design(lifted::Design { total: 1.5 })
        .with_previous(lifted::Control { push: [0.0; 2] })
        .with_stage_params(&[[0.9]; 5]);
    let mut solver: lifted::Solver = Ilqr::new(lifted::Lifted, 4, Settings::default()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.states[0][1] - 0.1 * solution.design[0]).abs() < 1e-9);
    assert_eq!(lifted::Design::NAMES, ["total"]);
}
