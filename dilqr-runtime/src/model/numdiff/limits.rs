//! Central differences of bounds and constraints.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::numdiff::NumDiff;
use crate::model::numdiff::differences::{second, slope};
use crate::model::point::{HessianBlocks, StagePoint};
use crate::model::stage::ParameterGradient;
use crate::scalar::Scalar;

impl<M> NumDiff<M> {
    /// Values of a stage's constraints at a point.
    pub(super) fn stage_values<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, NU, NP, NS>,
    ) -> Vec<S>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut c = vec![S::zero(); M::LIMITS.stage()];
        self.0.stage_constraints(at.stage(), &mut c);
        c
    }

    /// Values of the terminal constraints at a point.
    pub(super) fn terminal_values<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
    ) -> Vec<S>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut c = vec![S::zero(); M::LIMITS.terminal()];
        self.0.terminal_constraints(at.terminal(), &mut c);
        c
    }

    /// Values of the constraints of the initial state at a point.
    pub(super) fn initial_values<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        at: &StagePoint<S, NX, 0, NP, NS>,
    ) -> Vec<S>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut c = vec![S::zero(); M::LIMITS.initial()];
        self.0.initial_constraints(at.terminal(), &mut c);
        c
    }

    /// Derivatives of the bounds of entry `i` in parameter `j`; zero of an open side.
    pub(super) fn bounds_slopes<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        p: &SVector<S, NP>,
        i: usize,
        j: usize,
    ) -> [S; 2]
    where
        M: Model<NX, NU, NP, NS>,
    {
        let at = StagePoint::<S, 0, 0, NP, 0> { x: zeros(), u: zeros(), p: *p, s: zeros() };
        // Zero stands for an open side: the difference of infinities would be none.
        let side = |side: usize| {
            slope(&at, &StagePoint::unit(j), |z| {
                let mut sides = [zeros(), zeros()];
                let [lower, upper] = &mut sides;
                self.0.bounds(&z.p, lower, upper);
                sides[side][i]
            })
        };
        [side(0), side(1)]
    }
}

/// `weights' values`. A value without a weight does not count, even if it is not finite.
fn contract<S: Scalar>(weights: &[S], values: &[S]) -> S {
    let weighted = weights.iter().zip(values);
    weighted
        .fold(S::zero(), |sum, (&weight, &value)| sum + S::select(weight.same(S::zero()), S::zero(), weight * value))
}

pub(super) fn expand<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintExpansion<S, NX, NU>,
    constraints: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> Vec<S>,
) {
    let values = constraints(at);
    for i in 0..NX + NU {
        for (k, value) in values.iter().enumerate() {
            out.c[k] = *value;
            let slope = slope(at, &StagePoint::unit(i), |z| constraints(z)[k]);
            if i < NX {
                out.cx[k][i] = slope;
            } else {
                out.cu[k][i - NX] = slope;
            }
        }
        for j in 0..=i {
            let h = second(at, &StagePoint::unit(i), &StagePoint::unit(j), |z| contract(mu, &constraints(z)));
            HessianBlocks { xx: &mut out.hxx, ux: &mut out.hux, uu: &mut out.huu }.each(i, j, |entry| *entry = h);
        }
    }
}

pub(super) fn add_contraction<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    [mu, dmu]: [&[S]; 2],
    along: &StagePoint<S, NX, NU, NP, NS>,
    mut out: ParameterGradient<'_, S, NP, NS>,
    constraints: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> Vec<S>,
) {
    for j in 0..NP + NS {
        let along_j = StagePoint::unit(NX + NU + j);
        let h = second(at, along, &along_j, |z| contract(mu, &constraints(z)));
        *out.entry(j) += h + slope(at, &along_j, |z| contract(dmu, &constraints(z)));
    }
}

pub(super) fn terms<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    mu: &[S],
    out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
    constraints: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> Vec<S>,
) {
    for j in 0..NP {
        let along_j = StagePoint::unit(NX + NU + j);
        for (k, row) in out.cp.iter_mut().enumerate() {
            row[j] = slope(at, &along_j, |z| constraints(z)[k]);
        }
        for i in 0..NX + NU {
            let h = second(at, &StagePoint::unit(i), &along_j, |z| contract(mu, &constraints(z)));
            if i < NX {
                out.hxp[(i, j)] = h;
            } else {
                out.hup[(i - NX, j)] = h;
            }
        }
    }
}
