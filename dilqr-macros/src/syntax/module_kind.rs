//! What an annotated module describes, and the words of each kind.

use super::entry_points::{ENTRY_POINTS, EntryPoint, FACTOR_ENTRY_POINTS, IMPLICIT_ENTRY_POINTS};

/// What a module describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleKind {
    /// An optimal control problem.
    ControlProblem,
    /// A function that an equation or a minimum defines. It compiles to a stage of a control problem without a given state:
    /// the unknowns are its control, equations its next state, an objective its cost.
    ImplicitFunction,
    /// A factor of a graph: residuals over blocks. It compiles to the objective of an implicit function, whose unknowns are the
    /// blocks, one after another.
    Factor,
}

/// The struct of a factor's blocks, which the macro adds: one field for each block.
pub(crate) const BLOCKS: &str = "Blocks";

impl ModuleKind {
    /// The attribute's name.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::ControlProblem => "model",
            Self::ImplicitFunction => "implicit",
            Self::Factor => "factor",
        }
    }

    /// The functions that the compiler recognizes by name.
    pub(crate) fn entry_points(self) -> &'static [EntryPoint] {
        match self {
            Self::ControlProblem => &ENTRY_POINTS,
            Self::ImplicitFunction => &IMPLICIT_ENTRY_POINTS,
            Self::Factor => &FACTOR_ENTRY_POINTS,
        }
    }

    /// The structs whose numbers are the entries of a vector.
    pub(crate) fn vectors(self) -> &'static [&'static str] {
        match self {
            Self::ControlProblem => &["State", "Algebraic", "Control", "Params", "Design", "StageParams"],
            Self::ImplicitFunction => &["Unknown", "Params"],
            Self::Factor => &[BLOCKS, "Params"],
        }
    }

    /// The struct of what a solve chooses at a stage.
    pub(crate) fn control(self) -> &'static str {
        match self {
            Self::ControlProblem => "Control",
            Self::ImplicitFunction => "Unknown",
            Self::Factor => BLOCKS,
        }
    }

    /// The names of the items that every expansion adds.
    pub(crate) fn added(self) -> &'static [&'static str] {
        match self {
            Self::ControlProblem => &["Solver", "Problem", "Linearization", "linearize"],
            Self::ImplicitFunction => &["Solver"],
            Self::Factor => &[],
        }
    }
}
