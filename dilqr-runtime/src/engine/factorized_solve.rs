//! A solve and the factorization about its solution.

use crate::differentiate::check::KktWorkspace;
use crate::error::{GradientError, SolveError};
use crate::kkt::Kkt;
use crate::model::Model;
use crate::problem::Problem;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::solve::workspace::SolveWorkspace;

/// Solves a problem that passed its check, and leaves the factorization about its solution in `kkt`: that of the last backward
/// pass where the model has no limits. The relative Newton step, or why there is no factorization.
pub(crate) fn solve_and_factorize<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, settings): (&M, &Settings),
    (forward, kkt): (&mut SolveWorkspace<NX, NU, NS>, &mut KktWorkspace<NX, NU, NS>),
    problem: &Problem<NX, NU, NP, NS>,
    solution: &mut Solution<NX, NU, NP, NS>,
) -> Result<Result<f64, GradientError>, SolveError>
where
    M: Model<NX, NU, NP, NS>,
{
    let keep = match &mut kkt.kkt {
        Kkt::Unconstrained(system) => Some(system),
        Kkt::ActiveSet(_) => None,
    };
    let kept = forward.solve((model, settings), problem, |_| {}, solution, keep)?;
    Ok(kkt.load::<M, NP>(solution).and_then(|()| match kept {
        // The solve has measured the Newton step with this factorization.
        true => Ok(solution.stats.step),
        false => kkt.factorize(model, settings, solution, Differentiation::Implicit),
    }))
}
