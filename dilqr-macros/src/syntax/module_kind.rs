//! What an annotated module describes, and the words of each kind.

use super::entry_points::{ENTRY_POINTS, EntryPoint, IMPLICIT_ENTRY_POINTS};

/// What a module describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleKind {
    /// An optimal control problem.
    ControlProblem,
    /// A function that an equation or a minimum defines. It compiles to a stage of a control problem without a given state:
    /// the unknowns are its control, equations its next state, an objective its cost.
    ImplicitFunction,
}

impl ModuleKind {
    /// The attribute's name.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::ControlProblem => "model",
            Self::ImplicitFunction => "implicit",
        }
    }

    /// The functions that the compiler recognizes by name.
    pub(crate) fn entry_points(self) -> &'static [EntryPoint] {
        match self {
            Self::ControlProblem => &ENTRY_POINTS,
            Self::ImplicitFunction => &IMPLICIT_ENTRY_POINTS,
        }
    }

    /// The structs whose numbers are the entries of a vector.
    pub(crate) fn vectors(self) -> &'static [&'static str] {
        match self {
            Self::ControlProblem => &["State", "Algebraic", "Control", "Params", "Design", "StageParams"],
            Self::ImplicitFunction => &["Unknown", "Params"],
        }
    }

    /// The struct of what a solve chooses at a stage.
    pub(crate) fn control(self) -> &'static str {
        match self {
            Self::ControlProblem => "Control",
            Self::ImplicitFunction => "Unknown",
        }
    }

    /// The names of the items that every expansion adds.
    pub(crate) fn added(self) -> &'static [&'static str] {
        match self {
            Self::ControlProblem => &["Solver", "Problem", "Linearization", "linearize"],
            Self::ImplicitFunction => &["Solver"],
        }
    }
}
