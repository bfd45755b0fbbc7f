//! The engine of a lifted model: the plain engine of the model underneath, with conversions.

#[cfg(feature = "std")]
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::certificate::Certificate;
#[cfg(feature = "dual")]
use crate::differentiate::hvp::Direction;
#[cfg(feature = "std")]
use crate::engine::SolvedGradient;
#[cfg(feature = "dual")]
use crate::engine::UnrollFrom;
use crate::engine::lift::{self, Lift, Lifting};
use crate::engine::lifted_controller::LiftedController;
use crate::engine::plain::{PlainEngine, first_estimate};
use crate::engine::{ArrivalRule, Engine, FirstEstimate, arrival};
#[cfg(feature = "std")]
use crate::engine::{lifted_batch, plain_batch};
use crate::error::{GradientError, SettingsError, SolveError};
use crate::estimate::ArrivalUpdate;
use crate::gradient::{Gradient, Jacobian, LossGradient};
use crate::guess::Policy;
use crate::iteration::Iteration;
use crate::problem::Problem;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::stats::Stats;

/// A lifted model with the memory to solve and to differentiate its problems; `C` is the model underneath.
#[derive(Clone, Debug)]
pub struct LiftedEngine<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> {
    plain: PlainEngine<C, NZ, NW, NP, NS>,
    /// The problem underneath the last one.
    problem: Problem<NZ, NW, NP, NS>,
    /// The policy that its guess was made from, if it was.
    policy: Option<Policy<NX, NU>>,
    /// The solution underneath the last one that was found or differentiated.
    solution: Solution<NZ, NW, NP, NS>,
}

impl<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> LiftedEngine<C, NX, NU, NP, NS, ND, NZ, NW>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    const LIFTING: Lifting<NX, NU, NP, NS, ND, NZ, NW> = Lifting::of::<C>();

    /// With all memory for problems over `horizon` stages.
    #[must_use]
    pub fn new(lifted: C, horizon: usize) -> Self {
        Self {
            plain: PlainEngine::new(lifted, horizon),
            problem: Problem::new(SVector::zeros(), SVector::zeros(), horizon),
            policy: None,
            solution: Solution::empty(horizon),
        }
    }

    /// Checks the data of a problem, and loads the problem underneath.
    fn load(&mut self, problem: &Problem<NX, NU, NP, NS, ND>) -> Result<(), SolveError> {
        let horizon = self.plain.horizon();
        lift::check::<C, NX, NU, NP, NS, ND, NZ, NW>(problem, horizon)?;
        Self::LIFTING.problem(problem, &mut self.problem, &mut self.policy);
        let memory = self.plain.forward.constraint_memory();
        self.problem.check_limits(&self.plain.model, horizon, memory)
    }
}

impl<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> Engine<NX, NU, NP, NS, ND> for LiftedEngine<C, NX, NU, NP, NS, ND, NZ, NW>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    type Model = C::Model;
    type Controller = LiftedController<C, NX, NU, NP, NS, ND, NZ, NW>;

    fn model(&self) -> &C::Model {
        self.plain.model.model()
    }

    fn model_mut(&mut self) -> &mut C::Model {
        self.plain.model.model_mut()
    }

    fn horizon(&self) -> usize {
        self.plain.horizon()
    }

    fn solve(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        observe: impl FnMut(&Iteration),
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<(), SolveError> {
        self.load(problem)?;
        self.plain.solve_checked(settings, &self.problem, observe, &mut self.solution)?;
        Self::LIFTING.solution(&self.solution, problem.previous, solution);
        Ok(())
    }

    fn first_subproblem(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        weight: f64,
    ) -> Result<AugmentedLagrangian, SolveError> {
        self.load(problem)?;
        self.plain.first_subproblem(settings, &self.problem, weight)
    }

    fn solve_augmented(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        augmented: &AugmentedLagrangian,
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<(), SolveError> {
        self.load(problem)?;
        self.plain.solve_augmented(settings, &self.problem, augmented, &mut self.solution)?;
        Self::LIFTING.solution(&self.solution, problem.previous, solution);
        Ok(())
    }

    fn solve_and_factorize(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<Result<f64, GradientError>, SolveError> {
        self.load(problem)?;
        let step = self.plain.solve_and_factorize(settings, &self.problem, &mut self.solution)?;
        Self::LIFTING.solution(&self.solution, problem.previous, solution);
        Ok(step)
    }

    fn factorize(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS, ND>,
        method: Differentiation,
    ) -> Result<f64, GradientError> {
        Self::LIFTING.solution_underneath(solution, &mut self.solution);
        self.plain.factorize(settings, &self.solution, method)
    }

    fn vjp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        Self::LIFTING.gradient(self.plain.vjp(params, &Self::LIFTING.loss(loss)))
    }

    fn jacobian(&mut self, params: &SVector<f64, NP>) -> Result<Jacobian<NX, NU, NP, ND>, GradientError> {
        self.plain.jacobian(params).map(|found| Self::LIFTING.jacobian(&found))
    }

    fn stage_jacobian(
        &mut self,
        params: &SVector<f64, NP>,
        stage: usize,
    ) -> Result<Jacobian<NX, NU, NS, ND>, GradientError> {
        self.plain.stage_jacobian(params, stage).map(|found| Self::LIFTING.jacobian(&found))
    }

    fn value_gradient(&mut self, params: &SVector<f64, NP>) -> Result<Gradient<NX, NP, NS>, GradientError> {
        Self::LIFTING.gradient(self.plain.value_gradient(params))
    }

    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU, ND>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>], &SVector<f64, ND>) -> LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        let Direction { params: dp, initial_state, stage_params } = direction;
        let lifted = Direction {
            params: *dp,
            initial_state: Self::LIFTING.state(initial_state, &SVector::zeros(), &SVector::zeros(), &[]),
            stage_params: stage_params.clone(),
        };
        let product = |dz: &[SVector<f64, NZ>], dw: &[SVector<f64, NW>], _: &SVector<f64, 0>| {
            let dx: Vec<_> = dz.iter().map(|dz| Self::LIFTING.model_state(dz)).collect();
            let du: Vec<_> = dw.iter().map(|dw| Self::LIFTING.model_control(dw)).collect();
            Self::LIFTING.loss(&loss_hessian(&dx, &du, &Self::LIFTING.design(&dz[0])))
        };
        Self::LIFTING.gradient(self.plain.hvp(params, &Self::LIFTING.loss(loss), &lifted, product))
    }

    fn certificate(&self, stats: &Stats) -> Certificate {
        self.plain.certificate(stats)
    }

    fn arrival(model: &C::Model, params: &SVector<f64, NP>) -> Result<ArrivalRule<NX>, SettingsError> {
        let ArrivalRule { scale, mean } = arrival::rule(&C::new(model.clone()), params)?;
        Ok(ArrivalRule { scale, mean: Self::LIFTING.model_state(&mean) })
    }

    fn params_of_next_window(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        rule: &ArrivalRule<NX>,
    ) -> (SVector<f64, NP>, ArrivalUpdate) {
        Self::LIFTING.solution_underneath(solution, &mut self.solution);
        arrival::params_of_next_window(&self.plain.model, rule.scale, &self.solution)
    }

    fn first_estimate(
        model: &C::Model,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
    ) -> Result<FirstEstimate<NX, ND>, SolveError> {
        let horizon = problem.horizon();
        lift::check::<C, NX, NU, NP, NS, ND, NZ, NW>(problem, horizon)?;
        let mut lifted = Problem::new(SVector::zeros(), SVector::zeros(), horizon);
        Self::LIFTING.problem(problem, &mut lifted, &mut None);
        let found = first_estimate(&C::new(model.clone()), settings, &lifted)?;
        let FirstEstimate { state, covariance, cost, status, cause, stats, .. } = found;
        Ok(FirstEstimate {
            state: Self::LIFTING.model_state(&state),
            design: Self::LIFTING.design(&state),
            covariance: covariance.fixed_view::<NX, NX>(0, 0).into_owned(),
            cost,
            status,
            cause: cause.map(|cause| Self::LIFTING.cause(cause)),
            stats,
        })
    }

    fn terminal_covariance(&mut self) -> SMatrix<f64, NX, NX> {
        self.plain.terminal_covariance().fixed_view::<NX, NX>(0, 0).into_owned()
    }

    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        steps: (UnrollFrom, usize),
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.load(problem)?;
        Self::LIFTING.gradient(self.plain.unrolled(settings, &self.problem, &Self::LIFTING.loss(loss), steps))
    }

    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        epsilon: f64,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        Self::LIFTING.solution_underneath(solution, &mut self.solution);
        let loss = Self::LIFTING.loss(loss);
        Self::LIFTING.gradient(self.plain.direct_loss(settings, &self.solution, &loss, epsilon))
    }

    #[cfg(feature = "std")]
    fn solve_batch(
        model: &C::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>> {
        lifted_batch::solve::<C, NX, NU, NP, NS, ND, NZ, NW>(model, horizon, problems, |core, lifted| {
            plain_batch::solve(core, horizon, settings, lifted)
        })
    }

    #[cfg(feature = "std")]
    fn vjp_batch(
        model: &C::Model,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS, ND>],
        losses: &[LossGradient<NX, NU, ND>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>> {
        lifted_batch::vjp::<C, NX, NU, NP, NS, ND, NZ, NW>(model, solutions, losses, |core, lifted, losses| {
            plain_batch::vjp(core, settings, lifted, losses)
        })
    }

    #[cfg(feature = "std")]
    fn solve_and_vjp_batch(
        model: &C::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, ND>> {
        lifted_batch::solve_and_vjp::<C, NX, NU, NP, NS, ND, NZ, NW>(
            model,
            horizon,
            problems,
            loss,
            |core, lifted, loss| plain_batch::solve_and_vjp(core, horizon, settings, lifted, loss),
        )
    }

    #[cfg(feature = "lanes")]
    fn solve_lanes(
        model: &C::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>> {
        lifted_batch::solve::<C, NX, NU, NP, NS, ND, NZ, NW>(model, horizon, problems, |core, lifted| {
            plain_batch::solve_lanes(core, horizon, settings, lifted)
        })
    }

    #[cfg(feature = "lanes")]
    fn vjp_lanes(
        model: &C::Model,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS, ND>],
        losses: &[LossGradient<NX, NU, ND>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>> {
        lifted_batch::vjp::<C, NX, NU, NP, NS, ND, NZ, NW>(model, solutions, losses, |core, lifted, losses| {
            plain_batch::vjp_lanes(core, settings, lifted, losses)
        })
    }

    #[cfg(feature = "lanes")]
    fn solve_and_vjp_lanes(
        model: &C::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, ND>> {
        lifted_batch::solve_and_vjp::<C, NX, NU, NP, NS, ND, NZ, NW>(
            model,
            horizon,
            problems,
            loss,
            |core, lifted, loss| plain_batch::solve_and_vjp_lanes(core, horizon, settings, lifted, loss),
        )
    }
}
