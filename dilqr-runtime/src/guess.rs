//! The trajectory that a solve starts from.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use nalgebra::{SMatrix, SVector};

use crate::error::{Input, InputError, Position, check_finite, check_length};
use crate::model::Model;
use crate::model::stage::Stage;
use crate::problem::Problem;

/// Where a solve starts. Policies are rolled out by the solve, with the problem's data as they are then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Guess<const NX: usize, const NU: usize> {
    /// All controls zero.
    Zeros,
    /// These controls; the states follow from them.
    Controls(Vec<SVector<f64, NU>>),
    /// The rollout under a function of stage and state.
    Policy(Policy<NX, NU>),
    /// The rollout under the feedback law of a neighboring solution.
    Feedback(Feedback<NX, NU>),
    /// Controls together with the states they lead to: on an unstable system the controls alone would reproduce the states
    /// only if every operation rounded alike.
    Rollout { controls: Vec<SVector<f64, NU>>, states: Vec<SVector<f64, NX>> },
}

/// A user's feedback law, shared by the clones of a problem. Two are equal if they are the same object.
#[derive(Clone)]
pub(crate) struct Policy<const NX: usize, const NU: usize>(
    #[expect(clippy::type_complexity, reason = "it is the signature of `Problem::with_policy`")]
    Arc<dyn Fn(usize, &SVector<f64, NX>) -> SVector<f64, NU> + Send + Sync>,
);

impl<const NX: usize, const NU: usize> Policy<NX, NU> {
    pub(crate) fn new<U>(policy: impl Fn(usize, &SVector<f64, NX>) -> U + Send + Sync + 'static) -> Self
    where
        U: Into<SVector<f64, NU>>,
    {
        Self(Arc::new(move |t, x| policy(t, x).into()))
    }
}

impl<const NX: usize, const NU: usize> PartialEq for Policy<NX, NU> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<const NX: usize, const NU: usize> fmt::Debug for Policy<NX, NU> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policy(..)")
    }
}

/// `u = u_t + K_t (x - x_t)` about a trajectory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feedback<const NX: usize, const NU: usize> {
    pub(crate) states: Vec<SVector<f64, NX>>,
    pub(crate) controls: Vec<SVector<f64, NU>>,
    pub(crate) gains: Vec<SMatrix<f64, NU, NX>>,
}

impl<const NX: usize, const NU: usize> Guess<NX, NU> {
    /// Whether the controls come with the states that they lead to.
    #[cfg(feature = "dual")]
    pub(crate) fn has_states(&self) -> bool {
        !matches!(self, Self::Zeros | Self::Controls(_))
    }

    /// Checks the lists that the guess was given as.
    pub(crate) fn check(&self, horizon: usize) -> Result<(), InputError> {
        match self {
            Self::Zeros | Self::Policy(_) | Self::Rollout { .. } => Ok(()),
            Self::Controls(controls) => {
                check_length(Input::Controls, controls.len(), horizon)?;
                check_finite(Input::Controls, controls.iter().map(|u| u.as_slice()))
            }
            Self::Feedback(Feedback { states, controls, gains }) => {
                check_length(Input::States, states.len(), horizon + 1)?;
                check_length(Input::Controls, controls.len(), horizon)?;
                check_length(Input::Gains, gains.len(), horizon)?;
                check_finite(Input::States, states.iter().map(|x| x.as_slice()))?;
                check_finite(Input::Controls, controls.iter().map(|u| u.as_slice()))?;
                check_finite(Input::Gains, gains.iter().map(|gain| gain.as_slice()))
            }
        }
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Problem<NX, NU, NP, NS> {
    /// Writes the first controls, and the states where the guess has some. True for the latter. The problem has passed its
    /// check; both lists have the right lengths.
    ///
    /// # Errors
    /// [`InputError::NonFinite`] for a control that a policy gives at a state that is finite.
    pub(crate) fn write_guess<M>(
        &self,
        model: &M,
        controls: &mut [SVector<f64, NU>],
        states: &mut [SVector<f64, NX>],
    ) -> Result<bool, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        match self.guess() {
            Guess::Zeros => {
                controls.fill(SVector::zeros());
                Ok(false)
            }
            Guess::Controls(given) => {
                controls.copy_from_slice(given);
                Ok(false)
            }
            Guess::Rollout { controls: given, states: through } => {
                controls.copy_from_slice(given);
                states.copy_from_slice(through);
                Ok(true)
            }
            Guess::Policy(Policy(policy)) => self.roll_out(model, policy.as_ref(), controls, states).map(|()| true),
            Guess::Feedback(Feedback { states: xs, controls: us, gains }) => {
                let law = |t: usize, x: &SVector<f64, NX>| us[t] + gains[t] * (x - xs[t]);
                self.roll_out(model, law, controls, states).map(|()| true)
            }
        }
    }

    /// Rolls the model out under a law.
    fn roll_out<M>(
        &self,
        model: &M,
        law: impl Fn(usize, &SVector<f64, NX>) -> SVector<f64, NU>,
        controls: &mut [SVector<f64, NU>],
        states: &mut [SVector<f64, NX>],
    ) -> Result<(), InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let none = SVector::zeros();
        states[0] = *self.x0();
        for (t, control) in controls.iter_mut().enumerate() {
            let x = states[t];
            let u = law(t, &x);
            // A rollout that leaves the finite numbers is an outcome of the model. Only a law that does so at a finite
            // state is at fault.
            if let Some(entry) = u.iter().position(|value| !value.is_finite())
                && x.iter().all(|value| value.is_finite())
            {
                let position = Position { stage: Some(t), entry };
                return Err(InputError::NonFinite { input: Input::Controls, position, given: u[entry] });
            }
            // `step` rather than `dynamics`: the kernel of the solver's own rollouts.
            let mut next = SVector::zeros();
            model.step(Stage::new(&x, &u, self.params(), self.stage_params().get(t).unwrap_or(&none)), &mut next);
            *control = u;
            states[t + 1] = next;
        }
        Ok(())
    }
}
