//! Derivatives of a model by central differences, for checks of derivative kernels.

mod costs;
mod differences;
mod limits;

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms, Limits};
use crate::model::numdiff::differences::{first, second, slope};
use crate::model::point::{HessianBlocks, StagePoint};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::model::start::Start;
use crate::model::wrapped_model::functions_of_wrapped_model;
use crate::scalar::Scalar;

/// A model with derivatives by central differences.
///
/// It differentiates the wrapped model's `dynamics`, `stage_cost`, `terminal_cost`, `bounds`, `stage_constraints` and
/// `terminal_constraints`. It never calls the derivatives of the wrapped model. It implements [`Model`], so a derivative
/// kernel is checked by filling the same record twice:
///
/// * First derivatives (`fx`, `fu`, `fp`, gradients of costs and of the Hamiltonian) are differences of two values over twice
///   the step `h = cbrt(eps) max(1, |z|)` in each variable `z`. The error is about `1e-10` for functions whose third
///   derivatives are of the size of their values. Compare to `1e-9`, relative to the largest value or derivative.
/// * Second derivatives (`lxx`, `hux`, `hxp`, ... and the contractions) are mixed differences of four values of a cost or
///   of the Hamiltonian `H = l + lambda' f`, with `h = eps^(1/4) max(1, |z|)`. The error is about `1e-7` of the size of the
///   values. Compare to `1e-5`. The parameter contraction uses `(dx, du)` as one direction, scaled so that no variable
///   exceeds its own step, and adds `dlambda' f` to first order.
///
/// `eps` is the machine epsilon of the scalar; in `f32` expect errors of `1e-4` and `1e-2`. Steps are rounded to powers of
/// 2, so that the difference of the arguments is exact.
///
#[cfg_attr(feature = "dual", doc = "```")]
#[cfg_attr(not(feature = "dual"), doc = "```ignore")]
/// # use dilqr_runtime::model::Terminal;
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::Scalar;
/// # struct Drift;
/// # impl Model<1, 1, 0> for Drift {
/// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
/// #         next[0] = at.x[0].sin() + at.u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
/// #         at.u[0] * at.u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 0>) -> S {
/// #         S::zero()
/// #     }
/// # }
/// use dilqr_runtime::model::{Stage, StageExpansion};
/// use dilqr_runtime::{Model, NumDiff};
///
/// let (x, u, none) = ([0.5].into(), [3.0].into(), [].into());
/// let at = Stage::new(&x, &u, &none, &none);
/// let (mut exact, mut differences) = (StageExpansion::zeros(), StageExpansion::zeros());
/// Drift.expand_stage(at, &mut exact);
/// NumDiff(Drift).expand_stage(at, &mut differences);
/// assert!((exact.fx - differences.fx).amax() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumDiff<M>(pub M);

impl<M> NumDiff<M> {
    /// The next state at a point.
    fn next<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
    ) -> SVector<S, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut f = zeros();
        self.0.dynamics(at.stage(), &mut f);
        f
    }

    /// The stage cost at a point.
    fn cost<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.0.stage_cost(at.stage())
    }

    /// The terminal cost at a point.
    fn terminal<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.0.terminal_cost(at.terminal())
    }

    /// The cost of the initial state at a point.
    fn initial<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.0.initial_cost(at.terminal())
    }

    /// `H = l + lambda' f` at a point.
    fn hamiltonian<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let f = self.next(at);
        (0..NX).fold(self.cost(at), |sum, k| sum + lambda[k] * f[k])
    }

    /// Writes the first derivatives of dynamics and stage cost in variable `i` of `(x, u)`.
    fn write_gradients<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        i: usize,
        at: &StagePoint<S, NX, NU, NP, NS>,
        (fx, fu): (&mut SMatrix<S, NX, NX>, &mut SMatrix<S, NX, NU>),
        (lx, lu): (&mut SVector<S, NX>, &mut SVector<S, NU>),
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let along = StagePoint::unit(i);
        let f = first(at, &along, |z| self.next(z));
        let l = slope(at, &along, |z| self.cost(z));
        if i < NX {
            fx.set_column(i, &f);
            lx[i] = l;
        } else {
            fu.set_column(i - NX, &f);
            lu[i - NX] = l;
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for NumDiff<M>
where
    M: Model<NX, NU, NP, NS>,
{
    functions_of_wrapped_model!();

    fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>) {
        let at = StagePoint::from(at);
        out.f = self.next(&at);
        out.l = self.cost(&at);
        for i in 0..NX + NU {
            let along_i = StagePoint::unit(i);
            self.write_gradients(i, &at, (&mut out.fx, &mut out.fu), (&mut out.lx, &mut out.lu));
            for j in 0..=i {
                let l = second(&at, &along_i, &StagePoint::unit(j), |z| self.cost(z));
                HessianBlocks { xx: &mut out.lxx, ux: &mut out.lux, uu: &mut out.luu }.each(i, j, |entry| *entry = l);
            }
        }
    }

    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        costs::expand(&StagePoint::from(at), out, |z| self.terminal(z));
    }

    fn expand_hamiltonian<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        let at = StagePoint::from(at);
        for i in 0..NX + NU {
            let along_i = StagePoint::unit(i);
            self.write_gradients(i, &at, (&mut out.fx, &mut out.fu), (&mut out.lx, &mut out.lu));
            for j in 0..=i {
                let h = second(&at, &along_i, &StagePoint::unit(j), |z| self.hamiltonian(z, lambda));
                HessianBlocks { xx: &mut out.hxx, ux: &mut out.hux, uu: &mut out.huu }.each(i, j, |entry| *entry = h);
            }
        }
    }

    fn add_hamiltonian_parameter_gradient<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let at = StagePoint::from(at);
        for j in 0..NP + NS {
            let along_j = StagePoint::unit(NX + NU + j);
            *out.entry(j) += slope(&at, &along_j, |z| self.hamiltonian(z, lambda));
        }
    }

    fn add_terminal_parameter_gradient<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        costs::add_gradient(&StagePoint::from(at), out, |z| self.terminal(z));
    }

    fn add_parameter_contraction<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        variation: Variation<'_, S, NX, NU>,
        dlambda: &SVector<S, NX>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let at = StagePoint::from(at);
        let along = StagePoint::along(variation);
        for j in 0..NP + NS {
            let along_j = StagePoint::unit(NX + NU + j);
            let f = first(&at, &along_j, |z| self.next(z));
            let h = second(&at, &along, &along_j, |z| self.hamiltonian(z, lambda));
            *out.entry(j) += (0..NX).fold(h, |sum, k| sum + dlambda[k] * f[k]);
        }
    }

    fn add_terminal_parameter_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        dx: &SVector<S, NX>,
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        costs::add_contraction(&StagePoint::from(at), dx, out, |z| self.terminal(z));
    }

    fn parameter_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut ParameterTerms<S, NX, NU, NP>,
    ) {
        let at = StagePoint::from(at);
        for j in 0..NP {
            let along_j = StagePoint::unit(NX + NU + j);
            out.fp.set_column(j, &first(&at, &along_j, |z| self.next(z)));
            for i in 0..NX + NU {
                let h = second(&at, &StagePoint::unit(i), &along_j, |z| self.hamiltonian(z, lambda));
                let entry = if i < NX { &mut out.hxp[(i, j)] } else { &mut out.hup[(i - NX, j)] };
                *entry = h;
            }
        }
    }

    fn terminal_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, lxp: &mut SMatrix<S, NX, NP>) {
        costs::terms(&StagePoint::from(at), lxp, |z| self.terminal(z));
    }

    fn add_bounds_contraction<S: Scalar>(
        &self,
        p: &SVector<S, NP>,
        lower: &SVector<S, NU>,
        upper: &SVector<S, NU>,
        gp: &mut SVector<S, NP>,
    ) {
        for i in 0..NU {
            for j in 0..NP {
                let [low, high] = self.bounds_slopes(p, i, j);
                gp[j] += lower[i] * low + upper[i] * high;
            }
        }
    }

    fn bounds_terms<S: Scalar>(
        &self,
        p: &SVector<S, NP>,
        lower: &mut SMatrix<S, NU, NP>,
        upper: &mut SMatrix<S, NU, NP>,
    ) {
        for i in 0..NU {
            for j in 0..NP {
                [lower[(i, j)], upper[(i, j)]] = self.bounds_slopes(p, i, j);
            }
        }
    }

    fn expand_stage_constraints<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, NU>,
    ) {
        limits::expand(&StagePoint::from(at), mu, out, |z| self.stage_values(z));
    }

    fn expand_terminal_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        limits::expand(&StagePoint::from(at), mu, out, |z| self.terminal_values(z));
    }

    fn add_stage_constraint_contraction<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        variation: Variation<'_, S, NX, NU>,
        dmu: &[S],
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let (at, along) = (StagePoint::from(at), StagePoint::along(variation));
        limits::add_contraction(&at, [mu, dmu], &along, out, |z| self.stage_values(z));
    }

    fn add_terminal_constraint_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        dx: &SVector<S, NX>,
        dmu: &[S],
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let (at, along) = (StagePoint::from(at), StagePoint::along_state(dx));
        limits::add_contraction(&at, [mu, dmu], &along, out, |z| self.terminal_values(z));
    }

    fn stage_constraint_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
    ) {
        limits::terms(&StagePoint::from(at), mu, out, |z| self.stage_values(z));
    }

    fn terminal_constraint_terms<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
    ) {
        limits::terms(&StagePoint::from(at), mu, out, |z| self.terminal_values(z));
    }

    fn expand_initial<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        costs::expand(&StagePoint::from(at), out, |z| self.initial(z));
    }

    fn add_initial_parameter_gradient<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        costs::add_gradient(&StagePoint::from(at), out, |z| self.initial(z));
    }

    fn add_initial_parameter_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        dx: &SVector<S, NX>,
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        costs::add_contraction(&StagePoint::from(at), dx, out, |z| self.initial(z));
    }

    fn initial_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, lxp: &mut SMatrix<S, NX, NP>) {
        costs::terms(&StagePoint::from(at), lxp, |z| self.initial(z));
    }

    fn expand_initial_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        limits::expand(&StagePoint::from(at), mu, out, |z| self.initial_values(z));
    }

    fn add_initial_constraint_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        dx: &SVector<S, NX>,
        dmu: &[S],
        out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let (at, along) = (StagePoint::from(at), StagePoint::along_state(dx));
        limits::add_contraction(&at, [mu, dmu], &along, out, |z| self.initial_values(z));
    }

    fn initial_constraint_terms<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
    ) {
        limits::terms(&StagePoint::from(at), mu, out, |z| self.initial_values(z));
    }
}
