//! The constraints along a trajectory: where each stands in the lists, what it is there, and how much it is violated.
//!
//! Lists of constraints hold those of the stages, stage after stage, then the terminal ones.

use crate::model::limits::Limits;

/// Whether constraint `i` of a stage's list is enforced at stage `t`. At stage 0 the state is given, so constraints on the
/// state alone are not. Those of the initial state are enforced there and nowhere else.
#[inline(always)]
pub(crate) fn is_enforced_at(limits: &Limits, t: usize, i: usize) -> bool {
    match t {
        0 => limits.depends_on_control.get(i).copied().unwrap_or(true),
        _ => i < limits.stage(),
    }
}

/// Whether a constraint with the value `c` is not there: an inequality whose limit is infinite.
#[inline(always)]
pub(crate) fn is_open(inequality: bool, c: f64) -> bool {
    inequality && c == f64::NEG_INFINITY
}

/// What a constraint is at its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    Inequality,
    Equality,
    /// Not enforced at this stage; see [`is_enforced_at`] and [`is_open`].
    Absent,
}

impl ConstraintKind {
    /// How far a value is beyond the limit.
    pub(crate) fn excess(self, c: f64) -> f64 {
        match self {
            Self::Inequality => c.max(0.0),
            Self::Equality => c.abs(),
            Self::Absent => 0.0,
        }
    }
}

/// The constraint that stands at an index of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConstraintPlace {
    /// Stage `t`; the horizon for terminal constraints.
    pub(crate) t: usize,
    /// Index of the constraint; inequalities come first.
    pub(crate) i: usize,
    pub(crate) inequality: bool,
    pub(crate) enforced: bool,
}

impl ConstraintPlace {
    /// The constraint at `index`.
    pub(crate) fn of(limits: &Limits, horizon: usize, index: usize) -> Self {
        match index.checked_sub(horizon * limits.listed()) {
            Some(i) => Self { t: horizon, i, inequality: i < limits.terminal_inequalities, enforced: true },
            None => {
                let (t, i) = (index / limits.listed(), index % limits.listed());
                let enforced = is_enforced_at(limits, t, i);
                Self { t, i, inequality: limits.is_inequality(i), enforced }
            }
        }
    }

    /// The index among the constraints of a stage, or after these among those of the terminal state.
    pub(crate) fn row(&self, limits: &Limits, horizon: usize) -> usize {
        row_of((self.t, self.i), horizon, limits)
    }

    pub(crate) fn kind(&self) -> ConstraintKind {
        match (self.enforced, self.inequality) {
            (false, _) => ConstraintKind::Absent,
            (true, true) => ConstraintKind::Inequality,
            (true, false) => ConstraintKind::Equality,
        }
    }
}

impl ConstraintKind {
    /// The kind of the constraint at `index`.
    pub(crate) fn of(limits: &Limits, horizon: usize, index: usize) -> Self {
        ConstraintPlace::of(limits, horizon, index).kind()
    }
}

/// A constraint at a stage of a trajectory, with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct Constraint {
    /// Stage `t`; the horizon for terminal constraints.
    pub(crate) t: usize,
    /// Index of the constraint; inequalities come first.
    pub(crate) i: usize,
    pub(crate) inequality: bool,
    /// Whether the constraint is enforced at this stage; see [`is_enforced_at`].
    pub(crate) enforced: bool,
    /// Value of the constraint.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub(crate) c: f64,
}

/// The constraints along a trajectory with their values.
pub(crate) fn constraints_along<'a>(
    values: &'a [f64],
    horizon: usize,
    limits: &'a Limits,
) -> impl Iterator<Item = Constraint> + 'a {
    values.iter().enumerate().map(move |(index, &c)| {
        let ConstraintPlace { t, i, inequality, enforced } = ConstraintPlace::of(limits, horizon, index);
        Constraint { t, i, inequality, enforced, c }
    })
}

/// The index of constraint `i` of stage `t` among the constraints of a stage, or after these among those of the terminal
/// state.
fn row_of((t, i): (usize, usize), horizon: usize, limits: &Limits) -> usize {
    if t == horizon { limits.listed() + i } else { i }
}

/// The largest violation of a constraint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Violation {
    /// Over the magnitude of the constraint.
    pub(crate) relative: f64,
    /// In its unit.
    pub(crate) value: f64,
    pub(crate) stage: usize,
    /// Index of the constraint in the list of its stage.
    pub(crate) index: usize,
}

impl Violation {
    const NONE: Self = Self { relative: 0.0, value: 0.0, stage: 0, index: 0 };

    /// Its stage, if there is a violation.
    pub(crate) fn at(&self) -> Option<usize> {
        (self.value > 0.0).then_some(self.stage)
    }
}

/// The violation of constraints along a trajectory that is the largest over the magnitude of its row. The magnitudes are
/// those of the constraints of a stage, then of the terminal state, 1 where there are none.
pub(crate) fn violation(
    constraints: impl Iterator<Item = Constraint>,
    (horizon, limits): (usize, &Limits),
    magnitudes: &[f64],
) -> Violation {
    let mut largest = Violation::NONE;
    for Constraint { t, i, inequality, c, .. } in constraints.filter(|constraint| constraint.enforced) {
        let value = if inequality && !c.is_nan() { c.max(0.0) } else { c.abs() };
        let row = row_of((t, i), horizon, limits);
        let relative = if value == 0.0 { 0.0 } else { value / magnitudes.get(row).unwrap_or(&1.0) };
        if relative > largest.relative || relative.is_nan() {
            largest = Violation { relative, value, stage: t, index: i };
        }
    }
    largest
}
