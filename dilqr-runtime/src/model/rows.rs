//! What the limits of a model are for its user: bounds of variables, constraints, soft constraints.
//!
//! The attribute `model` writes bounds of states, of rates and of design variables as constraints, and a soft constraint as one
//! with an excess. [`Limits`](crate::Limits) lists these, so that errors and certificates name what the user has written.

use core::fmt;

/// A variable that bounds hold for, with its index in its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
// With a variant `State`, rustc would write the user's `State` with its path in messages.
pub enum Variable {
    /// An entry of the state.
    StateEntry(usize),
    /// An entry of the control.
    ControlEntry(usize),
    /// The change of an entry of the control since the stage before.
    ControlRate(usize),
    /// A design variable.
    DesignEntry(usize),
    /// An unknown of an implicit function.
    Unknown(usize),
}

impl Variable {
    /// Writes the variable with its name, or with its index where it has none.
    pub(crate) fn write(self, name: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, index) = match self {
            Self::StateEntry(index) => ("state", index),
            Self::ControlEntry(index) => ("control", index),
            Self::ControlRate(index) => ("the rate of control", index),
            Self::DesignEntry(index) => ("design variable", index),
            Self::Unknown(index) => ("unknown", index),
        };
        match name {
            Some(name) => write!(f, "{kind} `{name}`"),
            None => write!(f, "{kind} {index}"),
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(None, f)
    }
}

/// An inequality that is no entry of a function of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A side of a variable's bounds: `value - upper` or `lower - value`. The two sides of one variable are neighbors.
    Bound {
        /// The variable.
        variable: Variable,
        /// Whether it is the upper side.
        upper: bool,
        /// Whether the side depends on parameters alone. A solve checks that the lower one of two such sides is not above the
        /// upper one.
        known: bool,
    },
    /// `c - e`: entry `c` of the soft constraints, by its index, with its excess `e`.
    SoftConstraint(usize),
    /// `-e`: the excess of a terminal soft constraint, by its index.
    Excess(usize),
}

/// The names of the variables, for errors. A list may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// Of the states.
    pub states: &'static [&'static str],
    /// Of the controls.
    pub controls: &'static [&'static str],
    /// Of the design variables.
    pub design: &'static [&'static str],
}

impl Names {
    /// No names.
    pub const NONE: Self = Self { states: &[], controls: &[], design: &[] };

    /// The name of a variable.
    pub(crate) fn of(&self, variable: Variable) -> Option<&'static str> {
        let (names, index) = match variable {
            Variable::StateEntry(index) => (self.states, index),
            Variable::ControlEntry(index) | Variable::ControlRate(index) | Variable::Unknown(index) => {
                (self.controls, index)
            }
            Variable::DesignEntry(index) => (self.design, index),
        };
        names.get(index).copied()
    }
}

/// One limit at a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Limit {
    /// The lower bound of a variable. Those of design variables are limits of stage 0.
    LowerBound {
        /// The variable.
        variable: Variable,
    },
    /// The upper bound of a variable.
    UpperBound {
        /// The variable.
        variable: Variable,
    },
    /// A constraint of a stage or of the terminal state. Inequalities are counted first, then equalities.
    Constraint {
        /// Index of the constraint.
        index: usize,
    },
    /// A constraint of the initial state, counted as those of a stage.
    InitialConstraint {
        /// Index of the constraint.
        index: usize,
    },
    /// A soft constraint that is at its limit or violated: its value is its excess.
    SoftConstraint {
        /// Index of the soft constraint.
        index: usize,
    },
    /// The bound of a soft constraint's excess, which is zero: the soft constraint is not violated. Of two soft constraints that are
    /// an absolute value the first has none, and the second is at it always.
    Excess {
        /// Index of the soft constraint.
        index: usize,
    },
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerBound { variable } => write!(f, "the lower bound of {variable}"),
            Self::UpperBound { variable } => write!(f, "the upper bound of {variable}"),
            Self::Constraint { index } => write!(f, "constraint {index}"),
            Self::InitialConstraint { index } => write!(f, "initial constraint {index}"),
            Self::SoftConstraint { index } => write!(f, "soft constraint {index}"),
            Self::Excess { index } => write!(f, "the excess of soft constraint {index}"),
        }
    }
}

/// What constraint `i` is, where the last `inequalities` are `rows`; otherwise its index among the model's own constraints.
pub(crate) fn limit_at(i: usize, inequalities: usize, rows: &[Row]) -> Result<Limit, usize> {
    let Some(behind) = i.checked_sub(inequalities.saturating_sub(rows.len())) else { return Err(i) };
    match rows.get(behind) {
        Some(&Row::Bound { variable, upper: false, .. }) => Ok(Limit::LowerBound { variable }),
        Some(&Row::Bound { variable, upper: true, .. }) => Ok(Limit::UpperBound { variable }),
        Some(&Row::SoftConstraint(index)) => Ok(Limit::SoftConstraint { index }),
        Some(&Row::Excess(index)) => Ok(Limit::Excess { index }),
        // An equality.
        None => Err(i - rows.len()),
    }
}
