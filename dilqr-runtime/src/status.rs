//! How a solve ended.

use core::fmt;

/// How a solve ended. Only [`Status::Converged`] solutions are differentiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Status {
    /// No solve has written here yet ([`Solution::empty`](crate::Solution::empty)). A solve never ends with it.
    #[default]
    Unsolved,
    /// The Newton step is within the tolerance, and the trajectory is a strict minimum: `Q_uu` is positive definite at every
    /// stage without regularization.
    Converged,
    /// `max_iterations` steps were taken and the Newton step is still above the tolerance.
    IterationLimit,
    /// No step length decreased the cost, up to the largest regularization. Or changes of the cost were rounding errors and
    /// no step decreased the predicted decrease: the tolerance is below the level of rounding. Or the trajectory is at a kink
    /// of the model: [`Solution::cause`](crate::Solution::cause) then says at which stage.
    LineSearchFailed,
    /// The Hessian is not positive definite, even with the largest regularization. Or the trajectory is stationary and not a
    /// strict minimum: a saddle, a maximum or a flat valley. A symmetric guess often leads there; start from other controls.
    RegularizationLimit,
    /// The first trajectory, or the derivatives along the last one, are not finite.
    /// [`Solution::cause`](crate::Solution::cause) says where.
    Diverged,
    /// No trajectory was found that satisfies the constraints; [`Stats::violation`](crate::Stats::violation) says by how
    /// much the returned one does not, and where, and [`Solution::cause`](crate::Solution::cause) which limit that is. Never returned for models without constraints.
    Infeasible,
    /// The cost of feasible trajectories falls without a bound, as far as a solver can see. It has fallen by 1e10 times the
    /// decrease that the first step predicted, as fast as before, or goes on to fall that far along the last step. The
    /// returned trajectory is the last one. The costs `u`, `x^3` and `-exp(x)` are unbounded; `-ln(x)` falls too slowly, and
    /// ends as [`Status::IterationLimit`]. Neither the units of costs and variables nor a constant in the cost matter.
    Unbounded,
}

impl Status {
    /// Whether the solution is one: a strict minimum to the tolerance.
    #[must_use]
    pub const fn is_converged(self) -> bool {
        matches!(self, Self::Converged)
    }

    /// Whether a solve ended because it found no step.
    pub(crate) const fn found_no_step(self) -> bool {
        matches!(self, Self::LineSearchFailed | Self::RegularizationLimit)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unsolved => "unsolved",
            Self::Converged => "converged",
            Self::IterationLimit => "iteration limit",
            Self::LineSearchFailed => "line search failed",
            Self::RegularizationLimit => "regularization limit",
            Self::Diverged => "diverged",
            Self::Infeasible => "infeasible",
            Self::Unbounded => "unbounded",
        })
    }
}
