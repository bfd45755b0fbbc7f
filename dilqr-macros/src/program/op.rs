//! The operations of programs.

use std::fmt;

use super::functions::{Comparison, ElementaryFunction};
use super::vectors::Input;
use crate::syntax::vector_functions::{Entry, FunctionId};

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
    /// Conditions: only conditions and selects read them.
    Compare(Comparison, ValueId, ValueId),
    And(ValueId, ValueId),
    Or(ValueId, ValueId),
    Not(ValueId),
    /// The second where the first holds, the third elsewhere.
    Select(ValueId, ValueId, ValueId),
    /// The arguments of a call: a list before, and one more number. It is no number, and only lists and calls read it.
    List(Option<ValueId>, ValueId),
    /// A vector function at a list. Calls are no numbers: entries and other calls read them.
    Evaluate(FunctionId, ValueId),
    /// A vector function and its Jacobian at a list.
    Expand(FunctionId, ValueId),
    /// The second derivatives at an expansion, contracted with a list of adjoints.
    Contract(FunctionId, ValueId, ValueId),
    /// The gradient in the weights at an expansion, added to an argument. The list holds the adjoints `mu` of the outputs for
    /// `mu' dy/dW`, or `dz`, `mu` and `dmu` for the change of that along `dz` and `dmu`.
    AddWeights(FunctionId, ValueId, ValueId),
    /// An entry of a call: of the value, then of the Jacobian row by row; or of a contraction, row by row.
    Entry(ValueId, u32),
}

impl Op {
    #[cfg(feature = "symbolica")]
    pub(crate) fn constant(value: f64) -> Self {
        // 0.0 and -0.0 are one constant.
        Self::Constant(if value == 0.0 { 0 } else { value.to_bits() })
    }

    pub(crate) fn operands(&self) -> [Option<ValueId>; 3] {
        match *self {
            Self::Input(_) | Self::Constant(_) => [None, None, None],
            Self::Negate(a) | Self::Unary(_, a) | Self::Powf(a, _) | Self::Not(a) => [Some(a), None, None],
            Self::Evaluate(_, a) | Self::Expand(_, a) | Self::Entry(a, _) => [Some(a), None, None],
            Self::List(before, last) => [before, Some(last), None],
            Self::Contract(_, a, b) | Self::AddWeights(_, a, b) => [Some(a), Some(b), None],
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

    /// Whether it is computed: it is neither an input nor a constant.
    pub(crate) fn computes(&self) -> bool {
        !matches!(self, Self::Input(_) | Self::Constant(_))
    }

    /// Whether it is a number or a truth value, which another function of the kernel may read.
    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(..)) && self.function().is_none()
    }

    /// Whether it is a scalar that is computed.
    pub(crate) fn is_computed_scalar(&self) -> bool {
        self.computes() && self.is_scalar()
    }

    /// The vector function that it calls.
    pub(crate) fn function(&self) -> Option<FunctionId> {
        match *self {
            Self::Evaluate(function, _)
            | Self::Expand(function, _)
            | Self::Contract(function, ..)
            | Self::AddWeights(function, ..) => Some(function),
            _ => None,
        }
    }

    /// The place of entry `index` of this call.
    pub(crate) fn entry(&self, index: u32) -> Option<Entry> {
        let (function, index) = (self.function()?, index as usize);
        let (inputs, outputs) = (function.inputs(), function.outputs());
        Some(match self {
            Self::Contract(..) => Entry::Contraction(index / inputs, index % inputs),
            _ if index < outputs => Entry::Value(index),
            _ => Entry::Jacobian((index - outputs) / inputs, (index - outputs) % inputs),
        })
    }

    /// Whether the value is true or false rather than a number.
    pub(crate) fn is_condition(&self) -> bool {
        matches!(self, Self::Compare(..) | Self::And(..) | Self::Or(..) | Self::Not(_))
    }

    /// The same operation with other operands.
    pub(crate) fn map(self, mut rename: impl FnMut(ValueId) -> ValueId) -> Self {
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
            Self::List(before, last) => Self::List(before.map(&mut rename), rename(last)),
            Self::Evaluate(function, a) => Self::Evaluate(function, rename(a)),
            Self::Expand(function, a) => Self::Expand(function, rename(a)),
            Self::Contract(function, a, b) => Self::Contract(function, rename(a), rename(b)),
            Self::AddWeights(function, a, b) => Self::AddWeights(function, rename(a), rename(b)),
            Self::Entry(call, index) => Self::Entry(rename(call), index),
        }
    }
}

/// The operations of a program by kind.
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
