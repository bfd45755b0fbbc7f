//! A problem as the sweeps see it: the model with its data, and what limits the trajectory.

use nalgebra::{SMatrix, SVector};

use crate::dense::zeros;
use crate::limits::{ConstraintExpansion, Limits};
use crate::model::{Model, Stage, Terminal};
use crate::penalty::{Penalty, PenaltyValue};
use crate::scalar::{Mask, Scalar, ScalarReal};

/// Everything that a sweep reads besides the trajectory.
pub(crate) struct OcpInstance<'a, M, S, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) model: &'a M,
    pub(crate) params: &'a SVector<S, NP>,
    /// One vector a stage, `T + 1` of them.
    pub(crate) stage_params: &'a [SVector<S, NS>],
    pub(crate) bounds: &'a Bounds<S, NU>,
    pub(crate) penalty: &'a Penalty<S>,
}

/// Bounds of the controls, infinite where a side is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds<S, const NU: usize> {
    pub(crate) lower: SVector<S, NU>,
    pub(crate) upper: SVector<S, NU>,
}

/// The end of its interval that a control is held at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
}

impl<S: Scalar, const NU: usize> Bounds<S, NU> {
    pub(crate) fn open() -> Self {
        let all = |value: f64| SVector::from_fn(|_, _| S::from_f64(value));
        Self { lower: all(f64::NEG_INFINITY), upper: all(f64::INFINITY) }
    }

    pub(crate) fn of<M, const NX: usize, const NP: usize, const NS: usize>(model: &M, params: &SVector<S, NP>) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut bounds = Self::open();
        if const { M::LIMITS.bounded } {
            model.bounds(params, &mut bounds.lower, &mut bounds.upper);
        }
        bounds
    }

    /// Moves every entry of `u` into its interval.
    #[inline(always)]
    pub(crate) fn clamp(&self, u: &mut SVector<S, NU>) {
        for i in 0..NU {
            let (below, above) = (u[i].less(self.lower[i]), self.upper[i].less(u[i]));
            u[i] = S::select(below, self.lower[i], S::select(above, self.upper[i], u[i]));
        }
    }

    /// Whether a bound, the lower one or the upper one, keeps entry `i` of `u` from going downhill, where `qu` is the slope.
    #[inline(always)]
    fn hold(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> (S::Mask, S::Mask) {
        let (at, slope, lower, upper) = (u[i], qu[i], self.lower[i], self.upper[i]);
        let zero = S::zero();
        let by_lower = at.less_equal(lower) & (zero.less(slope) | (slope.equal(zero) & upper.less_equal(lower)));
        let by_upper = upper.less_equal(at) & slope.less(zero);
        (by_lower, by_upper & !by_lower)
    }

    /// Whether a bound keeps entry `i` of `u` from going downhill, where `qu` is the slope.
    #[inline(always)]
    pub(crate) fn holds(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> S::Mask {
        let (by_lower, by_upper) = self.hold(i, u, qu);
        by_lower | by_upper
    }

    /// The bound, if any, that [holds](Self::holds) entry `i` of `u`.
    #[inline(always)]
    pub(crate) fn active_bound(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> Option<Side>
    where
        S: ScalarReal,
    {
        match self.hold(i, u, qu) {
            (true, _) => Some(Side::Lower),
            (_, true) => Some(Side::Upper),
            _ => None,
        }
    }

    /// `qu` where a bound holds `u`, zero elsewhere.
    pub(crate) fn bound_multipliers(&self, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> SVector<S, NU> {
        SVector::from_fn(|i, _| S::select(self.holds(i, u, qu), qu[i], S::zero()))
    }

    /// The penalties of the bounds on entry `i` of `u`, as inequalities `c <= 0`, with the side they are on. Those of open
    /// sides are zero or left out.
    pub(crate) fn penalties(
        &self,
        i: usize,
        u: &SVector<S, NU>,
        penalty: &Penalty<S>,
    ) -> impl Iterator<Item = (Side, PenaltyValue<S>)> {
        let sides = [(Side::Lower, self.lower[i] - u[i]), (Side::Upper, u[i] - self.upper[i])];
        sides.into_iter().filter_map(|(side, c)| {
            let open = c.equal(S::from_f64(f64::NEG_INFINITY));
            (!open.all()).then(|| (side, penalty.term(true, c, S::zero()).unless(open)))
        })
    }
}

impl Side {
    /// The derivative in the control of the bound as an inequality `c <= 0`.
    pub(crate) fn direction<S: Scalar>(self) -> S {
        match self {
            Self::Lower => -S::one(),
            Self::Upper => S::one(),
        }
    }
}

/// Whether constraint `i` is one at stage `t`: the first state is given, so what looks at it alone is not.
#[inline(always)]
pub(crate) fn is_enforced_at(limits: &Limits, t: usize, i: usize) -> bool {
    t > 0 || limits.depends_on_control.get(i).copied().unwrap_or(true)
}

/// The derivatives of a stage that penalties add to.
pub(crate) struct CostDerivativesMut<'a, S, const NX: usize, const NU: usize> {
    pub(crate) lx: &'a mut SVector<S, NX>,
    pub(crate) lu: &'a mut SVector<S, NU>,
    pub(crate) hxx: &'a mut SMatrix<S, NX, NX>,
    pub(crate) hux: &'a mut SMatrix<S, NU, NX>,
    pub(crate) huu: &'a mut SMatrix<S, NU, NU>,
}

impl<M, S: Scalar, const NU: usize, const NP: usize, const NS: usize> OcpInstance<'_, M, S, NU, NP, NS> {
    /// Whether the sweeps keep controls within bounds, rather than leaving that to penalties.
    #[inline(always)]
    pub(crate) fn keeps_bounds<const NX: usize>(&self) -> bool
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        limits.bounded && !self.penalty.covers_bounds()
    }

    /// Evaluates the constraints of stage `t` into `c`; the value is their penalties' sum.
    #[inline]
    pub(crate) fn stage_penalty<const NX: usize>(
        &self,
        t: usize,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        c: &mut [S],
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let mut sum = S::zero();
        if limits.stage() > 0 {
            self.model.stage_constraints(Stage::new(x, u, self.params, &self.stage_params[t]), c);
            let multipliers = self.penalty.at_stage(t, limits);
            for (i, (&c, &multiplier)) in c.iter().zip(multipliers).enumerate() {
                if is_enforced_at(limits, t, i) {
                    sum += self.penalty.term(i < limits.stage_inequalities, c, multiplier).value;
                }
            }
        }
        if limits.bounded && self.penalty.covers_bounds() {
            for i in 0..NU {
                for (_, term) in self.bounds.penalties(i, u, self.penalty) {
                    sum += term.value;
                }
            }
        }
        sum
    }

    /// As [`stage_penalty`](Self::stage_penalty), of the terminal state.
    #[inline]
    pub(crate) fn terminal_penalty<const NX: usize>(&self, x: &SVector<S, NX>, c: &mut [S]) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let mut sum = S::zero();
        if limits.terminal() > 0 {
            self.model.terminal_constraints(
                Terminal::new(x, self.params, &self.stage_params[self.stage_params.len() - 1]),
                c,
            );
            for (i, (&c, &multiplier)) in c.iter().zip(&self.penalty.terminal).enumerate() {
                sum += self.penalty.term(i < limits.terminal_inequalities, c, multiplier).value;
            }
        }
        sum
    }

    /// Adds the penalties of stage `t` to its derivatives. `c` holds the constraints' values there; `mu` and `record` are
    /// memory, and receive the multipliers that the penalties stand for and the constraints' expansion.
    pub(crate) fn expand_stage_penalty<const NX: usize>(
        &self,
        t: usize,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        c: &[S],
        mu: &mut [S],
        record: &mut ConstraintExpansion<S, NX, NU>,
        derivatives: CostDerivativesMut<'_, S, NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let CostDerivativesMut { lx, lu, hxx, hux, huu } = derivatives;
        if limits.stage() > 0 {
            let multipliers = self.penalty.at_stage(t, limits);
            let term = |i: usize| {
                is_enforced_at(limits, t, i)
                    .then(|| self.penalty.term(i < limits.stage_inequalities, c[i], multipliers[i]))
            };
            for (i, mu) in mu.iter_mut().enumerate() {
                *mu = term(i).map_or_else(S::zero, |term| term.slope);
            }
            self.model.expand_stage_constraints(Stage::new(x, u, self.params, &self.stage_params[t]), mu, record);
            *hxx += record.hxx;
            *hux += record.hux;
            *huu += record.huu;
            for i in 0..limits.stage() {
                let Some(term) = term(i) else { continue };
                let (cx, cu) = (&record.cx[i], &record.cu[i]);
                add_outer(lx, lu, hxx, hux, huu, cx, cu, term.slope, term.curvature);
            }
        }
        if limits.bounded && self.penalty.covers_bounds() {
            for i in 0..NU {
                for (side, term) in self.bounds.penalties(i, u, self.penalty) {
                    lu[i] += side.direction::<S>() * term.slope;
                    huu[(i, i)] += term.curvature;
                }
            }
        }
    }

    /// As [`expand_stage_penalty`](Self::expand_stage_penalty), of the terminal state.
    pub(crate) fn expand_terminal_penalty<const NX: usize>(
        &self,
        x: &SVector<S, NX>,
        c: &[S],
        mu: &mut [S],
        record: &mut ConstraintExpansion<S, NX, 0>,
        lx: &mut SVector<S, NX>,
        lxx: &mut SMatrix<S, NX, NX>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.terminal() == 0 {
            return;
        }
        let term = |i: usize| self.penalty.term(i < limits.terminal_inequalities, c[i], self.penalty.terminal[i]);
        for (i, mu) in mu.iter_mut().enumerate() {
            *mu = term(i).slope;
        }
        let s = &self.stage_params[self.stage_params.len() - 1];
        self.model.expand_terminal_constraints(Terminal::new(x, self.params, s), mu, record);
        *lxx += record.hxx;
        let (mut lu, mut lux, mut luu) = (zeros::<S, 0, 1>(), zeros::<S, 0, NX>(), zeros::<S, 0, 0>());
        for i in 0..limits.terminal() {
            let term = term(i);
            let (cx, cu) = (&record.cx[i], &record.cu[i]);
            add_outer(lx, &mut lu, lxx, &mut lux, &mut luu, cx, cu, term.slope, term.curvature);
        }
    }
}

/// Adds `slope c` to a gradient and `curvature c c'` to a Hessian, where `c = (cx, cu)`.
fn add_outer<S: Scalar, const NX: usize, const NU: usize>(
    lx: &mut SVector<S, NX>,
    lu: &mut SVector<S, NU>,
    hxx: &mut SMatrix<S, NX, NX>,
    hux: &mut SMatrix<S, NU, NX>,
    huu: &mut SMatrix<S, NU, NU>,
    cx: &SVector<S, NX>,
    cu: &SVector<S, NU>,
    slope: S,
    curvature: S,
) {
    for i in 0..NX {
        lx[i] += slope * cx[i];
        let scaled = curvature * cx[i];
        for j in 0..NX {
            hxx[(j, i)] += cx[j] * scaled;
        }
        for j in 0..NU {
            hux[(j, i)] += cu[j] * scaled;
        }
    }
    for i in 0..NU {
        lu[i] += slope * cu[i];
        let scaled = curvature * cu[i];
        for j in 0..NU {
            huu[(j, i)] += cu[j] * scaled;
        }
    }
}
