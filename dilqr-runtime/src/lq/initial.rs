//! The stage before the first one, for problems that choose entries of the initial state.
//!
//! Its state is the initial state that the problem gives, its control the entries that the solve chooses:
//!
//! ```text
//! x_0 = G x + F u      G, F: ones on the diagonal for given and for chosen entries
//! ```
//!
//! So the recursion ends as it goes on: the value function of `x_0` is minimized over the chosen entries, and rows that are
//! left over at stage 0 are solved for them. The controls of given entries have a cost of their own and are zero.

use nalgebra::SMatrix;

use crate::linalg::products::{add_product, zeros};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Dense, Quadratic, StageFactor};
use crate::scalar::Scalar;

/// The derivatives of that stage, which do not depend on a trajectory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InitialStage<S, const NX: usize> {
    pub(crate) fx: SMatrix<S, NX, NX>,
    pub(crate) fu: SMatrix<S, NX, NX>,
    huu: SMatrix<S, NX, NX>,
    none: SMatrix<S, NX, NX>,
}

impl<S: Scalar, const NX: usize> InitialStage<S, NX> {
    /// That of a problem that chooses these entries.
    pub(crate) fn new(free: &[bool; NX]) -> Self {
        let diagonal =
            |chosen: bool| SMatrix::from_fn(|i, j| if i == j && free[i] == chosen { S::one() } else { S::zero() });
        Self { fx: diagonal(false), fu: diagonal(true), huu: diagonal(false), none: zeros() }
    }

    /// As a stage of the recursion.
    pub(crate) fn quadratic(&self) -> Quadratic<'_, S, NX, NX> {
        Quadratic { fx: &self.fx, fu: &self.fu, hxx: &self.none, hux: &self.none, huu: &self.huu }
    }
}

/// That stage without rows, factorized.
#[derive(Clone, Debug)]
pub(crate) struct InitialFactor<S, const NX: usize> {
    stage: InitialStage<S, NX>,
    factor: StageFactor<S, NX, NX>,
}

impl<S: Scalar, const NX: usize> InitialFactor<S, NX> {
    /// Memory for the factors.
    pub(crate) fn new(free: &[bool; NX]) -> Self {
        Self { stage: InitialStage::new(free), factor: StageFactor::zeros() }
    }

    /// Factorizes with `V_0`, `NX x NX`. The result is true where the value function has a minimum over the chosen entries.
    #[must_use]
    pub(crate) fn factorize(&mut self, value: &SMatrix<S, NX, NX>) -> S::Mask {
        let mut value = *value;
        self.factor.quadratic_where::<Dense>(&self.stage.quadratic(), &Proximal::none(), &mut value)
    }

    /// Whether the solve chooses entry `i`.
    pub(crate) fn chooses(&self, i: usize) -> bool {
        !self.stage.fu[(i, i)].is_zero()
    }

    /// The change of the initial state where the value function has the gradient `v_0`, `NX x C`.
    pub(crate) fn step<const C: usize>(&self, gradient: &SMatrix<S, NX, C>) -> SMatrix<S, NX, C> {
        let InitialStage { fx, fu, .. } = &self.stage;
        let mut value = *gradient;
        let chosen = self.factor.linear_where::<Dense, C>(fx, fu, &zeros(), &zeros(), &mut value).k;
        let mut step = zeros();
        add_product(&mut step, fu, &chosen);
        step
    }
}
