//! Implicit functions without a derivative: singular equations, kinks, minima that are none, and the words for them.

use dilqr_runtime::implicit::{Settings, Solver};
use dilqr_runtime::{Cause, GradientError, Model, SolveError, Status};

/// `y + |y - at| / 2 = a`, whose root has the derivative 2/3 in `a` beyond `at`, and 2 before it.
#[dilqr_runtime::implicit]
pub mod corner {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
        pub at: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y + 0.5 * (y.y - p.at).abs() - p.a]
    }
}

/// The distance of two unknowns that are parameters.
#[dilqr_runtime::implicit]
pub mod distance {
    pub struct Unknown {
        pub y: [f64; 3],
    }
    pub struct Params {
        pub first: f64,
        pub second: f64,
        pub both: f64,
        pub rest: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 3] {
        let [a, b, c] = y.y;
        [a - p.first - p.both, b - p.second - p.both, c - (a - b).abs() - p.rest]
    }
}

/// The same of two that do not move apart.
#[dilqr_runtime::implicit]
pub mod together {
    pub struct Unknown {
        pub y: [f64; 3],
    }
    pub struct Params {
        pub both: f64,
        pub rest: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 3] {
        let [a, b, c] = y.y;
        [a - p.both, b - p.both, c - (a - b).abs() - p.rest]
    }
}

/// `y + s y |y| = a` is smooth.
#[dilqr_runtime::implicit]
pub mod smooth {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
        pub s: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y + p.s * y.y * y.y.abs() - p.a]
    }
}

/// A jump, `y + sign(y - at) = a`.
#[dilqr_runtime::implicit]
pub mod jump {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
        pub at: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y + if y.y < p.at { -1.0 } else { 1.0 } - p.a]
    }
}

/// No root: `|y - 3/10| + p`.
#[dilqr_runtime::implicit]
pub mod above {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [(y.y - 0.3).abs() + p.p]
    }
}

/// A minimum whose curvature jumps at `at`: `(y - a)^2 / 2 + max(y - at, 0)^2`.
#[dilqr_runtime::implicit]
pub mod hinge {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
        pub at: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        0.5 * (y.y - p.a).powi(2) + (y.y - p.at).max(0.0).powi(2)
    }
}

/// The same as least squares.
#[dilqr_runtime::implicit]
pub mod hinges {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
        pub at: f64,
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 2] {
        [y.y - p.a, (y.y - p.at).max(0.0)]
    }
}

/// A minimum at a kink of the objective: no step of Newton's method ends there.
#[dilqr_runtime::implicit]
pub mod sharp {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.y - p.a).abs() + 0.1 * y.y * y.y
    }
}

/// An unknown that follows the absolute value of one which a bound holds. The bound moves, or is constant.
#[dilqr_runtime::implicit]
pub mod held {
    pub struct Unknown {
        #[bounds(p.limit, None)]
        pub moving: f64,
        #[bounds(0.0, None)]
        pub fixed: f64,
        pub follows: [f64; 2],
    }
    pub struct Params {
        pub limit: f64,
        pub shift: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        let [a, b] = y.follows;
        (y.moving + 1.0).powi(2)
            + (y.fixed + 1.0).powi(2)
            + (a - y.moving.abs() - p.shift).powi(2)
            + (b - y.fixed.abs() - p.shift).powi(2)
    }
}

/// A minimum between bounds, with a curvature that may vanish or be no number.
#[dilqr_runtime::implicit]
pub mod valley {
    pub struct Unknown {
        #[bounds(p.low, p.high)]
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub low: f64,
        pub high: f64,
        pub curvature: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.a - 1.0).powi(2) + p.curvature.sqrt() * y.b * y.b
    }
}

/// `y^2 = p`, and `ln(y) = q`.
#[dilqr_runtime::implicit]
pub mod roots {
    pub struct Unknown {
        pub y: [f64; 2],
    }
    pub struct Params {
        pub p: f64,
        pub q: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        [y.y[0] * y.y[0] - p.p, y.y[1].ln() - p.q]
    }
}

#[test]
fn the_root_at_a_corner_has_no_derivative() {
    const { assert!(corner::Corner::HAS_KINKS) };
    let mut solver = Solver::new(corner::Corner, Settings::default()).expect("in range");
    // In any unit, and where all numbers are zero.
    for at in [0.3_f64, -0.3, 1.0, 0.3e-20, 0.3e20, 0.0] {
        for guess in [at, at + at.abs(), at - at.abs()] {
            let solution = solver.solve([guess], [at, at]).expect("finite");
            assert_eq!(solution.status, Status::Converged, "{at}: {solution:?}");
            let refused = solver.vjp(&solution, &[1.0].into());
            assert_eq!(refused, Err(GradientError::Kink { unknown: 0 }), "{at} {guess}");
            assert_eq!(solver.jacobian(&solution), Err(GradientError::Kink { unknown: 0 }));
            // It is a solution.
            assert!(solver.accept(solution.unknown, solution.params).is_ok());
        }
        // Beside it there are both derivatives.
        for (part, expected) in [(1e-6, 1.0 / 1.5), (-1e-6, 1.0 / 0.5)] {
            let distance = part * if at == 0.0 { 1.0 } else { at.abs() };
            let solution = solver.solve([at], [at + distance, at]).expect("finite");
            let gradient = solver.vjp(&solution, &[1.0].into()).expect("smooth here");
            assert!((gradient[0] - expected).abs() < 1e-12, "{at} {part}: {gradient}");
        }
    }
}

#[test]
fn kinks_that_no_parameter_moves_the_root_across_do_not_matter() {
    let mut solver = Solver::new(distance::Distance, Settings::default()).expect("in range");
    let solution = solver.solve([0.0; 3], [0.5, 0.5, 0.25, 1.0]).expect("finite");
    assert_eq!(solver.jacobian(&solution), Err(GradientError::Kink { unknown: 2 }));
    let solution = solver.solve([0.0; 3], [0.5, 0.4, 0.25, 1.0]).expect("finite");
    let jacobian = solver.jacobian(&solution).expect("smooth here");
    assert!((jacobian.row(2) - nalgebra_row([1.0, -1.0, 0.0, 1.0])).amax() < 1e-12, "{jacobian}");

    let mut solver = Solver::new(together::Together, Settings::default()).expect("in range");
    let solution = solver.solve([0.0; 3], [0.7, 1.0]).expect("finite");
    let jacobian = solver.jacobian(&solution).expect("the distance is always zero");
    let expected = dilqr_runtime::nalgebra::SMatrix::<f64, 3, 2>::from_row_slice(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    assert!((jacobian - expected).amax() < 1e-12, "{jacobian}");

    // A branch whose sides have the same derivative is no kink.
    let mut solver = Solver::new(smooth::Smooth, Settings::default()).expect("in range");
    for a in [0.0, 1e-30, -1e-30, 2.0, -6.0] {
        let solution = solver.solve([a], [a, 1.0]).expect("finite");
        let gradient = solver.vjp(&solution, &[1.0].into()).expect("smooth");
        let y = solution.unknown[0];
        assert!((gradient[0] - 1.0 / (1.0 + 2.0 * y.abs())).abs() < 1e-12, "{a}: {gradient}");
    }
}

fn nalgebra_row(entries: [f64; 4]) -> dilqr_runtime::nalgebra::SMatrix<f64, 1, 4> {
    dilqr_runtime::nalgebra::SMatrix::from_row_slice(&entries)
}

#[test]
fn a_root_at_a_jump_has_no_derivative() {
    let mut solver = Solver::new(jump::Jump, Settings::default()).expect("in range");
    // From the right, y = 0.25 is the end of the branch with a = 1.25.
    for unit in [1.0, 1024.0] {
        let (a, at) = (0.25 * unit + 1.0, 0.25 * unit);
        let solution = solver.accept([at], [a, at]).expect("a root");
        assert_eq!(solver.vjp(&solution, &[1.0].into()), Err(GradientError::Kink { unknown: 0 }));
        let solution = solver.accept([at + 0.25], [a + 0.25, at]).expect("a root");
        assert_eq!(solver.vjp(&solution, &[1.0].into()).expect("smooth here")[0], 1.0);
    }
}

#[test]
fn minima_at_kinks_of_their_slope_have_no_derivative() {
    let mut solver = Solver::new(hinge::Hinge, Settings::default()).expect("in range");
    let mut squares = Solver::new(hinges::Hinges, Settings::default()).expect("in range");
    for at in [0.3, -7.0, 0.3e12] {
        let solution = solver.accept([at], [at, at]).expect("a minimum");
        assert_eq!(solver.vjp(&solution, &[1.0].into()), Err(GradientError::Kink { unknown: 0 }));
        let solution = squares.accept([at], [at, at]).expect("a minimum");
        assert_eq!(squares.vjp(&solution, &[1.0].into()), Err(GradientError::Kink { unknown: 0 }));
        // y - a + 2 max(y - at, 0) = 0, and without the factor.
        for (change, expected, of_squares) in [(1e-3, 1.0 / 3.0, 0.5), (-1e-3, 1.0, 1.0)] {
            let a = at + change * at.abs();
            let solution = solver.solve([at], [a, at]).expect("finite");
            assert_eq!(solution.status, Status::Converged);
            assert!((solver.vjp(&solution, &[1.0].into()).expect("smooth here")[0] - expected).abs() < 1e-12);
            let solution = squares.solve([at], [a, at]).expect("finite");
            assert!((squares.vjp(&solution, &[1.0].into()).expect("smooth here")[0] - of_squares).abs() < 1e-12);
        }
    }
}

#[test]
fn kinks_at_a_bound_matter_where_the_bound_moves() {
    let mut solver = Solver::new(held::Held, Settings::default()).expect("in range");
    let solution = solver.solve([1.0; 4], [0.0, 0.5]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    assert_eq!(solver.jacobian(&solution), Err(GradientError::Kink { unknown: 2 }));
    // Away from the kink the first one moves with its bound; the second one stays.
    let solution = solver.solve([1.0; 4], [0.25, 0.5]).expect("finite");
    let jacobian = solver.jacobian(&solution).expect("smooth here");
    let expected =
        dilqr_runtime::nalgebra::SMatrix::<f64, 4, 2>::from_row_slice(&[1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    assert!((jacobian - expected).amax() < 1e-9, "{jacobian}");
}

#[test]
fn a_solve_that_is_stuck_at_a_kink_says_so() {
    let mut solver = Solver::new(above::Above, Settings::default()).expect("in range");
    for p in [1.0, 1e-6, 1e9] {
        let solution = solver.solve([2.0], [p]).expect("finite");
        assert_ne!(solution.status, Status::Converged);
        assert_eq!(solution.cause, Some(Cause::KinkOfFunction { equation: Some(0) }), "{p}: {solution:?}");
    }
    let mut solver = Solver::new(sharp::Sharp, Settings::default()).expect("in range");
    let solution = solver.solve([0.0], [1.0]).expect("finite");
    assert_eq!(solution.status, Status::LineSearchFailed, "{solution:?}");
    assert_eq!(solution.cause, Some(Cause::KinkOfFunction { equation: None }));
    assert_eq!(solution.cause.expect("a cause").to_string(), "a kink of the objective");
}

#[test]
fn messages_name_unknowns_and_functions() {
    let mut solver = Solver::new(roots::Roots, Settings::default()).expect("in range");
    // A double root.
    let singular = solver.accept([0.0, 1.0], [0.0, 0.0]);
    assert_eq!(singular, Err(GradientError::Singular));
    let text = "the Jacobian of the equations is singular: the root is multiple or not isolated, and has no derivative";
    assert_eq!(GradientError::Singular.to_string(), text);
    // The logarithm of a negative number.
    let solution = solver.solve([1.0, -1.0], [4.0, 0.0]).expect("finite");
    assert_eq!(solution.status, Status::Diverged);
    assert_eq!(solution.cause.expect("a cause").to_string(), "not finite: the equations, entry 1");
    let refused = solver.accept([1.0, 1.0], [4.0, 0.0]).expect_err("no root").to_string();
    assert!(refused.starts_with("the solution has not converged: status converged, relative Newton step"), "{refused}");

    let mut solver = Solver::new(valley::Valley, Settings::default()).expect("in range");
    let reversed = solver.solve([0.0, 0.0], [2.0, 1.0, 1.0]).expect_err("reversed");
    assert_eq!(reversed.to_string(), "the bounds of unknown `a` are reversed: 2 to 1, expected the lower one first");
    assert!(matches!(reversed, SolveError::BoundsReversed { .. }));
    let flat = solver.accept([1.0, 0.0], [0.0, 2.0, 0.0]).expect_err("flat");
    assert_eq!(flat, GradientError::NotStrictMinimum);
    let weak = solver.solve([0.5, 0.1], [0.0, 1.0, 1.0]).expect("finite");
    let weak = solver.vjp(&weak, &[1.0, 0.0].into()).expect_err("at its bound without a multiplier").to_string();
    assert!(weak.starts_with("the upper bound of unknown 0 is neither active nor inactive"), "{weak}");
    let solution = solver.solve([0.5, 0.1], [0.0, 2.0, -1.0]).expect("finite");
    assert_eq!(solution.status, Status::Diverged);
    assert_eq!(solution.cause.expect("a cause").to_string(), "not finite: the objective, entry 0");
    for text in [GradientError::NotStrictMinimum.to_string(), GradientError::Kink { unknown: 1 }.to_string()] {
        assert!(!text.contains("stage") && !text.contains("dynamics"), "{text}");
    }
}
