//! Straight-line programs: what a kernel computes, operation by operation.
//!
//! A [`Builder`] gives every distinct operation one value, so common subexpressions are shared over all outputs of a
//! kernel, and folds zeros, ones, signs and constants. [`Builder::finish`] keeps what the outputs need, in an order in
//! which values are used soon after they are made.

use std::collections::HashSet;
use std::{fmt, iter};

use rustc_hash::FxHashMap;

use crate::graph::{Comparison, Function, Input};
use crate::term::Term;

/// Index of an operation of a builder, or of a finished program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Value(u32);

impl Value {
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
    Add(Value, Value),
    Sub(Value, Value),
    Mul(Value, Value),
    Div(Value, Value),
    Negate(Value),
    Unary(Function, Value),
    Binary(Function, Value, Value),
    /// A power with a constant exponent that is neither an integer nor half of one; the exponent's bits.
    Powf(Value, u64),
    /// Conditions; read by conditions and selects only.
    Compare(Comparison, Value, Value),
    And(Value, Value),
    Or(Value, Value),
    Not(Value),
    /// The second where the first holds, the third elsewhere.
    Select(Value, Value, Value),
}

impl Op {
    fn constant(value: f64) -> Self {
        // One zero is enough.
        Self::Constant(if value == 0.0 { 0 } else { value.to_bits() })
    }

    pub(crate) fn operands(&self) -> [Option<Value>; 3] {
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

    fn map(self, mut rename: impl FnMut(Value) -> Value) -> Self {
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
    /// Of a backward stage: the lower half of the value function's Hessian.
    ValueHessian,
    ValueGradient,
    Gain,
    Feedforward,
    Qu,
    Quu,
    /// `D` of the factorisation `L D L'` of `Quu`.
    Pivots,
}

impl Field {
    pub(crate) const ALL: [Self; 33] = [
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
        Self::ValueHessian,
        Self::ValueGradient,
        Self::Gain,
        Self::Feedforward,
        Self::Qu,
        Self::Quu,
        Self::Pivots,
    ];

    /// Whether zeros are written as well, since the place need not hold one before: a bound of 0 stands where an open side
    /// has an infinity.
    fn holds_anything(self) -> bool {
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
            Self::ValueHessian => "value_hessian",
            Self::ValueGradient => "value_gradient",
            Self::Gain => "gain",
            Self::Feedforward => "feedforward",
            Self::Qu => "qu",
            Self::Quu => "quu",
            Self::Pivots => "pivots",
        }
    }
}

pub(crate) struct Builder {
    ops: Vec<Op>,
    memo: FxHashMap<Op, Value>,
    /// The number of operations from which on it is of no interest any more.
    limit: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self::with_limit(usize::MAX)
    }
}

/// A finished kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    /// Operands come before their users.
    pub(crate) ops: Vec<Op>,
    /// In the order in which they are computed; structural zeros do not occur.
    pub(crate) outputs: Vec<(Output, Value)>,
}

impl Builder {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { ops: Vec::new(), memo: FxHashMap::default(), limit }
    }

    /// Whether the limit has been passed: what is built from here on will be thrown away.
    pub(crate) fn is_full(&self) -> bool {
        self.ops.len() > self.limit
    }

    fn push(&mut self, op: Op) -> Value {
        if let Some(&value) = self.memo.get(&op) {
            return value;
        }
        let value = Value(self.ops.len() as u32);
        self.ops.push(op);
        self.memo.insert(op, value);
        value
    }

    fn op(&self, value: Value) -> Op {
        self.ops[value.index()]
    }

    pub(crate) fn input(&mut self, input: Input) -> Value {
        self.push(Op::Input(input))
    }

    pub(crate) fn constant(&mut self, value: f64) -> Value {
        self.push(Op::constant(value))
    }

    pub(crate) fn constant_value(&self, value: Value) -> Option<f64> {
        match self.op(value) {
            Op::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    pub(crate) fn is_zero(&self, value: Value) -> bool {
        self.constant_value(value) == Some(0.0)
    }

    pub(crate) fn negate(&mut self, a: Value) -> Value {
        match self.op(a) {
            Op::Constant(bits) => self.constant(-f64::from_bits(bits)),
            Op::Negate(inner) => inner,
            Op::Sub(left, right) => self.push(Op::Sub(right, left)),
            _ => self.push(Op::Negate(a)),
        }
    }

    /// `(true, x)` where `a` is `-x`.
    fn signed(&self, a: Value) -> (bool, Value) {
        match self.op(a) {
            Op::Negate(inner) => (true, inner),
            _ => (false, a),
        }
    }

    pub(crate) fn add(&mut self, a: Value, b: Value) -> Value {
        if let (Some(x), Some(y)) = (self.constant_value(a), self.constant_value(b)) {
            return self.constant(x + y);
        }
        if self.is_zero(a) {
            return b;
        }
        if self.is_zero(b) {
            return a;
        }
        match (self.signed(a), self.signed(b)) {
            ((false, _), (true, b)) => self.sub(a, b),
            ((true, a), (false, _)) => self.sub(b, a),
            ((true, a), (true, b)) => {
                let sum = self.add(a, b);
                self.negate(sum)
            }
            _ => self.push(Op::Add(a.min(b), a.max(b))),
        }
    }

    pub(crate) fn sub(&mut self, a: Value, b: Value) -> Value {
        if let (Some(x), Some(y)) = (self.constant_value(a), self.constant_value(b)) {
            return self.constant(x - y);
        }
        if self.is_zero(b) {
            return a;
        }
        if self.is_zero(a) {
            return self.negate(b);
        }
        if a == b {
            return self.constant(0.0);
        }
        match (self.signed(a), self.signed(b)) {
            (_, (true, b)) => self.add(a, b),
            ((true, a), _) => {
                let sum = self.add(a, b);
                self.negate(sum)
            }
            _ => self.push(Op::Sub(a, b)),
        }
    }

    pub(crate) fn mul(&mut self, a: Value, b: Value) -> Value {
        match (self.constant_value(a), self.constant_value(b)) {
            (Some(x), Some(y)) => return self.constant(x * y),
            (Some(x), None) => return self.scale(x, b),
            (None, Some(y)) => return self.scale(y, a),
            _ => {}
        }
        match (self.signed(a), self.signed(b)) {
            ((false, _), (false, _)) => self.push(Op::Mul(a.min(b), a.max(b))),
            ((sign_a, a), (sign_b, b)) => {
                let product = self.mul(a, b);
                if sign_a == sign_b { product } else { self.negate(product) }
            }
        }
    }

    /// A value as a constant times another.
    pub(crate) fn factored(&self, a: Value) -> (f64, Value) {
        let (sign, a) = self.signed(a);
        let sign = if sign { -1.0 } else { 1.0 };
        match self.op(a) {
            Op::Mul(left, right) => match self.constant_value(left) {
                Some(factor) => (sign * factor, right),
                None => (sign, a),
            },
            _ => (sign, a),
        }
    }

    /// A constant times a value. Constants gather in front and are positive: `c (d x)` is `(c d) x`.
    fn scale(&mut self, factor: f64, a: Value) -> Value {
        if factor == 0.0 {
            return self.constant(0.0);
        }
        if factor == 1.0 {
            return a;
        }
        if factor < 0.0 {
            let positive = self.scale(-factor, a);
            return self.negate(positive);
        }
        match self.op(a) {
            Op::Negate(inner) => {
                let positive = self.scale(factor, inner);
                self.negate(positive)
            }
            Op::Mul(left, right) => {
                if let Some(inner) = self.constant_value(left) {
                    return self.scale(factor * inner, right);
                }
                let factor = self.constant(factor);
                self.push(Op::Mul(factor, a))
            }
            _ => {
                let factor = self.constant(factor);
                self.push(Op::Mul(factor, a))
            }
        }
    }

    /// `1 / a`, once for every division by `a`; [`finish`](Self::finish) turns a reciprocal with one use into a division.
    fn reciprocal(&mut self, a: Value) -> Value {
        let one = self.constant(1.0);
        match (self.constant_value(a), self.signed(a)) {
            (Some(x), _) => self.constant(x.recip()),
            (None, (true, a)) => {
                let positive = self.push(Op::Div(one, a));
                self.negate(positive)
            }
            (None, (false, _)) => self.push(Op::Div(one, a)),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Value]) -> Value {
        let constants: Option<Vec<f64>> = arguments.iter().map(|&a| self.constant_value(a)).collect();
        if let Some(constants) = constants {
            return self.constant(function.evaluate(&constants));
        }
        match *arguments {
            [a] => self.push(Op::Unary(function, a)),
            [a, b] => self.push(Op::Binary(function, a, b)),
            _ => unreachable!("the functions of the language have one or two arguments"),
        }
    }

    /// `base` to a constant exponent: products and roots where they serve.
    pub(crate) fn power(&mut self, base: Value, exponent: f64) -> Value {
        if let Some(base) = self.constant_value(base) {
            return self.constant(base.powf(exponent));
        }
        let halves = exponent * 2.0;
        if halves.fract() != 0.0 || halves.abs() > 2048.0 {
            return self.push(Op::Powf(base, exponent.to_bits()));
        }
        if exponent < 0.0 {
            let inverse = self.reciprocal(base);
            // Powers of the reciprocal rather than reciprocals of powers: one division serves them all. A half power
            // of it is the reciprocal's root, which shares the root of the base instead.
            if exponent.fract() == 0.0 {
                return self.power_of(inverse, (-exponent) as u32);
            }
            let root = self.call(Function::Sqrt, &[base]);
            let root = self.reciprocal(root);
            let whole = self.power_of(inverse, (-exponent) as u32);
            return self.mul(root, whole);
        }
        let whole = self.power_of(base, exponent as u32);
        if exponent.fract() == 0.0 {
            return whole;
        }
        let root = self.call(Function::Sqrt, &[base]);
        self.mul(root, whole)
    }

    /// A natural power by repeated squaring.
    fn power_of(&mut self, base: Value, exponent: u32) -> Value {
        match exponent {
            0 => self.constant(1.0),
            1 => base,
            _ => {
                let half = self.power_of(base, exponent / 2);
                let square = self.mul(half, half);
                if exponent.is_multiple_of(2) { square } else { self.mul(square, base) }
            }
        }
    }

    /// The product of the factors. They are multiplied in the order in which they were made, so that products which
    /// share their early factors (parameters, say) share the work.
    pub(crate) fn product(&mut self, factors: &[Value]) -> Value {
        let mut constant = 1.0;
        let mut rest = Vec::new();
        for &factor in factors {
            let (sign, factor) = self.signed(factor);
            if sign {
                constant = -constant;
            }
            match self.op(factor) {
                Op::Constant(bits) => constant *= f64::from_bits(bits),
                _ => rest.push(factor),
            }
        }
        rest.sort();
        let product = rest.into_iter().reduce(|a, b| self.mul(a, b));
        match product {
            Some(product) => self.scale(constant, product),
            None => self.constant(constant),
        }
    }

    /// The sum of the terms: first what is added, then what is taken away.
    pub(crate) fn sum(&mut self, terms: &[Value]) -> Value {
        let mut constant = 0.0;
        let (mut added, mut taken) = (Vec::new(), Vec::new());
        for &term in terms {
            match (self.constant_value(term), self.signed(term)) {
                (Some(value), _) => constant += value,
                (None, (true, term)) => taken.push(term),
                (None, (false, term)) => added.push(term),
            }
        }
        // What is both added and taken away cancels.
        taken.retain(|term| match added.iter().position(|other| other == term) {
            Some(position) => {
                added.swap_remove(position);
                false
            }
            None => true,
        });
        added.sort();
        taken.sort();
        let sum = added.into_iter().reduce(|a, b| self.add(a, b));
        let loss = taken.into_iter().reduce(|a, b| self.add(a, b));
        let constant = self.constant(constant);
        match (sum, loss) {
            (Some(sum), Some(loss)) => {
                let sum = self.add(sum, constant);
                self.sub(sum, loss)
            }
            (Some(sum), None) => self.add(sum, constant),
            (None, Some(loss)) => self.sub(constant, loss),
            (None, None) => constant,
        }
    }

    /// The sum of terms that may have a constant factor in common, which is then applied once.
    pub(crate) fn factored_sum(&mut self, terms: &[Value]) -> Value {
        let parts: Vec<(f64, Value)> = terms.iter().map(|&term| self.factored(term)).collect();
        let common = parts.first().map_or(1.0, |(factor, _)| factor.abs());
        if parts.len() < 2 || common == 1.0 || parts.iter().any(|(factor, _)| factor.abs() != common) {
            return self.sum(terms);
        }
        let rest: Vec<Value> =
            parts.iter().map(|&(factor, rest)| if factor < 0.0 { self.negate(rest) } else { rest }).collect();
        let sum = self.sum(&rest);
        self.scale(common, sum)
    }

    pub(crate) fn compare(&mut self, comparison: Comparison, a: Value, b: Value) -> Value {
        self.push(Op::Compare(comparison, a, b))
    }

    pub(crate) fn and(&mut self, a: Value, b: Value) -> Value {
        if a == b { a } else { self.push(Op::And(a.min(b), a.max(b))) }
    }

    pub(crate) fn or(&mut self, a: Value, b: Value) -> Value {
        if a == b { a } else { self.push(Op::Or(a.min(b), a.max(b))) }
    }

    pub(crate) fn not(&mut self, a: Value) -> Value {
        match self.op(a) {
            Op::Not(inner) => inner,
            _ => self.push(Op::Not(a)),
        }
    }

    /// The constant that a condition is, where both sides of its comparison are.
    fn decided(&self, condition: Value) -> Option<bool> {
        match self.op(condition) {
            Op::Compare(comparison, a, b) => {
                Some(comparison.evaluate(self.constant_value(a)?, self.constant_value(b)?))
            }
            Op::Not(a) => self.decided(a).map(|a| !a),
            Op::And(a, b) => match (self.decided(a), self.decided(b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Op::Or(a, b) => match (self.decided(a), self.decided(b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// `a` where the condition holds, `b` elsewhere.
    pub(crate) fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        if let Op::Not(inner) = self.op(condition) {
            return self.select(inner, b, a);
        }
        let inner = |value: Value, first: bool| match self.op(value) {
            Op::Select(same, a, b) if same == condition => {
                if first {
                    a
                } else {
                    b
                }
            }
            _ => value,
        };
        let (a, b) = (inner(a, true), inner(b, false));
        match self.decided(condition) {
            Some(true) => a,
            Some(false) => b,
            None if a == b => a,
            None => self.push(Op::Select(condition, a, b)),
        }
    }

    /// An expression of Symbolica's over values.
    pub(crate) fn term(&mut self, term: &Term, atoms: &[Value]) -> Value {
        match term {
            Term::Constant(value) => self.constant(*value),
            Term::Atom(atom) => atoms[*atom],
            Term::Sum(terms) => {
                let terms: Vec<Value> = terms.iter().map(|term| self.term(term, atoms)).collect();
                self.sum(&terms)
            }
            Term::Product(factors) => {
                let factors: Vec<Value> = factors.iter().map(|factor| self.term(factor, atoms)).collect();
                self.product(&factors)
            }
            Term::Power(base, exponent) => {
                let base = self.term(base, atoms);
                self.power(base, *exponent)
            }
            Term::Call(function, arguments) => {
                let arguments: Vec<Value> = arguments.iter().map(|argument| self.term(argument, atoms)).collect();
                self.call(*function, &arguments)
            }
        }
    }

    /// The program that computes `outputs` and nothing else.
    pub(crate) fn finish(mut self, mut outputs: Vec<(Output, Value)>) -> Program {
        outputs.retain(|&(output, value)| output.field.holds_anything() || !self.is_zero(value));
        self.join(&outputs);
        Program::ordered(&self.ops, outputs)
    }

    /// How often each operation is used by what the outputs need.
    fn uses(&self, outputs: &[(Output, Value)]) -> Vec<usize> {
        let mut uses = vec![0_usize; self.ops.len()];
        let mut stack: Vec<Value> = outputs.iter().map(|&(_, value)| value).collect();
        while let Some(value) = stack.pop() {
            uses[value.index()] += 1;
            if uses[value.index()] == 1 {
                stack.extend(self.ops[value.index()].operands().into_iter().flatten());
            }
        }
        uses
    }

    /// Joins two operations into one where the first serves nothing else: `a * (1 / b)` is `a / b`, and `-(c a)` with a
    /// constant `c` is `(-c) a`.
    fn join(&mut self, outputs: &[(Output, Value)]) {
        let uses = self.uses(outputs);
        for index in 0..uses.len() {
            match self.ops[index] {
                _ if uses[index] == 0 => {}
                Op::Mul(a, b) => {
                    for (numerator, inverse) in [(a, b), (b, a)] {
                        if let Op::Div(one, denominator) = self.op(inverse)
                            && self.constant_value(one) == Some(1.0)
                            && uses[inverse.index()] == 1
                        {
                            self.ops[index] = Op::Div(numerator, denominator);
                            break;
                        }
                    }
                }
                Op::Negate(a) if uses[a.index()] == 1 => {
                    if let Op::Mul(factor, rest) = self.op(a)
                        && let Some(value) = self.constant_value(factor)
                    {
                        let factor = self.constant(-value);
                        self.ops[index] = Op::Mul(factor, rest);
                    }
                }
                _ => {}
            }
        }
    }
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

    /// What `outputs` need of `ops`: depth first from the outputs, so that values die young and registers suffice. The
    /// order depends on what uses what alone, and not on the order of `ops`.
    pub(crate) fn ordered(all: &[Op], mut outputs: Vec<(Output, Value)>) -> Self {
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
                        position[top.index()] = Some(Value(ops.len() as u32));
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
    pub(crate) fn arranged(self) -> Self {
        let orders: [fn(&Output) -> [u32; 3]; 3] = [
            |output| [output.field as u32, output.column, output.row],
            |output| [output.column, output.field as u32, output.row],
            |output| [output.row, output.field as u32, output.column],
        ];
        let others = orders.map(|order| {
            let mut outputs = self.outputs.clone();
            outputs.sort_by_key(|(output, _)| order(output));
            Self::ordered(&self.ops, outputs)
        });
        iter::once(self).chain(others).min_by_key(Self::waiting).unwrap_or_default()
    }

    /// The values that are alive after an operation, summed over all operations.
    fn waiting(&self) -> usize {
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
            let at = |value: Value| values[value.index()];
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
