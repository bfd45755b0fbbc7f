//! Calls of vector functions: `network.evaluate([a, b, c])`.

use proc_macro2::Ident;

use super::elaborator::Elaborator;
use super::graph::{Node, NodeId};
use super::value::{Shape, SymbolicValue, flatten};
use crate::syntax::ast::Expr;
use crate::syntax::messages::message;

impl Elaborator<'_> {
    /// The value of a method on a vector function, which has one.
    pub(super) fn evaluate_function(
        &mut self,
        index: usize,
        name: &Ident,
        (values, arguments): (&[SymbolicValue], &[Expr]),
    ) -> SymbolicValue {
        let function = self.model.vector_functions[index].id;
        let ([value], [argument], true) = (values, arguments, name == "evaluate") else {
            self.errors.at(name, message::EVALUATE);
            return SymbolicValue::Unknown;
        };
        let wanted = Shape::Array(Box::new(Shape::Float), function.inputs());
        let value = self.expect(value.clone(), &wanted, argument.span);
        if matches!(value, SymbolicValue::Unknown)
            || !self.charge(function.inputs() + function.outputs(), argument.span)
        {
            return SymbolicValue::Unknown;
        }
        let mut entries = Vec::new();
        flatten(&value, &mut entries);
        if entries.len() != function.inputs() {
            // An error in an entry was reported.
            return SymbolicValue::Unknown;
        }
        let arguments: Vec<NodeId> = entries.into_iter().map(|entry| self.graph.let_bind(entry)).collect();
        let outputs = (0..function.outputs()).map(|index| {
            let node = Node::Entry { function, index, arguments: arguments.clone() };
            SymbolicValue::Float(self.graph.add(node))
        });
        SymbolicValue::Array(outputs.collect())
    }
}
