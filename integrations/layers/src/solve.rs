//! A solved batch, as a function of two lists of numbers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dilqr_runtime::layer::{Layer, LayerError, OnNoGradient, Output};
use dilqr_runtime::{Formulation, GradientError};

use crate::{List, Lists};

/// A function of the initial states and of the packed list of parameters, stage parameters and weights, at one point.
pub trait Differentiable: fmt::Debug + Send + Sync {
    /// All states, and then all controls.
    fn values(&self) -> Vec<f64>;

    /// The gradients in both arguments of a loss with this gradient in the [`values`](Self::values).
    ///
    /// # Errors
    /// [`LayerError`] as of [`Layer::backward`].
    fn gradients(&self, loss: &[f64]) -> Result<[Vec<f64>; 2], LayerError>;
}

/// For each problem why it has no gradient, or the error of the whole backward pass.
type Refused = Result<Vec<Option<GradientError>>, LayerError>;

/// A solved batch. It stays valid whatever the layer solves afterwards.
pub struct Solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> {
    layer: Arc<Layer<M, NX, NU, NP, NS, ND>>,
    output: Output<NX, NU, NP, NS, ND>,
    on_no_gradient: OnNoGradient,
    /// Whether parameters, stage parameters and weights were given, and some of them. An empty list of weights stands for the
    /// model's own, whose gradient nobody wants.
    given: [bool; 3],
    /// The outcome of the last backward pass.
    refused: Mutex<Refused>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Solve<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    pub(crate) fn new(
        layer: Arc<Layer<M, NX, NU, NP, NS, ND>>,
        output: Output<NX, NU, NP, NS, ND>,
        lists: &Lists,
        on_no_gradient: OnNoGradient,
    ) -> Self {
        let some = |list: &Option<List>| list.as_ref().is_some_and(|list| !list.values.is_empty());
        let given = [&lists.params, &lists.stage_params, &lists.weights].map(some);
        let refused = Mutex::new(Ok(vec![None; output.batch()]));
        Self { layer, output, on_no_gradient, given, refused }
    }

    /// The shape of the states, `B x (T + 1) x NX`.
    #[must_use]
    pub fn states_shape(&self) -> [usize; 3] {
        [self.output.batch(), self.layer.horizon() + 1, NX]
    }

    /// The shape of the controls, `B x T x NU`.
    #[must_use]
    pub fn controls_shape(&self) -> [usize; 3] {
        [self.output.batch(), self.layer.horizon(), NU]
    }

    /// The runtime's output: statuses and their causes, costs, design variables, solutions.
    #[must_use]
    pub fn output(&self) -> &Output<NX, NU, NP, NS, ND> {
        &self.output
    }

    /// For each problem why the last backward pass found no gradient; `None` where it found one, and before the first pass.
    ///
    /// # Errors
    /// The error that ended the last backward pass.
    pub fn refused(&self) -> Result<Vec<Option<GradientError>>, LayerError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Differentiable
    for Solve<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone + Send + Sync,
{
    fn values(&self) -> Vec<f64> {
        [self.output.states.as_slice(), &self.output.controls].concat()
    }

    fn gradients(&self, loss: &[f64]) -> Result<[Vec<f64>; 2], LayerError> {
        // A list of another length is refused by the layer.
        let (states, controls) = loss.split_at(self.output.states.len().min(loss.len()));
        let gradient = self.layer.backward(&self.output, states, controls, self.on_no_gradient);
        let refused = gradient.as_ref().map(|gradient| gradient.refused.clone()).map_err(Clone::clone);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        let gradient = gradient?;
        let parts = [gradient.params, gradient.stage_params, gradient.weights];
        let given = parts.into_iter().zip(self.given).filter(|(_, given)| *given);
        Ok([gradient.x0, given.flat_map(|(part, _)| part).collect()])
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> fmt::Debug
    for Solve<M, NX, NU, NP, NS, ND>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solve").field("batch", &self.output.batch()).finish_non_exhaustive()
    }
}
