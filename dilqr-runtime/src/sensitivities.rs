//! A solution's factorized optimality conditions: one factorization, many derivatives.

use nalgebra::SVector;

use crate::certificate::Certificate;
#[cfg(feature = "dual")]
use crate::differentiate::hvp::Direction;
use crate::engine::Engine;
use crate::error::GradientError;
use crate::formulation::Formulation;
use crate::gradient::{Gradient, Jacobian, LossGradient, check_loss};
use crate::stats::Stats;

/// The linear-quadratic problem about a solution, checked and factorized once, as
/// [`Ilqr::differentiate`](crate::Ilqr::differentiate) returns it. Every method is one linear solve with it.
///
/// It borrows the solver, in whose memory the solution's trajectory and the factorization are.
///
/// ```
/// use dilqr_runtime::model::{Stage, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Ilqr, LossGradient, Model, Problem, Scalar, Settings};
///
/// /// `x+ = x + u`, `l = 1/2 p u^2`, `l_T = 1/2 x^2`: over one stage from `x_0`, `u = -x_0 / (1 + p)`.
/// struct Push;
///
/// impl Model<1, 1, 1> for Push {
///     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
///         next[0] = at.x[0] + at.u[0];
///     }
///     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>) -> S {
///         S::from_f64(0.5) * at.p[0] * at.u[0] * at.u[0]
///     }
///     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1>) -> S {
///         S::from_f64(0.5) * at.x[0] * at.x[0]
///     }
/// }
///
/// let mut solver = Ilqr::new(Push, 1, Settings::default())?;
/// let solution = solver.solve(&Problem::new([2.0], [3.0], 1))?;
/// let mut sensitivities = solver.differentiate(&solution)?;
///
/// // du/dp = x_0 / (1 + p)^2, and the gradient of a loss that is the control itself.
/// let jacobian = sensitivities.jacobian()?;
/// assert!((jacobian.controls[0][0] - 2.0 / 16.0).abs() < 1e-12);
/// let mut loss = LossGradient::zeros(1);
/// loss.controls[0][0] = 1.0;
/// let gradient = sensitivities.vjp(&loss)?;
/// assert!((gradient.params[0] - 2.0 / 16.0).abs() < 1e-12);
/// assert!((gradient.initial_state[0] + 1.0 / 4.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// While it lives, the solver solves nothing else:
///
/// ```compile_fail,E0499
/// use dilqr_runtime::{GradientError, Ilqr, LossGradient, Model, Solution};
///
/// fn interleaved<M: Model<1, 1, 1>>(
///     solver: &mut Ilqr<M, 1, 1, 1>,
///     solution: &Solution<1, 1, 1>,
///     loss: &LossGradient<1, 1>,
/// ) -> Result<(), GradientError> {
///     let mut sensitivities = solver.differentiate(solution)?;
///     solver.jacobian(solution)?; // needs the memory of `sensitivities`
///     sensitivities.vjp(loss)?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Sensitivities<
    'a,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize = 0,
    const ND: usize = 0,
> where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    pub(crate) engine: &'a mut M::Engine,
    pub(crate) params: SVector<f64, NP>,
    pub(crate) stats: Stats,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Sensitivities<'_, M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    /// `T`, the number of stages.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.engine.horizon()
    }

    /// The exact gradient of a loss on the trajectory with respect to parameters, initial state and stage parameters.
    ///
    /// # Errors
    /// [`GradientError`] for a loss gradient of another horizon or with numbers that are not finite, and for a derivative
    /// that is not finite.
    pub fn vjp(&mut self, loss: &LossGradient<NX, NU, ND>) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        self.engine.vjp(&self.params, loss)
    }

    /// The exact derivative of the whole trajectory with respect to the parameters.
    ///
    /// # Errors
    /// [`GradientError::Undefined`] for a derivative that is not finite.
    pub fn jacobian(&mut self) -> Result<Jacobian<NX, NU, NP, ND>, GradientError> {
        self.engine.jacobian(&self.params)
    }

    /// The derivative of the whole trajectory with respect to the parameters `s_t` of one stage `t`, from 0 to the horizon.
    ///
    /// # Errors
    /// [`GradientError`] for a stage beyond the horizon, and for a derivative that is not finite.
    pub fn stage_jacobian(&mut self, stage: usize) -> Result<Jacobian<NX, NU, NS, ND>, GradientError> {
        let horizon = self.horizon();
        if stage > horizon {
            return Err(GradientError::NoSuchStage { given: stage, horizon });
        }
        self.engine.stage_jacobian(&self.params, stage)
    }

    /// The gradient of the optimal cost with respect to parameters, initial state and stage parameters (the envelope
    /// theorem: `dH/dp` summed along the trajectory, and `lambda_0`).
    ///
    /// # Errors
    /// [`GradientError::Undefined`] for a derivative that is not finite.
    pub fn value_gradient(&mut self) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.engine.value_gradient(&self.params)
    }

    /// The exact product of a loss's second derivative with a direction of the problem's data; see
    /// [`Ilqr::hvp`](crate::Ilqr::hvp). Allocates its memory, and factorizes twice on dual numbers.
    ///
    /// # Errors
    /// [`GradientError`] for a loss, a direction or a product with wrong lengths or numbers that are not finite, and where
    /// limits are weakly active or depend on one another: a first derivative may exist there, a second one is not given.
    #[cfg(feature = "dual")]
    pub fn hvp(
        &mut self,
        loss: &LossGradient<NX, NU, ND>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>]) -> LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.hvp_with_design(loss, direction, |dx, du, _| loss_hessian(dx, du))
    }

    /// As [`hvp`](Self::hvp), for a loss with second derivatives in the design variables: `loss_hessian` also gets their
    /// derivative along the direction, `ND`.
    ///
    /// # Errors
    /// As [`hvp`](Self::hvp).
    #[cfg(feature = "dual")]
    pub fn hvp_with_design(
        &mut self,
        loss: &LossGradient<NX, NU, ND>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>], &SVector<f64, ND>) -> LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        let horizon = self.horizon();
        check_loss(loss, horizon)?;
        direction.check(horizon)?;
        self.engine.hvp(&self.params, loss, direction, loss_hessian)
    }

    /// How well the solution satisfies the optimality conditions, and how far it is from a point without a derivative; from
    /// this factorization, with the exact Hessian.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        self.engine.certificate(&self.stats)
    }
}
