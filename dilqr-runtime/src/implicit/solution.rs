//! What a solve of an implicit function returns.

use nalgebra::SVector;

use crate::cause::Cause;
use crate::stats::Stats;
use crate::status::Status;

/// The value of an implicit function, with everything needed to differentiate it. A solution that was edited is recognized and
/// refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution<const NY: usize, const NP: usize> {
    /// How the solve ended.
    pub status: Status,
    /// The reason for [`Status::Diverged`], and a kink of the function that a solve without progress is stuck at; `None` for all
    /// others.
    pub cause: Option<Cause>,
    /// `y`, `NY`.
    pub unknown: SVector<f64, NY>,
    /// The parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// The objective; half the sum of squares of residuals or of equations.
    pub objective: f64,
    /// The slope of the objective where a bound holds an unknown (positive at the lower, negative at the upper one), zero
    /// elsewhere, `NY`.
    pub bound_multipliers: SVector<f64, NY>,
    /// The relaxation that bounds were replaced at.
    pub relaxation: Option<f64>,
    /// Counts.
    pub stats: Stats,
}
