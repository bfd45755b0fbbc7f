//! Solves under constraints: an augmented Lagrangian about the solver without, and a Newton method on the active set that
//! finishes what the first has begun.
//!
//! PerLane round minimizes the cost with penalties (`penalty`), then moves the multipliers to those the penalties stand for,
//! and raises the weight where the violation has not fallen enough (as ALTRO does: Howell, Jackson and Manchester 2019).
//! Once the violation is small the active set is mostly known: Newton steps of the optimality conditions, with the
//! constraints that are active as equations of the LQ problem (`constrained`), converge quadratically in trajectory and
//! multipliers, and the active set follows by the primal-dual rule. Where they do not converge the rounds go on.

use crate::scalar::float;
use nalgebra::SVector;

use crate::ilqr::Iteration;
use crate::kkt::active_set::{Constrained, KktSolution};
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::linalg::products::larger;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::ocp::instance::{OcpInstance, is_enforced_at};
use crate::ocp::penalty::{MultipliersRef, Penalty, PenaltyKind};
use crate::ocp::rollout::{Trajectory, TrajectoryRef, closed_loop_rollout, cost_along};
use crate::ocp::stationarity::Magnitudes;
use crate::settings::Differentiation;
use crate::solve::backward_pass::BackwardPass;
use crate::solve::workspace::{Forward, Solve};
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
    constrained: Constrained<f64, NX, NU>,
    kkt_step: KktSolution<f64, NX, NU, 1>,
    report: ActiveSetReport,
    point: Trajectory<f64, NX, NU>,
    trial: Trajectory<f64, NX, NU>,
    /// MultipliersRef of `point`.
    penalty: Penalty<f64>,
}

impl<const NX: usize, const NU: usize> ActiveSetNewton<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        Self {
            constrained: Constrained::new::<M, NP, NS>(horizon),
            kkt_step: KktSolution::new(horizon),
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
        if self.warm && self.newton(weight) {
            return Status::Converged;
        }
        for round in 0..ROUNDS {
            self.set_penalty_weight(weight);
            // No more precise than the multipliers are, by a decade a round.
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
        let Forward { current, stage_params, bounds, penalty, .. } = &mut *self.memory;
        penalty.kind = PenaltyKind::Augmented { weight };
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        current.cost = cost_along(&instance, &mut current.trajectory);
        current.sweep = BackwardPass::NONE;
    }

    /// Sets the multipliers to those that the penalties stand for. Returns how far they move over the weight, which is
    /// `max |c|` over equalities and `max |max(c, -mu / weight)|` over inequalities: violation and complementarity in one.
    fn update_multipliers(&mut self, weight: f64) -> f64 {
        let Forward { current, penalty, .. } = &mut *self.memory;
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
    fn newton(&mut self, weight: f64) -> bool {
        let tolerance = self.settings.tolerance;
        let Some(mut memory) = self.memory.active_set_newton.take() else { return false };
        let Forward { current, penalty, .. } = &mut *self.memory;
        memory.point.copy_from(&current.trajectory);
        memory.penalty.stage.copy_from_slice(&penalty.stage);
        memory.penalty.terminal.copy_from_slice(&penalty.terminal);
        let mut best = f64::INFINITY;
        let mut failures = 0;
        let mut converged = false;
        for _ in 0..NEWTON_STEPS {
            if !self.report(&mut memory, weight) {
                break;
            }
            memory.constrained.newton_step(&mut memory.kkt_step);
            let report = &memory.report;
            let magnitudes = Magnitudes::of(&memory.point.states, &memory.point.controls);
            let step = memory.kkt_step.relative_change(&magnitudes);
            // With multipliers that are right the terms cancel; without any all of them may vanish together.
            let stationary = report.stationarity <= tolerance || (step <= tolerance && memory.penalty.is_free());
            let residual = report.stationarity.min(step).max(report.violation.0);
            let signs = report.limits_near.iter().all(|limit_state| limit_state.multiplier >= 0.0);
            if stationary && report.violation.0 <= tolerance && signs {
                self.stats.step = step;
                converged = true;
                break;
            }
            // The first steps may change the active set; after that the residual falls.
            let better = residual < 0.5 * best;
            if !better {
                failures += 1;
                if failures > 4 || !residual.is_finite() {
                    break;
                }
            }
            best = best.min(residual);
            if !self.newton_step(&mut memory) {
                break;
            }
        }
        if converged {
            self.adopt(&memory);
        }
        self.memory.active_set_newton = Some(memory);
        converged
    }

    /// Factorizes about the point of the Newton method. False where the recursion does not exist there.
    fn report(&self, memory: &mut ActiveSetNewton<NX, NU>, weight: f64) -> bool {
        let limits = const { &M::LIMITS };
        let ActiveSetNewton { constrained, report, point, penalty, .. } = memory;
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
        let Forward { stage_params, .. } = &*self.memory;
        let Trajectory { states, controls, .. } = &*point;
        let point = TrajectoryRef { states, controls, params: self.params, stage_params };
        let multipliers = MultipliersRef { stage: &penalty.stage, terminal: &penalty.terminal };
        let rule = ActiveSetRule::PrimalDual { weight };
        constrained.factorize(self.model, point, multipliers, Differentiation::Implicit, rule, report).is_ok()
    }

    /// Takes the step of the Newton method that was found, in trajectory and multipliers; false where the rollout leaves the finite numbers.
    fn newton_step(&mut self, memory: &mut ActiveSetNewton<NX, NU>) -> bool {
        let limits = const { &M::LIMITS };
        let kkt_step = &memory.kkt_step;
        memory.penalty.stage.fill(0.0);
        memory.penalty.terminal.fill(0.0);
        for (t, (stage, own)) in memory.constrained.stages.iter().zip(&kkt_step.own).enumerate() {
            for (source, multiplier) in stage.sources.iter().zip(own) {
                if let ConstraintId::Constraint(i) = *source {
                    memory.penalty.stage[t * limits.stage() + i] = multiplier[0];
                }
            }
        }
        for (&i, multiplier) in memory.constrained.terminal.sources.iter().zip(&kkt_step.terminal) {
            memory.penalty.terminal[i] = multiplier[0];
        }
        let Forward { trial, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        // The policy of the trial candidate is free for use: its next sweep fills it anew.
        let policy = &mut trial.policy;
        for (gain, stage) in policy.gains.iter_mut().zip(&memory.constrained.stages) {
            *gain = stage.gain;
        }
        for (k, linear) in policy.feedforward.iter_mut().zip(&kkt_step.linear) {
            *k = linear.k;
        }
        self.stats.newton_steps += 1;
        let (_, finite) =
            closed_loop_rollout(&instance, &memory.point, &policy.gains, &policy.feedforward, 1.0, &mut memory.trial);
        core::mem::swap(&mut memory.point, &mut memory.trial);
        finite
    }

    /// Makes the point of the Newton method the current trajectory.
    fn adopt(&mut self, memory: &ActiveSetNewton<NX, NU>) {
        let Forward { current, stage_params, bounds, penalty, .. } = &mut *self.memory;
        penalty.stage.copy_from_slice(&memory.penalty.stage);
        penalty.terminal.copy_from_slice(&memory.penalty.terminal);
        current.trajectory.copy_from(&memory.point);
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        current.cost = cost_along(&instance, &mut current.trajectory);
        for (gain, stage) in current.policy.gains.iter_mut().zip(&memory.constrained.stages) {
            *gain = stage.gain;
        }
        for (curvature, stage) in current.policy.curvatures.iter_mut().zip(&memory.constrained.stages) {
            *curvature = stage.curvature;
        }
        current.policy.held.copy_from_slice(&memory.constrained.held);
        current.policy.feedforward.fill(SVector::zeros());
        current.policy.costates.copy_from_slice(&memory.constrained.costates);
        let ActiveSetReport { stationarity, scale, .. } = memory.report;
        current.sweep = BackwardPass { slope: 0.0, stationarity, scale, ..BackwardPass::NONE };
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
