//! What a moving-horizon estimator returns.

use nalgebra::{SMatrix, SVector};

use crate::cause::Cause;
use crate::stats::Stats;
use crate::status::Status;

/// The estimate of the newest state.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate<const NX: usize, const ND: usize = 0> {
    /// The state of the last measurement, `NX`.
    pub state: SVector<f64, NX>,
    /// Its covariance, `NX x NX`: the inverse of the cost's Hessian in that state, with the rest of the window minimized over and
    /// with active limits held. It is a covariance where the cost is the negative logarithm of a probability: halves of squares
    /// over variances. NaN where the window does not determine the state, and where its solve has not converged.
    pub covariance: SMatrix<f64, NX, NX>,
    /// The design variables that fit the window best, `ND`.
    pub design: SVector<f64, ND>,
    /// How the arrival cost of this window came to be.
    pub arrival: ArrivalUpdate,
    /// How the solve of the window ended.
    pub status: Status,
    /// Why and where, as in [`Solution::cause`](crate::Solution::cause).
    pub cause: Option<Cause>,
    /// The cost of the window; NaN where the first measurement determines no state.
    pub cost: f64,
    /// Counts of the solve.
    pub stats: Stats,
}

/// How the arrival cost of a window came to be.
///
/// The cost of a dropped stage, together with the arrival cost before it, is a function of the next state. The new arrival cost
/// is that function with dynamics and constraints linearized, as far as mean and information can express it. [`Mhe`](crate::Mhe) says how limits,
/// penalties and design variables enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrivalUpdate {
    /// The initial cost is that of the window before: no stage was dropped, or the parameters hold no mean and information.
    Unchanged,
    /// The arrival cost is the quadratic form of what was dropped. Along a direction in which that has no curvature, such as noise
    /// without a cost, the information is zero.
    Moved,
    /// As [`Moved`](Self::Moved), but what was dropped has a slope along a direction without curvature, which no mean can
    /// express. The new arrival cost is constant along it. The cause is a cost of noise that is linear where the noise is, such
    /// as a penalty without a quadratic factor beyond its limit.
    SlopeLost,
    /// What was dropped has no quadratic form in the next state alone: its Hessian is not positive semidefinite, or it determines
    /// a part of that state without any error. Or the solve of the window has not converged. The information is that of the window
    /// before, and the mean is the estimate of the state where that is finite.
    MeanOnly,
}
