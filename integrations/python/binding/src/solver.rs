//! A solver as a Python object.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::{AnySolver, DataVectors, Losses, OneGradient, Problems, Second, Sizes};
use crate::error::{Failure, Reason, is_input, reason};
use crate::pool::pool;
use crate::settings::to_dict;
use crate::solution::{Batch, Solution};

/// An array of the package, C-contiguous.
type List<'py> = PyReadonlyArray1<'py, f64>;
type Array<'py> = Bound<'py, PyArray1<f64>>;

/// Solves problems of one model over one horizon. `dilqr.Solver` wraps it.
#[pyclass(frozen, module = "dilqr._native")]
pub(crate) struct Solver {
    solver: Box<dyn AnySolver>,
    sizes: Sizes,
}

impl Solver {
    pub(crate) fn new(solver: Box<dyn AnySolver>, sizes: Sizes) -> Self {
        Self { solver, sizes }
    }

    /// Numbers that stand for a gradient that does not exist.
    fn no_gradient(&self) -> DataVectors {
        let Sizes { nx, np, ns, .. } = self.sizes;
        let nan = |count: usize| vec![f64::NAN; count];
        DataVectors { x0: nan(nx), params: nan(np), stage_params: nan((self.solver.horizon() + 1) * ns) }
    }

    /// The gradients of a batch one after another, and for each why it does not exist.
    fn join(&self, gradients: Vec<OneGradient>) -> Result<(DataVectors, Vec<Option<Reason>>), Failure> {
        let (mut all, mut reasons) = (DataVectors::default(), Vec::with_capacity(gradients.len()));
        for (problem, gradient) in gradients.into_iter().enumerate() {
            let (gradient, why) = match gradient {
                Ok(gradient) => (gradient, None),
                Err(error) if is_input(&error) => {
                    return Err(Failure::Argument(format!("problem {problem}: {error}")));
                }
                Err(error) => (self.no_gradient(), Some(reason(&error))),
            };
            all.x0.extend(gradient.x0);
            all.params.extend(gradient.params);
            all.stage_params.extend(gradient.stage_params);
            reasons.push(why);
        }
        Ok((all, reasons))
    }
}

/// The list under a name, if there is one.
fn optional(data: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<Vec<f64>>> {
    match data.get_item(name)? {
        Some(list) if !list.is_none() => Ok(Some(list.extract::<List<'_>>()?.as_slice()?.to_vec())),
        _ => Ok(None),
    }
}

/// The list under a name; empty without one.
fn list(data: &Bound<'_, PyDict>, name: &str) -> PyResult<Vec<f64>> {
    Ok(optional(data, name)?.unwrap_or_default())
}

fn problems(data: &Bound<'_, PyDict>) -> PyResult<Problems> {
    let start = match data.get_item("start")? {
        Some(start) if !start.is_none() => {
            let solutions: Vec<PyRef<'_, Solution>> = start.extract()?;
            Some(solutions.iter().map(|solution| solution.solved.clone()).collect())
        }
        _ => None,
    };
    Ok(Problems {
        x0: list(data, "x0")?,
        params: list(data, "params")?,
        stage_params: list(data, "stage_params")?,
        controls: optional(data, "controls")?,
        states: optional(data, "states")?,
        gain: optional(data, "gain")?,
        design: optional(data, "design")?,
        previous: optional(data, "previous")?,
        start,
    })
}

fn losses(data: &Bound<'_, PyDict>) -> PyResult<Losses> {
    Ok(Losses {
        states: list(data, "d_states")?,
        controls: list(data, "d_controls")?,
        design: list(data, "d_design")?,
        value: list(data, "d_value")?,
    })
}

fn directions(data: &Bound<'_, PyDict>) -> PyResult<DataVectors> {
    Ok(DataVectors { x0: list(data, "x0")?, params: list(data, "params")?, stage_params: list(data, "stage_params")? })
}

fn arrays(python: Python<'_>, vectors: DataVectors) -> [Array<'_>; 3] {
    [vectors.x0, vectors.params, vectors.stage_params].map(|list| PyArray1::from_vec(python, list))
}

#[pymethods]
impl Solver {
    /// The number of stages.
    #[getter]
    fn horizon(&self) -> usize {
        self.solver.horizon()
    }

    /// All settings.
    #[getter]
    fn settings<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(python, self.solver.settings())
    }

    /// Solves a problem.
    fn solve(&self, python: Python<'_>, data: &Bound<'_, PyDict>) -> PyResult<Solution> {
        let problem = problems(data)?;
        let solved = python.detach(|| self.solver.solve(&problem))?;
        Ok(Solution { solved })
    }

    /// Solves a batch of problems.
    fn solve_batch(&self, python: Python<'_>, data: &Bound<'_, PyDict>, threads: Option<usize>) -> PyResult<Batch> {
        let problems = problems(data)?;
        let pool = pool(python, threads)?;
        let solved = python.detach(|| pool.install(|| self.solver.solve_batch(&problems)))?;
        Ok(Batch { solved })
    }

    /// The gradient of a loss.
    fn vjp<'py>(&self, solution: &Bound<'py, Solution>, data: &Bound<'py, PyDict>) -> PyResult<[Array<'py>; 3]> {
        let (python, losses) = (solution.py(), losses(data)?);
        let solved = [solution.get().solved.clone()];
        let mut gradients = python.detach(|| self.solver.vjp(&solved, &losses))?;
        let gradient = gradients.remove(0).map_err(Failure::Gradient)?;
        Ok(arrays(python, gradient))
    }

    /// The gradients of losses, NaN where one does not exist, with the reasons.
    #[allow(clippy::type_complexity, reason = "what Python gets")]
    fn vjp_batch<'py>(
        &self,
        batch: &Bound<'py, Batch>,
        data: &Bound<'py, PyDict>,
        threads: Option<usize>,
    ) -> PyResult<([Array<'py>; 3], Vec<Option<Reason>>)> {
        let (python, losses) = (batch.py(), losses(data)?);
        let pool = pool(python, threads)?;
        let solved = &batch.get().solved;
        let gradients = python.detach(|| pool.install(|| self.solver.vjp(solved, &losses)))?;
        let (gradients, reasons) = self.join(gradients)?;
        Ok((arrays(python, gradients), reasons))
    }

    /// The second derivatives of losses that are linear in the trajectories, along a direction in the data: the changes of the
    /// gradients, those of states and controls, NaN where one does not exist, and the reasons.
    #[allow(clippy::type_complexity, reason = "what Python gets")]
    fn hvp_batch<'py>(
        &self,
        batch: &Bound<'py, Batch>,
        data: &Bound<'py, PyDict>,
        direction: &Bound<'py, PyDict>,
        threads: Option<usize>,
    ) -> PyResult<([Array<'py>; 3], [Array<'py>; 2], Vec<Option<Reason>>)> {
        let (python, losses, direction) = (batch.py(), losses(data)?, directions(direction)?);
        let pool = pool(python, threads)?;
        let solved = &batch.get().solved;
        let products = python.detach(|| pool.install(|| self.solver.hvp(solved, &losses, &direction)))?;
        let (mut states, mut controls, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
        let Sizes { nx, nu, .. } = self.sizes;
        for product in products {
            gradients.push(match product {
                Ok(Second { gradient, states: dx, controls: du }) => {
                    states.extend(dx);
                    controls.extend(du);
                    Ok(gradient)
                }
                Err(error) => {
                    states.extend(vec![f64::NAN; (self.solver.horizon() + 1) * nx]);
                    controls.extend(vec![f64::NAN; self.solver.horizon() * nu]);
                    Err(error)
                }
            });
        }
        let (gradients, reasons) = self.join(gradients)?;
        let trajectory = [states, controls].map(|list| PyArray1::from_vec(python, list));
        Ok((arrays(python, gradients), trajectory, reasons))
    }

    /// The second derivative of one loss: as `hvp_batch`, on this thread, with an exception where it does not exist.
    fn hvp<'py>(
        &self,
        solution: &Bound<'py, Solution>,
        data: &Bound<'py, PyDict>,
        direction: &Bound<'py, PyDict>,
    ) -> PyResult<([Array<'py>; 3], [Array<'py>; 2])> {
        let (python, losses, direction) = (solution.py(), losses(data)?, directions(direction)?);
        let solved = [solution.get().solved.clone()];
        let mut products = python.detach(|| self.solver.hvp(&solved, &losses, &direction))?;
        let Second { gradient, states, controls } = products.remove(0).map_err(Failure::Gradient)?;
        Ok((arrays(python, gradient), [states, controls].map(|list| PyArray1::from_vec(python, list))))
    }

    /// The derivative of states, controls and design variables in the parameters, or in those of a stage.
    fn jacobian<'py>(&self, solution: &Bound<'py, Solution>, stage: Option<usize>) -> PyResult<[Array<'py>; 3]> {
        let (python, solved) = (solution.py(), &solution.get().solved);
        let jacobian = python.detach(|| self.solver.jacobian(solved, stage))?;
        Ok([jacobian.states, jacobian.controls, jacobian.design].map(|list| PyArray1::from_vec(python, list)))
    }

    /// The gradient of the optimal cost.
    fn value_gradient<'py>(&self, solution: &Bound<'py, Solution>) -> PyResult<[Array<'py>; 3]> {
        let (python, solved) = (solution.py(), &solution.get().solved);
        let gradient = python.detach(|| self.solver.value_gradient(solved))?;
        Ok(arrays(python, gradient))
    }
}
