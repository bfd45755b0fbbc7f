//! The barriers of a problem: slacks of inequalities, and distances of controls from their bounds.

use crate::kkt::barrier::BarrierSystem;
use crate::lq::bounds::{Bounds, Side};
use crate::model::limits::Limits;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep, Duals};
use crate::ocp::constraints::ConstraintKind;
use crate::scalar::float;
use crate::solve::interior_point::scales::Scales;

/// The part of the way to the boundary that a step may take.
const TO_BOUNDARY: f64 = 0.995;

/// One barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// Of the inequality at this index.
    Slack(usize),
    /// Of control `i` at stage `t`.
    Bound { t: usize, i: usize, side: Side },
}

impl Barrier {
    /// The change of its distance along a step.
    fn change<const NX: usize, const NU: usize>(self, step: &BarrierStep<NX, NU>) -> f64 {
        match self {
            Self::Slack(index) => step.ds[index],
            Self::Bound { t, i, side } => -side.direction::<f64>() * step.du[t][i],
        }
    }

    pub(super) fn multiplier<const NX: usize, const NU: usize>(self, duals: &Duals<NX, NU>) -> f64 {
        match self {
            Self::Slack(index) => duals.constraints[index],
            Self::Bound { t, i, side } => duals.bounds(side)[t][i],
        }
    }

    fn multiplier_mut<const NX: usize, const NU: usize>(self, duals: &mut Duals<NX, NU>) -> &mut f64 {
        match self {
            Self::Slack(index) => &mut duals.constraints[index],
            Self::Bound { t, i, side } => &mut duals.bounds_mut(side)[t][i],
        }
    }
}

/// The barriers of a problem, with the magnitudes of their distances.
#[derive(Clone, Copy)]
pub(super) struct Barriers<'a, const NX: usize, const NU: usize> {
    pub(super) limits: &'a Limits,
    pub(super) bounds: &'a Bounds<f64, NU>,
    pub(super) scales: &'a Scales<NX, NU>,
    pub(super) horizon: usize,
}

impl<'a, const NX: usize, const NU: usize> Barriers<'a, NX, NU> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Barrier> + use<'a, NX, NU> {
        let Self { limits, bounds, horizon, .. } = *self;
        let inequality = move |&index: &usize| ConstraintKind::of(limits, horizon, index) == ConstraintKind::Inequality;
        let slacks = (0..horizon * limits.stage() + limits.terminal()).filter(inequality).map(Barrier::Slack);
        let bounded = (0..if limits.bounded { horizon } else { 0 })
            .flat_map(move |t| bounds.sides().map(move |(i, side)| Barrier::Bound { t, i, side }));
        slacks.chain(bounded)
    }

    pub(super) fn distance(&self, barrier: Barrier, point: &BarrierPoint<NX, NU>) -> f64 {
        match barrier {
            Barrier::Slack(index) => point.slacks[index],
            Barrier::Bound { t, i, side } => -self.bounds.constraint(side, i, &point.trajectory.controls[t]),
        }
    }

    fn scale(&self, barrier: Barrier) -> f64 {
        match barrier {
            Barrier::Slack(index) => self.scales.row(self.limits, self.horizon, index),
            Barrier::Bound { i, .. } => self.scales.controls[i],
        }
    }

    /// Whether the multiplier of a limit is larger than its distance by a factor of `threshold`. Both are relative: to the
    /// magnitude of the distance, and to the barrier parameter `unit`.
    pub(super) fn is_active(
        &self,
        barrier: Barrier,
        point: &BarrierPoint<NX, NU>,
        (unit, threshold): (f64, f64),
    ) -> bool {
        let scale = self.scale(barrier);
        barrier.multiplier(&point.duals) * scale / unit > threshold * (self.distance(barrier, point) / scale)
    }

    /// The cost with its barriers, `sum l - mu sum ln s`.
    pub(super) fn cost(&self, point: &BarrierPoint<NX, NU>, mu: f64) -> f64 {
        let logarithm = |barrier| float::f64::ln(self.distance(barrier, point) / self.scale(barrier));
        point.cost.total - mu * self.iter().map(logarithm).sum::<f64>()
    }

    /// The derivative of the cost with its barriers along a step.
    pub(super) fn slope(
        &self,
        point: &BarrierPoint<NX, NU>,
        step: &BarrierStep<NX, NU>,
        system: &BarrierSystem<NX, NU>,
        mu: f64,
    ) -> f64 {
        let (gx, gu) = system.cost_gradient();
        let states: f64 = gx.iter().zip(&step.dx).map(|(g, dx)| g.dot(dx)).sum();
        let controls: f64 = gu.iter().zip(&step.du).map(|(g, du)| g.dot(du)).sum();
        let relative_change = |barrier: Barrier| barrier.change(step) / self.distance(barrier, point);
        states + controls - mu * self.iter().map(relative_change).sum::<f64>()
    }

    /// The longest steps of the primal variables and of the multipliers that stay inside.
    pub(super) fn longest_steps(&self, point: &BarrierPoint<NX, NU>, step: &BarrierStep<NX, NU>) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0, 1.0);
        for barrier in self.iter() {
            let (distance, change) = (self.distance(barrier, point), barrier.change(step));
            if change < -TO_BOUNDARY * distance {
                primal = f64::min(primal, -TO_BOUNDARY * distance / change);
            }
            let (from, to) = (barrier.multiplier(&point.duals), barrier.multiplier(&step.duals));
            if to - from < -TO_BOUNDARY * from {
                dual = f64::min(dual, -TO_BOUNDARY * from / (to - from));
            }
        }
        (primal, dual)
    }

    /// Sets the multiplier of each barrier to a function of its distance and its multiplier.
    pub(super) fn set_multipliers(&self, point: &mut BarrierPoint<NX, NU>, new: impl Fn(f64, f64) -> f64) {
        for barrier in self.iter() {
            let distance = self.distance(barrier, point);
            let multiplier = barrier.multiplier_mut(&mut point.duals);
            *multiplier = new(distance, *multiplier);
        }
    }
}
