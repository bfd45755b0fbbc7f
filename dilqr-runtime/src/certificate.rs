//! The certificate of a solution: how well it satisfies the optimality conditions, and how far it is from a point without
//! a derivative.

use alloc::vec::Vec;
use core::fmt;

use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::units::LimitUnits;
use crate::linalg::symmetric_eigen::{eigenvalues, smaller};
use crate::lq::bounds::{Bounds, Side};
use crate::model::limits::Limit;
use crate::ocp::constraints::Constraint;
use crate::ocp::stationarity::Magnitudes;
use crate::solution::{CertificateData, Solution};
use crate::stats::Stats;

/// How well a solution satisfies the optimality conditions, from [`Solution::certificate`].
///
/// Prints as a report, a line for each number.
///
/// ```
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Ilqr, Limits, Model, Problem, Scalar, Settings};
/// /// `x+ = x + u`, `l = 1/2 u^2`, `l_T = 1/2 x^2`, `u <= 1/2`.
/// struct Push;
/// # impl Model<1, 1, 1> for Push {
/// #     const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };
/// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
/// #         next[0] = at.x[0] + at.u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>) -> S {
/// #         S::from_f64(0.5) * at.u[0] * at.u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1>) -> S {
/// #         S::from_f64(0.5) * at.x[0] * at.x[0]
/// #     }
/// #     fn bounds<S: Scalar>(&self, p: &SVector<S, 1>, _: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
/// #         upper[0] = p[0];
/// #     }
/// # }
///
/// // From -2 the best control would be 1.
/// let solution = Ilqr::new(Push, 1, Settings::default())?.solve(&Problem::new([-2.0], [0.5], 1))?;
/// let report = [
///     "stationarity             0.0e0",
///     "relative Newton step     0.0e0",
///     "violation                0.0e0",
///     "smallest eigenvalue        inf",
///     "condition                1.0e0",
///     "active limits                1",
///     "margin                  5.0e-1 (the upper bound of control 0 at stage 0)",
/// ];
/// assert_eq!(solution.certificate().to_string(), report.join("\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// The residual of stationarity over its terms, as in [`Stats::stationarity`](crate::Stats::stationarity).
    pub stationarity: f64,
    /// The relative Newton step, as in [`Stats::step`](crate::Stats::step).
    pub step: f64,
    /// Largest violation of a constraint, in its unit, as in [`Stats::violation`](crate::Stats::violation).
    pub violation: f64,
    /// The stage of the largest violation.
    pub violation_stage: Option<usize>,
    /// Smallest eigenvalue of the reduced Hessian in closed-loop coordinates: with `du = K dx + w` the second-order change
    /// of the Lagrangian is `1/2 sum_t w' Q_uu w` over the directions `w` that the active limits leave free. Positive at a
    /// strict minimum. Infinite where the limits leave no direction free; minus infinity where a Gauss-Newton solve ended
    /// at a point whose exact Hessian is not positive definite; NaN where a solve did not converge. After a factorization
    /// for a gradient whose active limits cannot be eliminated, these are large curvatures instead.
    pub smallest_eigenvalue: f64,
    /// Largest eigenvalue over the smallest.
    pub condition: f64,
    /// The limits that hold the trajectory, stage by stage.
    pub active: Vec<ActiveLimit>,
    /// Strict complementarity: the smallest margin of a bound or an inequality. The margin is the larger of two numbers. One
    /// is the distance over the magnitude of the control, or of the row of the constraint (`|c_x| X + |c_u| U` with the
    /// magnitudes of the variables). The other is the multiplier over the largest term of `Q_u`, or for a constraint times
    /// its magnitude over the largest term times its control. Where the margin is 0 the limit is neither active nor
    /// inactive. Infinite without bounds and inequalities.
    pub margin: f64,
    /// The limit with that margin, and its stage.
    pub weakest: Option<(usize, Limit)>,
}

/// A limit that holds the trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct ActiveLimit {
    /// Stage `t`; the horizon for terminal constraints.
    pub stage: usize,
    /// Which limit.
    pub limit: Limit,
    /// Its multiplier: the decrease of the cost for a unit of slack. Not negative, except for an equality.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub multiplier: f64,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solution<NX, NU, NP, NS> {
    /// How well this solution satisfies the optimality conditions, from the data of the solve. Gradients do not rely on it:
    /// they check the solution themselves.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        let CertificateData { curvatures, lower, upper, constraints, rows, terms } = &self.certificate_data;
        let magnitudes = Magnitudes::of(&self.states, &self.controls).controls;
        let controls = magnitudes.iter().copied().zip(terms.iter().copied()).collect();
        let units = LimitUnits { rows: rows.clone(), controls, rest: 0.0 };
        let mut report = ActiveSetReport { units, ..ActiveSetReport::NONE };
        // A relaxed problem has no limits but its equalities.
        let relaxed = self.relaxation.is_some();
        let bounds = Bounds { lower: (*lower).into(), upper: (*upper).into() };
        let along = self.controls.iter().zip(&self.bound_multipliers).enumerate();
        for (t, (u, qu)) in along.filter(|_| !relaxed) {
            for i in 0..NU {
                report.add_bounds(t, i, (u, qu, Side::of_multiplier(qu[i])), &bounds);
            }
        }
        let multipliers = self.multipliers.stage.iter().chain(&self.multipliers.terminal);
        let along = constraints.iter().zip(multipliers);
        let terminal = constraints.iter().filter(|constraint| constraint.t == self.horizon()).count();
        let counts = |constraint: &Constraint| constraint.enforced && !(relaxed && constraint.inequality);
        for (constraint, &multiplier) in along.filter(|(constraint, _)| counts(constraint)) {
            let Constraint { t, i, inequality, c, .. } = *constraint;
            let unit = if t == self.horizon() { rows.len().saturating_sub(terminal) + i } else { i };
            report.add_constraint((t, i, unit), inequality, (c, multiplier), ActiveSetRule::PositiveMultiplier);
        }
        Certificate::new(&self.stats, curvatures.iter().map(eigenvalues), &report)
    }
}

impl Certificate {
    /// From the eigenvalues of the stages' curvatures and the limits that are near.
    pub(crate) fn new(stats: &Stats, eigenvalues: impl Iterator<Item = Vec<f64>>, report: &ActiveSetReport) -> Self {
        let (mut smallest, mut largest, mut known) = (f64::INFINITY, 0.0_f64, false);
        for stage in eigenvalues {
            known = true;
            for eigenvalue in stage {
                smallest = smaller(smallest, eigenvalue);
                largest = largest.max(eigenvalue);
            }
        }
        let active = report.limits.iter().filter(|limit| !limit.inequality || limit.multiplier > 0.0);
        let active = active.map(|limit| ActiveLimit {
            stage: limit.stage,
            limit: limit.source.into(),
            multiplier: limit.multiplier,
        });
        let mut active: Vec<_> = active.collect();
        // A backward pass finds them in the other direction.
        active.sort_by_key(|limit| limit.stage);
        let weakest = report.weakest();
        Self {
            stationarity: stats.stationarity,
            step: stats.step,
            violation: stats.violation,
            violation_stage: stats.violation_stage,
            smallest_eigenvalue: if known { smallest } else { f64::NAN },
            condition: if largest > 0.0 { largest / smallest } else { 1.0 },
            active,
            margin: weakest.map_or(f64::INFINITY, |(margin, _)| margin),
            weakest: weakest.map(|(_, limit)| (limit.stage, limit.source.into())),
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stationarity        {:>10.1e}", self.stationarity)?;
        writeln!(f, "relative Newton step{:>10.1e}", self.step)?;
        write!(f, "violation           {:>10.1e}", self.violation)?;
        if let Some(stage) = self.violation_stage {
            write!(f, " at stage {stage}")?;
        }
        writeln!(f, "\nsmallest eigenvalue {:>10.1e}", self.smallest_eigenvalue)?;
        writeln!(f, "condition           {:>10.1e}", self.condition)?;
        writeln!(f, "active limits       {:>10}", self.active.len())?;
        write!(f, "margin              {:>10.1e}", self.margin)?;
        match self.weakest {
            Some((stage, limit)) => write!(f, " ({limit} at stage {stage})"),
            None => Ok(()),
        }
    }
}

/// One limit: `the upper bound of control 0 at stage 3, multiplier 1.5e-1`.
impl fmt::Display for ActiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at stage {}, multiplier {:.1e}", self.limit, self.stage, self.multiplier)
    }
}
