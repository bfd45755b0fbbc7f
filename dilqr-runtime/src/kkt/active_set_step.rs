//! Linear solves with rows for active limits, and the Newton step of the optimality conditions.

use alloc::boxed::Box;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{GivenTerms, KktSystem, LinearTerms, Step, StepOfStage, Visitor, largest_relative_step};
use crate::kkt::proximal_rows::RefinedLinear;
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::equality_constrained::{ActiveStage, ConstraintId, NextLinear};
use crate::lq::riccati::next_state;
use crate::model::limits::Limits;
use crate::ocp::stationarity::{Magnitudes, is_rounding_step};
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The Newton step of the optimality conditions, from the trajectory and its data alone: `multipliers` receives the new
    /// multipliers of the constraints, those of a stage after those of another, then the terminal ones. The feed-forward
    /// terms stay in `memory`. Returns the largest relative change of the trajectory.
    pub(crate) fn newton_step(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, 1>,
        limits: &Limits,
        multipliers: &mut [S],
        (states, controls): (&[SVector<S, NX>], &[SVector<S, NU>]),
    ) -> S {
        let mut terms = |t: usize, terms: &mut LinearTerms<S, NX, NU, 1>| self.add_newton_terms(t, terms);
        multipliers.fill(S::zero());
        if self.in_proximal_form {
            let (magnitudes, mut largest) = (Magnitudes::of(states, controls), S::zero());
            self.solve_with_rows(memory, &mut terms, &mut |t, step| {
                self.store_multipliers(t, step.rows, limits, multipliers);
                largest = larger(largest, magnitudes.relative(step.dx, step.du));
            });
            return largest;
        }
        let end = self.backward(memory, &mut terms);
        self.forward(memory, &end, &mut |t, step| self.store_multipliers(t, step.rows, limits, multipliers));
        self.relative_step(memory, states, controls)
    }

    /// The linear part of a Newton step, of stage `t`.
    pub(super) fn add_newton_terms(&self, t: usize, terms: &mut LinearTerms<S, NX, NU, 1>) {
        terms.gx = self.newton.gx[t];
        if t < self.horizon() {
            terms.gu = self.newton.gu[t];
        }
        terms.rows.extend_from_slice(&self.newton.rows[t]);
    }

    /// Stores the multipliers of a step in a list of all constraints: those of the rows of stage `t`, or of the terminal
    /// state at the horizon.
    pub(super) fn store_multipliers(&self, t: usize, rows: &[SVector<S, 1>], limits: &Limits, multipliers: &mut [S]) {
        let first = t * limits.listed();
        let terminal = if t == self.horizon() { self.terminal.sources.as_slice() } else { &[] };
        let stage = self.rows(t).iter().map(|source| match *source {
            ConstraintId::Constraint(i) => Some(i),
            ConstraintId::Bound(..) => None,
        });
        for (i, multiplier) in stage.chain(terminal.iter().copied().map(Some)).zip(rows) {
            if let Some(i) = i {
                multipliers[first + i] = multiplier[0];
            }
        }
    }

    /// The largest relative change of the step whose feed-forward terms are in `memory`. Those that are rounding errors
    /// count as zero.
    fn relative_step(
        &self,
        memory: &ActiveSetLinear<S, NX, NU, 1>,
        states: &[SVector<S, NX>],
        controls: &[SVector<S, NU>],
    ) -> S {
        let magnitudes = Magnitudes::of(states, controls);
        let stages = self.stages.iter().zip(&memory.stages).enumerate().map(|(t, (stage, linear))| {
            let mut k = linear.k;
            let rounding = is_rounding_step(&k, &stage.gain, (&states[t], &controls[t]));
            for j in (0..NU).filter(|&j| rounding[j]) {
                k[j] = S::zero();
            }
            let mut held = [false; NU];
            for source in &stage.sources {
                if let ConstraintId::Bound(i, _) = *source {
                    held[i] = true;
                }
            }
            StepOfStage { fx: &stage.fx, fu: &stage.fu, gain: &stage.gain, feedforward: k, held }
        });
        let mut dx = memory.initial_step();
        if let Some(initial) = &self.initial {
            let rounding = is_rounding_step(&dx, &initial.rows.gain, (&states[0], &states[0]));
            for i in (0..NX).filter(|&i| rounding[i]) {
                dx[i] = S::zero();
            }
        }
        largest_relative_step(dx, stages, &magnitudes)
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// [`solve`](KktSystem::solve).
    pub(crate) fn solve_with_rows<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        terms: GivenTerms<'_, S, NX, NU, C>,
        visit: Visitor<'_, S, NX, NU, C>,
    ) -> SMatrix<S, NX, C> {
        if let (true, Some(rows)) = (self.in_proximal_form, &self.proximal) {
            let memory = memory.refined.get_or_insert_with(|| Box::new(RefinedLinear::new(self.horizon())));
            return rows.solve(&self.record, memory, terms, visit);
        }
        if let Some(penalties) = &self.penalties {
            return self.solve_refined(penalties, memory, terms, visit);
        }
        let end = self.backward(memory, terms);
        self.forward(memory, &end, visit);
        memory.initial_costate(&end)
    }

    /// The rows that stage `t` propagates to the stage before it; those of the terminal state where `t` is the horizon.
    pub(super) fn propagated_rows(&self, t: usize) -> impl Iterator<Item = &SVector<S, NX>> {
        let stage = self.stages.get(t).into_iter().flat_map(ActiveStage::propagated_rows);
        let terminal = if t == self.horizon() { self.terminal.rows.as_slice() } else { &[] };
        stage.chain(terminal)
    }

    /// The pass backward of a solve; returns the gradient of the terminal value function.
    pub(super) fn backward<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        given: GivenTerms<'_, S, NX, NU, C>,
    ) -> SMatrix<S, NX, C> {
        let horizon = self.horizon();
        let ActiveSetLinear { stages, offsets, terms, end, propagated_rows, initial: initial_linear, .. } = memory;
        terms.offset = zeros();
        terms.rows.clear();
        given(horizon, terms);
        let end_gradient = terms.gx;
        self.terminal.constants(&terms.rows, end);
        for t in (0..horizon).rev() {
            terms.rows.clear();
            given(t, terms);
            let LinearTerms { gx, gu, offset, rows, .. } = &*terms;
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
        if let (Some(initial), Some(memory)) = (&self.initial, initial_linear) {
            let (v, h) = stages.first().map_or((&end_gradient, &*end), |first| (&first.v, &first.h));
            let none = (&zeros(), &zeros());
            initial.rows.linear(none, &[], NextLinear { v, h }, &mut memory.linear);
        }
        end_gradient
    }

    /// The pass forward of a solve.
    pub(super) fn forward<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        end_gradient: &SMatrix<S, NX, C>,
        visit: Visitor<'_, S, NX, NU, C>,
    ) {
        let horizon = self.horizon();
        let ActiveSetLinear { stages, offsets, end, propagated_rows, row_multipliers, initial: initial_linear, .. } =
            memory;
        let mut dx = zeros();
        propagated_rows.clear();
        if let (Some(initial), Some(memory)) = (&self.initial, initial_linear) {
            let chosen = initial.rows.control(&dx, &memory.linear);
            initial.rows.multipliers(&zeros(), &chosen, &memory.linear, &[], row_multipliers);
            propagated_rows.extend_from_slice(row_multipliers);
            add_product(&mut dx, &initial.stage.fu, &chosen);
            memory.dx = dx;
        }
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
            visit(t, Step { dx: &dx, du: &du, dlambda: &dlambda, rows: own, penalties: &[] });
            dx = next;
        }
        self.terminal.multipliers(propagated_rows, end);
        visit(horizon, Step { dx: &dx, du: &zeros(), dlambda: &zeros(), rows: end, penalties: &[] });
    }
}
