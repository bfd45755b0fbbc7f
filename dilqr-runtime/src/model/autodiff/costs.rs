//! Derivatives of a cost of the terminal or of the initial state from its values.

use nalgebra::{SMatrix, SVector};

use crate::model::autodiff::seeds::{HyperDualPoint, Seeds};
use crate::model::point::StagePoint;
use crate::model::records::TerminalExpansion;
use crate::model::stage::ParameterGradient;
use crate::scalar::Scalar;
use crate::scalar::hyper_dual::HyperDualParts;

impl<S: Scalar, const NX: usize, const NP: usize, const NS: usize> Seeds<S, NX, 0, NP, NS> {
    /// Writes the first and second derivatives of a cost in the state.
    pub(super) fn expand_cost(
        &self,
        out: &mut TerminalExpansion<S, NX>,
        cost: impl Fn(&HyperDualPoint<S, NX, 0, NP, NS>) -> S::HyperDual,
    ) {
        for i in 0..NX {
            for j in 0..=i {
                let l = cost(&self.along_units(i, j));
                self.set(&mut out.lxx[(i, j)], l.mixed());
                self.set(&mut out.lxx[(j, i)], l.mixed());
                self.set(&mut out.lx[i], l.first());
            }
        }
    }

    /// Adds the gradient of a cost in the parameters.
    pub(super) fn add_cost_gradient(
        &self,
        out: &mut ParameterGradient<'_, S, NP, NS>,
        cost: impl Fn(&HyperDualPoint<S, NX, 0, NP, NS>) -> S::HyperDual,
    ) {
        for j in 0..NP + NS {
            self.add(out.entry(j), cost(&self.along_unit(NX + j)).first());
        }
    }

    /// Adds the gradient of `l_x' dx` in the parameters.
    pub(super) fn add_cost_contraction(
        &self,
        dx: &SVector<S, NX>,
        out: &mut ParameterGradient<'_, S, NP, NS>,
        cost: impl Fn(&HyperDualPoint<S, NX, 0, NP, NS>) -> S::HyperDual,
    ) {
        let along = self.direction(&StagePoint::along_state(dx));
        for j in 0..NP + NS {
            let z = self.along(&along, &StagePoint::unit(NX + j));
            self.add(out.entry(j), cost(&z).mixed());
        }
    }

    /// Writes the second derivatives of a cost in state and parameters.
    pub(super) fn cost_terms(
        &self,
        lxp: &mut SMatrix<S, NX, NP>,
        cost: impl Fn(&HyperDualPoint<S, NX, 0, NP, NS>) -> S::HyperDual,
    ) {
        for i in 0..NX {
            for j in 0..NP {
                self.set(&mut lxp[(i, j)], cost(&self.along_units(i, NX + j)).mixed());
            }
        }
    }
}
