//! What can be solved: models, and models with design variables, soft constraints or a previous control.

use alloc::sync::Arc;
use alloc::vec::Vec;

use nalgebra::SVector;

use crate::engine::Engine;
use crate::engine::plain::PlainEngine;
use crate::guess::{Feedback, Guess, Policy};
use crate::lifted_data::LiftedData;
use crate::model::Model;
use crate::problem::Problem;
use crate::solution::Solution;

/// A model in the form that the solver's types take: `NX` states, `NU` controls, `NP` parameters, `NS` parameters of a stage
/// and `ND` design variables.
///
/// Every [`Model`] is one, without design variables. The attribute `model` implements it for models with design variables,
/// soft constraints, bounds of states or of rates, or functions of the previous control; these are no [`Model`] themselves. A
/// function that is generic over models of all kinds has this bound:
///
/// ```
/// use dilqr_runtime::{Formulation, Ilqr, Problem, Settings, Solution};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
///
/// fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
///     model: M,
///     problem: &Problem<NX, NU, NP, NS, ND>,
/// ) -> Result<Solution<NX, NU, NP, NS, ND>, Box<dyn std::error::Error>>
/// where
///     M: Formulation<NX, NU, NP, NS, ND>,
/// {
///     Ok(Ilqr::new(model, problem.horizon(), Settings::default())?.solve(problem)?)
/// }
///
/// /// `x+ = x + u`, `l = 1/2 u^2`, `l_T = 1/2 x^2`.
/// struct Push;
/// # impl Model<1, 1, 0> for Push {
/// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
/// #         next[0] = at.x[0] + at.u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
/// #         S::from_f64(0.5) * at.u[0] * at.u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0>) -> S {
/// #         S::from_f64(0.5) * at.x[0] * at.x[0]
/// #     }
/// # }
/// let solution = solve(Push, &Problem::new([2.0], [], 1))?;
/// assert!((solution.controls[0][0] + 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Formulation<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0>:
    Sized + Sync
{
    /// The solver behind [`Ilqr`](crate::Ilqr).
    #[doc(hidden)]
    type Engine: Engine<NX, NU, NP, NS, ND, Model = Self>;

    /// The weights of each network, in the order of [`Gradient::weights`](crate::Gradient::weights).
    #[doc(hidden)]
    fn network_weights_mut(&mut self) -> Vec<&mut [f64]> {
        Vec::new()
    }

    /// That solver, with all its memory for problems over `horizon` stages.
    #[doc(hidden)]
    fn engine(self, horizon: usize) -> Self::Engine;
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Formulation<NX, NU, NP, NS, 0> for M
where
    M: Model<NX, NU, NP, NS>,
{
    type Engine = PlainEngine<M, NX, NU, NP, NS>;

    fn network_weights_mut(&mut self) -> Vec<&mut [f64]> {
        self.weights_mut()
    }

    fn engine(self, horizon: usize) -> Self::Engine {
        PlainEngine::new(self, horizon)
    }
}

/// Guesses that name the model.
impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Problem<NX, NU, NP, NS, ND> {
    /// Starts from the trajectory under the feedback law `u = policy(t, x)`. Unstable systems need such a start.
    ///
    /// Each solve rolls its model out under the policy, with the data of the finished problem. So the order of the builders
    /// does not matter. The argument `model` only fixes the types.
    ///
    /// A problem with a policy equals its clones and no other problem.
    ///
    /// A warm start from a neighboring solution is a policy, too; see [`with_warm_start`](Problem::with_warm_start).
    #[must_use]
    pub fn with_policy<M, U>(
        mut self,
        _model: &M,
        policy: impl Fn(usize, &SVector<f64, NX>) -> U + Send + Sync + 'static,
    ) -> Self
    where
        M: Formulation<NX, NU, NP, NS, ND>,
        U: Into<SVector<f64, NU>>,
    {
        self.guess = Guess::Policy(Policy::new(policy));
        self
    }

    /// Starts from a neighboring solution over the same horizon: from the trajectory under its feedback law
    /// `u = u_t + K_t (x - x_t)`, from its multipliers and its design
    /// variables. As with a policy, the solve makes the rollout; `model` only fixes
    /// the model's type. A solution with numbers that are not finite, as a solve that has failed may leave them, is an error of
    /// the solve, [`InputError::WarmStart`](crate::InputError::WarmStart).
    #[must_use]
    pub fn with_warm_start<M>(mut self, _model: &M, solution: &Solution<NX, NU, NP, NS, ND>) -> Self
    where
        M: Formulation<NX, NU, NP, NS, ND>,
    {
        let Solution { states, controls, gains, multipliers, design, lifted, .. } = solution;
        self.guess =
            Guess::Feedback(Feedback { states: states.clone(), controls: controls.clone(), gains: gains.clone() });
        self.multipliers = Some(multipliers.clone());
        self.design = *design;
        self.lifted = lifted.as_ref().map(|lifted| Arc::new(LiftedData::clone(lifted)));
        self
    }
}
