//! Functions that a model keeps as functions: networks and functions of the user's own.
//!
//! A model evaluates them at vectors. The compiler does not look inside: it takes their values `y(z)`, their Jacobian and,
//! for second derivatives, the contraction of the Hessians of their outputs with adjoints.

mod activation;
mod buffer;
mod check;
mod equations;
mod explicit;
pub mod implicit;
mod initializer;
mod layers;
mod network;
#[cfg(feature = "safetensors")]
mod network_file;
mod node;
mod registers;
mod scaling;
mod spline;
mod step_patterns;
pub mod step_weights;
pub mod steps;
mod substep;
mod tanh;
mod tridiagonal;

pub use activation::Activation;
pub use buffer::Buffer;
pub use check::{FunctionCheck, check_function};
pub use equations::{Equations, ResidualExpansion, ResidualValues};
pub use explicit::{Method, Steps};
pub use initializer::Initializer;
pub use network::{Network, NetworkMemory};
#[cfg(feature = "safetensors")]
pub use network_file::SafetensorsError;
pub use node::{Expansion, Node};
pub use spline::Spline;

use crate::scalar::Scalar;

/// A function of vectors, `y = f(z)`, with its derivatives. A struct of a model with `#[function(inputs = N, outputs = M)]`
/// implements it, and the model's functions call `evaluate` on it.
///
/// The derivatives are taken as they are. [`check_function`](crate::check_function) compares them with differences.
///
/// ```
/// use dilqr_runtime::{Scalar, VectorFunction, check_function};
///
/// /// Quadratic drag of a point in the plane, `y = -c |z| z`.
/// struct Drag {
///     coefficient: f64,
/// }
///
/// impl VectorFunction<2, 2> for Drag {
///     fn value<S: Scalar>(&self, z: &[S; 2]) -> [S; 2] {
///         let scale = S::from_f64(-self.coefficient) * z[0].hypot(z[1]);
///         [scale * z[0], scale * z[1]]
///     }
///     fn jacobian<S: Scalar>(&self, z: &[S; 2]) -> [[S; 2]; 2] {
///         let (c, r) = (S::from_f64(-self.coefficient), z[0].hypot(z[1]));
///         let mixed = c * z[0] * z[1] / r;
///         [[c * (r + z[0] * z[0] / r), mixed], [mixed, c * (r + z[1] * z[1] / r)]]
///     }
///     fn contraction<S: Scalar>(&self, z: &[S; 2], mu: &[S; 2]) -> [[S; 2]; 2] {
///         // d2 y_i / dz_j dz_k = c ((e_ij z_k + e_ik z_j + e_jk z_i) / r - z_i z_j z_k / r^3)
///         let (c, r) = (S::from_f64(-self.coefficient), z[0].hypot(z[1]));
///         let along = (mu[0] * z[0] + mu[1] * z[1]) / r;
///         let entry = |j: usize, k: usize| {
///             let same = if j == k { along } else { S::zero() };
///             c * ((mu[j] * z[k] + mu[k] * z[j]) / r + same - along * z[j] * z[k] / (r * r))
///         };
///         [[entry(0, 0), entry(0, 1)], [entry(1, 0), entry(1, 1)]]
///     }
/// }
///
/// assert!(check_function(&Drag { coefficient: 0.1 }, &[3.0, -4.0]).largest() < 1e-6);
/// ```
pub trait VectorFunction<const N: usize, const M: usize> {
    /// `y`, `M` numbers.
    fn value<S: Scalar>(&self, z: &[S; N]) -> [S; M];

    /// `dy/dz`, `M` rows of `N`.
    fn jacobian<S: Scalar>(&self, z: &[S; N]) -> [[S; N]; M];

    /// `sum_k mu_k d2 y_k/dz2`, `N x N` and symmetric.
    fn contraction<S: Scalar>(&self, z: &[S; N], mu: &[S; M]) -> [[S; N]; N];
}
