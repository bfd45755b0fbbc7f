//! The gradient by independent ways: structured backward sweep, contracted Jacobian, central differences through the
//! solver; and what is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    self, Cart4, Cartpole, CostWeights, Lqr, Pendulum, Reference, Tracking, assert_close, solve, tight,
};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{HamiltonianExpansion, Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Differentiation, Gradient, GradientError, Hessian, Ilqr, InputError, LossGradient, Model, Problem, Scalar,
    Sensitivities, Settings, Solution, Status, batch,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn random_loss<const NX: usize, const NU: usize>(seed: u64, horizon: usize) -> LossGradient<NX, NU> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut loss = LossGradient::zeros(horizon);
    for gradient in &mut loss.states {
        *gradient = SVector::from_fn(|_, _| rng.random_range(-1.0..1.0));
    }
    for gradient in &mut loss.controls {
        *gradient = SVector::from_fn(|_, _| rng.random_range(-1.0..1.0));
    }
    loss
}

/// The linear loss whose gradient `loss` is.
fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    loss: &LossGradient<NX, NU>,
    solution: &Solution<NX, NU, NP, NS>,
) -> f64 {
    let states = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum::<f64>();
    let controls = loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum::<f64>();
    states + controls
}

/// The problem of `solution` moved along one direction of its data, started from the solution's own feedback law.
fn moved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP, NS>,
    edit: impl FnOnce(&mut SVector<f64, NX>, &mut SVector<f64, NP>, &mut [SVector<f64, NS>]),
) -> Problem<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let Solution { mut x0, mut params, mut stage_params, .. } = solution.clone();
    edit(&mut x0, &mut params, &mut stage_params);
    let Solution { states, controls, gains, .. } = solution.clone();
    Problem::new(x0, params, solution.horizon())
        .with_stage_params(&stage_params)
        .with_policy(model, move |t, x| controls[t] + gains[t] * (x - states[t]))
}

/// Moves initial state, parameters or stage parameters by a length.
type Move<const NX: usize, const NP: usize, const NS: usize> =
    dyn Fn(f64, &mut SVector<f64, NX>, &mut SVector<f64, NP>, &mut [SVector<f64, NS>]);

/// Gradient of `measure` of the solution by central differences through the solver.
fn differences<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    solution: &Solution<NX, NU, NP, NS>,
    measure: impl Fn(&Solution<NX, NU, NP, NS>) -> f64,
) -> Gradient<NX, NP, NS>
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let model = *solver.model();
    let mut slope = |at: f64, edit: &Move<NX, NP, NS>| {
        // Fourth order, so that a step of a thousandth leaves a truncation of 1e-12 and does not amplify the rounding of
        // the solutions (about 1e-13) beyond 1e-9.
        let h = 1e-3 * if at.abs() > 1e-4 { at.abs() } else { 1.0 };
        let mut side = |h| measure(&solve(solver, &moved(&model, solution, |x0, p, s| edit(h, x0, p, s))));
        (8.0 * (side(h) - side(-h)) - (side(2.0 * h) - side(-2.0 * h))) / (12.0 * h)
    };
    let horizon = solution.horizon();
    Gradient {
        params: SVector::from_fn(|i, _| slope(solution.params[i], &move |h, _, p, _| p[i] += h)),
        initial_state: SVector::from_fn(|i, _| slope(solution.x0[i], &move |h, x0, _, _| x0[i] += h)),
        stage_params: (0..=horizon)
            .map(|t| SVector::from_fn(|i, _| slope(solution.stage_params[t][i], &move |h, _, _, s| s[t][i] += h)))
            .collect(),
        weights: Vec::new(),
    }
}

/// vjp = contracted Jacobian = differences through the solver; value gradient = differences of the optimal cost.
fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    name: &str,
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let loss = random_loss(11, problem.horizon());
    let gradient = solver.vjp(&solution, &loss).unwrap();

    let jacobian = solver.jacobian(&solution).unwrap();
    let mut contracted = SVector::<f64, NP>::zeros();
    for (g, j) in loss.states.iter().zip(&jacobian.states) {
        contracted += j.transpose() * g;
    }
    for (g, j) in loss.controls.iter().zip(&jacobian.controls) {
        contracted += j.transpose() * g;
    }
    // Two exact methods on one factorization; sums over the horizon cancel a few digits.
    assert_close(name, &[gradient.params], &[contracted], 1e-10);

    // What differences are good for, see `differences`: 1e-9 of the largest entry and a factor for higher derivatives.
    let tolerance = 1e-7;
    let measured = differences(&mut solver, &solution, |s| value(&loss, s));
    assert_close(name, &[gradient.params], &[measured.params], tolerance);
    assert_close(name, &[gradient.initial_state], &[measured.initial_state], tolerance);
    if NS > 0 {
        assert_close(name, &gradient.stage_params, &measured.stage_params, tolerance);
    }

    let gradient = solver.value_gradient(&solution).unwrap();
    let measured = differences(&mut solver, &solution, |s| s.cost);
    if measured.params.amax() > 1e-6 {
        assert_close(name, &[gradient.params], &[measured.params], tolerance);
    }
    assert_close(name, &[gradient.initial_state], &[measured.initial_state], tolerance);
    if NS > 0 {
        assert_close(name, &gradient.stage_params, &measured.stage_params, tolerance);
    }
    // The costates a solution carries are the gradient of the optimal cost-to-go.
    assert_close(name, &[solution.costates[0]], &[gradient.initial_state], 1e-9);
}

fn tracking_problem() -> Problem<2, 1, 2, 2> {
    let horizon = 12;
    let stages: Vec<[f64; 2]> =
        (0..=horizon).map(|t| [0.3 * (t as f64 * 0.4).sin(), 0.5 * (t as f64 * 0.7).cos()]).collect();
    Problem::new([0.5, -0.2], [9.0, 0.02], horizon).with_stage_params(&stages)
}

#[test]
fn pendulum() {
    check("pendulum", Pendulum, &Reference::read("pendulum").problem());
}

#[test]
fn cartpole() {
    check("cartpole", Cartpole, &Reference::read("cartpole").problem());
}

#[test]
fn cost_weights() {
    check("cost_weights", CostWeights, &Reference::read("cost_weights").problem());
}

#[test]
fn lqr() {
    check("lqr", Lqr, &Reference::read("lqr").problem());
}

#[test]
fn stage_parameters() {
    check("tracking", Tracking, &tracking_problem());
}

#[test]
fn one_stage() {
    check("one stage", Pendulum, &Problem::new([0.4, 0.1], [10.0, 1.0, 1.0], 1));
}

/// On linear dynamics the linearization cannot move, so that dropping its motion changes nothing; on the cart and pole it
/// does.
#[test]
fn fixed_linearization_is_exact_for_linear_dynamics_only() {
    let reference = Reference::read("lqr");
    let mut solver = Ilqr::new(Lqr, reference.horizon, Settings::default()).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    let loss = random_loss(12, reference.horizon);
    let exact = solver.vjp(&solution, &loss).unwrap();
    let fixed = solver.vjp_with(&solution, &loss, Differentiation::FixedLinearization).unwrap();
    assert_close("lqr", &[fixed.params], &[exact.params], 1e-12);

    let mut solver = Ilqr::new(Cart4, 30, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Cart4::problem(30));
    let loss = Cart4::loss(&solution.states, &solution.controls);
    let exact = solver.vjp(&solution, &loss).unwrap();
    assert_eq!(solver.vjp_with(&solution, &loss, Differentiation::Implicit).unwrap(), exact);
    let fixed = solver.vjp_with(&solution, &loss, Differentiation::FixedLinearization).unwrap();
    let error = support::relative_error(&[fixed.params], &[exact.params]);
    assert!(error > 0.01, "{error}");
}

/// A gradient belongs to its solution, whatever the solver did since.
#[test]
fn a_solution_is_self_contained() {
    let first = Reference::read("pendulum").problem::<2, 1, 3>();
    let second = Problem::new([-0.4, 0.9], [8.0, 1.3, 0.7], first.horizon());
    let loss = random_loss(13, first.horizon());
    let mut solver = Ilqr::new(Pendulum, first.horizon(), Settings::default()).unwrap();
    let solution = solve(&mut solver, &first);
    let alone = (solver.vjp(&solution, &loss), solver.jacobian(&solution), solver.value_gradient(&solution));
    let other = solve(&mut solver, &second);
    let after = (solver.vjp(&solution, &loss), solver.jacobian(&solution), solver.value_gradient(&solution));
    assert_eq!(alone, after);
    assert!(alone.0.is_ok() && alone.0 != solver.vjp(&other, &loss));
    // Solving again leaves no trace either, and a fresh solver agrees to the last bit.
    assert_eq!(solve(&mut solver, &first), solution);
    let mut fresh = Ilqr::new(Pendulum, first.horizon(), Settings::default()).unwrap();
    assert_eq!(fresh.vjp(&solution, &loss), alone.0);
}

/// A cubic spring that counts how often it is linearized.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Model<2, 1, 1> for Counting {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
        let dt = S::from_f64(0.1);
        *next = [x[0] + dt * x[1], x[1] + dt * (u[0] - p[0] * x[0].powi(3))].into();
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>) -> S {
        x[0].powi(2) + S::from_f64(0.1) * u[0].powi(2)
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
        x[0].powi(2) + x[1].powi(2)
    }

    fn expand_hamiltonian<S: Scalar>(
        &self,
        at: Stage<'_, S, 2, 1, 1>,
        lambda: &SVector<S, 2>,
        out: &mut HamiltonianExpansion<S, 2, 1>,
    ) {
        self.0.fetch_add(1, Ordering::Relaxed);
        AutoDiff(Self::default()).expand_hamiltonian(at, lambda, out);
    }
}

/// How many stages a call expands, with its answer.
fn counted<T>(solver: &mut Counted, call: impl FnOnce(&mut Counted) -> T) -> (usize, T) {
    let before = solver.model().0.load(Ordering::Relaxed);
    let answer = call(solver);
    (solver.model().0.load(Ordering::Relaxed) - before, answer)
}

type Counted = Ilqr<Counting, 2, 1, 1>;

/// The last backward pass of a solve leaves its factorization to `solve_and_differentiate`; all other calls factorize anew.
#[test]
fn derivatives_share_one_factorization() {
    let horizon = 20;
    let losses: [LossGradient<2, 1>; 2] = [17, 18].map(|seed| random_loss(seed, horizon));
    let problem = Problem::new([1.0, 0.0], [1.0], horizon);
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        let mut solver = Ilqr::new(Counting::default(), horizon, settings).unwrap();
        let (solve, solution) = counted(&mut solver, |solver| solver.solve(&problem).unwrap());
        assert_eq!(solution.status, Status::Converged);

        // One-call forms: a factorization each, also of the solution that was solved last.
        for loss in &losses {
            assert_eq!(counted(&mut solver, |solver| solver.vjp(&solution, loss).unwrap()).0, horizon);
        }
        assert_eq!(counted(&mut solver, |solver| solver.jacobian(&solution).unwrap()).0, horizon);
        assert_eq!(counted(&mut solver, |solver| solver.value_gradient(&solution).unwrap()).0, horizon);
        let singles = losses.each_ref().map(|loss| solver.vjp(&solution, loss).unwrap());
        let others = (solver.jacobian(&solution).unwrap(), solver.value_gradient(&solution).unwrap());

        // One factorization for all of them.
        let all = |mut sensitivities: Sensitivities<'_, Counting, 2, 1, 1>| {
            let gradients = losses.each_ref().map(|loss| sensitivities.vjp(loss).unwrap());
            let others = (sensitivities.jacobian().unwrap(), sensitivities.value_gradient().unwrap());
            (gradients, others)
        };
        let (stages, answers) = counted(&mut solver, |solver| all(solver.differentiate(&solution).unwrap()));
        assert_eq!((stages, &answers), (horizon, &(singles, others)), "{hessian:?}");

        // A Gauss-Newton solve does not make the exact Hessian's factorization.
        let anew = if hessian == Hessian::Exact { 0 } else { horizon };
        let (stages, (again, shared)) = counted(&mut solver, |solver| {
            let (again, sensitivities) = solver.solve_and_differentiate(&problem).unwrap();
            (again, all(sensitivities.unwrap()))
        });
        assert_eq!((stages, again), (solve + anew, solution.clone()), "{hessian:?}");
        assert_eq!(shared, answers, "{hessian:?}");

        // So does a batch.
        let model = Counting::default();
        let single =
            batch::solve_and_vjp(&model, horizon, &settings, core::slice::from_ref(&problem), |_, _| losses[0].clone());
        assert_eq!(model.0.load(Ordering::Relaxed), solve + anew);
        assert_eq!(single, [Ok((solution.clone(), Ok(answers.0[0].clone())))]);

        // No other solution gets what a solve left: the last bit makes another one.
        let mut edited = solution.clone();
        edited.controls[4][0] = f64::from_bits(edited.controls[4][0].to_bits() + 1);
        let (stages, gradient) = counted(&mut solver, |solver| {
            drop(solver.solve_and_differentiate(&problem).unwrap());
            solver.vjp(&edited, &losses[0]).unwrap()
        });
        assert_eq!(stages, solve + anew + horizon);
        let mut fresh = Ilqr::new(Counting::default(), horizon, settings).unwrap();
        assert_eq!(gradient, fresh.vjp(&edited, &losses[0]).unwrap());
    }
}

#[test]
fn an_edited_solution_is_refused() {
    let reference = Reference::read("cost_weights");
    let mut solver = Ilqr::new(CostWeights, reference.horizon, Settings::default()).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    let loss = reference.loss();
    assert!(solver.vjp(&solution, &loss).is_ok());
    type Edit = fn(&mut Solution<4, 1, 9>);
    let edits: [(&str, Edit); 9] = [
        ("status", |s| s.status = Status::IterationLimit),
        ("x0", |s| s.x0[2] += 1e-6),
        ("state", |s| s.states[7][1] += 1e-6),
        ("last state", |s| s.states[30][1] += 1e-6),
        ("control", |s| s.controls[3][0] *= 1.0 + 1e-6),
        ("NaN", |s| s.controls[3][0] = f64::NAN),
        ("cost weight", |s| s.params[0] *= 1.0 + 1e-5),
        ("goal", |s| s.params[6] += 1e-6),
        // Makes the last stages concave: also then what is wrong first is that the point is not stationary.
        ("sign", |s| s.params[8] = -1.0),
    ];
    for (name, edit) in edits {
        let mut edited = solution.clone();
        edit(&mut edited);
        assert!(matches!(solver.vjp(&edited, &loss), Err(GradientError::NotConverged { .. })), "{name}");
        assert!(matches!(solver.jacobian(&edited), Err(GradientError::NotConverged { .. })), "{name}");
        assert!(matches!(solver.value_gradient(&edited), Err(GradientError::NotConverged { .. })), "{name}");
    }
    // The feedback gains and costates of a solution are results, not data: the gradient does not read them.
    let mut edited = solution.clone();
    edited.gains.clear();
    edited.costates.clear();
    assert_eq!(solver.vjp(&edited, &loss), solver.vjp(&solution, &loss));
}

/// A Gauss-Newton solve stops on its own gains; its solutions are differentiated all the same, and exactly.
#[test]
fn the_gradient_does_not_depend_on_the_forward_method() {
    let reference = Reference::read("pendulum");
    let loss = reference.loss::<2, 1>();
    let [exact, gauss_newton] = [Hessian::Exact, Hessian::GaussNewton].map(|hessian| {
        let settings = Settings { hessian, ..Settings::default() };
        let mut solver = Ilqr::new(Pendulum, reference.horizon, settings).unwrap();
        let solution = solve(&mut solver, &reference.problem());
        solver.vjp(&solution, &loss).unwrap()
    });
    // Both trajectories are stationary to 1e-9.
    assert_close("pendulum", &[gauss_newton.params], &[exact.params], 1e-8);
}

/// `x+ = x + u`, `l = 1/4 u^4 - p/2 u^2`, no cost on the state: for p > 0, u = sqrt(p) is a strict minimum, u = 0 a maximum;
/// for p = 0, u = 0 is a minimum that is not strict.
#[derive(Clone, Copy)]
struct Well;

impl Model<1, 1, 1> for Well {
    fn dynamics<S: dilqr_runtime::Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: dilqr_runtime::Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 1>) -> S {
        let square = u[0] * u[0];
        support::c::<S>(0.25) * square * square - support::c::<S>(0.5) * p[0] * square
    }
    fn terminal_cost<S: dilqr_runtime::Scalar>(&self, _: Terminal<'_, S, 1, 1>) -> S {
        support::c(0.0)
    }
}

#[test]
fn only_strict_minima_are_differentiated() {
    let mut solver = Ilqr::new(Well, 3, Settings::default()).unwrap();
    let start = |u: f64, p: f64| Problem::new([0.0], [p], 3).with_controls(&[[u]; 3]);
    let solution = solve(&mut solver, &start(1.3, 4.0));
    assert!((solution.controls[1][0] - 2.0).abs() < 1e-9);
    // du/dp = 1 / (2 sqrt(p)).
    let jacobian = solver.jacobian(&solution).unwrap();
    assert!((jacobian.controls[1][0] - 0.25).abs() < 1e-9);

    for p in [4.0, 0.0] {
        let mut solution = solver.solve(&start(0.0, p)).unwrap();
        assert_eq!(solution.status, Status::RegularizationLimit);
        assert_eq!(solution.stats.stationarity, 0.0);
        assert!(matches!(
            solver.vjp(&solution, &LossGradient::zeros(3)),
            Err(GradientError::NotConverged { status: Status::RegularizationLimit, .. })
        ));
        // Even where the status is overridden.
        solution.status = Status::Converged;
        let refused = Err(GradientError::NotPositiveDefinite { stage: 2 });
        assert_eq!(solver.vjp(&solution, &LossGradient::zeros(3)), refused);
        assert!(solver.jacobian(&solution).is_err());
    }
}

#[test]
fn a_loss_gradient_that_does_not_fit_is_refused() {
    let problem = Reference::read("pendulum").problem::<2, 1, 3>();
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(Pendulum, horizon, Settings::default()).unwrap();
    let solution = solve(&mut solver, &problem);
    let good = LossGradient::<2, 1>::zeros(horizon);

    let mut short = good.clone();
    short.states.pop();
    let error = solver.vjp(&solution, &short).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the states has length 20, expected 21");
    let mut long = good.clone();
    long.controls.push(SVector::zeros());
    let error = solver.vjp(&solution, &long).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the controls has length 21, expected 20");
    let mut broken = good.clone();
    broken.states[4][1] = f64::INFINITY;
    let error = solver.vjp(&solution, &broken).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the loss gradient in the states is inf at stage 4, entry 1, expected a finite number"
    );
    let mut broken = good.clone();
    broken.controls[19][0] = f64::NAN;
    assert!(matches!(solver.vjp(&solution, &broken), Err(GradientError::Input(InputError::NonFinite { .. }))));
    let mut cut = solution.clone();
    cut.states.pop();
    let error = solver.vjp(&cut, &good).unwrap_err();
    assert_eq!(error.to_string(), "the list of states has length 20, expected 21");
    let mut cut = solution.clone();
    cut.controls.pop();
    assert!(matches!(solver.vjp(&cut, &good), Err(GradientError::Input(InputError::WrongLength { .. }))));
    // No loss, no gradient.
    assert_eq!(solver.vjp(&solution, &good).unwrap().params, SVector::<f64, 3>::zeros());
}

/// On an unstable system: neither the vjp nor the check of the solution may lose digits with T.
#[test]
fn long_horizons_keep_their_digits() {
    for horizon in [100, 400, 1000] {
        let mut solver = Ilqr::new(Pendulum, horizon, Settings::default()).unwrap();
        let problem = Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], horizon)
            .with_policy(&Pendulum, |_, x: &SVector<f64, 2>| [-(8.0 * x[0] + 2.0 * x[1])]);
        let solution = solve(&mut solver, &problem);
        let mut loss = LossGradient::zeros(horizon);
        loss.controls[0][0] = 1.0;
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let jacobian = solver.jacobian(&solution).unwrap();
        assert_close("T", &[gradient.params], &[jacobian.controls[0].transpose()], 1e-10);
        // du_0/dx_0 is the first gain.
        assert_close("T", &[gradient.initial_state], &[solution.gains[0].transpose()], 1e-8);
    }
}

/// Gradients and loss gradients form a vector space; a shorter list counts as zero beyond its end.
#[test]
fn gradients_add_up() {
    let of = |value: f64, horizon: usize| {
        let mut gradient: Gradient<2, 3, 1> = Gradient::zeros(horizon);
        gradient.params.fill(value);
        gradient.initial_state.fill(2.0 * value);
        gradient.stage_params.fill([3.0 * value].into());
        gradient
    };
    assert_eq!(of(1.0, 4) + of(2.0, 4), of(3.0, 4));
    assert_eq!(of(1.0, 4) + &of(2.0, 4), of(3.0, 4));
    assert_eq!(of(1.5, 4) * 2.0, of(3.0, 4));
    let mut sum = of(1.0, 4);
    sum += of(2.0, 4);
    sum += &of(-2.0, 4);
    assert_eq!(sum, of(1.0, 4));
    let all = [of(1.0, 4), of(2.0, 4), of(4.0, 4)];
    assert_eq!(all.iter().sum::<Gradient<2, 3, 1>>(), of(7.0, 4));
    assert_eq!(all.into_iter().sum::<Gradient<2, 3, 1>>(), of(7.0, 4));
    assert_eq!(Vec::<Gradient<2, 3, 1>>::new().into_iter().sum::<Gradient<2, 3, 1>>(), Gradient::zeros(0));
    let mixed = of(1.0, 2) + of(2.0, 4);
    assert_eq!(mixed.stage_params, [3.0, 3.0, 3.0, 2.0, 2.0].map(|value| SVector::from([3.0 * value])));

    // The gradient is linear in the loss, to rounding.
    let reference = support::Reference::read("pendulum");
    let mut solver = Ilqr::new(support::Pendulum, reference.horizon, Settings::default()).unwrap();
    let solution = solver.solve(&reference.problem()).unwrap();
    let loss = reference.loss();
    let other = LossGradient::new(solution.states.clone(), solution.controls.clone());
    let together = solver.vjp(&solution, &(loss.clone() * 2.0 + &other)).unwrap().params;
    let apart = solver.vjp(&solution, &loss).unwrap() * 2.0 + solver.vjp(&solution, &other).unwrap();
    assert!((together - apart.params).amax() <= 1e-12 * together.amax());
}
