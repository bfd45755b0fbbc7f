//! Central differences of a model's value functions: the public oracle for derivatives.

use crate::scalar::Mask;
use crate::scalar::float;
use nalgebra::{SMatrix, SVector};
use num_traits::{One, Zero};

use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms, Limits};
use crate::model::point::{StagePoint, set_second};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::scalar::Scalar;

mod limits;

/// A model whose derivatives are central differences of the wrapped model's `dynamics`, `stage_cost`, `terminal_cost`,
/// `bounds`, `stage_constraints` and `terminal_constraints`; the wrapped model's own derivatives are never called.
///
/// It is a [`Model`] like any other, so a derivative kernel is checked by filling the same record twice:
///
/// * First derivatives (`fx`, `fu`, `fp`, the gradients of costs and of the Hamiltonian) are differences of values over
///   twice the step `h = cbrt(eps) max(1, |z|)` in each variable `z`. For functions whose third derivatives are of the
///   size of their values the error is about `1e-10` of that size; compare to `1e-9`, relative to the largest value or
///   derivative in play.
/// * Second derivatives (`lxx`, `hux`, `hxp`, ... and the contractions) are mixed differences of four values of a cost
///   or of the Hamiltonian `H = l + lambda' f`, with `h = eps^(1/4) max(1, |z|)`: error about `1e-7` of the size of the
///   values; compare to `1e-5`. The parameter contraction differences `H` along `(dx, du)` as one direction, scaled so
///   that no variable moves further than its own step, plus `dlambda' f` to first order.
///
/// Here `eps` is the scalar's machine epsilon; in `f32` expect `1e-4` and `1e-2`. Steps are rounded to powers of 2, so
/// that the difference of the arguments is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumDiff<M>(pub M);

/// Distance of the scalar's one to its next neighbor.
fn epsilon<S: Scalar>() -> f64 {
    // The scalar, or its real part, is one of the two float types.
    let is_double = S::one().less(S::from_f64(1.0 + f64::EPSILON));
    if is_double.all() { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// How far to go along `direction`, for a step of `relative * max(1, |z|)` in the variable that it moves most.
fn step<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    relative: f64,
) -> S::Real {
    fn larger<R: Scalar>(a: R, b: R) -> R {
        R::select(a.less(b), b, a)
    }
    fn size<S: Scalar, const N: usize>(at: &SVector<S, N>, direction: &SVector<S, N>) -> S::Real {
        let moved = |i: usize| direction[i].real().abs() / larger(S::Real::one(), at[i].real().abs());
        (0..N).map(moved).fold(S::Real::zero(), larger)
    }
    let by_state = larger(size(&at.x, &direction.x), size(&at.u, &direction.u));
    let by_parameters = larger(size(&at.p, &direction.p), size(&at.s, &direction.s));
    larger(by_state, by_parameters).map_real(|size| {
        // Along no direction nothing changes, whatever the step.
        let step = if size > 0.0 { relative / size } else { relative };
        float::f64::exp2(float::f64::round(float::f64::log2(step)))
    })
}

/// The point `at + length * direction`.
fn moved<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    length: S::Real,
) -> StagePoint<S, NX, NU, NP, NS> {
    fn moved<S: Scalar, const N: usize>(at: &SVector<S, N>, direction: &SVector<S, N>, length: S) -> SVector<S, N> {
        SVector::from_fn(|i, _| at[i] + length * direction[i])
    }
    let length = S::from_real(length);
    StagePoint {
        x: moved(&at.x, &direction.x, length),
        u: moved(&at.u, &direction.u, length),
        p: moved(&at.p, &direction.p, length),
        s: moved(&at.s, &direction.s, length),
    }
}

/// Derivative of a vector function along a direction.
fn first<S: Scalar, const N: usize, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> SVector<S, N>,
) -> SVector<S, N> {
    let h = step(at, direction, float::f64::cbrt(epsilon::<S>()));
    let (plus, minus) = (function(&moved(at, direction, h)), function(&moved(at, direction, -h)));
    let scale = S::from_real(S::Real::from_f64(0.5) / h);
    SVector::from_fn(|k, _| (plus[k] - minus[k]) * scale)
}

/// Derivative of a scalar function along a direction.
fn slope<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> S,
) -> S {
    first(at, direction, |z| SVector::<S, 1>::new(function(z)))[0]
}

/// Second derivative of a scalar function along two directions.
fn second<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    a: &StagePoint<S, NX, NU, NP, NS>,
    b: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> S,
) -> S {
    let relative = float::f64::sqrt(float::f64::sqrt(epsilon::<S>()));
    let (ha, hb) = (step(at, a, relative), step(at, b, relative));
    let value = |ha, hb| function(&moved(&moved(at, a, ha), b, hb));
    let difference = (value(ha, hb) - value(ha, -hb)) - (value(-ha, hb) - value(-ha, -hb));
    difference * S::from_real(S::Real::from_f64(0.25) / (ha * hb))
}

impl<M> NumDiff<M> {
    /// Next state at a point.
    fn next<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
    ) -> SVector<S, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut f = SVector::from_fn(|_, _| S::zero());
        self.0.dynamics(at.stage(), &mut f);
        f
    }

    /// Stage cost at a point.
    fn cost<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.0.stage_cost(at.stage())
    }

    /// Terminal cost at a point.
    fn terminal<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.0.terminal_cost(at.terminal())
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

    /// The forward terms in `N` parameters, which are the variables from `start` on.
    fn terms<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const N: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        start: usize,
        out: &mut ParameterTerms<S, NX, NU, N>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        for j in 0..N {
            let along_j = StagePoint::unit(start + j);
            out.fp.set_column(j, &first(at, &along_j, |z| self.next(z)));
            for i in 0..NX + NU {
                let h = second(at, &StagePoint::unit(i), &along_j, |z| self.hamiltonian(z, lambda));
                if i < NX {
                    out.hxp[(i, j)] = h;
                } else {
                    out.hup[(i - NX, j)] = h;
                }
            }
        }
    }

    /// The terminal cost's second derivatives in the state and in `N` parameters, the variables from `start` on.
    fn terminal_terms<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const N: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
        start: usize,
        out: &mut SMatrix<S, NX, N>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        for i in 0..NX {
            for j in 0..N {
                out[(i, j)] = second(at, &StagePoint::unit(i), &StagePoint::unit(start + j), |z| self.terminal(z));
            }
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for NumDiff<M>
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

    fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>) {
        let at = StagePoint::from(at);
        out.f = self.next(&at);
        out.l = self.cost(&at);
        for i in 0..NX + NU {
            let along_i = StagePoint::unit(i);
            let f = first(&at, &along_i, |z| self.next(z));
            let l = slope(&at, &along_i, |z| self.cost(z));
            if i < NX {
                out.fx.set_column(i, &f);
                out.lx[i] = l;
            } else {
                out.fu.set_column(i - NX, &f);
                out.lu[i - NX] = l;
            }
            for j in 0..=i {
                let l = second(&at, &along_i, &StagePoint::unit(j), |z| self.cost(z));
                set_second(i, j, l, (&mut out.lxx, &mut out.lux, &mut out.luu));
            }
        }
    }

    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        let at = StagePoint::from(at);
        out.l = self.terminal(&at);
        for i in 0..NX {
            let along_i = StagePoint::unit(i);
            out.lx[i] = slope(&at, &along_i, |z| self.terminal(z));
            for j in 0..=i {
                let l = second(&at, &along_i, &StagePoint::unit(j), |z| self.terminal(z));
                out.lxx[(i, j)] = l;
                out.lxx[(j, i)] = l;
            }
        }
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
            let f = first(&at, &along_i, |z| self.next(z));
            let l = slope(&at, &along_i, |z| self.cost(z));
            if i < NX {
                out.fx.set_column(i, &f);
                out.lx[i] = l;
            } else {
                out.fu.set_column(i - NX, &f);
                out.lu[i - NX] = l;
            }
            for j in 0..=i {
                let h = second(&at, &along_i, &StagePoint::unit(j), |z| self.hamiltonian(z, lambda));
                set_second(i, j, h, (&mut out.hxx, &mut out.hux, &mut out.huu));
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
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let at = StagePoint::from(at);
        for j in 0..NP + NS {
            let along_j = StagePoint::unit(NX + j);
            *out.entry(j) += slope(&at, &along_j, |z| self.terminal(z));
        }
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
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let at = StagePoint::from(at);
        let along = StagePoint::along_state(dx);
        for j in 0..NP + NS {
            *out.entry(j) += second(&at, &along, &StagePoint::unit(NX + j), |z| self.terminal(z));
        }
    }

    fn parameter_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut ParameterTerms<S, NX, NU, NP>,
    ) {
        self.terms(&StagePoint::from(at), lambda, NX + NU, out);
    }

    fn terminal_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, lxp: &mut SMatrix<S, NX, NP>) {
        self.terminal_terms(&StagePoint::from(at), NX, lxp);
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
}
