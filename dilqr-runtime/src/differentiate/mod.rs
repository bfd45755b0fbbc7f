//! Differentiating a solution: exact, by the implicit function theorem at the fixed point.
//!
//! At a solution the optimality conditions hold. Their derivative is one LQ problem about the trajectory of the solution,
//! with the exact Hessian of the Hamiltonian `H = l + lambda' f`. The fixed-point form of DiLQR (Wang et al., ICML 2025,
//! arXiv 2506.17473) is equivalent. Amos et al., *Differentiable MPC*, 2018, have the LQ form with a fixed linearization.
//!
//! ```text
//! minimize    sum_t 1/2 dz_t' [hxx hux'; hux huu]_t dz_t + gx_t' dx_t + gu_t' du_t   (+ terminal block)
//! subject to  dx_{t+1} = fx_t dx_t + fu_t du_t,   dx_0 = 0
//! ```
//!
//! where `gx_t, gu_t` is the loss gradient. With `dlambda` its costate,
//!
//! ```text
//! dL/dp   = sum_t hxp_t' dx_t + hup_t' du_t + fp_t' dlambda_{t+1}   + l_T,xp' dx_T
//! dL/ds_t = the same contraction with the derivatives in s_t
//! dL/dx_0 = dlambda_0
//! ```
//!
//! With active constraints `c = 0` and their multipliers `mu`, `H = l + lambda' f + mu' c`. The LQ problem has the rows
//! `cx dx + cu du = 0` with multipliers `dmu`, and the contraction has the further term `cp' dmu`. A control at its bound
//! `u_i = b(p)` has `du_i = 0`, and its multiplier times `db/dp` is added to the gradient.
//!
//! The derivative exists under three conditions (Fiacco, *Sensitivity analysis for nonlinear programming using penalty
//! methods*, 1976). The active limits are linearly independent. Each has a multiplier other than zero (strict
//! complementarity). The Hessian is positive definite in the directions that they leave free. Each condition is checked, and
//! has an error of its own. Where one of the first two fails, the derivative may exist all the same; `degenerate` decides.
//!
//! The quadratic part never sees a regularization. Trajectory, parameters and initial state are those of the solution, and
//! its optimality is checked before it is differentiated.

mod active_row;
pub(crate) mod adjoint;
mod candidate;
pub(crate) mod check;
mod columns;
mod degenerate;
pub(crate) mod forward;
#[cfg(feature = "dual")]
pub(crate) mod hvp;
#[cfg(feature = "lanes")]
pub(crate) mod lanes;
mod multiplier_split;
#[cfg(feature = "std")]
pub(crate) mod one_call;
mod tangents;
#[cfg(feature = "dual")]
pub(crate) mod unroll;
mod weight_directions;

use nalgebra::SVector;

use crate::differentiate::adjoint::{GradientMut, LossRef};
use crate::differentiate::check::{KktParts, KktWorkspace};
use crate::error::GradientError;
use crate::gradient::{Gradient, LossGradient};
use crate::model::Model;

/// The gradient of a loss that has passed its check, by an adjoint solve with the factorization that the workspace holds.
pub(crate) fn adjoint_gradient<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    workspace: &mut KktWorkspace<NX, NU, NS>,
    model: &M,
    params: &SVector<f64, NP>,
    loss: &LossGradient<NX, NU>,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut gradient = Gradient::with_weights(workspace.horizon(), model.weight_count());
    let KktParts { kkt, linear, point, .. } = workspace.parts(params);
    let loss = LossRef { states: &loss.states, controls: &loss.controls };
    let out = GradientMut::of(&mut gradient);
    gradient.initial_state = adjoint::adjoint((kkt, linear), model, point, &loss, out);
    gradient.check()
}
