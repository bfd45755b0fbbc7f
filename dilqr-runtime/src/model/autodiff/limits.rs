//! Derivatives of bounds and constraints from their values.
//!
//! The number of constraints is no constant of the type, so these functions allocate.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::autodiff::seeds::{Direction, HyperDualPoint, Seeds};
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::point::{HessianBlocks, StagePoint};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;
use crate::scalar::hyper_dual::HyperDualParts;

/// The defaults of [`Model`]'s methods for derivatives of limits; see there for what they compute.
pub(crate) trait DerivedLimits<const NX: usize, const NU: usize, const NP: usize, const NS: usize>:
    Model<NX, NU, NP, NS>
{
    /// Values of the constraints of a stage.
    fn stage_values<S: Scalar>(&self, at: &StagePoint<S, NX, NU, NP, NS>) -> Vec<S> {
        let mut c = vec![S::zero(); Self::LIMITS.stage()];
        self.stage_constraints(at.stage(), &mut c);
        c
    }

    /// Values of the terminal constraints.
    fn terminal_values<S: Scalar>(&self, at: &StagePoint<S, NX, 0, NP, NS>) -> Vec<S> {
        let mut c = vec![S::zero(); Self::LIMITS.terminal()];
        self.terminal_constraints(at.terminal(), &mut c);
        c
    }

    /// Both sides of the bounds with their derivatives in parameter `j`. Open sides are infinite.
    fn sides<S: Scalar>(&self, seeds: &Seeds<S, 0, 0, NP, 0>, j: usize) -> [SVector<S::HyperDual, NU>; 2] {
        let open = |value: f64| SVector::from_fn(|_, _| <S::HyperDual as Scalar>::from_f64(value));
        let mut sides = [open(f64::NEG_INFINITY), open(f64::INFINITY)];
        let [lower, upper] = &mut sides;
        self.bounds(&seeds.along_unit(j).p, lower, upper);
        sides
    }

    /// Default of [`Model::add_bounds_contraction`].
    fn add_bounds_contraction<S: Scalar>(
        &self,
        p: &SVector<S, NP>,
        lower: &SVector<S, NU>,
        upper: &SVector<S, NU>,
        gp: &mut SVector<S, NP>,
    ) {
        if !Self::LIMITS.bounded {
            return;
        }
        for seeds in Seeds::lanes(parameters(p)) {
            for j in 0..NP {
                let [low, high] = self.sides(&seeds, j);
                let lower = seeds.contract(lower.as_slice(), |i| low[i].first());
                seeds.add(&mut gp[j], lower + seeds.contract(upper.as_slice(), |i| high[i].first()));
            }
        }
    }

    /// Default of [`Model::bounds_terms`].
    fn bounds_terms<S: Scalar>(
        &self,
        p: &SVector<S, NP>,
        lower: &mut SMatrix<S, NU, NP>,
        upper: &mut SMatrix<S, NU, NP>,
    ) {
        if !Self::LIMITS.bounded {
            return;
        }
        for seeds in Seeds::lanes(parameters(p)) {
            for j in 0..NP {
                let [low, high] = self.sides(&seeds, j);
                for i in 0..NU {
                    seeds.set(&mut lower[(i, j)], low[i].first());
                    seeds.set(&mut upper[(i, j)], high[i].first());
                }
            }
        }
    }

    /// Default of [`Model::expand_stage_constraints`].
    fn expand_stage_constraints<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, NU>,
    ) {
        if Self::LIMITS.stage() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.expand(mu, out, |z| self.stage_values(z)));
        }
    }

    /// Default of [`Model::expand_terminal_constraints`].
    fn expand_terminal_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        if Self::LIMITS.terminal() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.expand(mu, out, |z| self.terminal_values(z)));
        }
    }

    /// Default of [`Model::add_stage_constraint_contraction`].
    fn add_stage_constraint_contraction<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        variation: Variation<'_, S, NX, NU>,
        dmu: &[S],
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        if Self::LIMITS.stage() > 0 {
            for seeds in Seeds::lanes(at) {
                let along = seeds.direction(&StagePoint::along(variation));
                seeds.add_contraction([mu, dmu], &along, &mut out, |z| self.stage_values(z));
            }
        }
    }

    /// Default of [`Model::add_terminal_constraint_contraction`].
    fn add_terminal_constraint_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        dx: &SVector<S, NX>,
        dmu: &[S],
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        if Self::LIMITS.terminal() > 0 {
            for seeds in Seeds::lanes(at) {
                let along = seeds.direction(&StagePoint::along_state(dx));
                seeds.add_contraction([mu, dmu], &along, &mut out, |z| self.terminal_values(z));
            }
        }
    }

    /// Default of [`Model::stage_constraint_terms`].
    fn stage_constraint_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
    ) {
        if Self::LIMITS.stage() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.parameter_terms(mu, out, |z| self.stage_values(z)));
        }
    }

    /// Default of [`Model::terminal_constraint_terms`].
    fn terminal_constraint_terms<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
    ) {
        if Self::LIMITS.terminal() > 0 {
            Seeds::lanes(at).for_each(|seeds| seeds.parameter_terms(mu, out, |z| self.terminal_values(z)));
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> DerivedLimits<NX, NU, NP, NS> for M where
    M: Model<NX, NU, NP, NS> + ?Sized
{
}

/// The parameters as a point without other variables.
fn parameters<S: Scalar, const NP: usize>(p: &SVector<S, NP>) -> StagePoint<S, 0, 0, NP, 0> {
    StagePoint { x: zeros(), u: zeros(), p: *p, s: zeros() }
}

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Seeds<S, NX, NU, NP, NS> {
    /// Constraints to second order, of a stage, or (`NU = 0`) of the terminal or the initial state.
    pub(super) fn expand(
        &self,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, NU>,
        constraints: impl Fn(&HyperDualPoint<S, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
    ) {
        for i in 0..NX + NU {
            for j in 0..=i {
                let c = constraints(&self.along_units(i, j));
                let h = self.contract(mu, |k| c[k].mixed());
                let blocks = HessianBlocks { xx: &mut out.hxx, ux: &mut out.hux, uu: &mut out.huu };
                blocks.each(i, j, |entry| self.set(entry, h));
                for (k, c) in c.iter().enumerate() {
                    self.set(&mut out.c[k], c.value());
                    let entry = if i < NX { &mut out.cx[k][i] } else { &mut out.cu[k][i - NX] };
                    self.set(entry, c.first());
                }
            }
        }
    }

    /// Adds the gradient in the parameters of `mu' c_z along + dmu' c`. The second direction is one parameter.
    pub(super) fn add_contraction(
        &self,
        [mu, dmu]: [&[S]; 2],
        along: &Direction<S, NX, NU, NP, NS>,
        out: &mut ParameterGradient<'_, S, NP, NS>,
        constraints: impl Fn(&HyperDualPoint<S, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
    ) {
        for j in 0..NP + NS {
            let c = constraints(&self.along(along, &StagePoint::unit(NX + NU + j)));
            let h = self.contract(mu, |k| c[k].mixed());
            self.add(out.entry(j), h + self.contract(dmu, |k| c[k].second()));
        }
    }

    /// The forward parameter terms of constraints.
    pub(super) fn parameter_terms(
        &self,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
        constraints: impl Fn(&HyperDualPoint<S, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
    ) {
        for j in 0..NP {
            for i in 0..NX + NU {
                let c = constraints(&self.along_units(i, NX + NU + j));
                let h = self.contract(mu, |k| c[k].mixed());
                let entry = if i < NX { &mut out.hxp[(i, j)] } else { &mut out.hup[(i - NX, j)] };
                self.set(entry, h);
                for (k, c) in c.iter().enumerate() {
                    self.set(&mut out.cp[k][j], c.second());
                }
            }
        }
    }
}
