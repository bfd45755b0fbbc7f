//! Newton's method on the active limits, with weights instead of rows: the end of solves whose active limits depend on one
//! another, or nearly do.
//!
//! An active limit has a weight that is large beside the curvature of the problem, and a multiplier that each step updates
//! (the method of multipliers). The recursion solves no row for a control. So the trajectory converges where the multipliers
//! are not unique, and where eliminated rows would form an unstable recursion (32 consecutive limits on the position of a
//! triple integrator do).

use nalgebra::SVector;

use crate::linalg::products::larger;
use crate::lq::proximal::Proximal;
use crate::model::Model;
use crate::ocp::constraints::{ConstraintKind, constraints_along, violation};
use crate::ocp::instance::OcpInstance;
use crate::ocp::rollout::{Cost, rollout};
use crate::ocp::stationarity::{Magnitudes, STEP_MARGIN, Stationarity};
use crate::settings::Hessian;
use crate::solve::backward_pass::BackwardPass;
use crate::solve::interior_point::iterate::evaluate;
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::scales::row_magnitudes_along;
use crate::solve::interior_point::touching::split_multipliers;
use crate::solve::interior_point::{EQUALITY_WEIGHT, Progress};
use crate::solve::iterate::Iterate;
use crate::solve::workspace::{Solve, SolveWorkspace};

/// Newton steps of one attempt.
const STEPS: usize = 30;

/// The largest tolerance: multipliers that the method of multipliers finds are as precise as its last step.
const TOLERANCE: f64 = 1e-9;

/// The residual of active constraints at the end, over the tolerance.
const RESIDUAL: f64 = 1e-4;

/// The weight of an active limit of this magnitude.
fn limit_weight(cost: f64, horizon: usize, magnitude: f64) -> f64 {
    EQUALITY_WEIGHT * cost / horizon as f64 / (magnitude * magnitude)
}

/// The largest step of a state or of a control over its magnitude along the trial. Controls at active bounds do not count: one
/// that is held at zero everywhere has rounding errors for a magnitude.
fn relative_change<const NX: usize, const NU: usize>(memory: &InteriorPoint<NX, NU>) -> f64 {
    let InteriorPoint { trial, step, active_bounds, .. } = memory;
    let magnitudes = Magnitudes::of(&trial.trajectory.states, &trial.trajectory.controls);
    let last = step.dx.last().map_or(0.0, |dx| magnitudes.relative_state(dx));
    let stages = step.dx.iter().zip(&step.du).zip(active_bounds).map(|((dx, du), sides)| {
        let free = SVector::from_fn(|i, _| if sides[i].is_some() { 0.0 } else { du[i] });
        magnitudes.relative(dx, &free)
    });
    stages.fold(last, f64::max)
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Tries the method from the point. True where it has converged: current trajectory, policy and multipliers then are
    /// the solution's.
    pub(super) fn weighted_newton(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &Progress) -> bool {
        self.mark_active(memory, progress);
        memory.trial.copy_from(&memory.point);
        memory.step.ds.fill(0.0);
        let tolerance = self.settings.tolerance.min(TOLERANCE);
        let mut previous = f64::INFINITY;
        for _ in 0..STEPS {
            if !evaluate(&self.instance(), &mut memory.trial) || !self.weighted_step(memory) {
                return false;
            }
            self.stats.newton_steps += 1;
            let (change, residual) = (relative_change(memory), self.active_residual(memory));
            // Where active limits nearly depend on one another, a small residual is far from the solution.
            let done = residual <= RESIDUAL * tolerance || residual > 0.5 * previous;
            previous = residual;
            let changed = self.take_weighted_step(memory);
            if change <= tolerance && done && !changed {
                self.stats.step = change;
                return self.accept_weighted_point(memory);
            }
        }
        false
    }

    /// The largest residual of an active limit at the trial, over its magnitude.
    fn active_residual(&self, memory: &InteriorPoint<NX, NU>) -> f64 {
        let InteriorPoint { trial, active_rows, active_bounds, scales, .. } = memory;
        let mut largest = 0.0;
        for (index, c) in trial.trajectory.constraints.iter().enumerate() {
            if active_rows[index] {
                largest = larger(largest, c.abs() / scales.rows[index]);
            }
        }
        for (sides, u) in active_bounds.iter().zip(&trial.trajectory.controls) {
            for i in 0..NU {
                if let Some(side) = sides[i] {
                    largest = larger(largest, self.memory.bounds.constraint(side, i, u).abs() / scales.controls[i]);
                }
            }
        }
        largest
    }

    /// The step about the trial. Returns whether it exists.
    fn weighted_step(&mut self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let instance = self.instance();
        let InteriorPoint { system, trial, weights, bases, along, scales, active_rows, active_bounds, step, .. } =
            memory;
        let horizon = trial.horizon();
        weights.proximal = Proximal::none();
        bases.defects.copy_from_slice(&trial.defects);
        for (index, active) in active_rows.iter().enumerate() {
            let weight = limit_weight(scales.cost, horizon, scales.rows[index]);
            let base = trial.duals.constraints[index] + weight * trial.trajectory.constraints[index];
            (weights.rows[index], bases.rows[index]) = if *active { (weight, base) } else { (0.0, 0.0) };
        }
        for (t, sides) in active_bounds.iter().enumerate() {
            (weights.controls[t], bases.controls[t]) = (SVector::zeros(), SVector::zeros());
            for (i, side) in sides.iter().enumerate().filter_map(|(i, side)| Some((i, (*side)?))) {
                let weight = limit_weight(scales.cost, horizon, scales.controls[i]);
                let c = instance.bounds.constraint(side, i, &trial.trajectory.controls[t]);
                weights.controls[t][i] = weight;
                bases.controls[t][i] = side.direction::<f64>() * (trial.duals.bounds(side)[t][i] + weight * c);
            }
        }
        if system.factorize(&instance, trial, Hessian::Exact, weights).is_err() {
            return false;
        }
        system.step::<M, NP, NS>(bases, along, step);
        system.set_costates(step);
        true
    }

    /// Takes the step, and selects the active limits: those with a multiplier above zero after the step. The multipliers
    /// change only where these stay the same, so that one proximal problem is solved before the next. Returns whether they
    /// have changed.
    fn take_weighted_step(&self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let SolveWorkspace { bounds, sides, .. } = &*self.memory;
        let InteriorPoint { trial, along, scales, kinds, active_rows, active_bounds, step, .. } = memory;
        let horizon = trial.horizon();
        let mut changed = false;
        let new = &mut step.duals;
        for (index, kind) in kinds.iter().enumerate() {
            let c = trial.trajectory.constraints[index] + along[index];
            let weight = limit_weight(scales.cost, horizon, scales.rows[index]);
            let multiplier = trial.duals.constraints[index] + weight * c;
            let active = match kind {
                ConstraintKind::Inequality => multiplier > 0.0,
                kind => *kind == ConstraintKind::Equality,
            };
            changed |= active != active_rows[index];
            active_rows[index] = active;
            new.constraints[index] = if active { multiplier } else { 0.0 };
        }
        for (t, active_sides) in active_bounds.iter_mut().enumerate() {
            let (u, du) = (&mut trial.trajectory.controls[t], &step.du[t]);
            let held = core::mem::replace(active_sides, [None; NU]);
            for &(i, side) in sides {
                let weight = limit_weight(scales.cost, horizon, scales.controls[i]);
                // From the control before its sum with the step is rounded: the weight would magnify that error.
                let c = bounds.constraint(side, i, u) + side.direction::<f64>() * du[i];
                let multiplier = trial.duals.bounds(side)[t][i] + weight * c;
                let active = multiplier > 0.0;
                new.bounds_mut(side)[t][i] = if active { multiplier } else { 0.0 };
                changed |= active != (held[i] == Some(side));
                if active {
                    active_sides[i] = Some(side);
                }
            }
            *u += du;
        }
        for (x, dx) in trial.trajectory.states.iter_mut().zip(&step.dx) {
            *x += dx;
        }
        trial.duals.costates.copy_from_slice(&new.costates);
        if !changed {
            trial.duals.copy_from(new);
        }
        changed
    }

    /// Makes the rollout of the trial the current trajectory, where it satisfies the limits and is stationary.
    fn accept_weighted_point(&mut self, memory: &InteriorPoint<NX, NU>) -> bool {
        let tolerance = self.settings.tolerance.min(TOLERANCE);
        let Some(cost) = self.roll_weighted_point(memory, tolerance) else { return false };
        let stationarity = self.write_weighted_policy(memory);
        let stationary = stationarity <= STEP_MARGIN * tolerance;
        if !stationary {
            return false;
        }
        let SolveWorkspace { current, trial, penalty, .. } = &mut *self.memory;
        core::mem::swap(&mut current.trajectory, &mut trial.trajectory);
        core::mem::swap(&mut current.policy, &mut trial.policy);
        current.cost = cost;
        current.pass = BackwardPass { slope: 0.0, stationarity, ..BackwardPass::NONE };
        let (stage, terminal) = memory.trial.duals.constraints.split_at(penalty.stage.len());
        penalty.stage.copy_from_slice(stage);
        penalty.terminal.copy_from_slice(terminal);
        split_multipliers(&memory.kinds, (const { &M::LIMITS }, memory.trial.horizon()), penalty);
        self.record_violation();
        true
    }

    /// Rolls the trial out into the trial trajectory of the solve. Returns its cost; `None` where it leaves the finite
    /// numbers, the limits or the trial.
    fn roll_weighted_point(&mut self, memory: &InteriorPoint<NX, NU>, tolerance: f64) -> Option<Cost<f64>> {
        let InteriorPoint { trial, system, active_bounds, scales, .. } = memory;
        let SolveWorkspace { trial: Iterate { trajectory, .. }, stage_params, bounds, penalty, rows, .. } =
            &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        trajectory.copy_from(&trial.trajectory);
        let feedback = system.feedback(&trial.trajectory.states);
        let law = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            feedback(t, x, u);
            for (i, side) in active_bounds[t].iter().enumerate() {
                if let Some(side) = *side {
                    u[i] = bounds.at(side, i);
                }
            }
        };
        let (cost, finite) = rollout(&instance, &trial.trajectory.states[0], law, trajectory);
        let (horizon, limits) = (trial.horizon(), const { &M::LIMITS });
        row_magnitudes_along(system, trajectory, limits, rows);
        let largest = violation(constraints_along(&trajectory.constraints, horizon, limits), (horizon, limits), rows);
        let violated = largest.relative.is_nan() || largest.relative > tolerance;
        // Feedback cannot make up for a plant whose controls are all held.
        let apart = |(t, x): (usize, &SVector<f64, NX>)| {
            let difference = (x - trial.trajectory.states[t]).component_div(&scales.states).amax();
            difference.is_nan() || difference > STEP_MARGIN * tolerance
        };
        let sound = finite && !violated && !trajectory.states.iter().enumerate().any(apart);
        sound.then_some(cost)
    }

    /// Writes the policy about the trial into the trial policy of the solve. Returns the residual of stationarity.
    fn write_weighted_policy(&mut self, memory: &InteriorPoint<NX, NU>) -> f64 {
        let InteriorPoint { trial, system, active_bounds, .. } = memory;
        let policy = &mut self.memory.trial.policy;
        let mut stationarity = Stationarity::start();
        policy.feedforward.fill(SVector::zeros());
        policy.costates.copy_from_slice(&trial.duals.costates);
        policy.held.fill(SVector::zeros());
        for (t, sides) in active_bounds.iter().enumerate() {
            policy.gains[t] = *system.gain(t);
            let (mut qu, mut terms) = system.slope(t, &trial.duals);
            policy.curvatures[t] = *system.curvature_at(t);
            for (i, side) in sides.iter().enumerate().filter_map(|(i, side)| Some((i, (*side)?))) {
                let multiplier = trial.duals.bounds(side)[t][i];
                policy.held[t][i] = qu[i];
                qu[i] += side.direction::<f64>() * multiplier;
                terms[i] += multiplier;
                policy.curvatures[t][(i, i)] = f64::INFINITY;
            }
            stationarity.add(&qu, &terms);
        }
        policy.terms = *stationarity.terms();
        larger(stationarity.value(), system.initial_stationarity(&trial.duals))
    }
}
