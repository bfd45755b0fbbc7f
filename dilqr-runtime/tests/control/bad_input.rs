//! Whatever the numbers: a typed error or a status, never a panic and never a wrong number.

use crate::support::{Pendulum, Tracking, c};
use dilqr_runtime::Limits;
use dilqr_runtime::model::{Stage, Terminal, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Cause, GradientError, Hessian, Ilqr, Input, InputError, Model, ModelFunction, Problem, Scalar, Settings,
    SettingsError, Solution, SolveError, Status, batch,
};

const T: usize = 20;

fn pendulum() -> Ilqr<Pendulum, 2, 1, 3> {
    Ilqr::new(Pendulum, T, Settings::default()).unwrap()
}

fn refuse(problem: &Problem<2, 1, 3>, expected: &str) {
    let mut solver = pendulum();
    let error = solver.solve(problem).unwrap_err();
    assert_eq!(error.to_string(), expected);
    // The same through every door, and the solution of the caller is left alone.
    let mut solution = Solution::empty(T);
    solution.cost = 7.0;
    assert_eq!(solver.solve_into(problem, &mut solution).unwrap_err().to_string(), expected);
    assert_eq!(solution.cost, 7.0);
    let batch = batch::solve(&Pendulum, T, &Settings::default(), std::slice::from_ref(problem));
    assert_eq!(batch[0].as_ref().unwrap_err().to_string(), expected);
}

#[test]
fn numbers_that_are_not_finite() {
    let p = [10.0, 1.0, 1.0];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refuse(
            &Problem::new([0.1, bad], p, T),
            &format!("the initial state is {bad} at entry 1, expected a finite number"),
        );
        refuse(
            &Problem::new([0.1, 0.0], [10.0, 1.0, bad], T),
            &format!("the parameter vector is {bad} at entry 2, expected a finite number"),
        );
        let mut guess = [[0.0]; T];
        guess[7] = [bad];
        refuse(
            &Problem::new([0.1, 0.0], p, T).with_controls(&guess),
            &format!("the list of controls is {bad} at stage 7, entry 0, expected a finite number"),
        );
        // A policy at fault is told from a model at fault: the state was still finite.
        refuse(
            &Problem::new([0.1, 0.0], p, T).with_policy(&Pendulum, move |t, _| if t == 3 { [bad] } else { [0.0] }),
            &format!("the list of controls is {bad} at stage 3, entry 0, expected a finite number"),
        );
    }
}

#[test]
fn lengths() {
    let start = Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T);
    refuse(&start.clone().with_controls(&[[0.0]; T - 1]), "the list of controls has length 19, expected 20");
    refuse(&start.clone().with_controls::<[f64; 1]>(&[]), "the list of controls has length 0, expected 20");
    for horizon in [0, 1, T + 1, 1000] {
        refuse(
            &Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], horizon),
            &format!("the problem has horizon {horizon}, the solver was made for horizon 20"),
        );
    }
}

#[test]
fn stage_parameters() {
    let mut solver = Ilqr::new(Tracking, T, Settings::default()).unwrap();
    let start = || Problem::new([0.1, 0.0], [9.0, 0.1], T);
    assert_eq!(
        solver.solve(&start()),
        Err(SolveError::Input(InputError::WrongLength { input: Input::StageParams, given: 0, expected: T + 1 }))
    );
    assert_eq!(
        solver.solve(&start().with_stage_params(&[[0.0; 2]; T])),
        Err(SolveError::Input(InputError::WrongLength { input: Input::StageParams, given: T, expected: T + 1 }))
    );
    let mut bad = [[0.0; 2]; T + 1];
    bad[T][1] = f64::INFINITY;
    let error = solver.solve(&start().with_stage_params(&bad)).unwrap_err();
    let SolveError::Input(InputError::NonFinite { input: Input::StageParams, position, given }) = error else {
        panic!("{error}")
    };
    assert_eq!((position.stage, position.entry, given), (Some(T), 1, f64::INFINITY));
    let good = [[0.1; 2]; T + 1];
    let policy = |_: usize, x: &SVector<f64, 2>| [-x[0]];
    let solution = solver.solve(&start().with_stage_params(&good).with_policy(&Tracking, policy)).unwrap();
    assert_eq!(solution.status, Status::Converged);
    // The solve evaluates the policy, so the order of the builders is nothing to think of.
    assert_eq!(solver.solve(&start().with_policy(&Tracking, policy).with_stage_params(&good)).unwrap(), solution);
    let other = [[0.2; 2]; T + 1];
    let late = start().with_stage_params(&other).with_policy(&Tracking, policy).with_stage_params(&good);
    assert_eq!(solver.solve(&late).unwrap(), solution);
    // A policy without the stage parameters that its rollout reads.
    assert_eq!(
        solver.solve(&start().with_policy(&Tracking, policy)),
        Err(InputError::WrongLength { input: Input::StageParams, given: 0, expected: T + 1 }.into())
    );
}

/// A problem with a policy stays a value: its clones are equal to it, and threads may share it.
#[test]
fn policies_are_values() {
    let policy = |_: usize, x: &SVector<f64, 2>| [-8.0 * x[0] - 2.0 * x[1]];
    let start = || Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T).with_policy(&Pendulum, policy);
    let problem = start();
    assert_eq!(problem, problem.clone());
    assert_ne!(problem, start());
    assert!(problem.controls().is_none());
    let solution = pendulum().solve(&problem).unwrap();
    let elsewhere = std::thread::spawn(move || pendulum().solve(&problem).unwrap()).join().unwrap();
    assert_eq!(solution, elsewhere);
}

/// A warm start checks the solution that it was given.
#[test]
fn warm_starts() {
    let mut solver = pendulum();
    let start = || Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T);
    let solution = solver.solve(&start()).unwrap();
    let again = solver.solve(&start().with_warm_start(&Pendulum, &solution)).unwrap();
    assert_eq!((again.status, again.stats.iterations), (Status::Converged, 0));
    let mut edited = solution.clone();
    edited.gains.pop();
    refuse(&start().with_warm_start(&Pendulum, &edited), "the list of gains has length 19, expected 20");
    edited = solution.clone();
    edited.gains[4][1] = f64::NAN;
    refuse(
        &start().with_warm_start(&Pendulum, &edited),
        "the warm start is not finite: the list of gains is NaN at stage 4, entry 1",
    );
    refuse(
        &start().with_warm_start(&Pendulum, &Solution::empty(T)),
        "the warm start is not finite: the list of states is NaN at stage 0, entry 0",
    );
}

#[test]
fn settings_out_of_range() {
    type Edit = fn(&mut Settings, f64);
    let fields: [(&str, Edit, &[f64]); 9] = [
        ("tolerance", |s, v| s.tolerance = v, &[0.0, -1.0]),
        ("activity", |s, v| s.activity = v, &[-1e-9]),
        ("regularization.initial", |s, v| s.regularization.initial = v, &[-1.0]),
        ("regularization.minimum", |s, v| s.regularization.minimum = v, &[0.0, -1.0]),
        ("regularization.maximum", |s, v| s.regularization.maximum = v, &[0.0, 1e-7]),
        ("regularization.increase", |s, v| s.regularization.increase = v, &[1.0, 0.5]),
        ("regularization.decrease", |s, v| s.regularization.decrease = v, &[0.9, 0.0]),
        ("line_search.sufficient_decrease", |s, v| s.line_search.sufficient_decrease = v, &[0.0, 0.5]),
        ("line_search.backtracking_factor", |s, v| s.line_search.backtracking_factor = v, &[0.0, 1.0]),
    ];
    for (field, edit, values) in fields {
        for &value in values.iter().chain(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
            let mut settings = Settings::default();
            edit(&mut settings, value);
            let Err(SettingsError::OutOfRange { name, given, .. }) = Ilqr::new(Pendulum, T, settings).map(|_| ())
            else {
                panic!("{field} = {value} was accepted");
            };
            assert!(name == field && given.to_bits() == value.to_bits());
        }
    }
    let mut settings = Settings::default();
    settings.line_search.max_trials = 0;
    let error = Ilqr::new(Pendulum, T, settings).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "setting `line_search.max_trials` is 0, expected at least 1");
    assert_eq!(Ilqr::new(Pendulum, 0, Settings::default()).map(|_| ()), Err(SettingsError::EmptyHorizon));
    assert!(Settings::default().validate().is_ok());

    let problem = [Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T), Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T)];
    for result in batch::solve(&Pendulum, T, &settings, &problem) {
        assert!(matches!(result, Err(SolveError::Settings(SettingsError::OutOfRange { .. }))));
    }
}

/// A control between two of its parameters.
struct Limited;

impl Model<1, 1, 2> for Limited {
    const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 2>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 2>) -> S {
        u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 2>) -> S {
        x[0] * x[0]
    }
    fn bounds<S: Scalar>(&self, p: &SVector<S, 2>, lower: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        lower[0] = p[0].ln();
        upper[0] = p[1].ln();
    }
}

#[test]
fn bounds_that_are_no_interval() {
    let mut solver = Ilqr::new(Limited, T, Settings::default()).unwrap();
    let reversed = solver.solve(&Problem::new([0.0], [2.0, 1.0], T)).unwrap_err();
    assert!(
        matches!(reversed, SolveError::BoundsReversed { variable: Variable::ControlEntry(0), stage: None, lower, upper, .. } if lower > upper)
    );
    let undefined = solver.solve(&Problem::new([0.0], [-1.0, 1.0], T)).unwrap_err();
    assert!(
        matches!(undefined, SolveError::UndefinedBound { variable: Variable::ControlEntry(0), lower, .. } if lower.is_nan())
    );
    // Nothing below: the lower bound is minus infinity, which is an open side.
    assert!(solver.solve(&Problem::new([0.0], [0.0, 1.0], T)).is_ok());
    // Nothing above what is above everything.
    let empty = solver.solve(&Problem::new([0.0], [f64::MAX, 0.0], T)).unwrap_err();
    assert!(matches!(empty, SolveError::UndefinedBound { variable: Variable::ControlEntry(0), .. }), "{empty}");
    let results = batch::solve(&Limited, T, &Settings::default(), &[Problem::new([0.0], [2.0, 1.0], T)]);
    assert!(matches!(results.as_slice(), [Err(SolveError::BoundsReversed { .. })]));
}

/// Finite input on which the model's arithmetic leaves the finite numbers.
#[test]
fn a_model_that_divides_by_zero_diverges() {
    for params in [[10.0, 0.0, 1.0], [10.0, 1.0, 0.0], [10.0, 1e-320, 1.0], [1e308, 1.0, 1e-10]] {
        for hessian in [Hessian::Exact, Hessian::GaussNewton] {
            let settings = Settings { hessian, ..Settings::default() };
            let mut solver = Ilqr::new(Pendulum, T, settings).unwrap();
            let start = || Problem::new([0.1, 0.0], params, T);
            let policy = |_: usize, x: &SVector<f64, 2>| [-8.0 * x[0] - 2.0 * x[1]];
            for problem in [start(), start().with_controls(&[[1.0]; T]), start().with_policy(&Pendulum, policy)] {
                let solution = solver.solve(&problem).unwrap();
                assert_eq!(solution.status, Status::Diverged, "{params:?}");
                assert!(!solution.status.is_converged());
                let dynamics = matches!(
                    solution.cause,
                    Some(Cause::NonFinite { function: ModelFunction::Dynamics | ModelFunction::DynamicsJacobian, .. })
                );
                assert!(dynamics, "{params:?}: {:?}", solution.cause);
                assert!(solution.stats.stationarity.is_nan());
                assert!(solution.gains.iter().all(|gain| gain.iter().all(|k| k.is_nan())));
                assert_eq!(solution.gains.len(), T);
                let loss = dilqr_runtime::LossGradient::zeros(T);
                assert!(solver.vjp(&solution, &loss).is_err());
                assert!(solver.jacobian(&solution).is_err());
                assert!(solver.value_gradient(&solution).is_err());
            }
            // Nothing of it stays in the solver.
            let good = Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T);
            assert_eq!(solver.solve(&good).unwrap().status, Status::Converged);
        }
    }
}

/// `x+ = x + u`, and a cost with one bad spot: of `sqrt |x|` type at x = 0 (the value is finite, its derivatives are not),
/// or `1 / (1 - x)` (a pole that trial steps may hit), or growing faster than `f64`.
#[derive(Clone, Copy)]
struct Rough;

impl Model<1, 1, 1> for Rough {
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 1>) -> S {
        u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 1>) -> S {
        let one = c::<S>(1.0);
        // Finite on x < 1 only; the minimum is inside, but a full step from far away ends outside.
        let pole = -(one - x[0]).ln() - c::<S>(30.0) * x[0];
        let steep = (c::<S>(50.0) * x[0] * x[0]).exp();
        let choice = S::select(p[0].less(one), x[0].sqrt(), pole);
        S::select(p[0].less_equal(one), choice, steep)
    }
}

#[test]
fn only_a_trial_that_is_not_finite_shortens_the_step() {
    let mut solver = Ilqr::new(Rough, 2, Settings::default()).unwrap();
    let solve =
        |solver: &mut Ilqr<_, 1, 1, 1>, x0: f64, kind: f64| solver.solve(&Problem::new([x0], [kind], 2)).unwrap();
    // The derivative at the first trajectory is infinite: nothing to be done.
    let solution = solve(&mut solver, 0.0, 0.0);
    assert_eq!(solution.status, Status::Diverged);
    let at = |function| Some(Cause::NonFinite { function, stage: 2, entry: 0 });
    assert_eq!(solution.cause, at(ModelFunction::TerminalCostGradient));
    let message = "not finite: the gradient of the terminal cost at stage 2, entry 0";
    assert_eq!(solution.cause.map(|cause| cause.to_string()).as_deref(), Some(message));
    // The logarithm of a negative number is met on the way, not at the end.
    let solution = solve(&mut solver, -3.0, 1.0);
    assert_eq!((solution.status, solution.cause), (Status::Converged, None));
    assert!(solution.stats.line_search_steps > solution.stats.iterations);
    // Cost 1e195 to begin with, derivatives larger still.
    let solution = solve(&mut solver, 3.0, 2.0);
    assert_eq!(solution.status, Status::Converged);
    assert!(solution.states[2][0].abs() < 1.0);
    let solution = solve(&mut solver, 4.0, 2.0);
    assert_eq!((solution.status, solution.cause), (Status::Diverged, at(ModelFunction::TerminalCost)));
}

/// A solution that no solve has written says so, and has no gradient.
#[test]
fn an_empty_solution_is_unsolved() {
    let empty: Solution<2, 1, 3> = Solution::empty(T);
    assert_eq!((empty.status, empty.cause), (Status::Unsolved, None));
    assert!(!empty.status.is_converged() && empty.cost.is_nan());
    assert_eq!((Status::default(), Solution::<2, 1, 3>::default().horizon()), (Status::Unsolved, 0));
    let mut solver = pendulum();
    let error = solver.vjp(&empty, &dilqr_runtime::LossGradient::zeros(T)).unwrap_err();
    assert!(matches!(error, GradientError::NotConverged { status: Status::Unsolved, .. }), "{error}");
}

/// Seeded extremes: every entry of x0, p and the guess of any size and sign. No panic, no hang, and what is called
/// converged is finite.
#[test]
fn extreme_numbers() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    let mut rng = StdRng::seed_from_u64(21);
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let mut solver = Ilqr::new(Pendulum, T, settings).unwrap();
    let mut number = || {
        let exponent = rng.random_range(-320.0..308.0_f64) * f64::from(rng.random_range(0..3_u8)) / 2.0;
        let value = 10.0_f64.powf(exponent.clamp(-320.0, 308.0));
        if rng.random() { value } else { -value }
    };
    let mut seen = [0; 8];
    for _ in 0..1000 {
        let guess: Vec<[f64; 1]> = (0..T).map(|_| [number()]).collect();
        let problem = Problem::new([number(), number()], [number(), number(), number()], T).with_controls(&guess);
        let solution = solver.solve(&problem).unwrap();
        seen[solution.status as usize] += 1;
        assert_eq!(solution.cause.is_some(), solution.status == Status::Diverged);
        if solution.status == Status::Converged {
            assert!(solution.cost.is_finite() && solution.stats.step <= 1e-9);
            assert!(solution.states.iter().all(|x| x.iter().all(|v| v.is_finite())));
            assert!(solution.gains.iter().all(|k| k.iter().all(|v| v.is_finite())));
        }
    }
    // The draw covers more than one outcome.
    assert!(seen.iter().filter(|&&count| count > 0).count() >= 2, "{seen:?}");
}
