//! Derivatives of the cost and of the constraints of the initial state from their values.

use nalgebra::{SMatrix, SVector};

use crate::model::Model;
use crate::model::autodiff::seeds::{HyperDualPoint, Seeds};
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::point::StagePoint;
use crate::model::records::TerminalExpansion;
use crate::model::stage::{ParameterGradient, Terminal};
use crate::scalar::Scalar;

/// The defaults of [`Model`]'s methods for derivatives of functions of the initial state; see there for what they compute.
pub(crate) trait DerivedInitial<const NX: usize, const NU: usize, const NP: usize, const NS: usize>:
    Model<NX, NU, NP, NS>
{
    /// Values of the constraints of the initial state.
    fn initial_values<S: Scalar>(&self, at: &StagePoint<S, NX, 0, NP, NS>) -> Vec<S> {
        let mut c = vec![S::zero(); Self::LIMITS.initial()];
        self.initial_constraints(at.terminal(), &mut c);
        c
    }

    /// Default of [`Model::expand_initial`].
    fn expand_initial<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        if Self::START.cost {
            out.l = self.initial_cost(at);
            Seeds::lanes(at).for_each(|seeds| seeds.expand_cost(out, |z| self.initial_cost(z.terminal())));
        }
    }

    /// Default of [`Model::add_initial_parameter_gradient`].
    fn add_initial_parameter_gradient<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        if Self::START.cost {
            Seeds::lanes(at).for_each(|seeds| seeds.add_cost_gradient(&mut out, |z| self.initial_cost(z.terminal())));
        }
    }

    /// Default of [`Model::add_initial_parameter_contraction`].
    fn add_initial_parameter_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        dx: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        if Self::START.cost {
            let cost = |z: &HyperDualPoint<S, NX, 0, NP, NS>| self.initial_cost(z.terminal());
            Seeds::lanes(at).for_each(|seeds| seeds.add_cost_contraction(dx, &mut out, cost));
        }
    }

    /// Default of [`Model::initial_parameter_terms`].
    fn initial_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, lxp: &mut SMatrix<S, NX, NP>) {
        if Self::START.cost {
            Seeds::lanes(at).for_each(|seeds| seeds.cost_terms(lxp, |z| self.initial_cost(z.terminal())));
        }
    }

    /// Default of [`Model::expand_initial_constraints`].
    fn expand_initial_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        if Self::LIMITS.initial() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.expand(mu, out, |z| self.initial_values(z)));
        }
    }

    /// Default of [`Model::add_initial_constraint_contraction`].
    fn add_initial_constraint_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        dx: &SVector<S, NX>,
        dmu: &[S],
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        if Self::LIMITS.initial() > 0 {
            for seeds in Seeds::lanes(at) {
                let along = seeds.direction(&StagePoint::along_state(dx));
                seeds.add_contraction([mu, dmu], &along, &mut out, |z| self.initial_values(z));
            }
        }
    }

    /// Default of [`Model::initial_constraint_terms`].
    fn initial_constraint_terms<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
    ) {
        if Self::LIMITS.initial() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.parameter_terms(mu, out, |z| self.initial_values(z)));
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> DerivedInitial<NX, NU, NP, NS> for M where
    M: Model<NX, NU, NP, NS> + ?Sized
{
}
