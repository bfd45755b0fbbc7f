//! Batches: input order, the same bits as one by one, failures that stay where they are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    GradientError, Ilqr, InputError, LossGradient, Problem, Settings, Solution, SolveError, Status, batch,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::{Cart4, Cartpole, cart_feedback};

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
    assert!(batch::solve::<_, 4, 1, 4, 0>(&Cart4, 5, &settings, &[]).is_empty());
    let empty = Solution::empty(0);
    let results = batch::vjp(&Cart4, &settings, &[empty], &[LossGradient::zeros(0)]);
    assert!(matches!(results[0], Err(GradientError::Settings(_))));
}
