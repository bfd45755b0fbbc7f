//! The proximal term that regularizes the LQ problem, in units of the problem's own curvature.
//!
//! A backward pass adds `mu/2 (dx' D dx + du' E du)` to every stage. `D` and `E` are diagonal. Going back from the horizon, an entry
//! is the largest magnitude so far of the same entry of the stage Hessian's diagonal, as Marquardt (1963) scales his
//! damping; an entry without curvature of its own takes what the dynamics carry to it from the next stage. So `mu` has no
//! unit: cost, states and controls may be measured in any.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{larger, zeros};
use crate::lq::riccati::{Pattern, Quadratic};
use crate::scalar::Scalar;

/// Weights that are added to the diagonals of `hxx` and `huu`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proximal<S, const NX: usize, const NU: usize> {
    /// To `hxx`, `NX`.
    pub states: SVector<S, NX>,
    /// To `huu`, `NU`.
    pub controls: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Proximal<S, NX, NU> {
    /// Nothing.
    #[must_use]
    #[inline(always)]
    pub fn none() -> Self {
        Self { states: zeros(), controls: zeros() }
    }

    /// The same weight everywhere, for variables without units.
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

/// The curvature of the stages behind a backward pass: `D` and `E`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curvature<S, const NX: usize, const NU: usize> {
    states: SVector<S, NX>,
    controls: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Curvature<S, NX, NU> {
    /// Of the terminal cost.
    pub(crate) fn of_terminal(lxx: &SMatrix<S, NX, NX>) -> Self {
        Self { states: SVector::from_fn(|i, _| lxx[(i, i)].abs()), controls: zeros() }
    }

    /// Takes in the stage before.
    pub(crate) fn add_stage<P: Pattern<NX, NU>>(&mut self, stage: &Quadratic<'_, S, NX, NU>) {
        let next = self.states;
        let carried = |column: &[S; NX], pattern: &dyn Fn(usize) -> bool| {
            let mut sum = S::zero();
            for k in (0..NX).filter(|&k| pattern(k)) {
                sum += column[k] * column[k] * next[k];
            }
            sum
        };
        for i in 0..NX {
            let own = larger(self.states[i], stage.hxx[(i, i)].abs());
            let carried = carried(&stage.fx.data.0[i], &|k| P::FX[k][i]);
            self.states[i] = S::select(own.equal(S::zero()), carried, own);
        }
        for j in 0..NU {
            let own = stage.huu[(j, j)].abs() + carried(&stage.fu.data.0[j], &|k| P::FU[k][j]);
            self.controls[j] = larger(self.controls[j], own);
        }
    }

    /// The proximal term of weight `mu`. A control that nothing curves has no scale of its own; with 1 in its place the
    /// recursion exists.
    pub(crate) fn proximal(&self, mu: S) -> Proximal<S, NX, NU> {
        let scale = |weight: S| mu * S::select(weight.equal(S::zero()), S::one(), weight);
        Proximal { states: self.states.map(|weight| mu * weight), controls: self.controls.map(scale) }
    }
}
