//! The solver: iLQR and its second-order form, differential dynamic programming.
//!
//! One iteration is a backward pass about the current trajectory (see [`lq`](crate::lq)) and a search along the
//! closed-loop rollout of its step:
//!
//! ```text
//! u = u_t + alpha k_t + K_t (x - x_t)
//! ```
//!
//! The loop ends when the Newton step is small beside the variables, not when the cost stops moving. References: Jacobson and Mayne,
//! *Differential Dynamic Programming*, 1970; Li and Todorov 2004 (iLQR); Tassa, Erez and Todorov, *Synthesis and
//! stabilization of complex behaviors through online trajectory optimization*, 2012 (line search on the rollout with
//! feedback, regularization with a schedule).

#[cfg(feature = "dual")]
use nalgebra::SVector;

#[cfg(feature = "dual")]
use crate::differentiate::hvp::Direction;
use crate::engine::Engine;
#[cfg(feature = "dual")]
use crate::engine::UnrollFrom;
use crate::error::{GradientError, SettingsError, SolveError};
use crate::formulation::Formulation;
use crate::gradient::{Gradient, Jacobian, LossGradient, check_loss};
use crate::iteration::Iteration;
use crate::problem::Problem;
use crate::sensitivities::Sensitivities;
#[cfg(feature = "dual")]
use crate::settings::check_epsilon;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;

/// Solves problems of one model over one horizon, and differentiates their solutions.
///
/// All memory is allocated by [`Ilqr::new`]; a solve allocates only the solution it returns, and [`Ilqr::solve_into`]
/// nothing. Nothing of one solve is carried into the next: the same problem always gives the same solution.
///
/// [`Ilqr::differentiate`] checks a solution and factorizes the optimality conditions about it once, for any number of
/// derivatives. [`Ilqr::solve_and_differentiate`] takes the factorization from the last backward pass of the solve where
/// the model has no limits. [`Ilqr::vjp`] and its like are one-call forms: each factorizes anew.
///
/// ```
/// use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
/// /// A point on a line: `x+ = (x_0 + 0.1 x_1, x_1 + 0.1 u)`. Its parameter is the price of pushing.
/// struct Point;
/// # impl Model<2, 1, 1> for Point {
/// #     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
/// #         next[0] = x[0] + S::from_f64(0.1) * x[1];
/// #         next[1] = x[1] + S::from_f64(0.1) * u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
/// #         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
/// #         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
/// #     }
/// # }
///
/// let mut solver = Ilqr::new(Point, 20, Settings::default())?;
/// let solution = solver.solve(&Problem::new([1.0, 0.0], [0.1], 20))?;
/// assert_eq!(solution.status, Status::Converged);
///
/// // The gradient of the first control, and the derivative of the whole trajectory, which contains it.
/// let mut loss = LossGradient::zeros(20);
/// loss.controls[0][0] = 1.0;
/// let gradient = solver.vjp(&solution, &loss)?;
/// let jacobian = solver.jacobian(&solution)?;
/// assert!((gradient.params[0] - jacobian.controls[0][(0, 0)]).abs() < 1e-12);
///
/// // It predicts the control at another price.
/// let other = solver.solve(&Problem::new([1.0, 0.0], [0.101], 20))?;
/// let predicted = solution.controls[0][0] + 0.001 * gradient.params[0];
/// assert!((other.controls[0][0] - predicted).abs() < 0.02 * (0.001 * gradient.params[0]).abs());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Memory
///
/// Linear in the horizon. Without limits and stage parameters a solver has, for each stage, at most
///
/// ```text
/// 8 (2 NX^2 + 4 NX NU + 4 NU^2 + 7 NX + 8 NU)  bytes
/// ```
///
/// and a [`Solution`] `8 (NX NU + NU^2 + 2 NX + NU)`. Limits and stage parameters come on top, as much for each stage.
///
/// | `NX`, `NU` | 2, 1 | 4, 1 | 6, 2 | 12, 4 | 14, 7 | 30, 10 |
/// |---|---|---|---|---|---|---|
/// | solver, bytes a stage | 336 | 704 | 1552 | 5280 | 9072 | 29520 |
/// | solution, bytes a stage | 64 | 112 | 240 | 736 | 1456 | 3760 |
#[derive(Clone, Debug)]
pub struct Ilqr<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    settings: Settings,
    engine: M::Engine,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Ilqr<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    /// A solver for problems over `horizon` stages, with all its memory.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range, and a horizon of 0.
    pub fn new(model: M, horizon: usize, settings: Settings) -> Result<Self, SettingsError> {
        settings.check_solver(horizon)?;
        Ok(Self { settings, engine: model.engine(horizon) })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        self.engine.model()
    }

    /// The model, to be changed: its weights, where it has networks. Solutions of before are no solutions then.
    pub fn model_mut(&mut self) -> &mut M {
        self.engine.model_mut()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The engine behind it.
    pub(crate) fn engine_mut(&mut self) -> &mut M::Engine {
        &mut self.engine
    }

    /// `T`, the number of controls.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.engine.horizon()
    }

    /// Solves a problem.
    ///
    /// # Errors
    /// [`SolveError`] for input that is not a problem of this solver: wrong lengths, numbers that are not finite. A
    /// numerical outcome, such as not converging, is the solution's [`Status`](crate::Status).
    pub fn solve(&mut self, problem: &Problem<NX, NU, NP, NS, ND>) -> Result<Solution<NX, NU, NP, NS, ND>, SolveError> {
        self.solve_with(problem, |_| {})
    }

    /// Solves a problem and calls `observe` after every backward pass about a new trajectory.
    ///
    /// # Errors
    /// As [`Ilqr::solve`].
    pub fn solve_with(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        observe: impl FnMut(&Iteration),
    ) -> Result<Solution<NX, NU, NP, NS, ND>, SolveError> {
        let mut solution = Solution::empty(self.horizon());
        self.engine.solve(&self.settings, problem, observe, &mut solution)?;
        Ok(solution)
    }

    /// Solves a problem into a solution that is there already; allocates nothing if that solution is of this horizon. (The first
    /// solve of a relaxed problem allocates memory that the later ones use.)
    ///
    /// # Errors
    /// As [`Ilqr::solve`]; `solution` is then untouched.
    pub fn solve_into(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        solution: &mut Solution<NX, NU, NP, NS, ND>,
    ) -> Result<(), SolveError> {
        self.engine.solve(&self.settings, problem, |_| {}, solution)
    }

    /// Checks that a solution is one, and factorizes the optimality conditions about it: for several derivatives at the
    /// price of one factorization.
    ///
    /// # Errors
    /// [`GradientError`] where the solution has not converged (or was edited), is not a strict minimum, is degenerate, or
    /// has other lengths than this solver.
    pub fn differentiate(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
    ) -> Result<Sensitivities<'_, M, NX, NU, NP, NS, ND>, GradientError> {
        self.differentiate_with(solution, Differentiation::Implicit)
    }

    /// As [`Ilqr::differentiate`], by the given method.
    ///
    /// # Errors
    /// As [`Ilqr::differentiate`].
    pub fn differentiate_with(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        method: Differentiation,
    ) -> Result<Sensitivities<'_, M, NX, NU, NP, NS, ND>, GradientError> {
        let step = self.engine.factorize(&self.settings, solution, method)?;
        Ok(self.sensitivities(solution, step))
    }

    fn sensitivities(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        step: f64,
    ) -> Sensitivities<'_, M, NX, NU, NP, NS, ND> {
        let mut stats = solution.stats;
        stats.step = step;
        Sensitivities { engine: &mut self.engine, params: solution.params, stats }
    }

    /// Solves a problem and differentiates the solution. Where the model has no limits, the factorization of the solve's last
    /// backward pass is that of the derivatives, and costs nothing more.
    ///
    /// # Errors
    /// As [`Ilqr::solve`]; in the second place of the answer, as [`Ilqr::differentiate`].
    #[allow(clippy::type_complexity, reason = "the two outcomes of one call")]
    pub fn solve_and_differentiate(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
    ) -> Result<
        (Solution<NX, NU, NP, NS, ND>, Result<Sensitivities<'_, M, NX, NU, NP, NS, ND>, GradientError>),
        SolveError,
    > {
        let mut solution = Solution::empty(self.horizon());
        let step = self.engine.solve_and_factorize(&self.settings, problem, &mut solution)?;
        let sensitivities = step.map(|step| self.sensitivities(&solution, step));
        Ok((solution, sensitivities))
    }

    /// The exact gradient of a loss on the trajectory with respect to parameters, initial state and stage parameters, by
    /// implicit differentiation at the solution: one backward and one forward pass, whatever the solve took.
    ///
    /// # Errors
    /// [`GradientError`] where the solution has not converged (or was edited), is not a strict minimum, or where the
    /// input has wrong lengths or numbers that are not finite.
    pub fn vjp(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.vjp_with(solution, loss, Differentiation::Implicit)
    }

    /// As [`Ilqr::vjp`], by the given method.
    ///
    /// # Errors
    /// As [`Ilqr::vjp`].
    pub fn vjp_with(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        method: Differentiation,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        self.engine.factorize(&self.settings, solution, method)?;
        self.engine.vjp(&solution.params, loss)
    }

    /// The gradient by automatic differentiation of an iLQR loop, for comparison: through `iterations` full Gauss-Newton
    /// steps from the guess of the problem. `loss` is the loss gradient at the solution, so the problem is solved first.
    ///
    /// It tends to the exact gradient as fast as those steps converge. It costs as many solves as there are parameters. With
    /// the feature `dual`.
    ///
    /// # Errors
    /// [`GradientError`] for input that is not a problem of this solver, a problem with constraints, and steps that do not
    /// lead to the solution ([`GradientError::NotContracting`]).
    #[cfg(feature = "dual")]
    pub fn unrolled(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        iterations: usize,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        self.engine.unrolled(&self.settings, problem, loss, (UnrollFrom::Guess, iterations))
    }

    /// As [`Ilqr::unrolled`], but through steps that start at the solution, with its feedback law as a constant. This is
    /// backpropagation truncated to the last steps: the first terms of a series whose limit is the implicit derivative.
    ///
    /// # Errors
    /// As [`Ilqr::unrolled`].
    #[cfg(feature = "dual")]
    pub fn truncated(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        iterations: usize,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        self.engine.unrolled(&self.settings, problem, loss, (UnrollFrom::Solution, iterations))
    }

    /// The direct loss gradient (McAllester, Hazan and Keshet 2010), for comparison. A second problem has `epsilon` times the loss'
    /// linear terms in its cost. The result is the difference of the two gradients of the optimal cost, over `epsilon`. Its error is
    /// `O(epsilon)`; `epsilon` has the unit of the cost over that of the loss, and may be negative. The perturbed problem is solved from the
    /// solution. With the feature `dual`.
    ///
    /// # Errors
    /// As [`Ilqr::vjp`], also of the perturbed problem, for which a smaller `epsilon` may help; for an `epsilon` that is zero or not
    /// finite.
    #[cfg(feature = "dual")]
    pub fn direct_loss(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        epsilon: f64,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        check_epsilon(epsilon)?;
        self.engine.direct_loss(&self.settings, solution, loss, epsilon)
    }

    /// The exact product of a loss's second derivative with a direction of the problem's data: how the gradient that
    /// [`Ilqr::vjp`] gives changes along `direction`, in parameters, initial state and stage parameters.
    ///
    /// `loss` is the loss gradient at the solution, and `loss_hessian` its derivative: called with the derivative of the
    /// trajectory along the direction, `dx_t` (`T + 1` vectors of `NX`) and `du_t` (`T` of `NU`), it returns the product of
    /// the loss's Hessian in the trajectory with it. (For a loss that is linear that is zero.) The loss is a function of
    /// the trajectory alone; the caller adds its direct dependence on the data, mixed derivatives included.
    ///
    /// Takes two factorizations and two solves on dual numbers; allocates its memory in every call. With the feature `dual`.
    ///
    /// ```
    /// use dilqr_runtime::model::{Stage, Terminal};
    /// use dilqr_runtime::nalgebra::SVector;
    /// use dilqr_runtime::{Direction, Ilqr, LossGradient, Model, Problem, Scalar, Settings};
    ///
    /// /// `x+ = x + u`, `l = 1/2 p u^2`, `l_T = 1/2 x^2`: over one stage from `x_0`, `u = -x_0 / (1 + p)`.
    /// struct Push;
    ///
    /// impl Model<1, 1, 1> for Push {
    ///     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
    ///         next[0] = x[0] + u[0];
    ///     }
    ///     fn stage_cost<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 1>) -> S {
    ///         S::from_f64(0.5) * p[0] * u[0] * u[0]
    ///     }
    ///     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 1>) -> S {
    ///         S::from_f64(0.5) * x[0] * x[0]
    ///     }
    /// }
    ///
    /// let mut solver = Ilqr::new(Push, 1, Settings::default())?;
    /// let solution = solver.solve(&Problem::new([2.0], [3.0], 1))?;
    ///
    /// // L = u^2 = x_0^2 / (1 + p)^2
    /// let mut loss = LossGradient::zeros(1);
    /// loss.controls[0] = 2.0 * solution.controls[0];
    /// let product = solver.hvp(&solution, &loss, &Direction::new([1.0]), |_, du| {
    ///     let mut product = LossGradient::zeros(1);
    ///     product.controls[0] = 2.0 * du[0];
    ///     product
    /// })?;
    /// assert!((product.params[0] - 6.0 * 2.0_f64.powi(2) / 4.0_f64.powi(4)).abs() < 1e-12); // d2L/dp2
    /// assert!((product.initial_state[0] + 4.0 * 2.0 / 4.0_f64.powi(3)).abs() < 1e-12); // d2L/dx0 dp
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Ilqr::vjp`], and for a direction or a product with wrong lengths or numbers that are not finite.
    #[cfg(feature = "dual")]
    pub fn hvp(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        loss: &LossGradient<NX, NU, ND>,
        direction: &Direction<NX, NP, NS>,
        loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>]) -> LossGradient<NX, NU, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_loss(loss, self.horizon())?;
        direction.check(self.horizon())?;
        self.differentiate(solution)?.hvp(loss, direction, loss_hessian)
    }

    /// The exact derivative of the whole trajectory with respect to the parameters, by a forward solve.
    ///
    /// # Errors
    /// As [`Ilqr::vjp`].
    pub fn jacobian(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
    ) -> Result<Jacobian<NX, NU, NP, ND>, GradientError> {
        self.differentiate(solution)?.jacobian()
    }

    /// The derivative of the whole trajectory with respect to the parameters `s_t` of one stage `t`, from 0 to the horizon.
    /// (All stages together would be a matrix that is quadratic in the horizon; [`Ilqr::vjp`] has their gradient at once.)
    ///
    /// # Errors
    /// As [`Ilqr::vjp`], and for a stage beyond the horizon.
    pub fn stage_jacobian(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
        stage: usize,
    ) -> Result<Jacobian<NX, NU, NS, ND>, GradientError> {
        self.differentiate(solution)?.stage_jacobian(stage)
    }

    /// The gradient of the optimal cost with respect to parameters, initial state and stage parameters (the envelope
    /// theorem: `dH/dp` summed along the trajectory, and `lambda_0`).
    ///
    /// # Errors
    /// As [`Ilqr::vjp`].
    pub fn value_gradient(
        &mut self,
        solution: &Solution<NX, NU, NP, NS, ND>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        self.differentiate(solution)?.value_gradient()
    }
}
