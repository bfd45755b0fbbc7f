//! What limits a trajectory, in scalars: bounds of the controls, constraints of stages and of the terminal state.

use proc_macro2::Ident;

use crate::elaborate::elaborator::{Arguments, Elaborator};
use crate::elaborate::graph::{Node, NodeId};
use crate::elaborate::value::{Shape, SymbolicValue, flatten};
use crate::syntax::ast::{Bounds, CONSTRAINTS, Expr, Function};
use crate::syntax::errors::message;

/// The limits of a model, as nodes of the graph or operands on the tape.
#[derive(Clone, Debug)]
pub(crate) struct Limits<T> {
    /// Lower bound of each entry of the control; `None` where that side is open.
    pub(crate) lower: Vec<Option<T>>,
    /// Upper bound of each entry.
    pub(crate) upper: Vec<Option<T>>,
    pub(crate) stage: Constraints<T>,
    pub(crate) terminal: Constraints<T>,
}

/// Constraints at one point of a trajectory.
#[derive(Clone, Debug)]
pub(crate) struct Constraints<T> {
    /// The inequalities, then the equalities.
    pub(crate) values: Vec<T>,
    /// How many of them are inequalities.
    pub(crate) inequalities: usize,
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        Self { lower: Vec::new(), upper: Vec::new(), stage: Constraints::default(), terminal: Constraints::default() }
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
        self.bounded() || !self.stage.is_empty() || !self.terminal.is_empty()
    }

    /// All values there are.
    pub(crate) fn values(&self) -> impl Iterator<Item = T> {
        let bounds = self.lower.iter().chain(&self.upper).flatten();
        bounds.chain(&self.stage.values).chain(&self.terminal.values).copied()
    }

    /// The same limits in other terms.
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
        }
    }
}

impl Elaborator<'_> {
    /// The limits, and the helpers that bounds alone have called: rustc does not see these calls.
    pub(crate) fn limits(&mut self, arguments: &Arguments) -> (Limits<NodeId>, Vec<Ident>) {
        let mut limits = Limits::default();
        // Inequalities come before equalities in the list of functions, and in the vector.
        for (name, depends_on_control) in CONSTRAINTS {
            let Some(function) = self.model.find_function(name) else { continue };
            let value = self.inline_entry_point(function, arguments, depends_on_control);
            let constraints = if depends_on_control { &mut limits.stage } else { &mut limits.terminal };
            flatten(&value, &mut constraints.values);
            let length = constraints.values.len();
            if name.ends_with("constraints") {
                constraints.inequalities = length;
            }
            self.bounded_length(&function.name, length);
        }
        let called = |elaborator: &Self, function: &Function| elaborator.calls.contains_key(&function.name.to_string());
        let functions = &self.model.functions;
        let before: Vec<bool> = functions.iter().map(|function| called(self, function)).collect();
        self.bounds(&arguments.p, &mut limits);
        let alone = functions.iter().zip(before).filter(|(function, before)| !before && called(self, function));
        let helpers = alone.map(|(function, _)| function.name.clone()).collect();
        (limits, helpers)
    }

    /// The bounds of the controls, which are numbers or, for an array, as many as it has.
    fn bounds(&mut self, p: &SymbolicValue, limits: &mut Limits<NodeId>) {
        let Some(control) = self.model.find_struct("Control") else { return };
        for field in &control.fields {
            let shape = self.shape(&field.ty);
            let entries = self.number_count(&shape);
            let (mut low, mut high) = (vec![None; entries], vec![None; entries]);
            if let Some(Bounds { lower, upper, span }) = &field.bounds {
                low = self.side(lower.as_ref(), p, &shape, f64::NEG_INFINITY);
                high = self.side(upper.as_ref(), p, &shape, f64::INFINITY);
                let constant = |bound: Option<NodeId>| bound.and_then(|node| self.graph.constant_value(node));
                let reversed = low.iter().zip(&high).any(|(&low, &high)| match (constant(low), constant(high)) {
                    (Some(low), Some(high)) => low > high,
                    _ => false,
                });
                if reversed {
                    self.errors.on(*span, message::BOUNDS_REVERSED);
                }
            }
            limits.lower.extend(low);
            limits.upper.extend(high);
        }
    }

    /// One side of a field's bounds, an entry each; `None` where it is open, which the infinity `open` says as well.
    fn side(&mut self, side: Option<&Expr>, p: &SymbolicValue, shape: &Shape, open: f64) -> Vec<Option<NodeId>> {
        let length = self.number_count(shape);
        let Some(side) = side else { return vec![None; length] };
        self.infinite = true;
        let value = self.expr(side, &mut vec![("p".to_owned(), p.clone())]);
        self.infinite = false;
        let wanted = if matches!(value, SymbolicValue::Array(_)) { shape } else { &Shape::Float };
        let value = self.expect(value, wanted, side.span);
        let value = self.let_bind(&value, side.span);
        let mut entries = Vec::new();
        flatten(&value, &mut entries);
        let bounds = entries.iter().map(|&entry| match self.graph.constant_value(entry) {
            Some(constant) if constant == open => None,
            _ => Some(entry),
        });
        let bounds: Vec<Option<NodeId>> = bounds.collect();
        // An infinity that a bound depends on in any other way would not be a number to compute with.
        let infinite = |node: &NodeId| matches!(self.graph.node(*node), Node::Constant(value) if !value.is_finite());
        if self.graph.reachable(bounds.iter().flatten().copied()).iter().any(infinite) {
            self.errors.on(side.span, message::INFINITE_BOUND);
        }
        // A number stands for every entry.
        match bounds.as_slice() {
            [one] => vec![*one; length],
            _ => bounds,
        }
    }
}
