//! The line search of the interior-point method.

use crate::model::Model;
use crate::ocp::barrier_point::BarrierPoint;
use crate::ocp::rollout::rollout;
use crate::solve::interior_point::filter::{Merit, Trial, Verdict};
use crate::solve::interior_point::iterate::{evaluate, place_inside, take_step};
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::{Progress, StepKind};
use crate::solve::workspace::Solve;

/// The least and the largest product of slack and multiplier, over the barrier parameter (Waechter and Biegler 2006, equation
/// 16). So the Hessian of the barriers stays near that of the barrier problem.
const COMPLEMENTARITY: (f64, f64) = (1e-10, 1e10);

/// Halvings of a step.
const HALVINGS: usize = 30;

/// What a line search compares trial points with.
#[derive(Clone, Copy, Debug)]
struct LineSearch {
    from: Merit,
    /// The derivative of the cost with barriers along the step, and the rounding error of the cost.
    slope: f64,
    noise: f64,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// A line search along the step. The point becomes the accepted one. Returns the length of the step and the violation
    /// of the point; `None` where there is no such step.
    pub(super) fn search(&mut self, memory: &mut InteriorPoint<NX, NU>, progress: &Progress) -> Option<(f64, f64)> {
        let search = self.line_search(memory, progress);
        let InteriorPoint { kinds, scales, point, step, .. } = &*memory;
        let (mut alpha, dual) = self.barriers((kinds, scales), progress.elastic).longest_steps(point, step);
        for halving in 0..HALVINGS {
            self.stats.line_search_steps += 1;
            let InteriorPoint { kinds, point, step, trial, .. } = &mut *memory;
            take_step(kinds, point, step, (alpha, dual), trial);
            let (mut verdict, mut violation) = self.judge(memory, (&search, progress), alpha);
            if halving == 0 && verdict == Verdict::Rejected && violation >= search.from.violation {
                // The curvature of dynamics and constraints spoils a good step: correct it to second order.
                self.correct(memory, progress, alpha);
                (verdict, violation) = self.judge(memory, (&search, progress), alpha);
            }
            let InteriorPoint { kinds, point, trial, scales, filter, .. } = &mut *memory;
            if verdict != Verdict::Rejected {
                if verdict == Verdict::Progress {
                    filter.add(search.from);
                }
                core::mem::swap(point, trial);
                let (least, most) = (COMPLEMENTARITY.0 * progress.mu, COMPLEMENTARITY.1 * progress.mu);
                let near = |distance: f64, multiplier: f64| multiplier.clamp(least / distance, most / distance);
                self.barriers((kinds, scales), progress.elastic).set_multipliers(point, near);
                return Some((alpha, violation));
            }
            alpha *= 0.5;
        }
        None
    }

    /// What a line search about the point compares with.
    fn line_search(&self, memory: &InteriorPoint<NX, NU>, progress: &Progress) -> LineSearch {
        let InteriorPoint { point, step, system, scales, kinds, .. } = memory;
        let BarrierPoint { duals, trajectory, cost, .. } = point;
        let sensitivity = duals.costates.iter().zip(&trajectory.states).map(|(l, x)| l.abs().dot(&x.abs())).sum();
        let barriers = self.barriers((kinds, scales), progress.elastic);
        LineSearch {
            from: Merit { violation: scales.violation(point, kinds), cost: barriers.cost(point, progress.mu) },
            slope: barriers.slope(point, step, system, progress.mu),
            noise: cost.noise(point.horizon(), sensitivity),
        }
    }

    /// Evaluates the trial point. Returns the filter's verdict on it and its violation, NaN where a number is not finite.
    fn judge(
        &self,
        memory: &mut InteriorPoint<NX, NU>,
        (search, progress): (&LineSearch, &Progress),
        alpha: f64,
    ) -> (Verdict, f64) {
        let InteriorPoint { trial, scales, filter, kinds, .. } = memory;
        if !evaluate(&self.instance(), trial) {
            return (Verdict::Rejected, f64::NAN);
        }
        let LineSearch { from, slope, noise } = *search;
        let barriers = self.barriers((kinds, scales), progress.elastic);
        let to = Merit { violation: scales.violation(trial, kinds), cost: barriers.cost(trial, progress.mu) };
        (filter.judge(from, to, Trial { alpha, slope, noise }), to.violation)
    }

    /// Corrects the step to second order, and takes it to the trial point (Waechter and Biegler 2006, section 2.4). On entry
    /// the trial point is that of the step of length `alpha`, whose residuals the correction needs.
    fn correct(&self, memory: &mut InteriorPoint<NX, NU>, progress: &Progress, alpha: f64) {
        let InteriorPoint { trial, bases, residuals, kinds, .. } = memory;
        for (defect, new) in bases.defects.iter_mut().zip(&trial.defects) {
            *defect = *defect * alpha + new;
        }
        for (index, residual) in residuals.iter_mut().enumerate() {
            *residual = *residual * alpha + trial.residual(kinds, index);
        }
        self.solve_step(memory, progress, StepKind::Correction);
        let InteriorPoint { kinds, scales, point, correction, trial, .. } = memory;
        let lengths = self.barriers((kinds, scales), progress.elastic).longest_steps(point, correction);
        take_step(kinds, point, correction, lengths, trial);
    }

    /// Replaces the states by those of a rollout, so that the dynamics hold. Returns whether that lessens the violation; if
    /// not, the point has not changed.
    pub(super) fn close_defects(&mut self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let instance = self.instance();
        let InteriorPoint { system, point, trial, scales, filter, kinds, .. } = memory;
        let before = scales.violation(point, kinds);
        trial.copy_from(point);
        let states = &point.trajectory.states;
        let (_, finite) = rollout(&instance, &states[0], system.feedback(states), &mut trial.trajectory);
        if !finite {
            return false;
        }
        place_inside(&instance, trial, scales);
        if !evaluate(&instance, trial) || scales.violation(trial, kinds) >= before {
            return false;
        }
        core::mem::swap(point, trial);
        filter.clear();
        true
    }
}
