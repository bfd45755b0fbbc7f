//! Calls of vector functions in a program under construction.

use super::builder::Builder;
use super::fields::Output;
use super::op::{Op, ValueId};
use crate::syntax::vector_functions::FunctionId;

impl Builder {
    /// The arguments of a call.
    fn list(&mut self, values: &[ValueId]) -> ValueId {
        let mut list = None;
        for &value in values {
            list = Some(self.push(Op::List(list, value)));
        }
        // Every function has an argument.
        list.unwrap_or_else(|| self.constant(0.0))
    }

    /// A vector function at a point.
    pub(crate) fn evaluate(&mut self, function: FunctionId, point: &[ValueId]) -> ValueId {
        let list = self.list(point);
        self.push(Op::Evaluate(function, list))
    }

    /// A vector function and its Jacobian at a point.
    pub(crate) fn expand(&mut self, function: FunctionId, point: &[ValueId]) -> ValueId {
        let list = self.list(point);
        self.push(Op::Expand(function, list))
    }

    /// The second derivatives at an expansion, contracted with adjoints of the outputs.
    pub(crate) fn contract(&mut self, function: FunctionId, at: ValueId, adjoints: &[ValueId]) -> ValueId {
        let list = self.list(adjoints);
        self.push(Op::Contract(function, at, list))
    }

    /// See [`Op::AddWeights`].
    pub(crate) fn add_weights(&mut self, function: FunctionId, at: ValueId, directions: &[ValueId]) -> ValueId {
        let list = self.list(directions);
        // It has an effect: two equal ones are two.
        self.ops.push(Op::AddWeights(function, at, list));
        ValueId::at(self.ops.len() - 1)
    }

    /// An entry of a call.
    pub(crate) fn entry(&mut self, call: ValueId, index: usize) -> ValueId {
        self.push(Op::Entry(call, index as u32))
    }

    /// An expansion has the value of its function: where there is one, nothing else evaluates the function at that point.
    pub(super) fn read_values_of_expansions(&mut self, outputs: &[(Output, ValueId)]) {
        let uses = self.uses(outputs);
        for index in 0..uses.len() {
            if let Op::Entry(call, entry) = self.ops[index]
                && let Op::Evaluate(function, list) = self.op(call)
                && let Some(&expansion) = self.memo.get(&Op::Expand(function, list))
                && uses.get(expansion.index()).is_some_and(|uses| *uses > 0)
            {
                self.ops[index] = Op::Entry(expansion, entry);
            }
        }
    }
}
