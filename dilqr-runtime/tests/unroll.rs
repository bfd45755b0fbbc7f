//! Differentiation through the steps of a solve: towards the implicit gradient, against differences of the same steps, and
//! against a series that is known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Differentiation, Gradient, GradientError, Hessian, Ilqr, InputError, Limits, LossGradient, Model, Problem, Scalar,
    Settings, Solution,
};
use support::{
    BoundedPendulum, Cart4, Cartpole, Lqr, Pendulum, Reference, Tracking, assert_close, c, relative_error, solve, tight,
};

fn unrolled(iterations: usize) -> Differentiation {
    Differentiation::Unrolled { iterations }
}

fn truncated(iterations: usize) -> Differentiation {
    Differentiation::Truncated { iterations }
}

/// Relative errors of the gradient in the parameters for each number of steps, by the given method.
fn errors<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    problem: &Problem<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
    methods: &[Differentiation],
) -> Vec<f64>
where
    M: Model<NX, NU, NP>,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let exact = solver.vjp(&solution, loss).unwrap();
    let errors: Vec<f64> = methods
        .iter()
        .map(|&method| {
            let gradient =
                solver.vjp_with(&solution, loss, method).unwrap_or_else(|error| panic!("{method:?}: {error}"));
            let by_params = relative_error(&[gradient.params], &[exact.params]);
            by_params.max(relative_error(&[gradient.initial_state], &[exact.initial_state]))
        })
        .collect();
    println!("{errors:?}");
    errors
}

/// Each error at most `ratio` times the one before it.
#[track_caller]
fn assert_falling(errors: &[f64], ratio: f64) {
    assert!(errors.windows(2).all(|pair| pair[1] <= ratio * pair[0]), "{errors:?}");
}

/// The rates are those of Gauss-Newton steps on the problems; the last errors are what the rates make of the first.
#[test]
fn steps_tend_to_the_implicit_gradient() {
    let reference = Reference::read("pendulum");
    let (problem, loss) = (reference.problem(), reference.loss());
    assert_falling(&errors(Pendulum, &problem, &loss, &[1, 3, 4].map(unrolled)), 1e-2);
    assert_falling(&errors(Pendulum, &problem, &loss, &[1, 2, 3].map(truncated)), 1e-2);

    let reference = Reference::read("cartpole");
    let (problem, loss) = (reference.problem(), reference.loss());
    assert_falling(&errors(Cartpole, &problem, &loss, &[1, 2, 4, 6, 8].map(unrolled)), 0.1);
    assert_falling(&errors(Cartpole, &problem, &loss, &[1, 3, 5, 7].map(truncated)), 0.1);
}

/// A guess near the solution: from the reference's own one, full Gauss-Newton steps run in a circle.
#[test]
fn steps_within_bounds() {
    let reference = Reference::read("pendulum_bounded");
    let loss = reference.loss();
    let problem = reference.problem::<2, 1, 3>();
    let mut solver = Ilqr::new(BoundedPendulum, reference.horizon, tight()).unwrap();
    let solution = solve(&mut solver, &problem);
    assert!(solution.controls.iter().any(|u| u[0].abs() == 2.0), "no torque at its bound");
    let warm = Problem::new(problem.x0().map(|x| x + 0.01), *problem.params(), reference.horizon);
    let Solution { states, controls, gains, .. } = solution.clone();
    let warm = warm.with_policy(&BoundedPendulum, move |t, x| {
        (controls[t] + gains[t] * (x - states[t])).map(|u| u.clamp(-2.0, 2.0))
    });
    assert_falling(&errors(BoundedPendulum, &warm, &loss, &[1, 2, 3].map(unrolled)), 0.1);
    assert_falling(&errors(BoundedPendulum, &problem, &loss, &[1, 2, 3].map(truncated)), 1e-2);

    for iterations in [2, 3, 4, 5] {
        let error = solver.vjp_with(&solution, &loss, unrolled(iterations)).unwrap_err();
        assert!(matches!(error, GradientError::NotContracting { distance, .. } if distance > 1.0), "{error}");
    }
}

/// The held-up pole, from a rollout under feedback: a horizon over which an open loop amplifies by 1e5 a second.
#[test]
fn steps_on_an_unstable_system() {
    let problem = Cart4::problem(40);
    let mut solver = Ilqr::new(Cart4, 40, tight()).unwrap();
    let solution = solve(&mut solver, &problem);
    let loss = Cart4::loss(&solution.states, &solution.controls);
    assert_falling(&errors(Cart4, &problem, &loss, &[4, 6, 8].map(unrolled)), 0.2);
    assert_falling(&errors(Cart4, &problem, &loss, &[4, 6, 8].map(truncated)), 0.2);
}

/// One step solves a linear-quadratic problem, from anywhere; and its linearization cannot move.
#[test]
fn one_step_is_exact_for_linear_dynamics() {
    let reference = Reference::read("lqr");
    let mut solver = Ilqr::new(Lqr, reference.horizon, tight()).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    let loss = reference.loss();
    let exact = solver.vjp(&solution, &loss).unwrap();
    for method in [unrolled(1), unrolled(2), truncated(1), truncated(2), Differentiation::FixedLinearization] {
        let gradient = solver.vjp_with(&solution, &loss, method).unwrap();
        // Sums over the horizon cancel two digits.
        assert_close("lqr", &[gradient.params], &[exact.params], 1e-11);
        assert_close("lqr", &[gradient.initial_state], &[exact.initial_state], 1e-11);
    }
}

/// Gauss-Newton steps alone: `iterations` of them, all at full length.
fn gauss_newton(max_iterations: usize) -> Settings {
    // A tolerance that no trajectory meets.
    Settings { hessian: Hessian::GaussNewton, max_iterations, tolerance: 1e-300, ..Settings::default() }
}

/// Moves initial state, parameters or stage parameters by a length.
type Move<const NX: usize, const NP: usize, const NS: usize> =
    dyn Fn(f64, &mut SVector<f64, NX>, &mut SVector<f64, NP>, &mut [SVector<f64, NS>]);

/// What is held constant at the start.
enum Held<const NX: usize, const NU: usize> {
    /// Controls.
    Controls(Vec<SVector<f64, NU>>),
    /// The Gauss-Newton feedback law about states and controls.
    Law(Vec<SVector<f64, NX>>, Vec<SVector<f64, NU>>),
}

/// The gradient of the solution's derivative through `iterations` steps against central differences of the forward solver,
/// limited to as many steps.
fn against_differences<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    loss: &LossGradient<NX, NU>,
    method: Differentiation,
    iterations: usize,
) where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(model, horizon, tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let given = solver.vjp_with(&solution, loss, method).unwrap();
    let Solution { initial_states, initial_controls, states, controls, .. } = solution.clone();
    let held = match method {
        Differentiation::Truncated { .. } => Held::Law(states, controls),
        _ if initial_states.is_empty() => Held::Controls(initial_controls),
        _ => Held::Law(initial_states, initial_controls),
    };
    let at = |x0, params, stages: &[SVector<f64, NS>]| Problem::new(x0, params, horizon).with_stage_params(stages);
    let gains = match &held {
        Held::Controls(_) => Vec::new(),
        Held::Law(_, controls) => {
            let start = at(solution.x0, solution.params, &solution.stage_params);
            let controls = controls.clone();
            let start = start.with_policy(&model, move |t, _| controls[t]);
            Ilqr::new(model, horizon, gauss_newton(0)).unwrap().solve(&start).unwrap().gains
        }
    };
    let mut steps = Ilqr::new(model, horizon, gauss_newton(iterations)).unwrap();
    let mut value = |x0, params, stages: &[SVector<f64, NS>]| {
        let start = at(x0, params, stages);
        let start = match &held {
            Held::Controls(controls) => start.with_controls(controls),
            Held::Law(states, controls) => {
                let (states, controls, gains) = (states.clone(), controls.clone(), gains.clone());
                start.with_policy(&model, move |t, x| controls[t] + gains[t] * (x - states[t]))
            }
        };
        let end = steps.solve(&start).unwrap();
        let counts = (end.stats.iterations, end.stats.line_search_steps, end.stats.regularizations);
        assert_eq!(counts, (iterations, iterations, 0), "a step was not a full Gauss-Newton step");
        let by_states: f64 = loss.states.iter().zip(&end.states).map(|(g, x)| g.dot(x)).sum();
        by_states + loss.controls.iter().zip(&end.controls).map(|(g, u)| g.dot(u)).sum::<f64>()
    };
    let h = 1e-5;
    let mut slope = |edit: &Move<NX, NP, NS>| {
        let mut side = |h| {
            let Solution { mut x0, mut params, mut stage_params, .. } = solution.clone();
            edit(h, &mut x0, &mut params, &mut stage_params);
            value(x0, params, &stage_params)
        };
        (8.0 * (side(h) - side(-h)) - (side(2.0 * h) - side(-2.0 * h))) / (12.0 * h)
    };
    let measured = Gradient::<NX, NP, NS> {
        params: SVector::from_fn(|i, _| slope(&move |h, _, p, _| p[i] += h)),
        initial_state: SVector::from_fn(|i, _| slope(&move |h, x0, _, _| x0[i] += h)),
        stage_params: (0..=horizon).map(|t| SVector::from_fn(|i, _| slope(&move |h, _, _, s| s[t][i] += h))).collect(),
    };
    // Fourth order: a step of 1e-5 leaves 1e-20 times the fifth derivative over the first (some 1e10 where a pole falls), and
    // rounding of 1e-10.
    let tolerance = 1e-8;
    assert_close("params", &[given.params], &[measured.params], tolerance);
    assert_close("initial state", &[given.initial_state], &[measured.initial_state], tolerance);
    if NS > 0 {
        assert_close("stage parameters", &given.stage_params, &measured.stage_params, tolerance);
    }
}

#[test]
fn unrolled_steps_against_differences_of_them() {
    let reference = Reference::read("pendulum");
    for iterations in [1, 3] {
        against_differences(Pendulum, &reference.problem(), &reference.loss(), unrolled(iterations), iterations);
    }
    let reference = Reference::read("cartpole");
    against_differences(Cartpole, &reference.problem(), &reference.loss(), unrolled(2), 2);

    let stages: Vec<[f64; 2]> =
        (0..=8).map(|t| [0.3 * (f64::from(t) * 0.4).sin(), 0.5 * (f64::from(t) * 0.7).cos()]).collect();
    let problem = Problem::new([0.5, -0.2], [9.0, 0.02], 8).with_stage_params(&stages);
    let mut loss = LossGradient::zeros(8);
    loss.states[5][1] = 0.7;
    loss.states[8][0] = 1.0;
    loss.controls[2][0] = -0.4;
    against_differences(Tracking, &problem, &loss, unrolled(1), 1);
    let problem = problem.with_policy(&Tracking, |_, x| [-8.0 * x[0] - 2.0 * x[1]]);
    against_differences(Tracking, &problem, &loss, unrolled(1), 1);
}

#[test]
fn truncated_steps_against_differences_of_them() {
    let reference = Reference::read("pendulum");
    against_differences(Pendulum, &reference.problem(), &reference.loss(), truncated(1), 1);
}

/// `x+ = x + u + a/2 u^2`, `l = 1/2 u^2`, `l_T = b x` over one stage: a Gauss-Newton step is `u <- -b (1 + a u)`, the minimum
/// `-b / (1 + a b)`; the steps contract by `-a b`.
#[derive(Clone, Copy)]
struct Curved;

impl Model<1, 1, 2> for Curved {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 1, 1, 2>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0] + c::<S>(0.5) * p[0] * u[0] * u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 2>) -> S {
        c::<S>(0.5) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 2>) -> S {
        p[1] * x[0]
    }
}

fn curved(a: f64, b: f64) -> (Ilqr<Curved, 1, 1, 2>, Solution<1, 1, 2>, LossGradient<1, 1>) {
    let mut solver = Ilqr::new(Curved, 1, tight()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [a, b], 1));
    assert!((solution.controls[0][0] + b / (1.0 + a * b)).abs() < 1e-12);
    let mut loss = LossGradient::zeros(1);
    loss.controls[0][0] = 1.0;
    (solver, solution, loss)
}

/// `n` steps from `u` and its derivatives, differentiated by hand.
fn series(a: f64, b: f64, mut u: f64, n: usize) -> SVector<f64, 2> {
    let [mut by_a, mut by_b] = [0.0, 0.0];
    for _ in 0..n {
        (by_a, by_b) = (-b * u - a * b * by_a, -(1.0 + a * u) - a * b * by_b);
        u = -b * (1.0 + a * u);
    }
    [by_a, by_b].into()
}

#[test]
fn a_series_that_is_known() {
    let (a, b) = (1.0, 0.5);
    let (mut solver, solution, loss) = curved(a, b);
    let exact = solver.vjp(&solution, &loss).unwrap().params;
    let closed: SVector<f64, 2> = [b * b / (1.0 + a * b).powi(2), -1.0 / (1.0 + a * b).powi(2)].into();
    assert!((exact - closed).amax() < 1e-11);
    for n in 0..8 {
        let given = solver.vjp_with(&solution, &loss, truncated(n)).unwrap().params;
        // The trajectory stays at the solution, which is good to 1e-12.
        assert!((given - series(a, b, -b / (1.0 + a * b), n)).amax() < 1e-11, "{n}: {given}");
        // The derivatives begin with two steps of the same length.
        match solver.vjp_with(&solution, &loss, unrolled(n)) {
            Ok(given) => assert!((given.params - series(a, b, 0.0, n)).amax() < 1e-14, "{n}: {given:?}"),
            Err(error) => {
                assert!([2, 3].contains(&n) && matches!(error, GradientError::NotContracting { .. }), "{n}: {error}");
            }
        }
    }
}

#[test]
fn steps_that_do_not_contract_are_reported() {
    let (mut solver, solution, loss) = curved(1.0, 2.0);
    assert!(solver.vjp(&solution, &loss).is_ok());
    // The minimum is -2/3, the first step leads from 0 to -2, the second to 2, the third to -6: twice as far each.
    assert_eq!(
        solver.vjp_with(&solution, &loss, unrolled(3)).unwrap_err().to_string(),
        "the unrolled steps do not contract: step 3 moved by 8e0, the step before it by 4e0, and ended \
         1.2444444444444445e1 from the solution"
    );
    let Err(GradientError::NotContracting { iteration: 1, previous, distance, .. }) =
        solver.vjp_with(&solution, &loss, unrolled(1))
    else {
        panic!("the first step leads away")
    };
    assert!(previous.is_nan() && (distance - 4.0 / 3.0).abs() < 1e-11);
    // From the solution the trajectory stays, but its derivative runs away.
    assert!(solver.vjp_with(&solution, &loss, truncated(1)).is_ok());
    let Err(GradientError::NotContracting { iteration: 4, step, previous, distance }) =
        solver.vjp_with(&solution, &loss, truncated(4))
    else {
        panic!("the series diverges")
    };
    assert!((step / previous - 2.0).abs() < 1e-9 && distance < 1e-9, "{step} {previous} {distance}");

    // A circle: neither away nor nearer.
    let (mut solver, solution, loss) = curved(1.0, 1.0);
    for n in 2..6 {
        let error = solver.vjp_with(&solution, &loss, unrolled(n)).unwrap_err();
        assert!(matches!(error, GradientError::NotContracting { .. }), "{n}: {error}");
    }
}

/// `l = 1/4 u^4 - 1/2 p u^2`: minima at `sqrt(p)` and `-sqrt(p)`, no Gauss-Newton step at 0.
#[derive(Clone, Copy)]
struct Wells;

impl Model<1, 1, 1> for Wells {
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 1>) -> S {
        let square = u[0] * u[0];
        c::<S>(0.25) * square * square - c::<S>(0.5) * p[0] * square
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 1>) -> S {
        S::zero()
    }
}

#[test]
fn what_the_solve_started_from_is_data() {
    let mut solver = Ilqr::new(Wells, 2, tight()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [4.0], 2).with_controls(&[[2.5]; 2]));
    assert!(solution.initial_states.is_empty() && solution.initial_controls == vec![SVector::from([2.5]); 2]);
    let mut loss = LossGradient::zeros(2);
    loss.controls[0][0] = 1.0;
    // du/dp = 1 / (2 sqrt(p)); these are Newton steps.
    let gradient = solver.vjp_with(&solution, &loss, unrolled(8)).unwrap();
    assert!((gradient.params[0] - 0.25).abs() < 1e-12);

    let edited = |controls: &[f64], states: &[f64]| {
        let mut edited = solution.clone();
        edited.initial_controls = controls.iter().map(|&u| [u].into()).collect();
        edited.initial_states = states.iter().map(|&x| [x].into()).collect();
        edited
    };
    let refused = |solver: &mut Ilqr<Wells, 1, 1, 1>, solution: &Solution<1, 1, 1>| {
        let error = solver.vjp_with(solution, &loss, unrolled(8)).unwrap_err();
        assert!(solver.vjp(solution, &loss).is_ok(), "the implicit gradient does not read it");
        error
    };
    // The other well.
    let error = refused(&mut solver, &edited(&[-2.5; 2], &[]));
    assert!(matches!(error, GradientError::NotContracting { iteration: 8, distance, .. } if distance > 3.9), "{error}");
    let error = refused(&mut solver, &edited(&[0.0; 2], &[]));
    assert!(matches!(error, GradientError::NotContracting { iteration: 1, step: f64::INFINITY, .. }), "{error}");
    let error = refused(&mut solver, &edited(&[f64::NAN; 2], &[]));
    assert!(matches!(error, GradientError::Input(InputError::NonFinite { .. })), "{error}");
    let error = refused(&mut solver, &edited(&[], &[]));
    assert_eq!(error.to_string(), "the list of controls has length 0, expected 2");
    let error = refused(&mut solver, &edited(&[2.5; 2], &[0.0]));
    assert_eq!(error.to_string(), "the list of initial states has length 1, expected 3");
    // A solve says what it started from: zeros where nothing was given, states too where it was a rollout.
    let problem = Problem::new([0.5], [4.0], 2).with_policy(&Wells, |_, x| [2.0 + x[0]]);
    let solution = solve(&mut solver, &problem);
    assert_eq!(solution.initial_controls, [[2.5], [5.0]].map(SVector::from));
    assert_eq!(solution.initial_states, [[0.5], [3.0], [8.0]].map(SVector::from));
}

/// `Curved` with a constraint that is never near.
#[derive(Clone, Copy)]
struct Fenced;

impl Model<1, 1, 2> for Fenced {
    const LIMITS: Limits = Limits { terminal_inequalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 1, 1, 2>, next: &mut SVector<S, 1>) {
        Curved.dynamics(Stage { x, u, p, s }, next);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 1, 1, 2>) -> S {
        Curved.stage_cost(Stage { x, u, p, s })
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 1, 2>) -> S {
        Curved.terminal_cost(Terminal { x, p, s })
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 2>, c: &mut [S]) {
        c[0] = x[0] - support::c(100.0);
    }
}

#[test]
fn a_solve_with_constraints_is_not_unrolled() {
    let mut solver = Ilqr::new(Fenced, 1, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [1.0, 0.5], 1));
    let loss = LossGradient::zeros(1);
    for method in [unrolled(1), truncated(1)] {
        assert_eq!(solver.vjp_with(&solution, &loss, method), Err(GradientError::UnrolledConstraints));
    }
}

/// A relaxed problem has a cost and no constraints. (At a weight of 1 the barrier bends the cost at `x = -1/4` by 1e-4.)
#[test]
fn a_relaxed_solve_is_unrolled() {
    let settings = Settings { relaxation: Some(1.0), ..tight() };
    let mut solver = Ilqr::new(Fenced, 1, settings).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [1.0, 0.5], 1));
    let mut loss = LossGradient::zeros(1);
    loss.controls[0][0] = 1.0;
    let exact = solver.vjp(&solution, &loss).unwrap().params;
    let without = series(1.0, 0.5, -1.0 / 3.0, 60);
    assert!((exact - without).amax() > 1e-4, "the barrier does nothing");
    for method in [unrolled(36), truncated(36)] {
        let gradient = solver.vjp_with(&solution, &loss, method).unwrap();
        // Half the error in every step, and one more such term for each: 36 / 2^36.
        assert_close("fenced", &[gradient.params], &[exact], 5e-9);
    }

    let reference = Reference::read("pendulum_bounded");
    let settings = Settings { relaxation: Some(0.1), ..tight() };
    let mut solver = Ilqr::new(BoundedPendulum, reference.horizon, settings).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    let loss = reference.loss();
    let exact = solver.vjp(&solution, &loss).unwrap();
    let errors = [1, 2, 3].map(|n| {
        let gradient = solver.vjp_with(&solution, &loss, truncated(n)).unwrap();
        relative_error(&[gradient.params], &[exact.params])
    });
    assert_falling(&errors, 0.1);
}
