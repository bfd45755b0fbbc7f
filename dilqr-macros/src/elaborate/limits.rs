//! The limits of trajectories: bounds of the controls, constraints of stages and of the terminal state.

use proc_macro2::Ident;

use super::elaborated_system::Limits;
use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::value::{Shape, SymbolicValue, flatten};
use crate::syntax::ast::{Bounds, CONSTRAINT_FUNCTIONS, Expr};
use crate::syntax::messages::message;

impl Elaborator<'_> {
    /// The limits, and the functions that bounds alone call: the expansion removes these calls.
    pub(crate) fn limits(&mut self, arguments: &Arguments) -> (Limits<NodeId>, Vec<Ident>) {
        let mut limits = Limits::default();
        // The list has inequalities before equalities, as the vector does.
        for (name, takes_control) in CONSTRAINT_FUNCTIONS {
            let Some(function) = self.model.find_function(name) else { continue };
            let value = self.inline_entry_point(function, arguments, takes_control);
            let constraints = if takes_control { &mut limits.stage } else { &mut limits.terminal };
            flatten(&value, &mut constraints.values);
            let length = constraints.values.len();
            if name.ends_with("constraints") {
                constraints.inequalities = length;
            }
            self.check_length(&function.name, length);
        }
        let functions = &self.model.functions;
        let before: Vec<bool> = functions.iter().map(|function| self.was_called(function)).collect();
        self.bounds(&arguments.p, &mut limits);
        let alone = functions.iter().zip(before).filter(|(function, before)| !before && self.was_called(function));
        let helpers = alone.map(|(function, _)| function.name.clone()).collect();
        (limits, helpers)
    }

    /// The bounds of the controls, one for each entry.
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

    /// One side of a field's bounds, by entries; `None` where it is open, which the infinity `open` means, too.
    fn side(&mut self, side: Option<&Expr>, p: &SymbolicValue, shape: &Shape, open: f64) -> Vec<Option<NodeId>> {
        let length = self.number_count(shape);
        let Some(side) = side else { return vec![None; length] };
        self.infinite = true;
        let value = self.expr(side, &mut vec![("p".to_owned(), p.clone())]);
        self.infinite = false;
        let aggregate = matches!(value, SymbolicValue::Array(_) | SymbolicValue::Struct(..));
        let wanted = if aggregate { shape } else { &Shape::Float };
        let value = self.expect(value, wanted, side.span);
        let value = self.let_bind(&value, side.span);
        let mut entries = Vec::new();
        flatten(&value, &mut entries);
        let bounds = entries.iter().map(|&entry| match self.graph.constant_value(entry) {
            Some(constant) if constant == open => None,
            _ => Some(entry),
        });
        let bounds: Vec<Option<NodeId>> = bounds.collect();
        // Anywhere else in a bound an infinity is not a number to compute with.
        let infinite = |node: &NodeId| matches!(self.graph.node(*node), Node::Constant(value) if !value.is_finite());
        if self.graph.reachable(bounds.iter().flatten().copied()).iter().any(infinite) {
            self.errors.on(side.span, message::INFINITE_BOUND);
        }
        // A single number is the bound of every entry.
        match bounds.as_slice() {
            [one] => vec![*one; length],
            _ => bounds,
        }
    }
}
