//! The report of one iteration.

/// The state of the solve after the backward pass of an iteration, first of the initial trajectory (`iteration` 0), last
/// of the returned one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Iteration {
    /// Accepted steps so far.
    pub iteration: usize,
    /// Cost of the current trajectory, with the penalties of constraints.
    pub cost: f64,
    /// The residual of stationarity over its terms, as in [`Stats::stationarity`](crate::Stats::stationarity).
    pub stationarity: f64,
    /// The proximal weight `mu` of its backward pass, in units of the curvature.
    pub regularization: f64,
    /// Length `alpha` of the step that led here; 0 for the initial trajectory.
    pub step: f64,
}
