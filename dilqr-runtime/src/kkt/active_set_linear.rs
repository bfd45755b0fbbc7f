//! Memory for the linear part of a solve with active limits.

use alloc::boxed::Box;
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::linear::LinearTerms;
use crate::kkt::proximal_rows::RefinedLinear;
use crate::linalg::products::zeros;
use crate::lq::equality_constrained::ActiveLinear;
use crate::scalar::ScalarReal;

/// Memory for the linear part of a solve.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSetLinear<S, const NX: usize, const NU: usize, const C: usize> {
    /// The linear parts of the recursion, `T`.
    pub(super) stages: Vec<ActiveLinear<S, NX, NU, C>>,
    /// `T` offsets of the dynamics.
    pub(super) offsets: Vec<SMatrix<S, NX, C>>,
    pub(super) terms: LinearTerms<S, NX, NU, C>,
    /// Constants of the rows that the terminal state propagates; on the way forward, multipliers of the terminal rows.
    pub(super) end: Vec<SVector<S, C>>,
    /// Of the rows that were propagated to a stage: constants on the way back, multipliers on the way forward.
    pub(super) propagated_rows: Vec<SVector<S, C>>,
    /// Multipliers of all rows of a stage.
    pub(super) row_multipliers: Vec<SVector<S, C>>,
    /// Multipliers of the constraints of a stage, for contractions.
    pub(super) stage_multipliers: Vec<S>,
    /// For models that choose entries of the initial state.
    pub(super) initial: Option<InitialLinear<S, NX, C>>,
    /// For solves with residuals, from the first one on.
    pub(super) refined: Option<Box<RefinedLinear<S, NX, NU, C>>>,
}

/// The linear part of the stage before the first.
#[derive(Clone, Debug)]
pub(super) struct InitialLinear<S, const NX: usize, const C: usize> {
    pub(super) linear: ActiveLinear<S, NX, NX, C>,
    /// The change of the initial state, `NX x C`.
    pub(super) dx: SMatrix<S, NX, C>,
}

impl<S: ScalarReal, const NX: usize, const C: usize> InitialLinear<S, NX, C> {
    pub(super) fn new() -> Self {
        Self { linear: ActiveLinear::new(), dx: zeros() }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> ActiveSetLinear<S, NX, NU, C> {
    /// `dlambda_0` of the last solve, zero for chosen entries. `end` is the linear part of the terminal state.
    pub(super) fn initial_costate(&self, end: &SMatrix<S, NX, C>) -> SMatrix<S, NX, C> {
        match &self.initial {
            Some(initial) => initial.linear.v,
            None => self.stages.first().map_or(*end, |first| first.v),
        }
    }

    /// The change of the initial state of the last solve.
    pub(crate) fn initial_step(&self) -> SMatrix<S, NX, C> {
        self.initial.as_ref().map_or_else(zeros, |initial| initial.dx)
    }
}

impl<S, const NX: usize, const NU: usize> ActiveSetLinear<S, NX, NU, 1> {
    /// `k_t` of the last solve, `T` vectors.
    pub(crate) fn feedforward(&self) -> impl Iterator<Item = &SVector<S, NU>> {
        self.stages.iter().map(|stage| &stage.k)
    }
}
