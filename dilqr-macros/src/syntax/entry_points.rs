//! The functions that the compiler recognizes by name.

/// Where on a trajectory a function is evaluated. Only stages have controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Initial,
    Stage,
    Terminal,
}

/// The part of a function in the problem, which decides its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `State`
    Next,
    /// `f64`
    Cost,
    /// `f64`: a cost that an integrator integrates.
    RunningCost,
    /// `[f64; K]`
    Inequalities,
    /// `[f64; K]`: inequalities whose violation has a cost.
    SoftInequalities,
    /// `[f64; K]`
    Equalities,
    /// `[f64; K]`: equations for the algebraic variables.
    Algebraic,
    /// `[f64; K]`: equations for the unknowns of an implicit function.
    Equations,
    /// `[f64; K]`: residuals whose squares are least, of an implicit function or of a factor.
    Residuals,
    /// `Unknown`: the unknowns are a fixed point.
    Map,
}

/// What the value of an implicit function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    /// The minimum of a function.
    Minimum,
    /// A root of equations.
    Root,
    /// A fixed point of a map.
    FixedPoint,
}

impl Part {
    /// What an implicit function with this part is.
    pub(crate) fn sought(self) -> Option<Sought> {
        match self {
            Self::Cost | Self::Residuals => Some(Sought::Minimum),
            Self::Equations => Some(Sought::Root),
            Self::Map => Some(Sought::FixedPoint),
            _ => None,
        }
    }
}

/// A function that the compiler recognizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPoint {
    pub(crate) name: &'static str,
    pub(crate) point: Point,
    pub(crate) part: Part,
}

/// All of them, in the order in which they are elaborated. Inequalities come before equalities.
pub(crate) const ENTRY_POINTS: [EntryPoint; 15] = [
    entry_point("algebraic", Point::Stage, Part::Algebraic),
    entry_point("dynamics", Point::Stage, Part::Next),
    entry_point("derivative", Point::Stage, Part::Next),
    entry_point("stage_cost", Point::Stage, Part::Cost),
    entry_point("running_cost", Point::Stage, Part::RunningCost),
    entry_point("terminal_cost", Point::Terminal, Part::Cost),
    entry_point("initial_cost", Point::Initial, Part::Cost),
    entry_point("stage_constraints", Point::Stage, Part::Inequalities),
    entry_point("terminal_constraints", Point::Terminal, Part::Inequalities),
    entry_point("initial_constraints", Point::Initial, Part::Inequalities),
    entry_point("stage_soft_constraints", Point::Stage, Part::SoftInequalities),
    entry_point("terminal_soft_constraints", Point::Terminal, Part::SoftInequalities),
    entry_point("stage_equalities", Point::Stage, Part::Equalities),
    entry_point("terminal_equalities", Point::Terminal, Part::Equalities),
    entry_point("initial_equalities", Point::Initial, Part::Equalities),
];

/// Those of an implicit function, which has one of them.
pub(crate) const IMPLICIT_ENTRY_POINTS: [EntryPoint; 4] = [
    entry_point("objective", Point::Stage, Part::Cost),
    entry_point("equations", Point::Stage, Part::Equations),
    entry_point("residuals", Point::Stage, Part::Residuals),
    entry_point("map", Point::Stage, Part::Map),
];

/// That of a factor.
pub(crate) const FACTOR_ENTRY_POINTS: [EntryPoint; 1] = [entry_point("residual", Point::Stage, Part::Residuals)];

const fn entry_point(name: &'static str, point: Point, part: Part) -> EntryPoint {
    EntryPoint { name, point, part }
}

impl EntryPoint {
    /// Whether it takes the control.
    pub(crate) fn takes_control(&self) -> bool {
        self.point == Point::Stage
    }

    /// Whether its result is an array of any length.
    pub(crate) fn is_list(&self) -> bool {
        self.result() == "[f64; K]" && self.part != Part::Algebraic
    }

    /// Its result in Rust.
    pub(crate) fn result(&self) -> &'static str {
        match self.part {
            Part::Next => "State",
            Part::Cost | Part::RunningCost => "f64",
            Part::Map => "Unknown",
            Part::Inequalities
            | Part::SoftInequalities
            | Part::Equalities
            | Part::Algebraic
            | Part::Equations
            | Part::Residuals => "[f64; K]",
        }
    }
}
