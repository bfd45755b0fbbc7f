//! Chains of integrators, with limits on the state.

use dilqr_runtime::Problem;

use crate::check::{Expected, check};

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
    check("robbins", robbins::Robbins, &problem, Expected::Equal);
}

/// An equality at one interior stage.
#[dilqr_runtime::model(integrator = rk4, dt = 0.02)]
pub mod waypoint {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub way: f64,
        pub effort: f64,
    }
    pub struct StageParams {
        pub on: f64,
    }
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: x.v, v: u.u }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.effort * u.u * u.u
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_equalities(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        [s.on * (x.x - p.way)]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.x, x.v]
    }
}

#[test]
fn way_point() {
    let on: Vec<[f64; 1]> = (0..=50).map(|t| [f64::from(t == 25)]).collect();
    let problem = Problem::new([0.0, 0.0], [0.2, 0.01], 50).with_stage_params(&on);
    check("waypoint", waypoint::Waypoint, &problem, Expected::Equal);
}
