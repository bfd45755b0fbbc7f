//! The solver of implicit functions.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::error::{GradientError, Input, SettingsError, SolveError, check_vector};
use crate::implicit::certificate::Certificate;
#[cfg(feature = "dual")]
use crate::implicit::differentiation::Differentiation;
use crate::implicit::function::{Gradient, ImplicitEngine, ImplicitFunction};
use crate::implicit::settings::Settings;
use crate::implicit::solution::Solution;
#[cfg(feature = "dual")]
use crate::settings::check_epsilon;

/// Solves an implicit function and differentiates its solutions. The attribute `implicit` gives a type `Solver` for its module.
///
/// ```
/// use dilqr_runtime::implicit::{ImplicitFunction, RootFinder, Settings, Solver};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
/// /// Kepler's equation `y - e sin(y) = m`, with the parameters `(m, e)`. The attribute writes this from `equations`.
/// #[derive(Clone, Copy)]
/// struct Kepler;
/// # impl Model<1, 1, 2> for Kepler {
/// #     fn dynamics<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 2>, r: &mut SVector<S, 1>) {
/// #         r[0] = u[0] - p[1] * u[0].sin() - p[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, _: Stage<'_, S, 1, 1, 2>) -> S {
/// #         S::zero()
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 2>) -> S {
/// #         S::zero()
/// #     }
/// # }
/// impl ImplicitFunction<1, 1, 2> for Kepler {
///     type Engine = RootFinder<Self, 1, 1, 2>;
/// }
///
/// let mut solver = Solver::new(Kepler, Settings::default())?;
/// let solution = solver.solve([1.0], [1.0, 0.3])?;
/// let y = solution.unknown[0];
/// let gradient = solver.vjp(&solution, &[1.0].into())?;
/// // dy/dm = 1 / (1 - e cos(y)), dy/de = sin(y) / (1 - e cos(y))
/// assert!((gradient[0] - 1.0 / (1.0 - 0.3 * y.cos())).abs() < 1e-12);
/// assert!((gradient[1] - y.sin() / (1.0 - 0.3 * y.cos())).abs() < 1e-12);
///
/// // A solution from elsewhere; what is no solution is refused.
/// let accepted = solver.accept([y], [1.0, 0.3])?;
/// assert_eq!(solver.vjp(&accepted, &[1.0].into())?, gradient);
/// assert!(solver.accept([y + 0.01], [1.0, 0.3]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Solver<F, const NX: usize, const NY: usize, const NP: usize>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    settings: Settings,
    engine: F::Engine,
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Solver<F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    /// A solver with all its memory.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range.
    pub fn new(function: F, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings, engine: F::Engine::new(function) })
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &F {
        self.engine.function()
    }

    /// The function, to be changed: its weights, where it has networks. Solutions of before are no solutions then.
    pub fn function_mut(&mut self) -> &mut F {
        self.engine.function_mut()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Solves from a guess of the unknowns (`NY`) for parameters (`NP`). Nothing of one solve is carried into the next.
    ///
    /// # Errors
    /// For numbers that are not finite, and bounds that are reversed at these parameters. A solve that does not succeed is a
    /// [status](Solution::status).
    pub fn solve(
        &mut self,
        guess: impl Into<SVector<f64, NY>>,
        params: impl Into<SVector<f64, NP>>,
    ) -> Result<Solution<NY, NP>, SolveError> {
        let (guess, params) = (guess.into(), params.into());
        check_vector(Input::Unknown, guess.as_slice())?;
        self.engine.solve(&self.settings, &guess, &params)
    }

    /// A solution that was found elsewhere. It is checked as a solution of [`solve`](Self::solve) is before it is differentiated:
    /// its Newton step is at most [`Settings::tolerance`], with a margin.
    ///
    /// # Errors
    /// [`GradientError::NotConverged`] where it is none, [`GradientError::NotStrictMinimum`] where it is no strict minimum,
    /// [`GradientError::Singular`] where the equations are singular, and for numbers that are not finite. A solution at a kink, or
    /// at bounds, that has no derivative is accepted; its derivatives are refused.
    pub fn accept(
        &mut self,
        unknown: impl Into<SVector<f64, NY>>,
        params: impl Into<SVector<f64, NP>>,
    ) -> Result<Solution<NY, NP>, GradientError> {
        let (unknown, params) = (unknown.into(), params.into());
        check_vector(Input::Unknown, unknown.as_slice())?;
        check_vector(Input::Params, params.as_slice())?;
        let mut solution = self.engine.claim(&self.settings, &unknown, &params);
        match self.engine.factorize(&self.settings, &solution) {
            Ok(step) => solution.stats.step = step,
            Err(
                GradientError::WeaklyActive { .. }
                | GradientError::ConstraintsDependent { .. }
                | GradientError::Kink { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        Ok(solution)
    }

    /// How well a solution satisfies its conditions. It is evaluated anew at the unknowns; where the function is not finite there,
    /// neither are the numbers. Gradients do not rely on it: they check the solution themselves.
    #[must_use]
    pub fn certificate(&mut self, solution: &Solution<NY, NP>) -> Certificate {
        self.engine.certificate(solution)
    }

    /// The gradient in the parameters (`NP`) of a loss with the gradient `loss` in the unknowns (`NY`), at a cost that does not
    /// depend on the iterations of the solve.
    ///
    /// # Errors
    /// [`GradientError`] for what is no solution, and where the derivative does not exist.
    pub fn vjp(
        &mut self,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<SVector<f64, NP>, GradientError> {
        Ok(self.gradient(solution, loss)?.params)
    }

    /// The gradient of the same loss in the weights of the function's networks, one network after another.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn vjp_weights(
        &mut self,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<Vec<f64>, GradientError> {
        Ok(self.gradient(solution, loss)?.weights)
    }

    /// The gradients of [`vjp`](Self::vjp) and [`vjp_weights`](Self::vjp_weights) with one factorization.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn gradient(
        &mut self,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<Gradient<NP>, GradientError> {
        check_vector(Input::LossUnknown, loss.as_slice())?;
        if let Some(iteration) = self.settings.iteration(NY, F::Engine::non_zeros()) {
            let how = (&self.settings, iteration);
            if let Some(gradient) = self.engine.gradient_by_iteration(how, solution, loss)? {
                return Ok(gradient);
            }
        }
        self.engine.factorize(&self.settings, solution)?;
        self.engine.vjp(loss)
    }

    /// The gradient of [`vjp`](Self::vjp) by another way, for comparison. What has no implicit gradient is refused here, too.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp). [`GradientError::NotContracting`] for steps that do not lead to the solution;
    /// [`GradientError::NotConverged`] where the perturbed problem of a direct loss gradient is not solved: a smaller epsilon helps;
    /// for a guess or an epsilon that is not finite, and an epsilon of zero.
    #[cfg(feature = "dual")]
    pub fn vjp_with(
        &mut self,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        differentiation: Differentiation<NY>,
    ) -> Result<SVector<f64, NP>, GradientError> {
        check_vector(Input::LossUnknown, loss.as_slice())?;
        self.engine.factorize(&self.settings, solution)?;
        let Self { engine, settings } = self;
        let gradient = match differentiation {
            Differentiation::Implicit => return Ok(engine.vjp(loss)?.params),
            Differentiation::Unrolled { guess, iterations } => {
                check_vector(Input::Unknown, guess.as_slice())?;
                engine.unrolled(settings, solution, loss, (&guess, iterations))?
            }
            Differentiation::Truncated { iterations } => {
                engine.unrolled(settings, solution, loss, (&solution.unknown, iterations))?
            }
            Differentiation::DirectLoss { epsilon } => {
                check_epsilon(epsilon)?;
                engine.direct_loss(settings, solution, loss, epsilon)?
            }
        };
        Ok(Gradient { params: gradient, weights: Vec::new() }.check()?.params)
    }

    /// The derivative of the unknowns (`NY`) along a direction of the parameters (`NP`).
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn jvp(
        &mut self,
        solution: &Solution<NY, NP>,
        direction: &SVector<f64, NP>,
    ) -> Result<SVector<f64, NY>, GradientError> {
        check_vector(Input::Direction, direction.as_slice())?;
        if let Some(iteration) = self.settings.iteration(NY, F::Engine::non_zeros()) {
            let how = (&self.settings, iteration);
            let tangent = self.engine.tangent_by_iteration(how, solution, direction)?;
            if let Some(tangent) = tangent.filter(|tangent| tangent.iter().all(|value| value.is_finite())) {
                return Ok(tangent);
            }
        }
        Ok(self.jacobian(solution)? * direction)
    }

    /// `dy/dp`, `NY x NP`.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn jacobian(&mut self, solution: &Solution<NY, NP>) -> Result<SMatrix<f64, NY, NP>, GradientError> {
        self.engine.factorize(&self.settings, solution)?;
        self.engine.jacobian()
    }

    /// The product of the Hessian of a loss, as a function of the parameters, with a direction of them: the derivative of
    /// [`gradient`](Self::gradient). `loss_hessian` gets the derivative of the unknowns along the direction and returns the Hessian of
    /// the loss in the unknowns, times it. Weights are constant.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    #[cfg(feature = "dual")]
    pub fn hvp(
        &mut self,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        direction: &SVector<f64, NP>,
        loss_hessian: impl FnOnce(&SVector<f64, NY>) -> SVector<f64, NY>,
    ) -> Result<Gradient<NP>, GradientError> {
        check_vector(Input::LossUnknown, loss.as_slice())?;
        check_vector(Input::Direction, direction.as_slice())?;
        self.engine.factorize(&self.settings, solution)?;
        let mut finite = Ok(());
        let gradient = self.engine.hvp(loss, direction, |change| {
            let product = loss_hessian(change);
            finite = check_vector(Input::LossHessianUnknown, product.as_slice());
            product
        });
        finite?;
        gradient
    }
}
