//! The report of a factorization: residuals of the optimality conditions, and the distance and multiplier of every limit.

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::ConstraintId;
use crate::model::limits::{Limit, Limits};
use crate::scalar::ScalarReal;

impl From<ConstraintId> for Limit {
    fn from(source: ConstraintId) -> Self {
        match source {
            ConstraintId::Constraint(index) => Self::Constraint { index },
            ConstraintId::Bound(control, Side::Lower) => Self::LowerBound { control },
            ConstraintId::Bound(control, Side::Upper) => Self::UpperBound { control },
        }
    }
}

/// A limit near or at which a trajectory is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitState {
    pub(crate) stage: usize,
    pub(crate) source: ConstraintId,
    /// How far from the limit, in its own unit over `max(1, |limit|)` for a bound.
    pub(crate) distance: f64,
    /// Its multiplier.
    pub(crate) multiplier: f64,
    /// Whether it is a row of the LQ problem.
    pub(crate) active: bool,
    /// Whether it is a bound or an inequality.
    pub(crate) inequality: bool,
}

/// Residuals of a trajectory, and the state of its limits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveSetReport {
    /// See [`Stationarity::value`]; over controls that no bound holds.
    pub(crate) stationarity: f64,
    /// See [`Stationarity::scale`].
    pub(crate) scale: f64,
    /// Largest violation of a constraint, and its stage.
    pub(crate) violation: (f64, usize),
    /// All bounds and constraints, and how near they are.
    pub(crate) limits: Vec<LimitState>,
}

/// Which inequalities are rows of the LQ problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ActiveSetRule {
    /// Those with a multiplier above zero, as in a solution.
    PositiveMultiplier,
    /// Those for which `multiplier + weight c` is: the primal-dual active set strategy (Hintermueller, Ito and Kunisch
    /// 2002).
    PrimalDual { weight: f64 },
}

impl ActiveSetReport {
    /// An empty report.
    pub(crate) const NONE: Self = Self { stationarity: f64::NAN, scale: 1.0, violation: (0.0, 0), limits: Vec::new() };

    /// An empty report with room for all that a trajectory of `horizon` stages and `controls` controls can touch.
    pub(crate) fn with_room(horizon: usize, controls: usize, limits: &Limits) -> Self {
        let bounds = if limits.bounded { 2 * controls } else { 0 };
        let most = horizon * (limits.stage() + bounds) + limits.terminal();
        Self { limits: Vec::with_capacity(most), ..Self::NONE }
    }

    /// Makes this [`NONE`](Self::NONE), and keeps the room.
    pub(crate) fn clear(&mut self) {
        let mut limits = core::mem::take(&mut self.limits);
        limits.clear();
        *self = Self { limits, ..Self::NONE };
    }

    /// Adds constraint `i` of a stage; returns whether it is a row of the LQ problem.
    pub(crate) fn add_constraint(
        &mut self,
        (stage, i): (usize, usize),
        inequality: bool,
        c: f64,
        multiplier: f64,
        rule: ActiveSetRule,
    ) -> bool {
        let active = !inequality
            || match rule {
                ActiveSetRule::PositiveMultiplier => multiplier > 0.0,
                ActiveSetRule::PrimalDual { weight } => multiplier + weight * c > 0.0,
            };
        // An active constraint is an equation: values of both signs violate it.
        let violation = if active { c.abs() } else { c.max(0.0) };
        if violation > self.violation.0 || c.is_nan() {
            self.violation = (if c.is_nan() { f64::NAN } else { violation }, stage);
        }
        let source = ConstraintId::Constraint(i);
        self.limits.push(LimitState { stage, source, distance: c.abs(), multiplier, active, inequality });
        active
    }

    /// Adds the bounds of control `i` of a stage, where `held` is the one that holds it.
    pub(crate) fn add_bounds<S: ScalarReal, const NU: usize>(
        &mut self,
        stage: usize,
        i: usize,
        (u, qu, held): (&SVector<S, NU>, &SVector<S, NU>, Option<Side>),
        bounds: &Bounds<S, NU>,
    ) {
        let (lower, upper) = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
        // An interval of one point holds its control whatever the slope.
        if lower >= upper {
            return;
        }
        for (side, bound) in [(Side::Lower, lower), (Side::Upper, upper)] {
            if bound.is_finite() {
                let distance = (u[i].to_f64() - bound).abs() / bound.abs().max(1.0);
                let active = held == Some(side);
                let multiplier = if active { qu[i].to_f64().abs() } else { 0.0 };
                self.limits.push(LimitState {
                    stage,
                    source: ConstraintId::Bound(i, side),
                    distance,
                    multiplier,
                    active,
                    inequality: true,
                });
            }
        }
    }

    /// The inequality or bound with the least margin. The margin is the larger of its distance and of its multiplier over
    /// the scale of the cost's gradient.
    pub(crate) fn weakest(&self) -> Option<(f64, LimitState)> {
        let margin = |limit: &LimitState| limit.distance.max(limit.multiplier / self.scale);
        let inequalities = self.limits.iter().filter(|limit| limit.inequality);
        inequalities.map(|limit| (margin(limit), *limit)).min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
