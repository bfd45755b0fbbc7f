//! Many solutions of one implicit function at once, on rayon's threads. Results come in input order and are bitwise equal to one
//! by one.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::engine::parallel::map_indices;
use crate::error::{GradientError, Input, SolveError, check_length};
#[cfg(feature = "lanes")]
use crate::implicit::function::ImplicitEngine;
use crate::implicit::function::{Gradient, ImplicitFunction};
use crate::implicit::settings::Settings;
use crate::implicit::solution::Solution;
use crate::implicit::solver::Solver;

/// Solves from every guess for the parameters of the same index, as [`Solver::solve`] would. Where the two lists have different
/// lengths every entry is [`InputError::WrongLength`](crate::InputError).
pub fn solve<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    settings: &Settings,
    guesses: &[SVector<f64, NY>],
    params: &[SVector<f64, NP>],
) -> Vec<Result<Solution<NY, NP>, SolveError>>
where
    F: ImplicitFunction<NX, NY, NP> + Clone,
    F::Engine: Send,
{
    if let Err(error) = check_length(Input::Params, params.len(), guesses.len()) {
        return vec![Err(error.into()); guesses.len()];
    }
    map_indices(guesses.len(), &|| Solver::new(function.clone(), *settings), &|solver, index| {
        solver.as_mut().map_err(|error| error.clone())?.solve(guesses[index], params[index])
    })
}

/// As [`solve`], several problems at a time in the lanes of each core. It rounds differently, as
/// [`lanes`](crate::lanes) says, and gives the same statuses and errors, except where a solve is at the edge of two. A solution depends on
/// its guess and its parameters alone. Objectives and residuals with bounds are solved one by one; so are fixed points with
/// Anderson acceleration, and roots that Newton's method does not find by whole steps.
#[cfg(feature = "lanes")]
pub fn solve_lanes<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    settings: &Settings,
    guesses: &[SVector<f64, NY>],
    params: &[SVector<f64, NP>],
) -> Vec<Result<Solution<NY, NP>, SolveError>>
where
    F: ImplicitFunction<NX, NY, NP> + Clone,
    F::Engine: Send,
{
    let problems: Vec<_> = guesses.iter().copied().zip(params.iter().copied()).collect();
    if guesses.len() != params.len() || settings.validate().is_err() {
        return solve(function, settings, guesses, params);
    }
    let found = F::Engine::solve_lanes(function, settings, &problems);
    map_indices(guesses.len(), &|| Solver::new(function.clone(), *settings), &|solver, index| match &found[index] {
        Some(solution) => Ok(solution.clone()),
        None => solver.as_mut().map_err(|error| error.clone())?.solve(guesses[index], params[index]),
    })
}

/// Differentiates every solution with the loss gradient of the same index, as [`Solver::gradient`] would. Where the two lists have
/// different lengths every entry is [`InputError::WrongLength`](crate::InputError).
pub fn gradient<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    settings: &Settings,
    solutions: &[Solution<NY, NP>],
    losses: &[SVector<f64, NY>],
) -> Vec<Result<Gradient<NP>, GradientError>>
where
    F: ImplicitFunction<NX, NY, NP> + Clone,
    F::Engine: Send,
{
    if let Err(error) = check_length(Input::LossGradients, losses.len(), solutions.len()) {
        return vec![Err(error.into()); solutions.len()];
    }
    map_indices(solutions.len(), &|| Solver::new(function.clone(), *settings), &|solver, index| {
        solver.as_mut().map_err(|error| error.clone())?.gradient(&solutions[index], &losses[index])
    })
}
