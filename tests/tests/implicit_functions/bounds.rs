//! Bounds of implicit functions whose multiplier is a rounding error.

use dilqr_runtime::GradientError;
use dilqr_runtime::implicit::{LinearSolver, Settings, Solver};

/// A minimum at its bound with the slope `a + b - c`, in units of the parameters.
#[dilqr_runtime::implicit]
pub mod resting {
    pub struct Unknown {
        #[bounds(p.floor, None)]
        pub y: f64,
    }
    pub struct Params {
        pub floor: f64,
        pub goal: f64,
        pub slopes: [f64; 3],
        pub unit: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        let [a, b, c] = p.slopes;
        let part = y.y / p.unit;
        0.5 * (part - p.goal / p.unit).powi(2) + a * part + b * part - c * part
    }
}

#[test]
fn a_multiplier_that_is_a_rounding_error_does_not_hold_an_unknown() {
    for linear_solver in [LinearSolver::Dense, LinearSolver::ConjugateGradients { tolerance: 1e-12 }] {
        let mut solver =
            Solver::new(resting::Resting, Settings { linear_solver, ..Settings::default() }).expect("in range");
        for unit in [1.0, 1e-20, 1e20] {
            let place = 0.7 * unit;
            // 0.1 + 0.2 - 0.3 is 5.6e-17 in floating point.
            let solution = solver.accept([place], [place, place, 0.1, 0.2, 0.3, unit]).expect("a minimum");
            let refused = solver.vjp(&solution, &[1.0].into());
            assert!(matches!(refused, Err(GradientError::WeaklyActive { .. })), "{unit}: {refused:?} {solution:?}");
            let solution = solver.accept([place], [place, place, 0.1, 0.2, 0.299, unit]).expect("a minimum");
            let gradient = solver.vjp(&solution, &[1.0].into()).expect("the multiplier is clear");
            assert_eq!(gradient[0], 1.0);
        }
    }
}

/// The slope of `a` at its bound cancels, and no parameter moves it; one moves `free`.
#[dilqr_runtime::implicit]
pub mod apart {
    pub struct Unknown {
        #[bounds(0.0, None)]
        pub a: f64,
        #[bounds(1.0, 1.0)]
        pub one: [f64; 3],
        pub free: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        let [b, c, d] = y.one;
        0.5 * y.a * y.a
            + y.a * (0.1 * b + 0.2 * c - 0.3 * d)
            + 0.5 * (b * b + c * c + d * d)
            + (y.free - p.goal).powi(2)
    }
}

#[test]
fn a_bound_at_rest_that_nothing_moves_has_no_effect() {
    let mut solver = Solver::new(apart::Apart, Settings::default()).expect("in range");
    let solution = solver.accept([0.0, 1.0, 1.0, 1.0, 2.0], [2.0]).expect("a minimum");
    let certificate = solver.certificate(&solution);
    assert!(certificate.margin > 0.0 && certificate.margin < 1e-15, "{certificate}");
    let gradient = solver.vjp(&solution, &[1.0, 1.0, 1.0, 1.0, 1.0].into()).expect("the first unknown stays");
    assert_eq!(gradient[0], 1.0);
}
