//! The barriers of a problem: slacks of inequalities, distances of controls from their bounds, and in an elastic problem the
//! excess of each constraint.

use crate::kkt::weighted_rows::WeightedRows;
use crate::lq::bounds::{Bounds, Side};
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep, Duals};
use crate::ocp::constraints::ConstraintKind;
use crate::scalar::float;
use crate::solve::interior_point::scales::Scales;

/// The part of the way to the boundary that a step may take.
const TO_BOUNDARY: f64 = 0.995;

/// One barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// Of the slack of the inequality at this index.
    Slack(usize),
    /// Of control `i` at stage `t`.
    Bound { t: usize, i: usize, side: Side },
    /// Of the excess of the constraint at this index, above its limit (0) or below (1).
    Excess(usize, usize),
}

/// Runs a body for every barrier: those of the constraints, then those of the bounds. A macro, because each kind of barrier
/// gets its own copy of the body, in which the compiler knows the kind. These loops are a third of an iteration otherwise.
macro_rules! for_each_barrier {
    ($barriers:expr, |$barrier:ident| $body:expr) => {{
        let Barriers { kinds, sides, horizon, elastic, .. } = *$barriers;
        for (index, kind) in kinds.iter().enumerate() {
            if *kind == ConstraintKind::Inequality {
                let $barrier = Barrier::Slack(index);
                $body;
            }
            if elastic.is_some() && *kind != ConstraintKind::Absent {
                let $barrier = Barrier::Excess(index, 0);
                $body;
                if *kind == ConstraintKind::Equality {
                    let $barrier = Barrier::Excess(index, 1);
                    $body;
                }
            }
        }
        for t in 0..horizon {
            for &(i, side) in sides {
                let $barrier = Barrier::Bound { t, i, side };
                $body;
            }
        }
    }};
}

/// The barriers of a problem, with the magnitudes of their distances.
#[derive(Clone, Copy)]
pub(super) struct Barriers<'a, const NX: usize, const NU: usize> {
    pub(super) kinds: &'a [ConstraintKind],
    pub(super) bounds: &'a Bounds<f64, NU>,
    /// The sides of the bounds that have barriers.
    pub(super) sides: &'a [(usize, Side)],
    pub(super) scales: &'a Scales<NX, NU>,
    pub(super) horizon: usize,
    /// In an elastic problem, the cost of a constraint's excess over its magnitude.
    pub(super) elastic: Option<f64>,
}

impl<const NX: usize, const NU: usize> Barriers<'_, NX, NU> {
    /// The number of barriers.
    pub(super) fn count(&self) -> usize {
        let mut count = 0;
        for_each_barrier!(self, |_barrier| count += 1);
        count
    }

    /// The cost of a unit of the excess of a constraint.
    #[inline(always)]
    pub(super) fn price(&self, index: usize) -> f64 {
        self.elastic.map_or(f64::INFINITY, |price| price / self.scales.rows[index])
    }

    #[inline(always)]
    pub(super) fn distance(&self, barrier: Barrier, point: &BarrierPoint<NX, NU>) -> f64 {
        match barrier {
            Barrier::Slack(index) => point.slacks[index],
            Barrier::Bound { t, i, side } => -self.bounds.constraint(side, i, &point.trajectory.controls[t]),
            Barrier::Excess(index, side) => point.excess[side][index],
        }
    }

    /// The change of the distance along a step.
    #[inline(always)]
    fn change(&self, barrier: Barrier, step: &BarrierStep<NX, NU>) -> f64 {
        match barrier {
            Barrier::Slack(index) => step.ds[index],
            Barrier::Bound { t, i, side } => -side.direction::<f64>() * step.du[t][i],
            Barrier::Excess(index, side) => step.dexcess[side][index],
        }
    }

    /// The multiplier. That of an excess is the rest of its price.
    #[inline(always)]
    pub(super) fn multiplier(&self, barrier: Barrier, duals: &Duals<NX, NU>) -> f64 {
        match barrier {
            Barrier::Slack(index) => duals.constraints[index],
            Barrier::Bound { t, i, side } => duals.bounds(side)[t][i],
            Barrier::Excess(index, 0) => self.price(index) - duals.constraints[index],
            Barrier::Excess(index, _) => self.price(index) + duals.constraints[index],
        }
    }

    /// The magnitude of the distance.
    #[inline(always)]
    pub(super) fn scale(&self, barrier: Barrier) -> f64 {
        match barrier {
            Barrier::Slack(index) | Barrier::Excess(index, _) => self.scales.rows[index],
            Barrier::Bound { i, .. } => self.scales.controls[i],
        }
    }

    /// Whether the multiplier of a limit is larger than its distance by a factor of `threshold`. Both are relative: to the
    /// magnitude of the distance, and to the barrier parameter `unit`.
    #[inline(always)]
    pub(super) fn is_active(
        &self,
        barrier: Barrier,
        point: &BarrierPoint<NX, NU>,
        (unit, threshold): (f64, f64),
    ) -> bool {
        let scale = self.scale(barrier);
        self.multiplier(barrier, &point.duals) * scale / unit > threshold * (self.distance(barrier, point) / scale)
    }

    /// Whether a constraint is active: an equality always, an inequality by [`is_active`](Self::is_active).
    pub(super) fn is_active_row(&self, index: usize, point: &BarrierPoint<NX, NU>, by: (f64, f64)) -> bool {
        match self.kinds[index] {
            ConstraintKind::Inequality => self.is_active(Barrier::Slack(index), point, by),
            kind => kind == ConstraintKind::Equality,
        }
    }

    /// Whether something holds for all barriers.
    pub(super) fn all(&self, holds: impl Fn(Barrier) -> bool) -> bool {
        let mut all = true;
        for_each_barrier!(self, |barrier| all &= holds(barrier));
        all
    }

    /// The cost with its barriers, `sum l - mu sum ln s`, and the price of all excess.
    pub(super) fn cost(&self, point: &BarrierPoint<NX, NU>, mu: f64) -> f64 {
        let mut sum = point.cost.total;
        for_each_barrier!(self, |barrier| {
            let distance = self.distance(barrier, point);
            sum -= mu * float::f64::ln(distance / self.scale(barrier));
            if let Barrier::Excess(index, _) = barrier {
                sum += self.price(index) * distance;
            }
        });
        sum
    }

    /// The derivative of the cost with its barriers along a step.
    pub(super) fn slope(
        &self,
        point: &BarrierPoint<NX, NU>,
        step: &BarrierStep<NX, NU>,
        system: &WeightedRows<NX, NU>,
        mu: f64,
    ) -> f64 {
        let mut sum = system.slope_along(step);
        for_each_barrier!(self, |barrier| {
            let change = self.change(barrier, step);
            sum -= mu * (change / self.distance(barrier, point));
            if let Barrier::Excess(index, _) = barrier {
                sum += self.price(index) * change;
            }
        });
        sum
    }

    /// The longest steps of the primal variables and of the multipliers that stay inside.
    pub(super) fn longest_steps(&self, point: &BarrierPoint<NX, NU>, step: &BarrierStep<NX, NU>) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0, 1.0);
        for_each_barrier!(self, |barrier| {
            let (distance, change) = (self.distance(barrier, point), self.change(barrier, step));
            if change < -TO_BOUNDARY * distance {
                primal = f64::min(primal, -TO_BOUNDARY * distance / change);
            }
            let (from, to) = (self.multiplier(barrier, &point.duals), self.multiplier(barrier, &step.duals));
            if to - from < -TO_BOUNDARY * from {
                dual = f64::min(dual, -TO_BOUNDARY * from / (to - from));
            }
        });
        (primal, dual)
    }

    /// The average product of distance and multiplier, and that after the longest steps.
    pub(super) fn complementarity(&self, point: &BarrierPoint<NX, NU>, step: &BarrierStep<NX, NU>) -> (f64, f64) {
        let (primal, dual) = self.longest_steps(point, step);
        let (mut now, mut then, mut count) = (0.0, 0.0, 0.0);
        for_each_barrier!(self, |barrier| {
            let (distance, from) = (self.distance(barrier, point), self.multiplier(barrier, &point.duals));
            let to = self.multiplier(barrier, &step.duals);
            now += distance * from;
            then += (distance + primal * self.change(barrier, step)) * (from + dual * (to - from));
            count += 1.0;
        });
        (now / count, then / count)
    }

    /// Sets the multiplier of each slack and bound to a function of its distance and its multiplier.
    pub(super) fn set_multipliers(&self, point: &mut BarrierPoint<NX, NU>, new: impl Fn(f64, f64) -> f64) {
        for_each_barrier!(self, |barrier| {
            let distance = self.distance(barrier, point);
            match barrier {
                Barrier::Slack(index) => {
                    let multiplier = &mut point.duals.constraints[index];
                    *multiplier = new(distance, *multiplier).min(0.999_999 * self.price(index));
                }
                Barrier::Bound { t, i, side } => {
                    let multiplier = &mut point.duals.bounds_mut(side)[t][i];
                    *multiplier = new(distance, *multiplier);
                }
                Barrier::Excess(..) => {}
            }
        });
    }
}
