//! Trajectories of states, controls and values of constraints.

use alloc::vec::Vec;
use core::ops::Range;

use nalgebra::SVector;

use crate::linalg::products::zeros;
use crate::model::limits::Limits;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::penalty::MultipliersRef;
use crate::scalar::Scalar;

/// States, controls and the values of the constraints there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trajectory<S, const NX: usize, const NU: usize> {
    /// `x_t`, `T + 1` vectors.
    pub(crate) states: Vec<SVector<S, NX>>,
    /// `u_t`, `T` vectors.
    pub(crate) controls: Vec<SVector<S, NU>>,
    /// Values of the stage constraints, stage after stage, then those of the terminal constraints.
    pub(crate) constraints: Vec<S>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Trajectory<S, NX, NU> {
    /// A trajectory of zeros over `horizon` stages.
    #[must_use]
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let constraints = vec![S::zero(); horizon * limits.listed() + limits.terminal()];
        Self { states: vec![zeros(); horizon + 1], controls: vec![zeros(); horizon], constraints }
    }

    /// Copies another trajectory of the same horizon.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.states.copy_from_slice(&other.states);
        self.controls.copy_from_slice(&other.controls);
        self.constraints.copy_from_slice(&other.constraints);
    }
}

/// The range of stage `t` in [`Trajectory::constraints`]; that of the terminal constraints if `t` is the horizon.
#[inline(always)]
pub(crate) fn at_stage<S>(constraints: &[S], t: usize, horizon: usize, limits: &Limits) -> Range<usize> {
    let first = t * limits.listed();
    if t < horizon { first..first + limits.listed() } else { first..constraints.len() }
}

/// A trajectory with its parameters and multipliers, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrajectoryRef<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    /// `x_t`, `T + 1` vectors.
    pub(crate) states: &'a [SVector<S, NX>],
    /// `u_t`, `T` vectors.
    pub(crate) controls: &'a [SVector<S, NU>],
    /// `p`.
    pub(crate) params: &'a SVector<S, NP>,
    /// `s_t`, `T + 1` vectors.
    pub(crate) stage_params: &'a [SVector<S, NS>],
    pub(crate) multipliers: MultipliersRef<'a, S>,
    /// `lambda_t`, `T + 1` vectors, where they are known; else they follow from the recursion.
    pub(crate) costates: Option<&'a [SVector<S, NX>]>,
}

impl<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> TrajectoryRef<'a, S, NX, NU, NP, NS> {
    /// Stage `t` as the argument of a kernel.
    #[inline(always)]
    pub(crate) fn stage(&self, t: usize) -> Stage<'a, S, NX, NU, NP, NS> {
        Stage::new(&self.states[t], &self.controls[t], self.params, &self.stage_params[t])
    }

    /// The terminal stage as the argument of a kernel.
    #[inline(always)]
    pub(crate) fn terminal(&self) -> Terminal<'a, S, NX, NP, NS> {
        let horizon = self.controls.len();
        Terminal::new(&self.states[horizon], self.params, &self.stage_params[horizon])
    }
}
