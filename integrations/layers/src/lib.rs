//! What the layers of all frameworks share: the checks of their tensors, and a solve as one function of two lists of numbers.
//!
//! A framework differentiates functions of few tensors with one result. So parameters, stage parameters and weights are packed
//! into one list, and so are states and controls.
#![warn(missing_docs)]

mod error;
mod solve;

use std::sync::Arc;

use dilqr_runtime::layer::{Layer, OnNoGradient, Output};
use dilqr_runtime::{Formulation, Input};

pub use error::TensorError;
pub use solve::{Differentiable, Solve};

/// The numbers of one tensor, row by row, and its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The numbers.
    pub values: Vec<f64>,
    /// The shape.
    pub shape: Vec<usize>,
}

/// The data of `B` problems over `T` stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// The initial states, `B x NX`.
    pub x0: List,
    /// The parameters: `B x NP`, or `1 x NP` for all problems.
    pub params: Option<List>,
    /// The stage parameters, `B x (T + 1) x NS`.
    pub stage_params: Option<List>,
    /// The weights of the model's networks, one after another, in place of the model's own.
    pub weights: Option<List>,
}

impl Lists {
    /// Checks the shapes, without the number of the weights, which [`Layer`] checks.
    fn check(&self, horizon: usize, [nx, np, ns]: [usize; 3]) -> Result<(), TensorError> {
        let shape = |input: Input, list: &List, expected: &[usize]| {
            if list.shape == expected {
                return Ok(());
            }
            Err(TensorError::Shape { input, given: list.shape.clone(), expected: expected.to_vec() })
        };
        let batch = self.x0.shape.first().copied().unwrap_or(0);
        shape(Input::InitialState, &self.x0, &[batch, nx])?;
        if let Some(params) = self.params.as_ref().filter(|params| params.shape != [1, np]) {
            shape(Input::Params, params, &[batch, np])?;
        }
        if let Some(stage_params) = &self.stage_params {
            shape(Input::StageParams, stage_params, &[batch, horizon + 1, ns])?;
        }
        if let Some(weights) = &self.weights {
            shape(Input::Weights, weights, &[weights.values.len()])?;
        }
        Ok(())
    }
}

/// Solves a batch. The result differentiates itself as often as a framework asks for it.
///
/// # Errors
/// [`TensorError`] for shapes that do not fit, an empty batch and numbers that are not finite. A problem that has not converged is
/// no error: its status says so.
pub fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    layer: &Arc<Layer<M, NX, NU, NP, NS, ND>>,
    lists: &Lists,
    previous: Option<&Output<NX, NU, NP, NS, ND>>,
    on_no_gradient: OnNoGradient,
) -> Result<Solve<M, NX, NU, NP, NS, ND>, TensorError>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    lists.check(layer.horizon(), [NX, NP, NS])?;
    let [params, stage_params, weights] = [&lists.params, &lists.stage_params, &lists.weights]
        .map(|list| list.as_ref().map_or(&[][..], |list| list.values.as_slice()));
    let output = layer.forward_with(&lists.x0.values, params, stage_params, weights, previous)?;
    Ok(Solve::new(layer.clone(), output, lists, on_no_gradient))
}
