use crate::scalar::dual::HyperDualParts;
use nalgebra::{SMatrix, SVector};

use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::point::{StagePoint, set_second};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;

mod limits;

pub(crate) use limits::{
    add_bounds_contraction, add_stage_constraint_contraction, add_terminal_constraint_contraction, bounds_terms,
    expand_stage_constraints, expand_terminal_constraints, stage_constraint_terms, terminal_constraint_terms,
};

/// A model whose derivatives are taken with hyper-dual numbers from the wrapped model's `dynamics`, `stage_cost`,
/// `terminal_cost`, `bounds`, `stage_constraints` and `terminal_constraints`; the wrapped model's own derivatives are never
/// called.
///
/// Exact to rounding, and slow: the second opinion on derivative kernels that were generated or written by hand, beside
/// [`NumDiff`](crate::numdiff::NumDiff).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoDiff<M>(pub M);

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for AutoDiff<M>
where
    M: Model<NX, NU, NP, NS>,
{
    const LIMITS: Limits = M::LIMITS;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) {
        self.0.dynamics(at, next);
    }

    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S {
        self.0.stage_cost(at)
    }

    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S {
        self.0.terminal_cost(at)
    }

    fn bounds<S: Scalar>(&self, p: &SVector<S, NP>, lower: &mut SVector<S, NU>, upper: &mut SVector<S, NU>) {
        self.0.bounds(p, lower, upper);
    }

    fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, c: &mut [S]) {
        self.0.stage_constraints(at, c);
    }

    fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]) {
        self.0.terminal_constraints(at, c);
    }
}

/// The point with its derivatives seeded in two directions.
fn seed<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    first: &StagePoint<S, NX, NU, NP, NS>,
    second: &StagePoint<S, NX, NU, NP, NS>,
) -> StagePoint<S::HyperDual, NX, NU, NP, NS> {
    fn seed<S: Scalar, const N: usize>(
        at: &SVector<S, N>,
        first: &SVector<S, N>,
        second: &SVector<S, N>,
    ) -> SVector<S::HyperDual, N> {
        SVector::from_fn(|i, _| S::HyperDual::from_parts(at[i], first[i], second[i]))
    }
    StagePoint {
        x: seed(&at.x, &first.x, &second.x),
        u: seed(&at.u, &first.u, &second.u),
        p: seed(&at.p, &first.p, &second.p),
        s: seed(&at.s, &first.s, &second.s),
    }
}

/// The dynamics at a point.
fn next<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: &StagePoint<S, NX, NU, NP, NS>,
) -> SVector<S, NX>
where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let mut f = SVector::from_fn(|_, _| S::zero());
    model.dynamics(at.stage(), &mut f);
    f
}

/// `weights' values`.
fn contract<S: Scalar, const N: usize>(weights: &SVector<S, N>, values: impl Fn(usize) -> S) -> S {
    (0..N).fold(S::zero(), |sum, i| sum + weights[i] * values(i))
}

/// Default of [`Model::expand_stage`].
pub(crate) fn expand_stage<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    out: &mut StageExpansion<S, NX, NU>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    model.dynamics(at, &mut out.f);
    out.l = model.stage_cost(at);
    let at = StagePoint::from(at);
    for i in 0..NX + NU {
        let along_i = StagePoint::unit(i);
        // The second direction would carry nothing more of the dynamics that is asked for.
        let f = next(model, &seed(&at, &along_i, &StagePoint::zero()));
        for k in 0..NX {
            let slope = f[k].first();
            if i < NX {
                out.fx[(k, i)] = slope;
            } else {
                out.fu[(k, i - NX)] = slope;
            }
        }
        for j in 0..=i {
            let z = seed(&at, &along_i, &StagePoint::unit(j));
            let l = model.stage_cost(z.stage());
            set_second(i, j, l.mixed(), (&mut out.lxx, &mut out.lux, &mut out.luu));
            if i < NX {
                out.lx[i] = l.first();
            } else {
                out.lu[i - NX] = l.first();
            }
        }
    }
}

/// Default of [`Model::expand_terminal`].
pub(crate) fn expand_terminal<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    out: &mut TerminalExpansion<S, NX>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    out.l = model.terminal_cost(at);
    let at = StagePoint::from(at);
    for i in 0..NX {
        for j in 0..=i {
            let z = seed(&at, &StagePoint::unit(i), &StagePoint::unit(j));
            let l = model.terminal_cost(z.terminal());
            out.lxx[(i, j)] = l.mixed();
            out.lxx[(j, i)] = l.mixed();
            out.lx[i] = l.first();
        }
    }
}

/// Default of [`Model::expand_hamiltonian`].
pub(crate) fn expand_hamiltonian<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    out: &mut HamiltonianExpansion<S, NX, NU>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::from(at);
    for i in 0..NX + NU {
        for j in 0..=i {
            let z = seed(&at, &StagePoint::unit(i), &StagePoint::unit(j));
            let l = model.stage_cost(z.stage());
            let f = next(model, &z);
            let h = l.mixed() + contract(lambda, |k| f[k].mixed());
            set_second(i, j, h, (&mut out.hxx, &mut out.hux, &mut out.huu));
            if j < i {
                continue;
            }
            if i < NX {
                out.lx[i] = l.first();
                out.fx.set_column(i, &SVector::from_fn(|k, _| f[k].first()));
            } else {
                out.lu[i - NX] = l.first();
                out.fu.set_column(i - NX, &SVector::from_fn(|k, _| f[k].first()));
            }
        }
    }
}

/// Default of [`Model::add_hamiltonian_parameter_gradient`].
pub(crate) fn add_hamiltonian_parameter_gradient<
    M,
    S,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::from(at);
    for j in 0..NP + NS {
        let z = seed(&at, &StagePoint::unit(NX + NU + j), &StagePoint::zero());
        let l = model.stage_cost(z.stage());
        let f = next(model, &z);
        *out.entry(j) += l.first() + contract(lambda, |k| f[k].first());
    }
}

/// Default of [`Model::add_terminal_parameter_gradient`].
pub(crate) fn add_terminal_parameter_gradient<
    M,
    S,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::from(at);
    for j in 0..NP + NS {
        let z = seed(&at, &StagePoint::unit(NX + j), &StagePoint::zero());
        let l = model.terminal_cost(z.terminal());
        *out.entry(j) += l.first();
    }
}

/// Default of [`Model::add_parameter_contraction`]: the first direction is `(dx, du)`, the second one so the
/// mixed part of `H` is the parameter's entry of `hxp' dx + hup' du`.
pub(crate) fn add_parameter_contraction<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    variation: Variation<'_, S, NX, NU>,
    dlambda: &SVector<S, NX>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::from(at);
    let along = StagePoint::along(variation);
    for j in 0..NP + NS {
        let z = seed(&at, &along, &StagePoint::unit(NX + NU + j));
        let l = model.stage_cost(z.stage());
        let f = next(model, &z);
        *out.entry(j) += l.mixed() + contract(lambda, |k| f[k].mixed()) + contract(dlambda, |k| f[k].second());
    }
}

/// Default of [`Model::add_terminal_parameter_contraction`].
pub(crate) fn add_terminal_parameter_contraction<
    M,
    S,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    dx: &SVector<S, NX>,
    mut out: ParameterGradient<'_, S, NP, NS>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    let at = StagePoint::from(at);
    let along = StagePoint::along_state(dx);
    for j in 0..NP + NS {
        let z = seed(&at, &along, &StagePoint::unit(NX + j));
        let l = model.terminal_cost(z.terminal());
        *out.entry(j) += l.mixed();
    }
}

/// The forward terms in `N` parameters, which are the variables from `first` on.
fn terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const N: usize>(
    model: &M,
    at: &StagePoint<S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    first: usize,
    out: &mut ParameterTerms<S, NX, NU, N>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    for j in 0..N {
        for i in 0..NX + NU {
            let z = seed(at, &StagePoint::unit(i), &StagePoint::unit(first + j));
            let l = model.stage_cost(z.stage());
            let f = next(model, &z);
            let h = l.mixed() + contract(lambda, |k| f[k].mixed());
            if i < NX {
                out.hxp[(i, j)] = h;
            } else {
                out.hup[(i - NX, j)] = h;
            }
            for k in 0..NX {
                out.fp[(k, j)] = f[k].second();
            }
        }
    }
}

/// The terminal cost's second derivatives in the state and in `N` parameters, which are the variables from `first` on.
fn terminal_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const N: usize>(
    model: &M,
    at: &StagePoint<S, NX, 0, NP, NS>,
    first: usize,
    out: &mut SMatrix<S, NX, N>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    for i in 0..NX {
        for j in 0..N {
            let z = seed(at, &StagePoint::unit(i), &StagePoint::unit(first + j));
            out[(i, j)] = model.terminal_cost(z.terminal()).mixed();
        }
    }
}

/// Default of [`Model::parameter_terms`].
pub(crate) fn parameter_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Stage<'_, S, NX, NU, NP, NS>,
    lambda: &SVector<S, NX>,
    out: &mut ParameterTerms<S, NX, NU, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    terms(model, &StagePoint::from(at), lambda, NX + NU, out);
}

/// Default of [`Model::terminal_parameter_terms`].
pub(crate) fn terminal_parameter_terms<M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: Terminal<'_, S, NX, NP, NS>,
    lxp: &mut SMatrix<S, NX, NP>,
) where
    M: Model<NX, NU, NP, NS> + ?Sized,
    S: Scalar,
{
    terminal_terms(model, &StagePoint::from(at), NX, lxp);
}
