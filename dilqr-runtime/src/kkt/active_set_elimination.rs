//! The elimination of a stage, and of rows that depend on others.

use nalgebra::SMatrix;

use crate::kkt::active_set::ActiveSet;
use crate::kkt::linear::KktSystem;
use crate::lq::equality_constrained::{ConstraintId, Singular};
use crate::lq::riccati::{Pattern, Quadratic};
use crate::model::records::HamiltonianExpansion;
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The quadratic part of stage `t`, whose derivatives are in the record.
    pub(super) fn eliminate<P: Pattern<NX, NU>>(
        &mut self,
        t: usize,
        value: &mut SMatrix<S, NX, NX>,
    ) -> Result<(), Singular> {
        let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = &self.hamiltonian;
        let quadratic = Quadratic { fx, fu, hxx, hux, huu };
        if t + 1 < self.record.stages.len() {
            self.record.set(t, &quadratic, self.stages[t].own_rows());
        }
        if self.in_proximal_form {
            return self.weigh_rows(t, value);
        }
        let (before, after) = self.stages.split_at_mut(t + 1);
        let how = (&self.pivot_units, self.selection.drops);
        let eliminated = match after.first() {
            Some(next) => before[t].eliminate::<P>(&quadratic, next.propagated_rows(), value, how),
            None => before[t].eliminate::<P>(&quadratic, self.terminal.rows.iter(), value, how),
        };
        for &(place, limit) in &before[t].left_out {
            self.newton.rows[t].remove(place);
            self.record.remove_row(t, place);
            self.selection.drop_row(t, limit);
        }
        eliminated
    }

    /// Scales the terminal rows, and leaves those out that depend on others where that is allowed.
    pub(super) fn prepare_terminal_rows(&mut self) -> Result<(), ConstraintId> {
        let horizon = self.horizon();
        while let Err((place, limit, exact)) = self.terminal.prepare(&self.pivot_units.states) {
            if !(exact && self.selection.drops) {
                return Err(limit);
            }
            self.terminal.leave_out(place);
            self.newton.rows[horizon].remove(place);
            self.record.remove_row(horizon, place);
            self.selection.drop_row(horizon, limit);
        }
        Ok(())
    }

    /// Leaves a row out where the recursion has ended at `t` because the rows of later stages depend on one another. False
    /// where there is none, or where no row may be left out.
    pub(super) fn leave_out_later_row(&mut self, t: usize) -> bool {
        if !self.selection.drops || t >= self.horizon() {
            return false;
        }
        let Some((later, limit)) = self.dependent_limit(t) else { return false };
        self.selection.drop_row(later, limit);
        true
    }
}
