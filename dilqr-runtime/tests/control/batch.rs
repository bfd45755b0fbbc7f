//! Batches: input order, the same bits as one by one, failures that stay where they are.

use crate::support::{Cart4, Cartpole, Rail, cart_feedback};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    GradientError, Hessian, Ilqr, InputError, LossGradient, Model, Problem, Settings, Solution, SolveError, Status,
    batch,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const T: usize = 25;

/// Some are hard, two are no problems at all, one divides by zero.
fn problems() -> Vec<Problem<4, 1, 4>> {
    let mut rng = StdRng::seed_from_u64(31);
    let mut problems: Vec<_> = (0..40)
        .map(|_| {
            let x0: SVector<f64, 4> = SVector::from_fn(|_, _| rng.random_range(-0.6..0.6));
            let params = [9.8, 1.0, rng.random_range(0.05..0.3), rng.random_range(0.3..1.0)];
            let problem = Problem::new(x0, params, T);
            if rng.random() { problem.with_policy(&Cartpole, cart_feedback) } else { problem }
        })
        .collect();
    problems[7] = Problem::new([f64::NAN, 0.0, 0.0, 0.0], Cart4::PARAMS, T);
    problems[20] = Problem::new(Cart4::X0, [9.8, 1.0, 0.1, 0.0], T);
    problems[33] = Problem::new(Cart4::X0, Cart4::PARAMS, T + 1);
    problems
}

/// Bits rather than `==`: NaN is part of what must agree.
fn bits(solution: &Solution<4, 1, 4>) -> Vec<u64> {
    let Solution { cost, states, controls, gains, costates, x0, params, .. } = solution;
    let vectors = states.iter().chain(costates).chain([x0, params]).flat_map(|v| v.iter());
    let rest = controls.iter().flat_map(|v| v.iter()).chain(gains.iter().flat_map(|k| k.iter()));
    vectors.chain(rest).chain([cost]).map(|v| v.to_bits()).collect()
}

#[test]
fn equal_to_one_by_one() {
    let problems = problems();
    let settings = Settings::default();
    let mut solver = Ilqr::new(Cartpole, T, settings).unwrap();
    let mut solutions = Vec::new();
    let mut losses = Vec::new();
    let mut expected = Vec::new();
    for (i, (problem, result)) in problems.iter().zip(batch::solve(&Cartpole, T, &settings, &problems)).enumerate() {
        match (result, solver.solve(problem)) {
            (Ok(batched), Ok(single)) => {
                assert_eq!((batched.status, batched.stats.iterations), (single.status, single.stats.iterations), "{i}");
                assert_eq!(bits(&batched), bits(&single), "{i}");
                assert_eq!(batched.status == Status::Diverged, i == 20, "{i}");
                // A solver that has seen nothing else.
                let fresh = Ilqr::new(Cartpole, T, settings).unwrap().solve(problem).unwrap();
                assert_eq!(bits(&fresh), bits(&single), "{i}");
                let mut loss = LossGradient::zeros(T);
                loss.controls[i % T][0] = 1.0;
                loss.states[T][2] = i as f64;
                expected.push(solver.vjp(&batched, &loss));
                solutions.push(batched);
                losses.push(loss);
            }
            (Err(batched), Err(single)) => {
                assert_eq!(batched.to_string(), single.to_string());
                assert!(matches!(
                    (i, single),
                    (7, SolveError::Input(InputError::NonFinite { .. })) | (33, SolveError::Horizon { .. })
                ));
            }
            (batched, single) => panic!("{i}: {batched:?} {single:?}"),
        }
    }
    assert_eq!(solutions.len(), 38);
    // A loss that does not fit sinks only itself.
    losses[3].states.pop();
    let gradients = batch::vjp(&Cartpole, &settings, &solutions, &losses);
    assert_eq!(gradients.len(), expected.len());
    for (i, (batched, single)) in gradients.iter().zip(&expected).enumerate() {
        match (batched, single) {
            (Err(GradientError::Input(InputError::WrongLength { .. })), Ok(_)) => assert_eq!(i, 3),
            (Ok(batched), Ok(single)) => assert_eq!(batched, single, "{i}"),
            (Err(batched), Err(single)) => assert_eq!(batched.to_string(), single.to_string(), "{i}"),
            (batched, single) => panic!("{i}: {batched:?} {single:?}"),
        }
    }
    assert!(gradients.iter().filter(|gradient| gradient.is_ok()).count() > 25);
}

#[test]
fn solutions_of_different_horizons() {
    let settings = Settings::default();
    let horizons = [5, 9, 5, 30];
    let solutions: Vec<_> =
        horizons.iter().map(|&t| Ilqr::new(Cart4, t, settings).unwrap().solve(&Cart4::problem(t)).unwrap()).collect();
    let losses: Vec<_> = solutions.iter().map(|s| Cart4::loss(&s.states, &s.controls)).collect();
    for ((solution, loss), gradient) in
        solutions.iter().zip(&losses).zip(batch::vjp(&Cart4, &settings, &solutions, &losses))
    {
        let mut solver = Ilqr::new(Cart4, solution.horizon(), settings).unwrap();
        assert_eq!(gradient, solver.vjp(solution, loss));
        assert!(gradient.is_ok());
    }
}

#[test]
fn lists_that_do_not_match() {
    let settings = Settings::default();
    let solution = Ilqr::new(Cart4, 5, settings).unwrap().solve(&Cart4::problem(5)).unwrap();
    let results = batch::vjp(&Cart4, &settings, &[solution.clone(), solution], &[LossGradient::zeros(5)]);
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result.unwrap_err().to_string(), "the list of loss gradients has length 1, expected 2");
    }
    assert!(batch::solve::<_, 4, 1, 4, 0, 0>(&Cart4, 5, &settings, &[]).is_empty());
    let empty = Solution::empty(0);
    let results = batch::vjp(&Cart4, &settings, &[empty], &[LossGradient::zeros(0)]);
    assert!(matches!(results[0], Err(GradientError::Settings(_))));
}

/// Solutions and gradients of a batch against a solver's, to the bit; and how many gradients there are.
fn same_as_one_by_one<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: Settings,
    problems: &[Problem<NX, NU, NP, NS>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU> + Sync,
) -> usize
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let horizon = problems[1].horizon();
    let mut solver = Ilqr::new(*model, horizon, settings).unwrap();
    let results = batch::solve_and_vjp(model, horizon, &settings, problems, &loss);
    assert_eq!(results.len(), problems.len());
    let mut count = 0;
    for (i, (problem, result)) in problems.iter().zip(results).enumerate() {
        match (result, solver.solve(problem)) {
            (Ok((solution, gradient)), Ok(single)) => {
                assert_eq!((solution.status, solution.stats.iterations), (single.status, single.stats.iterations));
                if single.status != Status::Diverged {
                    assert_eq!(solution, single, "{i}");
                }
                // Without a derivative there is no loss.
                let loss =
                    if single.status == Status::Converged { loss(i, &single) } else { LossGradient::zeros(horizon) };
                let expected = solver.vjp(&single, &loss);
                match (gradient, expected) {
                    (Ok(gradient), Ok(expected)) => {
                        assert_eq!(gradient, expected, "{i}");
                        count += 1;
                    }
                    (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected.to_string(), "{i}"),
                    (gradient, expected) => panic!("{i}: {gradient:?} {expected:?}"),
                }
            }
            (Err(error), Err(single)) => assert_eq!(error.to_string(), single.to_string(), "{i}"),
            (result, single) => panic!("{i}: {result:?} {single:?}"),
        }
    }
    count
}

#[test]
fn solutions_with_their_gradients() {
    let loss = |i: usize, solution: &Solution<4, 1, 4>| {
        let mut loss = Cart4::loss(&solution.states, &solution.controls);
        loss.states[T][2] = i as f64;
        // A loss that does not fit has no gradient, and the solution stays.
        if i == 1 {
            loss.controls.pop();
        }
        loss
    };
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        assert!(same_as_one_by_one(&Cartpole, settings, &problems(), loss) > 25);
    }
    let rails: Vec<_> =
        (0..6).map(|i| Problem::new([0.0, 0.0], [0.5 + 0.1 * f64::from(i), 0.7, 2.5, 0.01], T)).collect();
    let loss = |i: usize, solution: &Solution<2, 1, 4>| {
        let mut loss = LossGradient::new(solution.states.clone(), solution.controls.clone());
        loss.states[T][0] += i as f64;
        loss
    };
    assert!(same_as_one_by_one(&Rail, Settings::default(), &rails, loss) > 3);
    let settings = Settings { relaxation: Some(0.01), ..Settings::default() };
    assert!(same_as_one_by_one(&Rail, settings, &rails, loss) > 3);
}

#[test]
fn no_solutions_with_gradients() {
    let loss = |_: usize, _: &Solution<4, 1, 4>| LossGradient::zeros(5);
    assert!(batch::solve_and_vjp(&Cart4, 5, &Settings::default(), &[], loss).is_empty());
    let settings = Settings { tolerance: -1.0, ..Settings::default() };
    let results = batch::solve_and_vjp(&Cart4, 5, &settings, &[Cart4::problem(5), Cart4::problem(5)], loss);
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| matches!(result, Err(SolveError::Settings(_)))));
}
