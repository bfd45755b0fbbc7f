//! Loss gradients, gradients and Jacobians: what differentiation reads and returns.

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::error::{GradientError, Input, InputError, check_finite, check_length};

/// The gradient of a scalar loss with respect to the trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct LossGradient<const NX: usize, const NU: usize> {
    /// `dL/dx_t`, `T + 1` vectors of `NX`.
    pub states: Vec<SVector<f64, NX>>,
    /// `dL/du_t`, `T` vectors of `NU`.
    pub controls: Vec<SVector<f64, NU>>,
}

impl<const NX: usize, const NU: usize> LossGradient<NX, NU> {
    /// Zero everywhere, over `horizon` stages.
    #[must_use]
    pub fn zeros(horizon: usize) -> Self {
        Self { states: vec![SVector::zeros(); horizon + 1], controls: vec![SVector::zeros(); horizon] }
    }
}

/// The gradient of a scalar with respect to everything a problem is given by.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// With respect to the parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// With respect to the initial state, `NX`.
    pub initial_state: SVector<f64, NX>,
    /// With respect to the stage parameters, `T + 1` vectors of `NS` (of no size where the model has none).
    pub stage_params: Vec<SVector<f64, NS>>,
}

/// The derivative of the optimal trajectory with respect to the parameters (or, from
/// [`Ilqr::stage_jacobian`](crate::Ilqr::stage_jacobian), those of one stage).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Jacobian<const NX: usize, const NU: usize, const NP: usize> {
    /// `dx_t/dp`, `T + 1` matrices `NX x NP`; the first is zero.
    pub states: Vec<SMatrix<f64, NX, NP>>,
    /// `du_t/dp`, `T` matrices `NU x NP`.
    pub controls: Vec<SMatrix<f64, NU, NP>>,
}

impl<const NX: usize, const NP: usize, const NS: usize> Gradient<NX, NP, NS> {
    pub(crate) fn zeros(horizon: usize) -> Self {
        Self {
            params: SVector::zeros(),
            initial_state: SVector::zeros(),
            stage_params: vec![SVector::zeros(); horizon + 1],
        }
    }

    pub(crate) fn check(self) -> Result<Self, GradientError> {
        let finite =
            all_finite(&self.params) && all_finite(&self.initial_state) && self.stage_params.iter().all(all_finite);
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}

fn all_finite<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> bool {
    matrix.iter().all(|entry| entry.is_finite())
}

pub(crate) fn check_loss<const NX: usize, const NU: usize>(
    loss: &LossGradient<NX, NU>,
    horizon: usize,
) -> Result<(), InputError> {
    check_length(Input::LossStates, loss.states.len(), horizon + 1)?;
    check_length(Input::LossControls, loss.controls.len(), horizon)?;
    check_finite(Input::LossStates, loss.states.iter().map(|g| g.as_slice()))?;
    check_finite(Input::LossControls, loss.controls.iter().map(|g| g.as_slice()))
}

impl<const NX: usize, const NU: usize, const NP: usize> Jacobian<NX, NU, NP> {
    pub(crate) fn check(self) -> Result<Self, GradientError> {
        let finite = self.states.iter().all(all_finite) && self.controls.iter().all(all_finite);
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}
