//! Guesses at which the cost has no slope: what makes a number large or small is then its curvature.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use dilqr_runtime::{Ilqr, Method, Problem, Settings, Solution, Status};

/// A pendulum that swings up and stands still at the end.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod swing_up {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        #[bounds(-4.0, 4.0)]
        pub torque: f64,
    }
    pub struct Params {
        pub weight: f64,
    }
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { angle: x.rate, rate: 9.81 * x.angle.sin() + u.torque }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.weight * u.torque.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.angle, x.rate]
    }
}

const HORIZON: usize = 40;

fn solve(weight: f64, guess: f64, method: Method) -> Solution<2, 1, 1> {
    let problem = Problem::new([core::f64::consts::PI, 0.0], [weight], HORIZON).with_controls(&[[guess]; HORIZON]);
    let mut solver = Ilqr::new(swing_up::SwingUp, HORIZON, Settings { method, ..Settings::default() }).unwrap();
    solver.solve(&problem).unwrap()
}

/// At rest, hanging, every term of the cost and of its gradient is a rounding error.
#[test]
fn a_swing_up_begins_at_rest() {
    for method in [Method::Auto, Method::InteriorPoint, Method::AugmentedLagrangian] {
        let reference = solve(1.0, 0.5, method);
        assert_eq!(reference.status, Status::Converged, "{method:?}");
        for weight in [1e-9, 1.0, 1e9] {
            for guess in [0.0, 1e-12, -1e-5] {
                let solution = solve(weight, guess, method);
                assert_eq!(solution.status, Status::Converged, "{method:?}, weight {weight}, guess {guess}");
                // Both swing up with the least effort: one to the left, one to the right.
                let relative = solution.cost / (weight * reference.cost) - 1.0;
                assert!(relative.abs() < 1e-8, "{method:?}, weight {weight}, guess {guess}: {relative:e}");
            }
        }
    }
}
