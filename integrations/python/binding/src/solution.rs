//! Solutions as Python objects.

use dilqr_runtime::{Certificate, Stats};
use numpy::PyArray1;
use pyo3::exceptions::{PyIndexError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::Solved;
use crate::trajectory::Part;

/// The solution of one problem. `dilqr.Solution` wraps it.
#[pyclass(frozen, module = "dilqr._native")]
pub(crate) struct Solution {
    pub(crate) solved: Solved,
}

#[pymethods]
impl Solution {
    /// How the solve ended, in words.
    #[getter]
    fn status(&self) -> String {
        self.solved.status().to_string()
    }

    /// Whether it is a solution to the tolerance.
    #[getter]
    fn converged(&self) -> bool {
        self.solved.status().is_converged()
    }

    /// Why and where a solve failed.
    #[getter]
    fn cause(&self) -> Option<String> {
        self.solved.cause().map(|cause| cause.to_string())
    }

    /// The optimal cost.
    #[getter]
    fn value(&self) -> f64 {
        self.solved.cost()
    }

    /// The relaxation that it was solved at.
    #[getter]
    fn relaxation(&self) -> Option<f64> {
        self.solved.relaxation()
    }

    /// The counts of the solve.
    #[getter]
    fn stats<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats(python, &self.solved.stats())
    }

    /// The numbers of the certificate, and its text.
    #[getter]
    fn certificate<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        certificate(python, &self.solved.certificate())
    }

    /// A list of numbers, without its shape.
    fn list<'py>(&self, python: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let part = Part::named(name).ok_or_else(|| PyKeyError::new_err(name.to_string()))?;
        Ok(PyArray1::from_vec(python, self.solved.list(part)))
    }
}

/// The solutions of a batch.
#[pyclass(frozen, module = "dilqr._native")]
pub(crate) struct Batch {
    pub(crate) solved: Vec<Solved>,
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.solved.len()
    }

    /// The solution of a problem.
    fn solution(&self, problem: usize) -> PyResult<Solution> {
        match self.solved.get(problem) {
            Some(solved) => Ok(Solution { solved: solved.clone() }),
            None => Err(PyIndexError::new_err(format!("problem {problem} of {}", self.solved.len()))),
        }
    }

    /// The solutions of these problems, as a batch. A problem may occur several times.
    fn select(&self, problems: Vec<usize>) -> PyResult<Self> {
        let one = |problem: usize| self.solution(problem).map(|solution| solution.solved);
        Ok(Self { solved: problems.into_iter().map(one).collect::<PyResult<_>>()? })
    }

    /// How each solve ended, in words.
    #[getter]
    fn status(&self) -> Vec<String> {
        self.solved.iter().map(|solved| solved.status().to_string()).collect()
    }

    /// Whether each is a solution to the tolerance.
    #[getter]
    fn converged(&self) -> Vec<bool> {
        self.solved.iter().map(|solved| solved.status().is_converged()).collect()
    }

    /// The iterations of each solve.
    #[getter]
    fn iterations(&self) -> Vec<usize> {
        self.solved.iter().map(|solved| solved.stats().iterations).collect()
    }

    /// The optimal costs.
    #[getter]
    fn value<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_iter(python, self.solved.iter().map(|solved| solved.cost()))
    }

    /// A list of numbers of all problems, without its shape.
    fn list<'py>(&self, python: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let part = Part::named(name).ok_or_else(|| PyKeyError::new_err(name.to_string()))?;
        let all: Vec<f64> = self.solved.iter().flat_map(|solved| solved.list(part)).collect();
        Ok(PyArray1::from_vec(python, all))
    }
}

/// Counts as a dict.
pub(crate) fn stats<'py>(python: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(python);
    dict.set_item("iterations", stats.iterations)?;
    dict.set_item("line_search_steps", stats.line_search_steps)?;
    dict.set_item("regularizations", stats.regularizations)?;
    dict.set_item("multiplier_updates", stats.multiplier_updates)?;
    dict.set_item("newton_steps", stats.newton_steps)?;
    dict.set_item("stationarity", stats.stationarity)?;
    dict.set_item("step", stats.step)?;
    dict.set_item("violation", stats.violation)?;
    dict.set_item("violation_stage", stats.violation_stage)?;
    Ok(dict)
}

fn certificate<'py>(python: Python<'py>, certificate: &Certificate) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(python);
    dict.set_item("stationarity", certificate.stationarity)?;
    dict.set_item("step", certificate.step)?;
    dict.set_item("violation", certificate.violation)?;
    dict.set_item("violation_stage", certificate.violation_stage)?;
    dict.set_item("smallest_eigenvalue", certificate.smallest_eigenvalue)?;
    dict.set_item("condition", certificate.condition)?;
    let active = certificate.active.iter().map(|active| (active.stage, active.limit.to_string(), active.multiplier));
    dict.set_item("active", active.collect::<Vec<_>>())?;
    dict.set_item("margin", certificate.margin)?;
    dict.set_item("weakest", certificate.weakest.map(|(stage, limit)| (stage, limit.to_string())))?;
    dict.set_item("text", certificate.to_string())?;
    Ok(dict)
}
