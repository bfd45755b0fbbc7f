//! Derivatives of hand-written models by hyper-dual numbers: the provided methods of [`Model`] and [`AutoDiff`].
//!
//! A hyper-dual number carries a value, its derivatives in two directions and the second derivative in both. Each evaluation
//! of a value function therefore gives one entry of a Hessian. A scalar with lanes is differentiated lane by lane.

mod costs;
mod functions;
mod initial;
mod limits;
mod seeds;

use nalgebra::SVector;

pub(crate) use functions::DerivedFunctions;
pub(crate) use initial::DerivedInitial;
pub(crate) use limits::DerivedLimits;

use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::stage::{Stage, Terminal};
use crate::model::start::Start;
use crate::model::wrapped_model::functions_of_wrapped_model;
use crate::scalar::Scalar;

/// A model with derivatives by hyper-dual numbers.
///
/// It differentiates the wrapped model's `dynamics`, `stage_cost`, `terminal_cost`, `bounds`, `stage_constraints` and
/// `terminal_constraints`. It never calls the derivatives of the wrapped model. The result is exact to rounding, and slow:
/// use it to check derivative kernels, beside [`NumDiff`](crate::NumDiff).
///
/// ```
/// use dilqr_runtime::model::{Stage, StageExpansion, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{AutoDiff, Model, Scalar};
///
/// /// `x' = x + u` and the cost `u^2`; `expand_stage` is wrong.
/// struct Wrong;
///
/// impl Model<1, 1, 0> for Wrong {
///     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
///         next[0] = at.x[0] + at.u[0];
///     }
///     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
///         at.u[0] * at.u[0]
///     }
///     fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 0>) -> S {
///         S::zero()
///     }
///     fn expand_stage<S: Scalar>(&self, _: Stage<'_, S, 1, 1, 0>, out: &mut StageExpansion<S, 1, 1>) {
///         *out = StageExpansion::zeros();
///     }
/// }
///
/// let (x, u, none) = ([1.0].into(), [3.0].into(), [].into());
/// let at = Stage::new(&x, &u, &none, &none);
/// let (mut wrong, mut exact) = (StageExpansion::zeros(), StageExpansion::zeros());
/// Wrong.expand_stage(at, &mut wrong);
/// AutoDiff(Wrong).expand_stage(at, &mut exact);
/// assert_eq!(exact.lu[0], 6.0);
/// assert_ne!(exact, wrong);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoDiff<M>(pub M);

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for AutoDiff<M>
where
    M: Model<NX, NU, NP, NS>,
{
    functions_of_wrapped_model!();
}
