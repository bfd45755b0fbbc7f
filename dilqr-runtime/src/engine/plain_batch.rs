//! Batches of a [`Model`]: what [`batch`](crate::batch) describes.

use alloc::vec::Vec;
#[cfg(feature = "lanes")]
use core::sync::atomic::AtomicUsize;

use crate::differentiate::check::KktWorkspace;
#[cfg(feature = "lanes")]
use crate::differentiate::lanes::Gradients;
use crate::differentiate::one_call::{self, factorized_vjp};
use crate::engine::SolvedGradient;
use crate::engine::factorized_solve::solve_and_factorize;
#[cfg(feature = "lanes")]
use crate::engine::parallel::in_order;
use crate::engine::parallel::map_indices;
#[cfg(feature = "lanes")]
use crate::engine::solved_lanes::SolvedGradients;
use crate::error::{GradientError, SolveError};
use crate::gradient::{Gradient, LossGradient};
use crate::model::Model;
use crate::problem::Problem;
#[cfg(feature = "lanes")]
use crate::scalar::lanes::{Lanes, Native};
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
#[cfg(feature = "lanes")]
use crate::solve::lockstep::Lockstep;
use crate::solve::workspace::SolveWorkspace;

/// [`batch::solve`](crate::batch::solve), for settings that are in range.
pub(crate) fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
) -> Vec<Result<Solution<NX, NU, NP, NS>, SolveError>>
where
    M: Model<NX, NU, NP, NS>,
{
    map_indices(problems.len(), &|| SolveWorkspace::new::<M, NP>(horizon), &|forward, index| {
        forward.solve_checked((model, settings), &problems[index])
    })
}

/// [`batch::vjp`](crate::batch::vjp), for lists of one length.
pub(crate) fn vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS>],
    losses: &[LossGradient<NX, NU>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Model<NX, NU, NP, NS>,
{
    map_indices(solutions.len(), &|| KktWorkspace::new::<M, NP>(0), &|workspace, index| {
        let (solution, loss) = (&solutions[index], &losses[index]);
        let horizon = solution.horizon();
        settings.check_solver(horizon)?;
        if workspace.horizon() != horizon {
            *workspace = KktWorkspace::new::<M, NP>(horizon);
        }
        one_call::vjp(workspace, (model, settings), solution, loss, Differentiation::Implicit)
    })
}

/// [`batch::solve_and_vjp`](crate::batch::solve_and_vjp), for settings that are in range.
pub(crate) fn solve_and_vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU> + Sync,
) -> Vec<SolvedGradient<NX, NU, NP, NS, 0>>
where
    M: Model<NX, NU, NP, NS>,
{
    let memory = || (SolveWorkspace::new::<M, NP>(horizon), KktWorkspace::new::<M, NP>(horizon));
    map_indices(problems.len(), &memory, &|(forward, kkt), index| {
        let problem = &problems[index];
        problem.check(model, horizon, forward.constraint_memory())?;
        let mut solution = Solution::empty(horizon);
        let gradient = solve_and_factorize((model, settings), (forward, kkt), problem, &mut solution)?
            .and_then(|_| factorized_vjp(kkt, model, &solution.params, &loss(index, &solution)));
        Ok((solution, gradient))
    })
}

/// [`batch::solve_lanes`](crate::batch::solve_lanes), for settings that are in range.
#[cfg(feature = "lanes")]
pub(crate) fn solve_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
) -> Vec<Result<Solution<NX, NU, NP, NS>, SolveError>>
where
    M: Model<NX, NU, NP, NS>,
{
    type Solves<const NX: usize, const NU: usize, const NP: usize, const NS: usize> = Lockstep<Native, NX, NU, NP, NS>;
    if !Solves::supports::<M>(settings) {
        return solve(model, horizon, settings, problems);
    }
    in_lockstep(problems.len(), &|next| {
        let mut outcomes = Vec::new();
        Solves::new::<M>(horizon, false).run((model, settings), problems, next, |outcome| {
            outcomes.push((outcome.problem, outcome.result));
        });
        outcomes
    })
}

/// [`batch::solve_and_vjp_lanes`](crate::batch::solve_and_vjp_lanes), for settings that are in range.
#[cfg(feature = "lanes")]
pub(crate) fn solve_and_vjp_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS>],
    loss: impl Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU> + Sync,
) -> Vec<SolvedGradient<NX, NU, NP, NS, 0>>
where
    M: Model<NX, NU, NP, NS>,
{
    type Solves<const NX: usize, const NU: usize, const NP: usize, const NS: usize> = Lockstep<Native, NX, NU, NP, NS>;
    if !Solves::supports::<M>(settings) {
        return solve_and_vjp(model, horizon, settings, problems, loss);
    }
    // Factorizations in lanes have no active limits.
    let keeps = const { !M::LIMITS.limited() };
    in_lockstep(problems.len(), &|next| {
        let mut gradients = SolvedGradients::new((model, settings), horizon, &loss);
        Solves::new::<M>(horizon, keeps).run((model, settings), problems, next, |outcome| gradients.take(outcome));
        gradients.finish()
    })
}

/// [`batch::vjp_lanes`](crate::batch::vjp_lanes), for lists of one length.
#[cfg(feature = "lanes")]
pub(crate) fn vjp_lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS>],
    losses: &[LossGradient<NX, NU>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Model<NX, NU, NP, NS>,
{
    type Memory<const NX: usize, const NU: usize, const NP: usize, const NS: usize> = Gradients<Native, NX, NU, NP, NS>;
    if const { M::LIMITS.limited() || M::START.is_free() } {
        return vjp(model, settings, solutions, losses);
    }
    let mut order: Vec<usize> = (0..solutions.len()).collect();
    order.sort_by_key(|&i| solutions[i].horizon());
    let groups: Vec<&[usize]> = order
        .chunk_by(|&i, &j| solutions[i].horizon() == solutions[j].horizon())
        .flat_map(|together| together.chunks(Native::COUNT))
        .collect();
    let gradients = map_indices(groups.len(), &|| Memory::new::<M>(0), &|memory, index| {
        let group = groups[index];
        let horizon = solutions[group[0]].horizon();
        if let Err(error) = settings.check_solver(horizon) {
            return vec![Err(error.into()); group.len()];
        }
        if memory.horizon() != horizon {
            *memory = Memory::new::<M>(horizon);
        }
        let given: Vec<_> = group.iter().map(|&i| (&solutions[i], &losses[i])).collect();
        memory.vjp(model, settings, &given)
    });
    in_order(solutions.len(), order.into_iter().zip(gradients.into_iter().flatten()))
}

/// Runs groups of lanes on all threads. Each of them takes the problems that come `next`, and returns results with the indices
/// of their problems.
#[cfg(feature = "lanes")]
fn in_lockstep<T: Send>(problems: usize, group: &(dyn Fn(&AtomicUsize) -> Vec<(usize, T)> + Sync)) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let groups = rayon::current_num_threads().min(problems.div_ceil(Native::COUNT));
    // Rayon gives each thread a group, since there are no more groups than threads.
    let results = map_indices(groups, &|| (), &|_, _| group(&next));
    in_order(problems, results.into_iter().flatten())
}
