//! Points of the interior-point method: the first one, evaluation and steps.

use crate::lq::bounds::Side;
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::{Constraint, ConstraintKind, constraints_along, is_open};
use crate::ocp::instance::OcpInstance;
use crate::ocp::rollout::Cost;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::solve::interior_point::scales::Scales;

/// How near to a bound a control may be at the start, over its magnitude and over its interval.
const FIRST_DISTANCE: (f64, f64) = (0.01, 0.25);

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
        cost.add(stage_functions::step((instance.model, t), at, &mut defects[t]));
        defects[t] -= states[t + 1];
        sum += defects[t].sum();
        let range = at_stage(constraints, t, horizon, limits);
        stage_functions::stage_constraints((instance.model, t), at, &mut constraints[range]);
    }
    let at = Terminal::new(&states[horizon], instance.params, &instance.stage_params[horizon]);
    cost.add(instance.model.terminal_cost(at));
    let range = at_stage(constraints, horizon, horizon, limits);
    instance.model.terminal_constraints(at, &mut constraints[range]);
    let counts = |c: &Constraint| c.enforced && !is_open(c.inequality, c.c);
    sum += constraints_along(constraints, horizon, limits).filter(counts).map(|c| c.c).sum::<f64>();
    (sum + cost.total).is_finite()
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

/// Takes a step of the primal variables and of the multipliers into `trial`.
pub(super) fn take_step<const NX: usize, const NU: usize>(
    kinds: &[ConstraintKind],
    point: &BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    (primal, dual): (f64, f64),
    trial: &mut BarrierPoint<NX, NU>,
) {
    trial.copy_from(point);
    move_along(kinds, trial, step, (primal, dual));
}

/// Takes a step of the primal variables and of the multipliers.
pub(super) fn move_along<const NX: usize, const NU: usize>(
    kinds: &[ConstraintKind],
    point: &mut BarrierPoint<NX, NU>,
    step: &BarrierStep<NX, NU>,
    (primal, dual): (f64, f64),
) {
    let to = &step.duals;
    let BarrierPoint { trajectory, slacks, excess, duals, .. } = point;
    for (t, costate) in duals.costates.iter_mut().enumerate() {
        trajectory.states[t] += step.dx[t] * primal;
        *costate += (to.costates[t] - *costate) * primal;
    }
    for (t, u) in trajectory.controls.iter_mut().enumerate() {
        *u += step.du[t] * primal;
        for side in Side::BOTH {
            let multipliers = &mut duals.bounds_mut(side)[t];
            *multipliers += (to.bounds(side)[t] - *multipliers) * dual;
        }
    }
    for (index, kind) in kinds.iter().enumerate() {
        let length = if *kind == ConstraintKind::Inequality { dual } else { primal };
        slacks[index] += step.ds[index] * primal;
        for side in 0..2 {
            excess[side][index] += step.dexcess[side][index] * primal;
        }
        let multiplier = &mut duals.constraints[index];
        *multiplier += (to.constraints[index] - *multiplier) * length;
    }
}
