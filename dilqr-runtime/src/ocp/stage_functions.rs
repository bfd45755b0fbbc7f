//! The functions of a stage of a trajectory. At stage 0 those of the initial state are part of them: its cost is part of the
//! stage's cost, and its constraints follow those of the stage in every list. At later stages these entries of the lists
//! have no meaning.

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;

use nalgebra::SVector;

/// The state of a stage as the argument of a function of the initial state.
#[inline(always)]
fn initial<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: Stage<'a, S, NX, NU, NP, NS>,
) -> Terminal<'a, S, NX, NP, NS> {
    Terminal::new(at.x, at.p, at.s)
}

/// A stage's cost with its linear cost, where the model has some.
#[inline(always)]
fn add_linear_cost<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    cost: S,
) -> S
where
    M: Model<NX, NU, NP, NS>,
{
    if const { !M::HAS_SLOPES } {
        return cost;
    }
    let mut cost = cost;
    if let Some((x, u)) = model.slopes(t) {
        for (slope, z) in x.iter().chain(u).zip(at.x.iter().chain(at.u)) {
            cost += S::from_f64(*slope) * *z;
        }
    }
    cost
}

/// Adds the slopes of the linear cost of a stage.
#[inline(always)]
fn add_slopes<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    (lx, lu): (&mut SVector<S, NX>, &mut SVector<S, NU>),
) where
    M: Model<NX, NU, NP, NS>,
{
    if const { M::HAS_SLOPES }
        && let Some((x, u)) = model.slopes(t)
    {
        for (l, slope) in lx.iter_mut().chain(lu).zip(x.iter().chain(u)) {
            *l += S::from_f64(*slope);
        }
    }
}

/// [`Model::step`] at stage `t`.
#[inline(always)]
pub(crate) fn step<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    next: &mut SVector<S, NX>,
) -> S
where
    M: Model<NX, NU, NP, NS>,
{
    let cost = add_linear_cost((model, t), at, model.step(at, next));
    if const { M::START.cost } && t == 0 { cost + model.initial_cost(initial(at)) } else { cost }
}

/// [`Model::stage_cost`] at stage `t`.
#[inline(always)]
pub(crate) fn stage_cost<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
) -> S
where
    M: Model<NX, NU, NP, NS>,
{
    let cost = add_linear_cost((model, t), at, model.stage_cost(at));
    if const { M::START.cost } && t == 0 { cost + model.initial_cost(initial(at)) } else { cost }
}

/// [`Model::expand_stage`] at stage `t`.
#[inline(always)]
pub(crate) fn expand_stage<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    out: &mut StageExpansion<S, NX, NU>,
) where
    M: Model<NX, NU, NP, NS>,
{
    if const { M::START.cost || M::HAS_SLOPES } {
        // Kernels write no structural zero, and the costs that follow add to all entries.
        *out = StageExpansion::zeros();
    }
    model.expand_stage(at, out);
    out.l = add_linear_cost((model, t), at, out.l);
    add_slopes((model, t), (&mut out.lx, &mut out.lu));
    if const { M::START.cost } && t == 0 {
        let mut cost = TerminalExpansion::zeros();
        model.expand_initial(initial(at), &mut cost);
        out.l += cost.l;
        out.lx += cost.lx;
        out.lxx += cost.lxx;
    }
}

/// [`Model::expand_hamiltonian`] at stage `t`.
#[inline(always)]
pub(crate) fn expand_hamiltonian<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    out: &mut HamiltonianExpansion<S, NX, NU>,
) where
    M: Model<NX, NU, NP, NS>,
{
    if const { M::START.cost || M::HAS_SLOPES } {
        // Kernels write no structural zero, and the costs that follow add to all entries.
        *out = HamiltonianExpansion::zeros();
    }
    model.expand_hamiltonian(at, lambda, out);
    add_slopes((model, t), (&mut out.lx, &mut out.lu));
    if const { M::START.cost } && t == 0 {
        let mut cost = TerminalExpansion::zeros();
        model.expand_initial(initial(at), &mut cost);
        out.lx += cost.lx;
        out.hxx += cost.lxx;
    }
}

/// [`Model::add_hamiltonian_parameter_gradient`] at stage `t`.
#[inline(always)]
pub(crate) fn add_hamiltonian_parameter_gradient<
    S: Scalar,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    model.add_hamiltonian_parameter_gradient(at, lambda, out.reborrow());
    if const { M::START.cost } && t == 0 {
        model.add_initial_parameter_gradient(initial(at), out);
    }
}

/// [`Model::add_parameter_contraction`] at stage `t`.
#[inline(always)]
pub(crate) fn add_parameter_contraction<
    S: Scalar,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    (variation, dlambda): (Variation<'_, S, NX, NU>, &SVector<S, NX>),
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    model.add_parameter_contraction(at, lambda, variation, dlambda, out.reborrow());
    if const { M::START.cost } && t == 0 {
        model.add_initial_parameter_contraction(initial(at), variation.dx, out);
    }
}

/// [`Model::parameter_terms`] at stage `t`.
#[inline(always)]
pub(crate) fn parameter_terms<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    out: &mut ParameterTerms<S, NX, NU, NP>,
) where
    M: Model<NX, NU, NP, NS>,
{
    if const { M::START.cost } {
        // Kernels write no structural zero, but the cost of the initial state is added to the record.
        *out = ParameterTerms::zeros();
    }
    model.parameter_terms(at, lambda, out);
    if const { M::START.cost } && t == 0 {
        let mut lxp = zeros();
        model.initial_parameter_terms(initial(at), &mut lxp);
        out.hxp += lxp;
    }
}

/// [`Model::stage_constraints`] at stage `t`, into its list.
#[inline(always)]
pub(crate) fn stage_constraints<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    c: &mut [S],
) where
    M: Model<NX, NU, NP, NS>,
{
    let (own, of_initial) = c.split_at_mut(const { M::LIMITS.stage() });
    model.stage_constraints(at, own);
    if const { M::LIMITS.initial() > 0 } && t == 0 {
        model.initial_constraints(initial(at), of_initial);
    }
}

/// [`Model::expand_stage_constraints`] at stage `t`. `of_initial` is memory for the constraints of the initial state.
pub(crate) fn expand_stage_constraints<
    S: Scalar,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintExpansion<S, NX, NU>,
    of_initial: &mut ConstraintExpansion<S, NX, 0>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let own = const { M::LIMITS.stage() };
    if const { M::LIMITS.initial() > 0 } {
        // Below, the curvature of the initial state's constraints is added to it.
        (out.hxx, out.hux, out.huu) = (zeros(), zeros(), zeros());
    }
    model.expand_stage_constraints(at, &mu[..own], out);
    if const { M::LIMITS.initial() > 0 } && t == 0 {
        model.expand_initial_constraints(initial(at), &mu[own..], of_initial);
        out.hxx += of_initial.hxx;
        for (i, (c, cx)) in of_initial.c.iter().zip(&of_initial.cx).enumerate() {
            (out.c[own + i], out.cx[own + i]) = (*c, *cx);
        }
    }
}

/// [`Model::add_stage_constraint_contraction`] at stage `t`.
#[inline(always)]
pub(crate) fn add_stage_constraint_contraction<
    S: Scalar,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    (mu, dmu): (&[S], &[S]),
    variation: Variation<'_, S, NX, NU>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let own = const { M::LIMITS.stage() };
    if own > 0 {
        model.add_stage_constraint_contraction(at, &mu[..own], variation, &dmu[..own], out.reborrow());
    }
    if const { M::LIMITS.initial() > 0 } && t == 0 {
        model.add_initial_constraint_contraction(initial(at), &mu[own..], variation.dx, &dmu[own..], out);
    }
}

/// [`Model::stage_constraint_terms`] at stage `t`.
pub(crate) fn stage_constraint_terms<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, t): (&M, usize),
    at: Stage<'_, S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let own = const { M::LIMITS.stage() };
    if const { M::LIMITS.initial() > 0 } {
        (out.hxp, out.hup) = (zeros(), zeros());
    }
    model.stage_constraint_terms(at, &mu[..own], out);
    if const { M::LIMITS.initial() > 0 } && t == 0 {
        let mut of_initial = ConstraintParameterTerms::zeros(const { M::LIMITS.initial() });
        model.initial_constraint_terms(initial(at), &mu[own..], &mut of_initial);
        out.hxp += of_initial.hxp;
        out.cp[own..].copy_from_slice(&of_initial.cp);
    }
}
