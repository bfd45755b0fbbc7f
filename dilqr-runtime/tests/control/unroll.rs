//! Differentiation through the steps of a solve: towards the implicit gradient, against differences of the same steps, and
//! against a series that is known.

use crate::support::{
    self, BoundedPendulum, Cart4, Cartpole, Lqr, Pendulum, Reference, Tracking, assert_close, c, relative_error, solve,
    tight,
};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Differentiation, Gradient, GradientError, Hessian, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings,
    Solution, Status,
};

/// The steps that are differentiated, and their number.
#[derive(Clone, Copy, Debug)]
enum Steps {
    /// From the guess of the problem.
    Unrolled(usize),
    /// From the solution.
    Truncated(usize),
}
use Steps::{Truncated, Unrolled};

/// The gradient through the given steps.
fn through<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    problem: &Problem<NX, NU, NP, NS>,
    loss: &LossGradient<NX, NU>,
    steps: Steps,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    match steps {
        Unrolled(iterations) => solver.unrolled(problem, loss, iterations),
        Truncated(iterations) => solver.truncated(problem, loss, iterations),
    }
}

/// Relative errors of the gradient in parameters and initial state, for each of the given steps.
fn errors<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    problem: &Problem<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
    steps: &[Steps],
) -> Vec<f64>
where
    M: Model<NX, NU, NP>,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let exact = solver.vjp(&solution, loss).unwrap();
    let errors: Vec<f64> = steps
        .iter()
        .map(|&steps| {
            let gradient =
                through(&mut solver, problem, loss, steps).unwrap_or_else(|error| panic!("{steps:?}: {error}"));
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
    assert_falling(&errors(Pendulum, &problem, &loss, &[1, 3, 4].map(Unrolled)), 1e-2);
    assert_falling(&errors(Pendulum, &problem, &loss, &[1, 2, 3].map(Truncated)), 1e-2);

    let reference = Reference::read("cartpole");
    let (problem, loss) = (reference.problem(), reference.loss());
    assert_falling(&errors(Cartpole, &problem, &loss, &[1, 2, 4, 6, 8].map(Unrolled)), 0.1);
    assert_falling(&errors(Cartpole, &problem, &loss, &[1, 3, 5, 7].map(Truncated)), 0.1);
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
    assert_falling(&errors(BoundedPendulum, &warm, &loss, &[1, 2, 3].map(Unrolled)), 0.1);
    assert_falling(&errors(BoundedPendulum, &problem, &loss, &[1, 2, 3].map(Truncated)), 1e-2);

    for iterations in [2, 3, 4, 5] {
        let error = solver.unrolled(&problem, &loss, iterations).unwrap_err();
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
    assert_falling(&errors(Cart4, &problem, &loss, &[4, 6, 8].map(Unrolled)), 0.2);
    assert_falling(&errors(Cart4, &problem, &loss, &[4, 6, 8].map(Truncated)), 0.2);
}

/// One step solves a linear-quadratic problem, from anywhere; and its linearization cannot move.
#[test]
fn one_step_is_exact_for_linear_dynamics() {
    let reference = Reference::read("lqr");
    let mut solver = Ilqr::new(Lqr, reference.horizon, tight()).unwrap();
    let problem = reference.problem();
    let solution = solve(&mut solver, &problem);
    let loss = reference.loss();
    let exact = solver.vjp(&solution, &loss).unwrap();
    let fixed = solver.vjp_with(&solution, &loss, Differentiation::FixedLinearization).unwrap();
    let steps = [Unrolled(1), Unrolled(2), Truncated(1), Truncated(2)];
    let steps = steps.map(|steps| through(&mut solver, &problem, &loss, steps).unwrap());
    for gradient in steps.iter().chain([&fixed]) {
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

/// What the guess of a problem is: controls, or a rollout under a feedback law.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Given {
    Controls,
    Policy,
}

/// The gradient through the given steps against central differences of the forward solver, limited to as many steps.
fn against_differences<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    (problem, guess): (&Problem<NX, NU, NP, NS>, Given),
    loss: &LossGradient<NX, NU>,
    taken: Steps,
) where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(model, horizon, tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let given = through(&mut solver, problem, loss, taken).unwrap();
    // A solve of no steps returns the trajectory that it started from.
    let start = Ilqr::new(model, horizon, gauss_newton(0)).unwrap().solve(problem).unwrap();
    let (held, iterations) = match (taken, guess) {
        (Truncated(iterations), _) => (Held::Law(solution.states.clone(), solution.controls.clone()), iterations),
        (Unrolled(iterations), Given::Controls) => (Held::Controls(start.controls), iterations),
        (Unrolled(iterations), Given::Policy) => (Held::Law(start.states, start.controls), iterations),
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
        weights: Vec::new(),
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
        let guess = (&reference.problem(), Given::Controls);
        against_differences(Pendulum, guess, &reference.loss(), Unrolled(iterations));
    }
    let reference = Reference::read("cartpole");
    against_differences(Cartpole, (&reference.problem(), Given::Controls), &reference.loss(), Unrolled(2));

    let stages: Vec<[f64; 2]> =
        (0..=8).map(|t| [0.3 * (f64::from(t) * 0.4).sin(), 0.5 * (f64::from(t) * 0.7).cos()]).collect();
    let problem = Problem::new([0.5, -0.2], [9.0, 0.02], 8).with_stage_params(&stages);
    let mut loss = LossGradient::zeros(8);
    loss.states[5][1] = 0.7;
    loss.states[8][0] = 1.0;
    loss.controls[2][0] = -0.4;
    against_differences(Tracking, (&problem, Given::Controls), &loss, Unrolled(1));
    let problem = problem.with_policy(&Tracking, |_, x| [-8.0 * x[0] - 2.0 * x[1]]);
    against_differences(Tracking, (&problem, Given::Policy), &loss, Unrolled(1));
}

#[test]
fn truncated_steps_against_differences_of_them() {
    let reference = Reference::read("pendulum");
    against_differences(Pendulum, (&reference.problem(), Given::Controls), &reference.loss(), Truncated(1));
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

/// A solver, its problem, the gradient by the parameters of the loss `u`, and that loss.
type CurvedCase = (Ilqr<Curved, 1, 1, 2>, Problem<1, 1, 2>, SVector<f64, 2>, LossGradient<1, 1>);

fn curved(a: f64, b: f64) -> CurvedCase {
    let mut solver = Ilqr::new(Curved, 1, tight()).unwrap();
    let problem = Problem::new([0.0], [a, b], 1);
    let solution = solve(&mut solver, &problem);
    assert!((solution.controls[0][0] + b / (1.0 + a * b)).abs() < 1e-12);
    let mut loss = LossGradient::zeros(1);
    loss.controls[0][0] = 1.0;
    let exact = solver.vjp(&solution, &loss).unwrap().params;
    (solver, problem, exact, loss)
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
    let (mut solver, problem, exact, loss) = curved(a, b);
    let closed: SVector<f64, 2> = [b * b / (1.0 + a * b).powi(2), -1.0 / (1.0 + a * b).powi(2)].into();
    assert!((exact - closed).amax() < 1e-11);
    for n in 0..8 {
        let given = solver.truncated(&problem, &loss, n).unwrap().params;
        // The trajectory stays at the solution, which is good to 1e-12.
        assert!((given - series(a, b, -b / (1.0 + a * b), n)).amax() < 1e-11, "{n}: {given}");
        // The derivatives begin with two steps of the same length.
        match solver.unrolled(&problem, &loss, n) {
            Ok(given) => assert!((given.params - series(a, b, 0.0, n)).amax() < 1e-14, "{n}: {given:?}"),
            Err(error) => {
                assert!([2, 3].contains(&n) && matches!(error, GradientError::NotContracting { .. }), "{n}: {error}");
            }
        }
    }
}

#[test]
fn steps_that_do_not_contract_are_reported() {
    let (mut solver, problem, _, loss) = curved(1.0, 2.0);
    // The minimum is -2/3, the first step leads from 0 to -2, the second to 2, the third to -6: twice as far each.
    assert_eq!(
        solver.unrolled(&problem, &loss, 3).unwrap_err().to_string(),
        "the unrolled steps do not contract: step 3 moved by 8e0, the step before it by 4e0, and ended \
         1.2444444444444445e1 from the solution"
    );
    let Err(GradientError::NotContracting { iteration: 1, previous, distance, .. }) =
        solver.unrolled(&problem, &loss, 1)
    else {
        panic!("the first step leads away")
    };
    assert!(previous.is_nan() && (distance - 4.0 / 3.0).abs() < 1e-11);
    // From the solution the trajectory stays, but its derivative runs away.
    assert!(solver.truncated(&problem, &loss, 1).is_ok());
    let Err(GradientError::NotContracting { iteration: 4, step, previous, distance }) =
        solver.truncated(&problem, &loss, 4)
    else {
        panic!("the series diverges")
    };
    assert!((step / previous - 2.0).abs() < 1e-9 && distance < 1e-9, "{step} {previous} {distance}");

    // A circle: neither away nor nearer.
    let (mut solver, problem, _, loss) = curved(1.0, 1.0);
    for n in 2..6 {
        let error = solver.unrolled(&problem, &loss, n).unwrap_err();
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
fn steps_start_from_the_guess_of_the_problem() {
    let mut solver = Ilqr::new(Wells, 2, tight()).unwrap();
    let from = |u: f64| Problem::new([0.0], [4.0], 2).with_controls(&[[u]; 2]);
    let mut loss = LossGradient::zeros(2);
    loss.controls[0][0] = 1.0;
    // du/dp = 1 / (2 sqrt(p)) in one well, its negative in the other; these are Newton steps.
    for (guess, expected) in [(2.5, 0.25), (-2.5, -0.25)] {
        let gradient = solver.unrolled(&from(guess), &loss, 8).unwrap();
        assert!((gradient.params[0] - expected).abs() < 1e-12, "{gradient:?}");
        // No step from the guess: that is a constant.
        assert_eq!(solver.unrolled(&from(guess), &loss, 0).unwrap().params[0], 0.0);
    }
    // A rollout under a feedback law: `u_1` follows the state, and the state follows `u_0`.
    let problem = Problem::new([0.5], [4.0], 2).with_policy(&Wells, |_, x| [2.0 + x[0]]);
    let gradient = solver.unrolled(&problem, &loss, 10).unwrap();
    assert!((gradient.params[0] - 0.25).abs() < 1e-12, "{gradient:?}");
}

#[test]
fn problems_that_have_no_solution_have_no_steps() {
    let mut solver = Ilqr::new(Wells, 2, tight()).unwrap();
    let from = |u: &[[f64; 1]]| Problem::new([0.0], [4.0], 2).with_controls(u);
    let loss = LossGradient::zeros(2);
    for steps in [Unrolled(8), Truncated(8)] {
        // A maximum is not left, and is no solution.
        let error = through(&mut solver, &from(&[[0.0]; 2]), &loss, steps).unwrap_err();
        assert!(matches!(error, GradientError::NotConverged { status: Status::RegularizationLimit, .. }), "{error}");
        let error = through(&mut solver, &from(&[[f64::NAN]; 2]), &loss, steps).unwrap_err();
        assert_eq!(error.to_string(), "the list of controls is NaN at stage 0, entry 0, expected a finite number");
        let error = through(&mut solver, &from(&[]), &loss, steps).unwrap_err();
        assert_eq!(error.to_string(), "the list of controls has length 0, expected 2");
        let error = through(&mut solver, &from(&[[2.5]; 2]), &LossGradient::zeros(3), steps).unwrap_err();
        assert_eq!(error.to_string(), "the loss gradient in the states has length 4, expected 3");
    }
    // Between the wells the Hessian is indefinite: the solve regularizes it, a Gauss-Newton step does not.
    let error = solver.unrolled(&from(&[[0.5]; 2]), &loss, 8).unwrap_err();
    assert!(matches!(error, GradientError::NotContracting { iteration: 1, step: f64::INFINITY, .. }), "{error}");
    // From the solution there is one.
    assert!(solver.truncated(&from(&[[0.5]; 2]), &loss, 8).is_ok());
}

/// `l = p/2 u^2 - cos(u)`: a minimum at 0 and others near the multiples of 2 pi.
#[derive(Clone, Copy)]
struct Waves;

impl Model<1, 1, 1> for Waves {
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 1>) -> S {
        c::<S>(0.5) * p[0] * u[0] * u[0] - u[0].cos()
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 1>) -> S {
        S::zero()
    }
}

/// Full steps from where the cost is nearly flat settle in the next minimum; the line search of the solve does not.
#[test]
fn steps_that_settle_elsewhere_are_reported() {
    let mut solver = Ilqr::new(Waves, 1, tight()).unwrap();
    let problem = Problem::new([0.0], [0.12], 1).with_controls(&[[1.504]]);
    let solution = solve(&mut solver, &problem);
    assert!(solution.controls[0][0].abs() < 1e-9);
    let error = solver.unrolled(&problem, &LossGradient::zeros(1), 20).unwrap_err();
    assert!(
        matches!(error, GradientError::NotContracting { iteration: 20, distance, .. } if distance > 5.5),
        "{error}"
    );
}

/// `Curved` with an upper bound, the third parameter.
#[derive(Clone, Copy)]
struct Capped;

impl Model<1, 1, 3> for Capped {
    const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 1, 1, 3>, next: &mut SVector<S, 1>) {
        Curved.dynamics(Stage { x, u, p: &[p[0], p[1]].into(), s }, next);
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 3>) -> S {
        c::<S>(0.5) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 3>) -> S {
        p[1] * x[0]
    }
    fn bounds<S: Scalar>(&self, p: &SVector<S, 3>, _: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        upper[0] = p[2];
    }
}

/// The guess is beyond the bound, so the steps start from the bound, which is data.
#[test]
fn a_guess_beyond_its_bound_moves_with_the_bound() {
    let (a, b, bound) = (1.0, 0.5, 0.2);
    let mut solver = Ilqr::new(Capped, 1, tight()).unwrap();
    let mut loss = LossGradient::zeros(1);
    loss.controls[0][0] = 1.0;
    for guess in [5.0, 1.0] {
        let problem = Problem::new([0.0], [a, b, bound], 1).with_controls(&[[guess]]);
        let start = solver.unrolled(&problem, &loss, 0).unwrap().params;
        assert_eq!(start, SVector::from([0.0, 0.0, 1.0]));
        // One step is `-b (1 + a u)`.
        let step = solver.unrolled(&problem, &loss, 1).unwrap().params;
        assert!((step - SVector::from([-b * bound, -(1.0 + a * bound), -a * b])).amax() < 1e-14, "{step}");
    }
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
    let problem = Problem::new([0.0], [1.0, 0.5], 1);
    let loss = LossGradient::zeros(1);
    for steps in [Unrolled(1), Truncated(1)] {
        assert_eq!(through(&mut solver, &problem, &loss, steps), Err(GradientError::UnrolledConstraints));
    }
}

/// A relaxed problem has a cost and no constraints. (At a weight of 1 the barrier bends the cost at `x = -1/4` by 1e-4.)
#[test]
fn a_relaxed_solve_is_unrolled() {
    let settings = Settings { relaxation: Some(1.0), ..tight() };
    let mut solver = Ilqr::new(Fenced, 1, settings).unwrap();
    let problem = Problem::new([0.0], [1.0, 0.5], 1);
    let solution = solve(&mut solver, &problem);
    let mut loss = LossGradient::zeros(1);
    loss.controls[0][0] = 1.0;
    let exact = solver.vjp(&solution, &loss).unwrap().params;
    let without = series(1.0, 0.5, -1.0 / 3.0, 60);
    assert!((exact - without).amax() > 1e-4, "the barrier does nothing");
    for steps in [Unrolled(36), Truncated(36)] {
        let gradient = through(&mut solver, &problem, &loss, steps).unwrap();
        // Half the error in every step, and one more such term for each: 36 / 2^36.
        assert_close("fenced", &[gradient.params], &[exact], 5e-9);
    }

    let reference = Reference::read("pendulum_bounded");
    let settings = Settings { relaxation: Some(0.1), ..tight() };
    let mut solver = Ilqr::new(BoundedPendulum, reference.horizon, settings).unwrap();
    let problem = reference.problem();
    let solution = solve(&mut solver, &problem);
    let loss = reference.loss();
    let exact = solver.vjp(&solution, &loss).unwrap();
    let errors = [1, 2, 3].map(|n| {
        let gradient = solver.truncated(&problem, &loss, n).unwrap();
        relative_error(&[gradient.params], &[exact.params])
    });
    assert_falling(&errors, 0.1);
}
