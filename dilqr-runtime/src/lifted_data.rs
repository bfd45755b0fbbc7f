//! What a solution of a lifted model holds besides the fields that users read.
//!
//! A model with design variables, soft constraints or a previous control is solved as a model with more states and controls
//! (see [`lift`](crate::engine::lift)). Their number is no part of the types that users write, so the lists are flat.

use alloc::vec::Vec;

use nalgebra::SMatrix;

#[cfg(feature = "serde")]
use crate::error::{Input, InputError, check_length};

/// The parts of a lifted model's solution that the fields of a [`Solution`](crate::Solution) do not hold. `NZ` and `NW` are
/// the numbers of its states and controls.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct LiftedData {
    /// `NZ`.
    pub(crate) states: usize,
    /// `NW`.
    pub(crate) controls: usize,
    /// The control before the first stage, `NU` or none.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) previous: Vec<f64>,
    /// Excesses of the stages' soft constraints, stage after stage.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) stage_slacks: Vec<f64>,
    /// Excesses of the terminal soft constraints.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) terminal_slacks: Vec<f64>,
    /// Feedback gains, `T` matrices `NW x NZ`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) gains: Vec<f64>,
    /// Costates, `T + 1` vectors of `NZ`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) costates: Vec<f64>,
    /// Multipliers of bounds, `T` vectors of `NW` or none.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) bound_multipliers: Vec<f64>,
    /// `Q_ww` of the stages, matrices `NW x NW`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) curvatures: Vec<f64>,
    /// Lower bounds, `NW`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) lower: Vec<f64>,
    /// Upper bounds, `NW`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) upper: Vec<f64>,
    /// The largest terms of each entry of `Q_w`, `NW`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub(crate) terms: Vec<f64>,
}

impl LiftedData {
    /// Whether it is that of a model with these numbers of states and controls.
    pub(crate) fn fits(&self, states: usize, controls: usize) -> bool {
        (self.states, self.controls) == (states, controls)
    }

    /// Checks that all lists are of one horizon and of a model with `model_controls` controls.
    #[cfg(feature = "serde")]
    pub(crate) fn check(&self, horizon: usize, model_controls: usize) -> Result<(), InputError> {
        let Self { states: nz, controls: nw, .. } = *self;
        let excesses = nw.checked_sub(model_controls).unwrap_or(usize::MAX);
        let product = |a: usize, b: usize| a.saturating_mul(b);
        check_length(Input::Controls, self.stage_slacks.len(), product(horizon, excesses))?;
        check_length(Input::Gains, self.gains.len(), product(horizon, product(nw, nz)))?;
        check_length(Input::Costates, self.costates.len(), product(horizon + 1, nz))?;
        if !self.bound_multipliers.is_empty() {
            check_length(Input::BoundMultipliers, self.bound_multipliers.len(), product(horizon, nw))?;
        }
        [&self.lower, &self.upper, &self.terms]
            .iter()
            .try_for_each(|list| check_length(Input::Controls, list.len(), nw))
    }
}

/// Writes matrices into a flat list, which keeps its memory.
pub(crate) fn flatten<const R: usize, const C: usize>(to: &mut Vec<f64>, from: &[SMatrix<f64, R, C>]) {
    to.clear();
    from.iter().for_each(|matrix| to.extend_from_slice(matrix.as_slice()));
}

/// Reads matrices from a flat list. Those that the list does not have are NaN.
pub(crate) fn unflatten<const R: usize, const C: usize>(to: &mut [SMatrix<f64, R, C>], from: &[f64]) {
    let mut values = from.iter();
    for entry in to.iter_mut().flat_map(|matrix| matrix.iter_mut()) {
        *entry = values.next().copied().unwrap_or(f64::NAN);
    }
}
