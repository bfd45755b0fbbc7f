//! The report of a factorization: residuals of the optimality conditions, and the distance and multiplier of every limit.

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::kkt::units::{LimitState, LimitUnits, ratio};
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::rows::{Limit, Variable};
use crate::scalar::ScalarReal;

/// What the limits of a model are for its user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitNames {
    limits: &'static Limits,
    /// The number of controls.
    controls: usize,
    horizon: usize,
}

impl LimitNames {
    /// Those of a model over a horizon.
    pub(crate) fn of<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        Self { limits: const { &M::LIMITS }, controls: NU, horizon }
    }

    /// Whether a limit belongs to a soft constraint whose value no choice changes: of a given initial state, or of a state that no
    /// control has reached. Its excess is a part of the cost, and nothing else depends on it.
    pub(crate) fn is_without_choice(&self, stage: usize, source: ConstraintId) -> bool {
        match self.name(stage, source) {
            (t, Limit::SoftConstraint { index } | Limit::Excess { index }) if t < self.horizon => {
                !self.limits.is_soft_chosen(t, index)
            }
            _ => false,
        }
    }

    /// The stage of a limit, and what it is.
    pub(crate) fn name(&self, stage: usize, source: ConstraintId) -> (usize, Limit) {
        let Self { limits, controls, horizon } = *self;
        let own = controls.saturating_sub(limits.excesses);
        match source {
            ConstraintId::Bound(i, side) => (stage, limit_of_bound(i, side, own)),
            ConstraintId::Constraint(i) if stage == horizon => (stage, limits.terminal_limit(i)),
            ConstraintId::Constraint(i) => limit_of_row(stage, horizon, limits.stage_limit(i)),
        }
    }
}

/// A bound of control `i`, where the controls from `own` on are excesses.
pub(crate) fn limit_of_bound(i: usize, side: Side, own: usize) -> Limit {
    let variable = Variable::ControlEntry(i);
    match (i.checked_sub(own), side) {
        (Some(index), _) => Limit::Excess { index },
        (None, Side::Lower) => Limit::LowerBound { variable },
        (None, Side::Upper) => Limit::UpperBound { variable },
    }
}

/// A constraint in the list of a stage, with the stage that it is about. The excesses of terminal soft constraints are chosen
/// with the initial state, so their bounds are constraints of stage 0.
pub(crate) fn limit_of_row(stage: usize, horizon: usize, limit: Limit) -> (usize, Limit) {
    (if matches!(limit, Limit::Excess { .. }) { horizon } else { stage }, limit)
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
    /// Of limits that are terms of the cost: the largest residual of a multiplier's equation, relative. In a relaxed problem the
    /// difference of a slack from the one that its multiplier asks for, over the latter. Rounding errors of the constraint do not
    /// count.
    pub(crate) complementarity: f64,
    /// Whether a limit that is a term of the cost has no derivative here.
    pub(crate) undefined: bool,
    /// Whether constraints are terms of an augmented Lagrangian, which no value violates.
    pub(crate) penalized: bool,
    /// All bounds and constraints, and how near they are; only the equalities of a relaxed problem. Of an augmented Lagrangian the
    /// bounds, and the kinks of inequalities.
    pub(crate) limits: Vec<LimitState>,
    /// The units of the limits.
    pub(crate) units: LimitUnits,
}

/// The part of the slope of an excess up to which its linear factor is zero: the tolerance of multipliers.
const NO_PENALTY: f64 = 1e-9;

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
        penalized: false,
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
        if self.penalized {
            return;
        }
        let Self { limits, units, .. } = &*self;
        let constraints = limits.iter().filter(|limit| matches!(limit.source, ConstraintId::Constraint(_)));
        let mut largest = 0.0;
        for limit in constraints {
            let violation = if limit.violates() { ratio(limit.distance, units.rows[limit.unit]) } else { 0.0 };
            largest = if violation > largest || violation.is_nan() { violation } else { largest };
        }
        self.violation = largest;
    }

    /// Adds inequality `i` of a stage, which is a term of an augmented Lagrangian: its distances from the kink at which the term
    /// begins. No value violates it.
    pub(crate) fn add_kink(&mut self, (stage, i, unit): (usize, usize, usize), [distance, multiplier]: [f64; 2]) {
        self.penalized = true;
        let source = ConstraintId::Constraint(i);
        let (inequality, beyond, active) = (true, false, multiplier > 0.0);
        self.limits.push(LimitState { stage, source, distance, multiplier, unit, active, inequality, beyond });
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
        let bounds = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
        self.add_bounds_of_control((stage, i), (u[i].to_f64(), qu[i].to_f64(), held), bounds);
    }

    /// [`add_bounds`](Self::add_bounds) for the control `u` with the entry `qu` of `Q_u`.
    pub(crate) fn add_bounds_of_control(
        &mut self,
        (stage, i): (usize, usize),
        (u, qu, held): (f64, f64, Option<Side>),
        (lower, upper): (f64, f64),
    ) {
        // An interval of one point holds its control whatever the slope.
        if lower >= upper {
            return;
        }
        for (side, bound) in [(Side::Lower, lower), (Side::Upper, upper)] {
            if bound.is_finite() {
                let distance = (u - bound).abs();
                let active = held == Some(side);
                let multiplier = if active { qu.abs() } else { 0.0 };
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

    /// As [`weak`](Self::weak), without limits on which neither states nor controls depend: bounds of excesses whose soft constraint
    /// is away from its limit, or has the excess of another one, and soft constraints whose values no choice changes. And without the
    /// sides of intervals of one point: the problem is defined only as long as no side passes the other, so the variable stays held.
    pub(crate) fn weak_for_trajectory(&self, activity: f64, names: LimitNames) -> Vec<(f64, LimitState)> {
        let is_away = |(stage, limit): (usize, Limit)| {
            let Limit::Excess { index } = limit else { return false };
            if names.limits.owner_of_excess(index, stage == names.horizon).is_some() {
                return true;
            }
            let soft = (stage, Limit::SoftConstraint { index });
            let row = self.limits.iter().find(|limit| names.name(limit.stage, limit.source) == soft);
            row.is_none_or(|row| !row.active && self.units.margin(row) > activity)
        };
        let weak = self.weak(activity).filter(|(_, limit)| {
            let (stage, source) = (limit.stage, limit.source);
            let named = names.name(stage, source);
            !names.is_without_choice(stage, source) && !is_away(named) && !self.is_held(limit, named, names)
        });
        weak.collect()
    }

    /// Whether a bound is a side of an interval of one point, one of whose sides is a row: that holds the variable, however small
    /// its multiplier.
    fn is_held(&self, limit: &LimitState, (stage, named): (usize, Limit), names: LimitNames) -> bool {
        let other = match named {
            Limit::LowerBound { variable } => Limit::UpperBound { variable },
            Limit::UpperBound { variable } => Limit::LowerBound { variable },
            _ => return false,
        };
        // The two sides as terms of an augmented Lagrangian are two kinks.
        if self.penalized {
            return false;
        }
        // `value - side` and `side - value` are the same number, but for the sign.
        let touches = |of: &&LimitState| {
            let same = of.distance == limit.distance && (of.distance == 0.0 || of.beyond != limit.beyond);
            same && (of.active || limit.active)
        };
        self.limits.iter().filter(touches).any(|of| names.name(of.stage, of.source) == (stage, other))
    }

    /// A soft constraint whose value no choice changes, and that is at its limit, where a linear penalty begins: the cost has a kink.
    pub(crate) fn kink_of_cost(&self, activity: f64, names: LimitNames) -> Option<LimitState> {
        let without_choice = || self.limits.iter().filter(|limit| names.is_without_choice(limit.stage, limit.source));
        let named = |limit: &LimitState| names.name(limit.stage, limit.source);
        without_choice().filter(|row| self.units.distance(row) <= activity).copied().find(|row| {
            let (t, Limit::SoftConstraint { index }) = named(row) else { return false };
            let of_excess = Limit::Excess { index };
            // Of an absolute value, the second row has its own bound, and shares the excess of the first.
            let owner = names.limits.owner_of_excess(index, false);
            let other = owner.map_or(of_excess, |index| Limit::SoftConstraint { index });
            let Some(other) = without_choice().find(|limit| named(limit) == (t, other)) else { return false };
            let Some(bound) = without_choice().find(|limit| named(limit) == (t, of_excess)) else { return false };
            // The multipliers of both add up to the linear factor.
            let linear = ratio(row.multiplier + other.multiplier, self.units.controls[bound.unit].1);
            self.units.distance(other) <= activity && linear > NO_PENALTY
        })
    }

    /// The inequality or bound with the least margin. The margin is the larger of its distance and of its multiplier, over
    /// their units.
    pub(crate) fn weakest(&self) -> Option<(f64, LimitState)> {
        let margin = |limit: &LimitState| self.units.margin(limit);
        let inequalities = self.limits.iter().filter(|limit| limit.inequality);
        inequalities.map(|limit| (margin(limit), *limit)).min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
