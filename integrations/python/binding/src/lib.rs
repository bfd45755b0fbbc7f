//! Compiled models of dilqr as Python modules.
//!
//! [`export!`](crate::export) makes an extension module of a model. Its function `model` is what `dilqr.Solver`, `dilqr.Mpc` and
//! the layers of the Python package `dilqr` take:
//!
//! ```text
//! #[dilqr_runtime::model]
//! mod my_model { .. }
//!
//! dilqr_python::export!(my_model);
//! ```
//!
//! ```text
//! >>> import dilqr, my_model
//! >>> dilqr.Solver(my_model.model, horizon=40).solve(..)
//! ```
//!
//! The classes here take and return flat arrays of `f64`. The Python package checks shapes and names before, and gives arrays
//! their shapes after. Classes of two extension modules are different types, so the package uses them by their methods alone.
#![warn(missing_docs)]

mod controller;
mod data;
mod error;
mod model;
mod mpc;
mod pool;
mod settings;
mod solution;
mod solver;
mod trajectory;
mod typed;

pub use model::Model;

#[doc(hidden)]
pub use pastey;
#[doc(hidden)]
pub use pyo3;

/// The version of the interface between the extension modules and the Python package `dilqr`.
pub(crate) const INTERFACE: u32 = 1;

/// The model of a module that `#[dilqr_runtime::model]` compiled, as a [`Model`]. The second argument is a value of the model's
/// type; models without networks need none. The module is one of the module that calls this.
#[macro_export]
macro_rules! model {
    ($module:ident) => {
        $crate::pastey::paste! { $crate::model!($module, self::$module::[<$module:camel>]) }
    };
    ($module:ident, $value:expr) => {{
        // Models without stage parameters have no such struct: then this one is in scope.
        #[allow(dead_code, reason = "most models have no stage parameters")]
        struct StageParams;
        #[allow(dead_code, reason = "as above")]
        impl StageParams {
            const NAMES: [&'static str; 0] = [];
        }
        let stage_params: &'static [&'static str] = {
            #[allow(unused_imports, reason = "as above")]
            use self::$module::*;
            &StageParams::NAMES
        };
        $crate::Model::new(
            stringify!($module),
            $value,
            $crate::Names {
                states: &self::$module::State::NAMES,
                controls: &self::$module::Control::NAMES,
                params: &self::$module::Params::NAMES,
                stage_params,
            },
        )
    }};
}

/// Makes this crate, a `cdylib` with the name of the model's module, a Python module. Its attribute `model` is a `dilqr.Model`.
///
/// `export!(my_model)` takes the module of a model without networks. For a model with networks, whose value holds their weights,
/// it is `export!(my_model, my_model::MyModel::new(my_model::Residual::xavier(1)))`.
#[macro_export]
macro_rules! export {
    ($module:ident $(, $value:expr)?) => {
        const _: () = {
            fn model() -> $crate::Model {
                $crate::model!($module $(, $value)?)
            }

            // In a scope of its own: the attribute makes a module of the same name.
            const _: () = {
                #[$crate::pyo3::pymodule]
                #[pyo3(crate = "::dilqr_python::pyo3")]
                fn $module(
                    python: &$crate::pyo3::Bound<'_, $crate::pyo3::types::PyModule>,
                ) -> $crate::pyo3::PyResult<()> {
                    $crate::add_model(python, model())
                }
            };
        };
    };
}

/// The names of a model's numbers, in the order of its vectors.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Of the states, `NX`.
    pub states: &'static [&'static str],
    /// Of the controls, `NU`.
    pub controls: &'static [&'static str],
    /// Of the parameters, `NP`.
    pub params: &'static [&'static str],
    /// Of the stage parameters, `NS`.
    pub stage_params: &'static [&'static str],
}

/// Adds the classes of this crate to a Python module.
///
/// # Errors
/// Where Python has no memory for them.
pub fn add_classes(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
    use pyo3::types::PyModuleMethods;
    module.add_class::<Model>()?;
    module.add_class::<solver::Solver>()?;
    module.add_class::<solution::Solution>()?;
    module.add_class::<solution::Batch>()?;
    module.add_class::<mpc::Controller>()
}

/// Adds a model to a Python module, as its attribute `model`.
///
/// # Errors
/// Where the Python package `dilqr` cannot be imported, or has another version.
#[doc(hidden)]
pub fn add_model(module: &pyo3::Bound<'_, pyo3::types::PyModule>, model: Model) -> pyo3::PyResult<()> {
    use pyo3::types::{PyAnyMethods, PyModuleMethods};
    let python = module.py();
    let wrapped = python.import("dilqr")?.getattr("Model")?.call1((pyo3::Py::new(python, model)?,))?;
    module.add("model", wrapped)
}
