//! Which active limits are rows of the LQ problem, where not all of them can be: limits that are weakly active, and rows
//! that are linear combinations of others.

use alloc::vec::Vec;

use crate::lq::bounds::Side;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::limits::Limits;

/// What the marks of a [`Selection`] mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    /// Marked limits are no rows.
    LeftOut,
    /// Marked limits are rows, whatever their multipliers, and no others are.
    Rows,
}

/// The selection. Without marks every active limit is a row; that is the common case, and needs no memory.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    meaning: Marks,
    /// One for each limit of each stage, those of the terminal state last; empty where nothing is marked.
    marks: Vec<bool>,
    /// The number of limits of a stage.
    width: usize,
    /// The largest number of constraints of a stage or of the terminal state.
    constraints: usize,
    /// Whether a factorization leaves out rows that are linear combinations of others.
    pub(crate) drops: bool,
    /// Whether entries of rows are compared as they are, not times the magnitudes of their variables.
    pub(crate) plain_units: bool,
    /// The rows that factorizations have left out.
    pub(crate) dropped: Vec<(usize, ConstraintId)>,
}

impl Selection {
    /// All active limits.
    pub(crate) const ALL: Self = Self {
        meaning: Marks::LeftOut,
        marks: Vec::new(),
        width: 0,
        constraints: 0,
        drops: false,
        plain_units: false,
        dropped: Vec::new(),
    };

    /// All active limits but for these. Factorizations leave out rows that are linear combinations of others.
    pub(crate) fn without(
        left_out: impl Iterator<Item = (usize, ConstraintId)>,
        (horizon, controls): (usize, usize),
        limits: &Limits,
    ) -> Self {
        let mut selection = Self { drops: true, ..Self::unmarked(Marks::LeftOut, (horizon, controls), limits) };
        left_out.for_each(|(t, limit)| selection.mark(t, limit));
        selection
    }

    /// Exactly these limits, whatever their multipliers.
    pub(crate) fn exactly(
        rows: impl Iterator<Item = (usize, ConstraintId)>,
        (horizon, controls): (usize, usize),
        limits: &Limits,
    ) -> Self {
        let mut selection = Self::unmarked(Marks::Rows, (horizon, controls), limits);
        rows.for_each(|(t, limit)| selection.mark(t, limit));
        selection
    }

    fn unmarked(meaning: Marks, (horizon, controls): (usize, usize), limits: &Limits) -> Self {
        let constraints = limits.listed().max(limits.terminal());
        let width = constraints + 2 * controls;
        Self { meaning, marks: vec![false; (horizon + 1) * width], width, constraints, ..Self::ALL }
    }

    fn index(&self, t: usize, limit: ConstraintId) -> usize {
        let place = match limit {
            ConstraintId::Constraint(i) => i,
            ConstraintId::Bound(i, Side::Lower) => self.constraints + 2 * i,
            ConstraintId::Bound(i, Side::Upper) => self.constraints + 2 * i + 1,
        };
        t * self.width + place
    }

    fn mark(&mut self, t: usize, limit: ConstraintId) {
        let index = self.index(t, limit);
        if let Some(mark) = self.marks.get_mut(index) {
            *mark = true;
        }
    }

    /// Leaves a row out from now on.
    pub(crate) fn drop_row(&mut self, t: usize, limit: ConstraintId) {
        self.mark(t, limit);
        self.dropped.push((t, limit));
    }

    /// Whether a limit of stage `t` is a row, `active` or not.
    #[inline]
    pub(crate) fn takes(&self, t: usize, limit: ConstraintId, active: bool) -> bool {
        if self.marks.is_empty() {
            return active;
        }
        let marked = self.marks.get(self.index(t, limit)).copied().unwrap_or(false);
        match self.meaning {
            Marks::LeftOut => active && !marked,
            Marks::Rows => marked,
        }
    }

    /// The bound of control `i` at stage `t` that is a row, where `held` is the active one.
    #[inline]
    pub(crate) fn side(&self, t: usize, i: usize, held: Option<Side>) -> Option<Side> {
        if self.marks.is_empty() {
            return held;
        }
        Side::BOTH.into_iter().find(|&side| self.takes(t, ConstraintId::Bound(i, side), held == Some(side)))
    }
}
