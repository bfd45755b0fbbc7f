//! What an implicit function is, and what finds and differentiates it.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::error::{GradientError, SolveError};
use crate::implicit::certificate::Certificate;
use crate::implicit::settings::{Iteration, Settings};
use crate::implicit::solution::Solution;
use crate::model::Model;

/// A function `y(p)` that an equation or a minimum defines. The attribute `implicit` implements it.
///
/// It is a [`Model`] of one stage: the unknowns are its control, equations its next state, an objective its stage cost. A minimum
/// has no state (`NX = 0`), equations have one entry for each unknown (`NX = NY`). They do not depend on the state.
pub trait ImplicitFunction<const NX: usize, const NY: usize, const NP: usize>: Model<NX, NY, NP> + Sized {
    /// What finds and differentiates it: [`Minimizer`](crate::implicit::Minimizer) or
    /// [`RootFinder`](crate::implicit::RootFinder).
    type Engine: ImplicitEngine<Self, NY, NP>;

    /// Whether the equations are `y - map(y, p)`.
    const IS_MAP: bool = false;
}

/// The gradient of a loss on the unknowns.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<const NP: usize> {
    /// In the parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// In the weights of networks, one network after another.
    pub weights: Vec<f64>,
}

impl<const NP: usize> Gradient<NP> {
    /// Zeros, for so many weights.
    #[must_use]
    pub fn zeros(weights: usize) -> Self {
        Self { params: SVector::zeros(), weights: vec![0.0; weights] }
    }

    /// Refuses numbers that are not finite.
    pub(crate) fn check(self) -> Result<Self, GradientError> {
        let finite = self.params.iter().chain(&self.weights).all(|value| value.is_finite());
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}

/// Solves and differentiates one implicit function. It holds the function and all memory; inputs have passed their checks.
///
/// Derivatives are those at the last solution that was factorized.
pub trait ImplicitEngine<F, const NY: usize, const NP: usize>: Sized {
    /// With all memory.
    fn new(function: F) -> Self;

    /// The function.
    fn function(&self) -> &F;

    /// The function, to be changed.
    fn function_mut(&mut self) -> &mut F;

    /// Solves from a guess.
    ///
    /// # Errors
    /// For bounds that are reversed or no numbers.
    fn solve(
        &mut self,
        settings: &Settings,
        guess: &SVector<f64, NY>,
        params: &SVector<f64, NP>,
    ) -> Result<Solution<NY, NP>, SolveError>;

    /// The solution at these unknowns, claimed to be one.
    fn claim(&mut self, settings: &Settings, unknown: &SVector<f64, NY>, params: &SVector<f64, NP>)
    -> Solution<NY, NP>;

    /// Checks a solution and factorizes its equations. Returns the relative Newton step.
    ///
    /// # Errors
    /// Where it is none, or has no derivative.
    fn factorize(&mut self, settings: &Settings, solution: &Solution<NY, NP>) -> Result<f64, GradientError>;

    /// The gradient of a loss with this gradient in the unknowns.
    ///
    /// # Errors
    /// For a derivative that is not finite.
    fn vjp(&mut self, loss: &SVector<f64, NY>) -> Result<Gradient<NP>, GradientError>;

    /// `dy/dp`
    ///
    /// # Errors
    /// For a derivative that is not finite.
    fn jacobian(&mut self) -> Result<SMatrix<f64, NY, NP>, GradientError>;

    /// The derivative of [`vjp`](Self::vjp) along a direction of the parameters. `loss_hessian` gets the derivative of the unknowns
    /// along it.
    ///
    /// # Errors
    /// Where there is none.
    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        loss: &SVector<f64, NY>,
        direction: &SVector<f64, NP>,
        loss_hessian: impl FnOnce(&SVector<f64, NY>) -> SVector<f64, NY>,
    ) -> Result<Gradient<NP>, GradientError>;

    /// The gradient of the loss through so many steps of a solve from a start, at the solution that was factorized.
    ///
    /// # Errors
    /// Where the steps do not lead to the solution.
    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        start: (&SVector<f64, NY>, usize),
    ) -> Result<SVector<f64, NP>, GradientError>;

    /// The direct loss gradient with this epsilon.
    ///
    /// # Errors
    /// Where the perturbed problem is not solved.
    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        epsilon: f64,
    ) -> Result<SVector<f64, NP>, GradientError>;

    /// The gradient of a loss by conjugate gradients, with the check of the solution; `None` where the factorization has to decide.
    ///
    /// # Errors
    /// Where the solution has no derivative.
    fn gradient_by_iteration(
        &mut self,
        how: (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<Option<Gradient<NP>>, GradientError>;

    /// The same for the derivative of the unknowns along a direction of the parameters.
    ///
    /// # Errors
    /// Where the solution has no derivative.
    fn tangent_by_iteration(
        &mut self,
        how: (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        direction: &SVector<f64, NP>,
    ) -> Result<Option<SVector<f64, NY>>, GradientError>;

    /// The number of entries of the Hessian, or of the Jacobian of equations, that can be non-zero.
    fn non_zeros() -> usize;

    /// How well a solution satisfies its conditions.
    fn certificate(&mut self, solution: &Solution<NY, NP>) -> Certificate;

    /// Solves problems with these guesses and parameters in lanes, where it can: `None` for those to be solved alone. Numbers are
    /// finite, and settings in range.
    #[cfg(feature = "lanes")]
    fn solve_lanes(
        function: &F,
        settings: &Settings,
        problems: &[(SVector<f64, NY>, SVector<f64, NP>)],
    ) -> Vec<Option<Solution<NY, NP>>>
    where
        F: Clone;
}
