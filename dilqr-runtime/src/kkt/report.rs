//! The report of a factorization: residuals of the optimality conditions, and the distance and multiplier of every limit.

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::kkt::units::{LimitState, LimitUnits, ratio};
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

/// The largest [`complementarity`](ActiveSetReport::complementarity) of a relaxed solution.
pub(crate) const COMPLEMENTARITY: f64 = 1e-9;

/// Residuals of a trajectory, and the state of its limits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveSetReport {
    /// See [`Stationarity::value`]; over controls that no bound holds.
    pub(crate) stationarity: f64,
    /// Largest violation of a constraint over its magnitude. An active one is an equation: values of both signs violate it.
    pub(crate) violation: f64,
    /// Of a relaxed problem: the largest difference of a slack from the one that its multiplier asks for, over the
    /// latter. Rounding errors of the constraint do not count.
    pub(crate) complementarity: f64,
    /// Whether a barrier of a relaxed problem has no derivative here.
    pub(crate) undefined: bool,
    /// All bounds and constraints, and how near they are; only the equalities of a relaxed problem.
    pub(crate) limits: Vec<LimitState>,
    /// The units of the limits.
    pub(crate) units: LimitUnits,
}

/// Which inequalities are rows of the LQ problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ActiveSetRule<'a> {
    /// Those with a multiplier above zero, as in a solution.
    PositiveMultiplier,
    /// Those for which `multiplier + weight c` is: the primal-dual active set strategy (Hintermueller, Ito and Kunisch
    /// 2002). A weight for each constraint, those of a stage before those of the terminal state.
    PrimalDual { weights: &'a [f64] },
}

impl ActiveSetReport {
    /// An empty report.
    pub(crate) const NONE: Self = Self {
        stationarity: f64::NAN,
        violation: 0.0,
        complementarity: 0.0,
        undefined: false,
        limits: Vec::new(),
        units: LimitUnits { rows: Vec::new(), controls: Vec::new(), rest: 0.0 },
    };

    /// An empty report with room for all that a trajectory of `horizon` stages and `controls` controls can touch.
    pub(crate) fn with_room(horizon: usize, controls: usize, limits: &Limits) -> Self {
        let bounds = if limits.bounded { 2 * controls } else { 0 };
        let most = horizon * (limits.listed() + bounds) + limits.terminal();
        let units = LimitUnits {
            rows: Vec::with_capacity(limits.listed() + limits.terminal()),
            controls: Vec::with_capacity(controls),
            rest: 0.0,
        };
        Self { limits: Vec::with_capacity(most), units, ..Self::NONE }
    }

    /// Makes this [`NONE`](Self::NONE), and keeps the room.
    pub(crate) fn clear(&mut self) {
        let (mut limits, mut units) = (core::mem::take(&mut self.limits), core::mem::take(&mut self.units));
        limits.clear();
        units.rows.clear();
        units.controls.clear();
        units.rest = 0.0;
        *self = Self { limits, units, ..Self::NONE };
    }

    /// Ends a trajectory whose limits and units are known.
    pub(crate) fn measure_violation(&mut self) {
        let Self { limits, units, .. } = &*self;
        let constraints = limits.iter().filter(|limit| matches!(limit.source, ConstraintId::Constraint(_)));
        let mut largest = 0.0;
        for limit in constraints {
            let violation = if limit.violates() { ratio(limit.distance, units.rows[limit.unit]) } else { 0.0 };
            largest = if violation > largest || violation.is_nan() { violation } else { largest };
        }
        self.violation = largest;
    }

    /// Adds constraint `i` of a stage; returns whether it is a row of the LQ problem. `unit` is its index among all
    /// constraints.
    pub(crate) fn add_constraint(
        &mut self,
        (stage, i, unit): (usize, usize, usize),
        inequality: bool,
        (c, multiplier): (f64, f64),
        rule: ActiveSetRule<'_>,
    ) -> bool {
        let active = !inequality
            || match rule {
                ActiveSetRule::PositiveMultiplier => multiplier > 0.0,
                ActiveSetRule::PrimalDual { weights } => multiplier + weights[unit] * c > 0.0,
            };
        let (source, distance) = (ConstraintId::Constraint(i), c.abs());
        let beyond = c > 0.0 || c.is_nan();
        self.limits.push(LimitState { stage, source, distance, multiplier, unit, active, inequality, beyond });
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
                let distance = (u[i].to_f64() - bound).abs();
                let active = held == Some(side);
                let multiplier = if active { qu[i].to_f64().abs() } else { 0.0 };
                self.limits.push(LimitState {
                    stage,
                    source: ConstraintId::Bound(i, side),
                    distance,
                    multiplier,
                    unit: i,
                    active,
                    inequality: true,
                    beyond: false,
                });
            }
        }
    }

    /// The inequalities and bounds that are weakly active, each with its margin: those with a margin of at most `activity`.
    pub(crate) fn weak(&self, activity: f64) -> impl Iterator<Item = (f64, LimitState)> {
        let inequalities = self.limits.iter().filter(|limit| limit.inequality);
        inequalities.map(|limit| (self.units.margin(limit), *limit)).filter(move |(margin, _)| *margin <= activity)
    }

    /// The inequality or bound with the least margin. The margin is the larger of its distance and of its multiplier, over
    /// their units.
    pub(crate) fn weakest(&self) -> Option<(f64, LimitState)> {
        let margin = |limit: &LimitState| self.units.margin(limit);
        let inequalities = self.limits.iter().filter(|limit| limit.inequality);
        inequalities.map(|limit| (margin(limit), *limit)).min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
