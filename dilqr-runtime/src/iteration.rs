//! The report of one iteration.

use core::fmt;

/// The state of the solve after the backward pass of an iteration, first of the initial trajectory (`iteration` 0), last
/// of the returned one. What an observer sees ([`Ilqr::solve_with`](crate::Ilqr::solve_with)).
///
/// Prints as a row of a table whose head is [`Iteration::HEADER`].
///
/// ```
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Ilqr, Iteration, Model, Problem, Scalar, Settings};
/// /// `x+ = x + u`, `l = 1/2 u^2`, `l_T = 1/2 x^2`.
/// struct Push;
/// # impl Model<1, 1, 0> for Push {
/// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
/// #         next[0] = at.x[0] + at.u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
/// #         S::from_f64(0.5) * at.u[0] * at.u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0>) -> S {
/// #         S::from_f64(0.5) * at.x[0] * at.x[0]
/// #     }
/// # }
///
/// let mut table = vec![Iteration::HEADER.to_string()];
/// let mut solver = Ilqr::new(Push, 1, Settings::default())?;
/// solver.solve_with(&Problem::new([2.0], [], 1), |iteration| table.push(iteration.to_string()))?;
/// let expected = [
///     "iter             cost  stationarity  regularization   step",
///     "   0     2.00000000e0         1.0e0           0.0e0  0.000",
///     "   1     1.00000000e0         0.0e0           0.0e0  1.000",
/// ];
/// assert_eq!(table, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Iteration {
    /// Accepted steps so far.
    pub iteration: usize,
    /// Cost of the current trajectory, with the penalties of constraints.
    pub cost: f64,
    /// The residual of stationarity over its terms, as in [`Stats::stationarity`](crate::Stats::stationarity). In an
    /// interior-point solve, the largest step of a variable over its magnitude.
    pub stationarity: f64,
    /// The proximal weight `mu` of its backward pass, in units of the curvature.
    pub regularization: f64,
    /// Length `alpha` of the step that led here; 0 for the initial trajectory.
    pub step: f64,
}

impl Iteration {
    /// The head of the table that iterations print as.
    pub const HEADER: &'static str = "iter             cost  stationarity  regularization   step";
}

impl fmt::Display for Iteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iteration, cost, stationarity, regularization, step } = self;
        write!(f, "{iteration:>4}{cost:>17.8e}{stationarity:>14.1e}{regularization:>16.1e}{step:>7.3}")
    }
}
