//! Points of the interior-point method: evaluation, barrier cost, and steps to the boundary.

use crate::kkt::barrier::{BarrierPoint, BarrierStep, BarrierSystem, RowKind, SIDES};
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::OcpInstance;
use crate::ocp::rollout::Cost;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::scalar::float;
use crate::solve::interior_point::scales::Scales;

/// How near to a bound a control may be at the start, over its magnitude and over its interval.
const FIRST_DISTANCE: (f64, f64) = (0.01, 0.25);

/// The part of the way to the boundary that a step may take.
const TO_BOUNDARY: f64 = 0.995;

/// Evaluates cost, constraints and dynamics of a point. Returns whether all are finite.
pub(super) fn evaluate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &mut BarrierPoint<NX, NU>,
) -> bool
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let BarrierPoint { trajectory: Trajectory { states, controls, constraints }, cost, defects, .. } = point;
    let horizon = controls.len();
    *cost = Cost::zero();
    let mut sum = 0.0;
    for (t, u) in controls.iter().enumerate() {
        let at = Stage::new(&states[t], u, instance.params, &instance.stage_params[t]);
        cost.add(instance.model.step(at, &mut defects[t]));
        defects[t] -= states[t + 1];
        sum += defects[t].sum();
        let range = at_stage(constraints, t, horizon, limits);
        instance.model.stage_constraints(at, &mut constraints[range]);
    }
    let at = Terminal::new(&states[horizon], instance.params, &instance.stage_params[horizon]);
    cost.add(instance.model.terminal_cost(at));
    let range = at_stage(constraints, horizon, horizon, limits);
    instance.model.terminal_constraints(at, &mut constraints[range]);
    for (index, &c) in constraints.iter().enumerate() {
        if RowKind::of(limits, horizon, index) != RowKind::Absent {
            sum += c;
        }
    }
    (sum + cost.total).is_finite()
}

/// The cost with its barriers, and the derivative of that along a step: `sum l - mu sum ln s`.
pub(super) fn barrier_cost<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &BarrierPoint<NX, NU>,
    scales: &Scales<NX, NU>,
    mu: f64,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let mut logarithms = 0.0;
    for_each_distance(instance, point, |distance, scale, _| logarithms += float::f64::ln(distance / scale), scales);
    point.cost.total - mu * logarithms
}

/// A barrier: a slack or the distance of a control from a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    Slack(usize),
    /// Stage, control, side.
    Bound(usize, usize, usize),
}

/// Visits the distance, its scale and the place of each barrier.
pub(super) fn for_each_distance<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &BarrierPoint<NX, NU>,
    mut visit: impl FnMut(f64, f64, Barrier),
    scales: &Scales<NX, NU>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let horizon = point.defects.len();
    for (index, &slack) in point.slacks.iter().enumerate() {
        if RowKind::of(limits, horizon, index) == RowKind::Inequality {
            visit(slack, scales.row(limits, horizon, index), Barrier::Slack(index));
        }
    }
    if !limits.bounded {
        return;
    }
    for (t, u) in point.trajectory.controls.iter().enumerate() {
        for i in (0..NU).filter(|&i| !instance.bounds.is_point(i)) {
            for (side, sign) in SIDES {
                let distance = sign * (u[i] - instance.bounds.side(side)[i]);
                if distance.is_finite() {
                    visit(distance, scales.controls[i], Barrier::Bound(t, i, side));
                }
            }
        }
    }
}

/// The derivative of the barrier cost along a step.
pub(super) fn slope<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    (system, scales): (&BarrierSystem<NX, NU>, &Scales<NX, NU>),
    mu: f64,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let (gx, gu) = system.cost_gradient();
    let states: f64 = gx.iter().zip(&step.dx).map(|(g, dx)| g.dot(dx)).sum();
    let controls: f64 = gu.iter().zip(&step.du).map(|(g, du)| g.dot(du)).sum();
    let mut barriers = 0.0;
    for_each_distance(instance, point, |distance, _, place| barriers += change(step, place) / distance, scales);
    states + controls - mu * barriers
}

/// The change of a barrier's distance along a step.
pub(super) fn change<const NX: usize, const NU: usize>(step: &BarrierStep<NX, NU>, place: Barrier) -> f64 {
    match place {
        Barrier::Slack(index) => step.ds[index],
        Barrier::Bound(t, i, side) => SIDES[side].1 * step.du[t][i],
    }
}

/// The multiplier of a barrier and its value after the whole step.
pub(super) fn multiplier<const NX: usize, const NU: usize>(
    point: &BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    place: Barrier,
) -> (f64, f64) {
    match place {
        Barrier::Slack(index) => (point.multipliers[index], step.multipliers[index]),
        Barrier::Bound(t, i, side) => (point.bound_multipliers[side][t][i], step.bound_multipliers[side][t][i]),
    }
}

/// Sets the multiplier of a barrier.
fn set_multiplier<const NX: usize, const NU: usize>(point: &mut BarrierPoint<NX, NU>, place: Barrier, value: f64) {
    match place {
        Barrier::Slack(index) => point.multipliers[index] = value,
        Barrier::Bound(t, i, side) => point.bound_multipliers[side][t][i] = value,
    }
}

/// Sets the multipliers of all barriers to `mu` over their distances.
pub(super) fn set_multipliers<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &mut BarrierPoint<NX, NU>,
    mu: f64,
) where
    M: Model<NX, NU, NP, NS>,
{
    change_multipliers(instance, point, |distance, _| mu / distance);
}

/// Keeps the products of distances and multipliers within a wide band about `mu`, so that the Hessian of the barriers stays
/// that of the barrier problem (Waechter and Biegler 2006, equation 16).
pub(super) fn keep_multipliers_near<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &mut BarrierPoint<NX, NU>,
    mu: f64,
) where
    M: Model<NX, NU, NP, NS>,
{
    change_multipliers(instance, point, |distance, multiplier| {
        multiplier.clamp(1e-10 * mu / distance, 1e10 * mu / distance)
    });
}

/// Sets the multiplier of each barrier to a function of its distance and its multiplier.
fn change_multipliers<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &mut BarrierPoint<NX, NU>,
    new: impl Fn(f64, f64) -> f64,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let horizon = point.defects.len();
    for index in 0..point.slacks.len() {
        if RowKind::of(limits, horizon, index) == RowKind::Inequality {
            let value = new(point.slacks[index], point.multipliers[index]);
            set_multiplier(point, Barrier::Slack(index), value);
        }
    }
    for t in (0..horizon).filter(|_| limits.bounded) {
        for i in (0..NU).filter(|&i| !instance.bounds.is_point(i)) {
            for (side, sign) in SIDES {
                let distance = sign * (point.trajectory.controls[t][i] - instance.bounds.side(side)[i]);
                let value = if distance.is_finite() { new(distance, point.bound_multipliers[side][t][i]) } else { 0.0 };
                set_multiplier(point, Barrier::Bound(t, i, side), value);
            }
        }
    }
}

/// Moves controls away from their bounds.
pub(super) fn place_inside<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &mut BarrierPoint<NX, NU>,
    scales: &Scales<NX, NU>,
) where
    M: Model<NX, NU, NP, NS>,
{
    if !const { M::LIMITS.bounded } {
        return;
    }
    for u in &mut point.trajectory.controls {
        for i in 0..NU {
            let (lower, upper) = (instance.bounds.lower[i], instance.bounds.upper[i]);
            let margin = (FIRST_DISTANCE.0 * scales.controls[i]).min(FIRST_DISTANCE.1 * (upper - lower));
            u[i] = if instance.bounds.is_point(i) { lower } else { u[i].max(lower + margin).min(upper - margin) };
        }
    }
}

/// The longest steps of the primal variables and of the multipliers that stay inside.
pub(super) fn longest_steps<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    point: &BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    scales: &Scales<NX, NU>,
) -> (f64, f64)
where
    M: Model<NX, NU, NP, NS>,
{
    let (mut primal, mut dual) = (1.0, 1.0);
    let visit = |distance: f64, _: f64, place: Barrier| {
        let change = change(step, place);
        if change < -TO_BOUNDARY * distance {
            primal = f64::min(primal, -TO_BOUNDARY * distance / change);
        }
        let (from, to) = multiplier(point, step, place);
        if to - from < -TO_BOUNDARY * from {
            dual = f64::min(dual, -TO_BOUNDARY * from / (to - from));
        }
    };
    for_each_distance(instance, point, visit, scales);
    (primal, dual)
}

/// Takes a step of the primal variables and of the multipliers into `trial`.
pub(super) fn take_step<const NX: usize, const NU: usize>(
    limits: &Limits,
    point: &BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    (primal, dual): (f64, f64),
    trial: &mut BarrierPoint<NX, NU>,
) {
    let horizon = point.defects.len();
    for t in 0..=horizon {
        trial.trajectory.states[t] = point.trajectory.states[t] + step.dx[t] * primal;
        trial.costates[t] = point.costates[t] + (step.costates[t] - point.costates[t]) * primal;
    }
    for t in 0..horizon {
        trial.trajectory.controls[t] = point.trajectory.controls[t] + step.du[t] * primal;
        for side in [0, 1] {
            let from = point.bound_multipliers[side][t];
            trial.bound_multipliers[side][t] = from + (step.bound_multipliers[side][t] - from) * dual;
        }
    }
    for index in 0..point.slacks.len() {
        let length = match RowKind::of(limits, horizon, index) {
            RowKind::Inequality => dual,
            _ => primal,
        };
        trial.slacks[index] = point.slacks[index] + step.ds[index] * primal;
        let from = point.multipliers[index];
        trial.multipliers[index] = from + (step.multipliers[index] - from) * length;
    }
}
