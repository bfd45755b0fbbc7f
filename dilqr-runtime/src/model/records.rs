//! The records that kernels fill: a stage to first and second order, and its parameter terms.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::scalar::Scalar;

/// Everything a first-order sweep needs of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageExpansion<S, const NX: usize, const NU: usize> {
    /// Next state, `NX`.
    pub f: SVector<S, NX>,
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Stage cost.
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
    /// Terminal cost.
    pub l: S,
    /// Its gradient in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Its Hessian, `NX x NX`, symmetric, both halves filled.
    pub lxx: SMatrix<S, NX, NX>,
}

/// Second derivatives of the Hamiltonian `H = l + lambda' f` in state and control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HamiltonianHessian<S, const NX: usize, const NU: usize> {
    /// `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

/// One stage as the second-order sweeps see it: first derivatives, and second derivatives of the Hamiltonian.
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

/// What the forward sensitivity sweep needs of one stage in the direction of the parameters.
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
            /// A record of zeros. Kernels fill records made here (or filled by the same kernel of the same model before):
            /// they write no structural zero, so whatever else stood there would remain.
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
