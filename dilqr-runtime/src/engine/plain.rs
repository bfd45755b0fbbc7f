//! The engine of a [`Model`]: the algorithms as they are.

use alloc::boxed::Box;
#[cfg(feature = "std")]
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::certificate::Certificate;
use crate::differentiate::adjoint::{self, GradientMut};
use crate::differentiate::check::{KktParts, KktWorkspace};
#[cfg(feature = "dual")]
use crate::differentiate::hvp::{self, Direction};
#[cfg(feature = "dual")]
use crate::differentiate::unroll::{self, Start};
use crate::differentiate::{adjoint_gradient, forward};
#[cfg(feature = "std")]
use crate::engine::SolvedGradient;
#[cfg(feature = "dual")]
use crate::engine::UnrollFrom;
use crate::engine::controller::PlainController;
#[cfg(feature = "dual")]
use crate::engine::direct_loss::{Tilted, not_converged, perturbed};
use crate::engine::factorized_solve::solve_and_factorize;
use crate::engine::first_measurement::{FirstMeasurement, has_undetermined};
#[cfg(feature = "std")]
use crate::engine::plain_batch;
use crate::engine::{ArrivalRule, Engine, FirstEstimate, arrival};
use crate::error::{GradientError, SettingsError, SolveError};
use crate::estimate::ArrivalUpdate;
use crate::gradient::{Gradient, Jacobian, LossGradient};
use crate::iteration::Iteration;
use crate::kkt::Kkt;
use crate::kkt::linear::KktSystem;
use crate::kkt::report::LimitNames;
use crate::linalg::symmetric_eigen::eigenvalues;
use crate::model::Model;
use crate::problem::Problem;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::solve::workspace::SolveWorkspace;
use crate::stats::Stats;

/// A model with the memory to solve and to differentiate its problems.
#[derive(Clone, Debug)]
pub struct PlainEngine<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) model: M,
    /// On the heap, as the memory of derivatives: records of large models would fill the stack where a solver is moved.
    pub(crate) forward: Box<SolveWorkspace<NX, NU, NS>>,
    pub(crate) kkt: Box<KktWorkspace<NX, NU, NS>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> PlainEngine<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// With all memory for problems over `horizon` stages.
    #[must_use]
    pub fn new(model: M, horizon: usize) -> Self {
        let forward = Box::new(SolveWorkspace::new::<M, NP>(horizon));
        Self { model, forward, kkt: Box::new(KktWorkspace::new::<M, NP>(horizon)) }
    }

    /// Solves a problem that passed its check.
    pub(crate) fn solve_checked(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        observe: impl FnMut(&Iteration),
        solution: &mut Solution<NX, NU, NP, NS>,
    ) -> Result<(), SolveError> {
        self.forward.solve((&self.model, settings), problem, observe, solution, None)?;
        Ok(())
    }

    /// Checks a problem whose subproblems are to be solved.
    fn check_augmented(&mut self, problem: &Problem<NX, NU, NP, NS>) -> Result<(), SolveError> {
        if const { M::START.is_free() } {
            return Err(SolveError::AugmentedStart);
        }
        problem.check(&self.model, self.forward.horizon(), self.forward.constraint_memory())
    }

    /// The solution of a problem, checked, for the comparisons.
    #[cfg(feature = "dual")]
    fn solved(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<Solution<NX, NU, NP, NS>, GradientError> {
        if const { M::START.is_free() } {
            return Err(GradientError::UnrolledStart);
        }
        let inequalities = settings.relaxation.is_some() && const { !M::LIMITS.equalities() };
        if const { M::LIMITS.constrained() } && !inequalities {
            return Err(GradientError::UnrolledConstraints);
        }
        let mut solution = Solution::empty(self.horizon());
        self.solve(settings, problem, |_| {}, &mut solution)?;
        self.factorize(settings, &solution, Differentiation::Implicit)?;
        Ok(solution)
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Engine<NX, NU, NP, NS, 0>
    for PlainEngine<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    type Model = M;
    type Controller = PlainController<M, NX, NU, NP, NS>;

    fn model(&self) -> &M {
        &self.model
    }

    fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    fn horizon(&self) -> usize {
        self.forward.horizon()
    }

    fn solve(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        observe: impl FnMut(&Iteration),
        solution: &mut Solution<NX, NU, NP, NS>,
    ) -> Result<(), SolveError> {
        problem.check(&self.model, self.horizon(), self.forward.constraint_memory())?;
        self.solve_checked(settings, problem, observe, solution)
    }

    fn first_subproblem(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        weight: f64,
    ) -> Result<AugmentedLagrangian, SolveError> {
        self.check_augmented(problem)?;
        Ok(self.forward.first_subproblem((&self.model, settings), problem, weight)?)
    }

    fn solve_augmented(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        augmented: &AugmentedLagrangian,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) -> Result<(), SolveError> {
        self.check_augmented(problem)?;
        augmented.check(self.horizon(), const { &M::LIMITS })?;
        Ok(self.forward.solve_augmented((&self.model, settings), problem, augmented, solution)?)
    }

    fn solve_and_factorize(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) -> Result<Result<f64, GradientError>, SolveError> {
        problem.check(&self.model, self.horizon(), self.forward.constraint_memory())?;
        let Self { model, forward, kkt } = self;
        solve_and_factorize((model, settings), (&mut **forward, &mut **kkt), problem, solution)
    }

    fn factorize(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) -> Result<f64, GradientError> {
        self.kkt.load::<M, NP>(solution)?;
        self.kkt.factorize(&self.model, settings, solution, method)
    }

    fn vjp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        adjoint_gradient(&mut self.kkt, &self.model, params, loss)
    }

    fn jacobian(&mut self, params: &SVector<f64, NP>) -> Result<Jacobian<NX, NU, NP>, GradientError> {
        let KktParts { kkt, point, .. } = self.kkt.parts(params);
        forward::jacobian(kkt, &self.model, point).check()
    }

    fn stage_jacobian(
        &mut self,
        params: &SVector<f64, NP>,
        stage: usize,
    ) -> Result<Jacobian<NX, NU, NS>, GradientError> {
        let KktParts { kkt, point, .. } = self.kkt.parts(params);
        forward::stage_jacobian(kkt, &self.model, point, stage).check()
    }

    fn value_gradient(&mut self, params: &SVector<f64, NP>) -> Result<Gradient<NX, NP, NS>, GradientError> {
        if let Some(reason) = &self.kkt.cost {
            return Err(reason.clone());
        }
        let mut gradient = Gradient::with_weights(self.horizon(), self.model.weight_count());
        let KktParts { kkt, point, .. } = self.kkt.parts(params);
        let out = GradientMut::of(&mut gradient);
        gradient.initial_state = adjoint::value_gradient(kkt, &self.model, point, out);
        gradient.check()
    }

    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>], &SVector<f64, 0>) -> LossGradient<NX, NU>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        if let Some(reason) = &self.kkt.second_order {
            return Err(reason.clone());
        }
        let KktParts { kkt, point, .. } = self.kkt.parts(params);
        let loss_hessian = |dx: &[SVector<f64, NX>], du: &[SVector<f64, NU>]| loss_hessian(dx, du, &SVector::zeros());
        hvp::hvp(&self.model, (point, kkt), loss, direction, loss_hessian)
    }

    fn certificate(&self, stats: &Stats) -> Certificate {
        let kkt: &Kkt<f64, NX, NU> = &self.kkt.kkt;
        let curvatures = (0..kkt.horizon()).map(|t| eigenvalues(kkt.curvature(t)));
        let names = LimitNames::of::<M, NX, NU, NP, NS>(self.horizon());
        Certificate::new(stats, curvatures, &self.kkt.report, |stage, source| names.name(stage, source))
    }

    fn arrival(model: &M, params: &SVector<f64, NP>) -> Result<ArrivalRule<NX>, SettingsError> {
        arrival::rule(model, params)
    }

    fn params_of_next_window(
        &mut self,
        solution: &Solution<NX, NU, NP, NS>,
        rule: &ArrivalRule<NX>,
    ) -> (SVector<f64, NP>, ArrivalUpdate) {
        arrival::params_of_next_window(&self.model, rule.scale, solution)
    }

    fn first_estimate(
        model: &M,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<FirstEstimate<NX, 0>, SolveError> {
        problem.check_data(problem.horizon(), false, const { &M::LIMITS })?;
        first_estimate(model, settings, problem)
    }

    fn terminal_covariance(&mut self) -> SMatrix<f64, NX, NX> {
        arrival::terminal_covariance::<_, M, NX, NU, NP, NS>(&self.kkt.kkt)
    }

    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        loss: &LossGradient<NX, NU>,
        (from, iterations): (UnrollFrom, usize),
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        let solution = self.solved(settings, problem)?;
        let guess;
        let start = match from {
            UnrollFrom::Guess => {
                guess = self.forward.guess_of(&self.model, problem)?;
                Start { controls: &guess.0, states: &guess.1 }
            }
            UnrollFrom::Solution => Start { controls: &solution.controls, states: &solution.states },
        };
        unroll::vjp(&self.model, settings, &solution, loss, (start, iterations))
    }

    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
        loss: &LossGradient<NX, NU>,
        epsilon: f64,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.factorize(settings, solution, Differentiation::Implicit)?;
        let here = self.value_gradient(&solution.params)?;
        let mut tilted = PlainEngine::new(Tilted::new(&self.model, loss, epsilon), self.horizon());
        let mut moved = Solution::empty(self.horizon());
        let problem = perturbed(solution, const { M::START.is_free() });
        match &solution.augmented_lagrangian {
            Some(augmented) => tilted.solve_augmented(settings, &problem, augmented, &mut moved)?,
            None => tilted.solve(settings, &problem, |_| {}, &mut moved)?,
        }
        if !moved.status.is_converged() {
            return Err(not_converged(settings, &moved));
        }
        tilted.factorize(settings, &moved, Differentiation::Implicit)?;
        let there = tilted.value_gradient(&moved.params)?;
        ((there + here * -1.0) * (1.0 / epsilon)).check()
    }

    #[cfg(feature = "std")]
    fn solve_batch(
        model: &M,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS>, SolveError>> {
        plain_batch::solve(model, horizon, settings, problems)
    }

    #[cfg(feature = "std")]
    fn vjp_batch(
        model: &M,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS>],
        losses: &[LossGradient<NX, NU>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>> {
        plain_batch::vjp(model, settings, solutions, losses)
    }

    #[cfg(feature = "std")]
    fn solve_and_vjp_batch(
        model: &M,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, 0>> {
        plain_batch::solve_and_vjp(model, horizon, settings, problems, loss)
    }

    #[cfg(feature = "lanes")]
    fn solve_lanes(
        model: &M,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS>, SolveError>> {
        plain_batch::solve_lanes(model, horizon, settings, problems)
    }

    #[cfg(feature = "lanes")]
    fn vjp_lanes(
        model: &M,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS>],
        losses: &[LossGradient<NX, NU>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>> {
        plain_batch::vjp_lanes(model, settings, solutions, losses)
    }

    #[cfg(feature = "lanes")]
    fn solve_and_vjp_lanes(
        model: &M,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, 0>> {
        plain_batch::solve_and_vjp_lanes(model, horizon, settings, problems, loss)
    }
}

/// Checks the limits of a problem over one stage, whose stage parameters are those of the first measurement, and solves it from its
/// initial state. Its other data have passed their checks.
pub(super) fn first_estimate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: &Settings,
    problem: &Problem<NX, NU, NP, NS>,
) -> Result<FirstEstimate<NX, 0>, SolveError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut memory = vec![0.0; const { M::LIMITS.listed() + M::LIMITS.terminal() }];
    problem.check_limits(model, problem.horizon(), &mut memory)?;
    let found = solved(FirstMeasurement::<M, false>(model), settings, problem)?;
    let held = FirstMeasurement::<M, true>(model);
    match found.status.is_converged() || const { !has_undetermined(&M::START) } {
        true => Ok(found),
        false => solved(held, settings, problem),
    }
}

/// The estimate by one of the models.
fn solved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    settings: &Settings,
    problem: &Problem<NX, NU, NP, NS>,
) -> Result<FirstEstimate<NX, 0>, SolveError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut engine = PlainEngine::new(model, problem.horizon());
    let mut solution = Solution::empty(problem.horizon());
    engine.solve_checked(settings, problem, |_| {}, &mut solution)?;
    let covariance = match engine.factorize(settings, &solution, Differentiation::Implicit) {
        Ok(_) => engine.terminal_covariance(),
        Err(_) => SMatrix::repeat(f64::NAN),
    };
    let Solution { status, cause, stats, .. } = solution;
    let (state, cost) = match status.is_converged() {
        true => (solution.states[0], solution.cost),
        false => (*problem.x0(), f64::NAN),
    };
    Ok(FirstEstimate { state, design: SVector::zeros(), covariance, cost, status, cause, stats })
}
