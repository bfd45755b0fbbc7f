//! Compiled models in lanes: kernels beside those of `f64`, batches beside single solves.

use dilqr_models::{
    acrobot, cartpole, mass_spring_damper, pendulum, pendulum_limited, planar_quadrotor, two_link_arm, unicycle,
    unicycle_obstacles, van_der_pol,
};
use dilqr_runtime::lanes::{F64x4, F64x8, Lanes};
use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion,
    Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Hessian, Ilqr, LossGradient, Model, Problem, Scalar, Settings, Solution, Status, batch};
use dilqr_tests::random_loss;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A sledge on rough ground, with all piecewise functions of the language: each lane takes its own branch.
#[dilqr_runtime::model]
pub mod sledge {
    pub struct State {
        pub position: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub mass: f64,
        pub friction: f64,
        pub wall: f64,
    }

    const DT: f64 = 0.1;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let drag = if x.speed > 0.5 { p.friction * x.speed.sqrt() } else { p.friction * (x.speed + 0.25) };
        let push = if x.position > p.wall { 3.0 * (x.position - p.wall).powi(2) } else { 0.0 };
        let speed = x.speed + DT * (u.force - drag - push).clamp(-4.0, 4.0) / p.mass;
        State { position: x.position + DT * speed, speed }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.position - 1.0).abs().max(0.1).powi(2) + 0.1 * x.speed.powi(2) + 0.01 * u.force.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * (x.position.min(p.wall) - 1.0).powi(2) + x.speed.powi(2)
    }
}

/// All results of the kernels for one stage, flattened.
fn answers<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    x: &SVector<S, NX>,
    u: &SVector<S, NU>,
    p: &SVector<S, NP>,
    [lambda, dx, dlambda]: [&SVector<S, NX>; 3],
    du: &SVector<S, NU>,
) -> Vec<S>
where
    M: Model<NX, NU, NP>,
{
    let s: SVector<S, 0> = SVector::from_fn(|_, _| S::zero());
    let (mut f, mut next) = (SVector::from_fn(|_, _| S::zero()), SVector::from_fn(|_, _| S::zero()));
    model.dynamics(Stage::new(x, u, p, &s), &mut f);
    let l = model.step(Stage::new(x, u, p, &s), &mut next);
    let (mut stage, mut hamiltonian) = (StageExpansion::zeros(), HamiltonianExpansion::zeros());
    let (mut terminal, mut terms) = (TerminalExpansion::zeros(), ParameterTerms::zeros());
    model.expand_stage(Stage::new(x, u, p, &s), &mut stage);
    model.expand_terminal(Terminal::new(x, p, &s), &mut terminal);
    model.expand_hamiltonian(Stage::new(x, u, p, &s), lambda, &mut hamiltonian);
    model.parameter_terms(Stage::new(x, u, p, &s), lambda, &mut terms);
    let (mut gp, mut gs) = (SVector::from_fn(|_, _| S::zero()), SVector::from_fn(|_, _| S::zero()));
    model.add_parameter_contraction(
        Stage::new(x, u, p, &s),
        lambda,
        Variation { dx, du },
        dlambda,
        ParameterGradient::new(&mut gp, &mut gs),
    );
    let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = hamiltonian;
    let mut answers = vec![l, stage.l, terminal.l, model.stage_cost(Stage::new(x, u, p, &s))];
    let lists: [&[S]; 21] = [
        f.as_slice(),
        next.as_slice(),
        stage.f.as_slice(),
        stage.fx.as_slice(),
        stage.fu.as_slice(),
        stage.lxx.as_slice(),
        stage.lux.as_slice(),
        stage.luu.as_slice(),
        terminal.lx.as_slice(),
        terminal.lxx.as_slice(),
        fx.as_slice(),
        fu.as_slice(),
        lx.as_slice(),
        lu.as_slice(),
        hxx.as_slice(),
        hux.as_slice(),
        huu.as_slice(),
        terms.fp.as_slice(),
        terms.hxp.as_slice(),
        terms.hup.as_slice(),
        gp.as_slice(),
    ];
    answers.extend(lists.into_iter().flatten());
    answers
}

/// All kernels of a model without limits at random points, in lanes and in `f64`.
fn kernels<L: Lanes, M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    params: impl Into<SVector<f64, NP>>,
    tolerance: f64,
) where
    M: Model<NX, NU, NP>,
{
    let params = params.into();
    let mut rng = StdRng::seed_from_u64(61);
    for _ in 0..40 {
        let mut numbers = |scale: f64| L::from_lanes(|_| scale * rng.random_range(-1.0..1.0));
        let (x, u): (SVector<L, NX>, SVector<L, NU>) =
            (SVector::from_fn(|_, _| numbers(1.5)), SVector::from_fn(|_, _| numbers(2.0)));
        let (lambda, dx, du, dlambda): (SVector<L, NX>, SVector<L, NX>, SVector<L, NU>, SVector<L, NX>) = (
            SVector::from_fn(|_, _| numbers(1.0)),
            SVector::from_fn(|_, _| numbers(1.0)),
            SVector::from_fn(|_, _| numbers(1.0)),
            SVector::from_fn(|_, _| numbers(1.0)),
        );
        let p: SVector<L, NP> = SVector::from_fn(|i, _| L::from_f64(params[i]) * (L::one() + numbers(0.2)));
        let found = answers(model, &x, &u, &p, [&lambda, &dx, &dlambda], &du);
        for lane in 0..L::COUNT {
            fn of<L: Lanes, const R: usize>(a: &SMatrix<L, R, 1>, lane: usize) -> SMatrix<f64, R, 1> {
                a.map(|entry| entry.lane(lane))
            }
            let (x, u, p) = (of(&x, lane), of(&u, lane), of(&p, lane));
            let (lambda, dx, du, dlambda) = (of(&lambda, lane), of(&dx, lane), of(&du, lane), of(&dlambda, lane));
            let expected = answers(model, &x, &u, &p, [&lambda, &dx, &dlambda], &du);
            assert_eq!(found.len(), expected.len());
            let scale = expected.iter().fold(1.0, |scale: f64, entry| scale.max(entry.abs()));
            assert!(expected.iter().all(|entry| entry.is_finite()), "a branch that does not run shows: {expected:?}");
            for (i, (answer, expected)) in found.iter().zip(&expected).enumerate() {
                let answer = answer.lane(lane);
                assert!((answer - expected).abs() <= tolerance * scale, "entry {i}: {answer} {expected}");
            }
        }
    }
}

/// Models without elementary functions, except the square root, give the same bits. Sines differ by some units in the
/// last place, and cancellation in a kernel multiplies that.
#[test]
fn kernels_of_every_kind() {
    fn check<L: Lanes>() {
        kernels::<L, _, _, _, _>(&sledge::Sledge, [1.3, 0.4, 1.1], 0.0);
        kernels::<L, _, _, _, _>(&van_der_pol::VanDerPol, van_der_pol::Params::default(), 0.0);
        let springs = mass_spring_damper::MassSpringDamper;
        kernels::<L, _, _, _, _>(&springs, mass_spring_damper::Params::default(), 0.0);
        kernels::<L, _, _, _, _>(&pendulum::Pendulum, pendulum::Params::default(), 1e-13);
        kernels::<L, _, _, _, _>(&cartpole::Cartpole, cartpole::Params::default(), 1e-13);
        kernels::<L, _, _, _, _>(&acrobot::Acrobot, acrobot::Params::default(), 1e-12);
        kernels::<L, _, _, _, _>(&unicycle::Unicycle, unicycle::Params::default(), 1e-13);
        kernels::<L, _, _, _, _>(&planar_quadrotor::PlanarQuadrotor, planar_quadrotor::Params::default(), 1e-13);
    }
    check::<F64x4>();
    check::<F64x8>();
}

/// Solves and differentiates random problems in lanes and one by one. Statuses are the same. Solutions differ by at
/// most 10 times the tolerance over the smallest curvature. (Both are within that distance of the minimum; the factor
/// 10 is for the response of the plant to a change of controls.) Gradients differ by no more than the solutions
/// explain. Returns the number of converged problems.
fn agree<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    settings: Settings,
    problems: &[Problem<NX, NU, NP>],
) -> usize
where
    M: Model<NX, NU, NP> + Copy,
{
    let horizon = problems[0].horizon();
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    let lanes = batch::solve_lanes(&model, horizon, &settings, problems);
    let mut converged: Vec<Solution<NX, NU, NP>> = Vec::new();
    for (i, (lanes, problem)) in lanes.into_iter().zip(problems).enumerate() {
        let (lanes, single) = (lanes.unwrap(), solver.solve(problem).unwrap());
        assert_eq!(lanes.status, single.status, "{i}: {:?} {:?}", lanes.stats, single.stats);
        if single.status == Status::Converged {
            let smallest = single.certificate().smallest_eigenvalue;
            let in_lanes = lanes.certificate().smallest_eigenvalue;
            assert!(in_lanes == smallest || (in_lanes / smallest - 1.0).abs() < 1e-6);
            let bound = 10.0 * settings.tolerance / smallest.min(1.0);
            let states = lanes.states.iter().zip(&single.states).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max);
            let controls = lanes.controls.iter().zip(&single.controls).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max);
            assert!(states <= bound && controls <= bound, "{i}: {states:e} {controls:e} beyond {bound:e}");
            assert!((lanes.cost - single.cost).abs() <= 1e-12 * single.cost.abs().max(1.0));
            converged.push(lanes);
        }
    }
    let losses: Vec<_> = converged.iter().map(|_| random_loss(horizon)).collect();
    let gradients = batch::vjp_lanes(&model, &settings, &converged, &losses);
    for (i, ((gradient, solution), loss)) in gradients.iter().zip(&converged).zip(&losses).enumerate() {
        match (gradient, solver.vjp(solution, loss)) {
            (Ok(lanes), Ok(single)) => {
                // The condition of these problems, 1e5 at most, times the rounding of a sine.
                let (params, state) = (single.params - lanes.params, single.initial_state - lanes.initial_state);
                assert!(params.amax() <= 1e-9 * single.params.amax().max(1.0), "{i}: {params}");
                assert!(state.amax() <= 1e-9 * single.initial_state.amax().max(1.0), "{i}: {state}");
            }
            (Err(lanes), Err(single)) => assert_eq!(lanes.to_string(), single.to_string()),
            (lanes, single) => panic!("{i}: {lanes:?} {single:?}"),
        }
    }
    converged.len()
}

/// A single solve keeps its factorization for a gradient, and a batch does not: the bits are the same. A gradient has
/// the same bits from a kept factorization and from a new one.
#[test]
fn the_same_bits_alone_and_in_batches() {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problems: &[Problem<NX, NU, NP>])
    where
        M: Model<NX, NU, NP> + Copy,
    {
        let horizon = problems[0].horizon();
        for hessian in [Hessian::Exact, Hessian::GaussNewton] {
            let settings = Settings { hessian, ..Settings::default() };
            let mut solver = Ilqr::new(model, horizon, settings).unwrap();
            let (mut solutions, mut losses, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
            for problem in problems {
                let solution = solver.solve(problem).unwrap();
                assert_eq!(solution.status, Status::Converged);
                let loss = LossGradient::new(solution.states.clone(), solution.controls.clone());
                gradients.push(solver.vjp(&solution, &loss));
                solutions.push(solution);
                losses.push(loss);
            }
            assert_eq!(batch::vjp(&model, &settings, &solutions, &losses), gradients);
            let alone: Vec<_> = solutions.into_iter().map(Ok).collect();
            assert_eq!(batch::solve(&model, horizon, &settings, problems), alone);
        }
    }
    let problems =
        around(&van_der_pol::VanDerPol, 11, 30, ([0.0, 1.0], 1.0), van_der_pol::Params::default(), |_| [0.0]);
    check(van_der_pol::VanDerPol, &problems);
    let law = |x: &SVector<f64, 4>| [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]];
    let problems = around(&cartpole::Cartpole, 11, 30, ([0.0; 4], 0.2), cartpole::Params::default(), law);
    check(cartpole::Cartpole, &problems);
}

/// `count` problems from random states about `x0`, under a law, with parameters near the given ones.
fn around<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    count: usize,
    horizon: usize,
    (x0, spread): ([f64; NX], f64),
    params: impl Into<SVector<f64, NP>>,
    law: impl Fn(&SVector<f64, NX>) -> [f64; NU] + Copy + Send + Sync + 'static,
) -> Vec<Problem<NX, NU, NP>>
where
    M: Model<NX, NU, NP>,
{
    let params = params.into();
    let mut rng = StdRng::seed_from_u64(62);
    (0..count)
        .map(|_| {
            let start: SVector<f64, NX> = SVector::from_fn(|i, _| x0[i] + spread * rng.random_range(-1.0..1.0));
            let params = params.map(|p| p * rng.random_range(0.9..1.1));
            Problem::new(start, params, horizon).with_policy(model, move |_, x| law(x))
        })
        .collect()
}

#[test]
fn cartpoles() {
    let law = |x: &SVector<f64, 4>| [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]];
    let problems = around(&cartpole::Cartpole, 64, 30, ([0.0; 4], 0.5), cartpole::Params::default(), law);
    assert_eq!(agree(cartpole::Cartpole, Settings::default(), &problems), 64);
    let gauss_newton = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    assert!(agree(cartpole::Cartpole, gauss_newton, &problems[..17]) > 12);
    // With few steps, most problems reach the iteration limit.
    let short = Settings { max_iterations: 1, ..Settings::default() };
    assert!(agree(cartpole::Cartpole, short, &problems[..9]) < 9);
}

/// Starts from zero controls, hanging or falling: line searches, Gauss-Newton fallbacks and regularization.
#[test]
fn swings() {
    let none = |_: &SVector<f64, 2>| [0.0];
    let problems = around(&pendulum::Pendulum, 33, 20, ([1.5, 0.0], 1.2), pendulum::Params::default(), none);
    assert!(agree(pendulum::Pendulum, Settings::default(), &problems) > 25);
    let mut solver = Ilqr::new(pendulum::Pendulum, 20, Settings::default()).unwrap();
    let searched = |problem| {
        let stats = solver.solve(problem).unwrap().stats;
        stats.regularizations > 0 || stats.line_search_steps > stats.iterations
    };
    assert!(problems.iter().map(searched).filter(|searched| *searched).count() > 5);
}

#[test]
fn planar_quadrotors() {
    let params = planar_quadrotor::Params::default();
    let hover = 0.5 * params.mass * params.gravity;
    let law = move |_: &SVector<f64, 6>| [hover; 2];
    let model = planar_quadrotor::PlanarQuadrotor;
    let problems = around(&model, 19, 20, ([0.0; 6], 0.3), params, law);
    assert!(agree(model, Settings::default(), &problems) > 15);
}

#[test]
fn oscillators_and_springs_and_unicycles() {
    let problems =
        around(&van_der_pol::VanDerPol, 21, 30, ([0.0, 1.0], 1.0), van_der_pol::Params::default(), |_| [0.0]);
    assert_eq!(agree(van_der_pol::VanDerPol, Settings::default(), &problems), 21);
    let springs = mass_spring_damper::MassSpringDamper;
    let law = |_: &SVector<f64, 6>| [0.0];
    let problems = around(&springs, 5, 30, ([0.1; 6], 0.5), mass_spring_damper::Params::default(), law);
    assert_eq!(agree(springs, Settings::default(), &problems), 5);
    let params = unicycle::Params::default();
    let problems = around(&unicycle::Unicycle, 11, 30, ([0.0, 0.1, 0.3], 0.1), params, |_| [0.0; 2]);
    assert!(agree(unicycle::Unicycle, Settings::default(), &problems) > 8);
}

#[test]
fn acrobots_and_arms() {
    let still = Ilqr::new(acrobot::Acrobot, 40, Settings::default())
        .unwrap()
        .solve(&Problem::new([0.0; 4], acrobot::Params::default(), 40))
        .unwrap();
    let gain = still.gains[0];
    let law = move |x: &SVector<f64, 4>| [(gain * x)[0]];
    let problems = around(&acrobot::Acrobot, 13, 40, ([0.0; 4], 0.02), acrobot::Params::default(), law);
    assert!(agree(acrobot::Acrobot, Settings::default(), &problems) > 7);
    let arm = two_link_arm::TwoLinkArm;
    let problems = around(&arm, 7, 30, ([0.6, 1.2, 0.0, 0.0], 0.1), two_link_arm::Params::default(), |_| [0.0; 2]);
    assert!(agree(arm, Settings::default(), &problems) > 5);
}

/// Problems with bounds are solved in lanes, problems with constraints one by one.
#[test]
fn limited_models() {
    let params = pendulum_limited::Params::default();
    let model = pendulum_limited::PendulumLimited;
    let problems = around(&model, 9, 15, ([0.4, 0.0], 0.2), params, |_| [0.0]);
    agree(model, Settings::default(), &problems);
    let model = unicycle_obstacles::UnicycleObstacles;
    let params = unicycle_obstacles::Params::default();
    let problems = around(&model, 3, 15, ([0.0; 3], 0.01), params, |_| [0.5, 0.0]);
    agree(model, Settings::default(), &problems);
}
