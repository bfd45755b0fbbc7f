//! What is behind the objects that users call: one engine for each kind of model.
//!
//! * [`plain`]: a [`Model`](crate::Model) itself. Its functions are the algorithms of [`solve`](crate::solve) and
//!   [`differentiate`](crate::differentiate).
//! * [`lifted`]: a model with design variables, soft constraints or a previous control. It is a model with more states and
//!   controls underneath ([`lift`]), and its engine converts problems and results.
//!
//! [`Engine`] serves single problems and batches, [`Controller`] the receding horizon.

mod arrival;
pub(crate) mod controller;
#[cfg(feature = "dual")]
pub(crate) mod direct_loss;
mod dropped_stage;
mod factorized_solve;
mod first_measurement;
pub(crate) mod lift;
pub(crate) mod lifted;
#[cfg(feature = "std")]
mod lifted_batch;
mod lifted_controller;
#[cfg(feature = "std")]
pub(crate) mod parallel;
pub(crate) mod plain;
#[cfg(feature = "std")]
pub(crate) mod plain_batch;
#[cfg(feature = "lanes")]
mod solved_lanes;

#[cfg(feature = "std")]
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::cause::Cause;
use crate::certificate::Certificate;
#[cfg(feature = "dual")]
use crate::differentiate::hvp::Direction;
use crate::error::{GradientError, SettingsError, SolveError};
use crate::estimate::ArrivalUpdate;
use crate::gradient::{Gradient, Jacobian, LossGradient};
use crate::iteration::Iteration;
use crate::mpc_step::MpcStep;
use crate::problem::Problem;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::stats::Stats;
use crate::status::Status;

/// Where unrolled steps start.
#[cfg(feature = "dual")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnrollFrom {
    /// At the guess of the problem.
    Guess,
    /// At the solution.
    Solution,
}

/// The outcomes of a solve with a gradient.
#[cfg(feature = "std")]
pub(crate) type SolvedGradient<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> =
    Result<(Solution<NX, NU, NP, NS, ND>, Result<Gradient<NX, NP, NS>, GradientError>), SolveError>;

/// How the arrival cost of an estimator moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrivalRule<const NX: usize> {
    /// The constant between the cost's Hessian and the information; `None` where the initial cost stays as it is.
    pub scale: Option<f64>,
    /// The first mean; zero without one.
    pub mean: SVector<f64, NX>,
}

/// The estimate from a first measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstEstimate<const NX: usize, const ND: usize> {
    /// The state.
    pub state: SVector<f64, NX>,
    /// The design variables.
    pub design: SVector<f64, ND>,
    /// The covariance of the state.
    pub covariance: SMatrix<f64, NX, NX>,
    /// The sum of terminal and initial cost.
    pub cost: f64,
    /// How the solve ended. Without success the state is the guess, and the other numbers are NaN.
    pub status: Status,
    /// Why and where.
    pub cause: Option<Cause>,
    /// Counts of the solve.
    pub stats: Stats,
}

/// Solves and differentiates the problems of one model over one horizon. It holds model, memory and the last factorization.
///
/// Methods for derivatives refer to that factorization; `params` are those of its solution. Losses and directions have passed
/// their checks.
pub trait Engine<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>: Sized {
    /// The user's model.
    type Model;

    /// Its controller.
    type Controller: Controller<NX, NU, NP, NS, ND, Model = Self::Model>;

    /// The model.
    fn model(&self) -> &Self::Model;

    /// The model, to be changed.
    fn model_mut(&mut self) -> &mut Self::Model;

    /// `T`, the number of controls.
    fn horizon(&self) -> usize;

    /// Checks and solves a problem. On an error `solution` is untouched.
    fn solve(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        observe: impl FnMut(&Iteration),
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<(), SolveError>;

    /// A first subproblem of the augmented Lagrangian method, about the guess of a problem, with a weight without unit.
    fn first_subproblem(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        weight: f64,
    ) -> Result<AugmentedLagrangian, SolveError>;

    /// Checks and solves a subproblem of the augmented Lagrangian method. On an error `solution` is untouched.
    fn solve_augmented(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        augmented: &AugmentedLagrangian,
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<(), SolveError>;

    /// Checks and solves a problem, and factorizes the optimality conditions about the solution: the relative Newton step, or
    /// why there is no factorization.
    fn solve_and_factorize(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<Result<f64, GradientError>, SolveError>;

    /// Checks a solution and factorizes the optimality conditions about it: the relative Newton step.
    fn factorize(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS, ND>,
        method: Differentiation,
    ) -> Result<f64, GradientError>;

    /// The gradient of a loss.
    fn vjp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>;

    /// The derivative of the trajectory in the parameters.
    fn jacobian(&mut self, params: &SVector<f64, NP>) -> Result<Jacobian<NX, NU, NP, ND>, GradientError>;

    /// The derivative of the trajectory in the parameters of a stage within the horizon.
    fn stage_jacobian(
        &mut self,
        params: &SVector<f64, NP>,
        stage: usize,
    ) -> Result<Jacobian<NX, NU, NS, ND>, GradientError>;

    /// The gradient of the optimal cost.
    fn value_gradient(&mut self, params: &SVector<f64, NP>) -> Result<Gradient<NX, NP, NS>, GradientError>;

    /// The product of a loss's Hessian with a direction. `loss_hessian` gets the derivative of states, controls and design.
    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        params: &SVector<f64, NP>,
        loss: &LossGradient<NX, NU, ND>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>], &SVector<f64, ND>) -> LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>;

    /// The certificate of the factorized solution, with the counts of its solve.
    fn certificate(&self, stats: &Stats) -> Certificate;

    /// How moving-horizon estimation moves the arrival cost of problems with these parameters.
    ///
    /// # Errors
    /// For a model whose initial state is given, or whose initial cost is no quadratic form of its mean and information.
    fn arrival(model: &Self::Model, params: &SVector<f64, NP>) -> Result<ArrivalRule<NX>, SettingsError>;

    /// The parameters of the window that begins one stage after a solution, and how its arrival cost came to be.
    fn params_of_next_window(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        rule: &ArrivalRule<NX>,
    ) -> (SVector<f64, NP>, ArrivalUpdate);

    /// Checks a problem over one stage, and finds what a first measurement and the arrival cost determine, from its initial state.
    fn first_estimate(
        model: &Self::Model,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
    ) -> Result<FirstEstimate<NX, ND>, SolveError>;

    /// The inverse Hessian of the optimal cost in the terminal state, of the factorized solution.
    fn terminal_covariance(&mut self) -> SMatrix<f64, NX, NX>;

    /// The gradient through a number of steps.
    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        steps: (UnrollFrom, usize),
    ) -> Result<Gradient<NX, NP, NS>, GradientError>;

    /// The direct loss gradient at a solution.
    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        epsilon: f64,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>;

    /// [`batch::solve`](crate::batch::solve), with settings that are in range.
    #[cfg(feature = "std")]
    fn solve_batch(
        model: &Self::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>;

    /// [`batch::vjp`](crate::batch::vjp), for lists of one length.
    #[cfg(feature = "std")]
    fn vjp_batch(
        model: &Self::Model,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS, ND>],
        losses: &[LossGradient<NX, NU, ND>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>;

    /// [`batch::solve_and_vjp`](crate::batch::solve_and_vjp), with settings that are in range.
    #[cfg(feature = "std")]
    fn solve_and_vjp_batch(
        model: &Self::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, ND>>;

    /// [`batch::solve_lanes`](crate::batch::solve_lanes), with settings that are in range.
    #[cfg(feature = "lanes")]
    fn solve_lanes(
        model: &Self::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>;

    /// [`batch::vjp_lanes`](crate::batch::vjp_lanes), for lists of one length.
    #[cfg(feature = "lanes")]
    fn vjp_lanes(
        model: &Self::Model,
        settings: &Settings,
        solutions: &[Solution<NX, NU, NP, NS, ND>],
        losses: &[LossGradient<NX, NU, ND>],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>;

    /// [`batch::solve_and_vjp_lanes`](crate::batch::solve_and_vjp_lanes), with settings that are in range.
    #[cfg(feature = "lanes")]
    fn solve_and_vjp_lanes(
        model: &Self::Model,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
        loss: impl Fn(usize, &Solution<NX, NU, NP, NS, ND>) -> LossGradient<NX, NU, ND> + Sync,
    ) -> Vec<SolvedGradient<NX, NU, NP, NS, ND>>;
}

/// A controller with a receding horizon: what [`Mpc`](crate::Mpc) calls, and where its methods are described.
pub trait Controller<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>:
    Sized
{
    /// The user's model.
    type Model;

    /// A controller without a plan, for settings that are in range.
    fn new(model: Self::Model, params: SVector<f64, NP>, horizon: usize, settings: Settings) -> Self;

    /// The control for a measured state.
    fn step(&mut self, x: SVector<f64, NX>) -> Result<MpcStep<NX, NU>, SolveError>;

    /// Shifts the plan by one stage.
    fn advance(&mut self);

    /// Sets the control that was applied last.
    fn set_previous(&mut self, previous: SVector<f64, NU>);

    /// Sets the guess of the design.
    fn set_design(&mut self, design: SVector<f64, ND>);

    /// Sets the parameters.
    fn set_params(&mut self, params: SVector<f64, NP>);

    /// The parameters.
    fn params(&self) -> &SVector<f64, NP>;

    /// Sets the stage parameters.
    fn set_stage_params(&mut self, stage_params: impl Iterator<Item = SVector<f64, NS>>);

    /// The plan of the last step.
    fn plan(&self) -> Option<&Solution<NX, NU, NP, NS, ND>>;

    /// Starts anew from a solution.
    fn start_from(&mut self, solution: &Solution<NX, NU, NP, NS, ND>) -> Result<(), SolveError>;

    /// Drops the plan.
    fn reset(&mut self);

    /// The model.
    fn model(&self) -> &Self::Model;

    /// The model, to be changed.
    fn model_mut(&mut self) -> &mut Self::Model;

    /// `T`.
    fn horizon(&self) -> usize;

    /// The settings.
    fn settings(&self) -> &Settings;
}
