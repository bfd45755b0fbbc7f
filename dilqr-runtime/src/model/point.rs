//! The variables of one stage by value, and its Hessian, for derivatives of value functions.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::stage::{Stage, Terminal, Variation};
use crate::scalar::Scalar;

/// A point `(x, u, p, s)` of a stage, or a direction there. The terminal stage has no control: `NU = 0`.
#[derive(Clone, Copy)]
pub(crate) struct StagePoint<S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) x: SVector<S, NX>,
    pub(crate) u: SVector<S, NU>,
    pub(crate) p: SVector<S, NP>,
    pub(crate) s: SVector<S, NS>,
}

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> From<Stage<'_, S, NX, NU, NP, NS>>
    for StagePoint<S, NX, NU, NP, NS>
{
    fn from(Stage { x, u, p, s }: Stage<'_, S, NX, NU, NP, NS>) -> Self {
        Self { x: *x, u: *u, p: *p, s: *s }
    }
}

impl<S: Scalar, const NX: usize, const NP: usize, const NS: usize> From<Terminal<'_, S, NX, NP, NS>>
    for StagePoint<S, NX, 0, NP, NS>
{
    fn from(Terminal { x, p, s }: Terminal<'_, S, NX, NP, NS>) -> Self {
        Self { x: *x, u: zeros(), p: *p, s: *s }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> StagePoint<S, NX, NU, NP, NS> {
    /// The point as the argument of a kernel.
    pub(crate) fn stage(&self) -> Stage<'_, S, NX, NU, NP, NS> {
        Stage { x: &self.x, u: &self.u, p: &self.p, s: &self.s }
    }

    /// The zero direction.
    pub(crate) fn zero() -> Self {
        Self { x: zeros(), u: zeros(), p: zeros(), s: zeros() }
    }

    /// A direction in state and control.
    pub(crate) fn along(Variation { dx, du }: Variation<'_, S, NX, NU>) -> Self {
        Self { x: *dx, u: *du, ..Self::zero() }
    }

    /// A direction in the state.
    pub(crate) fn along_state(dx: &SVector<S, NX>) -> Self {
        Self { x: *dx, ..Self::zero() }
    }

    /// The unit direction of one variable, counted through `x`, `u`, `p`, `s`.
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

impl<S: Scalar, const NX: usize, const NP: usize, const NS: usize> StagePoint<S, NX, 0, NP, NS> {
    /// The point as the argument of a kernel of the terminal stage.
    pub(crate) fn terminal(&self) -> Terminal<'_, S, NX, NP, NS> {
        Terminal { x: &self.x, p: &self.p, s: &self.s }
    }
}

/// The blocks of a Hessian in `(x, u)`.
pub(crate) struct HessianBlocks<'a, S, const NX: usize, const NU: usize> {
    /// `NX x NX`, symmetric.
    pub(crate) xx: &'a mut SMatrix<S, NX, NX>,
    /// `NU x NX`.
    pub(crate) ux: &'a mut SMatrix<S, NU, NX>,
    /// `NU x NU`, symmetric.
    pub(crate) uu: &'a mut SMatrix<S, NU, NU>,
}

impl<S, const NX: usize, const NU: usize> HessianBlocks<'_, S, NX, NU> {
    /// Applies `set` to the entries of the second derivative in the variables `i >= j` of `(x, u)`: to both halves of a
    /// symmetric block.
    pub(crate) fn each(self, i: usize, j: usize, mut set: impl FnMut(&mut S)) {
        if i < NX {
            set(&mut self.xx[(i, j)]);
            set(&mut self.xx[(j, i)]);
        } else if j < NX {
            set(&mut self.ux[(i - NX, j)]);
        } else {
            set(&mut self.uu[(i - NX, j - NX)]);
            set(&mut self.uu[(j - NX, i - NX)]);
        }
    }
}
