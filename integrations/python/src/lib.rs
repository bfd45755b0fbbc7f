//! The native part of the Python package `dilqr`: the shipped models.

mod models;

use pyo3::prelude::*;

use dilqr_python::{add_classes, model};
use models::{cartpole, pendulum, pendulum_limited, quadrotor, two_link_arm, unicycle};

/// Adds a model with its usual parameters.
macro_rules! add {
    ($python:ident, $module:ident) => {
        $python.add(stringify!($module), model!($module).with_defaults($module::Params::default()))?
    };
}

/// The shipped models, by their names.
#[pymodule]
fn _native(python: &Bound<'_, PyModule>) -> PyResult<()> {
    add_classes(python)?;
    add!(python, cartpole);
    add!(python, pendulum);
    add!(python, pendulum_limited);
    add!(python, quadrotor);
    add!(python, two_link_arm);
    add!(python, unicycle);
    Ok(())
}
