//! Straight-line programs: what a kernel computes, operation by operation.
//!
//! `builder` makes them. [`Program::scheduled`] orders operations such that values are used soon after they are computed.

use std::collections::HashSet;

use super::fields::Output;
use super::op::{Op, OpCount, ValueId};
use super::vectors::Input;
use crate::syntax::vector_functions::FunctionId;

/// Gives the entries of a call from its point and its adjoints.
#[cfg(all(test, feature = "symbolica"))]
type Calls<'a> = dyn Fn(Op, &[f64], &[f64]) -> Vec<f64> + 'a;

/// A finished kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    /// Operands come before their users.
    pub(crate) ops: Vec<Op>,
    /// In the order in which they are computed; structural zeros do not occur.
    pub(crate) outputs: Vec<(Output, ValueId)>,
}

impl Program {
    /// The inputs on which the outputs depend for which `which` holds.
    pub(crate) fn inputs(&self, which: impl Fn(Output) -> bool) -> HashSet<Input> {
        let mut needed = vec![false; self.ops.len()];
        for &(output, value) in &self.outputs {
            needed[value.index()] |= which(output);
        }
        let mut inputs = HashSet::new();
        for (index, op) in self.ops.iter().enumerate().rev() {
            if needed[index] {
                op.operands().into_iter().flatten().for_each(|operand| needed[operand.index()] = true);
                if let Op::Input(input) = op {
                    inputs.insert(*input);
                }
            }
        }
        inputs
    }

    /// Whether an output has a branch that depends on an input for which `which` holds.
    pub(crate) fn has_kinks(&self, which: impl Fn(Input) -> bool) -> bool {
        let mut depends = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let reads = |value: ValueId| depends[value.index()];
            let kink = match *op {
                // A side that is NaN is outside of the domain.
                Op::Select(condition, a, b) => reads(condition) && !self.is_nan(a) && !self.is_nan(b),
                Op::Unary(function, a) => function.has_kink() && reads(a),
                Op::Evaluate(function, a) | Op::Expand(function, a) => function.has_kinks && reads(a),
                _ => false,
            };
            if kink {
                return true;
            }
            depends.push(match *op {
                Op::Input(input) => which(input),
                _ => op.operands().into_iter().flatten().any(reads),
            });
        }
        false
    }

    fn is_nan(&self, value: ValueId) -> bool {
        matches!(self.ops[value.index()], Op::Constant(bits) if f64::from_bits(bits).is_nan())
    }

    /// The operations of `all` that `outputs` need, depth first from the outputs, so that live ranges are short and registers
    /// suffice. The order depends on the operands alone, not on the order of `all`.
    pub(crate) fn scheduled(all: &[Op], mut outputs: Vec<(Output, ValueId)>) -> Self {
        let mut position = vec![None; all.len()];
        let mut ops = Vec::new();
        for (_, value) in &mut outputs {
            let mut stack = vec![*value];
            while let Some(&top) = stack.last() {
                if position[top.index()].is_some() {
                    stack.pop();
                    continue;
                }
                let op = all[top.index()];
                let waiting = op.operands().into_iter().flatten().rev().find(|a| position[a.index()].is_none());
                match waiting {
                    Some(operand) => stack.push(operand),
                    None => {
                        let op = op.map(|a| position[a.index()].unwrap_or(a));
                        position[top.index()] = Some(ValueId::at(ops.len()));
                        ops.push(op);
                        stack.pop();
                    }
                }
            }
            *value = position[value.index()].unwrap_or(*value);
        }
        Self { ops, outputs }.with_lists_at_calls()
    }

    /// The program with the lists of each call right before it: they are not computed, but written where the call is.
    fn with_lists_at_calls(self) -> Self {
        if !self.ops.iter().any(|op| matches!(op, Op::List(..))) {
            return self;
        }
        let mut position = vec![ValueId::at(0); self.ops.len()];
        let mut ops = Vec::new();
        for (index, op) in self.ops.iter().enumerate() {
            let list = match *op {
                Op::List(..) => continue,
                Op::Evaluate(_, list) | Op::Expand(_, list) => Some(list),
                Op::Contract(_, _, list) | Op::AddWeights(_, _, list) => Some(list),
                _ => None,
            };
            if let Some(list) = list {
                let mut before = None;
                for entry in self.list(list) {
                    ops.push(Op::List(before, position[entry.index()]));
                    before = Some(ValueId::at(ops.len() - 1));
                }
                position[list.index()] = before.unwrap_or(list);
            }
            position[index] = ValueId::at(ops.len());
            ops.push(op.map(|operand| position[operand.index()]));
        }
        let outputs = self.outputs.iter().map(|&(output, value)| (output, position[value.index()])).collect();
        Self { ops, outputs }
    }

    /// The numbers of a list.
    pub(crate) fn list(&self, list: ValueId) -> Vec<ValueId> {
        let (mut numbers, mut rest) = (Vec::new(), Some(list));
        while let Some(Op::List(before, last)) = rest.map(|list| self.ops[list.index()]) {
            numbers.push(last);
            rest = before;
        }
        numbers.reverse();
        numbers
    }

    /// The vector functions that it calls, in order.
    pub(crate) fn vector_functions(&self) -> Vec<FunctionId> {
        let mut called: Vec<FunctionId> = self.ops.iter().filter_map(Op::function).collect();
        called.sort();
        called.dedup();
        called
    }

    /// The program with its outputs in another order, if the live ranges are shorter then: by row or by column, values that
    /// several matrices share are computed, used, and dead.
    #[cfg(feature = "symbolica")]
    pub(crate) fn reorder_outputs(self) -> Self {
        let orders: [fn(&Output) -> [u32; 3]; 3] = [
            |output| [output.field as u32, output.column, output.row],
            |output| [output.column, output.field as u32, output.row],
            |output| [output.row, output.field as u32, output.column],
        ];
        let others = orders.map(|order| {
            let mut outputs = self.outputs.clone();
            outputs.sort_by_key(|(output, _)| order(output));
            Self::scheduled(&self.ops, outputs)
        });
        std::iter::once(self).chain(others).min_by_key(Self::total_live_range).unwrap_or_default()
    }

    /// The lengths of all live ranges, summed.
    #[cfg(feature = "symbolica")]
    fn total_live_range(&self) -> usize {
        let mut last_use: Vec<usize> = (0..self.ops.len()).collect();
        for (index, op) in self.ops.iter().enumerate() {
            op.operands().into_iter().flatten().for_each(|a| last_use[a.index()] = index);
        }
        let computed = self.ops.iter().zip(last_use).enumerate().filter(|(_, (op, _))| op.computes());
        computed.map(|(start, (_, last))| last - start).sum()
    }

    pub(crate) fn count(&self) -> OpCount {
        let mut count = OpCount::default();
        for op in &self.ops {
            match op {
                Op::Input(_) | Op::Constant(_) => {}
                Op::Add(..) | Op::Sub(..) => count.adds += 1,
                Op::Mul(..) => count.multiplies += 1,
                Op::Div(..) => count.divisions += 1,
                Op::Negate(..) => count.negations += 1,
                Op::Unary(..) | Op::Binary(..) | Op::Powf(..) => count.calls += 1,
                Op::Evaluate(..) | Op::Expand(..) | Op::Contract(..) | Op::AddWeights(..) => count.calls += 1,
                Op::List(..) | Op::Entry(..) => {}
                Op::Compare(..) | Op::And(..) | Op::Or(..) | Op::Not(_) | Op::Select(..) => count.selects += 1,
            }
        }
        count
    }

    /// Whether every constant is finite, except the NaN that a select chooses on purpose.
    #[cfg(feature = "symbolica")]
    pub(crate) fn is_finite(&self) -> bool {
        let nan = |value: &ValueId| self.is_nan(*value);
        self.ops.iter().all(|op| match *op {
            Op::Constant(bits) => f64::from_bits(bits).is_finite() || bits == f64::NAN.to_bits(),
            Op::Powf(_, bits) => f64::from_bits(bits).is_finite(),
            Op::Select(..) => true,
            _ => !op.operands().iter().flatten().any(nan),
        }) && !self.outputs.iter().any(|(_, value)| nan(value))
    }

    /// Interprets a program without calls of vector functions, for tests.
    #[cfg(all(test, feature = "symbolica"))]
    pub(crate) fn run(&self, input: impl Fn(Input) -> f64) -> Vec<(Output, f64)> {
        self.run_with(input, &|op, _, _| unreachable!("a call: {op:?}"))
    }

    /// Interprets the program, for tests. `call` gives the entries of a call from its point and its adjoints.
    #[cfg(all(test, feature = "symbolica"))]
    pub(crate) fn run_with(&self, input: impl Fn(Input) -> f64, call: &Calls<'_>) -> Vec<(Output, f64)> {
        let mut values: Vec<f64> = Vec::with_capacity(self.ops.len());
        let mut calls: std::collections::HashMap<usize, Vec<f64>> = std::collections::HashMap::new();
        for (index, op) in self.ops.iter().enumerate() {
            let at = |value: ValueId| values[value.index()];
            let list = |list: ValueId| self.list(list).into_iter().map(at).collect::<Vec<f64>>();
            let value = match *op {
                Op::Input(entry) => input(entry),
                Op::Constant(bits) => f64::from_bits(bits),
                Op::Add(a, b) => at(a) + at(b),
                Op::Sub(a, b) => at(a) - at(b),
                Op::Mul(a, b) => at(a) * at(b),
                Op::Div(a, b) => at(a) / at(b),
                Op::Negate(a) => -at(a),
                Op::Unary(function, a) => function.evaluate(&[at(a)]),
                Op::Binary(function, a, b) => function.evaluate(&[at(a), at(b)]),
                Op::Powf(a, exponent) => at(a).powf(f64::from_bits(exponent)),
                Op::Compare(comparison, a, b) => f64::from(comparison.evaluate(at(a), at(b))),
                Op::And(a, b) => at(a) * at(b),
                Op::Or(a, b) => at(a).max(at(b)),
                Op::Not(a) => 1.0 - at(a),
                Op::Select(condition, a, b) => at(if at(condition) == 1.0 { a } else { b }),
                Op::Entry(of, entry) => calls[&of.index()][entry as usize],
                Op::List(..) => f64::NAN,
                Op::Evaluate(_, point) | Op::Expand(_, point) => {
                    calls.insert(index, call(*op, &list(point), &[]));
                    f64::NAN
                }
                Op::Contract(_, of, adjoints) | Op::AddWeights(_, of, adjoints) => {
                    let (Op::Expand(_, point) | Op::Evaluate(_, point)) = self.ops[of.index()] else { continue };
                    calls.insert(index, call(*op, &list(point), &list(adjoints)));
                    f64::NAN
                }
            };
            values.push(value);
        }
        self.outputs.iter().map(|&(output, value)| (output, values[value.index()])).collect()
    }
}
