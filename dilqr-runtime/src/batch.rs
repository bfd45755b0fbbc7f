//! Many problems of one model at once, on rayon's threads: results in input order, bitwise equal to one by one, and a
//! problem that fails leaves the others alone.
//!
//! Each thread has one workspace. Nothing of a solve stays in it, so results do not depend on which thread took which
//! problem.

use rayon::prelude::*;

use crate::error::{GradientError, Input, SolveError};
use crate::forward::Forward;
use crate::ilqr::check_solver;
use crate::implicit::{Differentiation, Gradient, Implicit, LossGradient};
use crate::model::Model;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::Solution;

/// Solves every problem, as [`Ilqr::solve`](crate::Ilqr::solve) would. Settings, a horizon or a model that
/// [`Ilqr::new`](crate::Ilqr::new) would refuse are [`SolveError::Settings`] in every entry.
pub fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
) -> Vec<Result<Solution<NX, NU, NP, NS>, SolveError>>
where
    M: Model<NX, NU, NP, NS>,
{
    if let Err(error) = check_solver(horizon, settings) {
        return vec![Err(error.into()); problems.len()];
    }
    problems
        .par_iter()
        .map_init(
            || Forward::new::<M, NP>(horizon),
            |forward, problem| {
                problem.check(model, horizon)?;
                let mut solution = Solution::new(horizon);
                forward.solve(model, settings, problem, |_| {}, &mut solution);
                Ok(solution)
            },
        )
        .collect()
}

/// Differentiates every solution with the loss gradient of the same index, as [`Ilqr::vjp`](crate::Ilqr::vjp) would.
/// Horizons may differ.
///
/// Where the two lists have different lengths every entry is [`GradientError::WrongLength`].
pub fn vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS>],
    losses: &[LossGradient<NX, NU>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Model<NX, NU, NP, NS>,
{
    if losses.len() != solutions.len() {
        let error =
            GradientError::WrongLength { input: Input::LossGradients, given: losses.len(), expected: solutions.len() };
        return vec![Err(error); solutions.len()];
    }
    solutions
        .par_iter()
        .zip(losses)
        .map_init(
            || Implicit::new::<M, NP, NS>(0),
            |implicit, (solution, loss)| {
                let horizon = solution.horizon();
                check_solver(horizon, settings)?;
                if implicit.horizon() != horizon {
                    *implicit = Implicit::new::<M, NP, NS>(horizon);
                }
                implicit.vjp(model, settings, solution, loss, Differentiation::Implicit)
            },
        )
        .collect()
}
