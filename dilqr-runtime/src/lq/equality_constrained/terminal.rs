//! The active constraints of the terminal state.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::lq::equality_constrained::reduction::{EXACT, first_dependent, size};
use crate::lq::equality_constrained::stage::ConstraintId;
use crate::scalar::ScalarReal;

/// The active constraints of the terminal state, as scaled rows.
#[derive(Clone, Debug)]
pub(crate) struct ActiveTerminal<S, const NX: usize> {
    /// The indices of their constraints.
    pub(crate) sources: Vec<usize>,
    /// `H`, row by row.
    pub(crate) rows: Vec<SVector<S, NX>>,
    /// The divisor of each original row.
    scales: Vec<S>,
}

impl<S: ScalarReal, const NX: usize> ActiveTerminal<S, NX> {
    /// Memory for this many rows.
    pub(crate) fn with_room(rows: usize) -> Self {
        Self { sources: Vec::with_capacity(rows), rows: Vec::with_capacity(rows), scales: Vec::with_capacity(rows) }
    }

    /// Begins without rows.
    pub(crate) fn clear(&mut self) {
        self.sources.clear();
        self.rows.clear();
    }

    /// Scales the rows. `units` are the magnitudes of the states.
    ///
    /// # Errors
    /// The first row that depends on those before it: its place, its constraint, and whether nothing but rounding errors
    /// is left of it.
    pub(crate) fn prepare(&mut self, units: &[f64; NX]) -> Result<(), (usize, ConstraintId, bool)> {
        self.scales.clear();
        for row in &mut self.rows {
            let scale = size(row, units);
            let scale = S::from_f64(if scale > 0.0 { scale } else { 1.0 });
            row.iter_mut().for_each(|entry| *entry /= scale);
            self.scales.push(scale);
        }
        match first_dependent(self.rows.iter(), units) {
            Some((index, residual)) => Err((index, ConstraintId::Constraint(self.sources[index]), residual <= EXACT)),
            None => Ok(()),
        }
    }

    /// Leaves a row out, before the rows are prepared again.
    pub(crate) fn leave_out(&mut self, index: usize) {
        for (row, &scale) in self.rows.iter_mut().zip(&self.scales) {
            row.iter_mut().for_each(|entry| *entry *= scale);
        }
        self.sources.remove(index);
        self.rows.remove(index);
    }

    /// `h` from the constants of the original rows.
    pub(crate) fn constants<const C: usize>(&self, c: &[SVector<S, C>], h: &mut Vec<SVector<S, C>>) {
        h.clear();
        h.extend(c.iter().zip(&self.scales).map(|(&c, &scale)| {
            let mut c = c;
            c.iter_mut().for_each(|entry| *entry /= scale);
            c
        }));
    }

    /// Multipliers of the original rows from those of `H`.
    pub(crate) fn multipliers<const C: usize>(&self, nu: &[SVector<S, C>], row_multipliers: &mut Vec<SVector<S, C>>) {
        self.constants(nu, row_multipliers);
    }
}
