//! Why a layer gives no output or no gradient.

use thiserror::Error;

use crate::error::{GradientError, InputError, SettingsError, SolveError};

/// An error of a [`Layer`](crate::layer::Layer). Problems are counted from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The settings or the horizon were refused.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No initial state was given.
    #[error("the batch is empty, expected at least one initial state")]
    EmptyBatch,
    /// The initial states do not fill their rows.
    #[error("the list of initial states has {given} numbers, expected a multiple of {row}")]
    Rows {
        /// The numbers that were given.
        given: usize,
        /// The numbers of one state.
        row: usize,
    },
    /// The batch of a warm start has another size.
    #[error("the previous output has {given} problems, expected {expected}")]
    Previous {
        /// The problems of the previous output.
        given: usize,
        /// The problems of this batch.
        expected: usize,
    },
    /// Another list of numbers was refused. Lengths are those of the flat lists.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The data of a problem were refused.
    #[error("problem {problem}: {error}")]
    Problem {
        /// Its place in the batch.
        problem: usize,
        /// What was refused.
        #[source]
        error: SolveError,
    },
    /// The gradient of a problem does not exist, with [`OnNoGradient::Raise`](crate::layer::OnNoGradient).
    #[error("problem {problem}: {error}")]
    NoGradient {
        /// Its place in the batch.
        problem: usize,
        /// The reason.
        #[source]
        error: GradientError,
    },
}
