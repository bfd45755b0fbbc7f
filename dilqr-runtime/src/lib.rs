//! Differentiable optimal control.
#![warn(missing_docs)]

pub mod batch;
mod dense;
#[cfg(feature = "dual")]
pub mod dual;
pub mod error;
mod forward;
pub mod ilqr;
pub mod implicit;
pub mod lq;
pub mod model;
pub mod numdiff;
mod point;
mod problem;
pub mod riccati;
mod scalar;
mod sensitivity;
mod settings;
mod solution;
mod sweep;
mod trajectory;

#[cfg(feature = "macros")]
pub use dilqr_macros::model;
pub use nalgebra;

pub use error::{GradientError, SettingsError, SolveError};
pub use ilqr::{Ilqr, Iteration};
pub use implicit::{Differentiation, Gradient, Jacobian, LossGradient};
pub use model::{Model, Sparsity};
pub use problem::Problem;
pub use scalar::{Kernel, Scalar};
pub use settings::{Hessian, LineSearch, Regularisation, Settings};
pub use solution::{Solution, Stats, Status};
