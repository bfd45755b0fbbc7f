//! The variables of one stage as one point, for the modules that differentiate value functions.

use nalgebra::{SMatrix, SVector};

use crate::scalar::Scalar;

/// A point `(x, u, p, s)` of a stage, or a direction there. The terminal stage has no control: `NU = 0`.
#[derive(Clone, Copy)]
pub(crate) struct Point<S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) x: SVector<S, NX>,
    pub(crate) u: SVector<S, NU>,
    pub(crate) p: SVector<S, NP>,
    pub(crate) s: SVector<S, NS>,
}

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Point<S, NX, NU, NP, NS> {
    pub(crate) fn stage(x: &SVector<S, NX>, u: &SVector<S, NU>, p: &SVector<S, NP>, s: &SVector<S, NS>) -> Self {
        Self { x: *x, u: *u, p: *p, s: *s }
    }

    /// The direction of no change.
    pub(crate) fn zero() -> Self {
        Self::direction(&zeros(), &zeros())
    }

    /// A direction in state and control.
    pub(crate) fn direction(dx: &SVector<S, NX>, du: &SVector<S, NU>) -> Self {
        Self { x: *dx, u: *du, p: zeros(), s: zeros() }
    }

    /// The direction of one variable, counted through `x`, `u`, `p`, `s`.
    pub(crate) fn unit(variable: usize) -> Self {
        let entry = |first: usize, i: usize| {
            if first + i == variable { S::one() } else { S::zero() }
        };
        Self {
            x: SVector::from_fn(|i, _| entry(0, i)),
            u: SVector::from_fn(|i, _| entry(NX, i)),
            p: SVector::from_fn(|i, _| entry(NX + NU, i)),
            s: SVector::from_fn(|i, _| entry(NX + NU + NP, i)),
        }
    }
}

impl<S: Scalar, const NX: usize, const NP: usize, const NS: usize> Point<S, NX, 0, NP, NS> {
    pub(crate) fn terminal(x: &SVector<S, NX>, p: &SVector<S, NP>, s: &SVector<S, NS>) -> Self {
        Self { x: *x, u: zeros(), p: *p, s: *s }
    }
}

fn zeros<S: Scalar, const N: usize>() -> SVector<S, N> {
    SVector::from_fn(|_, _| S::zero())
}

/// Puts the second derivative in the variables `i >= j` of `(x, u)` where it belongs in the three blocks of a Hessian,
/// in both halves of the symmetric ones.
pub(crate) fn set_second<S: Scalar, const NX: usize, const NU: usize>(
    i: usize,
    j: usize,
    value: S,
    xx: &mut SMatrix<S, NX, NX>,
    ux: &mut SMatrix<S, NU, NX>,
    uu: &mut SMatrix<S, NU, NU>,
) {
    if i < NX {
        xx[(i, j)] = value;
        xx[(j, i)] = value;
    } else if j < NX {
        ux[(i - NX, j)] = value;
    } else {
        uu[(i - NX, j - NX)] = value;
        uu[(j - NX, i - NX)] = value;
    }
}

/// The entry of parameter `j` in gradients with respect to `p` and `s`, counted through both.
pub(crate) fn parameter<'a, S: Scalar, const NP: usize, const NS: usize>(
    j: usize,
    gp: &'a mut SVector<S, NP>,
    gs: &'a mut SVector<S, NS>,
) -> &'a mut S {
    if j < NP { &mut gp[j] } else { &mut gs[j - NP] }
}
