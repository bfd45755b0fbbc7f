//! A problem as the sweeps see it: the model with its data, and what limits the trajectory.

use nalgebra::{SMatrix, SVector};

use crate::dense::zeros;
use crate::limits::{ConstraintExpansion, Limits};
use crate::model::Model;
use crate::penalty::Penalty;
use crate::scalar::Scalar;

/// Everything that a sweep reads besides the trajectory.
pub(crate) struct Instance<'a, M, S, const NU: usize, const NP: usize, const NS: usize> {
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
            if u[i].to_f64() < self.lower[i].to_f64() {
                u[i] = self.lower[i];
            } else if u[i].to_f64() > self.upper[i].to_f64() {
                u[i] = self.upper[i];
            }
        }
    }

    /// The bound, if any, that keeps entry `i` of `u` from going downhill, where `qu` is the slope.
    #[inline(always)]
    pub(crate) fn held(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> Option<Side> {
        let (at, slope) = (u[i].to_f64(), qu[i].to_f64());
        let (lower, upper) = (self.lower[i].to_f64(), self.upper[i].to_f64());
        if at <= lower && (slope > 0.0 || (slope == 0.0 && lower >= upper)) {
            Some(Side::Lower)
        } else if at >= upper && slope < 0.0 {
            Some(Side::Upper)
        } else {
            None
        }
    }

    /// `qu` where a bound holds `u`, zero elsewhere.
    pub(crate) fn held_part(&self, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> SVector<S, NU> {
        SVector::from_fn(|i, _| if self.held(i, u, qu).is_some() { qu[i] } else { S::zero() })
    }

    /// The bounds on entry `i` of `u` as inequalities `c <= 0`, open sides left out, with `dc/du_i`.
    pub(crate) fn sides(&self, i: usize, u: &SVector<S, NU>) -> impl Iterator<Item = (S, S)> {
        let lower = (self.lower[i] - u[i], -S::one());
        let upper = (u[i] - self.upper[i], S::one());
        [lower, upper].into_iter().filter(|(c, _)| c.to_f64() != f64::NEG_INFINITY)
    }
}

/// Whether constraint `i` is one at stage `t`: the first state is given, so what looks at it alone is not.
#[inline(always)]
pub(crate) fn applies(limits: &Limits, t: usize, i: usize) -> bool {
    t > 0 || limits.sees_control.get(i).copied().unwrap_or(true)
}

/// The derivatives of a stage that penalties add to.
pub(crate) struct Additions<'a, S, const NX: usize, const NU: usize> {
    pub(crate) lx: &'a mut SVector<S, NX>,
    pub(crate) lu: &'a mut SVector<S, NU>,
    pub(crate) hxx: &'a mut SMatrix<S, NX, NX>,
    pub(crate) hux: &'a mut SMatrix<S, NU, NX>,
    pub(crate) huu: &'a mut SMatrix<S, NU, NU>,
}

impl<M, S: Scalar, const NU: usize, const NP: usize, const NS: usize> Instance<'_, M, S, NU, NP, NS> {
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
            self.model.stage_constraints(x, u, self.params, &self.stage_params[t], c);
            let multipliers = self.penalty.at_stage(t, limits);
            for (i, (&c, &multiplier)) in c.iter().zip(multipliers).enumerate() {
                if applies(limits, t, i) {
                    sum += self.penalty.term(i < limits.stage_inequalities, c, multiplier).value;
                }
            }
        }
        if limits.bounded && self.penalty.covers_bounds() {
            for i in 0..NU {
                for (c, _) in self.bounds.sides(i, u) {
                    sum += self.penalty.term(true, c, S::zero()).value;
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
            self.model.terminal_constraints(x, self.params, &self.stage_params[self.stage_params.len() - 1], c);
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
        additions: Additions<'_, S, NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let Additions { lx, lu, hxx, hux, huu } = additions;
        if limits.stage() > 0 {
            let multipliers = self.penalty.at_stage(t, limits);
            let term = |i: usize| {
                applies(limits, t, i).then(|| self.penalty.term(i < limits.stage_inequalities, c[i], multipliers[i]))
            };
            for (i, mu) in mu.iter_mut().enumerate() {
                *mu = term(i).map_or_else(S::zero, |term| term.slope);
            }
            self.model.expand_stage_constraints(x, u, self.params, &self.stage_params[t], mu, record);
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
                for (c, direction) in self.bounds.sides(i, u) {
                    let term = self.penalty.term(true, c, S::zero());
                    lu[i] += direction * term.slope;
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
        self.model.expand_terminal_constraints(x, self.params, s, mu, record);
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
