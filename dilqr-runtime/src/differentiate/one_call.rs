//! Gradients in one call, for batches: all checks, and the adjoint solve.

use nalgebra::SVector;

use crate::differentiate::adjoint_gradient;
use crate::differentiate::check::KktWorkspace;
use crate::error::GradientError;
use crate::gradient::{Gradient, LossGradient, check_loss};
use crate::model::Model;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;

/// The gradient of a loss on a solution by a method: check, factorization and adjoint solve.
pub(crate) fn vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    workspace: &mut KktWorkspace<NX, NU, NS>,
    (model, settings): (&M, &Settings),
    solution: &Solution<NX, NU, NP, NS>,
    loss: &LossGradient<NX, NU>,
    method: Differentiation,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    check_loss(loss, workspace.horizon())?;
    workspace.load::<M, NP>(solution)?;
    workspace.factorize(model, settings, solution, method)?;
    adjoint_gradient(workspace, model, &solution.params, loss)
}

/// As [`vjp`], with the factorization that the workspace holds.
pub(crate) fn factorized_vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    workspace: &mut KktWorkspace<NX, NU, NS>,
    model: &M,
    params: &SVector<f64, NP>,
    loss: &LossGradient<NX, NU>,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    check_loss(loss, workspace.horizon())?;
    adjoint_gradient(workspace, model, params, loss)
}
