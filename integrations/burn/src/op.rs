//! A solved batch as an operation of burn, on the backend Flex and with derivatives.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};
use dilqr_layers::Differentiable;

/// The states and controls, in one row, of a batch that was solved at these inputs.
pub(crate) fn apply(x0: Tensor<2>, packed: Tensor<1>, solve: Arc<dyn Differentiable>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as SolveBackend>::solved(x0.into_dispatch(), packed.into_dispatch(), solve))
}

/// Backends that have the operation.
#[backend_extension(Autodiff, Flex)]
trait SolveBackend: Backend {
    /// Initial states and packed inputs -> states and controls in one row.
    fn solved(x0: FloatTensor<Self>, packed: FloatTensor<Self>, solve: Arc<dyn Differentiable>) -> FloatTensor<Self>;
}

impl SolveBackend for Flex {
    /// The problems are solved before, so that their errors have a type.
    fn solved(_: FloatTensor<Self>, _: FloatTensor<Self>, solve: Arc<dyn Differentiable>) -> FloatTensor<Self> {
        row(solve.values())
    }
}

impl<C: CheckpointStrategy> SolveBackend for Autodiff<Flex, C> {
    fn solved(x0: FloatTensor<Self>, packed: FloatTensor<Self>, solve: Arc<dyn Differentiable>) -> FloatTensor<Self> {
        let values = row(solve.values());
        match SolveBackward.prepare::<C>([x0.node(), packed.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let shapes = [&x0, &packed].map(|tensor| tensor.primitive().shape().to_vec());
                prep.finish(State { solve, shapes }, values)
            }
            OpsKind::UnTracked(prep) => prep.finish(values),
        }
    }
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
struct State {
    solve: Arc<dyn Differentiable>,
    /// The shapes of both inputs.
    shapes: [Vec<usize>; 2],
}

#[derive(Debug)]
struct SolveBackward;

impl Backward<Flex, 2> for SolveBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let loss = gradients.consume::<Flex>(&ops.node);
        let State { solve, shapes } = ops.state;
        let counts = shapes.each_ref().map(|shape| shape.iter().product());
        // A loss of another type than its operation's result cannot be; its list would be empty, hence an error.
        let loss = loss.into_data().try_to_vec().unwrap_or_default();
        // There is no way to return an error. The solve keeps it, and no number can be taken for a gradient.
        let of_inputs = solve.gradients(&loss).unwrap_or_else(|_| counts.map(|count| vec![f64::NAN; count]));
        for ((node, values), shape) in ops.parents.into_iter().zip(of_inputs).zip(shapes) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, FlexTensor::from_data(TensorData::new(values, shape)));
            }
        }
    }
}

/// A tensor of rank 1.
fn row(values: Vec<f64>) -> FlexTensor {
    let count = values.len();
    FlexTensor::from_data(TensorData::new(values, [count]))
}
