//! The trajectory that a solve starts from.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use nalgebra::{SMatrix, SVector};

use crate::error::{Input, InputError, check_finite, check_length};

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

    /// The control at a state.
    pub(crate) fn control(&self, t: usize, x: &SVector<f64, NX>) -> SVector<f64, NU> {
        (self.0)(t, x)
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
                check_finite(Input::States, states.iter().map(|x| x.as_slice()))
                    .and_then(|()| check_finite(Input::Controls, controls.iter().map(|u| u.as_slice())))
                    .and_then(|()| check_finite(Input::Gains, gains.iter().map(|gain| gain.as_slice())))
                    .map_err(InputError::of_warm_start)
            }
        }
    }
}
