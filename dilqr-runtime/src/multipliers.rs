//! Multipliers of constraints, in lists.

use alloc::vec::Vec;

use crate::error::{Input, InputError, check_length, check_vector};
use crate::model::limits::Limits;

/// Multipliers of a solution's constraints. Those of bounds are
/// [`Solution::bound_multipliers`](crate::Solution::bound_multipliers).
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Multipliers {
    /// Of the stages' constraints, stage after stage, inequalities first in each; zero where an inequality is inactive. In a
    /// relaxed problem each inequality has one, the relaxation over its slack.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub stage: Vec<f64>,
    /// Of the terminal constraints, inequalities first.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub terminal: Vec<f64>,
}

impl Multipliers {
    /// Copies others, and keeps the memory.
    pub(crate) fn copy(&mut self, from: &Self) {
        copy(&mut self.stage, &from.stage);
        copy(&mut self.terminal, &from.terminal);
    }

    /// Zeros, for a horizon of `T` stages with `stage` constraints each, and `terminal` constraints of the terminal state.
    #[must_use]
    pub fn zeros(horizon: usize, stage: usize, terminal: usize) -> Self {
        Self { stage: vec![0.0; horizon * stage], terminal: vec![0.0; terminal] }
    }

    /// Whether no constraint has one other than zero.
    pub(crate) fn are_zero(&self) -> bool {
        self.iter().all(|&multiplier| multiplier == 0.0)
    }

    /// All of them, those of the stages first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &f64> {
        self.stage.iter().chain(&self.terminal)
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.stage.iter_mut().chain(&mut self.terminal)
    }

    /// Checks the lengths, for a solver over `horizon` stages.
    pub(crate) fn check_lengths(&self, horizon: usize, limits: &Limits) -> Result<(), InputError> {
        check_length(Input::Multipliers, self.stage.len(), horizon * limits.listed())?;
        check_length(Input::Multipliers, self.terminal.len(), limits.terminal())
    }

    /// Checks that all are finite.
    pub(crate) fn check_finite(&self) -> Result<(), InputError> {
        check_vector(Input::Multipliers, &self.stage)?;
        check_vector(Input::Multipliers, &self.terminal)
    }
}

/// Copies a list into another that keeps its memory.
pub(crate) fn copy<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}
