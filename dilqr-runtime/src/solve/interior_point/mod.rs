//! A primal-dual interior-point method for problems with limits, on the Riccati recursion.
//!
//! States are variables (direct multiple shooting), so an unstable plant or a guess of states is no obstacle. Each iteration
//! factorizes the LQ problem of [`kkt::barrier`](crate::kkt::barrier) with the exact Hessian. Where that is not positive
//! definite on the null space of the equalities, another one replaces it. The step goes as far as slacks stay positive, and is
//! shortened until a [`filter`] accepts it. The barrier parameter falls with the complementarity (Vanderbei and Shanno 1999,
//! the rule of LOQO). Near the central path the active limits are known. The active-set Newton method
//! ([`active_set_newton`](crate::solve::active_set_newton)) then takes the solution to rounding.
//!
//! Sources: Waechter and Biegler, *On the implementation of an interior-point filter line-search algorithm*, 2006; Frison
//! and Diehl, *HPIPM*, 2020; Vanroye et al., *FATROP*, 2023.

mod barriers;
mod filter;
mod iterate;
pub(crate) mod memory;
mod scales;

use nalgebra::SVector;

use crate::iteration::Iteration;
use crate::kkt::barrier::BarrierHessian;
use crate::lq::equality_constrained::Singular;
use crate::model::Model;
use crate::ocp::barrier_point::{BarrierPoint, Duals};
use crate::ocp::constraints::ConstraintKind;
use crate::ocp::instance::OcpInstance;
use crate::ocp::rollout::rollout;
use crate::scalar::float;
use crate::settings::Hessian;
use crate::solve::interior_point::barriers::{Barrier, Barriers};
use crate::solve::interior_point::filter::{Merit, Trial, Verdict};
use crate::solve::interior_point::iterate::{evaluate, place_inside, take_step};
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::scales::Scales;
use crate::solve::newton_workspace::NewtonWorkspace;
use crate::solve::workspace::{Solve, SolveWorkspace};
use crate::status::Status;

/// The barrier parameter of the first iteration, over the scale of the cost and the number of barriers.
const FIRST_BARRIER: f64 = 0.1;

/// The first slack of a violated inequality, over the magnitude of its row.
const FIRST_SLACK: f64 = 0.1;

/// The barrier parameters, over the first one, at which the active-set method is tried, and the factor to the next trial.
const IDENTIFICATION: (f64, f64) = (1e-4, 1e-2);

/// The ratios of relative multiplier and relative slack from which on a limit counts as active, in the order in which they
/// are tried. The slack of a limit that is not active may be as small as 1e-9, and its multiplier is then large.
const ACTIVE: [f64; 3] = [1.0, 1e4, 1e8];

/// The least barrier parameter, over the first one.
const LAST_BARRIER: f64 = 1e-12;

/// The length below which a step is short. The solve ends after [`SHORT_STEPS`] short steps in a row.
const SHORT_STEP: f64 = 1e-3;
const SHORT_STEPS: usize = 8;

/// The least and the largest product of slack and multiplier, over the barrier parameter (Waechter and Biegler 2006, equation
/// 16). So the Hessian of the barriers stays near that of the barrier problem.
const COMPLEMENTARITY: (f64, f64) = (1e-10, 1e10);

/// Halvings of a step.
const HALVINGS: usize = 30;

/// The numbers that an iteration hands to the next.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The barrier parameter, in units of the cost, and its first value.
    mu: f64,
    first: f64,
    /// The last regularization that was needed.
    regularization: f64,
    /// Length of the last step.
    alpha: f64,
    /// Whether there are any barriers.
    barriers: bool,
    /// The barrier parameter over the first one, or the relative step without barriers, at which the active-set method is
    /// tried next.
    identification: f64,
}

/// What a line search compares trial points with.
#[derive(Clone, Copy, Debug)]
struct LineSearch {
    mu: f64,
    from: Merit,
    /// The derivative of the cost with barriers along the step, and the rounding error of the cost.
    slope: f64,
    noise: f64,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Solves the problem from the current trajectory, which changes only where the solve converges. It ends when all
    /// methods together have taken `most` iterations.
    pub(crate) fn run_interior_point(&mut self, most: usize, observe: &mut impl FnMut(&Iteration)) -> Status {
        let horizon = self.memory.horizon();
        self.memory.active_set_newton.get_or_insert_with(|| NewtonWorkspace::new::<M, NP, NS>(horizon));
        let memory = self.memory.interior_point.take();
        let mut memory = memory.unwrap_or_else(|| InteriorPoint::new::<M, NP, NS>(horizon));
        let status = self.follow_central_path(&mut memory, most, observe);
        self.memory.interior_point = Some(memory);
        status
    }

    fn follow_central_path(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        most: usize,
        observe: &mut impl FnMut(&Iteration),
    ) -> Status {
        let mut progress = match self.begin(memory) {
            Ok(progress) => progress,
            Err(status) => return status,
        };
        let (mut failures, mut short) = (0, 0);
        loop {
            if !self.factorize(memory, &mut progress) {
                return Status::RegularizationLimit;
            }
            if self.update_barrier(memory, &mut progress) {
                memory.filter.clear();
            }
            self.compute_step(memory, progress.mu);
            let change = memory.scales.relative_step(&memory.step, &M::LIMITS);
            observe(&Iteration {
                iteration: self.stats.iterations,
                cost: memory.point.cost.total,
                stationarity: change,
                regularization: progress.regularization,
                step: progress.alpha,
            });
            let distance = if progress.barriers { progress.mu / progress.first } else { change };
            let last = distance <= LAST_BARRIER;
            if last || distance <= progress.identification {
                progress.identification = distance * IDENTIFICATION.1;
                if self.identify(memory, progress.first) {
                    return Status::Converged;
                }
            }
            if last {
                return Status::LineSearchFailed;
            }
            if self.stats.iterations >= most {
                return Status::IterationLimit;
            }
            if let Some(alpha) = self.search(memory, progress.mu) {
                progress.alpha = alpha;
                self.stats.iterations += 1;
                failures = 0;
                short = if alpha < SHORT_STEP { short + 1 } else { 0 };
                if short == SHORT_STEPS {
                    return Status::LineSearchFailed;
                }
            } else {
                failures += 1;
                if failures > 3 || !self.close_defects(memory) {
                    return Status::LineSearchFailed;
                }
            }
        }
    }

    /// The instance without penalties.
    fn instance(&self) -> OcpInstance<'_, M, f64, NU, NP, NS> {
        let SolveWorkspace { stage_params, bounds, penalty, .. } = &*self.memory;
        OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty }
    }

    fn barriers<'a>(&'a self, scales: &'a Scales<NX, NU>) -> Barriers<'a, NX, NU> {
        let horizon = self.memory.horizon();
        Barriers { limits: const { &M::LIMITS }, bounds: &self.memory.bounds, scales, horizon }
    }

    /// The first point: the guess with controls inside their bounds, slacks and multipliers.
    ///
    /// # Errors
    /// [`Status::Diverged`] where it is not finite, [`Status::RegularizationLimit`] where no step about it exists.
    fn begin(&mut self, memory: &mut InteriorPoint<NX, NU>) -> Result<Progress, Status> {
        let limits = const { &M::LIMITS };
        let instance = self.instance();
        let InteriorPoint { system, point, step, correction, scales, filter, .. } = memory;
        point.trajectory.copy_from(&self.memory.current.trajectory);
        if let Some((_, later)) = self.states.split_first() {
            point.trajectory.states[1..].copy_from_slice(later);
        }
        // Bounds that were there in the solve before may be open now.
        [&mut point.duals, &mut step.duals, &mut correction.duals].into_iter().for_each(Duals::clear);
        if !evaluate(&instance, point) {
            return Err(Status::Diverged);
        }
        // A step without barriers gives the magnitudes of the variables.
        let mut regularization = 0.0;
        let plain = |regularization| BarrierHessian { hessian: Hessian::GaussNewton, regularization, barriers: false };
        while let Err((_, singular)) = system.factorize(&instance, point, plain(regularization)) {
            regularization = f64::max(1e-6, 10.0 * regularization);
            if singular != Singular::Indefinite || regularization > 1e6 {
                return Err(Status::RegularizationLimit);
            }
        }
        memory.residuals.copy_from_slice(&point.trajectory.constraints);
        memory.defects.copy_from_slice(&point.defects);
        system.step(&instance, point, (0.0, false), (&memory.defects, &memory.residuals), step);
        scales.measure(point, step, system, (instance.bounds, limits));
        point.duals.costates.copy_from_slice(&step.duals.costates);
        place_inside(&instance, point, scales);
        if !evaluate(&instance, point) {
            return Err(Status::Diverged);
        }
        let horizon = point.horizon();
        for index in 0..point.slacks.len() {
            let scale = scales.row(limits, horizon, index);
            point.slacks[index] = (-point.trajectory.constraints[index]).max(FIRST_SLACK * scale);
            if ConstraintKind::of(limits, horizon, index) == ConstraintKind::Equality {
                point.duals.constraints[index] = step.duals.constraints[index];
            }
        }
        let barriers = self.barriers(scales);
        let count = barriers.iter().count();
        let mu = FIRST_BARRIER * scales.cost / f64::max(1.0, count as f64);
        barriers.set_multipliers(point, |distance, _| mu / distance);
        filter.begin(scales.violation(point, limits), scales.cost);
        Ok(Progress {
            mu,
            first: mu,
            regularization: 0.0,
            alpha: 0.0,
            barriers: count > 0,
            identification: IDENTIFICATION.0,
        })
    }

    /// Factorizes about the point: with the exact Hessian, then that of Gauss and Newton, then with more and more
    /// regularization. Returns whether one of them exists.
    fn factorize(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &mut Progress) -> bool {
        let instance = self.instance();
        let InteriorPoint { system, point, .. } = memory;
        let wanted = self.settings.hessian;
        let mut regularizations = 0;
        let mut attempt = |hessian, regularization| {
            let method = BarrierHessian { hessian, regularization, barriers: true };
            let outcome = system.factorize(&instance, point, method);
            regularizations += usize::from(outcome.is_err());
            outcome.map_err(|(_, singular)| singular)
        };
        let mut outcome = attempt(wanted, 0.0);
        if outcome.is_err() && wanted == Hessian::Exact {
            outcome = attempt(Hessian::GaussNewton, 0.0);
        }
        let mut regularization = f64::max(1e-6, progress.regularization / 8.0);
        while outcome == Err(Singular::Indefinite) && regularization <= 1e10 {
            outcome = attempt(Hessian::GaussNewton, regularization);
            progress.regularization = regularization;
            regularization *= 8.0;
        }
        self.stats.regularizations += regularizations;
        outcome.is_ok()
    }

    /// Lowers the barrier parameter after a step that was long enough. Returns whether it has changed.
    fn update_barrier(&self, memory: &InteriorPoint<NX, NU>, progress: &mut Progress) -> bool {
        if progress.alpha < 0.3 || !progress.barriers {
            return false;
        }
        let InteriorPoint { point, scales, .. } = memory;
        let barriers = self.barriers(scales);
        let (mut least, mut sum, mut count) = (f64::INFINITY, 0.0, 0.0);
        for barrier in barriers.iter() {
            let product = barriers.distance(barrier, point) * barrier.multiplier(&point.duals);
            least = least.min(product);
            sum += product;
            count += 1.0;
        }
        let average = sum / f64::max(1.0, count);
        let uniform = (least / average).min(1.0);
        let shrink = 0.1 * float::f64::powi(f64::min(0.05 * (1.0 - uniform) / uniform, 2.0), 3);
        let target = (shrink * average).max(0.02 * progress.mu).min(progress.mu);
        let target = target.max(0.5 * LAST_BARRIER * progress.first);
        let changed = target < progress.mu;
        progress.mu = target;
        changed
    }

    /// The step about the point for the barrier parameter.
    fn compute_step(&self, memory: &mut InteriorPoint<NX, NU>, mu: f64) {
        let instance = self.instance();
        let InteriorPoint { system, point, step, defects, residuals, .. } = memory;
        defects.copy_from_slice(&point.defects);
        for (index, residual) in residuals.iter_mut().enumerate() {
            *residual = point.residual(&M::LIMITS, index);
        }
        system.step(&instance, point, (mu, true), (defects, residuals), step);
    }

    /// A line search along the step. The point becomes the accepted one. Returns the length of the step; `None` where there is
    /// none.
    fn search(&mut self, memory: &mut InteriorPoint<NX, NU>, mu: f64) -> Option<f64> {
        let search = self.line_search(memory, mu);
        let (mut alpha, dual) = self.barriers(&memory.scales).longest_steps(&memory.point, &memory.step);
        for halving in 0..HALVINGS {
            self.stats.line_search_steps += 1;
            let InteriorPoint { point, step, trial, .. } = &mut *memory;
            take_step(const { &M::LIMITS }, point, step, (alpha, dual), trial);
            let (mut verdict, violation) = self.judge(memory, &search, alpha);
            if halving == 0 && verdict == Verdict::Rejected && violation >= search.from.violation {
                // The curvature of dynamics and constraints spoils a good step: correct it to second order.
                self.correct(memory, mu, alpha);
                (verdict, _) = self.judge(memory, &search, alpha);
            }
            let InteriorPoint { point, trial, scales, filter, .. } = &mut *memory;
            if verdict != Verdict::Rejected {
                if verdict == Verdict::Progress {
                    filter.add(search.from);
                }
                core::mem::swap(point, trial);
                self.barriers(scales).set_multipliers(point, |distance, multiplier| {
                    multiplier.clamp(COMPLEMENTARITY.0 * mu / distance, COMPLEMENTARITY.1 * mu / distance)
                });
                return Some(alpha);
            }
            alpha *= 0.5;
        }
        None
    }

    /// What a line search about the point compares with.
    fn line_search(&self, memory: &InteriorPoint<NX, NU>, mu: f64) -> LineSearch {
        let InteriorPoint { point, step, system, scales, .. } = memory;
        let BarrierPoint { duals, trajectory, cost, .. } = point;
        let sensitivity = duals.costates.iter().zip(&trajectory.states).map(|(l, x)| l.abs().dot(&x.abs())).sum();
        LineSearch {
            mu,
            from: self.merit(scales, point, mu),
            slope: self.barriers(scales).slope(point, step, system, mu),
            noise: cost.noise(point.horizon(), sensitivity),
        }
    }

    fn merit(&self, scales: &Scales<NX, NU>, point: &BarrierPoint<NX, NU>, mu: f64) -> Merit {
        let violation = scales.violation(point, const { &M::LIMITS });
        Merit { violation, cost: self.barriers(scales).cost(point, mu) }
    }

    /// Evaluates the trial point. Returns the filter's verdict on it and its violation, NaN where a number is not finite.
    fn judge(&self, memory: &mut InteriorPoint<NX, NU>, search: &LineSearch, alpha: f64) -> (Verdict, f64) {
        let InteriorPoint { trial, scales, filter, .. } = memory;
        if !evaluate(&self.instance(), trial) {
            return (Verdict::Rejected, f64::NAN);
        }
        let LineSearch { mu, from, slope, noise } = *search;
        let to = self.merit(scales, trial, mu);
        (filter.judge(from, to, Trial { alpha, slope, noise }), to.violation)
    }

    /// Corrects the step to second order, and takes it to the trial point (Waechter and Biegler 2006, section 2.4). On entry
    /// the trial point is that of the step of length `alpha`, whose residuals the correction needs.
    fn correct(&self, memory: &mut InteriorPoint<NX, NU>, mu: f64, alpha: f64) {
        let (limits, instance) = (const { &M::LIMITS }, self.instance());
        let InteriorPoint { system, point, trial, correction, defects, residuals, scales, .. } = memory;
        for (defect, new) in defects.iter_mut().zip(&trial.defects) {
            *defect = *defect * alpha + new;
        }
        for (index, residual) in residuals.iter_mut().enumerate() {
            *residual = *residual * alpha + trial.residual(limits, index);
        }
        system.step(&instance, point, (mu, true), (defects, residuals), correction);
        let lengths = self.barriers(scales).longest_steps(point, correction);
        take_step(limits, point, correction, lengths, trial);
    }

    /// Replaces the states by those of a rollout, so that the dynamics hold. Returns whether that lessens the violation; if
    /// not, the point has not changed.
    fn close_defects(&mut self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let instance = self.instance();
        let InteriorPoint { system, point, trial, scales, filter, .. } = memory;
        let before = scales.violation(point, &M::LIMITS);
        trial.copy_from(point);
        let reference = &point.trajectory;
        let law = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            *u += system.gain(t) * (x - reference.states[t]);
        };
        let (_, finite) = rollout(&instance, &reference.states[0], law, &mut trial.trajectory);
        if !finite {
            return false;
        }
        place_inside(&instance, trial, scales);
        if !evaluate(&instance, trial) || scales.violation(trial, &M::LIMITS) >= before {
            return false;
        }
        core::mem::swap(point, trial);
        filter.clear();
        true
    }

    /// Tries the active-set Newton method from the point. A limit is active if its multiplier is larger than its slack by a
    /// factor of [`ACTIVE`], both relative. True where it has converged.
    fn identify(&mut self, memory: &InteriorPoint<NX, NU>, unit: f64) -> bool {
        let Some(mut newton) = self.memory.active_set_newton.take() else { return false };
        let converged = ACTIVE.iter().any(|threshold| self.identify_from(memory, (unit, *threshold), &mut newton));
        self.memory.active_set_newton = Some(newton);
        converged
    }

    /// [`identify`](Self::identify) with one threshold; `unit` is a barrier parameter.
    fn identify_from(
        &mut self,
        memory: &InteriorPoint<NX, NU>,
        (unit, threshold): (f64, f64),
        newton: &mut NewtonWorkspace<NX, NU>,
    ) -> bool {
        let instance = self.instance();
        let InteriorPoint { point, scales, system, .. } = memory;
        let (barriers, horizon) = (self.barriers(scales), point.horizon());
        let is_active = |barrier| barriers.is_active(barrier, point, (unit, threshold));
        for (index, &multiplier) in point.duals.constraints.iter().enumerate() {
            let active = match ConstraintKind::of(const { &M::LIMITS }, horizon, index) {
                ConstraintKind::Inequality => is_active(Barrier::Slack(index)),
                kind => kind == ConstraintKind::Equality,
            };
            *newton.penalty.at_mut(index) = if active { multiplier } else { 0.0 };
        }
        let reference = &point.trajectory;
        newton.point.copy_from(reference);
        let law = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            *u += system.gain(t) * (x - reference.states[t]);
            for (i, side) in instance.bounds.sides().filter(|_| const { M::LIMITS.bounded }) {
                if is_active(Barrier::Bound { t, i, side }) {
                    u[i] = instance.bounds.at(side, i);
                }
            }
        };
        let (_, finite) = rollout(&instance, &reference.states[0], law, &mut newton.point);
        let largest = scales.rows.iter().copied().fold(0.0, f64::max);
        finite && self.newton_from(newton, 1e-6 * unit / (largest * largest))
    }
}
