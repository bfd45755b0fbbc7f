//! Batches of lifted models: those of the models underneath, with conversions.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::engine::SolvedGradient;
use crate::engine::lift::{self, Lift, Lifting};
use crate::engine::parallel::in_order;
use crate::error::{GradientError, SolveError};
use crate::gradient::{Gradient, LossGradient};
use crate::problem::Problem;
use crate::solution::Solution;

/// The problems underneath those whose data are sound, with their indices, and the errors of the others.
struct Sorted<const NZ: usize, const NW: usize, const NP: usize, const NS: usize> {
    indices: Vec<usize>,
    lifted: Vec<Problem<NZ, NW, NP, NS>>,
    refused: Vec<(usize, SolveError)>,
}

/// Sorts problems by whether their data are sound.
fn sort<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    horizon: usize,
    problems: &[Problem<NX, NU, NP, NS, ND>],
) -> Sorted<NZ, NW, NP, NS>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    let mut sorted = Sorted { indices: Vec::new(), lifted: Vec::new(), refused: Vec::new() };
    for (index, problem) in problems.iter().enumerate() {
        match lift::check::<C, NX, NU, NP, NS, ND, NZ, NW>(problem, horizon) {
            Ok(()) => {
                let mut lifted = Problem::new(SVector::zeros(), SVector::zeros(), horizon);
                Lifting::of::<C>().problem(problem, &mut lifted, &mut None);
                sorted.indices.push(index);
                sorted.lifted.push(lifted);
            }
            Err(error) => sorted.refused.push((index, error)),
        }
    }
    sorted
}

/// The results of all problems in their order: those of the sound ones, and the errors of the others.
fn merge<T>(
    indices: Vec<usize>,
    results: impl IntoIterator<Item = Result<T, SolveError>>,
    refused: Vec<(usize, SolveError)>,
) -> Vec<Result<T, SolveError>> {
    let count = indices.len() + refused.len();
    let refused = refused.into_iter().map(|(index, error)| (index, Err(error)));
    in_order(count, indices.into_iter().zip(results).chain(refused))
}

/// Solves every problem, by the given batch of the model underneath.
pub(crate) fn solve<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    model: &C::Model,
    horizon: usize,
    problems: &[Problem<NX, NU, NP, NS, ND>],
    batch: impl FnOnce(&C, &[Problem<NZ, NW, NP, NS>]) -> Vec<Result<Solution<NZ, NW, NP, NS>, SolveError>>,
) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    let Sorted { indices, lifted, refused } = sort::<C, NX, NU, NP, NS, ND, NZ, NW>(horizon, problems);
    let lifting = Lifting::of::<C>();
    let solved = batch(&C::new(model.clone()), &lifted);
    let solutions: Vec<_> = indices
        .iter()
        .zip(solved)
        .map(|(&index, found)| found.map(|found| lifting.new_solution(&found, problems[index].previous)))
        .collect();
    merge(indices, solutions, refused)
}

/// Differentiates every solution, by the given batch of the model underneath.
pub(crate) fn vjp<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    model: &C::Model,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
    batch: impl FnOnce(
        &C,
        &[Solution<NZ, NW, NP, NS>],
        &[LossGradient<NZ, NW>],
    ) -> Vec<Result<Gradient<NZ, NP, NS>, GradientError>>,
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    let lifting = Lifting::of::<C>();
    let underneath = |given: &Solution<NX, NU, NP, NS, ND>| {
        let mut solution = Solution::empty(0);
        lifting.solution_underneath(given, &mut solution);
        solution
    };
    let solutions: Vec<_> = solutions.iter().map(underneath).collect();
    let losses: Vec<_> = losses.iter().map(|loss| lifting.loss(loss)).collect();
    let found = batch(&C::new(model.clone()), &solutions, &losses);
    found.into_iter().map(|found| lifting.gradient(found)).collect()
}

/// A loss on the solution of a problem with this index.
type Loss<'a, const NZ: usize, const NW: usize, const NP: usize, const NS: usize> =
    &'a (dyn Fn(usize, &Solution<NZ, NW, NP, NS>) -> LossGradient<NZ, NW> + Sync);

/// Solves every problem and differentiates its solution, by the given batch of the model underneath.
pub(crate) fn solve_and_vjp<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    model: &C::Model,
    horizon: usize,
    problems: &[Problem<NX, NU, NP, NS, ND>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
    batch: impl FnOnce(&C, &[Problem<NZ, NW, NP, NS>], Loss<'_, NZ, NW, NP, NS>) -> Vec<SolvedGradient<NZ, NW, NP, NS, 0>>,
) -> Vec<SolvedGradient<NX, NU, NP, NS, ND>>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    let lifting = Lifting::of::<C>();
    let Sorted { indices, lifted, refused } = sort::<C, NX, NU, NP, NS, ND, NZ, NW>(horizon, problems);
    let above = |index: usize, found: &_| lifting.new_solution(found, problems[index].previous);
    let loss_underneath =
        |i: usize, found: &Solution<NZ, NW, NP, NS>| lifting.loss(&loss(indices[i], &above(indices[i], found)));
    let solved = batch(&C::new(model.clone()), &lifted, &loss_underneath);
    let results: Vec<_> = indices
        .iter()
        .zip(solved)
        .map(|(&index, found)| found.map(|(found, gradient)| (above(index, &found), lifting.gradient(gradient))))
        .collect();
    merge(indices, results, refused)
}
