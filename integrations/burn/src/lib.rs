//! Batches of optimal control problems as differentiable layers of [burn].
//!
//! [`Layer`] wraps the layer of `dilqr-runtime`. Its inputs and outputs are tensors of `f64` of the backend Flex, and gradients of
//! a loss flow through it into initial states, parameters, stage parameters and the weights of the model's networks.
//!
//! ```
//! use burn::tensor::{DType, Device, Tensor};
//! use dilqr_burn::{Inputs, Layer};
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
//! let device = Device::flex().autodiff();
//!
//! // Two problems with one price of pushing: u = -x_0 / (1 + p).
//! let x0 = Tensor::<2>::from_data([[3.0], [-6.0]], (&device, DType::F64));
//! let price = Tensor::<2>::from_data([[2.0]], (&device, DType::F64)).require_grad();
//! let solved = layer.forward(&Inputs::new(&x0).with_params(&price))?;
//! assert!(solved.output().status.iter().all(|status| *status == Status::Converged));
//! assert!((solved.controls.to_data().try_to_vec::<f64>()?[0] + 1.0).abs() < 1e-12);
//!
//! // L = sum of the controls: dL/dp = sum of x_0 / (1 + p)^2.
//! let gradients = solved.controls.clone().sum().backward();
//! solved.refused()?;
//! let of_price = price.grad(&gradients).expect("it requires a gradient");
//! assert!((of_price.to_data().try_to_vec::<f64>()?[0] + 3.0 / 9.0).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

mod op;

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use dilqr_layers::{List, Lists, Solve};
use dilqr_runtime::layer::{LayerError, OnNoGradient, Output};
use dilqr_runtime::{Formulation, GradientError, Input, layer};

pub use dilqr_layers::TensorError;

/// The tensors of `B` problems over `T` stages: `f64`, of the backend Flex.
///
/// `Tensor::cast(DType::F64)` turns the output of a network with other numbers into such a tensor, and its gradient back.
#[derive(Clone, Debug)]
pub struct Inputs {
    x0: Tensor<2>,
    params: Option<Tensor<2>>,
    stage_params: Option<Tensor<3>>,
    weights: Option<Tensor<1>>,
}

impl Inputs {
    /// Initial states, `B x NX`. Where the model chooses its initial state, they are the guess, and have a gradient of zero.
    #[must_use]
    pub fn new(x0: &Tensor<2>) -> Self {
        Self { x0: x0.clone(), params: None, stage_params: None, weights: None }
    }

    /// Parameters, `B x NP`, or `1 x NP` for all problems.
    #[must_use]
    pub fn with_params(self, params: &Tensor<2>) -> Self {
        Self { params: Some(params.clone()), ..self }
    }

    /// Stage parameters, `B x (T + 1) x NS`.
    #[must_use]
    pub fn with_stage_params(self, stage_params: &Tensor<3>) -> Self {
        Self { stage_params: Some(stage_params.clone()), ..self }
    }

    /// The weights of all networks of the model, one network after another, in one row. Without them the model keeps its own.
    #[must_use]
    pub fn with_weights(self, weights: &Tensor<1>) -> Self {
        Self { weights: Some(weights.clone()), ..self }
    }

    fn lists(&self) -> Result<Lists, TensorError> {
        let (params, stage_params) = (self.params.as_ref(), self.stage_params.as_ref());
        Ok(Lists {
            x0: list(Input::InitialState, &self.x0)?,
            params: params.map(|tensor| list(Input::Params, tensor)).transpose()?,
            stage_params: stage_params.map(|tensor| list(Input::StageParams, tensor)).transpose()?,
            weights: self.weights.as_ref().map(|tensor| list(Input::Weights, tensor)).transpose()?,
        })
    }

    /// Parameters, stage parameters and weights in one row.
    fn packed(&self) -> Tensor<1> {
        let (params, stage_params) = (self.params.clone(), self.stage_params.clone());
        let rows = [params.and_then(row), stage_params.and_then(row), self.weights.clone().and_then(row)];
        let rows: Vec<Tensor<1>> = rows.into_iter().flatten().collect();
        if rows.is_empty() {
            return Tensor::zeros([0], (&self.x0.device(), DType::F64));
        }
        Tensor::cat(rows, 0)
    }
}

/// A tensor in one row. One without a number has none: burn does not reshape it.
fn row<const D: usize>(tensor: Tensor<D>) -> Option<Tensor<1>> {
    let count = tensor.shape().num_elements();
    (count > 0).then(|| tensor.reshape([count]))
}

/// The numbers of a tensor.
fn list<const D: usize>(input: Input, tensor: &Tensor<D>) -> Result<List, TensorError> {
    let error = |given: String| TensorError::Type { input, given };
    if tensor.dtype() != DType::F64 {
        return Err(error(format!("{:?}", tensor.dtype())));
    }
    // Devices with and without derivatives are equal.
    if tensor.device() != Device::flex() {
        return Err(TensorError::Device { input, given: format!("{:?}", tensor.device()), expected: "Flex" });
    }
    let values = tensor.to_data().try_to_vec().map_err(|data| error(data.to_string()))?;
    Ok(List { values, shape: tensor.dims().to_vec() })
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
    /// A layer that solves with this one.
    ///
    /// Burn's backward pass returns no error. Where a gradient does not exist, those of the whole batch are NaN, and
    /// [`Solved::refused`] returns the error.
    #[must_use]
    pub fn new(layer: layer::Layer<M, NX, NU, NP, NS, ND>) -> Self {
        Self { layer: Arc::new(layer), on_no_gradient: OnNoGradient::Raise }
    }

    /// What stands for gradients that do not exist. [`OnNoGradient::Raise`], the default, is described at [`new`](Self::new).
    #[must_use]
    pub fn with_on_no_gradient(self, on_no_gradient: OnNoGradient) -> Self {
        Self { on_no_gradient, ..self }
    }

    /// Solves a batch.
    ///
    /// # Errors
    /// [`TensorError`] for a tensor of another type, on another device or of another shape, an empty batch, and numbers that are
    /// not finite; it names the input. A problem that has not converged is no error: its status says so.
    pub fn forward(&self, inputs: &Inputs) -> Result<Solved<M, NX, NU, NP, NS, ND>, TensorError> {
        self.solve(inputs, None)
    }

    /// [`forward`](Self::forward) from the solutions of a batch of as many problems. Problems that have not converged there begin
    /// cold.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also for another number of problems or another horizon.
    pub fn forward_from(
        &self,
        inputs: &Inputs,
        previous: &Output<NX, NU, NP, NS, ND>,
    ) -> Result<Solved<M, NX, NU, NP, NS, ND>, TensorError> {
        self.solve(inputs, Some(previous))
    }

    fn solve(
        &self,
        inputs: &Inputs,
        previous: Option<&Output<NX, NU, NP, NS, ND>>,
    ) -> Result<Solved<M, NX, NU, NP, NS, ND>, TensorError> {
        let solve = Arc::new(dilqr_layers::solve(&self.layer, &inputs.lists()?, previous, self.on_no_gradient)?);
        let values = op::apply(inputs.x0.clone(), inputs.packed(), solve.clone());
        let (states, controls) = (solve.states_shape(), solve.controls_shape());
        let count = states.iter().product();
        Ok(Solved {
            states: values.clone().narrow(0, 0, count).reshape(states),
            controls: values.narrow(0, count, controls.iter().product()).reshape(controls),
            solve,
        })
    }
}

/// A solved batch of `B` problems over `T` stages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    /// The states, `B x (T + 1) x NX`. They carry gradients.
    pub states: Tensor<3>,
    /// The controls, `B x T x NU`. They carry gradients.
    pub controls: Tensor<3>,
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
    /// The error of the last backward pass: a gradient that does not exist, with [`OnNoGradient::Raise`], or a loss gradient that is
    /// not finite. All gradients of that pass are NaN.
    pub fn refused(&self) -> Result<Vec<Option<GradientError>>, LayerError> {
        self.solve.refused()
    }
}
