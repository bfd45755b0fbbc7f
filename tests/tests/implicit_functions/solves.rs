//! Implicit functions compiled by the attribute: their values against analytic ones, their derivatives against analytic ones and
//! central differences.

use dilqr_runtime::implicit::{FixedPoint, Gradient, ImplicitFunction, Settings, Solver, batch};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{GradientError, Hessian, InputError, SolveError, Status};

use crate::models::{equilibrium, kepler};

/// `exp(y) + y = a`, whose root has the derivative `1 / (exp(y) + 1)`.
#[dilqr_runtime::implicit]
pub mod exponential {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub a: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y.exp() + y.y - p.a]
    }
}

/// The crossing of a circle with a curve, in units of the parameters.
#[dilqr_runtime::implicit]
pub mod crossing {
    pub struct Unknown {
        pub point: [f64; 2],
    }
    pub struct Params {
        pub radius: f64,
        pub unit: f64,
    }
    fn square(a: f64) -> f64 {
        a * a
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        let (a, b) = (y.point[0] / p.unit, y.point[1] / p.unit);
        [square(a) + square(b) - square(p.radius), a.exp() - b]
    }
}

/// Linear equations whose rows are multiples of one another up to `p.apart`.
#[dilqr_runtime::implicit]
pub mod dependent {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub p: f64,
        pub apart: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        [0.1 * y.a + 0.3 * y.b - p.p, 0.3 * y.a + (0.9 + p.apart) * y.b - 3.0 * p.p]
    }
}

/// `e a + b = p`, `a + b + h c = 1`, `h c = 2`: the unit of `c` is `h`.
#[dilqr_runtime::implicit]
pub mod columns {
    pub struct Unknown {
        pub y: [f64; 3],
    }
    pub struct Params {
        pub e: f64,
        pub h: f64,
        pub p: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 3] {
        let [a, b, c] = y.y;
        [p.e * a + b - p.p, a + b + p.h * c - 1.0, p.h * c - 2.0]
    }
}

/// Rosenbrock's function within bounds that are parameters.
#[dilqr_runtime::implicit]
pub mod valley {
    pub struct Unknown {
        #[bounds(None, p.limit)]
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub steepness: f64,
        pub slope: f64,
        pub limit: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.a - p.goal).powi(2) + p.steepness * (y.b - y.a * y.a).powi(2) + p.slope * y.a
    }
}

/// A curve fitted to five points, with positive coefficients.
#[dilqr_runtime::implicit]
pub mod fit {
    pub struct Unknown {
        #[bounds(0.0, None)]
        pub scale: f64,
        pub rate: f64,
    }
    pub struct Params {
        pub data: [f64; 5],
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 5] {
        let mut r = [0.0; 5];
        for i in 0..5 {
            r[i] = y.scale * (y.rate * (i as f64) / 4.0).exp() - p.data[i];
        }
        r
    }
}

/// `y = cos(w y)` and a second entry that contracts.
#[dilqr_runtime::implicit]
pub mod cosine {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub w: f64,
        pub shift: f64,
    }
    pub fn map(y: Unknown, p: Params) -> Unknown {
        Unknown { a: (p.w * y.a).cos(), b: 0.9 * y.b + p.shift * y.a }
    }
}

/// The derivative by central differences of solves. The step balances its truncation, `h^2`, with the tolerance of a solve over
/// `h`, so that differences are good to 1e-7 of functions and parameters of order 1.
fn differences<F, const NX: usize, const NY: usize, const NP: usize>(
    solver: &mut Solver<F, NX, NY, NP>,
    guess: SVector<f64, NY>,
    params: SVector<f64, NP>,
) -> SMatrix<f64, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let mut jacobian = SMatrix::<f64, NY, NP>::zeros();
    for j in 0..NP {
        let h = 1e-5 * params[j].abs().max(1e-3);
        let mut at = |sign: f64| {
            let mut moved = params;
            moved[j] += sign * h;
            let solution = solver.solve(guess, moved).expect("the input is finite");
            assert_eq!(solution.status, Status::Converged);
            solution.unknown
        };
        let change = at(1.0) - at(-1.0);
        jacobian.set_column(j, &(change / (2.0 * h)));
    }
    jacobian
}

/// Compares Jacobian, `jvp`, `vjp` and `hvp` with differences and with one another.
fn check_derivatives<F, const NX: usize, const NY: usize, const NP: usize>(
    function: F,
    guess: [f64; NY],
    params: [f64; NP],
) -> SVector<f64, NY>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let (guess, params) = (SVector::from(guess), SVector::from(params));
    let mut solver = Solver::new(function, Settings { tolerance: 1e-11, ..Settings::default() }).expect("in range");
    let solution = solver.solve(guess, params).expect("the input is finite");
    assert_eq!(solution.status, Status::Converged, "{:?}", solution);
    let jacobian = solver.jacobian(&solution).expect("a regular solution");
    let expected = differences(&mut solver, solution.unknown, params);
    let size = expected.amax();
    assert!((jacobian - expected).amax() <= 1e-6 * size, "{jacobian} {expected}");

    // These are the same linear solve, so they agree to rounding times the condition of the equations.
    let loss = SVector::<f64, NY>::from_fn(|i, _| 1.0 - 0.7 * i as f64);
    let direction = SVector::<f64, NP>::from_fn(|j, _| params[j] * (0.3 + 0.2 * j as f64));
    let gradient = solver.vjp(&solution, &loss).expect("a regular solution");
    assert!((gradient - jacobian.transpose() * loss).amax() <= 1e-9 * (1.0 + size));
    let tangent = solver.jvp(&solution, &direction).expect("a regular solution");
    assert!((tangent - jacobian * direction).amax() <= 1e-12 * (1.0 + tangent.amax()));

    // The loss `loss' y + 1/2 y' y`.
    let of = |solver: &mut Solver<F, NX, NY, NP>, scale: f64| {
        let solution = solver.solve(solution.unknown, params + direction * scale).expect("the input is finite");
        solver.vjp(&solution, &(loss + solution.unknown)).expect("a regular solution")
    };
    let h = 1e-5;
    let expected = (of(&mut solver, h) - of(&mut solver, -h)) / (2.0 * h);
    let product = solver
        .hvp(&solution, &(loss + solution.unknown), &direction, |change| *change)
        .expect("a regular solution")
        .params;
    assert!((product - expected).amax() <= 1e-5 * (1e-3 + expected.amax()), "{product} {expected}");

    let accepted = solver.accept(solution.unknown, params).expect("a solution");
    let again = solver.jacobian(&accepted).expect("a regular solution");
    assert!((again - jacobian).amax() <= 1e-12 * size);
    solution.unknown
}

#[test]
fn roots_have_their_analytic_derivative() {
    let mut solver = Solver::new(exponential::Exponential, Settings::default()).expect("in range");
    for a in [-20.0, 0.0, 1.0, 3.0, 500.0] {
        let solution = solver.solve([0.0], [a]).expect("finite");
        assert_eq!(solution.status, Status::Converged, "{a}");
        let y = solution.unknown[0];
        // The Newton step at a solution is at most 1e-9 of it, squared by the last one.
        assert!((y.exp() + y - a).abs() <= 1e-14 * (y.exp() + y.abs() + a.abs()), "{a}: {y}");
        let gradient = solver.vjp(&solution, &[1.0].into()).expect("regular");
        assert!((gradient[0] - 1.0 / (y.exp() + 1.0)).abs() <= 1e-14);
    }
}

#[test]
fn keplers_equation_is_solved_at_every_eccentricity() {
    let mut solver = Solver::new(kepler::Kepler, Settings::default()).expect("in range");
    for eccentricity in [0.0, 0.2, 0.9, 0.999] {
        for k in 0..40 {
            let mean = -3.1 + 0.155 * f64::from(k);
            let solution = solver.solve([mean], [mean, eccentricity]).expect("finite");
            assert_eq!(solution.status, Status::Converged, "{mean} {eccentricity}: {solution:?}");
            let y = solution.unknown[0];
            let slope = 1.0 - eccentricity * y.cos();
            // The equation's own rounding errors, over its slope.
            assert!((y - eccentricity * y.sin() - mean).abs() <= 1e-15 * 8.0);
            let gradient = solver.vjp(&solution, &[1.0].into()).expect("regular");
            assert!((gradient[0] - 1.0 / slope).abs() <= 1e-10 / slope);
            assert!((gradient[1] - y.sin() / slope).abs() <= 1e-10 / slope);
        }
    }
}

#[test]
fn derivatives_of_each_kind_agree_with_differences() {
    check_derivatives(kepler::Kepler, [1.0], [1.0, 0.3]);
    check_derivatives(crossing::Crossing, [1.0, 1.0], [2.0, 1.0]);
    check_derivatives(valley::Valley, [-1.2, 1.0], [0.8, 100.0, 0.3, 4.0]);
    check_derivatives(fit::Fit, [1.0, 0.0], [1.0, 1.2, 1.7, 2.1, 2.9]);
    check_derivatives(cosine::Cosine, [1.0, 1.0], [0.9, 0.4]);
    let cell = equilibrium::Cell::xavier(3);
    check_derivatives(equilibrium::Equilibrium::new(cell), [0.1, 0.1, 0.1], [0.5, -0.3]);
}

#[test]
fn units_of_unknowns_do_not_matter() {
    let mut solver = Solver::new(crossing::Crossing, Settings::default()).expect("in range");
    let expected = solver.solve([1.0, 1.0], [2.0, 1.0]).expect("finite");
    for exponent in [-40, -3, 17, 40] {
        let unit = 2.0_f64.powi(exponent);
        let solution = solver.solve([unit, unit], [2.0, unit]).expect("finite");
        // By powers of two every operation is the same.
        assert_eq!(solution.status, Status::Converged);
        assert_eq!(solution.unknown / unit, expected.unknown);
        assert_eq!(solution.stats.iterations, expected.stats.iterations);
    }
}

#[test]
fn an_unknown_may_be_zero() {
    // The circle of radius 1 and the exponential meet at (0, 1).
    let mut solver = Solver::new(crossing::Crossing, Settings::default()).expect("in range");
    for unit in [1e-6, 1.0, 1e9] {
        let solution = solver.solve([-0.05 * unit, 0.99 * unit], [1.0, unit]).expect("finite");
        assert_eq!(solution.status, Status::Converged, "{solution:?}");
        let jacobian = solver.jacobian(&solution).expect("regular");
        // In units: b db = r dr and db = da at a = 0, b = 1. The unknowns are these times the unit.
        let expected = SMatrix::<f64, 2, 2>::from_row_slice(&[unit, 0.0, unit, 1.0]);
        assert!((jacobian - expected).component_div(&SMatrix::from_row_slice(&[unit, 1.0, unit, 1.0])).amax() < 1e-9);
    }
}

#[test]
fn dependent_equations_have_no_derivative() {
    let mut solver = Solver::new(dependent::Dependent, Settings::default()).expect("in range");
    for p in [0.7, 1.0] {
        let solution = solver.solve([0.3, 0.4], [p, 0.0]).expect("finite");
        assert!(solver.vjp(&solution, &[1.0, 0.0].into()).is_err(), "{solution:?}");
        // The guess is no solution.
        assert!(solution.status != Status::Converged || solution.objective < 1e-20, "{solution:?}");
    }
    // Rows that are independent by 1e-6 have one: a = 10 p, b = 0, whatever the distance.
    let solution = solver.solve([0.3, 0.4], [1.0, 1e-6]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let gradient = solver.vjp(&solution, &[1.0, 0.0].into()).expect("regular");
    assert!((gradient[0] - 10.0).abs() < 1e-7, "{gradient}");
}

#[test]
fn units_of_an_unknown_leave_the_others_their_digits() {
    let mut solver = Solver::new(columns::Columns, Settings::default()).expect("in range");
    for h in [1e-20, 1.0, 1e20] {
        for e in [1e-3, 1e-11, 1e-15] {
            let solution = solver.solve([0.1, 0.2, 0.3 / h], [e, h, 0.5]).expect("finite");
            assert_eq!(solution.status, Status::Converged);
            let gradient = solver.vjp(&solution, &[1.0, 0.0, 0.0].into()).expect("regular");
            // da/dp = -1 / (1 - e), to the rounding of the last equation's terms.
            assert!((gradient[2] + 1.0 / (1.0 - e)).abs() < 1e-9, "{h} {e}: {gradient}");
        }
    }
}

#[test]
fn a_bound_that_holds_moves_the_unknown_with_it() {
    let mut solver = Solver::new(valley::Valley, Settings::default()).expect("in range");
    let params = [3.0, 10.0, 0.3, 1.5];
    let solution = solver.solve([0.0, 0.0], params).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    assert_eq!(solution.unknown[0], 1.5);
    // The slope at the bound: 2 (a - goal) + slope, with b = a^2.
    assert!((solution.bound_multipliers[0] - (2.0 * (1.5 - 3.0) + 0.3)).abs() < 1e-9);
    let jacobian = solver.jacobian(&solution).expect("regular");
    let expected = SMatrix::<f64, 2, 4>::from_row_slice(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 3.0]);
    assert!((jacobian - expected).amax() < 1e-9, "{jacobian}");
    check_derivatives(valley::Valley, [0.0, 0.0], params);

    // Neither active nor inactive: the free minimum is the bound.
    let solution = solver.solve([0.0, 0.0], [1.65, 10.0, 0.3, 1.5]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let refused = solver.vjp(&solution, &[1.0, 0.0].into());
    assert!(matches!(refused, Err(GradientError::WeaklyActive { .. })), "{refused:?}");
    // With a barrier in its place there is a derivative.
    let relaxed = Settings { relaxation: Some(1e-3), ..Settings::default() };
    let mut relaxed = Solver::new(valley::Valley, relaxed).expect("in range");
    let solution = relaxed.solve([0.0, 0.0], [1.65, 10.0, 0.3, 1.5]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let slope = 2.0 * (solution.unknown[0] - 1.65) + 0.3;
    // At b = a^2 the slope is that of the barrier, tau / (limit - a).
    assert!((slope + 1e-3 / (1.5 - solution.unknown[0])).abs() < 1e-9);
    let expected = relaxed.jacobian(&solution).expect("smooth");
    let accepted = relaxed.accept(solution.unknown, solution.params).expect("a solution");
    assert!((relaxed.jacobian(&accepted).expect("smooth") - expected).amax() <= 1e-6 * expected.amax());
}

#[test]
fn least_squares_have_both_hessians() {
    let data = [1.0, 1.3, 1.6, 2.1, 2.8];
    let solve = |hessian: Hessian| {
        let settings = Settings { hessian, ..Settings::default() };
        Solver::new(fit::Fit, settings).expect("in range").solve([1.0, 0.0], data).expect("finite")
    };
    let (exact, gauss_newton) = (solve(Hessian::Exact), solve(Hessian::GaussNewton));
    assert_eq!((exact.status, gauss_newton.status), (Status::Converged, Status::Converged));
    assert!((exact.unknown - gauss_newton.unknown).amax() < 1e-8);
    // The objective is half the sum of squares.
    let residuals =
        fit::residuals(fit::Unknown { scale: exact.unknown[0], rate: exact.unknown[1] }, fit::Params { data });
    let half: f64 = residuals.iter().map(|r| 0.5 * r * r).sum();
    assert!((exact.objective - half).abs() <= 1e-14);
    // A bound: data that fall below zero hold the scale at zero, and then the rate has no effect.
    let mut solver = Solver::new(fit::Fit, Settings::default()).expect("in range");
    let solution = solver.solve([1.0, 0.0], data.map(|value| -value)).expect("finite");
    assert!(solution.status != Status::Converged || solver.jacobian(&solution).is_err());
}

#[test]
fn anderson_and_newton_find_the_same_fixed_point() {
    let params = [0.9, 0.4];
    let newton = Solver::new(cosine::Cosine, Settings::default()).expect("in range").solve([1.0, 0.0], params);
    let newton = newton.expect("finite");
    assert!((newton.unknown[0] - (0.9 * newton.unknown[0]).cos()).abs() < 1e-15 * 4.0);
    for memory in [0, 1, 3, 10] {
        let settings = Settings { fixed_point: FixedPoint::Anderson { memory }, ..Settings::default() };
        let mut solver = Solver::new(cosine::Cosine, settings).expect("in range");
        let solution = solver.solve([1.0, 0.0], params).expect("finite");
        assert_eq!(solution.status, Status::Converged);
        assert!((solution.unknown - newton.unknown).amax() < 1e-12);
    }
    let settings = Settings { fixed_point: FixedPoint::Anderson { memory: 11 }, ..Settings::default() };
    assert!(Solver::new(cosine::Cosine, settings).is_err());
}

#[test]
fn weights_of_a_deep_equilibrium_have_gradients() {
    let input = [0.5, -0.3];
    let (guess, loss) = ([0.0; 3], SVector::from([1.0, -0.5, 0.25]));
    let settings = Settings { tolerance: 1e-12, ..Settings::default() };
    let function = equilibrium::Equilibrium::new(equilibrium::Cell::xavier(7));
    let mut solver = Solver::new(function, settings).expect("in range");
    let solution = solver.solve(guess, input).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let Gradient { params, weights, .. } = solver.gradient(&solution, &loss).expect("regular");
    assert_eq!(weights.len(), equilibrium::Cell::LEN);
    assert_eq!(weights, solver.vjp_weights(&solution, &loss).expect("regular"));
    assert_eq!(params, solver.vjp(&solution, &loss).expect("regular"));
    for k in (0..weights.len()).step_by(5) {
        let h = 1e-6;
        let mut at = |sign: f64| {
            solver.function_mut().cell_mut().weights_mut()[k] += sign * h;
            let value = solver.solve(guess, input).expect("finite").unknown.dot(&loss);
            solver.function_mut().cell_mut().weights_mut()[k] -= sign * h;
            value
        };
        let expected = (at(1.0) - at(-1.0)) / (2.0 * h);
        // Differences of a function of order 1 with a step of 1e-6.
        assert!((weights[k] - expected).abs() < 1e-8, "{k}: {} {expected}", weights[k]);
    }
    // With other weights it is no solution.
    solver.function_mut().cell_mut().weights_mut()[0] += 0.1;
    assert!(matches!(solver.vjp(&solution, &loss), Err(GradientError::NotConverged { .. })));
}

#[test]
fn what_is_no_solution_is_refused() {
    let mut solver = Solver::new(kepler::Kepler, Settings::default()).expect("in range");
    let solution = solver.solve([1.0], [1.0, 0.3]).expect("finite");
    let mut edited = solution.clone();
    edited.unknown[0] += 1e-3;
    assert!(matches!(solver.vjp(&edited, &[1.0].into()), Err(GradientError::NotConverged { .. })));
    assert!(matches!(solver.accept([1.2], [1.0, 0.3]), Err(GradientError::NotConverged { .. })));
    assert!(matches!(solver.accept([f64::NAN], [1.0, 0.3]), Err(GradientError::Input(InputError::NonFinite { .. }))));
    assert!(matches!(solver.solve([f64::NAN], [1.0, 0.3]), Err(SolveError::Input(InputError::NonFinite { .. }))));
    assert!(matches!(solver.solve([1.0], [f64::INFINITY, 0.3]), Err(SolveError::Input(InputError::NonFinite { .. }))));
    assert!(solver.vjp(&solution, &[f64::NAN].into()).is_err());
    // A parabolic orbit at its nearest point: the root is triple and has no derivative.
    let solution = solver.solve([0.1], [0.0, 1.0]).expect("finite");
    assert!(solution.status != Status::Converged || solver.vjp(&solution, &[1.0].into()).is_err(), "{solution:?}");

    let mut solver = Solver::new(valley::Valley, Settings::default()).expect("in range");
    // A stationary point that is no minimum.
    assert!(solver.accept([0.5, 0.0], [0.0, 1.0, 0.0, 4.0]).is_err());
    // Without curvature in the second unknown the objective has no strict minimum.
    let solution = solver.solve([0.5, 0.0], [0.0, 0.0, 0.0, 4.0]).expect("finite");
    assert!(solution.status != Status::Converged || solver.jacobian(&solution).is_err());
    // Without a lower end.
    let solution = solver.solve([0.5, 0.0], [0.0, -1.0, 0.0, 4.0]).expect("finite");
    assert_ne!(solution.status, Status::Converged);
}

#[test]
fn batches_are_bitwise_equal_to_one_by_one() {
    let params: Vec<SVector<f64, 4>> = (0..37).map(|k| [0.1 * f64::from(k) - 1.0, 20.0, 0.3, 1.5].into()).collect();
    let guesses = vec![SVector::from([-1.0, 1.0]); params.len()];
    let settings = Settings::default();
    let solved = batch::solve(&valley::Valley, &settings, &guesses, &params);
    let mut solver = Solver::new(valley::Valley, settings).expect("in range");
    let solutions: Vec<_> = solved.into_iter().map(|solution| solution.expect("finite")).collect();
    let losses = vec![SVector::from([1.0, 2.0]); params.len()];
    let gradients = batch::gradient(&valley::Valley, &settings, &solutions, &losses);
    for (k, solution) in solutions.iter().enumerate() {
        assert_eq!(*solution, solver.solve(guesses[k], params[k]).expect("finite"));
        assert_eq!(gradients[k], solver.gradient(solution, &losses[k]));
    }
    let short = batch::solve(&valley::Valley, &settings, &guesses, &params[1..]);
    assert!(short.iter().all(|entry| matches!(entry, Err(SolveError::Input(InputError::WrongLength { .. })))));
    assert!(batch::solve(&valley::Valley, &settings, &[], &[]).is_empty());
}
