//! A controller with a receding horizon as a Python object.

use std::sync::{Mutex, MutexGuard, TryLockError};

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::controller::AnyController;
use crate::solution::{Solution, stats};

/// A controller with a receding horizon. `dilqr.Mpc` wraps it.
#[pyclass(frozen, module = "dilqr._native")]
pub(crate) struct Controller {
    controller: Mutex<Box<dyn AnyController>>,
}

impl Controller {
    pub(crate) fn new(controller: Box<dyn AnyController>) -> Self {
        Self { controller: Mutex::new(controller) }
    }

    /// The controller, which one thread uses at a time.
    fn lock(&self) -> PyResult<MutexGuard<'_, Box<dyn AnyController>>> {
        match self.controller.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(PyRuntimeError::new_err("another thread is in a step of this controller: give each thread its own"))
            }
        }
    }
}

#[pymethods]
impl Controller {
    /// The control for a measured state.
    fn step<'py>(&self, python: Python<'py>, x: PyReadonlyArray1<'py, f64>) -> PyResult<Bound<'py, PyDict>> {
        let x = x.as_slice()?.to_vec();
        // The lock is taken and released without the interpreter.
        let step = python.detach(|| Ok::<_, PyErr>(self.lock()?.step(&x)?))?;
        let dict = PyDict::new(python);
        dict.set_item("control", PyArray1::from_vec(python, step.control))?;
        dict.set_item("gain", PyArray1::from_vec(python, step.gain))?;
        dict.set_item("status", step.status.to_string())?;
        dict.set_item("converged", step.status.is_converged())?;
        dict.set_item("cause", step.cause.map(|cause| cause.to_string()))?;
        dict.set_item("replanned", step.replanned)?;
        dict.set_item("cost", step.cost)?;
        dict.set_item("stats", stats(python, &step.stats)?)?;
        Ok(dict)
    }

    /// Shifts the plan by a stage.
    fn advance(&self) -> PyResult<()> {
        self.lock()?.advance();
        Ok(())
    }

    /// Drops the plan.
    fn reset(&self) -> PyResult<()> {
        self.lock()?.reset();
        Ok(())
    }

    /// Changes the parameters.
    fn set_params(&self, params: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        Ok(self.lock()?.set_params(params.as_slice()?)?)
    }

    /// Changes the stage parameters.
    fn set_stage_params(&self, stage_params: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        Ok(self.lock()?.set_stage_params(stage_params.as_slice()?)?)
    }

    /// Sets the control that was applied before the next step.
    fn set_previous(&self, previous: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        Ok(self.lock()?.set_previous(previous.as_slice()?)?)
    }

    /// The parameters.
    fn params<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_vec(python, self.lock()?.params()))
    }

    /// Starts anew from a solution.
    fn start_from(&self, solution: &Solution) -> PyResult<()> {
        Ok(self.lock()?.start_from(&solution.solved)?)
    }

    /// The plan of the last step.
    fn plan(&self) -> PyResult<Option<Solution>> {
        Ok(self.lock()?.plan().map(|solved| Solution { solved }))
    }
}
