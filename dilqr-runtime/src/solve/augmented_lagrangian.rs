//! Solves with constraints: rounds of an augmented Lagrangian, and a Newton method on the active set that ends them.
//!
//! Each round minimizes the cost with penalties (`penalty`), then moves the multipliers to those the penalties stand for,
//! and raises the weight where the violation has not fallen enough (as ALTRO does: Howell, Jackson and Manchester 2019).
//! Once the violation is small the active set is mostly known: Newton steps of the optimality conditions, with the
//! constraints that are active as equations of the LQ problem (`kkt::active_set`), converge quadratically in trajectory and
//! multipliers, and the active set follows by the primal-dual rule. Where they do not converge the rounds go on.

use crate::scalar::float;
use alloc::vec::Vec;

use nalgebra::SVector;

use crate::differentiate::check::STEP_MARGIN;
use crate::iteration::Iteration;
use crate::kkt::active_set::{ActiveSet, ActiveSetLinear};
use crate::kkt::linear::KktSystem;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::linalg::products::larger;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::ocp::instance::{OcpInstance, is_enforced_at};
use crate::ocp::penalty::{MultipliersRef, Penalty, PenaltyKind};
use crate::ocp::rollout::{FeedbackLaw, cost_along};
use crate::ocp::trajectory::{Trajectory, TrajectoryRef};
use crate::settings::Differentiation;
use crate::solve::backward_pass::{BackwardPass, Policy};
use crate::solve::workspace::{Solve, SolveWorkspace};
use crate::status::Status;

/// Rounds after which multipliers that still move will not settle.
const ROUNDS: usize = 50;

/// Newton steps of one attempt; quadratic convergence needs few, changes of the active set some more.
const NEWTON_STEPS: usize = 20;

/// The violation, in units of the constraint, at which the first attempt is made.
const NEWTON_START_VIOLATION: f64 = 1e-1;

/// How much of the violation a round may leave before the weight is raised.
const VIOLATION_DECREASE: f64 = 0.25;

/// Memory of the Newton method.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSetNewton<const NX: usize, const NU: usize> {
    system: ActiveSet<f64, NX, NU>,
    linear: ActiveSetLinear<f64, NX, NU, 1>,
    /// Multipliers after the Newton step: those of the stages, then the terminal ones.
    new_multipliers: Vec<f64>,
    report: ActiveSetReport,
    pub(crate) point: Trajectory<f64, NX, NU>,
    trial: Trajectory<f64, NX, NU>,
    /// Multipliers of `point`.
    pub(crate) penalty: Penalty<f64>,
}

impl<const NX: usize, const NU: usize> ActiveSetNewton<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        let system = ActiveSet::new::<M, NP, NS>(horizon);
        Self {
            linear: system.linear(),
            system,
            new_multipliers: vec![0.0; horizon * limits.stage() + limits.terminal()],
            report: ActiveSetReport::with_room(horizon, NU, limits),
            point: Trajectory::zeros(horizon, limits),
            trial: Trajectory::zeros(horizon, limits),
            penalty: Penalty::new(PenaltyKind::Augmented { weight: 1.0 }, horizon, limits),
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Solves a problem with constraints.
    pub(crate) fn run_constrained(&mut self, mut observe: impl FnMut(&Iteration)) -> Status {
        let settings = self.settings;
        let mut weight = settings.penalty.initial;
        let mut previous = f64::INFINITY;
        let mut status = Status::Infeasible;
        for round in 0..ROUNDS {
            self.set_penalty_weight(weight);
            // As precise as the multipliers are: a decade more in every round.
            let tolerance = settings.tolerance.max(1e-3 * float::f64::powi(0.1, round as i32));
            status = self.minimize(tolerance, &mut observe);
            if matches!(status, Status::Diverged | Status::IterationLimit) {
                self.record_violation();
                return status;
            }
            let residual = self.update_multipliers(weight);
            let violation = self.record_violation();
            if residual.is_nan() {
                return Status::Diverged;
            }
            if violation <= NEWTON_START_VIOLATION && self.newton(weight) {
                return Status::Converged;
            }
            let precise = tolerance <= settings.tolerance;
            if precise && residual <= settings.tolerance {
                return status;
            }
            let stuck = residual > VIOLATION_DECREASE * previous;
            if stuck {
                if weight >= settings.penalty.maximum {
                    break;
                }
                weight = (weight * settings.penalty.increase).min(settings.penalty.maximum);
            }
            previous = residual;
        }
        let feasible = self.stats.violation <= settings.tolerance;
        if !feasible {
            return Status::Infeasible;
        }
        // Feasible, but the multipliers have not settled.
        if status == Status::Converged { Status::IterationLimit } else { status }
    }

    /// The current trajectory's cost under another weight of the penalties.
    fn set_penalty_weight(&mut self, weight: f64) {
        let SolveWorkspace { current, stage_params, bounds, penalty, .. } = &mut *self.memory;
        penalty.kind = PenaltyKind::Augmented { weight };
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        current.cost = cost_along(&instance, &mut current.trajectory);
        current.pass = BackwardPass::NONE;
    }

    /// Sets the multipliers to those that the penalties stand for. Returns how far they move over the weight, which is
    /// `max |c|` over equalities and `max |max(c, -mu / weight)|` over inequalities: violation and complementarity in one.
    fn update_multipliers(&mut self, weight: f64) -> f64 {
        let SolveWorkspace { current, penalty, .. } = &mut *self.memory;
        let limits = const { &M::LIMITS };
        let mut furthest = 0.0;
        let mut moved = |from: f64, to: f64| {
            furthest = larger(furthest, (to - from).abs() / weight);
            to
        };
        let (stage, terminal) = current.trajectory.constraints.split_at(penalty.stage.len());
        for (index, &c) in stage.iter().enumerate() {
            let (t, i) = (index / limits.stage(), index % limits.stage());
            if is_enforced_at(limits, t, i) {
                let (before, inequality) = (penalty.stage[index], i < limits.stage_inequalities);
                penalty.stage[index] = moved(before, penalty.term(inequality, c, before).slope);
            }
        }
        for (i, &c) in terminal.iter().enumerate() {
            let (before, inequality) = (penalty.terminal[i], i < limits.terminal_inequalities);
            penalty.terminal[i] = moved(before, penalty.term(inequality, c, before).slope);
        }
        self.stats.multiplier_updates += 1;
        furthest
    }

    /// The largest violation along the current trajectory, which the statistics keep with its stage.
    fn record_violation(&mut self) -> f64 {
        let Trajectory { constraints, controls, .. } = &self.memory.current.trajectory;
        let (violation, stage) = violation(constraints, controls.len(), &M::LIMITS);
        self.stats.violation = violation;
        self.stats.violation_stage = (violation > 0.0).then_some(stage);
        violation
    }

    /// Newton's method on the optimality conditions with the active constraints. True where it has converged: current
    /// trajectory, policy and multipliers then are the solution's. Otherwise nothing has changed.
    pub(crate) fn newton(&mut self, weight: f64) -> bool {
        let Some(mut memory) = self.memory.active_set_newton.take() else { return false };
        let SolveWorkspace { current, penalty, .. } = &mut *self.memory;
        memory.point.copy_from(&current.trajectory);
        memory.penalty.stage.copy_from_slice(&penalty.stage);
        memory.penalty.terminal.copy_from_slice(&penalty.terminal);
        let converged = self.newton_from(&mut memory, weight);
        self.memory.active_set_newton = Some(memory);
        converged
    }

    /// [`newton`](Self::newton) from the point and the multipliers of its memory.
    pub(crate) fn newton_from(&mut self, memory: &mut ActiveSetNewton<NX, NU>, weight: f64) -> bool {
        let tolerance = self.settings.tolerance;
        let (mut best, mut step) = (f64::INFINITY, f64::NAN);
        let mut failures = 0;
        let mut converged = false;
        for _ in 0..NEWTON_STEPS {
            if !self.report(memory, weight) {
                break;
            }
            let ActiveSetNewton { system, linear, new_multipliers, report, point, penalty, .. } = memory;
            let about = (point.states.as_slice(), point.controls.as_slice());
            step = system.newton_step(linear, const { &M::LIMITS }, new_multipliers, about);
            // With multipliers that are right the terms cancel; without any all of them may vanish together.
            let free = penalty.is_free() && new_multipliers.iter().all(|&mu| mu == 0.0);
            let stationary = step <= tolerance && (report.stationarity <= tolerance || free);
            let residual = report.stationarity.min(step).max(report.violation.0);
            let signs = report.limits.iter().all(|limit| !limit.inequality || limit.multiplier >= 0.0);
            if stationary && report.violation.0 <= tolerance && signs {
                converged = true;
                break;
            }
            // The first steps may change the active set; after that the residual falls.
            if !(residual < 0.5 * best) {
                failures += 1;
                if failures > 4 || !residual.is_finite() {
                    // Costates along long active constraints on the state have few digits, however exact the trajectory.
                    let settled = step == 0.0 && report.stationarity <= STEP_MARGIN * tolerance;
                    converged = settled && report.violation.0 <= tolerance && signs;
                    break;
                }
            }
            best = best.min(residual);
            if !self.newton_step(memory) {
                break;
            }
        }
        if converged {
            self.stats.step = step;
            self.adopt(memory);
        }
        converged
    }

    /// Factorizes about the point of the Newton method. False where the recursion does not exist there.
    fn report(&self, memory: &mut ActiveSetNewton<NX, NU>, weight: f64) -> bool {
        let limits = const { &M::LIMITS };
        let ActiveSetNewton { system, report, point, penalty, .. } = memory;
        // An inactive inequality has no multiplier.
        let (stage, terminal) = point.constraints.split_at(penalty.stage.len());
        for (index, (mu, c)) in penalty.stage.iter_mut().zip(stage).enumerate() {
            let (t, i) = (index / limits.stage(), index % limits.stage());
            if (i < limits.stage_inequalities && *mu + weight * c <= 0.0) || !is_enforced_at(limits, t, i) {
                *mu = 0.0;
            }
        }
        for (mu, c) in penalty.terminal.iter_mut().zip(terminal).take(limits.terminal_inequalities) {
            if *mu + weight * c <= 0.0 {
                *mu = 0.0;
            }
        }
        let SolveWorkspace { stage_params, .. } = &*self.memory;
        let Trajectory { states, controls, .. } = &*point;
        let multipliers = MultipliersRef { stage: &penalty.stage, terminal: &penalty.terminal };
        let point = TrajectoryRef { states, controls, params: self.params, stage_params, multipliers };
        let rule = (Differentiation::Implicit, ActiveSetRule::PrimalDual { weight });
        system.factorize(self.model, point, rule, report).is_ok()
    }

    /// Takes the step of the Newton method that was found, in trajectory and multipliers; false where the rollout leaves the finite numbers.
    fn newton_step(&mut self, memory: &mut ActiveSetNewton<NX, NU>) -> bool {
        let (stage, terminal) = memory.new_multipliers.split_at(memory.penalty.stage.len());
        memory.penalty.stage.copy_from_slice(stage);
        memory.penalty.terminal.copy_from_slice(terminal);
        let SolveWorkspace { trial, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        // The policy of the trial iterate is free: its next backward pass fills it.
        let policy = &mut trial.policy;
        for (gain, stage) in policy.gains.iter_mut().zip(&memory.system.stages) {
            *gain = stage.gain;
        }
        for (k, step) in policy.feedforward.iter_mut().zip(memory.linear.feedforward()) {
            *k = *step;
        }
        self.stats.newton_steps += 1;
        let Policy { gains, feedforward, .. } = &*policy;
        let law = FeedbackLaw { reference: &memory.point, gains, feedforward, alpha: 1.0 };
        let (_, finite) = law.rollout(&instance, &mut memory.trial);
        core::mem::swap(&mut memory.point, &mut memory.trial);
        finite
    }

    /// Makes the point of the Newton method the current trajectory.
    fn adopt(&mut self, memory: &ActiveSetNewton<NX, NU>) {
        let SolveWorkspace { current, stage_params, bounds, penalty, .. } = &mut *self.memory;
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
        let ActiveSetReport { stationarity, scale, .. } = memory.report;
        current.pass = BackwardPass { slope: 0.0, stationarity, scale, ..BackwardPass::NONE };
        self.record_violation();
    }
}

/// The largest violation of constraints along a trajectory, and its stage.
pub(crate) fn violation(constraints: &[f64], horizon: usize, limits: &Limits) -> (f64, usize) {
    let mut largest = (0.0, 0);
    let mut note = |stage: usize, inequality: bool, c: f64| {
        let violation = if inequality { c.max(0.0) } else { c.abs() };
        if violation > largest.0 || c.is_nan() {
            largest = (if c.is_nan() { f64::NAN } else { violation }, stage);
        }
    };
    let (stage, terminal) = constraints.split_at(horizon * limits.stage());
    for (index, &c) in stage.iter().enumerate() {
        let (t, i) = (index / limits.stage(), index % limits.stage());
        if is_enforced_at(limits, t, i) {
            note(t, i < limits.stage_inequalities, c);
        }
    }
    for (i, &c) in terminal.iter().enumerate() {
        note(horizon, i < limits.terminal_inequalities, c);
    }
    largest
}
