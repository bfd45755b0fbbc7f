//! Calls of vector functions: `network.evaluate([a, b, c])`, `TABLE.at(x)`.

use proc_macro2::Ident;

use super::elaborator::Elaborator;
use super::graph::{Node, NodeId};
use super::value::{Shape, SymbolicValue, flatten};
use crate::syntax::ast::Expr;
use crate::syntax::messages::message;
use crate::syntax::vector_functions::FunctionId;

impl Elaborator<'_> {
    /// The value of a method on a vector function.
    pub(super) fn evaluate_function(
        &mut self,
        index: usize,
        name: &Ident,
        (values, arguments): (&[SymbolicValue], &[Expr]),
    ) -> SymbolicValue {
        let function = &self.model.vector_functions[index];
        let is_table = !function.is_argument();
        let numbers = |count: usize| Shape::Array(Box::new(Shape::Float), count);
        let (id, wanted) = match (is_table, name.to_string().as_str()) {
            (false, "evaluate") => (function.id, vec![numbers(function.id.inputs())]),
            (true, "at") => (function.id, vec![Shape::Float]),
            (true, "at_values") => {
                // The function of values and a number follows that of a number.
                let id = self.model.vector_functions[index + 1].id;
                (id, vec![numbers(id.inputs() - 1), Shape::Float])
            }
            _ => return self.unknown_method(name, is_table),
        };
        if values.len() != wanted.len() {
            return self.unknown_method(name, is_table);
        }
        let mut entries = Vec::new();
        for ((value, argument), wanted) in values.iter().zip(arguments).zip(&wanted) {
            let value = self.expect(value.clone(), wanted, argument.span);
            flatten(&value, &mut entries);
        }
        let span = arguments[0].span;
        if entries.len() != id.inputs() || !self.charge(id.inputs() + id.outputs(), span) {
            // An error in an argument was reported.
            return SymbolicValue::Unknown;
        }
        let outputs = self.call_of(id, entries);
        match &outputs[..] {
            [value] if is_table => value.clone(),
            _ => SymbolicValue::Array(outputs.into()),
        }
    }

    /// The entries of the value of a call.
    pub(super) fn call_of(&mut self, function: FunctionId, arguments: Vec<NodeId>) -> Vec<SymbolicValue> {
        let arguments: Vec<NodeId> = arguments.into_iter().map(|entry| self.graph.let_bind(entry)).collect();
        let outputs = (0..function.outputs()).map(|index| {
            let node = Node::Entry { function, index, arguments: arguments.clone() };
            SymbolicValue::Float(self.graph.add(node))
        });
        outputs.collect()
    }

    fn unknown_method(&mut self, name: &Ident, is_table: bool) -> SymbolicValue {
        self.errors.at(name, if is_table { message::TABLE_METHOD } else { message::EVALUATE });
        SymbolicValue::Unknown
    }
}
