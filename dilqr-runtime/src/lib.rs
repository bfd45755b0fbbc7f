//! Differentiable optimal control.
#![warn(missing_docs)]

pub mod model;
mod scalar;

pub use nalgebra;

pub use model::{Model, Sparsity};
pub use scalar::{Kernel, Scalar};
