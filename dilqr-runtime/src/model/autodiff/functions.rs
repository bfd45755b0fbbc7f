//! Derivatives of dynamics and costs from their values.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::autodiff::seeds::{HyperDualPoint, Seeds};
use crate::model::point::{HessianBlocks, StagePoint};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;
use crate::scalar::hyper_dual::HyperDualParts;

/// The defaults of [`Model`]'s methods for derivatives of dynamics and costs; see there for what they compute.
pub(crate) trait DerivedFunctions<const NX: usize, const NU: usize, const NP: usize, const NS: usize>:
    Model<NX, NU, NP, NS>
{
    /// The dynamics at a point.
    fn next<S: Scalar>(&self, at: &StagePoint<S, NX, NU, NP, NS>) -> SVector<S, NX> {
        let mut f = zeros();
        self.dynamics(at.stage(), &mut f);
        f
    }

    /// Default of [`Model::expand_stage`].
    fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>) {
        self.dynamics(at, &mut out.f);
        out.l = self.stage_cost(at);
        for seeds in Seeds::lanes(at) {
            for i in 0..NX + NU {
                // The dynamics need first derivatives only.
                let f = self.next(&seeds.along_unit(i));
                for k in 0..NX {
                    let entry = if i < NX { &mut out.fx[(k, i)] } else { &mut out.fu[(k, i - NX)] };
                    seeds.set(entry, f[k].first());
                }
                for j in 0..=i {
                    let l = self.stage_cost(seeds.along_units(i, j).stage());
                    let blocks = HessianBlocks { xx: &mut out.lxx, ux: &mut out.lux, uu: &mut out.luu };
                    blocks.each(i, j, |entry| seeds.set(entry, l.mixed()));
                    let entry = if i < NX { &mut out.lx[i] } else { &mut out.lu[i - NX] };
                    seeds.set(entry, l.first());
                }
            }
        }
    }

    /// Default of [`Model::expand_terminal`].
    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        out.l = self.terminal_cost(at);
        Seeds::lanes(at).for_each(|seeds| seeds.expand_cost(out, |z| self.terminal_cost(z.terminal())));
    }

    /// Default of [`Model::expand_hamiltonian`].
    fn expand_hamiltonian<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        for seeds in Seeds::lanes(at) {
            for i in 0..NX + NU {
                for j in 0..=i {
                    let z = seeds.along_units(i, j);
                    let (l, f) = (self.stage_cost(z.stage()), self.next(&z));
                    let h = l.mixed() + seeds.contract(lambda.as_slice(), |k| f[k].mixed());
                    let blocks = HessianBlocks { xx: &mut out.hxx, ux: &mut out.hux, uu: &mut out.huu };
                    blocks.each(i, j, |entry| seeds.set(entry, h));
                    if j < i {
                        continue;
                    }
                    let entry = if i < NX { &mut out.lx[i] } else { &mut out.lu[i - NX] };
                    seeds.set(entry, l.first());
                    for k in 0..NX {
                        let entry = if i < NX { &mut out.fx[(k, i)] } else { &mut out.fu[(k, i - NX)] };
                        seeds.set(entry, f[k].first());
                    }
                }
            }
        }
    }

    /// Default of [`Model::add_hamiltonian_parameter_gradient`].
    fn add_hamiltonian_parameter_gradient<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        for seeds in Seeds::lanes(at) {
            for j in 0..NP + NS {
                let z = seeds.along_unit(NX + NU + j);
                let (l, f) = (self.stage_cost(z.stage()), self.next(&z));
                seeds.add(out.entry(j), l.first() + seeds.contract(lambda.as_slice(), |k| f[k].first()));
            }
        }
    }

    /// Default of [`Model::add_terminal_parameter_gradient`].
    fn add_terminal_parameter_gradient<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        Seeds::lanes(at).for_each(|seeds| seeds.add_cost_gradient(&mut out, |z| self.terminal_cost(z.terminal())));
    }

    /// Default of [`Model::add_parameter_contraction`]. The first direction is `(dx, du)`, the second is one parameter. So
    /// the mixed part of `H` is the parameter's entry of `hxp' dx + hup' du`.
    fn add_parameter_contraction<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        variation: Variation<'_, S, NX, NU>,
        dlambda: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        for seeds in Seeds::lanes(at) {
            let along = seeds.direction(&StagePoint::along(variation));
            for j in 0..NP + NS {
                let z = seeds.along(&along, &StagePoint::unit(NX + NU + j));
                let (l, f) = (self.stage_cost(z.stage()), self.next(&z));
                let h = l.mixed() + seeds.contract(lambda.as_slice(), |k| f[k].mixed());
                seeds.add(out.entry(j), h + seeds.contract(dlambda.as_slice(), |k| f[k].second()));
            }
        }
    }

    /// Default of [`Model::add_terminal_parameter_contraction`].
    fn add_terminal_parameter_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        dx: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let cost = |z: &HyperDualPoint<S, NX, 0, NP, NS>| self.terminal_cost(z.terminal());
        Seeds::lanes(at).for_each(|seeds| seeds.add_cost_contraction(dx, &mut out, cost));
    }

    /// Default of [`Model::parameter_terms`].
    fn parameter_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut ParameterTerms<S, NX, NU, NP>,
    ) {
        for seeds in Seeds::lanes(at) {
            for j in 0..NP {
                for i in 0..NX + NU {
                    let z = seeds.along_units(i, NX + NU + j);
                    let (l, f) = (self.stage_cost(z.stage()), self.next(&z));
                    let h = l.mixed() + seeds.contract(lambda.as_slice(), |k| f[k].mixed());
                    let entry = if i < NX { &mut out.hxp[(i, j)] } else { &mut out.hup[(i - NX, j)] };
                    seeds.set(entry, h);
                    for k in 0..NX {
                        seeds.set(&mut out.fp[(k, j)], f[k].second());
                    }
                }
            }
        }
    }

    /// Default of [`Model::terminal_parameter_terms`].
    fn terminal_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, lxp: &mut SMatrix<S, NX, NP>) {
        Seeds::lanes(at).for_each(|seeds| seeds.cost_terms(lxp, |z| self.terminal_cost(z.terminal())));
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> DerivedFunctions<NX, NU, NP, NS> for M where
    M: Model<NX, NU, NP, NS> + ?Sized
{
}
