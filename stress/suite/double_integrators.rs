//! Chains of integrators, with limits on the state.

use dilqr_runtime::Problem;
use dilqr_tests::waypoint;

use crate::check::{check, with_first_stage};

/// Robbins' problem: a state limit of third order (Robbins 1980).
#[dilqr_runtime::model]
pub mod robbins {
    pub struct State {
        pub x: [f64; 3],
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub floor: f64,
        pub weight: f64,
        pub effort: f64,
    }

    const H: f64 = 0.1;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let [a, b, c] = x.x;
        State { x: [a + H * b + H * H / 2.0 * c + H * H * H / 6.0 * u.u, b + H * c + H * H / 2.0 * u.u, c + H * u.u] }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        H * (p.weight * x.x[0] + p.effort * u.u * u.u)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [p.floor - x.x[0]]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 3] {
        x.x
    }
}

#[test]
fn robbins_problem() {
    let problem = Problem::new([1.0, -2.0, 0.0], [0.0, 3.0, 0.5], 100).with_controls(&[[0.1]; 100]);
    check("robbins", robbins::Robbins, &problem);
}

/// With a slightly lower limit the solution has a derivative in it, too.
#[test]
fn robbins_problem_below() {
    let problem = Problem::new([1.0, -2.0, 0.0], [-0.05, 3.0, 0.5], 100).with_controls(&[[0.1]; 100]);
    check("robbins_below", robbins::Robbins, &problem);
}

#[test]
fn way_point() {
    let on: Vec<[f64; 1]> = (0..=50).map(|t| [f64::from(t == 25)]).collect();
    let problem = Problem::new([0.0, 0.0], [0.2, 0.01], 50).with_stage_params(&on);
    check("waypoint", waypoint::Waypoint, &problem);
}

/// The problem of Bryson and Denham: least effort below a limit of the place (Bryson, Denham and Dreyfus 1963).
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod bryson_denham {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub most: f64,
        pub end: f64,
    }

    const DT: f64 = 0.02;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: x.v, v: u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.5 * DT * u.u * u.u
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [x.x - p.most]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.x, x.v - p.end]
    }
}

#[test]
fn bryson_denham_problem() {
    let states: Vec<[f64; 2]> = (0..=50).map(|t| [0.0, 1.0 - f64::from(t) / 25.0]).collect();
    let problem = Problem::new([0.0, 1.0], [1.0 / 9.0, -1.0], 50).with_states(&states);
    check("bryson_denham", bryson_denham::BrysonDenham, &problem);
}

/// A car on one lap in the least time, with a speed limit that depends on the place (an example of CasADi, Andersson et
/// al. 2019).
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod race {
    pub struct State {
        pub place: f64,
        pub speed: f64,
        /// The final time, which the first stage sets.
        pub time: f64,
    }
    pub struct Control {
        #[bounds(0.0, p.most)]
        pub throttle: f64,
        /// At the first stage, the final time; without effect at others.
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

#[test]
fn race_car() {
    let (states, flags) = with_first_stage(100, 1.0, |part| [0.0, f64::from(part > 0.0)]);
    let problem = Problem::new(states[0], [1.0, 1.0, 0.5], 101)
        .with_stage_params(&flags)
        .with_states(&states)
        .with_controls(&[[0.0, 1.0]; 101]);
    check("race", race::Race, &problem);
}
