//! Derivatives of implicit functions by conjugate gradients, against those by a factorization.

use dilqr_runtime::implicit::{Gradient, ImplicitFunction, LinearSolver, Settings, Solution, Solver};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{GradientError, Status};

use crate::models::equilibrium;

/// A chain of springs to targets, above a floor.
#[dilqr_runtime::implicit]
pub mod springs {
    pub struct Unknown {
        #[bounds(p.floor, None)]
        pub y: [f64; 60],
    }
    pub struct Params {
        pub height: f64,
        pub stiffness: f64,
        pub quartic: f64,
        pub floor: f64,
        pub unit: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        let mut sum = 0.0;
        for i in 0..60 {
            let own = y.y[i] / p.unit;
            sum += (own - p.height * (0.3 * (i as f64)).sin()).powi(2) + p.quartic * own.powi(4);
            if i > 0 {
                sum += p.stiffness * (own - y.y[i - 1] / p.unit).powi(2);
            }
        }
        sum
    }
}

/// Advection on a line: equations whose Jacobian is not symmetric.
#[dilqr_runtime::implicit]
pub mod advection {
    pub struct Unknown {
        pub y: [f64; 60],
    }
    pub struct Params {
        pub speed: f64,
        pub source: f64,
        pub reaction: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 60] {
        let mut r = [0.0; 60];
        for i in 0..60 {
            r[i] = y.y[i] + p.reaction * y.y[i].powi(3) - p.source * (1.0 + 0.1 * (i as f64));
            if i > 0 {
                r[i] -= p.speed * y.y[i - 1];
            }
            if i < 59 {
                r[i] += 0.1 * p.speed * y.y[i + 1];
            }
        }
        r
    }
}

/// A least-squares fit whose weights are those of a network.
#[dilqr_runtime::implicit]
pub mod fit {
    pub struct Unknown {
        #[bounds(0.0, p.most)]
        pub scale: f64,
        pub rate: f64,
    }
    pub struct Params {
        pub data: [f64; 4],
        pub most: f64,
    }
    #[network(layers = [1, 3, 1], activation = tanh)]
    pub struct Weight;
    pub fn residuals(y: Unknown, p: Params, weight: &Weight) -> [f64; 4] {
        let mut r = [0.0; 4];
        for i in 0..4 {
            let t = (i as f64) / 3.0;
            let [w] = weight.evaluate([t]);
            r[i] = (2.0 + w) * (y.scale * (y.rate * t).exp() - p.data[i]);
        }
        r
    }
}

/// `(a^2 + b^2) / 2 + p a b`, a saddle for `p > 1`.
#[dilqr_runtime::implicit]
pub mod saddle {
    pub struct Unknown {
        #[bounds(p.low, None)]
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub p: f64,
        pub q: f64,
        pub low: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        0.5 * (y.a * y.a + y.b * y.b) + p.p * y.a * y.b - p.q * y.a
    }
}

fn solver<F, const NX: usize, const NY: usize, const NP: usize>(
    function: F,
    linear_solver: LinearSolver,
) -> Solver<F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    Solver::new(function, Settings { linear_solver, ..Settings::default() }).expect("in range")
}

/// The largest difference of two gradients, over the largest entry.
fn difference<const NP: usize>(a: &Gradient<NP>, b: &Gradient<NP>) -> f64 {
    let entries =
        |gradient: &Gradient<NP>| -> Vec<f64> { gradient.params.iter().chain(&gradient.weights).copied().collect() };
    let (a, b) = (entries(a), entries(b));
    let size = a.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
    a.iter().zip(&b).fold(0.0, |largest: f64, (a, b)| largest.max((a - b).abs())) / size
}

/// Compares gradient and `jvp`. The matrices have a condition of at most 1e3, and the residual is 1e-12 of the right-hand side.
fn check<F, const NX: usize, const NY: usize, const NP: usize>(
    function: F,
    guess: [f64; NY],
    params: [f64; NP],
) -> Solution<NY, NP>
where
    F: ImplicitFunction<NX, NY, NP> + Clone,
{
    let mut dense = solver(function.clone(), LinearSolver::Dense);
    let mut iterative = solver(function.clone(), LinearSolver::ConjugateGradients { tolerance: 1e-12 });
    let solution = dense.solve(guess, params).expect("finite");
    assert_eq!(solution.status, Status::Converged, "{solution:?}");
    let loss = SVector::from_fn(|i, _| (1.7 * i as f64).cos());
    let expected = dense.gradient(&solution, &loss).expect("regular");
    let gradient = iterative.gradient(&solution, &loss).expect("regular");
    assert!(difference(&expected, &gradient) <= 1e-9, "{expected:?} {gradient:?}");
    let direction = SVector::from_fn(|j, _| params[j] * (1.0 - 0.3 * j as f64));
    let expected = dense.jvp(&solution, &direction).expect("regular");
    let tangent = iterative.jvp(&solution, &direction).expect("regular");
    assert!((tangent - expected).amax() <= 1e-9 * expected.amax(), "{tangent} {expected}");

    // With a large tolerance the gradient is another one: the iteration was not replaced by the factorization.
    let mut rough = solver(function, LinearSolver::ConjugateGradients { tolerance: 1e-4 });
    let gradient = rough.gradient(&solution, &loss).expect("regular");
    let exact = dense.gradient(&solution, &loss).expect("regular");
    let error = difference(&exact, &gradient);
    if NY > 10 {
        assert!(error > 1e-9 && error < 0.3, "{error}");
    }
    solution
}

#[test]
fn conjugate_gradients_and_factorizations_agree() {
    for unit in [1.0, 1e-12, 1e12] {
        // Without a bound that holds, and with some.
        check(springs::Springs, [0.1 * unit; 60], [1.0, 3.0, 0.2, -5.0 * unit, unit]);
        let solution = check(springs::Springs, [0.1 * unit; 60], [1.0, 3.0, 0.2, -0.2 * unit, unit]);
        let held = solution.bound_multipliers.iter().filter(|multiplier| **multiplier > 0.0).count();
        assert!(held > 5 && held < 40, "{held}");
    }
    check(advection::Advection, [0.1; 60], [0.8, 0.5, 0.3]);
    check(equilibrium::Equilibrium::new(equilibrium::Cell::xavier(3)), [0.1; 3], [0.5, -0.3]);
    check(fit::Fit::new(fit::Weight::xavier(2)), [1.0, 0.0], [1.0, 1.4, 1.7, 2.6, 4.0]);
    check(fit::Fit::new(fit::Weight::xavier(2)), [0.5, 0.0], [1.0, 1.4, 1.7, 2.6, 0.7]);
}

#[test]
fn the_default_factorizes_small_matrices() {
    let mut dense = solver(springs::Springs, LinearSolver::Dense);
    let mut default = solver(springs::Springs, LinearSolver::default());
    let solution = dense.solve([0.1; 60], [1.0, 3.0, 0.2, -0.2, 1.0]).expect("finite");
    let loss = SVector::from_fn(|i, _| (1.7 * i as f64).cos());
    assert_eq!(default.gradient(&solution, &loss), dense.gradient(&solution, &loss));
}

#[test]
fn refusals_are_those_of_a_factorization() {
    let iterate = LinearSolver::ConjugateGradients { tolerance: 1e-12 };
    let (mut dense, mut iterative) = (solver(saddle::Saddle, LinearSolver::Dense), solver(saddle::Saddle, iterate));
    let loss = SVector::from([1.0, 0.3]);
    // A saddle: stationary, with a positive diagonal of the Hessian.
    let mut solution = dense.solve([0.0, 0.0], [0.5, 0.0, -9.0]).expect("finite");
    assert!(iterative.vjp(&solution, &loss).is_ok());
    for p in [1.001, 2.0, -30.0] {
        solution.params[0] = p;
        assert_eq!(iterative.vjp(&solution, &loss), Err(GradientError::NotStrictMinimum));
        assert_eq!(dense.vjp(&solution, &loss), Err(GradientError::NotStrictMinimum));
        assert_eq!(iterative.jvp(&solution, &[0.0, 1.0, 0.0].into()), Err(GradientError::NotStrictMinimum));
    }
    // A flat direction, to rounding.
    solution.params[0] = 1.0;
    assert_eq!(iterative.vjp(&solution, &loss), dense.vjp(&solution, &loss));
    assert!(dense.vjp(&solution, &loss).is_err());
    // At a bound without a multiplier.
    let solution = dense.solve([0.1, 0.0], [0.5, 0.0, 0.0]).expect("finite");
    assert!(matches!(iterative.vjp(&solution, &loss), Err(GradientError::WeaklyActive { .. })));
    // A bound that holds, and the same with the solution moved away from it or beyond.
    let solution = dense.solve([1.0, 0.0], [0.5, 0.0, 0.25]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let expected = dense.vjp(&solution, &loss).expect("strictly active");
    assert!((iterative.vjp(&solution, &loss).expect("strictly active") - expected).amax() < 1e-12);
    for unknown in [0.26, 0.24] {
        let mut edited = solution.clone();
        edited.unknown[0] = unknown;
        assert!(matches!(iterative.vjp(&edited, &loss), Err(GradientError::NotConverged { .. })));
    }

    for tolerance in [0.0, 1.0, -1e-3, f64::NAN] {
        let settings =
            Settings { linear_solver: LinearSolver::ConjugateGradients { tolerance }, ..Settings::default() };
        let refused = Solver::new(saddle::Saddle, settings).map(|_| ()).expect_err("out of range").to_string();
        assert!(refused.starts_with("setting `linear_solver.tolerance` is"), "{refused}");
    }
}
