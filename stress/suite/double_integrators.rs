//! Chains of integrators, with limits on the state.

use dilqr_models::{race_car, waypoint};
use dilqr_runtime::{Ilqr, Problem, Settings};
use dilqr_tests::{harness_loss, value};

use crate::check::{along, check};

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
    let through = |place: f64| {
        let problem = Problem::new([0.0, 0.0], waypoint::Params::default(), 50);
        problem.with_stage_params(&waypoint::passing(place, 25, 50))
    };
    check("waypoint", waypoint::Waypoint, &through(0.2));
    // Both sides move with the place.
    let mut solver = Ilqr::new(waypoint::Waypoint, 50, Settings::default()).unwrap();
    let (loss, solution) = (harness_loss(50), solver.solve(&through(0.2)).unwrap());
    let exact = solver.vjp(&solution, &loss).unwrap().stage_params[25].sum();
    let mut at = |place: f64| value(&loss, &solver.solve(&through(place)).unwrap());
    // The solution is linear in the place.
    let difference = (at(0.21) - at(0.19)) / 0.02;
    assert!((exact - difference).abs() < 1e-7 * (1.0 + difference.abs()), "{exact} and {difference}");
}

/// The problem of Bryson and Denham: least effort below a limit of the place (Bryson, Denham and Dreyfus 1963).
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod bryson_denham {
    pub struct State {
        #[bounds(None, p.most)]
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

#[test]
fn race_car() {
    let states = along(100, |part| [0.0, f64::from(part > 0.0)]);
    let problem = race_car::Problem::new(states[0], race_car::Params::default(), 100)
        .with_design([1.0])
        .with_states(&states)
        .with_controls(&[[0.0]; 100]);
    check("race", race_car::RaceCar, &problem);
}
