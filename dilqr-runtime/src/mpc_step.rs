//! What a step of a controller with a receding horizon returns.

use nalgebra::{SMatrix, SVector};

use crate::cause::Cause;
#[cfg(doc)]
use crate::solution::Solution;
use crate::stats::Stats;
use crate::status::Status;

/// What to do until the next measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MpcStep<const NX: usize, const NU: usize> {
    /// The control of the coming stage, `NU`; within its bounds.
    pub control: SVector<f64, NU>,
    /// `K_0`, `NU x NX`. For a state `x'` that is measured before the next step, the control is `control + gain (x' - x)` to
    /// first order; it need not be within the bounds.
    pub gain: SMatrix<f64, NU, NX>,
    /// How this step's solve ended.
    pub status: Status,
    /// Why and where, as in [`Solution::cause`].
    pub cause: Option<Cause>,
    /// Whether the plan is the solution of this step. Otherwise that solution is no better than the last plan, which stays
    /// in use under its feedback law.
    pub replanned: bool,
    /// `sum_t l + l_T` of the plan.
    pub cost: f64,
    /// Counts of this step's solve, with the plan's violation.
    pub stats: Stats,
}
