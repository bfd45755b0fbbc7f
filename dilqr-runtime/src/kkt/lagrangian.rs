//! Gradients of the Lagrangian of a stage.

use nalgebra::{SMatrix, SVector};

use crate::lq::riccati::Dense;
use crate::model::limits::ConstraintExpansion;
use crate::ocp::stationarity::residual_terms;
use crate::scalar::ScalarReal;

/// Gradients of a stage's Lagrangian without the dynamics, and the terms that cancel in them.
pub(super) struct LagrangianGradients<S, const NX: usize, const NU: usize> {
    pub(super) gx: SVector<S, NX>,
    pub(super) gu: SVector<S, NU>,
    /// `|l_u| + |c_u|' |mu|`
    pub(super) terms: SVector<S, NU>,
    /// `|l_x| + |c_x|' |mu|`
    pub(super) state_terms: SVector<S, NX>,
}

impl<S: ScalarReal, const NX: usize, const NU: usize> LagrangianGradients<S, NX, NU> {
    /// Those of the cost alone.
    pub(super) fn of_cost(lx: &SVector<S, NX>, lu: &SVector<S, NU>) -> Self {
        Self { gx: *lx, gu: *lu, terms: lu.map(S::abs), state_terms: lx.map(S::abs) }
    }

    /// Adds a constraint with its multiplier.
    pub(super) fn add(&mut self, cx: &SVector<S, NX>, cu: &SVector<S, NU>, mu: S) {
        for j in 0..NX {
            self.gx[j] += cx[j] * mu;
            self.state_terms[j] += (cx[j] * mu).abs();
        }
        for j in 0..NU {
            self.gu[j] += cu[j] * mu;
            self.terms[j] += (cu[j] * mu).abs();
        }
    }

    /// The terms of `Qu`: `|l_u| + |c_u|' |mu| + |f_u|' |lambda|`.
    pub(super) fn residual_terms(&self, fu: &SMatrix<S, NX, NU>, lambda: &SVector<S, NX>) -> SVector<f64, NU> {
        residual_terms::<Dense, _, _, _>(&self.terms, fu, lambda)
    }

    /// The terms of a costate: `|l_x| + |c_x|' |mu| + |f_x|' |lambda|`.
    pub(super) fn costate_terms(&self, fx: &SMatrix<S, NX, NX>, lambda: &SVector<S, NX>) -> SVector<S, NX> {
        residual_terms::<Dense, _, _, _>(&self.state_terms, fx, lambda).map(S::from_f64)
    }
}

/// Whether the curvature of constraints is finite. It is not where a row has no derivative, such as that of a norm at zero.
pub(super) fn is_finite_curvature<S: ScalarReal, const NX: usize, const NU: usize>(
    expansion: &ConstraintExpansion<S, NX, NU>,
) -> bool {
    let ConstraintExpansion { hxx, hux, huu, .. } = expansion;
    hxx.iter().chain(hux.iter()).chain(huu.iter()).map(|entry| entry.to_f64()).sum::<f64>().is_finite()
}
