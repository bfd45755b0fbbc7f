//! Linear solves with a factorized problem, with and without rows.
//!
//! A solve takes `C` linear parts at once. A pass backward turns them into feed-forward terms and gradients of the value
//! function; a pass forward visits the stages of the solution in order:
//!
//! ```text
//! du_t = K_t dx_t + k_t      dx_{t+1} = fx dx_t + fu du_t + offset_t      dlambda_{t+1} = V_{t+1} dx_{t+1} + v_{t+1} + H' nu
//! ```

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::penalties::Penalties;
use crate::linalg::products::{add_product, larger, zeros};
use crate::lq::equality_constrained::ConstraintId;
use crate::lq::riccati::{Pattern, next_state};
use crate::ocp::stationarity::Magnitudes;
use crate::scalar::Scalar;

/// The linear part of one stage, `C` columns. At the horizon only `gx` and `rows` count.
#[derive(Clone, Debug)]
pub(crate) struct LinearTerms<S, const NX: usize, const NU: usize, const C: usize> {
    /// `NX x C`.
    pub(crate) gx: SMatrix<S, NX, C>,
    /// `NU x C`.
    pub(crate) gu: SMatrix<S, NU, C>,
    /// Offsets of the dynamics, `NX x C`; zero where the solve is an adjoint one.
    pub(crate) offset: SMatrix<S, NX, C>,
    /// Constants of the stage's active rows, `C` each, in the order of [`KktSystem::rows`]; empty before the call.
    pub(crate) rows: Vec<SVector<S, C>>,
    /// Constants of the stage's limits that are terms of the cost, in the order of [`Penalties`]; empty where all are zero.
    pub(crate) penalties: Vec<SVector<S, C>>,
}

impl<S: Scalar, const NX: usize, const NU: usize, const C: usize> LinearTerms<S, NX, NU, C> {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { gx: zeros(), gu: zeros(), offset: zeros(), rows: Vec::with_capacity(rows), penalties: Vec::new() }
    }
}

/// One stage of a solution. The step at the horizon has `dx` and the multipliers of the terminal rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a, S, const NX: usize, const NU: usize, const C: usize> {
    /// `dx_t`, `NX x C`.
    pub(crate) dx: &'a SMatrix<S, NX, C>,
    /// `du_t`, `NU x C`.
    pub(crate) du: &'a SMatrix<S, NU, C>,
    /// `dlambda_{t+1}`, `NX x C`; zero without rows where the solve is not an adjoint one.
    pub(crate) dlambda: &'a SMatrix<S, NX, C>,
    /// Multipliers of the stage's active rows, `C` each.
    pub(crate) rows: &'a [SVector<S, C>],
    /// Changes of the multipliers of these limits, `C` each.
    pub(crate) penalties: &'a [SVector<S, C>],
}

/// Fills the linear part of a stage. Solves with rows take it by reference, so that rustc compiles each of them once for
/// all callers and models of one size.
pub(crate) type GivenTerms<'a, S, const NX: usize, const NU: usize, const C: usize> =
    &'a mut dyn FnMut(usize, &mut LinearTerms<S, NX, NU, C>);

/// Sees a stage of a solution, for such solves.
pub(crate) type Visitor<'a, S, const NX: usize, const NU: usize, const C: usize> =
    &'a mut dyn FnMut(usize, Step<'_, S, NX, NU, C>);

/// A factorized problem.
pub(crate) trait KktSystem<S: Scalar, const NX: usize, const NU: usize> {
    /// Memory for the linear part of a solve.
    type Linear<const C: usize>;

    /// Memory for solves with `C` columns.
    fn linear<const C: usize>(&self) -> Self::Linear<C>;

    /// `T`, the number of stages.
    fn horizon(&self) -> usize;

    /// Closed-loop costates of the trajectory, `T + 1` vectors.
    fn costates(&self) -> &[SVector<S, NX>];

    /// The limits that are rows of stage `t`.
    fn rows(&self, _t: usize) -> &[ConstraintId] {
        &[]
    }

    /// The constraints that are rows of the terminal state.
    fn terminal_rows(&self) -> &[usize] {
        &[]
    }

    /// The limits that are terms of the cost, as the factorization found them.
    fn penalties(&self) -> Option<&Penalties<S, NX, NU>> {
        None
    }

    /// The same, to be changed.
    #[cfg(feature = "dual")]
    fn penalties_mut(&mut self) -> Option<&mut Penalties<S, NX, NU>> {
        None
    }

    /// A list that lives in the memory of solves, for multipliers of the rows of one stage; `None` without rows.
    fn stage_multipliers(_memory: &mut Self::Linear<1>) -> Option<&mut Vec<S>> {
        None
    }

    /// Solves the problem with `C` linear parts: `terms` fills that of a stage, from the horizon down, and `visit` sees the
    /// stages of the solution from the first to the horizon. Returns `dlambda_0`.
    ///
    /// An adjoint solve has no offsets of the dynamics and needs `dlambda`; others may leave it out.
    fn solve<P: Pattern<NX, NU>, const C: usize, const ADJOINT: bool>(
        &self,
        memory: &mut Self::Linear<C>,
        terms: impl FnMut(usize, &mut LinearTerms<S, NX, NU, C>),
        visit: impl FnMut(usize, Step<'_, S, NX, NU, C>),
    ) -> SMatrix<S, NX, C>;
}

/// A stage of a step with feedback.
pub(super) struct StepOfStage<'a, S, const NX: usize, const NU: usize> {
    pub(super) fx: &'a SMatrix<S, NX, NX>,
    pub(super) fu: &'a SMatrix<S, NX, NU>,
    pub(super) gain: &'a SMatrix<S, NU, NX>,
    pub(super) feedforward: SVector<S, NU>,
    /// The controls that bounds hold. Rounding errors of an elimination may move them, and one that is zero everywhere has no
    /// magnitude beside which that is small.
    pub(super) held: [bool; NU],
}

/// The largest change along a step with `du_t = K_t dx_t + k_t` over the magnitude of the variable, from the change of the
/// initial state on. Controls that bounds hold do not move.
pub(super) fn largest_relative_step<'a, S: Scalar, const NX: usize, const NU: usize>(
    initial: SVector<S, NX>,
    stages: impl Iterator<Item = StepOfStage<'a, S, NX, NU>>,
    magnitudes: &Magnitudes<S, NX, NU>,
) -> S {
    let (mut largest, mut dx) = (magnitudes.relative_state(&initial), initial);
    for StepOfStage { fx, fu, gain, feedforward: mut du, held } in stages {
        add_product(&mut du, gain, &dx);
        for i in (0..NU).filter(|&i| held[i]) {
            du[i] = S::zero();
        }
        dx = next_state(fx, fu, &zeros(), &dx, &du);
        largest = larger(largest, magnitudes.relative(&dx, &du));
    }
    largest
}
