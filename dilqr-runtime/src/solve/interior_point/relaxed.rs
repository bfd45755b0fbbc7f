//! Relaxed problems: the point of the central path at a given barrier parameter, `tau`.
//!
//! The barrier parameter falls to `tau` and stays there. Newton's method on the primal-dual system ends the solve: stationarity,
//! dynamics, equalities, `c + s = 0` and `s y = tau`. The multiplier is a variable beside the slack, so a multiplier of a
//! long active limit has all its digits where the slack is small beside the terms of `c`.
//!
//! The last trajectory is a rollout. The multipliers belong to it: they are those of one more Newton step, which leaves the
//! trajectory where it is.

use crate::kkt::linear::KktSystem;
use crate::kkt::penalties::{Penalties, PenaltyLaw};
use crate::kkt::report::{ActiveSetRule, COMPLEMENTARITY};
use crate::linalg::products::{larger, zeros};
use crate::lq::equality_constrained::Singular;
use crate::lq::proximal::Proximal;
use crate::model::Model;
use crate::ocp::constraints::ConstraintKind;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::rollout;
use crate::ocp::stationarity::{Magnitudes, ROUNDING, STEP_MARGIN, Stationarity};
use crate::ocp::trajectory::{Trajectory, TrajectoryRef};
use crate::settings::{Differentiation, Hessian};
use crate::solve::backward_pass::BackwardPass;
use crate::solve::interior_point::barriers::Barrier;
use crate::solve::interior_point::iterate::{evaluate, move_along};
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::scales::row_magnitudes_along;
use crate::solve::interior_point::{EQUALITY_WEIGHT, FEASIBLE, NEXT_IDENTIFICATION, Progress};
use crate::solve::iterate::Iterate;
use crate::solve::newton_workspace::NewtonWorkspace;
use crate::solve::workspace::{Solve, SolveWorkspace};

/// Newton steps of one attempt.
const STEPS: usize = 30;

/// A step that is at most this part of the one before it is not a rounding error yet.
const CONVERGING: f64 = 0.1;

/// The barrier parameter of an elastic problem, over the first one, from which on a point without excess ends it.
const ELASTIC_END: f64 = 1e-4;

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// The barrier parameter at which the path ends. An elastic problem only finds a point that satisfies the constraints.
    pub(super) fn relaxation(&self, progress: &Progress) -> Option<f64> {
        self.settings.relaxation.filter(|_| progress.elastic.is_none())
    }

    /// Tries to end the path of a relaxed problem; see [`try_to_end`](Self::try_to_end).
    pub(super) fn try_to_end_relaxed(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        progress: &mut Progress,
        (distance, last): (f64, bool),
    ) -> bool {
        let Some(tau) = self.relaxation(progress) else {
            let InteriorPoint { point, scales, .. } = &*memory;
            let excess = point.excess.iter().flat_map(|excess| excess.iter().zip(&scales.rows));
            return distance <= ELASTIC_END && excess.into_iter().all(|(excess, row)| *excess <= FEASIBLE * row);
        };
        if !last && distance > progress.identification {
            return false;
        }
        progress.identification = distance * NEXT_IDENTIFICATION;
        memory.trial.copy_from(&memory.point);
        if self.relaxed_newton(memory, tau) {
            return true;
        }
        if !last {
            self.restore_step(memory, progress);
        }
        false
    }

    /// Tries the Newton method from a warm start of a relaxed problem, whose multipliers are those of a neighbor. True where it
    /// has converged.
    pub(super) fn end_warm_start(&mut self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let Some(tau) = self.settings.relaxation else { return false };
        // The start measures the magnitudes.
        if !self.memory.current.is_finite() || self.begin(memory).is_err() {
            return false;
        }
        let InteriorPoint { trial, point, kinds, .. } = &mut *memory;
        trial.copy_from(point);
        trial.trajectory.copy_from(&self.memory.current.trajectory);
        for (index, kind) in kinds.iter().enumerate() {
            let (given, c) = (*self.memory.penalty.at_mut(index), trial.trajectory.constraints[index]);
            let multiplier = &mut trial.duals.constraints[index];
            match kind {
                ConstraintKind::Equality => *multiplier = given,
                // The slack of the neighbor: where it is small, its constraint may be violated here.
                ConstraintKind::Inequality if given > 0.0 => {
                    (*multiplier, trial.slacks[index]) = (given, tau / given);
                }
                ConstraintKind::Inequality => {
                    let slack = trial.slacks[index].max(-c);
                    (*multiplier, trial.slacks[index]) = (tau / slack, slack);
                }
                ConstraintKind::Absent => {}
            }
        }
        let SolveWorkspace { bounds, sides, .. } = &*self.memory;
        for t in 0..trial.horizon() {
            for &(i, side) in sides {
                let distance = -bounds.constraint(side, i, &trial.trajectory.controls[t]);
                if distance <= 0.0 {
                    return false;
                }
                trial.duals.bounds_mut(side)[t][i] = tau / distance;
            }
        }
        self.relaxed_newton(memory, tau)
    }

    /// Newton's method on the primal-dual system from the trial point. True where it has converged: current trajectory, policy
    /// and multipliers then are the solution's.
    fn relaxed_newton(&mut self, memory: &mut InteriorPoint<NX, NU>, tau: f64) -> bool {
        let tolerance = self.settings.tolerance;
        let mut previous = f64::INFINITY;
        for _ in 0..STEPS {
            let Some(change) = self.relaxed_step(memory, tau) else { return false };
            let InteriorPoint { kinds, scales, trial, step, .. } = &mut *memory;
            let lengths = self.barriers((kinds, scales), None).longest_steps(trial, step);
            move_along(kinds, trial, step, lengths);
            let settled = change >= CONVERGING * previous || change == 0.0;
            if lengths == (1.0, 1.0) && change <= tolerance && settled && self.accept_relaxed_point(memory, tau) {
                return true;
            }
            previous = change;
        }
        false
    }

    /// The Newton step about the trial point. Returns its relative size; `None` where there is no such step.
    fn relaxed_step(&mut self, memory: &mut InteriorPoint<NX, NU>, tau: f64) -> Option<f64> {
        self.stats.newton_steps += 1;
        let instance = self.instance();
        if !evaluate(&instance, &mut memory.trial) {
            return None;
        }
        let InteriorPoint { system, trial, weights, bases, residuals, along, scales, kinds, step, .. } = memory;
        let barriers = self.barriers((kinds, scales), None);
        barriers.weigh(trial, EQUALITY_WEIGHT * scales.cost / trial.horizon() as f64, weights);
        weights.proximal = Proximal::none();
        system.factorize(&instance, trial, Hessian::Exact, weights).ok()?;
        bases.defects.copy_from_slice(&trial.defects);
        for (index, residual) in residuals.iter_mut().enumerate() {
            *residual = trial.residual(kinds, index);
        }
        bases.rows.copy_from_slice(residuals);
        barriers.set_bases(trial, weights, tau, bases);
        system.step::<M, NP, NS>(bases, along, step);
        system.set_costates(step);
        barriers.recover(trial, (weights, bases), (tau, along, residuals), step);
        let magnitudes = Magnitudes::of(&trial.trajectory.states, &trial.trajectory.controls);
        let last = step.dx.last().map_or(0.0, |dx| magnitudes.relative_state(dx));
        let change = step.dx.iter().zip(&step.du).map(|(dx, du)| magnitudes.relative(dx, du)).fold(last, f64::max);
        change.is_finite().then_some(change)
    }

    /// Makes the rollout of the trial the current trajectory, where it is the solution.
    fn accept_relaxed_point(&mut self, memory: &mut InteriorPoint<NX, NU>, tau: f64) -> bool {
        let SolveWorkspace { trial: Iterate { trajectory, .. }, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        let InteriorPoint { trial, system, .. } = &mut *memory;
        trajectory.copy_from(&trial.trajectory);
        let states = &trial.trajectory.states;
        let (cost, finite) = rollout(&instance, &states[0], system.feedback(states), trajectory);
        trial.trajectory.copy_from(trajectory);
        let Some(change) = self.relaxed_step(memory, tau).filter(|_| finite) else { return false };
        // The trajectory stays where it is.
        memory.trial.duals.copy_from(&memory.step.duals);
        let Some(stationarity) = self.write_relaxed_policy(memory, (tau, change)) else { return false };
        let InteriorPoint { trial, system, .. } = &*memory;
        let SolveWorkspace { current, trial: solved, penalty, rows, .. } = &mut *self.memory;
        current.trajectory.copy_from(&trial.trajectory);
        core::mem::swap(&mut current.policy, &mut solved.policy);
        current.cost = cost;
        current.pass = BackwardPass { slope: 0.0, stationarity, ..BackwardPass::NONE };
        let (stage, terminal) = trial.duals.constraints.split_at(penalty.stage.len());
        penalty.stage.copy_from_slice(stage);
        penalty.terminal.copy_from_slice(terminal);
        row_magnitudes_along(system, &current.trajectory, const { &M::LIMITS }, rows);
        self.record_violation();
        true
    }

    /// Writes the policy about the trial, whose Newton step is `change`, into the trial policy of the solve. Returns the residual
    /// of stationarity; `None` where the trial is no solution.
    fn write_relaxed_policy(&mut self, memory: &InteriorPoint<NX, NU>, (tau, change): (f64, f64)) -> Option<f64> {
        let InteriorPoint { trial, system, .. } = memory;
        let SolveWorkspace { trial: Iterate { policy, .. }, bounds, sides, .. } = &mut *self.memory;
        let mut stationarity = Stationarity::start();
        policy.feedforward.fill(zeros());
        policy.costates.copy_from_slice(&trial.duals.costates);
        for t in 0..trial.horizon() {
            policy.gains[t] = *system.gain(t);
            policy.curvatures[t] = *system.curvature_at(t);
            let (mut qu, mut terms) = system.slope(t, &trial.duals);
            let mut net = zeros();
            for &(i, side) in &*sides {
                let multiplier = trial.duals.bounds(side)[t][i];
                net[i] -= side.direction::<f64>() * multiplier;
                terms[i] += multiplier;
            }
            qu -= net;
            if let Some(held) = policy.held.get_mut(t) {
                *held = net;
            }
            for i in (0..NU).filter(|&i| bounds.is_point(i)) {
                policy.curvatures[t][(i, i)] = f64::INFINITY;
            }
            stationarity.add(&qu, &terms);
        }
        policy.terms = *stationarity.terms();
        let mut newton = self.memory.active_set_newton.take()?;
        let with_rows = self.write_policy_with_rows(memory, tau, &mut newton);
        self.memory.active_set_newton = Some(newton);
        match with_rows {
            Ok(stationarity) => stationarity,
            // Equalities depend on one another. Their weights do not mind.
            Err(Singular::Dependent(_)) => {
                let tolerance = self.settings.tolerance;
                self.stats.step = change;
                let settled = change <= tolerance && self.is_complementary(memory, tau);
                let stationarity =
                    larger(stationarity.value(), memory.system.initial_stationarity(&memory.trial.duals));
                (settled && stationarity <= STEP_MARGIN * tolerance).then_some(stationarity)
            }
            Err(Singular::Indefinite) => None,
        }
    }

    /// Whether the trial satisfies its equalities, and each multiplier asks for the slack that is there.
    fn is_complementary(&self, memory: &InteriorPoint<NX, NU>, tau: f64) -> bool {
        let InteriorPoint { trial, kinds, scales, .. } = memory;
        let barriers = self.barriers((kinds, scales), None);
        let enforced = |(index, row): (usize, &f64)| {
            kinds[index] != ConstraintKind::Equality
                || trial.residual(kinds, index).abs() <= self.settings.tolerance * row
        };
        let complementary = |barrier: Barrier| {
            let distance = match barrier {
                Barrier::Slack(index) => -trial.trajectory.constraints[index],
                other => barriers.distance(other, trial),
            };
            let slack = tau / barriers.multiplier(barrier, &trial.duals);
            let allowed = COMPLEMENTARITY * slack + ROUNDING * barriers.scale(barrier);
            slack > 0.0 && (distance - slack).abs() <= allowed
        };
        scales.rows.iter().enumerate().all(enforced) && barriers.all(complementary)
    }

    /// Factorizes the optimality conditions as the gradient does, with rows for equalities, and writes their policy over the
    /// one that is there. Returns the residual of stationarity; `None` where a residual is too large.
    ///
    /// # Errors
    /// Why there is no such factorization.
    fn write_policy_with_rows(
        &mut self,
        memory: &InteriorPoint<NX, NU>,
        tau: f64,
        newton: &mut NewtonWorkspace<NX, NU>,
    ) -> Result<Option<f64>, Singular> {
        let limits = const { &M::LIMITS };
        let Trajectory { states, controls, .. } = &memory.trial.trajectory;
        let duals = &memory.trial.duals;
        let SolveWorkspace { trial: Iterate { policy, .. }, stage_params, .. } = &mut *self.memory;
        let NewtonWorkspace { system, linear, new_multipliers, report, relaxed, .. } = newton;
        let (stage, terminal) = duals.constraints.split_at(controls.len() * limits.listed());
        let multipliers = MultipliersRef { stage, terminal };
        let mut point =
            TrajectoryRef { states, controls, params: self.params, stage_params, multipliers, costates: None };
        let law = PenaltyLaw::Barriers { tau, bound_multipliers: &policy.held };
        let mut barriers = relaxed.take().unwrap_or_else(|| Penalties::new(law, controls.len(), limits));
        barriers.renew_barriers(tau, &policy.held);
        system.penalties = Some(barriers);
        let mut outcome = Ok(None);
        for costates in [None, Some(duals.costates.as_slice())] {
            point.costates = costates;
            let rule = (Differentiation::Implicit, ActiveSetRule::PositiveMultiplier);
            if let Err((_, singular)) = system.factorize(self.model, point, rule, report) {
                outcome = Err(singular);
                break;
            }
            let step = system.newton_step(linear, limits, new_multipliers, (states, controls));
            let tolerance = self.settings.tolerance;
            let violation = report.violation <= tolerance && report.complementarity <= COMPLEMENTARITY;
            if violation && step <= tolerance && report.stationarity <= STEP_MARGIN * tolerance {
                self.stats.step = step;
                outcome = Ok(Some(report.stationarity));
                break;
            }
        }
        *relaxed = system.penalties.take();
        if let Ok(Some(_)) = outcome {
            policy.costates.copy_from_slice(system.costates());
            for (t, stage) in system.stages.iter().enumerate() {
                (policy.gains[t], policy.curvatures[t]) = (stage.gain, stage.curvature);
            }
            // Controls that have one point.
            for (held, points) in policy.held.iter_mut().zip(&system.held) {
                *held += points;
            }
            for (terms, (_, own)) in policy.terms.iter_mut().zip(&report.units.controls) {
                *terms = *own;
            }
        }
        outcome
    }
}
