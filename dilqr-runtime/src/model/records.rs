//! The records that kernels fill: derivatives of a stage, of the terminal stage, and in the parameters.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::scalar::Scalar;

/// A stage for a first-order backward pass: the dynamics to first order, the stage cost to second order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageExpansion<S, const NX: usize, const NU: usize> {
    /// Next state, `NX`.
    pub f: SVector<S, NX>,
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Value of the stage cost.
    pub l: S,
    /// Gradient of the stage cost in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Gradient of the stage cost in the control, `NU`.
    pub lu: SVector<S, NU>,
    /// `d2l/dx2`, `NX x NX`, symmetric, both halves filled.
    pub lxx: SMatrix<S, NX, NX>,
    /// `d2l/du dx`, `NU x NX`.
    pub lux: SMatrix<S, NU, NX>,
    /// `d2l/du2`, `NU x NU`, symmetric, both halves filled.
    pub luu: SMatrix<S, NU, NU>,
}

/// The terminal cost and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TerminalExpansion<S, const NX: usize> {
    /// Value of the terminal cost.
    pub l: S,
    /// Gradient in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Hessian, `NX x NX`, symmetric, both halves filled.
    pub lxx: SMatrix<S, NX, NX>,
}

/// Second derivatives of the Hamiltonian `H = l + lambda' f` in state and control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HamiltonianHessian<S, const NX: usize, const NU: usize> {
    /// `d2H/dx2`, `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `d2H/du dx`, `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `d2H/du2`, `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

/// A stage for a second-order backward pass: first derivatives, and second derivatives of the Hamiltonian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HamiltonianExpansion<S, const NX: usize, const NU: usize> {
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Gradient of the stage cost in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Gradient of the stage cost in the control, `NU`.
    pub lu: SVector<S, NU>,
    /// `d2H/dx2`, `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `d2H/du dx`, `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `d2H/du2`, `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

/// A stage for the forward sensitivities: derivatives in the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterTerms<S, const NX: usize, const NU: usize, const NP: usize> {
    /// `df/dp`, `NX x NP`.
    pub fp: SMatrix<S, NX, NP>,
    /// `d2H/dx dp`, `NX x NP`.
    pub hxp: SMatrix<S, NX, NP>,
    /// `d2H/du dp`, `NU x NP`.
    pub hup: SMatrix<S, NU, NP>,
}

macro_rules! record {
    ($record:ident <$($n:ident),*> { $($field:ident: $zero:expr),* $(,)? }) => {
        impl<S: Scalar, $(const $n: usize),*> $record<S, $($n),*> {
            /// A record of zeros. Kernels need one, or a record that the same kernel of the same model has filled: they do
            /// not write structural zeros, so other numbers would remain there.
            #[must_use]
            pub fn zeros() -> Self {
                Self { $($field: $zero),* }
            }
        }

        impl<S: Scalar, $(const $n: usize),*> Default for $record<S, $($n),*> {
            fn default() -> Self {
                Self::zeros()
            }
        }
    };
}

record!(StageExpansion<NX, NU> {
    f: zeros(), fx: zeros(), fu: zeros(), l: S::zero(), lx: zeros(), lu: zeros(), lxx: zeros(),
    lux: zeros(), luu: zeros(),
});

record!(TerminalExpansion<NX> { l: S::zero(), lx: zeros(), lxx: zeros() });

record!(HamiltonianHessian<NX, NU> { hxx: zeros(), hux: zeros(), huu: zeros() });

record!(HamiltonianExpansion<NX, NU> {
    fx: zeros(), fu: zeros(), lx: zeros(), lu: zeros(), hxx: zeros(), hux: zeros(), huu: zeros(),
});

record!(ParameterTerms<NX, NU, NP> { fp: zeros(), hxp: zeros(), hup: zeros() });
