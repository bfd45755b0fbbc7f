//! Limits on the size of a model.
//!
//! A slip of the keyboard (a zero too many in a size, three nested loops) must not keep rustc busy for hours or exhaust its
//! memory. Every limit is far beyond what a person would write, and an error is reported where it is passed.

/// The most numbers in one value, and the most steps of one loop.
pub(crate) const MAX_NUMBERS: usize = 10_000;

/// The longest state, control or parameter vector: matrices are dense, and their patterns are written out.
pub(crate) const MAX_VECTOR_LENGTH: usize = 500;

/// The most nodes in the graph of one model: to derive more would take hours.
const MAX_NODES: usize = 1_000_000;

/// The most elaboration steps: iterations of loops, and numbers that are passed to functions, assigned or copied for a
/// branch. They take a few seconds.
pub(crate) const MAX_STEPS: usize = 5_000_000;

/// The most nested expressions, through calls and consts. Each takes some kilobytes of rustc's stack of 8 MiB.
const MAX_DEPTH: usize = 800;

/// The part of the limits that is used up.
#[derive(Default)]
pub(crate) struct Budget {
    steps: usize,
    depth: usize,
    exhausted: bool,
}

/// Whether a step was within the limits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    Paid,
    /// The first step beyond a limit.
    JustExhausted,
    Exhausted,
}

impl Budget {
    /// Uses `steps`, with so many nodes in the graph.
    pub(crate) fn charge(&mut self, steps: usize, nodes: usize) -> Charge {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= MAX_STEPS && nodes <= MAX_NODES {
            Charge::Paid
        } else if std::mem::replace(&mut self.exhausted, true) {
            Charge::Exhausted
        } else {
            Charge::JustExhausted
        }
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Whether one more nested expression is within the limit; [`leave`](Self::leave) ends it.
    pub(crate) fn enter(&mut self) -> bool {
        let fits = self.depth < MAX_DEPTH;
        self.depth += usize::from(fits);
        fits
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
