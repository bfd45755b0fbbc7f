//! Newton's method on the optimality conditions, with the constraints that are active as equations of the LQ problem
//! (`kkt::active_set`). It converges quadratically in trajectory and multipliers. The active set follows by the primal-dual
//! rule.

use crate::kkt::linear::KktSystem;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::units::LimitState;
use crate::linalg::products::{add_product, zeros};
use crate::lq::riccati::next_state;
use crate::model::Model;
use crate::ocp::constraints::ConstraintPlace;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::{FeedbackLaw, cost_along};
use crate::ocp::stationarity::STEP_MARGIN;
use crate::ocp::trajectory::{Trajectory, TrajectoryRef};
use crate::settings::Differentiation;
use crate::solve::backward_pass::{BackwardPass, Policy};
use crate::solve::newton_workspace::{NewtonWorkspace, PrimalDualWeights};
use crate::solve::workspace::{Solve, SolveWorkspace};

use nalgebra::SVector;

/// Newton steps of one attempt. Quadratic convergence needs few, changes of the active set some more.
const NEWTON_STEPS: usize = 20;

/// The controls of a rollout after a Newton step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RolloutLaw {
    /// Those of the step, with feedback from the states.
    Feedback,
    /// Those of the step as the linear problem has them.
    OpenLoop,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Newton's method on the optimality conditions with the active constraints. True where it has converged: current
    /// trajectory, policy and multipliers then are the solution's. Otherwise nothing has changed.
    pub(crate) fn newton(&mut self, weights: PrimalDualWeights) -> bool {
        let Some(mut memory) = self.memory.active_set_newton.take() else { return false };
        let SolveWorkspace { current, penalty, .. } = &mut *self.memory;
        match weights {
            PrimalDualWeights::Penalties => memory.penalty.weights.copy_from_slice(&penalty.weights),
            PrimalDualWeights::FirstPenalties => memory.penalty.weights.fill(0.0),
        }
        memory.point.copy_from(&current.trajectory);
        memory.penalty.stage.copy_from_slice(&penalty.stage);
        memory.penalty.terminal.copy_from_slice(&penalty.terminal);
        let converged = self.newton_from(&mut memory, true);
        self.memory.active_set_newton = Some(memory);
        converged
    }

    /// [`newton`](Self::newton) from the point, the multipliers and the weights of its memory. `imprecise` accepts a
    /// trajectory that no longer moves with costates of few digits.
    pub(crate) fn newton_from(&mut self, memory: &mut NewtonWorkspace<NX, NU>, imprecise: bool) -> bool {
        let tolerance = self.settings.tolerance;
        let (mut best, mut step) = (f64::INFINITY, f64::NAN);
        let mut failures = 0;
        let mut converged = false;
        for _ in 0..NEWTON_STEPS {
            if !self.factorize_active_set(memory) {
                break;
            }
            let NewtonWorkspace { system, linear, new_multipliers, report, point, penalty, .. } = memory;
            let about = (point.states.as_slice(), point.controls.as_slice());
            step = system.newton_step(linear, const { &M::LIMITS }, new_multipliers, about);
            // With multipliers that are right the terms cancel; without any all of them may vanish together.
            let free = penalty.is_free() && new_multipliers.iter().all(|&mu| mu == 0.0);
            let stationary = step <= tolerance && (report.stationarity <= tolerance || free);
            let residual = report.stationarity.min(step).max(report.violation);
            // Where an active inequality has no multiplier, this step sets it or shows that it is not active.
            let positive = |limit: &LimitState| !limit.inequality || !limit.active || limit.multiplier > 0.0;
            let signs = report.limits.iter().all(positive);
            if stationary && report.violation <= tolerance && signs {
                converged = true;
                break;
            }
            // The first steps may change the active set; after that the residual falls.
            let better = residual < 0.5 * best;
            if !better {
                failures += 1;
                if failures > 4 || !residual.is_finite() {
                    // Costates along long active constraints on the state have few digits, however exact the trajectory.
                    let settled = imprecise && step == 0.0 && report.stationarity <= STEP_MARGIN * tolerance;
                    converged = settled && report.violation <= tolerance && signs;
                    break;
                }
            }
            best = best.min(residual);
            // Feedback from a state far from zero has rounding errors that are large beside a small control. Near the solution the
            // controls of the linear problem do without.
            let law = if step <= tolerance { RolloutLaw::OpenLoop } else { RolloutLaw::Feedback };
            if !self.newton_step(memory, law) {
                break;
            }
        }
        if converged {
            self.stats.step = step;
            self.accept_newton_point(memory);
        }
        converged
    }

    /// Factorizes about the point of the Newton method. False where the recursion does not exist there.
    fn factorize_active_set(&self, memory: &mut NewtonWorkspace<NX, NU>) -> bool {
        let limits = const { &M::LIMITS };
        let NewtonWorkspace { system, report, point, penalty, .. } = memory;
        // An inactive inequality has no multiplier.
        for (index, c) in point.constraints.iter().enumerate() {
            let place = ConstraintPlace::of(limits, point.controls.len(), index);
            let weight = penalty.weights[place.row(limits, point.controls.len())];
            let mu = penalty.at_mut(index);
            if !place.enforced || place.inequality && *mu + weight * c <= 0.0 {
                *mu = 0.0;
            }
        }
        let SolveWorkspace { stage_params, .. } = &*self.memory;
        let Trajectory { states, controls, .. } = &*point;
        let multipliers = MultipliersRef { stage: &penalty.stage, terminal: &penalty.terminal };
        let params = self.params;
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        let rule = (Differentiation::Implicit, ActiveSetRule::PrimalDual { weights: &penalty.weights });
        let exists = system.factorize(self.model, point, rule, report).is_ok();
        let unit = self.settings.penalty.initial * report.units.cost() / controls.len() as f64;
        for (weight, row) in penalty.weights.iter_mut().zip(&report.units.rows).filter(|(weight, _)| **weight == 0.0) {
            *weight = if *row > 0.0 { unit / (row * row) } else { 0.0 };
        }
        exists
    }

    /// Takes the step of the Newton method that was found, in trajectory and multipliers; false where the rollout leaves the
    /// finite numbers.
    fn newton_step(&mut self, memory: &mut NewtonWorkspace<NX, NU>, law: RolloutLaw) -> bool {
        let (stage, terminal) = memory.new_multipliers.split_at(memory.penalty.stage.len());
        memory.penalty.stage.copy_from_slice(stage);
        memory.penalty.terminal.copy_from_slice(terminal);
        let SolveWorkspace { trial, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        let NewtonWorkspace { system, linear, .. } = memory;
        // The policy of the trial iterate is free: its next backward pass fills it.
        let Policy { gains, feedforward, .. } = &mut trial.policy;
        let mut dx = linear.initial_step();
        for (t, (stage, k)) in system.stages.iter().zip(linear.feedforward()).enumerate() {
            (gains[t], feedforward[t]) = match law {
                RolloutLaw::Feedback => (stage.gain, *k),
                RolloutLaw::OpenLoop => {
                    let mut du = *k;
                    add_product(&mut du, &stage.gain, &dx);
                    dx = next_state(&stage.fx, &stage.fu, &zeros(), &dx, &du);
                    (zeros(), du)
                }
            };
        }
        self.stats.newton_steps += 1;
        let law = FeedbackLaw { reference: &memory.point, gains, feedforward, alpha: 1.0 };
        let first = memory.point.states[0] + memory.linear.initial_step();
        let (_, finite) = law.rollout_from(&first, &instance, &mut memory.trial);
        core::mem::swap(&mut memory.point, &mut memory.trial);
        finite
    }

    /// Makes the point of the Newton method the current trajectory.
    fn accept_newton_point(&mut self, memory: &NewtonWorkspace<NX, NU>) {
        let SolveWorkspace { current, stage_params, bounds, penalty, rows, .. } = &mut *self.memory;
        penalty.stage.copy_from_slice(&memory.penalty.stage);
        penalty.terminal.copy_from_slice(&memory.penalty.terminal);
        current.trajectory.copy_from(&memory.point);
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        current.cost = cost_along(&instance, &mut current.trajectory);
        for (gain, stage) in current.policy.gains.iter_mut().zip(&memory.system.stages) {
            *gain = stage.gain;
        }
        for (curvature, stage) in current.policy.curvatures.iter_mut().zip(&memory.system.stages) {
            *curvature = stage.curvature;
        }
        current.policy.held.copy_from_slice(&memory.system.held);
        current.policy.feedforward.fill(SVector::zeros());
        current.policy.costates.copy_from_slice(memory.system.costates());
        let ActiveSetReport { stationarity, units, .. } = &memory.report;
        for (terms, (_, own)) in current.policy.terms.iter_mut().zip(&units.controls) {
            *terms = *own;
        }
        rows.copy_from_slice(&units.rows);
        current.pass = BackwardPass { slope: 0.0, stationarity: *stationarity, ..BackwardPass::NONE };
        self.record_violation();
    }
}
