//! Errors as Python exceptions, with the same text.

use dilqr_runtime::{GradientError, SettingsError, SolveError};
use pyo3::PyErr;
use pyo3::exceptions::PyValueError;
use thiserror::Error;

pyo3::import_exception!(dilqr, NoGradient);

/// Why a call gives no result.
#[derive(Clone, Debug, Error)]
pub(crate) enum Failure {
    /// The settings or the horizon.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data of the only problem.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// The data of a problem of a batch.
    #[error("problem {problem}: {error}")]
    Problem {
        /// Its place.
        problem: usize,
        /// What was refused.
        error: SolveError,
    },
    /// A gradient.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// A list of another length.
    #[error("{name} has {given} numbers, expected {expected}")]
    Length {
        /// The argument.
        name: &'static str,
        /// Its length.
        given: usize,
        /// The length that fits.
        expected: usize,
    },
    /// A solution of another model, or over another horizon.
    #[error("the solution is one of {given}, expected one of {expected}")]
    Foreign {
        /// Its model and horizon.
        given: String,
        /// Those of the solver.
        expected: String,
    },
    /// Anything else about an argument.
    #[error("{0}")]
    Argument(String),
}

/// Whether an error is about the input: then it is no reason why a gradient does not exist.
pub(crate) fn is_input(error: &GradientError) -> bool {
    use GradientError::{Input, NoSuchStage, Problem, Settings};
    matches!(error, Input(_) | NoSuchStage { .. } | Problem(_) | Settings(_))
}

/// Why a gradient does not exist: its kind, and in words.
pub(crate) type Reason = (&'static str, String);

/// The kind of an error, as Python names it.
pub(crate) fn reason(error: &GradientError) -> Reason {
    use GradientError::{ConstraintsDependent, NotConverged, NotPositiveDefinite, Undefined, WeaklyActive};
    let kind = match error {
        NotConverged { .. } => "not_converged",
        NotPositiveDefinite { .. } => "not_positive_definite",
        WeaklyActive { .. } => "weakly_active",
        ConstraintsDependent { .. } => "constraints_dependent",
        Undefined => "undefined",
        _ => "other",
    };
    (kind, error.to_string())
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Gradient(error) if !is_input(error) => NoGradient::new_err(failure.to_string()),
            _ => PyValueError::new_err(failure.to_string()),
        }
    }
}

/// Checks the length of a list.
pub(crate) fn check_length(name: &'static str, given: usize, expected: usize) -> Result<(), Failure> {
    if given == expected { Ok(()) } else { Err(Failure::Length { name, given, expected }) }
}
