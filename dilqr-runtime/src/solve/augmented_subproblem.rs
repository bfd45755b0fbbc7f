//! Subproblems of the augmented Lagrangian method as problems of their own: multipliers and weights are given.

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::error::InputError;
use crate::kkt::penalties::{Penalties, PenaltyLaw};
use crate::kkt::report::ActiveSetRule;
use crate::model::Model;
use crate::multipliers::Multipliers;
use crate::ocp::constraints::ConstraintPlace;
use crate::ocp::penalty::{MultipliersRef, PenaltyKind, set_weights};
use crate::ocp::trajectory::TrajectoryRef;
use crate::problem::Problem;
use crate::settings::{Differentiation, Hessian, Settings};
use crate::solution::Solution;
use crate::solve::backward_pass::BackwardPass;
use crate::solve::newton_workspace::NewtonWorkspace;
use crate::solve::workspace::{Solve, SolveWorkspace};
use crate::status::Status;

impl<const NX: usize, const NU: usize, const NS: usize> SolveWorkspace<NX, NU, NS> {
    /// Solves a subproblem that passed its check, and writes all fields of `solution`. On an error, which is that of a policy,
    /// `solution` is unchanged.
    pub(crate) fn solve_augmented<M, const NP: usize>(
        &mut self,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
        augmented: &AugmentedLagrangian,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) -> Result<(), InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let settings = &Settings { relaxation: None, ..*settings };
        self.load_subproblem((model, problem), augmented)?;
        let mut solve = Solve::new((model, settings), problem, self);
        let status = match solve.memory.current.is_finite() {
            true => solve.minimize(settings.tolerance, &mut |_| {}),
            false => Status::Diverged,
        };
        if const { M::LIMITS.constrained() } && solve.memory.current.is_finite() {
            // About the trajectory that was found, not about the guess of its states.
            solve.states = &[];
            solve.measure_units();
            solve.record_violation();
        }
        let stats = solve.stats;
        if status == Status::Converged && settings.hessian == Hessian::GaussNewton {
            self.curve_exactly(model, problem.params());
        }
        self.finish((model, settings), (status, stats), problem, solution);
        self.write_slopes::<M, NP>(&mut solution.multipliers);
        if status == Status::Converged {
            self.refine_multipliers(model, augmented, solution);
        }
        solution.augmented_lagrangian = Some(augmented.clone());
        Ok(())
    }

    /// Replaces the multipliers `m + w c` of a solution by those of one more Newton step, which leaves the trajectory where it is. Next
    /// to a large weight an error of the trajectory that is within its tolerance is a large one of the slope.
    fn refine_multipliers<M, const NP: usize>(
        &mut self,
        model: &M,
        augmented: &AugmentedLagrangian,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let Some(NewtonWorkspace { system, linear, new_multipliers, report, .. }) = &mut self.active_set_newton else {
            return;
        };
        let Solution { states, controls, params, stage_params, multipliers, .. } = solution;
        let Multipliers { stage, terminal } = &*multipliers;
        let (count, multipliers) = (stage.len(), MultipliersRef { stage, terminal });
        new_multipliers[..count].copy_from_slice(stage);
        new_multipliers[count..].copy_from_slice(terminal);
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        system.penalties = Some(Penalties::new(PenaltyLaw::Augmented(augmented), controls.len(), const { &M::LIMITS }));
        let rule = (Differentiation::Implicit, ActiveSetRule::PositiveMultiplier);
        let factorized = system.factorize(model, point, rule, report).is_ok();
        if factorized {
            system.step_multipliers(linear, new_multipliers);
        }
        system.penalties = None;
        if !factorized || !new_multipliers.iter().all(|multiplier| multiplier.is_finite()) {
            return;
        }
        let (limits, horizon) = (const { &M::LIMITS }, controls.len());
        for (index, (own, refined)) in solution.multipliers.iter_mut().zip(new_multipliers).enumerate() {
            let inequality = ConstraintPlace::of(limits, horizon, index).inequality;
            *own = if inequality { refined.max(0.0) } else { *refined };
        }
    }

    /// A subproblem with the multipliers of the problem's warm start, or none. Its weights are this multiple of the unit of the cost
    /// over the square of each constraint's magnitude, about the guess.
    pub(crate) fn first_subproblem<M, const NP: usize>(
        &mut self,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
        weight: f64,
    ) -> Result<AugmentedLagrangian, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (stage, terminal) = const { (M::LIMITS.listed(), M::LIMITS.terminal()) };
        let none = || Multipliers::zeros(self.horizon(), stage, terminal);
        let multipliers = problem.multipliers().cloned().unwrap_or_else(none);
        let mut augmented = AugmentedLagrangian { multipliers, weights: vec![1.0; stage + terminal] };
        if augmented.weights.is_empty() {
            return Ok(augmented);
        }
        self.load_subproblem((model, problem), &augmented)?;
        let (unit, _) = Solve::new((model, settings), problem, self).measure_units();
        set_weights(&mut augmented.weights, weight * unit, &self.rows);
        Ok(augmented)
    }

    /// Loads a problem with these penalties, and its first trajectory. An error is that of a policy.
    fn load_subproblem<M, const NP: usize>(
        &mut self,
        (model, problem): (&M, &Problem<NX, NU, NP, NS>),
        AugmentedLagrangian { multipliers, weights }: &AugmentedLagrangian,
    ) -> Result<(), InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.load_problem(model, problem);
        self.rows.fill(1.0);
        self.penalty.kind = PenaltyKind::Augmented;
        self.penalty.weights.copy_from_slice(weights);
        self.penalty.stage.copy_from_slice(&multipliers.stage);
        self.penalty.terminal.copy_from_slice(&multipliers.terminal);
        self.current.cost = self.start(model, problem)?;
        self.current.pass = BackwardPass::NONE;
        Ok(())
    }

    /// Writes the slopes of the penalties along the current trajectory; zero for constraints that are not enforced.
    fn write_slopes<M, const NP: usize>(&mut self, multipliers: &mut Multipliers)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (limits, horizon) = (const { &M::LIMITS }, self.horizon());
        let Self { current, penalty, .. } = self;
        for ((index, slope), &c) in multipliers.iter_mut().enumerate().zip(&current.trajectory.constraints) {
            let place = ConstraintPlace::of(limits, horizon, index);
            let multiplier = *penalty.at_mut(index);
            let term = || penalty.term(place.row(limits, horizon), place.inequality, c, multiplier);
            *slope = if place.enforced { term().slope } else { 0.0 };
        }
    }
}
