//! Straight-line programs: what a kernel computes, operation by operation.
//!
//! `builder` makes them; [`Program::scheduled`] puts operations in an order in which values are used soon after they are made.

use std::collections::HashSet;
use std::{fmt, iter};

use crate::elaborate::graph::{Comparison, ElementaryFunction, Input};

/// Index of an operation of a builder, or of a finished program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ValueId(u32);

impl ValueId {
    pub(crate) fn at(index: usize) -> Self {
        Self(index as u32)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Input(Input),
    /// The bits of an f64, so that operations can be compared.
    Constant(u64),
    Add(ValueId, ValueId),
    Sub(ValueId, ValueId),
    Mul(ValueId, ValueId),
    Div(ValueId, ValueId),
    Negate(ValueId),
    Unary(ElementaryFunction, ValueId),
    Binary(ElementaryFunction, ValueId, ValueId),
    /// A power with a constant exponent that is neither an integer nor half of one; the exponent's bits.
    Powf(ValueId, u64),
    /// Conditions; read by conditions and selects only.
    Compare(Comparison, ValueId, ValueId),
    And(ValueId, ValueId),
    Or(ValueId, ValueId),
    Not(ValueId),
    /// The second where the first holds, the third elsewhere.
    Select(ValueId, ValueId, ValueId),
}

impl Op {
    pub(crate) fn constant(value: f64) -> Self {
        // One zero is enough.
        Self::Constant(if value == 0.0 { 0 } else { value.to_bits() })
    }

    pub(crate) fn operands(&self) -> [Option<ValueId>; 3] {
        match *self {
            Self::Input(_) | Self::Constant(_) => [None, None, None],
            Self::Negate(a) | Self::Unary(_, a) | Self::Powf(a, _) | Self::Not(a) => [Some(a), None, None],
            Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Div(a, b)
            | Self::Binary(_, a, b)
            | Self::Compare(_, a, b)
            | Self::And(a, b)
            | Self::Or(a, b) => [Some(a), Some(b), None],
            Self::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        }
    }

    /// Whether there is something to compute: it is no input and no constant.
    pub(crate) fn computes(&self) -> bool {
        !matches!(self, Self::Input(_) | Self::Constant(_))
    }

    /// Whether the value is true or false rather than a number.
    pub(crate) fn is_condition(&self) -> bool {
        matches!(self, Self::Compare(..) | Self::And(..) | Self::Or(..) | Self::Not(_))
    }

    fn map(self, mut rename: impl FnMut(ValueId) -> ValueId) -> Self {
        match self {
            Self::Input(_) | Self::Constant(_) => self,
            Self::Negate(a) => Self::Negate(rename(a)),
            Self::Unary(function, a) => Self::Unary(function, rename(a)),
            Self::Powf(a, exponent) => Self::Powf(rename(a), exponent),
            Self::Add(a, b) => Self::Add(rename(a), rename(b)),
            Self::Sub(a, b) => Self::Sub(rename(a), rename(b)),
            Self::Mul(a, b) => Self::Mul(rename(a), rename(b)),
            Self::Div(a, b) => Self::Div(rename(a), rename(b)),
            Self::Binary(function, a, b) => Self::Binary(function, rename(a), rename(b)),
            Self::Compare(comparison, a, b) => Self::Compare(comparison, rename(a), rename(b)),
            Self::And(a, b) => Self::And(rename(a), rename(b)),
            Self::Or(a, b) => Self::Or(rename(a), rename(b)),
            Self::Not(a) => Self::Not(rename(a)),
            Self::Select(a, b, c) => Self::Select(rename(a), rename(b), rename(c)),
        }
    }
}

/// How many operations of each kind a program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpCount {
    pub(crate) adds: usize,
    pub(crate) multiplies: usize,
    pub(crate) divisions: usize,
    pub(crate) negations: usize,
    pub(crate) calls: usize,
    /// Comparisons, logic and selects.
    pub(crate) selects: usize,
}

impl OpCount {
    pub(crate) fn total(&self) -> usize {
        self.adds + self.multiplies + self.divisions + self.negations + self.calls + self.selects
    }
}

impl fmt::Display for OpCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adds, multiplies, divisions, negations, calls, selects } = self;
        write!(formatter, "{} | {adds} | {multiplies} | {divisions} | {negations} | {calls} | {selects}", self.total())
    }
}

/// A place that a kernel writes: `record.field[(row, column)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Output {
    pub(crate) field: Field,
    pub(crate) row: u32,
    pub(crate) column: u32,
}

/// The fields of the records of `dilqr_runtime::model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Field {
    F,
    /// The next state where it is all that is written.
    Next,
    Fx,
    Fu,
    Fp,
    L,
    Lx,
    Lu,
    Lxx,
    Lux,
    Luu,
    Lxp,
    Hxx,
    Hux,
    Huu,
    Hxp,
    Hup,
    /// Added to, not written.
    Gp,
    Gs,
    /// Bounds, or their derivatives in the parameters.
    Lower,
    Upper,
    /// Values of constraints where they are all that is written.
    Constraints,
    /// Values of constraints in a record.
    C,
    Cx,
    Cu,
    Cp,
}

impl Field {
    pub(crate) const ALL: [Self; 26] = [
        Self::F,
        Self::Next,
        Self::Fx,
        Self::Fu,
        Self::Fp,
        Self::L,
        Self::Lx,
        Self::Lu,
        Self::Lxx,
        Self::Lux,
        Self::Luu,
        Self::Lxp,
        Self::Hxx,
        Self::Hux,
        Self::Huu,
        Self::Hxp,
        Self::Hup,
        Self::Gp,
        Self::Gs,
        Self::Lower,
        Self::Upper,
        Self::Constraints,
        Self::C,
        Self::Cx,
        Self::Cu,
        Self::Cp,
    ];

    /// Whether zeros are written as well, since the place need not hold one before: a bound of 0 stands where an open side
    /// has an infinity.
    pub(crate) fn writes_zeros(self) -> bool {
        matches!(self, Self::Lower | Self::Upper | Self::Constraints | Self::C)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F => "f",
            Self::Next => "next",
            Self::Fx => "fx",
            Self::Fu => "fu",
            Self::Fp => "fp",
            Self::L => "l",
            Self::Lx => "lx",
            Self::Lu => "lu",
            Self::Lxx => "lxx",
            Self::Lux => "lux",
            Self::Luu => "luu",
            Self::Lxp => "lxp",
            Self::Hxx => "hxx",
            Self::Hux => "hux",
            Self::Huu => "huu",
            Self::Hxp => "hxp",
            Self::Hup => "hup",
            Self::Gp => "gp",
            Self::Gs => "gs",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Constraints => "constraints",
            Self::C => "c",
            Self::Cx => "cx",
            Self::Cu => "cu",
            Self::Cp => "cp",
        }
    }
}

/// A finished kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    /// Operands come before their users.
    pub(crate) ops: Vec<Op>,
    /// In the order in which they are computed; structural zeros do not occur.
    pub(crate) outputs: Vec<(Output, ValueId)>,
}

impl Program {
    /// The inputs that the outputs for which `which` holds depend on.
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

    /// What `outputs` need of `all`: depth first from the outputs, so that values die young and registers suffice. The
    /// order depends on what uses what alone, and not on the order of `all`.
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
                        position[top.index()] = Some(ValueId(ops.len() as u32));
                        ops.push(op);
                        stack.pop();
                    }
                }
            }
            *value = position[value.index()].unwrap_or(*value);
        }
        Self { ops, outputs }
    }

    /// The same with its outputs in the order, of some, in which the fewest values wait for their last reader: what one row or
    /// column of several matrices shares is then made, used and forgotten.
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
        iter::once(self).chain(others).min_by_key(Self::total_live_range).unwrap_or_default()
    }

    /// The values that are alive after an operation, summed over all operations.
    fn total_live_range(&self) -> usize {
        let mut last_use: Vec<usize> = (0..self.ops.len()).collect();
        for (index, op) in self.ops.iter().enumerate() {
            op.operands().into_iter().flatten().for_each(|a| last_use[a.index()] = index);
        }
        let computed = self.ops.iter().zip(last_use).enumerate().filter(|(_, (op, _))| op.computes());
        computed.map(|(made, (_, last))| last - made).sum()
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
                Op::Compare(..) | Op::And(..) | Op::Or(..) | Op::Not(_) | Op::Select(..) => count.selects += 1,
            }
        }
        count
    }

    /// Whether every constant is a number that can be written down.
    pub(crate) fn is_finite(&self) -> bool {
        self.ops.iter().all(|op| match *op {
            Op::Constant(bits) | Op::Powf(_, bits) => f64::from_bits(bits).is_finite(),
            _ => true,
        })
    }

    /// Runs the program: for tests, which compare it with other answers without compiling it.
    #[cfg(test)]
    pub(crate) fn run(&self, input: impl Fn(Input) -> f64) -> Vec<(Output, f64)> {
        let mut values: Vec<f64> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let at = |value: ValueId| values[value.index()];
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
                Op::Select(condition, a, b) => {
                    if at(condition) == 1.0 {
                        at(a)
                    } else {
                        at(b)
                    }
                }
            };
            values.push(value);
        }
        self.outputs.iter().map(|&(output, value)| (output, values[value.index()])).collect()
    }
}
