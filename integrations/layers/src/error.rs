//! What is wrong with a tensor.

use dilqr_runtime::Input;
use dilqr_runtime::layer::LayerError;
use thiserror::Error;

/// Why a layer takes no tensor, or gives no output.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The numbers of a tensor are no `f64`.
    #[error("{input} is a tensor of the type {given}, expected F64")]
    Type {
        /// The tensor.
        input: Input,
        /// Its type.
        given: String,
    },
    /// A tensor is on another device than the processor.
    #[error("{input} is a tensor on the device {given}, expected {expected}")]
    Device {
        /// The tensor.
        input: Input,
        /// Its device.
        given: String,
        /// The device that the layer runs on.
        expected: &'static str,
    },
    /// A tensor has another shape.
    #[error("{input} is a tensor of the shape {given:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        input: Input,
        /// Its shape.
        given: Vec<usize>,
        /// The shape that fits to the model, the horizon and the batch.
        expected: Vec<usize>,
    },
    /// The numbers were refused.
    #[error(transparent)]
    Layer(#[from] LayerError),
}
