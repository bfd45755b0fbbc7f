//! The receding horizon: what it does on plants that are and are not the model, and after steps that failed.

use crate::support::{BoundedPendulum, Cart4, Rail, Tracking, rail, solve};
use dilqr_runtime::model::Stage;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Input, InputError, LossGradient, Model, Mpc, Problem, Settings, SolveError, Status};

/// A cart with a resistance that a network has learned, and a force with bounds.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.1)]
pub mod learned {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub force: f64,
    }
    pub struct Params {
        pub most: f64,
    }

    #[network(layers = [2, 8, 8, 1], activation = tanh)]
    pub struct Resistance;

    pub fn derivative(x: State, u: Control, _p: Params, resistance: &Resistance) -> State {
        let [push] = resistance.evaluate([x.place, x.speed]);
        State { place: x.speed, speed: u.force + push }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * (x.place * x.place + 0.1 * x.speed * x.speed + 0.05 * u.force * u.force)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        4.0 * x.place * x.place + x.speed * x.speed
    }
}

const PENDULUM: [f64; 3] = [10.0, 1.0, 1.0];

fn plant<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    x: &SVector<f64, NX>,
    u: &SVector<f64, NU>,
    p: impl Into<SVector<f64, NP>>,
) -> SVector<f64, NX>
where
    M: Model<NX, NU, NP>,
{
    let mut next = SVector::zeros();
    model.dynamics(Stage::new(x, u, &p.into(), &SVector::zeros()), &mut next);
    next
}

fn bounded(iterations: usize) -> Settings {
    Settings { max_iterations: iterations, ..Settings::default() }
}

/// Every step is a solve of its own: the same solution as a solver finds that knows nothing of the steps before.
#[test]
fn steps_are_solutions() {
    let mut mpc = Mpc::new(Cart4, Cart4::PARAMS, 30, Settings::default()).unwrap();
    let mut solver = Ilqr::new(Cart4, 30, Settings::default()).unwrap();
    let mut x = SVector::from([0.0, 0.0, 0.3, 0.0]);
    for t in 0..40 {
        let step = mpc.step(&x).unwrap();
        let plan = mpc.plan().unwrap();
        assert_eq!((step.status, step.replanned, plan.status), (Status::Converged, true, Status::Converged));
        assert_eq!((plan.states[0], plan.controls[0], plan.gains[0]), (x, step.control, step.gain));
        let alone = solve(&mut solver, &Problem::new(x, Cart4::PARAMS, 30));
        // Both stationary to 1e-9, over a curvature of the cost in the force of about 1e-2.
        assert!((alone.controls[0] - step.control).amax() < 1e-6, "step {t}");
        assert!(t == 0 || step.stats.iterations <= alone.stats.iterations, "step {t}: {:?}", step.stats);
        x = plant(&Cart4, &x, &step.control, Cart4::PARAMS);
    }
    assert!(x[2].abs() < 0.05, "the pole has fallen: {x}");
}

/// From hanging with a torque that cannot lift it at once, seven iterations a step, and a plant 10 % heavier than its
/// model: it swings up and stays.
#[test]
fn swing_up_within_bounds_and_iterations() {
    let mut mpc = Mpc::new(BoundedPendulum, PENDULUM, 60, bounded(7)).unwrap();
    let mut x = SVector::from([std::f64::consts::PI, 0.0]);
    let mut at_bound = 0;
    for t in 0..300 {
        let step = mpc.step(&x).unwrap();
        assert!(step.control[0].abs() <= 2.0 && step.stats.iterations <= 7, "step {t}: {step:?}");
        at_bound += usize::from(step.control[0].abs() == 2.0);
        // The plant is never exactly at rest, or the model would hang for ever: a symmetric start.
        let push = 1e-3 * (f64::from(t) * 0.7).cos();
        x = plant(&BoundedPendulum, &x, &step.control, [10.0, 1.1, 1.0]) + SVector::from([0.0, push]);
    }
    assert!(at_bound > 5, "the torque was at its bound {at_bound} times");
    let turns = (x[0] / std::f64::consts::TAU).round() * std::f64::consts::TAU;
    assert!((x[0] - turns).abs() < 0.05 && x[1].abs() < 0.2, "not upright: {x}");
}

/// With a network in the model, and a plant with another one, a step is a solve of its own and the cart comes to rest.
/// The gradient of a plan is that of its problem, in the state, in the bound and in every weight.
#[test]
fn steps_with_a_network() {
    const T: usize = 20;
    let model = || learned::Learned::new(learned::Resistance::xavier(2));
    let other = learned::Learned::new(learned::Resistance::xavier(3));
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut mpc = Mpc::new(model(), [2.0], T, settings).unwrap();
    let mut solver = learned::Solver::new(model(), T, settings).unwrap();
    let (mut x, mut at_bound, mut plans) = (SVector::from([1.0, 0.5]), 0, Vec::new());
    for t in 0..60 {
        let step = mpc.step(&x).unwrap();
        assert_eq!((step.status, step.replanned), (Status::Converged, true), "step {t}");
        if t % 4 == 0 {
            let alone = solve(&mut solver, &Problem::new(x, [2.0], T));
            // Both stationary to 1e-11, over a curvature of the cost in the force of 1e-2.
            assert!((alone.controls[0] - step.control).amax() < 1e-8, "step {t}");
            assert!(t == 0 || step.stats.iterations <= alone.stats.iterations, "step {t}: {:?}", step.stats);
        }
        at_bound += usize::from(step.control[0].abs() == 2.0);
        if [0, 5].contains(&t) {
            plans.push((x, mpc.plan().unwrap().clone()));
        }
        x = plant(&other, &x, &step.control, [2.0]);
    }
    // First biases are zero, so the origin is an equilibrium of model and plant. The slower mode decays by a tenth a step.
    assert!(x.amax() < 2e-3 && at_bound > 1, "{x} {at_bound}");

    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    loss.controls[0][0] = 1.0;
    loss.states[T] = [0.5, -1.0].into();
    let value = |model: learned::Learned, x: SVector<f64, 2>, most: f64| {
        let mut solver = learned::Solver::new(model, T, settings).unwrap();
        let solution = solve(&mut solver, &Problem::new(x, [most], T));
        solution.controls[0][0] + loss.states[T].dot(&solution.states[T])
    };
    // Errors of differences of solves to 1e-11 with these steps: 1e-6 over the scale of the derivative.
    let h = 1e-5;
    let close = |given: f64, moved: &dyn Fn(f64) -> f64, what: &str| {
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        assert!((given - difference).abs() < 2e-6 * (1.0 + difference.abs()), "{what}: {given} {difference}");
    };
    let mut largest = 0.0_f64;
    for (x, plan) in plans {
        let gradient = solver.vjp(&plan, &loss).unwrap();
        assert_eq!(gradient.weights.len(), learned::Resistance::LEN);
        for weight in (0..learned::Resistance::LEN).step_by(3) {
            let moved = |by: f64| {
                let mut model = model();
                model.resistance_mut().weights_mut()[weight] += by;
                value(model, x, 2.0)
            };
            close(gradient.weights[weight], &moved, "weight");
            largest = largest.max(gradient.weights[weight].abs());
        }
        for entry in 0..2 {
            let moved = |by: f64| value(model(), x + SVector::from_fn(|i, _| if i == entry { by } else { 0.0 }), 2.0);
            close(gradient.initial_state[entry], &moved, "state");
        }
        close(gradient.params[0], &|by| value(model(), x, 2.0 + by), "bound");
    }
    // Four digits above the tolerance.
    assert!(largest > 0.02, "{largest}");
}

/// A lost measurement is an error and nothing else: the step after it is the one that would have been.
#[test]
fn a_bad_measurement_loses_nothing() {
    let x = SVector::from([0.5, 0.0]);
    let mut mpc = Mpc::new(BoundedPendulum, PENDULUM, 30, Settings::default()).unwrap();
    let u = mpc.step(&x).unwrap().control;
    let plan = mpc.plan().unwrap().clone();
    let mut undisturbed = mpc.clone();

    let error = mpc.step(&SVector::from([f64::NAN, 0.0])).unwrap_err();
    assert!(matches!(error, SolveError::Input(InputError::NonFinite { input: Input::InitialState, .. })), "{error}");
    mpc.set_params([f64::INFINITY, 1.0, 1.0]);
    let error = mpc.step(&x).unwrap_err();
    assert!(matches!(error, SolveError::Input(InputError::NonFinite { input: Input::Params, .. })), "{error}");
    assert_eq!(mpc.plan(), Some(&plan));

    mpc.set_params(PENDULUM);
    let x = plant(&BoundedPendulum, &x, &u, PENDULUM);
    let step = mpc.step(&x).unwrap();
    assert_eq!(step, undisturbed.step(&x).unwrap());
    // Started where it ends: the state is the predicted one, and one more stage at the end changes little.
    assert!(step.stats.iterations <= 4, "{:?}", step.stats);

    // Periods that go by move the plan on.
    mpc.advance();
    mpc.advance();
    let x = mpc.plan().unwrap().states[3];
    let step = mpc.step(&x).unwrap();
    assert!(step.status == Status::Converged && step.stats.iterations <= 4, "{step:?}");
    // Beyond the horizon, too.
    (0..50).for_each(|_| mpc.advance());
    assert_eq!(mpc.step(&x).unwrap().status, Status::Converged);
}

/// No iteration is allowed: every plan is the first one, moved on under its feedback, which still holds the pole up.
#[test]
fn without_iterations_the_feedback_goes_on() {
    let mut solver = Ilqr::new(Cart4, 60, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Cart4::problem(60));
    let mut mpc = Mpc::new(Cart4, Cart4::PARAMS, 60, bounded(0)).unwrap();
    mpc.start_from(&solution).unwrap();
    let mut x = solution.states[0];
    for t in 0..30 {
        let step = mpc.step(&x).unwrap();
        // The first one is the solution itself.
        assert_eq!(step.status, if t == 0 { Status::Converged } else { Status::IterationLimit }, "step {t}");
        x = plant(&Cart4, &x, &step.control, Cart4::PARAMS) + SVector::from([0.0, 0.0, 1e-3, 0.0]);
    }
    assert!(x[2].abs() < 0.1, "the pole has fallen: {x}");
}

/// A state from which numbers overflow is survived: the step says that it diverged, its control is within the bounds, and
/// the next step, from a state that can be, converges.
#[test]
fn a_step_that_diverges_is_survived() {
    for first in [false, true] {
        let mut mpc = Mpc::new(Tracking, [9.0, 0.05], 20, Settings::default()).unwrap();
        mpc.set_stage_params(&[[0.0, 0.0]; 21]);
        let x = SVector::from([0.3, 0.0]);
        if !first {
            assert_eq!(mpc.step(&x).unwrap().status, Status::Converged);
        }
        let step = mpc.step(&SVector::from([0.3, 1e160])).unwrap();
        assert_eq!((step.status, step.replanned), (Status::Diverged, false));
        assert!(step.control[0].is_finite() && step.gain[(0, 0)].is_finite());
        let step = mpc.step(&x).unwrap();
        assert_eq!((step.status, step.replanned), (Status::Converged, true));
    }
    let mut mpc = Mpc::new(BoundedPendulum, PENDULUM, 20, Settings::default()).unwrap();
    mpc.step(&[0.3, 0.0]).unwrap();
    let step = mpc.step(&[0.3, 1e300]).unwrap();
    assert_eq!(step.status, Status::Diverged);
    assert!(step.control[0].abs() <= 2.0);
    assert_eq!(mpc.step(&[0.3, 0.0]).unwrap().status, Status::Converged);
}

/// Under constraints a warm step is a few Newton steps. Where the goal moves out of reach the steps say infeasible and stay
/// within the bounds; where it comes back, and the speed above its limit that the chase has brought is braked off (one or
/// two steps at a tenth of 2.5 each), they converge.
#[test]
fn constraints_that_cannot_be_kept_for_a_while() {
    let (near, far) = ([1.0, 0.7, 2.5, 0.01], [9.0, 0.7, 2.5, 0.01]);
    let mut mpc = Mpc::new(Rail, near, 25, bounded(200)).unwrap();
    let mut x = *rail().x0();
    for t in 0..24 {
        let p = if (8..11).contains(&t) { far } else { near };
        mpc.set_params(p);
        let step = mpc.step(&x).unwrap();
        assert!(step.control[0].abs() <= 2.5);
        if p == far {
            assert_ne!(step.status, Status::Converged, "step {t}");
            assert!(step.stats.violation > 1.0 && mpc.plan().unwrap().stats == step.stats);
        } else if !(11..14).contains(&t) {
            assert_eq!(step.status, Status::Converged, "step {t}: {step:?}");
            assert!(step.stats.violation <= 1e-9);
            if t > 0 && t != 14 {
                assert_eq!(step.stats.iterations, 0, "step {t} was not warm: {:?}", step.stats);
            }
        }
        x = plant(&Rail, &x, &step.control, near);
    }
    // The horizon recedes and with it the time by which to be there; it is on its way all the same.
    assert!(x[0] > 0.5, "{x}");
}

/// A reference that advances is followed.
#[test]
fn stage_parameters_advance() {
    let wave = |t: usize| [0.4 * (0.03 * t as f64).sin(), 0.0];
    let mut mpc = Mpc::new(Tracking, [9.0, 0.001], 25, Settings::default()).unwrap();
    let error = mpc.step(&[0.0, 0.0]).unwrap_err();
    assert!(
        matches!(
            error,
            SolveError::Input(InputError::WrongLength { input: Input::StageParams, given: 0, expected: 26 })
        ),
        "{error}"
    );
    let mut x = SVector::from([0.0, 0.0]);
    for t in 0..150 {
        let window: Vec<_> = (t..=t + 25).map(wave).collect();
        mpc.set_stage_params(&window);
        let u = mpc.step(&x).unwrap().control;
        let mut next = SVector::zeros();
        Tracking.dynamics(Stage::new(&x, &u, &[9.0, 0.001].into(), &wave(t).into()), &mut next);
        x = next;
        // It lags by the weights of rate and force; without the reference it would be off by its amplitude.
        assert!(t < 20 || (x[0] - wave(t + 1)[0]).abs() < 0.05, "step {t}: {x}");
    }
}

#[test]
fn reset_and_start() {
    let x = SVector::from([0.5, 0.0]);
    let mut mpc = Mpc::new(BoundedPendulum, PENDULUM, 30, Settings::default()).unwrap();
    assert!(mpc.plan().is_none());
    let first = mpc.step(&x).unwrap();
    mpc.step(&x).unwrap();
    mpc.reset();
    assert!(mpc.plan().is_none());
    assert_eq!(mpc.step(&x).unwrap(), first);

    let mut solver = Ilqr::new(BoundedPendulum, 30, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Problem::new(x, PENDULUM, 30));
    mpc.start_from(&solution).unwrap();
    assert!(mpc.plan().is_none());
    let step = mpc.step(&x).unwrap();
    assert_eq!((step.stats.iterations, step.control), (0, solution.controls[0]));

    let mut short = solution.clone();
    short.gains.pop();
    let error = mpc.start_from(&short).unwrap_err();
    assert!(
        matches!(error, SolveError::Input(InputError::WrongLength { input: Input::Gains, given: 29, expected: 30 })),
        "{error}"
    );
    let mut undefined = solution;
    undefined.states[2][1] = f64::NAN;
    let error = mpc.start_from(&undefined).unwrap_err();
    assert_eq!(error.to_string(), "the list of states is NaN at stage 2, entry 1, expected a finite number");
    assert!(mpc.plan().is_some());
}
