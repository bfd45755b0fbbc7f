//! Batches of optimal control problems as differentiable layers of [candle](candle_core).
//!
//! [`Layer`] wraps the layer of `dilqr-runtime`. Its inputs and outputs are tensors of `f64` on the processor, and gradients of
//! a loss flow through it into initial states, parameters, stage parameters and the weights of the model's networks.
//!
//! ```
//! use candle_core::{DType, Device, Tensor, Var};
//! use dilqr_candle::{Inputs, Layer};
//! use dilqr_runtime::{Settings, Status, layer};
//! # use dilqr_runtime::model::{Stage, Terminal};
//! # use dilqr_runtime::nalgebra::SVector;
//! # use dilqr_runtime::{Model, Scalar};
//!
//! /// `x+ = x + u`, `l = 1/2 (x^2 + p u^2)`, `l_T = 1/2 x^2`.
//! #[derive(Clone, Copy)]
//! struct Push;
//! # impl Model<1, 1, 1> for Push {
//! #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
//! #         next[0] = at.x[0] + at.u[0];
//! #     }
//! #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>) -> S {
//! #         S::from_f64(0.5) * (at.x[0] * at.x[0] + at.p[0] * at.u[0] * at.u[0])
//! #     }
//! #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1>) -> S {
//! #         S::from_f64(0.5) * at.x[0] * at.x[0]
//! #     }
//! # }
//! let layer = Layer::new(layer::Layer::new(Push, 1, Settings::default())?);
//!
//! // Two problems with one price of pushing: u = -x_0 / (1 + p).
//! let x0 = Tensor::new(&[[3.0], [-6.0]], &Device::Cpu)?;
//! let price = Var::new(&[[2.0]], &Device::Cpu)?;
//! let solved = layer.forward(&Inputs::new(&x0).with_params(&price))?;
//! assert!(solved.output().status.iter().all(|status| *status == Status::Converged));
//! assert!((solved.controls.flatten_all()?.to_vec1::<f64>()?[0] + 1.0).abs() < 1e-12);
//!
//! // L = sum of the controls: dL/dp = sum of x_0 / (1 + p)^2.
//! let gradients = solved.controls.sum_all()?.backward()?;
//! let of_price = gradients.get(&price).expect("a variable has a gradient");
//! assert!((of_price.flatten_all()?.to_vec1::<f64>()?[0] + 3.0 / 9.0).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

mod op;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use dilqr_layers::{List, Lists, Solve};
use dilqr_runtime::layer::{LayerError, OnNoGradient, Output};
use dilqr_runtime::{Formulation, GradientError, Input, layer};
use thiserror::Error;

pub use dilqr_layers::TensorError;

/// Why a layer gives no output.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor or its numbers were refused.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An operation of candle failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(error) => Self::wrap(error),
            Error::Candle(error) => error,
        }
    }
}

/// The tensors of `B` problems over `T` stages: `f64`, on the processor, in any memory layout.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    x0: &'a Tensor,
    params: Option<&'a Tensor>,
    stage_params: Option<&'a Tensor>,
    weights: Option<&'a Tensor>,
}

impl<'a> Inputs<'a> {
    /// Initial states, `B x NX`. Where the model chooses its initial state, they are the guess, and have a gradient of zero.
    #[must_use]
    pub fn new(x0: &'a Tensor) -> Self {
        Self { x0, params: None, stage_params: None, weights: None }
    }

    /// Parameters, `B x NP`, or `1 x NP` for all problems.
    #[must_use]
    pub fn with_params(self, params: &'a Tensor) -> Self {
        Self { params: Some(params), ..self }
    }

    /// Stage parameters, `B x (T + 1) x NS`.
    #[must_use]
    pub fn with_stage_params(self, stage_params: &'a Tensor) -> Self {
        Self { stage_params: Some(stage_params), ..self }
    }

    /// The weights of all networks of the model, one network after another, in one row. Without them the model keeps its own.
    #[must_use]
    pub fn with_weights(self, weights: &'a Tensor) -> Self {
        Self { weights: Some(weights), ..self }
    }

    fn lists(&self) -> Result<Lists, Error> {
        let some = |input, tensor: Option<&Tensor>| tensor.map(|tensor| list(input, tensor)).transpose();
        Ok(Lists {
            x0: list(Input::InitialState, self.x0)?,
            params: some(Input::Params, self.params)?,
            stage_params: some(Input::StageParams, self.stage_params)?,
            weights: some(Input::Weights, self.weights)?,
        })
    }

    /// Parameters, stage parameters and weights in one row.
    fn packed(&self) -> candle_core::Result<Tensor> {
        let rows = [self.params, self.stage_params, self.weights].into_iter().flatten().map(Tensor::flatten_all);
        let rows = rows.collect::<candle_core::Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Tensor::zeros(0, DType::F64, &Device::Cpu);
        }
        Tensor::cat(&rows, 0)
    }
}

/// The numbers of a tensor.
fn list(input: Input, tensor: &Tensor) -> Result<List, Error> {
    if tensor.dtype() != DType::F64 {
        return Err(TensorError::Type { input, given: format!("{:?}", tensor.dtype()) }.into());
    }
    if !tensor.device().is_cpu() {
        let given = format!("{:?}", tensor.device().location());
        return Err(TensorError::Device { input, given, expected: "Cpu" }.into());
    }
    Ok(List { values: tensor.flatten_all()?.to_vec1()?, shape: tensor.dims().to_vec() })
}

/// A batch of problems as a function of tensors.
#[derive(Clone, Debug)]
pub struct Layer<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    layer: Arc<layer::Layer<M, NX, NU, NP, NS, ND>>,
    on_no_gradient: OnNoGradient,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Layer<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone + Send + Sync + 'static,
{
    /// A layer that solves with this one. A gradient that does not exist is an error of candle's backward pass, with the text of
    /// the error that [`Solved::refused`] returns.
    #[must_use]
    pub fn new(layer: layer::Layer<M, NX, NU, NP, NS, ND>) -> Self {
        Self { layer: Arc::new(layer), on_no_gradient: OnNoGradient::Raise }
    }

    /// What stands for gradients that do not exist.
    #[must_use]
    pub fn with_on_no_gradient(self, on_no_gradient: OnNoGradient) -> Self {
        Self { on_no_gradient, ..self }
    }

    /// Solves a batch.
    ///
    /// # Errors
    /// [`Error::Tensor`] for a tensor of another type, on another device or of another shape, an empty batch, and numbers that are
    /// not finite; it names the input. A problem that has not converged is no error: its status says so.
    pub fn forward(&self, inputs: &Inputs<'_>) -> Result<Solved<M, NX, NU, NP, NS, ND>, Error> {
        self.solve(inputs, None)
    }

    /// [`forward`](Self::forward) from the solutions of a batch of as many problems. Problems that have not converged there begin
    /// cold.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also for another number of problems or another horizon.
    pub fn forward_from(
        &self,
        inputs: &Inputs<'_>,
        previous: &Output<NX, NU, NP, NS, ND>,
    ) -> Result<Solved<M, NX, NU, NP, NS, ND>, Error> {
        self.solve(inputs, Some(previous))
    }

    fn solve(
        &self,
        inputs: &Inputs<'_>,
        previous: Option<&Output<NX, NU, NP, NS, ND>>,
    ) -> Result<Solved<M, NX, NU, NP, NS, ND>, Error> {
        let solve = dilqr_layers::solve(&self.layer, &inputs.lists()?, previous, self.on_no_gradient)?;
        let solve = Arc::new(solve);
        let values = op::apply(inputs.x0, &inputs.packed()?, solve.clone())?;
        let (states, controls) = (solve.states_shape(), solve.controls_shape());
        let count = states.iter().product();
        Ok(Solved {
            states: values.narrow(0, 0, count)?.reshape(&states)?,
            controls: values.narrow(0, count, controls.iter().product())?.reshape(&controls)?,
            solve,
        })
    }
}

/// A solved batch of `B` problems over `T` stages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    /// The states, `B x (T + 1) x NX`. They carry gradients.
    pub states: Tensor,
    /// The controls, `B x T x NU`. They carry gradients.
    pub controls: Tensor,
    solve: Arc<Solve<M, NX, NU, NP, NS, ND>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Solved<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    /// Statuses and their causes, costs, design variables, solutions; also the start of [`Layer::forward_from`].
    #[must_use]
    pub fn output(&self) -> &Output<NX, NU, NP, NS, ND> {
        self.solve.output()
    }

    /// For each problem why the last backward pass through this batch found no gradient; `None` where it found one, and before
    /// the first pass.
    ///
    /// # Errors
    /// The error that ended the last backward pass.
    pub fn refused(&self) -> Result<Vec<Option<GradientError>>, LayerError> {
        self.solve.refused()
    }
}
