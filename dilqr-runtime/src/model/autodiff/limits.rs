//! Derivatives of bounds and constraints from their values, with hyper-dual numbers: what [`Model`]'s provided methods call.
//!
//! The number of constraints is no constant of the type, so these functions allocate.

use super::seed;
use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::point::{StagePoint, set_second};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;
use crate::scalar::dual::HyperDualParts;

/// Values of a stage's constraints.
fn stage<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: &StagePoint<S, NX, NU, NP, NS>,
) -> Vec<S>
where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let mut c = vec![S::zero(); M::LIMITS.stage()];
    model.stage_constraints(at.stage(), &mut c);
    c
}

/// Values of the terminal constraints.
fn terminal<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: &StagePoint<S, NX, 0, NP, NS>,
) -> Vec<S>
where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let mut c = vec![S::zero(); M::LIMITS.terminal()];
    model.terminal_constraints(at.terminal(), &mut c);
    c
}

/// `weights' values`.
fn contract<S: Scalar>(weights: &[S], values: impl Iterator<Item = S>) -> S {
    weights.iter().zip(values).fold(S::zero(), |sum, (&weight, value)| sum + weight * value)
}

fn expand<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintExpansion<S, NX, NU>,
    constraints: impl Fn(&StagePoint<S::HyperDual, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
) {
    for i in 0..NX + NU {
        for j in 0..=i {
            let c = constraints(&seed(at, &StagePoint::unit(i), &StagePoint::unit(j)));
            let h = contract(mu, c.iter().map(HyperDualParts::mixed));
            set_second(i, j, h, (&mut out.hxx, &mut out.hux, &mut out.huu));
            for (k, c) in c.iter().enumerate() {
                out.c[k] = c.value();
                if i < NX {
                    out.cx[k][i] = c.first();
                } else {
                    out.cu[k][i - NX] = c.first();
                }
            }
        }
    }
}

/// The first direction is `along`, the second one parameter.
fn add_contraction<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    [mu, dmu]: [&[S]; 2],
    along: &StagePoint<S, NX, NU, NP, NS>,
    mut out: ParameterGradient<'_, S, NP, NS>,
    constraints: impl Fn(&StagePoint<S::HyperDual, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
) {
    for j in 0..NP + NS {
        let c = constraints(&seed(at, along, &StagePoint::unit(NX + NU + j)));
        let h = contract(mu, c.iter().map(HyperDualParts::mixed));
        *out.entry(j) += h + contract(dmu, c.iter().map(HyperDualParts::second));
    }
}

fn terms<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
    constraints: impl Fn(&StagePoint<S::HyperDual, NX, NU, NP, NS>) -> Vec<S::HyperDual>,
) {
    for j in 0..NP {
        for i in 0..NX + NU {
            let c = constraints(&seed(at, &StagePoint::unit(i), &StagePoint::unit(NX + NU + j)));
            let h = contract(mu, c.iter().map(HyperDualParts::mixed));
            if i < NX {
                out.hxp[(i, j)] = h;
            } else {
                out.hup[(i - NX, j)] = h;
            }
            for (k, c) in c.iter().enumerate() {
                out.cp[k][j] = c.second();
            }
        }
    }
}

/// Both sides of the bounds with their derivatives in parameter `j`; those of an open side are zero.
fn bounds<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    p: &SVector<S, NP>,
    j: usize,
) -> [SVector<S::HyperDual, NU>; 2]
where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::<S, 0, 0, NP, 0> { x: zeros(), u: zeros(), p: *p, s: zeros() };
    let z = seed(&at, &StagePoint::unit(j), &StagePoint::zero());
    let side = |open: f64| SVector::from_fn(|_, _| <S::HyperDual as Scalar>::from_f64(open));
    let mut sides = [side(f64::NEG_INFINITY), side(f64::INFINITY)];
    let [lower, upper] = &mut sides;
    model.bounds(&z.p, lower, upper);
    sides
}

/// Default of [`Model::add_bounds_contraction`].
pub(crate) fn add_bounds_contraction<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    p: &SVector<S, NP>,
    lower: &SVector<S, NU>,
    upper: &SVector<S, NU>,
    gp: &mut SVector<S, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if !M::LIMITS.bounded {
        return;
    }
    for j in 0..NP {
        let [low, high] = bounds(model, p, j);
        for i in 0..NU {
            gp[j] += lower[i] * low[i].first() + upper[i] * high[i].first();
        }
    }
}

/// Default of [`Model::bounds_terms`].
pub(crate) fn bounds_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    p: &SVector<S, NP>,
    lower: &mut SMatrix<S, NU, NP>,
    upper: &mut SMatrix<S, NU, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if !M::LIMITS.bounded {
        return;
    }
    for j in 0..NP {
        let [low, high] = bounds(model, p, j);
        for i in 0..NU {
            lower[(i, j)] = low[i].first();
            upper[(i, j)] = high[i].first();
        }
    }
}

/// Default of [`Model::expand_stage_constraints`].
pub(crate) fn expand_stage_constraints<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintExpansion<S, NX, NU>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.stage() > 0 {
        expand(&StagePoint::from(at), mu, out, |z| stage(model, z));
    }
}

/// Default of [`Model::expand_terminal_constraints`].
pub(crate) fn expand_terminal_constraints<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    mu: &[S],
    out: &mut ConstraintExpansion<S, NX, 0>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.terminal() > 0 {
        expand(&StagePoint::from(at), mu, out, |z| terminal(model, z));
    }
}

/// Default of [`Model::add_stage_constraint_contraction`].
pub(crate) fn add_stage_constraint_contraction<
    M,
    S,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    mu: &[S],
    variation: Variation<'_, S, NX, NU>,
    dmu: &[S],
    out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.stage() > 0 {
        let (at, along) = (StagePoint::from(at), StagePoint::along(variation));
        add_contraction(&at, [mu, dmu], &along, out, |z| stage(model, z));
    }
}

/// Default of [`Model::add_terminal_constraint_contraction`].
pub(crate) fn add_terminal_constraint_contraction<
    M,
    S,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    mu: &[S],
    dx: &SVector<S, NX>,
    dmu: &[S],
    out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.terminal() > 0 {
        let (at, along) = (StagePoint::from(at), StagePoint::along_state(dx));
        add_contraction(&at, [mu, dmu], &along, out, |z| terminal(model, z));
    }
}

/// Default of [`Model::stage_constraint_terms`].
pub(crate) fn stage_constraint_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.stage() > 0 {
        terms(&StagePoint::from(at), mu, out, |z| stage(model, z));
    }
}

/// Default of [`Model::terminal_constraint_terms`].
pub(crate) fn terminal_constraint_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    mu: &[S],
    out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    if M::LIMITS.terminal() > 0 {
        terms(&StagePoint::from(at), mu, out, |z| terminal(model, z));
    }
}
