//! The end of the interior-point method: which limits are active, and the active-set Newton method from there.

use nalgebra::SVector;

use crate::model::Model;
use crate::ocp::constraints::ConstraintKind;
use crate::ocp::instance::OcpInstance;
use crate::ocp::rollout::rollout;
use crate::solve::backward_pass::{BackwardPass, Policy};
use crate::solve::interior_point::barriers::Barrier;
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::scales::row_magnitudes_along;
use crate::solve::interior_point::touching::split_multipliers;
use crate::solve::interior_point::{FEASIBLE, Progress, WEIGHTED_NEWTON};
use crate::solve::iterate::Iterate;
use crate::solve::newton_workspace::NewtonWorkspace;
use crate::solve::unbounded::{EXTRAPOLATIONS, Fall};
use crate::solve::workspace::{Solve, SolveWorkspace};

/// The ratios of relative multiplier and relative slack from which on a limit counts as active, in the order in which they
/// are tried. The slack of a limit that is not active may be as small as 1e-9, and its multiplier is then large. The later
/// ones are tried at small barrier parameters alone.
const ACTIVE: [f64; 3] = [1.0, 1e4, 1e8];

/// How far a chosen entry of the initial state moves, over its magnitude, where the violation is tried about a point.
const NUDGE: f64 = 0.1;

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Marks the limits that seem to be active: those whose multiplier is larger than their slack, both relative. Returns
    /// whether they are those of the last call.
    pub(super) fn mark_active(&self, memory: &mut InteriorPoint<NX, NU>, progress: &Progress) -> bool {
        let InteriorPoint { kinds, scales, point, active_rows, active_bounds, .. } = memory;
        let barriers = self.barriers((kinds, scales), progress.elastic);
        let is_active = |barrier| barriers.is_active(barrier, point, (progress.first, 1.0));
        let mut same = true;
        for index in 0..kinds.len() {
            let active = barriers.is_active_row(index, point, (progress.first, 1.0));
            same &= active == core::mem::replace(&mut active_rows[index], active);
        }
        for (t, held) in active_bounds.iter_mut().enumerate() {
            let mut sides = [None; NU];
            for &(i, side) in &self.memory.sides {
                if is_active(Barrier::Bound { t, i, side }) {
                    sides[i] = Some(side);
                }
            }
            same &= sides == core::mem::replace(held, sides);
        }
        same
    }

    /// Tries the active-set Newton method from the point. A limit is active if its multiplier is larger than its slack by a
    /// factor of [`ACTIVE`], both relative. True where it has converged.
    pub(super) fn identify(&mut self, memory: &InteriorPoint<NX, NU>, progress: &Progress) -> bool {
        let Some(mut newton) = self.memory.active_set_newton.take() else { return false };
        let count = if progress.mu <= WEIGHTED_NEWTON * progress.first { ACTIVE.len() } else { 1 };
        let converged =
            ACTIVE[..count].iter().any(|threshold| self.identify_from(memory, (progress, *threshold), &mut newton));
        self.memory.active_set_newton = Some(newton);
        converged
    }

    /// [`identify`](Self::identify) with one threshold.
    fn identify_from(
        &mut self,
        memory: &InteriorPoint<NX, NU>,
        (progress, threshold): (&Progress, f64),
        newton: &mut NewtonWorkspace<NX, NU>,
    ) -> bool {
        let instance = self.instance();
        let InteriorPoint { point, scales, system, kinds, .. } = memory;
        let (barriers, unit) = (self.barriers((kinds, scales), progress.elastic), progress.first);
        let is_active = |barrier| barriers.is_active(barrier, point, (unit, threshold));
        for (index, &multiplier) in point.duals.constraints.iter().enumerate() {
            let active = barriers.is_active_row(index, point, (unit, threshold));
            *newton.penalty.at_mut(index) = if active { multiplier } else { 0.0 };
        }
        split_multipliers(kinds, (const { &M::LIMITS }, point.horizon()), &mut newton.penalty);
        let states = &point.trajectory.states;
        newton.point.copy_from(&point.trajectory);
        let feedback = system.feedback(states);
        let law = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            feedback(t, x, u);
            for &(i, side) in barriers.sides {
                if is_active(Barrier::Bound { t, i, side }) {
                    u[i] = instance.bounds.at(side, i);
                }
            }
        };
        let (_, finite) = rollout(&instance, &states[0], law, &mut newton.point);
        for (weight, row) in newton.penalty.weights.iter_mut().zip(scales.of_constraints()) {
            *weight = 1e-6 * unit / (row * row);
        }
        finite && self.newton_from(newton, false)
    }

    /// Whether the cost goes on to fall along a step that is many times as long, within the constraints.
    pub(super) fn falls_along_step(&mut self, memory: &InteriorPoint<NX, NU>, fall: &Fall) -> bool {
        let InteriorPoint { point, step, system, kinds, scales, .. } = memory;
        let SolveWorkspace { trial: Iterate { trajectory, .. }, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        trajectory.copy_from(&point.trajectory);
        let length = EXTRAPOLATIONS[0];
        let states = &point.trajectory.states;
        let law = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            *u += step.du[t] * length + system.gain(t) * (x - states[t] - step.dx[t] * length);
        };
        let first = states[0] + step.dx[0] * length;
        let (cost, finite) = rollout(&instance, &first, law, trajectory);
        let within = trajectory.constraints.iter().zip(kinds).zip(&scales.rows).all(|((c, kind), row)| match kind {
            ConstraintKind::Inequality => *c <= FEASIBLE * row,
            ConstraintKind::Equality => c.abs() <= FEASIBLE * length * row,
            ConstraintKind::Absent => true,
        });
        finite && within && fall.is_unbounded_along(cost.total, 0.0)
    }

    /// Whether the violation falls where a chosen entry of the initial state moves by [`NUDGE`] of its magnitude. A final time of
    /// zero is a minimum of cost and violation together, at any price, since no control has an effect there; but it is none of
    /// the violation.
    pub(super) fn violation_falls(&mut self, memory: &InteriorPoint<NX, NU>) -> bool {
        let InteriorPoint { point, kinds, scales, .. } = memory;
        let SolveWorkspace { trial: Iterate { trajectory, .. }, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        let mut violation = |first: &SVector<f64, NX>| {
            trajectory.copy_from(&point.trajectory);
            let (_, finite) = rollout(&instance, first, |_, _, _| {}, trajectory);
            let rows = trajectory.constraints.iter().zip(kinds).zip(&scales.rows);
            let sum: f64 = rows.map(|((c, kind), row)| kind.excess(*c) / row).sum();
            if finite { sum } else { f64::INFINITY }
        };
        let first = point.trajectory.states[0];
        let least = violation(&first) * (1.0 - FEASIBLE);
        (0..NX).filter(|&i| M::START.free[i]).any(|i| {
            [NUDGE, -NUDGE].iter().any(|nudge| {
                let mut moved = first;
                moved[i] += nudge * scales.states[i];
                violation(&moved) < least
            })
        })
    }

    /// Makes the rollout of the point the current trajectory, if that is finite, with the last step as its policy.
    pub(super) fn keep_rollout(&mut self, memory: &InteriorPoint<NX, NU>) {
        let InteriorPoint { point, step, system, .. } = memory;
        let SolveWorkspace { current, trial: Iterate { trajectory, .. }, stage_params, bounds, penalty, rows, .. } =
            &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        trajectory.copy_from(&point.trajectory);
        let states = &point.trajectory.states;
        let (cost, finite) = rollout(&instance, &states[0], system.feedback(states), trajectory);
        if finite {
            core::mem::swap(&mut current.trajectory, trajectory);
            current.cost = cost;
            // With a slope, but no stationarity: the policy serves the search for a kink alone.
            current.pass = BackwardPass { slope: system.slope_along(step), ..BackwardPass::NONE };
            row_magnitudes_along(system, &current.trajectory, const { &M::LIMITS }, rows);
            let Policy { gains, feedforward, costates, .. } = &mut current.policy;
            costates.copy_from_slice(&point.duals.costates);
            for (t, (gain, feedforward)) in gains.iter_mut().zip(feedforward).enumerate() {
                *gain = *system.gain(t);
                *feedforward = step.du[t] - *gain * step.dx[t];
            }
        }
        self.record_violation();
    }
}
