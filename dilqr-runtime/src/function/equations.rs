//! The compiled kernels of a vector `r(y, z)`: residuals of equations, or a derivative that is integrated.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::scalar::Scalar;

/// A vector `r(y, z)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidualValues<S, const NY: usize> {
    /// `r`, `NY`.
    pub r: SVector<S, NY>,
}

impl<S: Scalar, const NY: usize> ResidualValues<S, NY> {
    pub(super) fn zeros() -> Self {
        Self { r: zeros() }
    }
}

/// A vector `r(y, z)` and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidualExpansion<S, const NY: usize, const NZ: usize> {
    /// `r`, `NY`.
    pub r: SVector<S, NY>,
    /// `dr/dy`, `NY x NY`
    pub ry: SMatrix<S, NY, NY>,
    /// `dr/dz`, `NY x NZ`
    pub rz: SMatrix<S, NY, NZ>,
    /// Second derivatives of a weighted sum, `NY x NY`.
    pub hyy: SMatrix<S, NY, NY>,
    /// `NZ x NY`
    pub hzy: SMatrix<S, NZ, NY>,
    /// `NZ x NZ`
    pub hzz: SMatrix<S, NZ, NZ>,
}

impl<S: Scalar, const NY: usize, const NZ: usize> ResidualExpansion<S, NY, NZ> {
    pub(super) fn zeros() -> Self {
        Self { r: zeros(), ry: zeros(), rz: zeros(), hyy: zeros(), hzy: zeros(), hzz: zeros() }
    }
}

/// The kernels. They hold the functions that `r` calls; `W` are the weights of these.
pub trait Equations<const NY: usize, const NZ: usize> {
    /// `r` and its first derivatives.
    fn linearize<S: Scalar>(&self, y: &[S; NY], z: &[S; NZ], out: &mut ResidualExpansion<S, NY, NZ>);

    /// Second derivatives of `mu' r`.
    fn hessian<S: Scalar>(&self, y: &[S; NY], z: &[S; NZ], mu: &[S; NY], out: &mut ResidualExpansion<S, NY, NZ>);

    /// Adds `mu' dr/dW`.
    fn add_weight_gradient<S: Scalar>(&self, _y: &[S; NY], _z: &[S; NZ], _mu: &[S; NY], _out: &mut [S]) {}

    /// Adds the change of `mu' dr/dW` at `(y, z, mu)` along `(dy, dz, dmu)`.
    fn add_weight_contraction<S: Scalar>(
        &self,
        _at: (&[S; NY], &[S; NZ], &[S; NY]),
        _along: (&[S; NY], &[S; NZ], &[S; NY]),
        _out: &mut [S],
    ) {
    }
}
