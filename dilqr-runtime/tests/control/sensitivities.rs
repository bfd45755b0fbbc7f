//! Many derivatives of one factorization: each against its one-call form, on models with limits of every kind and without.

use crate::support::{self, BoundedPendulum, Pendulum, Rail, Reference, Tracking, rail, solve, tight};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Certificate, Differentiation, Direction, Gradient, GradientError, Ilqr, InputError, Jacobian, LossGradient, Model,
    Problem, Sensitivities, Settings, Solution, SolveError, Status,
};

/// Coefficients of a loss that depends on everything.
fn loss<const NX: usize, const NU: usize>(seed: usize, horizon: usize) -> LossGradient<NX, NU> {
    let entry = |i: usize| (1.0 + (seed + i) as f64 * 0.77).sin();
    LossGradient::new(
        (0..=horizon).map(|t| SVector::from_fn(|i, _| entry(7 * t + i))).collect(),
        (0..horizon).map(|t| SVector::from_fn(|i, _| entry(5 * t + i + 3))).collect(),
    )
}

fn losses<const NX: usize, const NU: usize>(horizon: usize) -> [LossGradient<NX, NU>; 3] {
    [1, 20, 300].map(|seed| loss(seed, horizon))
}

/// Moves parameters and initial state.
fn direction<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> Direction<NX, NP, NS> {
    Direction::new(solution.params).with_initial_state(SVector::repeat(1.0))
}

fn tracking() -> Problem<2, 1, 2, 2> {
    let stages: Vec<[f64; 2]> = (0..=12).map(|t| [0.3 * f64::from(t).sin(), 0.5 * f64::from(t).cos()]).collect();
    Problem::new([0.5, -0.2], [9.0, 0.02], 12).with_stage_params(&stages)
}

/// Derivatives of every kind: of some losses, of the trajectory, of the optimal cost, and a second derivative.
#[derive(Clone, Debug, PartialEq)]
struct Answers<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    gradients: [Gradient<NX, NP, NS>; 3],
    jacobian: Jacobian<NX, NU, NP>,
    stage_jacobian: Jacobian<NX, NU, NS>,
    value_gradient: Gradient<NX, NP, NS>,
    product: Gradient<NX, NP, NS>,
}

/// From one factorization, the methods called in one order and then in another.
fn shared<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    mut sensitivities: Sensitivities<'_, M, NX, NU, NP, NS>,
    solution: &Solution<NX, NU, NP, NS>,
) -> Answers<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = sensitivities.horizon();
    let losses = losses(horizon);
    let flat = |_: &[SVector<f64, NX>], _: &[SVector<f64, NU>]| LossGradient::zeros(horizon);
    let answers = Answers {
        gradients: losses.each_ref().map(|loss| sensitivities.vjp(loss).unwrap()),
        jacobian: sensitivities.jacobian().unwrap(),
        stage_jacobian: sensitivities.stage_jacobian(3).unwrap(),
        value_gradient: sensitivities.value_gradient().unwrap(),
        product: sensitivities.hvp(&losses[0], &direction(solution), flat).unwrap(),
    };
    let again = Answers {
        product: sensitivities.hvp(&losses[0], &direction(solution), flat).unwrap(),
        value_gradient: sensitivities.value_gradient().unwrap(),
        stage_jacobian: sensitivities.stage_jacobian(3).unwrap(),
        jacobian: sensitivities.jacobian().unwrap(),
        gradients: losses.each_ref().map(|loss| sensitivities.vjp(loss).unwrap()),
    };
    assert_eq!(again, answers, "a derivative depends on those before it");
    answers
}

/// From a factorization each.
fn one_call<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    solution: &Solution<NX, NU, NP, NS>,
) -> Answers<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = solver.horizon();
    let losses = losses(horizon);
    let flat = |_: &[SVector<f64, NX>], _: &[SVector<f64, NU>]| LossGradient::zeros(horizon);
    Answers {
        gradients: losses.each_ref().map(|loss| solver.vjp(solution, loss).unwrap()),
        jacobian: solver.jacobian(solution).unwrap(),
        stage_jacobian: solver.stage_jacobian(solution, 3).unwrap(),
        value_gradient: solver.value_gradient(solution).unwrap(),
        product: solver.hvp(solution, &losses[0], &direction(solution), flat).unwrap(),
    }
}

/// A certificate of a solution against the one that its solve left: the same limits, and numbers up to rounding of what
/// the Riccati recursion adds up, some digits of sixteen.
fn assert_same_certificate(given: &Certificate, expected: &Certificate) {
    let near = |given: f64, expected: f64| given == expected || (given - expected).abs() <= 1e-8 * expected.abs();
    assert!(near(given.smallest_eigenvalue, expected.smallest_eigenvalue), "{given:?} {expected:?}");
    assert!(near(given.condition, expected.condition), "{given:?} {expected:?}");
    assert!(near(given.margin, expected.margin), "{given:?} {expected:?}");
    assert_eq!(given.weakest, expected.weakest);
    assert_eq!((given.violation, given.violation_stage), (expected.violation, expected.violation_stage));
    assert_eq!(given.stationarity, expected.stationarity);
    // Both are rounding at these tolerances.
    assert!(given.step <= 1e-9 && expected.step <= 1e-9, "{given:?} {expected:?}");
    assert_eq!(given.active.len(), expected.active.len(), "{given:?} {expected:?}");
    for (given, expected) in given.active.iter().zip(&expected.active) {
        assert_eq!((given.stage, given.limit), (expected.stage, expected.limit));
        assert!(near(given.multiplier, expected.multiplier), "{given:?} {expected:?}");
    }
}

/// Returns the solution.
fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    settings: Settings,
) -> Solution<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut solver = Ilqr::new(model, problem.horizon(), settings).unwrap();
    let solution = solve(&mut solver, problem);
    let singles = one_call(&mut solver, &solution);
    let sensitivities = solver.differentiate(&solution).unwrap();
    let certificate = sensitivities.certificate();
    assert_eq!(shared(sensitivities, &solution), singles);
    assert_same_certificate(&certificate, &solution.certificate());

    let (again, sensitivities) = solver.solve_and_differentiate(problem).unwrap();
    assert_eq!(again, solution);
    let sensitivities = sensitivities.unwrap();
    assert_same_certificate(&sensitivities.certificate(), &solution.certificate());
    assert_eq!(shared(sensitivities, &solution), singles);
    // The solver is free again, and nothing is left in it.
    assert_eq!(solve(&mut solver, problem), solution);
    assert_eq!(one_call(&mut solver, &solution), singles);
    solution
}

#[test]
fn free() {
    check(Pendulum, &Reference::read("pendulum").problem(), tight());
    check(Tracking, &tracking(), tight());
}

#[test]
fn bounded() {
    let solution = check(BoundedPendulum, &Reference::read("pendulum_bounded").problem(), tight());
    assert!(!solution.certificate().active.is_empty());
}

#[test]
fn constrained() {
    let solution = check(Rail, &rail(), tight());
    // A bound, a limit of speed and the two terminal equalities at least.
    assert!(solution.certificate().active.len() >= 4);
}

#[test]
fn relaxed() {
    let settings = Settings { relaxation: Some(0.01), tolerance: 1e-11, ..Settings::default() };
    check(Rail, &rail(), settings);
    check(BoundedPendulum, &Reference::read("pendulum_bounded").problem(), settings);
}

#[test]
fn other_methods() {
    let reference = Reference::read("cartpole");
    let mut solver = Ilqr::new(support::Cartpole, reference.horizon, tight()).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    let loss = reference.loss();
    for method in [Differentiation::Implicit, Differentiation::FixedLinearization] {
        let single = solver.vjp_with(&solution, &loss, method).unwrap();
        assert_eq!(solver.differentiate_with(&solution, method).unwrap().vjp(&loss).unwrap(), single);
    }
}

/// What is refused changes nothing: the next call has its answer.
#[test]
fn input_that_is_refused() {
    let horizon = 12;
    let mut solver = Ilqr::new(Tracking, horizon, tight()).unwrap();
    let solution = solve(&mut solver, &tracking());
    let good = loss::<2, 1>(1, horizon);
    let expected = solver.vjp(&solution, &good).unwrap();
    let mut sensitivities = solver.differentiate(&solution).unwrap();
    let mut broken = good.clone();
    broken.states.pop();
    let error = sensitivities.vjp(&broken).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the states has length 12, expected 13");
    let mut broken = good.clone();
    broken.controls[4][0] = f64::NAN;
    let flat = |_: &[SVector<f64, 2>], _: &[SVector<f64, 1>]| LossGradient::zeros(horizon);
    for error in [
        sensitivities.vjp(&broken).unwrap_err(),
        sensitivities.hvp(&broken, &direction(&solution), flat).unwrap_err(),
        sensitivities.hvp(&good, &Direction::new([f64::NAN, 0.0]), flat).unwrap_err(),
    ] {
        assert!(matches!(error, GradientError::Input(InputError::NonFinite { .. })), "{error}");
    }
    let error = sensitivities.hvp(&good, &direction(&solution), |_, _| LossGradient::zeros(3)).unwrap_err();
    assert!(matches!(error, GradientError::Input(InputError::WrongLength { .. })), "{error}");
    let error = sensitivities.stage_jacobian(13).unwrap_err();
    assert!(matches!(error, GradientError::NoSuchStage { given: 13, horizon: 12 }), "{error}");
    assert_eq!(sensitivities.vjp(&good).unwrap(), expected);
}

#[test]
fn solutions_that_are_refused() {
    let horizon = 12;
    let settings = Settings { max_iterations: 1, ..Settings::default() };
    let mut solver = Ilqr::new(Tracking, horizon, settings).unwrap();
    let (early, refused) = solver.solve_and_differentiate(&tracking()).unwrap();
    assert_eq!(early.status, Status::IterationLimit);
    assert!(matches!(refused, Err(GradientError::NotConverged { status: Status::IterationLimit, .. })));
    assert!(solver.differentiate(&early).is_err());
    let longer = Problem::new([0.5, -0.2], [9.0, 0.02], horizon + 1);
    assert!(matches!(solver.solve_and_differentiate(&longer), Err(SolveError::Horizon { .. })));

    // An edited solution, also right after its own factorization.
    let mut solver = Ilqr::new(Tracking, horizon, Settings::default()).unwrap();
    let (mut edited, sensitivities) = solver.solve_and_differentiate(&tracking()).unwrap();
    assert!(sensitivities.is_ok());
    edited.states[4][0] += 1e-6;
    assert!(matches!(solver.differentiate(&edited), Err(GradientError::NotConverged { .. })));
    edited.states.pop();
    assert!(matches!(solver.differentiate(&edited), Err(GradientError::Input(InputError::WrongLength { .. }))));
}
