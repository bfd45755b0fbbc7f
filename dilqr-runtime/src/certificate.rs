//! The certificate of a solution: how well it satisfies the optimality conditions, and how far it is from a point without
//! a derivative.

use alloc::vec::Vec;
use core::fmt;

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule, limit_of_bound, limit_of_row};
use crate::kkt::units::{LimitState, LimitUnits};
use crate::lifted_data::LiftedData;
use crate::linalg::symmetric_eigen::{eigenvalues, eigenvalues_of, smaller};
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::ConstraintId;
use crate::model::rows::Limit;
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

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Solution<NX, NU, NP, NS, ND> {
    /// How well this solution satisfies the optimality conditions, from the data of the solve. Gradients do not rely on it:
    /// they check the solution themselves.
    ///
    /// The excess of a soft constraint is at its bound, zero, where the soft constraint holds, and counts as an active limit
    /// there.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        let CertificateData { curvatures, lower, upper, constraints, rows, limits, terms } = &self.certificate_data;
        let magnitudes = Magnitudes::of(&self.states, &self.controls).controls;
        let controls = magnitudes.iter().copied().zip(terms.iter().copied()).collect();
        let mut units = LimitUnits { rows: rows.clone(), controls, rest: 0.0 };
        let excesses = self.excesses();
        units.controls.extend(excesses.iter().map(|excess| (excess.magnitude(), excess.terms)));
        let mut report = ActiveSetReport { units, ..ActiveSetReport::NONE };
        // A relaxed problem has no limits but its equalities, an augmented Lagrangian none but its bounds. Its inequalities have
        // kinks.
        let relaxed = self.relaxation.is_some();
        let bounds = Bounds { lower: (*lower).into(), upper: (*upper).into() };
        let along = self.controls.iter().zip(&self.bound_multipliers).enumerate();
        for (t, (u, qu)) in along.filter(|_| !relaxed) {
            for i in 0..NU {
                report.add_bounds(t, i, (u, qu, Side::of_multiplier(qu[i])), &bounds);
            }
            for (i, excess) in excesses.iter().enumerate() {
                if let (Some(&e), Some(&qe)) = (excess.values.get(t), excess.bound_multipliers.get(t)) {
                    report.add_bounds_of_control((t, NU + i), (e, qe, Side::of_multiplier(qe)), excess.bounds);
                }
            }
        }
        let along = constraints.iter().zip(self.multipliers.iter());
        let terminal = constraints.iter().filter(|constraint| constraint.t == self.horizon()).count();
        let augmented = self.augmented_lagrangian.as_ref();
        let mut given = augmented.into_iter().flat_map(|augmented| augmented.multipliers.iter());
        let counts = |constraint: &Constraint| constraint.enforced && !(relaxed && constraint.inequality);
        let along = along.map(|(constraint, multiplier)| (constraint, multiplier, given.next()));
        for (constraint, &multiplier, given) in along.filter(|(constraint, ..)| counts(constraint)) {
            let Constraint { t, i, inequality, c, .. } = *constraint;
            let unit = if t == self.horizon() { rows.len().saturating_sub(terminal) + i } else { i };
            if let Some(AugmentedLagrangian { weights, .. }) = augmented {
                if let (true, Some(&m), Some(&w)) = (inequality, given, weights.get(unit)) {
                    report.add_kink((t, i, unit), AugmentedLagrangian::distance_of_kink((m, w), multiplier, c));
                }
                continue;
            }
            report.add_constraint((t, i, unit), inequality, (c, multiplier), ActiveSetRule::PositiveMultiplier);
        }
        let name = |stage: usize, source: ConstraintId| match source {
            ConstraintId::Bound(i, side) => (stage, limit_of_bound(i, side, NU)),
            ConstraintId::Constraint(i) => {
                let row = if stage == self.horizon() { limits.len().saturating_sub(terminal) + i } else { i };
                let limit = limits.get(row).copied().unwrap_or(Limit::Constraint { index: i });
                limit_of_row(stage, self.horizon(), limit)
            }
        };
        match self.lifted.as_deref() {
            Some(LiftedData { controls, curvatures, .. }) if *controls > 0 => {
                let stages = curvatures.chunks_exact(controls * controls);
                Certificate::new(&self.stats, stages.map(|stage| eigenvalues_of(*controls, stage)), &report, name)
            }
            _ => Certificate::new(&self.stats, curvatures.iter().map(eigenvalues), &report, name),
        }
    }

    /// The excesses of the stages' soft constraints.
    fn excesses(&self) -> Vec<Excess> {
        let Some(rest) = self.lifted.as_deref() else { return Vec::new() };
        let (all, each) = (rest.controls, rest.controls.saturating_sub(NU));
        let along = |list: &[f64], first: usize, step: usize| {
            list.get(first..).map_or_else(Vec::new, |list| list.iter().copied().step_by(step).collect())
        };
        let at = |list: &[f64], i: usize| list.get(NU + i).copied().unwrap_or(f64::NAN);
        let excess = |i: usize| Excess {
            values: along(&rest.stage_slacks, i, each),
            bound_multipliers: along(&rest.bound_multipliers, NU + i, all),
            bounds: (at(&rest.lower, i), at(&rest.upper, i)),
            terms: at(&rest.terms, i),
        };
        (0..each).map(excess).collect()
    }
}

/// The excess of a soft constraint along the trajectory.
struct Excess {
    values: Vec<f64>,
    bound_multipliers: Vec<f64>,
    bounds: (f64, f64),
    /// Its largest terms in `Q_w`.
    terms: f64,
}

impl Excess {
    /// The largest excess; 1 where there is none, as for every variable.
    fn magnitude(&self) -> f64 {
        let largest = self.values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        if largest > 0.0 { largest } else { 1.0 }
    }
}

impl Certificate {
    /// From the eigenvalues of the stages' curvatures and the limits that are near. `name` gives the stage of a limit, and what
    /// it is.
    pub(crate) fn new(
        stats: &Stats,
        eigenvalues: impl Iterator<Item = Vec<f64>>,
        report: &ActiveSetReport,
        name: impl Fn(usize, ConstraintId) -> (usize, Limit),
    ) -> Self {
        let (mut smallest, mut largest, mut known) = (f64::INFINITY, 0.0_f64, false);
        for stage in eigenvalues {
            known = true;
            for eigenvalue in stage {
                smallest = smaller(smallest, eigenvalue);
                largest = largest.max(eigenvalue);
            }
        }
        let is_limit = |limit: &&LimitState| !report.penalized || matches!(limit.source, ConstraintId::Bound(..));
        let active = report.limits.iter().filter(is_limit);
        let active = active.filter(|limit| !limit.inequality || limit.multiplier > 0.0);
        let active = active.map(|state| {
            let (stage, limit) = name(state.stage, state.source);
            ActiveLimit { stage, limit, multiplier: state.multiplier }
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
            weakest: weakest.map(|(_, limit)| name(limit.stage, limit.source)),
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
