//! The result of elaboration: the graph, the vectors, and the outputs.

use std::ops::Range;

use proc_macro2::Ident;

use super::graph::{Graph, NodeId};
use super::layout::Layout;
use crate::program::vectors::Sizes;
#[cfg(feature = "symbolica")]
use crate::syntax::ast::{Function, Model};
use crate::syntax::entry_points::Sought;
use crate::syntax::manifold::Manifold;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::vector_functions::{FunctionId, VectorFunction};

/// A model in scalars.
#[cfg_attr(not(feature = "symbolica"), expect(dead_code, reason = "only differentiation reads all of it"))]
pub(crate) struct System {
    pub(crate) graph: Graph,
    pub(crate) vectors: Vectors,
    /// Next state, one node an entry.
    pub(crate) dynamics: Vec<NodeId>,
    /// The integral of the running cost is part of it.
    pub(crate) stage_cost: NodeId,
    pub(crate) terminal_cost: NodeId,
    pub(crate) initial_cost: Option<NodeId>,
    pub(crate) limits: Limits<NodeId>,
    /// The residuals of a least-squares problem, whose cost is that of the stage; empty for others.
    pub(crate) least_squares: Vec<NodeId>,
    /// The factors of penalties: linear and quadratic, of stages and of the terminal state. Empty where they are constants.
    pub(crate) penalties: Vec<NodeId>,
    /// The time step, where it is no constant.
    pub(crate) time_step: Option<NodeId>,
    /// Over the vectors `y` and `z`, and empty without them: the residuals of the integrator's implicit step, those of the
    /// algebraic variables, and the derivative that a loop integrates.
    pub(crate) residuals: [Vec<NodeId>; 3],
    /// The functions that attributes alone call. The expansion removes these, and rustc would report them as unused.
    pub(crate) attributes_only_helpers: Vec<Ident>,
    /// The values of the model's functions, by name.
    pub(crate) values: Vec<(&'static str, Vec<NodeId>)>,
}

/// The values that a model computes, as nodes of its graph.
#[cfg(feature = "symbolica")]
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a> {
    pub(crate) dynamics: &'a [NodeId],
    pub(crate) stage_cost: NodeId,
    pub(crate) terminal_cost: NodeId,
    pub(crate) initial_cost: Option<NodeId>,
    pub(crate) limits: &'a Limits<NodeId>,
    pub(crate) least_squares: &'a [NodeId],
    pub(crate) penalties: &'a [NodeId],
    pub(crate) time_step: Option<NodeId>,
    pub(crate) residuals: &'a [Vec<NodeId>; 3],
}

#[cfg(feature = "symbolica")]
impl System {
    pub(crate) fn outputs(&self) -> Outputs<'_> {
        let &Self { ref dynamics, stage_cost, terminal_cost, initial_cost, ref limits, .. } = self;
        let Self { least_squares, penalties, residuals, .. } = self;
        Outputs {
            dynamics,
            stage_cost,
            terminal_cost,
            initial_cost,
            limits,
            least_squares,
            penalties,
            time_step: self.time_step,
            residuals,
        }
    }

    /// The first function of the model whose value depends on `node`.
    pub(crate) fn function_of<'a>(&self, node: NodeId, model: &'a Model) -> Option<&'a Function> {
        let mut reading =
            self.values.iter().filter(|(_, roots)| self.graph.reachable(roots.iter().copied()).contains(&node));
        reading.next().and_then(|(name, _)| model.find_function(name))
    }
}

/// The vectors that a model reads.
pub(crate) struct Vectors {
    pub(crate) kind: ModuleKind,
    /// What an implicit function seeks; `None` for a control problem. Its unknowns are the control. Equations have one entry of
    /// the state for each unknown, minima none. A factor seeks a minimum, and its blocks are the control.
    pub(crate) sought: Option<Sought>,
    pub(crate) state: Layout,
    pub(crate) control: Layout,
    /// The manifolds of a factor's blocks; `None` for vectors.
    pub(crate) manifolds: Vec<Option<Manifold>>,
    pub(crate) params: Layout,
    pub(crate) stage_params: Option<Layout>,
    pub(crate) lift: Lift,
    /// In the order of their declarations.
    pub(crate) functions: Vec<VectorFunction>,
    /// Those that the function of the next state takes.
    pub(crate) next_functions: Vec<FunctionId>,
}

/// What the lift adds to state and control; see `elaborate::lift`.
#[derive(Default)]
pub(crate) struct Lift {
    /// Whether the control of the stage before is part of the state.
    pub(crate) previous: bool,
    pub(crate) design: Option<Layout>,
    /// The number of soft constraints of the terminal state.
    pub(crate) terminal_slacks: usize,
    /// The number of soft constraints of a stage.
    pub(crate) stage_slacks: usize,
    /// Whether a solve chooses the initial state.
    pub(crate) free_start: bool,
    /// Whether the next state takes the control before and the design variables.
    pub(crate) next_takes: [bool; 2],
}

impl Vectors {
    /// The lengths of the kernels' vectors: those of the user's structs, and what the lift adds.
    pub(crate) fn sizes(&self) -> Sizes {
        let sizes = self.own_sizes();
        Sizes { nx: self.design().end + self.lift.terminal_slacks, nu: sizes.nu + self.lift.stage_slacks, ..sizes }
    }

    /// The struct of what a solve chooses at a stage.
    pub(crate) fn control_name(&self) -> &'static str {
        self.kind.control()
    }

    /// The lengths of the user's structs.
    pub(crate) fn own_sizes(&self) -> Sizes {
        Sizes {
            nx: self.state.len(),
            nu: self.control.len(),
            np: self.params.len(),
            ns: self.stage_params.as_ref().map_or(0, Layout::len),
        }
    }

    /// The number of design variables.
    pub(crate) fn design_len(&self) -> usize {
        self.lift.design.as_ref().map_or(0, Layout::len)
    }

    /// The entries of the state that hold the control of the stage before.
    pub(crate) fn previous(&self) -> Range<usize> {
        let start = self.state.len();
        start..start + if self.lift.previous { self.control.len() } else { 0 }
    }

    /// The entries of the state that hold the design variables; the slacks follow.
    pub(crate) fn design(&self) -> Range<usize> {
        let start = self.previous().end;
        start..start + self.design_len()
    }

    /// Whether the kernels' vectors have more entries than the user's structs.
    pub(crate) fn are_lifted(&self) -> bool {
        let Lift { previous, design, terminal_slacks, stage_slacks, .. } = &self.lift;
        *previous || design.is_some() || terminal_slacks + stage_slacks > 0
    }

    /// Whether a solve chooses each entry of the initial state.
    pub(crate) fn free(&self) -> Vec<bool> {
        let (own, given) = (self.state.len(), self.previous());
        let is_free = |entry: usize| if entry < own { self.lift.free_start } else { !given.contains(&entry) };
        (0..self.sizes().nx).map(is_free).collect()
    }
}

/// Parameters that may be infinite, by their indices; see `elaborate::open_sides`.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenSides {
    pub(crate) params: Vec<usize>,
    pub(crate) stage_params: Vec<usize>,
}

/// The limits of a model, as nodes of the graph or operands of the tape.
#[derive(Clone, Debug)]
pub(crate) struct Limits<T> {
    /// Lower bound of each entry of the control; `None` where that side is open.
    pub(crate) lower: Vec<Option<T>>,
    /// Upper bound of each entry.
    pub(crate) upper: Vec<Option<T>>,
    pub(crate) stage: Constraints<T>,
    /// The constraints of a stage that are bounds of a given state. They hold from stage 1 on.
    pub(crate) state_bounds: Range<usize>,
    pub(crate) terminal: Constraints<T>,
    pub(crate) initial: Constraints<T>,
    pub(crate) open: OpenSides,
    /// Pairs of soft constraints whose values are opposite, of a stage and of the terminal state.
    pub(crate) absolute_values: [Vec<(usize, usize)>; 2],
}

/// Constraints at one point of a trajectory.
#[derive(Clone, Debug)]
pub(crate) struct Constraints<T> {
    /// The inequalities, then the equalities.
    pub(crate) values: Vec<T>,
    /// The number of inequalities.
    pub(crate) inequalities: usize,
    /// What the last inequalities are; those before them are values of the model's function.
    pub(crate) rows: Vec<Row>,
}

/// An inequality that is no value of a function of constraints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Row {
    /// A side of the bounds of an entry of a vector.
    Bound {
        of: Bounded,
        entry: usize,
        upper: bool,
        /// Whether the side depends on parameters alone.
        known: bool,
    },
    /// A soft constraint with its slack.
    SoftConstraint(usize),
    /// The bound of a slack.
    Slack(usize),
}

/// A vector whose entries have bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bounded {
    State,
    Control,
    Rate,
    Design,
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        let [stage, terminal, initial] = std::array::from_fn(|_| Constraints::default());
        Self {
            lower: Vec::new(),
            upper: Vec::new(),
            stage,
            state_bounds: 0..0,
            terminal,
            initial,
            open: OpenSides::default(),
            absolute_values: Default::default(),
        }
    }
}

impl<T> Default for Constraints<T> {
    fn default() -> Self {
        Self { values: Vec::new(), inequalities: 0, rows: Vec::new() }
    }
}

impl<T> Constraints<T> {
    pub(crate) fn equalities(&self) -> usize {
        self.values.len() - self.inequalities
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<T: Copy> Limits<T> {
    /// Whether any control has a bound.
    pub(crate) fn bounded(&self) -> bool {
        self.lower.iter().chain(&self.upper).any(Option::is_some)
    }

    /// Whether there is any limit.
    pub(crate) fn any(&self) -> bool {
        self.bounded() || [&self.stage, &self.terminal, &self.initial].iter().any(|rows| !rows.is_empty())
    }

    /// All values, for one traversal.
    #[cfg(feature = "symbolica")]
    pub(crate) fn values(&self) -> impl Iterator<Item = T> {
        let bounds = self.lower.iter().chain(&self.upper).flatten();
        bounds.chain(&self.stage.values).chain(&self.terminal.values).chain(&self.initial.values).copied()
    }

    /// The same limits with every value replaced.
    #[cfg(feature = "symbolica")]
    pub(crate) fn map<R>(&self, term: impl Fn(T) -> R) -> Limits<R> {
        let side = |side: &[Option<T>]| side.iter().map(|bound| bound.map(&term)).collect();
        let constraints = |constraints: &Constraints<T>| Constraints {
            values: constraints.values.iter().map(|&value| term(value)).collect(),
            inequalities: constraints.inequalities,
            rows: constraints.rows.clone(),
        };
        Limits {
            lower: side(&self.lower),
            upper: side(&self.upper),
            stage: constraints(&self.stage),
            state_bounds: self.state_bounds.clone(),
            terminal: constraints(&self.terminal),
            initial: constraints(&self.initial),
            open: self.open.clone(),
            absolute_values: self.absolute_values.clone(),
        }
    }
}
