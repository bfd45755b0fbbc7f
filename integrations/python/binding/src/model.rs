//! A model as a Python object.

use std::fmt;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Ilqr, Mpc, Settings};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::controller::AnyController;
use crate::data::{AnySolver, Sizes};
use crate::error::{Failure, check_length};
use crate::mpc::Controller;
use crate::settings::settings;
use crate::solver::Solver;
use crate::typed::TypedSolver;
use crate::{INTERFACE, Names};

type MakeSolver = dyn Fn(usize, Settings) -> Result<Box<dyn AnySolver>, Failure> + Send + Sync;
type MakeController = dyn Fn(&[f64], usize, Settings) -> Result<Box<dyn AnyController>, Failure> + Send + Sync;

/// A compiled model. `dilqr.Model` wraps it.
#[pyclass(frozen, module = "dilqr._native")]
pub struct Model {
    name: &'static str,
    names: Names,
    sizes: Sizes,
    defaults: Option<Vec<f64>>,
    make_solver: Box<MakeSolver>,
    make_controller: Box<MakeController>,
}

impl Model {
    /// A model with its name and the names of its numbers.
    #[must_use]
    pub fn new<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
        name: &'static str,
        model: M,
        names: Names,
    ) -> Self
    where
        M: Formulation<NX, NU, NP, NS, ND> + Clone + Send + Sync + 'static,
        Ilqr<M, NX, NU, NP, NS, ND>: Send,
        Mpc<M, NX, NU, NP, NS, ND>: Send,
    {
        let of_solver = model.clone();
        Self {
            name,
            names,
            sizes: Sizes { nx: NX, nu: NU, np: NP, ns: NS, nd: ND },
            defaults: None,
            make_solver: Box::new(move |horizon, settings| {
                Ok(Box::new(TypedSolver::new(name, of_solver.clone(), horizon, settings)?))
            }),
            make_controller: Box::new(move |params, horizon, settings| {
                check_length("params", params.len(), NP)?;
                let params = SVector::<f64, NP>::from_column_slice(params);
                Ok(Box::new(Mpc::new(model.clone(), params, horizon, settings)?))
            }),
        }
    }

    /// With usual values of the parameters.
    #[must_use]
    pub fn with_defaults<const NP: usize>(mut self, params: impl Into<[f64; NP]>) -> Self {
        self.defaults = Some(params.into().to_vec());
        self
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("name", &self.name).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

#[pymethods]
impl Model {
    /// The version of the interface to the Python package.
    #[getter]
    fn interface(&self) -> u32 {
        INTERFACE
    }

    /// The name of the model.
    #[getter]
    fn name(&self) -> &'static str {
        self.name
    }

    /// The names of states, controls, parameters and stage parameters.
    #[getter]
    #[allow(clippy::type_complexity, reason = "four lists of one kind")]
    fn names(&self) -> (Vec<&'static str>, Vec<&'static str>, Vec<&'static str>, Vec<&'static str>) {
        let Names { states, controls, params, stage_params } = self.names;
        (states.to_vec(), controls.to_vec(), params.to_vec(), stage_params.to_vec())
    }

    /// The number of design variables.
    #[getter]
    fn design_size(&self) -> usize {
        self.sizes.nd
    }

    /// Usual values of the parameters, if the model has some.
    #[getter]
    fn defaults(&self) -> Option<Vec<f64>> {
        self.defaults.clone()
    }

    /// A solver of problems over a horizon.
    fn solver(&self, horizon: usize, keywords: &Bound<'_, PyDict>) -> PyResult<Solver> {
        Ok(Solver::new((self.make_solver)(horizon, settings(keywords)?)?, self.sizes))
    }

    /// A controller that looks a horizon ahead.
    fn controller(
        &self,
        params: PyReadonlyArray1<'_, f64>,
        horizon: usize,
        keywords: &Bound<'_, PyDict>,
    ) -> PyResult<Controller> {
        let params = params.as_slice()?.to_vec();
        Ok(Controller::new((self.make_controller)(&params, horizon, settings(keywords)?)?))
    }
}
