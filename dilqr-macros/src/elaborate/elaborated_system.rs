//! The result of elaboration: the graph, the vectors, and the outputs.

use proc_macro2::Ident;

use super::graph::{Graph, NodeId};
use super::layout::Layout;
use crate::program::vectors::Sizes;
#[cfg(feature = "symbolica")]
use crate::syntax::ast::{Function, Model};

/// A model in scalars.
#[cfg_attr(not(feature = "symbolica"), expect(dead_code, reason = "only differentiation reads all of it"))]
pub(crate) struct System {
    pub(crate) graph: Graph,
    pub(crate) vectors: Vectors,
    /// Next state, one node an entry.
    pub(crate) dynamics: Vec<NodeId>,
    /// The integral of the running cost is part of it.
    pub(crate) stage_cost: NodeId,
    /// That integral, for errors in it.
    pub(crate) running_cost: Option<NodeId>,
    pub(crate) terminal_cost: NodeId,
    pub(crate) initial_cost: Option<NodeId>,
    pub(crate) limits: Limits<NodeId>,
    /// The functions that bounds alone call. The expansion removes bounds, and rustc would report these as unused.
    pub(crate) bounds_only_helpers: Vec<Ident>,
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
}

#[cfg(feature = "symbolica")]
impl System {
    pub(crate) fn outputs(&self) -> Outputs<'_> {
        let &Self { ref dynamics, stage_cost, terminal_cost, initial_cost, ref limits, .. } = self;
        Outputs { dynamics, stage_cost, terminal_cost, initial_cost, limits }
    }

    /// The first function of the model whose value depends on `node`.
    pub(crate) fn function_of<'a>(&self, node: NodeId, model: &'a Model) -> Option<&'a Function> {
        let next = if model.integration.is_some() { "derivative" } else { "dynamics" };
        let (stage, terminal) = (&self.limits.stage, &self.limits.terminal);
        let (stage_constraints, stage_equalities) = stage.values.split_at(stage.inequalities);
        let (terminal_constraints, terminal_equalities) = terminal.values.split_at(terminal.inequalities);
        let values: [(&str, &[NodeId]); 8] = [
            (next, &self.dynamics),
            ("running_cost", self.running_cost.as_slice()),
            ("stage_cost", &[self.stage_cost]),
            ("terminal_cost", &[self.terminal_cost]),
            ("stage_constraints", stage_constraints),
            ("stage_equalities", stage_equalities),
            ("terminal_constraints", terminal_constraints),
            ("terminal_equalities", terminal_equalities),
        ];
        let mut reading =
            values.into_iter().filter(|(_, roots)| self.graph.reachable(roots.iter().copied()).contains(&node));
        reading.next().and_then(|(name, _)| model.find_function(name))
    }
}

/// The vectors that a model reads.
pub(crate) struct Vectors {
    pub(crate) state: Layout,
    pub(crate) control: Layout,
    pub(crate) params: Layout,
    pub(crate) stage_params: Option<Layout>,
}

impl Vectors {
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            nx: self.state.len(),
            nu: self.control.len(),
            np: self.params.len(),
            ns: self.stage_params.as_ref().map_or(0, Layout::len),
        }
    }
}

/// The limits of a model, as nodes of the graph or operands of the tape.
#[derive(Clone, Debug)]
pub(crate) struct Limits<T> {
    /// Lower bound of each entry of the control; `None` where that side is open.
    pub(crate) lower: Vec<Option<T>>,
    /// Upper bound of each entry.
    pub(crate) upper: Vec<Option<T>>,
    pub(crate) stage: Constraints<T>,
    pub(crate) terminal: Constraints<T>,
    pub(crate) initial: Constraints<T>,
}

/// Constraints at one point of a trajectory.
#[derive(Clone, Debug)]
pub(crate) struct Constraints<T> {
    /// The inequalities, then the equalities.
    pub(crate) values: Vec<T>,
    /// The number of inequalities.
    pub(crate) inequalities: usize,
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        let [stage, terminal, initial] = std::array::from_fn(|_| Constraints::default());
        Self { lower: Vec::new(), upper: Vec::new(), stage, terminal, initial }
    }
}

impl<T> Default for Constraints<T> {
    fn default() -> Self {
        Self { values: Vec::new(), inequalities: 0 }
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
        };
        Limits {
            lower: side(&self.lower),
            upper: side(&self.upper),
            stage: constraints(&self.stage),
            terminal: constraints(&self.terminal),
            initial: constraints(&self.initial),
        }
    }
}
