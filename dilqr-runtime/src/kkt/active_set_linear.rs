//! Memory for the linear part of a solve with active limits.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::linear::{KktSystem, LinearTerms, Step};
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::lq::equality_constrained::{ActiveLinear, ActiveStage, NextLinear};
use crate::lq::riccati::next_state;
use crate::scalar::ScalarReal;

/// Memory for the linear part of a solve.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSetLinear<S, const NX: usize, const NU: usize, const C: usize> {
    /// The linear parts of the recursion, `T`.
    pub(super) stages: Vec<ActiveLinear<S, NX, NU, C>>,
    /// `T` offsets of the dynamics.
    pub(super) offsets: Vec<SMatrix<S, NX, C>>,
    pub(super) terms: LinearTerms<S, NX, NU, C>,
    /// Constants of the rows that the terminal state propagates; on the way forward, multipliers of the terminal rows.
    pub(super) end: Vec<SVector<S, C>>,
    /// Of the rows that were propagated to a stage: constants on the way back, multipliers on the way forward.
    pub(super) propagated_rows: Vec<SVector<S, C>>,
    /// Multipliers of all rows of a stage.
    pub(super) row_multipliers: Vec<SVector<S, C>>,
}

impl<S, const NX: usize, const NU: usize> ActiveSetLinear<S, NX, NU, 1> {
    /// `k_t` of the last solve, `T` vectors.
    pub(crate) fn feedforward(&self) -> impl Iterator<Item = &SVector<S, NU>> {
        self.stages.iter().map(|stage| &stage.k)
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The rows that stage `t` propagates to the stage before it; those of the terminal state where `t` is the horizon.
    fn propagated_rows(&self, t: usize) -> impl Iterator<Item = &SVector<S, NX>> {
        let stage = self.stages.get(t).into_iter().flat_map(ActiveStage::propagated_rows);
        let terminal = if t == self.horizon() { self.terminal.rows.as_slice() } else { &[] };
        stage.chain(terminal)
    }

    /// The pass backward of a solve; returns the gradient of the terminal value function.
    pub(super) fn backward<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        mut given: impl FnMut(usize, &mut LinearTerms<S, NX, NU, C>),
    ) -> SMatrix<S, NX, C> {
        let horizon = self.horizon();
        let ActiveSetLinear { stages, offsets, terms, end, propagated_rows, .. } = memory;
        terms.offset = zeros();
        terms.rows.clear();
        given(horizon, terms);
        let end_gradient = terms.gx;
        self.terminal.constants(&terms.rows, end);
        for t in (0..horizon).rev() {
            terms.rows.clear();
            given(t, terms);
            let LinearTerms { gx, gu, offset, rows } = &*terms;
            let (before, after) = stages.split_at_mut(t + 1);
            let (v, h) = after.first().map_or((&end_gradient, &*end), |next| (&next.v, &next.h));
            let mut value = *v;
            add_product(&mut value, &self.value_hessians[t + 1], offset);
            propagated_rows.clear();
            for (row, &h) in self.propagated_rows(t + 1).zip(h) {
                let mut h = h;
                add_transposed_product(&mut h, offset, row);
                propagated_rows.push(h);
            }
            let next = NextLinear { v: &value, h: propagated_rows };
            self.stages[t].linear((gx, gu), rows, next, &mut before[t]);
            offsets[t] = *offset;
        }
        end_gradient
    }

    /// The pass forward of a solve.
    pub(super) fn forward<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        end_gradient: &SMatrix<S, NX, C>,
        mut visit: impl FnMut(usize, Step<'_, S, NX, NU, C>),
    ) {
        let horizon = self.horizon();
        let ActiveSetLinear { stages, offsets, end, propagated_rows, row_multipliers, .. } = memory;
        let mut dx = zeros();
        propagated_rows.clear();
        for t in 0..horizon {
            let stage = &self.stages[t];
            let du = stage.control(&dx, &stages[t]);
            stage.multipliers(&dx, &du, &stages[t], propagated_rows, row_multipliers);
            let (own, rest) = row_multipliers.split_at(stage.sources.len());
            propagated_rows.clear();
            propagated_rows.extend_from_slice(rest);
            let next = next_state(&stage.fx, &stage.fu, &offsets[t], &dx, &du);
            let mut dlambda = stages.get(t + 1).map_or(*end_gradient, |next| next.v);
            add_product(&mut dlambda, &self.value_hessians[t + 1], &next);
            for (row, nu) in self.propagated_rows(t + 1).zip(&*propagated_rows) {
                add_product(&mut dlambda, row, &nu.transpose());
            }
            visit(t, Step { dx: &dx, du: &du, dlambda: &dlambda, rows: own });
            dx = next;
        }
        self.terminal.multipliers(propagated_rows, end);
        visit(horizon, Step { dx: &dx, du: &zeros(), dlambda: &zeros(), rows: end });
    }
}
