//! Central differences of a cost of the terminal or of the initial state.

use nalgebra::{SMatrix, SVector};

use crate::model::numdiff::differences::{second, slope};
use crate::model::point::StagePoint;
use crate::model::records::TerminalExpansion;
use crate::model::stage::ParameterGradient;
use crate::scalar::Scalar;

pub(super) fn expand<S: Scalar, const NX: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, 0, NP, NS>,
    out: &mut TerminalExpansion<S, NX>,
    cost: impl Fn(&StagePoint<S, NX, 0, NP, NS>) -> S,
) {
    out.l = cost(at);
    for i in 0..NX {
        let along_i = StagePoint::unit(i);
        out.lx[i] = slope(at, &along_i, &cost);
        for j in 0..=i {
            let l = second(at, &along_i, &StagePoint::unit(j), &cost);
            out.lxx[(i, j)] = l;
            out.lxx[(j, i)] = l;
        }
    }
}

pub(super) fn add_gradient<S: Scalar, const NX: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, 0, NP, NS>,
    mut out: ParameterGradient<'_, S, NP, NS>,
    cost: impl Fn(&StagePoint<S, NX, 0, NP, NS>) -> S,
) {
    for j in 0..NP + NS {
        *out.entry(j) += slope(at, &StagePoint::unit(NX + j), &cost);
    }
}

pub(super) fn add_contraction<S: Scalar, const NX: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, 0, NP, NS>,
    dx: &SVector<S, NX>,
    mut out: ParameterGradient<'_, S, NP, NS>,
    cost: impl Fn(&StagePoint<S, NX, 0, NP, NS>) -> S,
) {
    let along = StagePoint::along_state(dx);
    for j in 0..NP + NS {
        *out.entry(j) += second(at, &along, &StagePoint::unit(NX + j), &cost);
    }
}

pub(super) fn terms<S: Scalar, const NX: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, 0, NP, NS>,
    lxp: &mut SMatrix<S, NX, NP>,
    cost: impl Fn(&StagePoint<S, NX, 0, NP, NS>) -> S,
) {
    for i in 0..NX {
        for j in 0..NP {
            lxp[(i, j)] = second(at, &StagePoint::unit(i), &StagePoint::unit(NX + j), &cost);
        }
    }
}
