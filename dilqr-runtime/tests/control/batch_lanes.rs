//! Batches in lanes: the statuses of one by one and their solutions, whatever else is in the batch.

use crate::support::{BoundedPendulum, Cart4, Cartpole, Pendulum, Rail, Tracking, c, cart_feedback};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Gradient, GradientError, Hessian, Ilqr, InputError, LossGradient, Model, Problem, Scalar, Settings, Solution,
    SolveError, Status, batch,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::ThreadPoolBuilder;

/// The oscillator of van der Pol, explicit Euler: sums and products alone, so that lanes round as `f64` does.
#[derive(Clone, Copy, Debug)]
struct VanDerPol;

impl Model<2, 1, 2> for VanDerPol {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 2>, next: &mut SVector<S, 2>) {
        let dt = c::<S>(0.1);
        next[0] = x[0] + dt * x[1];
        next[1] = x[1] + dt * (p[0] * (c::<S>(1.0) - x[0] * x[0]) * x[1] - x[0] + u[0]);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 2>) -> S {
        x[0] * x[0] + c::<S>(0.5) * x[1] * x[1] + p[1] * u[0] * u[0] * (c::<S>(1.0) + c::<S>(0.1) * u[0] * u[0])
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 2>) -> S {
        let far = x[0] * x[0] + x[1] * x[1] - c::<S>(0.25);
        far * far
    }
}

/// Bits rather than `==`: NaN is part of what must agree.
fn bits<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> Vec<u64> {
    let Solution { cost, states, controls, gains, costates, bound_multipliers, stats, .. } = solution;
    let vectors = states.iter().chain(costates).flat_map(|v| v.iter());
    let rest = controls.iter().chain(bound_multipliers).flat_map(|v| v.iter());
    let certificate = solution.certificate();
    vectors
        .chain(rest)
        .chain(gains.iter().flat_map(|k| k.iter()))
        .chain([cost, &stats.stationarity, &certificate.smallest_eigenvalue, &certificate.margin])
        .map(|v| v.to_bits())
        .collect()
}

/// Solves in lanes and one by one, and compares: the same errors, the same statuses, converged solutions as close as their
/// stationarity says. Returns the solutions in lanes.
fn agree<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
    horizon: usize,
    same_bits: bool,
) -> Vec<Option<Solution<NX, NU, NP, NS>>>
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let mut solver = Ilqr::new(model, horizon, *settings).unwrap();
    let results = batch::solve_lanes(&model, horizon, settings, problems);
    assert_eq!(results.len(), problems.len());
    let compare = |(i, (problem, result)): (usize, (&Problem<NX, NU, NP, NS>, Result<_, SolveError>))| {
        let (lanes, single): (Solution<NX, NU, NP, NS>, _) = match (result, solver.solve(problem)) {
            (Ok(lanes), Ok(single)) => (lanes, single),
            (Err(lanes), Err(single)) => {
                assert_eq!(lanes.to_string(), single.to_string());
                return None;
            }
            (lanes, single) => panic!("{i}: {lanes:?} {single:?}"),
        };
        assert_eq!(lanes.status, single.status, "{i}: {:?} {:?}", lanes.stats, single.stats);
        assert_eq!((&lanes.x0, &lanes.params, &lanes.stage_params), (&single.x0, &single.params, &single.stage_params));
        if same_bits {
            let counts =
                |s: &Solution<NX, NU, NP, NS>| (s.stats.iterations, s.stats.line_search_steps, s.stats.regularizations);
            assert_eq!(counts(&lanes), counts(&single), "{i}");
            assert_eq!(bits(&lanes), bits(&single), "{i}");
        }
        if single.status == Status::Converged {
            assert!(lanes.stats.step <= settings.tolerance);
            // Either is within stationarity over curvature of the minimum; a state feels the controls before it, with
            // gains of order one in these problems: the 10.
            let bound = 10.0 * settings.tolerance / single.certificate().smallest_eigenvalue.min(1.0);
            let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            for (a, b) in lanes.states.iter().zip(&single.states) {
                assert!(apart(a.as_slice(), b.as_slice()) <= bound, "{i}: {} > {bound}", (a - b).amax());
            }
            for (a, b) in lanes.controls.iter().zip(&single.controls) {
                assert!(apart(a.as_slice(), b.as_slice()) <= bound, "{i}: {} > {bound}", (a - b).amax());
            }
        }
        Some(lanes)
    };
    problems.iter().zip(results).enumerate().map(compare).collect()
}

fn count<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solutions: &[Option<Solution<NX, NU, NP, NS>>],
    status: Status,
) -> usize {
    solutions.iter().flatten().filter(|solution| solution.status == status).count()
}

fn oscillators(n: usize, horizon: usize) -> Vec<Problem<2, 1, 2>> {
    let mut rng = StdRng::seed_from_u64(41);
    (0..n)
        .map(|_| {
            let x0: SVector<f64, 2> = SVector::from_fn(|_, _| rng.random_range(-3.0..3.0));
            let controls: Vec<[f64; 1]> = (0..horizon).map(|_| [rng.random_range(-1.0..1.0)]).collect();
            let problem = Problem::new(x0, [rng.random_range(0.1..2.5), rng.random_range(0.01..1.0)], horizon);
            match rng.random_range(0..3) {
                0 => problem,
                1 => problem.with_controls(&controls),
                _ => problem.with_policy(&VanDerPol, |_, x| [-x[1]]),
            }
        })
        .collect()
}

/// Without sines nor exponentials, whatever happens in a solve happens in its lane, bit by bit: line searches,
/// regularization, substitute Hessians, limits, divergence.
#[test]
fn to_the_bit_without_elementary_functions() {
    let horizon = 8;
    let mut problems = oscillators(16, horizon);
    problems[3] = Problem::new([40.0, 40.0], [30.0, 1.0], horizon);
    problems[9] = Problem::new([1.0, f64::NAN], [1.0, 1.0], horizon);
    problems[13] = Problem::new([1.0, 1.0], [1.0, 1.0], horizon + 2);
    problems[15] = Problem::new([1.0, 1.0], [1.0, -0.2], horizon);
    let mut settings = vec![Settings::default(); 8];
    settings[1].hessian = Hessian::GaussNewton;
    settings[2].max_iterations = 4;
    settings[3].line_search.max_trials = 1;
    settings[3].regularization.maximum = 1e-6;
    settings[3].line_search.sufficient_decrease = 0.49;
    settings[4].regularization.maximum = 1e-6;
    settings[5].regularization.initial = 10.0;
    settings[5].regularization.decrease = 1.0;
    settings[6].tolerance = 1e-17;
    settings[6].max_iterations = 40;
    settings[6].line_search.max_trials = 2;
    settings[7].max_iterations = 0;
    let (mut seen, mut searched) = ([0; 5], 0);
    for settings in &settings {
        let solutions = agree(VanDerPol, settings, &problems, horizon, true);
        let statuses = [
            Status::Converged,
            Status::IterationLimit,
            Status::LineSearchFailed,
            Status::RegularizationLimit,
            Status::Diverged,
        ];
        for (seen, status) in seen.iter_mut().zip(statuses) {
            *seen += count(&solutions, status);
        }
        searched += solutions.iter().flatten().map(|s| s.stats.line_search_steps - s.stats.iterations).sum::<usize>();
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    assert!(searched > 100, "step lengths other than the first were tried {searched} times");
}

/// Sizes that fill lanes, that leave some empty, and none at all.
#[test]
fn any_number_of_problems() {
    let problems = oscillators(65, 8);
    for n in [0, 1, 3, 5, 8, 9, 64, 65] {
        agree(VanDerPol, &Settings::default(), &problems[..n], 8, true);
    }
}

/// A solution depends on its problem alone: not on the threads, nor on the order, nor on the company.
#[test]
fn threads_and_company_change_no_bit() {
    let problems = carts(23, 15);
    let settings = Settings::default();
    let on = |threads: usize, problems: &[Problem<4, 1, 4>]| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| batch::solve_lanes(&Cartpole, 15, &settings, problems))
    };
    let expected: Vec<_> = on(1, &problems).into_iter().map(|result| bits(&result.unwrap())).collect();
    for threads in [2, 3, 8] {
        let found: Vec<_> = on(threads, &problems).into_iter().map(|result| bits(&result.unwrap())).collect();
        assert_eq!(found, expected, "{threads} threads");
    }
    let backwards: Vec<_> = problems.iter().rev().cloned().collect();
    let found: Vec<_> = on(2, &backwards).into_iter().rev().map(|result| bits(&result.unwrap())).collect();
    assert_eq!(found, expected);
    for (problem, expected) in problems.iter().zip(&expected).step_by(5) {
        assert_eq!(&bits(on(1, std::slice::from_ref(problem))[0].as_ref().unwrap()), expected);
    }
}

fn carts(n: usize, horizon: usize) -> Vec<Problem<4, 1, 4>> {
    let mut rng = StdRng::seed_from_u64(31);
    (0..n)
        .map(|i| {
            let x0: SVector<f64, 4> = SVector::from_fn(|_, _| rng.random_range(-0.6..0.6));
            let params = [9.8, 1.0, rng.random_range(0.05..0.3), rng.random_range(0.3..1.0)];
            let problem = Problem::new(x0, params, horizon);
            if i % 3 > 0 { problem.with_policy(&Cartpole, cart_feedback) } else { problem }
        })
        .collect()
}

/// The cart and pole, with problems among them that diverge or are none.
#[test]
fn cartpoles() {
    let horizon = 20;
    let mut problems = carts(40, horizon);
    problems[7] = Problem::new([f64::NAN, 0.0, 0.0, 0.0], Cart4::PARAMS, horizon);
    problems[20] = Problem::new(Cart4::X0, [9.8, 1.0, 0.1, 0.0], horizon);
    problems[33] = Problem::new(Cart4::X0, Cart4::PARAMS, horizon + 1);
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        let solutions = agree(Cartpole, &settings, &problems, horizon, false);
        assert_eq!(count(&solutions, Status::Diverged), 1);
        assert!(count(&solutions, Status::Converged) > 30);
    }
}

#[test]
fn pendulums_with_and_without_bounds() {
    let mut rng = StdRng::seed_from_u64(32);
    let horizon = 20;
    let problems: Vec<_> = (0..41)
        .map(|_| {
            let x0 = [rng.random_range(-1.5..1.5), rng.random_range(-1.0..1.0)];
            let params = [10.0, rng.random_range(0.5..1.5), rng.random_range(0.5..1.5)];
            let problem = Problem::new(x0, params, horizon);
            if rng.random() { problem.with_policy(&Pendulum, |_, x| [-8.0 * x[0] - 2.0 * x[1]]) } else { problem }
        })
        .collect();
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        let solutions = agree(Pendulum, &settings, &problems, horizon, false);
        assert_eq!(count(&solutions, Status::Converged), problems.len());
        let solutions = agree(BoundedPendulum, &settings, &problems, horizon, false);
        assert!(count(&solutions, Status::Converged) > 35);
        let held = |solution: &Solution<2, 1, 3>| solution.bound_multipliers.iter().any(|rho| rho[0] != 0.0);
        assert!(solutions.iter().flatten().filter(|solution| held(solution)).count() > 10);
    }
}

#[test]
fn stage_parameters() {
    let mut rng = StdRng::seed_from_u64(33);
    let horizon = 15;
    let problems: Vec<_> = (0..19)
        .map(|_| {
            let stage_params: Vec<[f64; 2]> =
                (0..=horizon).map(|_| [rng.random_range(-0.5..0.5), rng.random_range(-1.0..1.0)]).collect();
            Problem::<2, 1, 2, 2>::new([rng.random_range(-1.0..1.0), 0.0], [10.0, 0.01], horizon)
                .with_stage_params(&stage_params)
        })
        .collect();
    let solutions = agree(Tracking, &Settings::default(), &problems, horizon, false);
    assert_eq!(count(&solutions, Status::Converged), problems.len());
}

/// Constraints and relaxed bounds are the single solver's business: its bits.
#[test]
fn what_is_solved_one_by_one() {
    let horizon = 20;
    let rails: Vec<_> =
        (0..5).map(|i| Problem::new([0.0, 0.0], [0.5 + 0.1 * f64::from(i), 2.0, 5.0, 0.1], horizon)).collect();
    agree(Rail, &Settings::default(), &rails, horizon, true);
    let pendulums: Vec<_> =
        (0..5).map(|i| Problem::new([0.2 * f64::from(i), 0.0], [10.0, 1.0, 1.0], horizon)).collect();
    let settings = Settings { relaxation: Some(0.1), ..Settings::default() };
    agree(BoundedPendulum, &settings, &pendulums, horizon, true);
}

/// A seeded loss gradient.
fn random_loss<const NX: usize, const NU: usize>(rng: &mut StdRng, horizon: usize) -> LossGradient<NX, NU> {
    let mut loss = LossGradient::<NX, NU>::zeros(horizon);
    let entries = loss.states.iter_mut().flat_map(|g| g.iter_mut());
    for entry in entries.chain(loss.controls.iter_mut().flat_map(|g| g.iter_mut())) {
        *entry = rng.random_range(-1.0..1.0);
    }
    loss
}

/// Gradients in lanes against gradients one by one, with the same solutions: the same errors, and numbers within
/// `tolerance` of the largest entry. Returns how many there are.
fn same_gradients<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    solutions: &[Solution<NX, NU, NP, NS>],
    losses: &[LossGradient<NX, NU>],
    tolerance: f64,
) -> usize
where
    M: Model<NX, NU, NP, NS>,
{
    let settings = Settings::default();
    let lanes = batch::vjp_lanes(&model, &settings, solutions, losses);
    let single = batch::vjp(&model, &settings, solutions, losses);
    assert_eq!(lanes.len(), single.len());
    let mut count = 0;
    for (i, pair) in lanes.iter().zip(&single).enumerate() {
        match pair {
            (Ok(lanes), Ok(single)) => {
                fn numbers<const NX: usize, const NP: usize, const NS: usize>(g: &Gradient<NX, NP, NS>) -> Vec<f64> {
                    let stages = g.stage_params.iter().flat_map(|s| s.iter());
                    g.params.iter().chain(&g.initial_state).chain(stages).copied().collect()
                }
                let (lanes, single) = (numbers(lanes), numbers(single));
                assert_eq!(lanes.len(), single.len());
                let scale = single.iter().fold(1.0, |scale, entry| f64::max(scale, entry.abs()));
                for (a, b) in lanes.iter().zip(&single) {
                    assert!((a - b).abs() <= tolerance * scale, "{i}: {a} {b}");
                }
                count += 1;
            }
            (Err(lanes), Err(single)) => assert_eq!(lanes.to_string(), single.to_string(), "{i}"),
            (lanes, single) => panic!("{i}: {lanes:?} {single:?}"),
        }
    }
    count
}

/// Without sines nor exponentials: the same bits, at several horizons in one batch.
#[test]
fn gradients_to_the_bit_without_elementary_functions() {
    let mut rng = StdRng::seed_from_u64(34);
    let mut solutions = Vec::new();
    for horizon in [6, 11, 6, 3] {
        let found = batch::solve_lanes(&VanDerPol, horizon, &Settings::default(), &oscillators(7, horizon));
        solutions.extend(found.into_iter().map(Result::unwrap));
    }
    let losses: Vec<_> = solutions.iter().map(|solution| random_loss(&mut rng, solution.horizon())).collect();
    assert!(same_gradients(VanDerPol, &solutions, &losses, 0.0) > 20);
    for n in [0, 1, 3, 9] {
        same_gradients(VanDerPol, &solutions[..n], &losses[..n], 0.0);
    }
}

/// Gradients of what cannot be differentiated are refused for the reason that one by one gives, and disturb nothing. The
/// lanes' sines are good to two units in the last place, the problem's condition is below 1e6.
#[test]
fn gradients_of_cartpoles() {
    let horizon = 15;
    let mut rng = StdRng::seed_from_u64(35);
    let settings = Settings::default();
    let problems = carts(21, horizon);
    let solve = || batch::solve_lanes(&Cartpole, horizon, &settings, &problems).into_iter().map(Result::unwrap);
    let mut solutions: Vec<_> = solve().collect();
    let mut losses: Vec<_> = solutions.iter().map(|_| random_loss(&mut rng, horizon)).collect();
    let whole = same_gradients(Cartpole, &solutions, &losses, 1e-9);
    assert!(whole > 18);
    let before = batch::vjp_lanes(&Cartpole, &settings, &solutions, &losses);
    solutions[2].states[4][1] += 1e-3;
    solutions[5].status = Status::IterationLimit;
    solutions[6].controls.pop();
    solutions[9].x0[0] = f64::NAN;
    losses[11].states[3][0] = f64::INFINITY;
    losses[12].controls.pop();
    assert!(same_gradients(Cartpole, &solutions, &losses, 1e-9) <= whole - 6);
    for (i, gradient) in batch::vjp_lanes(&Cartpole, &settings, &solutions, &losses).iter().enumerate() {
        match i {
            2 | 5 | 9 => assert!(matches!(gradient, Err(GradientError::NotConverged { .. })), "{i}: {gradient:?}"),
            6 | 12 => assert!(
                matches!(gradient, Err(GradientError::Input(InputError::WrongLength { .. }))),
                "{i}: {gradient:?}"
            ),
            11 => assert!(
                matches!(gradient, Err(GradientError::Input(InputError::NonFinite { .. }))),
                "{i}: {gradient:?}"
            ),
            _ => assert_eq!(gradient, &before[i], "{i}"),
        }
    }
    // The other threads, the other order.
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let (mut backwards, mut losses_backwards) = (solutions.clone(), losses.clone());
    backwards.reverse();
    losses_backwards.reverse();
    let found = pool.install(|| batch::vjp_lanes(&Cartpole, &settings, &backwards, &losses_backwards));
    for (a, b) in found.iter().rev().zip(batch::vjp_lanes(&Cartpole, &settings, &solutions, &losses)) {
        assert!(a.as_ref().ok() == b.as_ref().ok() && a.is_ok() == b.is_ok());
    }
}

#[test]
fn gradients_with_stage_parameters_and_with_bounds() {
    let horizon = 12;
    let mut rng = StdRng::seed_from_u64(36);
    let problems: Vec<_> = (0..9)
        .map(|_| {
            let stage_params: Vec<[f64; 2]> =
                (0..=horizon).map(|_| [rng.random_range(-0.5..0.5), rng.random_range(-1.0..1.0)]).collect();
            Problem::<2, 1, 2, 2>::new([rng.random_range(-1.0..1.0), 0.0], [10.0, 0.01], horizon)
                .with_stage_params(&stage_params)
        })
        .collect();
    let solve = batch::solve_lanes(&Tracking, horizon, &Settings::default(), &problems);
    let solutions: Vec<_> = solve.into_iter().map(Result::unwrap).collect();
    let losses: Vec<_> = solutions.iter().map(|_| random_loss(&mut rng, horizon)).collect();
    assert_eq!(same_gradients(Tracking, &solutions, &losses, 1e-10), 9);

    let problems: Vec<_> = (0..9).map(|i| Problem::new([0.2 * f64::from(i), 0.0], [10.0, 1.0, 1.0], horizon)).collect();
    let solve = batch::solve_lanes(&BoundedPendulum, horizon, &Settings::default(), &problems);
    let solutions: Vec<_> = solve.into_iter().map(Result::unwrap).collect();
    let losses: Vec<_> = solutions.iter().map(|_| random_loss(&mut rng, horizon)).collect();
    assert!(same_gradients(BoundedPendulum, &solutions, &losses, 0.0) > 6);
}

#[test]
fn gradients_of_lists_that_do_not_match() {
    let settings = Settings::default();
    let solution = batch::solve_lanes(&VanDerPol, 5, &settings, &oscillators(1, 5)).remove(0).unwrap();
    let results = batch::vjp_lanes(&VanDerPol, &settings, &[solution.clone(), solution], &[LossGradient::zeros(5)]);
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| matches!(result, Err(GradientError::Input(InputError::WrongLength { .. })))));
    let empty = Solution::empty(0);
    let results = batch::vjp_lanes(&VanDerPol, &settings, &[empty], &[LossGradient::zeros(0)]);
    assert!(matches!(results[0], Err(GradientError::Settings(_))));
}

#[test]
fn settings_out_of_range() {
    let settings = Settings { tolerance: -1.0, ..Settings::default() };
    let results = batch::solve_lanes(&VanDerPol, 12, &settings, &oscillators(3, 12));
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|result| matches!(result, Err(SolveError::Settings(_)))));
    assert!(batch::solve_lanes(&VanDerPol, 0, &Settings::default(), &oscillators(1, 12))[0].is_err());
}

/// The call in one against a solve and a gradient that factorizes anew, with problems that are none and that do not converge
/// among them.
#[test]
fn solutions_with_their_gradients() {
    let horizon = 15;
    let settings = Settings::default();
    let mut problems = carts(23, horizon);
    problems[4] = Problem::new([f64::NAN, 0.0, 0.0, 0.0], Cart4::PARAMS, horizon);
    problems[9] = Problem::new(Cart4::X0, [9.8, 1.0, 0.1, 0.0], horizon);
    problems[22] = Problem::new(Cart4::X0, Cart4::PARAMS, horizon + 1);
    let loss = |i: usize, solution: &Solution<4, 1, 4>| {
        assert_eq!(solution.status, Status::Converged);
        let mut loss = random_loss(&mut StdRng::seed_from_u64(i as u64), horizon);
        if i == 2 {
            loss.states.pop();
        }
        loss
    };
    let results = batch::solve_and_vjp_lanes(&Cartpole, horizon, &settings, &problems, loss);
    assert_eq!(results.len(), problems.len());
    // In another order the problems share lanes with others, and their factorizations with other gradients.
    let backwards: Vec<_> = problems.iter().rev().cloned().collect();
    let mut again = batch::solve_and_vjp_lanes(&Cartpole, horizon, &settings, &backwards, |i, solution| {
        loss(problems.len() - 1 - i, solution)
    });
    again.reverse();
    let alone = batch::solve_lanes(&Cartpole, horizon, &settings, &problems);
    let mut count = 0;
    for (i, ((result, again), alone)) in results.into_iter().zip(again).zip(alone).enumerate() {
        match (result, alone) {
            (Ok((solution, gradient)), Ok(alone)) => {
                assert_eq!(bits(&solution), bits(&alone), "{i}");
                if solution.status != Status::Converged {
                    assert!(matches!(gradient, Err(GradientError::NotConverged { .. })), "{i}: {gradient:?}");
                    continue;
                }
                assert_eq!(again, Ok((solution.clone(), gradient.clone())), "{i}");
                let expected = batch::vjp_lanes(&Cartpole, &settings, &[alone], &[loss(i, &solution)]).remove(0);
                assert_eq!(gradient.is_ok(), i != 2 && expected.is_ok(), "{i}: {gradient:?}");
                match (gradient, expected) {
                    (Ok(gradient), Ok(expected)) => {
                        // The kernels of the two factorizations share other subexpressions. Their rounding errors, of 1e-16,
                        // grow by the condition of the problem.
                        let error = (gradient.params - expected.params).amax() / expected.params.amax();
                        assert!(error < 1e-10, "{i}: {error:e}");
                        count += 1;
                    }
                    (gradient, expected) => assert_eq!(gradient, expected, "{i}"),
                }
            }
            (Err(error), Err(alone)) => {
                assert_eq!(error.to_string(), alone.to_string());
                assert!([4, 22].contains(&i));
            }
            (result, alone) => panic!("{i}: {result:?} {alone:?}"),
        }
    }
    assert!(count > 15, "{count}");
    let none = batch::solve_and_vjp_lanes(&Cartpole, horizon, &settings, &[], loss);
    assert!(none.is_empty());
}
