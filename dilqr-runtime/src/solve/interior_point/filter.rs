//! The filter of the line search: pairs of violation and barrier cost. No later point may be worse than a pair in both
//! (Fletcher and Leyffer 2002; Waechter and Biegler 2006, section 2.3).

use alloc::vec::Vec;

use crate::scalar::float;

/// The decrease of the violation that suffices, and of the barrier cost, in units of the violation.
const MARGIN: f64 = 1e-5;

/// The fraction of the predicted decrease of the barrier cost that suffices (Armijo).
const SUFFICIENT_DECREASE: f64 = 1e-4;

/// Violation, without unit, and cost with barriers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Merit {
    pub(crate) violation: f64,
    pub(crate) cost: f64,
}

/// A trial step as the filter judges it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trial {
    pub(crate) alpha: f64,
    /// The derivative of the barrier cost along the step.
    pub(crate) slope: f64,
    /// The rounding error of the barrier cost.
    pub(crate) noise: f64,
}

/// The verdict on a trial step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not good enough.
    Rejected,
    /// Accepted for its decrease of the barrier cost.
    Decrease,
    /// Accepted, and the point before it enters the filter.
    Progress,
}

#[derive(Clone, Debug)]
pub(crate) struct Filter {
    entries: Vec<Merit>,
    /// The cost that makes barrier costs numbers without unit.
    unit: f64,
    /// The largest violation that is ever accepted, and the one below which only the cost is to fall.
    largest: f64,
    small: f64,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::with_capacity(64), unit: 1.0, largest: f64::INFINITY, small: 0.0 }
    }

    /// Begins at a point, with costs measured in `unit`.
    pub(crate) fn begin(&mut self, violation: f64, unit: f64) {
        self.entries.clear();
        self.unit = unit;
        self.largest = 1e4 * violation.max(1.0);
        self.small = 1e-4 * violation.max(1.0);
    }

    /// Forgets all points: the barrier cost has changed.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether a point is acceptable to all entries.
    pub(crate) fn accepts(&self, merit: Merit) -> bool {
        let better = |entry: &Merit| {
            merit.violation <= (1.0 - MARGIN) * entry.violation
                || merit.cost <= entry.cost - MARGIN * self.unit * entry.violation
        };
        merit.violation <= self.largest && self.entries.iter().all(better)
    }

    /// Adds a point that later ones have to improve on.
    pub(crate) fn add(&mut self, merit: Merit) {
        self.entries.push(merit);
    }

    /// Judges the step from one point to another.
    pub(crate) fn judge(&self, from: Merit, to: Merit, trial: Trial) -> Verdict {
        if !(to.violation.is_finite() && to.cost.is_finite() && self.accepts(to)) {
            return Verdict::Rejected;
        }
        let predicted = trial.alpha * trial.slope;
        let switching =
            trial.slope < 0.0 && trial.alpha * float::f64::powi(-trial.slope / self.unit, 2) > from.violation;
        if switching && from.violation <= self.small {
            let decreased = to.cost <= from.cost + SUFFICIENT_DECREASE * predicted + trial.noise;
            return if decreased { Verdict::Decrease } else { Verdict::Rejected };
        }
        let progress = to.violation <= (1.0 - MARGIN) * from.violation
            || to.cost <= from.cost - MARGIN * self.unit * from.violation + trial.noise;
        if progress { Verdict::Progress } else { Verdict::Rejected }
    }
}
