//! A primal-dual interior-point method for problems with limits, on the Riccati recursion.
//!
//! States are variables (direct multiple shooting), so an unstable plant or a guess of states is no obstacle. Each iteration
//! factorizes an LQ problem in which every limit has a weight ([`newton_terms`]), with the exact Hessian. Where that is not
//! positive definite, another one replaces it. The step goes as far as slacks stay positive, and is shortened until a
//! [`filter`] accepts it. A step without barriers predicts how far the barrier parameter may fall (Mehrotra 1992).
//! Near the central path the active limits are known. The active-set Newton method
//! ([`active_set_newton`](crate::solve::active_set_newton)) then takes the solution to rounding.
//!
//! Where no step is found, the constraints become elastic: each may be violated at a price. The price rises until nothing is
//! violated, or until only the violation counts and does not fall.
//!
//! Sources: Waechter and Biegler, *On the implementation of an interior-point filter line-search algorithm*, 2006; Frison
//! and Diehl, *HPIPM*, 2020; Vanroye et al., *FATROP*, 2023.

mod barriers;
mod filter;
mod identify;
mod iterate;
mod line_search;
pub(crate) mod memory;
mod newton_terms;
mod relaxed;
mod scales;
mod start;
mod touching;
mod weighted_newton;

use crate::iteration::Iteration;
use crate::lq::proximal::Proximal;
use crate::model::Model;
use crate::ocp::constraints::ConstraintKind;
use crate::ocp::instance::OcpInstance;
use crate::scalar::float;
use crate::settings::Hessian;
use crate::solve::interior_point::barriers::Barriers;
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::scales::Scales;
use crate::solve::newton_workspace::NewtonWorkspace;
use crate::solve::unbounded::Fall;
use crate::solve::workspace::{Solve, SolveWorkspace};
use crate::status::Status;

/// The barrier parameter, over the first one, from which on the active-set method is tried where the limits that seem to be
/// active have not changed, and the factor to the next trial.
const IDENTIFICATION: f64 = 1e-2;
const NEXT_IDENTIFICATION: f64 = 1e-2;

/// The barrier parameter, over the first one, from which on the Newton method with weights is tried, too.
const WEIGHTED_NEWTON: f64 = 1e-8;

/// The barrier parameter, over the first one, from which on a small step ends the path, and the least one. Unstable plants
/// have costs and multipliers of 1e20 early beside ones of 1 late.
const LAST_BARRIER: (f64, f64) = (1e-12, 1e-24);

/// The length below which a step is short. The solve ends after [`SHORT_STEPS`] short steps in a row.
const SHORT_STEP: f64 = 1e-3;
const SHORT_STEPS: usize = 8;

/// The least factor between one barrier parameter and the next.
const FASTEST_DECREASE: f64 = 0.01;

/// The largest relative step without a damped Hessian, in problems that choose their start. The cost can have next to no
/// curvature in a final time or a size. The Newton step is then so long that no fraction of it is of use.
const FAR: f64 = 30.0;

/// The damping after the first line search without success, and the largest one.
const LEAST_DAMPING: f64 = 1e-4;
const MOST_DAMPING: f64 = 1e4;

/// The weight of an equality, over the scale of the cost a stage and the square of its magnitude. A step leaves the inverse
/// part of its residual. The weight costs as many digits of the recursion.
const EQUALITY_WEIGHT: f64 = 1e8;

/// The elastic problems that are tried, one after another: the price over the scale of the cost, and where to start.
const ELASTIC: [(f64, ElasticStart); 3] =
    [(1e2, ElasticStart::Here), (1e2, ElasticStart::Guess), (1e6, ElasticStart::Here)];

/// The barrier parameter, over the first one, at which violations of an elastic problem count as needed. A path that stopped
/// earlier says nothing about them.
const NEAR_END: f64 = 1e-3;

/// The largest excess of a constraint that counts as none, over its magnitude.
const FEASIBLE: f64 = 1e-6;

/// Where an elastic problem starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ElasticStart {
    /// Where the last path ended.
    Here,
    /// At the guess.
    Guess,
}

/// Which step a linear solve is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepKind {
    Newton,
    /// The step without barriers that predicts the barrier parameter. It has no costates.
    Predictor,
    /// A correction of second order.
    Correction,
}

/// The numbers that an iteration hands to the next.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The barrier parameter, in units of the cost, and its first value.
    mu: f64,
    first: f64,
    /// The price of an elastic problem, see [`Barriers::elastic`].
    elastic: Option<f64>,
    /// The last regularization that was needed.
    regularization: f64,
    /// The regularization with which a factorization begins, after line searches without success.
    damping: f64,
    /// Length of the last step.
    alpha: f64,
    /// Whether there are any barriers.
    barriers: bool,
    /// The barrier parameter over the first one, or the relative step without barriers, at which the active-set method is
    /// tried next.
    identification: f64,
}

impl Progress {
    /// After a step of this length.
    fn accept(&mut self, alpha: f64) {
        self.alpha = alpha;
        self.damping = if self.damping > LEAST_DAMPING { 0.1 * self.damping } else { 0.0 };
    }

    /// Whether an elastic path has come near its end. The barrier parameter of a relaxed problem falls no further than to the
    /// relaxation.
    fn nears_end(&self, relaxation: Option<f64>) -> bool {
        self.elastic.is_some() && self.mu <= f64::max(NEAR_END * self.first, relaxation.unwrap_or(0.0))
    }

    /// Damps the Hessian more. False where it was damped as much as it may be; it then is no longer.
    fn damp(&mut self) -> bool {
        let more = self.damping < MOST_DAMPING;
        self.damping = if more { f64::max(LEAST_DAMPING, 100.0 * self.damping) } else { 0.0 };
        more
    }
}

/// Whether a constraint of an elastic problem has an excess.
fn needs_excess<const NX: usize, const NU: usize>(memory: &InteriorPoint<NX, NU>) -> bool {
    let InteriorPoint { point, scales, .. } = memory;
    point.excess.iter().any(|excess| excess.iter().zip(&scales.rows).any(|(excess, row)| *excess > FEASIBLE * row))
}

/// The residuals of dynamics and constraints at the point.
fn measure_residuals<const NX: usize, const NU: usize>(memory: &mut InteriorPoint<NX, NU>) {
    let InteriorPoint { point, bases, residuals, kinds, .. } = memory;
    bases.defects.copy_from_slice(&point.defects);
    for (index, residual) in residuals.iter_mut().enumerate() {
        *residual = point.residual(kinds, index);
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Solves the problem from the current trajectory. Where another method follows, or the problem is relaxed, that changes
    /// only with a solution or a proof that there is none; otherwise it becomes the rollout of the last point. The solve ends when all methods
    /// together have taken `most` iterations. A relaxed problem ends on its point of the central path ([`relaxed`]).
    pub(crate) fn run_interior_point(&mut self, most: usize, observe: &mut impl FnMut(&Iteration)) -> Status {
        let horizon = self.memory.horizon();
        self.memory.active_set_newton.get_or_insert_with(|| NewtonWorkspace::new::<M, NP, NS>(horizon));
        let memory = self.memory.interior_point.take();
        let mut memory = memory.unwrap_or_else(|| InteriorPoint::new::<M, NP, NS>(horizon));
        let status = if self.warm && self.end_warm_start(&mut memory) {
            Status::Converged
        } else {
            self.solve_interior_point(&mut memory, most, observe)
        };
        let last = self.uses_interior_point_alone() || status == Status::Unbounded;
        let ended = matches!(status, Status::Converged | Status::Infeasible);
        if last && !ended && self.settings.relaxation.is_none() && self.stats.iterations > 0 {
            self.keep_rollout(&memory);
        }
        self.memory.interior_point = Some(memory);
        status
    }

    fn solve_interior_point(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        most: usize,
        observe: &mut impl FnMut(&Iteration),
    ) -> Status {
        let mut progress = match self.begin(memory) {
            Ok(progress) => progress,
            Err(status) => return status,
        };
        let mut status = self.follow_central_path(memory, &mut progress, most, observe);
        if !const { M::LIMITS.constrained() } {
            return status;
        }
        let mut needed = false;
        for (price, start) in ELASTIC {
            if !status.found_no_step() {
                return status;
            }
            if !self.begin_elastic(memory, &mut progress, (price, start)) {
                return status;
            }
            status = self.follow_central_path(memory, &mut progress, most, observe);
            if status.is_converged() && self.settings.relaxation.is_some() {
                // The point satisfies the constraints without excess: the path begins again there.
                progress = match self.begin_about_point(memory) {
                    Ok(progress) => progress,
                    Err(status) => return status,
                };
                status = self.follow_central_path(memory, &mut progress, most, observe);
            } else {
                needed |= progress.nears_end(self.settings.relaxation)
                    && needs_excess(memory)
                    && !self.violation_falls(memory);
            }
        }
        if !status.found_no_step() || !needed || !needs_excess(memory) {
            return status;
        }
        self.keep_rollout(memory);
        Status::Infeasible
    }

    fn follow_central_path(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        progress: &mut Progress,
        most: usize,
        observe: &mut impl FnMut(&Iteration),
    ) -> Status {
        let (mut failures, mut short) = (0, 0);
        let mut fall = Fall::new(memory.point.cost.total);
        fall.predict(memory.scales.cost, f64::EPSILON * memory.point.cost.magnitude);
        loop {
            if !self.factorize(memory, progress) {
                return Status::RegularizationLimit;
            }
            measure_residuals(memory);
            if self.update_barrier(memory, progress) {
                memory.filter.clear();
            }
            let Some(change) = self.moderate_step(memory, progress) else { return Status::RegularizationLimit };
            observe(&self.iteration(memory, progress, change));
            let distance = match self.relaxation(progress) {
                Some(tau) if progress.barriers && progress.mu > tau => f64::INFINITY,
                None if progress.barriers => progress.mu / progress.first,
                _ => change,
            };
            let last = distance <= LAST_BARRIER.0 && (change <= self.settings.tolerance || distance <= LAST_BARRIER.1);
            if self.try_to_end(memory, progress, (distance, last)) {
                return Status::Converged;
            }
            if last {
                return Status::LineSearchFailed;
            }
            if self.stats.iterations >= most {
                return Status::IterationLimit;
            }
            let found = self.search(memory, progress);
            if let Some((alpha, violation)) = found {
                progress.accept(alpha);
                self.stats.iterations += 1;
                fall.step_to(memory.point.cost.total);
                if violation <= FEASIBLE && fall.is_unbounded() && self.falls_along_step(memory, &fall) {
                    return Status::Unbounded;
                }
                failures = 0;
                short = if alpha < SHORT_STEP { short + 1 } else { 0 };
            } else if !progress.damp() {
                failures += 1;
                if failures > 3 || !self.close_defects(memory) {
                    return Status::LineSearchFailed;
                }
            }
            if short == SHORT_STEPS {
                return Status::LineSearchFailed;
            }
        }
    }

    /// The report of an iterate whose step changes it by `change`.
    fn iteration(&self, memory: &InteriorPoint<NX, NU>, progress: &Progress, change: f64) -> Iteration {
        Iteration {
            iteration: self.stats.iterations,
            cost: memory.point.cost.total,
            stationarity: change,
            regularization: progress.regularization,
            step: progress.alpha,
        }
    }

    /// Tries the Newton methods on the active limits, where these seem to be known or the path ends. True where one of them
    /// has converged.
    fn try_to_end(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        progress: &mut Progress,
        (distance, last): (f64, bool),
    ) -> bool {
        if self.settings.relaxation.is_some() {
            return self.try_to_end_relaxed(memory, progress, (distance, last));
        }
        let settled = distance <= IDENTIFICATION && self.mark_active(memory, progress);
        if !last && (!settled || distance > progress.identification) {
            return false;
        }
        progress.identification = distance * NEXT_IDENTIFICATION;
        if self.identify(memory, progress) {
            return true;
        }
        if distance > WEIGHTED_NEWTON {
            return false;
        }
        if self.weighted_newton(memory, progress) {
            return true;
        }
        if !last {
            self.restore_step(memory, progress);
        }
        false
    }

    /// The Newton step. While it is longer than [`FAR`], the Hessian is damped more. Returns its relative size; `None` where no
    /// damped Hessian is positive definite.
    fn moderate_step(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &mut Progress) -> Option<f64> {
        loop {
            self.solve_step(memory, progress, StepKind::Newton);
            let change = memory.scales.relative_step(&memory.step);
            let moderate = change.is_nan() || change <= FAR || !M::START.is_free();
            if moderate || progress.damping >= MOST_DAMPING {
                return Some(change);
            }
            progress.damp();
            if !self.factorize(memory, progress) {
                return None;
            }
            measure_residuals(memory);
        }
    }

    /// Factors and step about the point, where another method has overwritten them.
    fn restore_step(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &mut Progress) {
        if self.factorize(memory, progress) {
            measure_residuals(memory);
            self.solve_step(memory, progress, StepKind::Newton);
        }
    }

    /// The instance without penalties.
    fn instance(&self) -> OcpInstance<'_, M, f64, NU, NP, NS> {
        let SolveWorkspace { stage_params, bounds, penalty, .. } = &*self.memory;
        OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty }
    }

    fn barriers<'a>(
        &'a self,
        (kinds, scales): (&'a [ConstraintKind], &'a Scales<NX, NU>),
        elastic: Option<f64>,
    ) -> Barriers<'a, NX, NU> {
        let SolveWorkspace { bounds, sides, .. } = &*self.memory;
        Barriers { kinds, bounds, sides, scales, horizon: self.memory.horizon(), elastic }
    }

    /// Factorizes about the point: with the exact Hessian, then that of Gauss and Newton, then with more and more
    /// regularization. Returns whether one of them exists.
    fn factorize(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &mut Progress) -> bool {
        let InteriorPoint { system, point, weights, scales, kinds, .. } = memory;
        let stage_cost = scales.cost / point.horizon() as f64;
        self.barriers((kinds, scales), progress.elastic).weigh(point, EQUALITY_WEIGHT * stage_cost, weights);
        let instance = self.instance();
        let wanted = self.settings.hessian;
        let mut attempts = 0;
        let mut attempt = |hessian, regularization: f64| {
            attempts += 1;
            let curvature = |magnitude: f64| regularization * stage_cost / (magnitude * magnitude);
            weights.proximal =
                Proximal { states: scales.states.map(curvature), controls: scales.controls.map(curvature) };
            system.factorize(&instance, point, hessian, weights).is_ok()
        };
        let mut exists = attempt(wanted, progress.damping)
            || progress.damping == 0.0 && wanted == Hessian::Exact && attempt(Hessian::GaussNewton, 0.0);
        let mut regularization = f64::max(1e-6, progress.regularization / 8.0).max(10.0 * progress.damping);
        while !exists && regularization <= 1e12 {
            exists = attempt(wanted, regularization);
            progress.regularization = regularization;
            regularization *= 8.0;
        }
        self.stats.regularizations += attempts - 1;
        exists
    }

    /// Lowers the barrier parameter after a step that was long enough. Returns whether it has changed. The step to the limit,
    /// without barriers, predicts how far the complementarity can fall (Mehrotra 1992; with a line search: Nocedal, Waechter
    /// and Waltz 2009).
    fn update_barrier(&self, memory: &mut InteriorPoint<NX, NU>, progress: &mut Progress) -> bool {
        let least = self.relaxation(progress).unwrap_or(0.5 * LAST_BARRIER.1 * progress.first);
        if progress.alpha < 0.3 || !progress.barriers || progress.mu <= least {
            return false;
        }
        self.solve_step(memory, &Progress { mu: 0.0, ..*progress }, StepKind::Predictor);
        let InteriorPoint { point, correction, kinds, scales, .. } = memory;
        let barriers = self.barriers((kinds, scales), progress.elastic);
        let (average, predicted) = barriers.complementarity(point, correction);
        let centering = float::f64::powi((predicted / average).clamp(0.0, 1.0), 3);
        let target = (centering * average).max(FASTEST_DECREASE * progress.mu).min(progress.mu);
        let target = target.max(least);
        let changed = target < progress.mu;
        progress.mu = target;
        changed
    }

    /// The step about the point for the barrier parameter and the residuals that are in the memory.
    fn solve_step(&self, memory: &mut InteriorPoint<NX, NU>, progress: &Progress, kind: StepKind) {
        let InteriorPoint { system, point, weights, bases, residuals, along, scales, kinds, .. } = memory;
        let barriers = self.barriers((kinds, scales), progress.elastic);
        let out = match kind {
            StepKind::Newton => &mut memory.step,
            StepKind::Predictor | StepKind::Correction => &mut memory.correction,
        };
        bases.rows.copy_from_slice(residuals);
        barriers.set_bases(point, weights, progress.mu, bases);
        system.step::<M, NP, NS>(bases, along, out);
        if kind != StepKind::Predictor {
            system.set_costates(out);
        }
        barriers.recover(point, (weights, bases), (progress.mu, along, residuals), out);
    }
}
