//! The proximal term that regularizes the LQ problem.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::scalar::Scalar;

/// The diagonals that are added to `hxx` and `huu` of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proximal<S, const NX: usize, const NU: usize> {
    /// Added to the diagonal of `hxx`, `NX`, in its units.
    pub states: SVector<S, NX>,
    /// Added to the diagonal of `huu`, `NU`, in its units.
    pub controls: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Proximal<S, NX, NU> {
    /// No regularization.
    #[must_use]
    #[inline(always)]
    pub fn none() -> Self {
        Self { states: zeros(), controls: zeros() }
    }

    /// The same weight on every diagonal entry, for problems without units.
    #[must_use]
    pub fn uniform(mu: S) -> Self {
        Self { states: SVector::from_fn(|_, _| mu), controls: SVector::from_fn(|_, _| mu) }
    }

    /// Adds the weights to the diagonals.
    #[inline(always)]
    pub(crate) fn add_to(&self, hxx: &mut SMatrix<S, NX, NX>, huu: &mut SMatrix<S, NU, NU>) {
        for i in 0..NX {
            hxx.data.0[i][i] += self.states.data.0[0][i];
        }
        for i in 0..NU {
            huu.data.0[i][i] += self.controls.data.0[0][i];
        }
    }
}
