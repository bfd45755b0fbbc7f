//! Many problems of one model at once, on rayon's threads. Results come in input order and are bitwise equal to one by
//! one. A problem that fails does not affect the others.
//!
//! [`solve_lanes`], [`vjp_lanes`] and [`solve_and_vjp_lanes`] put several problems into the lanes of one core's vector
//! registers (see [`lanes`](crate::lanes)); their results round differently.
//!
//! [`vjp_sum`] and [`vjp_sum_lanes`] return the sum of all gradients, for training: a batch of a model with many weights has not
//! to hold a list of weights for each problem.
//!
//! Each thread has one workspace, and no solve leaves data in it. So results do not depend on how problems are spread over
//! threads.
//!
//! ```
//! use dilqr_runtime::{LossGradient, Problem, Settings, batch};
//! # use dilqr_runtime::model::{Stage, Terminal};
//! # use dilqr_runtime::nalgebra::SVector;
//! # use dilqr_runtime::{Model, Scalar};
//! /// A point on a line: `x+ = (x_0 + 0.1 x_1, x_1 + 0.1 u)`. Its parameter is the price of pushing.
//! #[derive(Clone, Copy)]
//! struct Point;
//! # impl Model<2, 1, 1> for Point {
//! #     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
//! #         next[0] = x[0] + S::from_f64(0.1) * x[1];
//! #         next[1] = x[1] + S::from_f64(0.1) * u[0];
//! #     }
//! #     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
//! #         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
//! #     }
//! #     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
//! #         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
//! #     }
//! # }
//!
//! let problems: Vec<_> = (1..=8).map(|i| Problem::new([f64::from(i) / 8.0, 0.0], [0.1], 20)).collect();
//! let solved: Result<Vec<_>, _> = batch::solve(&Point, 20, &Settings::default(), &problems).into_iter().collect();
//! let solutions = solved?;
//!
//! // How far each of them ends from the origin: `L = 1/2 |x_T|^2`.
//! let loss = |end: &SVector<f64, 2>| {
//!     let mut loss = LossGradient::zeros(20);
//!     loss.states[20] = *end;
//!     loss
//! };
//! let losses: Vec<_> = solutions.iter().map(|solution| loss(&solution.states[20])).collect();
//! let gradients = batch::vjp(&Point, &Settings::default(), &solutions, &losses);
//! let total: dilqr_runtime::Gradient<2, 1> = gradients.into_iter().sum::<Result<_, _>>()?;
//! assert!(total.params[0] > 0.0, "the higher the price, the farther off");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;

use rayon::prelude::*;

use crate::engine::Engine;
use crate::error::{GradientError, Input, InputError, SolveError, check_length};
use crate::formulation::Formulation;
use crate::gradient::{Gradient, LossGradient};
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::Solution;

/// Solves every problem, as [`Ilqr::solve`](crate::Ilqr::solve) would. Settings, a horizon or a model that
/// [`Ilqr::new`](crate::Ilqr::new) would refuse are [`SolveError::Settings`] in every entry.
pub fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS, ND>],
) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match settings.check_solver(horizon) {
        Ok(()) => M::Engine::solve_batch(model, horizon, settings, problems),
        Err(error) => vec![Err(error.into()); problems.len()],
    }
}

/// Differentiates every solution with the loss gradient of the same index, as [`Ilqr::vjp`](crate::Ilqr::vjp) would.
/// Horizons may differ.
///
/// Where the two lists have different lengths every entry is [`InputError::WrongLength`](crate::InputError).
pub fn vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match check_losses(losses.len(), solutions.len()) {
        Ok(()) => M::Engine::vjp_batch(model, settings, solutions, losses),
        Err(error) => vec![Err(error.into()); solutions.len()],
    }
}

/// Solves every problem, and differentiates its solution with the loss gradient that `loss` gives for the problem's index
/// and the solution: the answers of [`Ilqr::solve`](crate::Ilqr::solve) and [`Ilqr::vjp`](crate::Ilqr::vjp). As in
/// [`Ilqr::solve_and_differentiate`](crate::Ilqr::solve_and_differentiate), the gradient of a model without limits needs no
/// factorization of its own.
///
/// `loss` is called in any order, on any thread, and only for solutions that have a derivative.
#[allow(clippy::type_complexity, reason = "the two outcomes for each problem")]
pub fn solve_and_vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS, ND>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
) -> Vec<Result<(Solution<NX, NU, NP, NS, ND>, Result<Gradient<NX, NP, NS>, GradientError>), SolveError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match settings.check_solver(horizon) {
        Ok(()) => M::Engine::solve_and_vjp_batch(model, horizon, settings, problems, loss),
        Err(error) => vec![Err(error.into()); problems.len()],
    }
}

/// Solves every problem, several of them at a time in the lanes of each core. It rounds differently from
/// [`Ilqr::solve`](crate::Ilqr::solve). Statuses are the same, and solutions differ by at most 10 times the tolerance over
/// the smallest eigenvalue of the reduced Hessian.
///
/// A solution does not depend on the other problems, their order or the number of threads. Status and
/// solution may differ from those of [`solve`] where rounding decides. That is so where a line search meets its condition to
/// the last digit, and where a solve ends at its limit of iterations. Models with constraints, those with bounds and linear dynamics, and relaxed
/// problems of models with bounds are solved one by one. So are problems with a guess of states, and those with bounds that end without a step.
#[cfg(feature = "lanes")]
pub fn solve_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS, ND>],
) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match settings.check_solver(horizon) {
        Ok(()) => M::Engine::solve_lanes(model, horizon, settings, problems),
        Err(error) => vec![Err(error.into()); problems.len()],
    }
}

/// Differentiates every solution with the loss gradient of the same index, several of them at a time in the lanes of each
/// core. It rounds differently from [`Ilqr::vjp`](crate::Ilqr::vjp) and gives the same errors. A gradient depends on its
/// solution and loss alone. Horizons may differ; solutions of one horizon share lanes. Solutions of models with limits,
/// or that choose entries of the initial state, are differentiated one by one.
///
/// Where the two lists have different lengths every entry is [`InputError::WrongLength`](crate::InputError).
#[cfg(feature = "lanes")]
pub fn vjp_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match check_losses(losses.len(), solutions.len()) {
        Ok(()) => M::Engine::vjp_lanes(model, settings, solutions, losses),
        Err(error) => vec![Err(error.into()); solutions.len()],
    }
}

/// The sum of the gradients of a batch, and which of them do not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientSum<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// The sum of the gradients that exist; where there are none, zeros over no stages and without weights.
    pub gradient: Gradient<NX, NP, NS>,
    /// The solutions without a gradient: their indices, in order, and the reasons.
    pub refused: Vec<(usize, GradientError)>,
}

/// Solutions whose gradients are summed in their order. The sums of these blocks are added in their order, too, so the bits of a
/// sum do not depend on threads.
pub const BLOCK: usize = 32;

/// Gradients of a block that exist at one time. It is a multiple of the number of lanes.
const AT_ONCE: usize = 8;

/// Differentiates every solution with the loss gradient of the same index, as [`vjp`] does, and returns the sum: gradients add up
/// in blocks of 32 in input order, so the sum has the same bits for any number of threads.
///
/// Where the two lists have different lengths every solution is refused with [`InputError::WrongLength`](crate::InputError).
pub fn vjp_sum<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
) -> GradientSum<NX, NP, NS>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    sum(solutions, losses, |solutions, losses| M::Engine::vjp_batch(model, settings, solutions, losses))
}

/// The sum of the gradients of [`vjp_lanes`], as [`vjp_sum`] makes it.
#[cfg(feature = "lanes")]
pub fn vjp_sum_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
) -> GradientSum<NX, NP, NS>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    sum(solutions, losses, |solutions, losses| M::Engine::vjp_lanes(model, settings, solutions, losses))
}

/// The sum of gradients, from a function that gives those of a part of the solutions.
fn sum<A: Sync, L: Sync, const NX: usize, const NP: usize, const NS: usize>(
    solutions: &[A],
    losses: &[L],
    gradients: impl Fn(&[A], &[L]) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>> + Sync,
) -> GradientSum<NX, NP, NS> {
    let mut sum = GradientSum { gradient: Gradient::zeros(0), refused: Vec::new() };
    if let Err(error) = check_losses(losses.len(), solutions.len()) {
        sum.refused = (0..solutions.len()).map(|index| (index, error.clone().into())).collect();
        return sum;
    }
    let parts = solutions.par_chunks(BLOCK).zip(losses.par_chunks(BLOCK));
    let blocks: Vec<GradientSum<NX, NP, NS>> = parts
        .enumerate()
        .map(|(block, (solutions, losses))| {
            let mut sum = GradientSum { gradient: Gradient::zeros(0), refused: Vec::new() };
            let mut index = block * BLOCK;
            for (solutions, losses) in solutions.chunks(AT_ONCE).zip(losses.chunks(AT_ONCE)) {
                for gradient in gradients(solutions, losses) {
                    match gradient {
                        Ok(gradient) => sum.gradient += gradient,
                        Err(error) => sum.refused.push((index, error)),
                    }
                    index += 1;
                }
            }
            sum
        })
        .collect();
    for block in blocks {
        sum.gradient += block.gradient;
        sum.refused.extend(block.refused);
    }
    sum
}

/// Whether there is a loss gradient for each solution.
fn check_losses(given: usize, expected: usize) -> Result<(), InputError> {
    check_length(Input::LossGradients, given, expected)
}

/// Solves every problem and differentiates its solution, both with several problems at a time in the lanes of each core. The
/// gradients use the factorizations of the solves, as those of [`solve_and_vjp`] do. The gradients of models with bounds are
/// computed one by one; where [`solve_lanes`] takes no lanes, this is [`solve_and_vjp`].
///
/// `loss` is called with the problem's index and the solution, in any order, on any thread, and only for solutions that
/// have converged.
#[cfg(feature = "lanes")]
#[allow(clippy::type_complexity, reason = "the two outcomes for each problem")]
pub fn solve_and_vjp_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS, ND>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
) -> Vec<Result<(Solution<NX, NU, NP, NS, ND>, Result<Gradient<NX, NP, NS>, GradientError>), SolveError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    match settings.check_solver(horizon) {
        Ok(()) => M::Engine::solve_and_vjp_lanes(model, horizon, settings, problems, loss),
        Err(error) => vec![Err(error.into()); problems.len()],
    }
}
