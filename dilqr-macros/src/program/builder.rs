//! Builds programs.
//!
//! A [`Builder`] gives every distinct operation one value, so that all outputs of a kernel share common subexpressions. It
//! folds zeros, ones, signs and constants. [`Builder::finish`] keeps the operations that the outputs need.

use rustc_hash::FxHashMap;

use super::fields::Output;
use super::functions::{Comparison, ElementaryFunction};
use super::op::{Op, ValueId};
use super::program::Program;
use super::term::Term;
use super::vectors::Input;

pub(crate) struct Builder {
    pub(super) ops: Vec<Op>,
    pub(super) memo: FxHashMap<Op, ValueId>,
    /// More operations than this are not of interest.
    limit: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self::with_limit(usize::MAX)
    }
}

impl Builder {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { ops: Vec::new(), memo: FxHashMap::default(), limit }
    }

    /// Whether the limit is passed: the program will not be used.
    pub(crate) fn is_full(&self) -> bool {
        self.ops.len() > self.limit
    }

    pub(super) fn push(&mut self, op: Op) -> ValueId {
        if let Some(&value) = self.memo.get(&op) {
            return value;
        }
        let value = ValueId::at(self.ops.len());
        self.ops.push(op);
        self.memo.insert(op, value);
        value
    }

    pub(super) fn op(&self, value: ValueId) -> Op {
        self.ops[value.index()]
    }

    pub(crate) fn input(&mut self, input: Input) -> ValueId {
        self.push(Op::Input(input))
    }

    pub(crate) fn constant(&mut self, value: f64) -> ValueId {
        self.push(Op::constant(value))
    }

    pub(crate) fn constant_value(&self, value: ValueId) -> Option<f64> {
        match self.op(value) {
            Op::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    pub(crate) fn is_zero(&self, value: ValueId) -> bool {
        self.constant_value(value) == Some(0.0)
    }

    pub(crate) fn negate(&mut self, a: ValueId) -> ValueId {
        match self.op(a) {
            Op::Constant(bits) => self.constant(-f64::from_bits(bits)),
            Op::Negate(inner) => inner,
            Op::Sub(left, right) => self.push(Op::Sub(right, left)),
            _ => self.push(Op::Negate(a)),
        }
    }

    /// `(true, x)` where `a` is `-x`.
    fn signed(&self, a: ValueId) -> (bool, ValueId) {
        match self.op(a) {
            Op::Negate(inner) => (true, inner),
            _ => (false, a),
        }
    }

    pub(crate) fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
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

    pub(crate) fn sub(&mut self, a: ValueId, b: ValueId) -> ValueId {
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

    pub(crate) fn mul(&mut self, a: ValueId, b: ValueId) -> ValueId {
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

    /// A value as the product of a constant and another value.
    pub(crate) fn factored(&self, a: ValueId) -> (f64, ValueId) {
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

    /// A constant times a value. Constants come first and are positive: `c (d x)` becomes `(c d) x`.
    fn scale(&mut self, factor: f64, a: ValueId) -> ValueId {
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

    /// `1 / a`, one for all divisions by `a`; [`finish`](Self::finish) turns a reciprocal with one use into a division.
    fn reciprocal(&mut self, a: ValueId) -> ValueId {
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

    fn call(&mut self, function: ElementaryFunction, arguments: &[ValueId]) -> ValueId {
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

    /// A constant power, by products and a root where the exponent is a multiple of one half.
    pub(crate) fn power(&mut self, base: ValueId, exponent: f64) -> ValueId {
        if let Some(base) = self.constant_value(base) {
            return self.constant(base.powf(exponent));
        }
        let halves = exponent * 2.0;
        if halves.fract() != 0.0 || halves.abs() > 2048.0 {
            return self.push(Op::Powf(base, exponent.to_bits()));
        }
        if exponent < 0.0 {
            let inverse = self.reciprocal(base);
            // Powers of the reciprocal, not reciprocals of powers: they share one division. A half power has the reciprocal
            // of the root, which shares the root of the base.
            if exponent.fract() == 0.0 {
                return self.power_of(inverse, (-exponent) as u32);
            }
            let root = self.call(ElementaryFunction::Sqrt, &[base]);
            let root = self.reciprocal(root);
            let whole = self.power_of(inverse, (-exponent) as u32);
            return self.mul(root, whole);
        }
        let whole = self.power_of(base, exponent as u32);
        if exponent.fract() == 0.0 {
            return whole;
        }
        let root = self.call(ElementaryFunction::Sqrt, &[base]);
        self.mul(root, whole)
    }

    /// A natural power by repeated squaring.
    fn power_of(&mut self, base: ValueId, exponent: u32) -> ValueId {
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

    /// The product of the factors, in the order of their values, so that products with the same early factors (parameters,
    /// for example) share operations.
    pub(crate) fn product(&mut self, factors: &[ValueId]) -> ValueId {
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

    /// The sum of the terms: first the positive ones, then the negated ones.
    pub(crate) fn sum(&mut self, terms: &[ValueId]) -> ValueId {
        let mut constant = 0.0;
        let (mut added, mut taken) = (Vec::new(), Vec::new());
        for &term in terms {
            match (self.constant_value(term), self.signed(term)) {
                (Some(value), _) => constant += value,
                (None, (true, term)) => taken.push(term),
                (None, (false, term)) => added.push(term),
            }
        }
        // A term cancels its negation.
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

    /// The sum of terms; a constant factor that all of them have is applied once.
    pub(crate) fn factored_sum(&mut self, terms: &[ValueId]) -> ValueId {
        let parts: Vec<(f64, ValueId)> = terms.iter().map(|&term| self.factored(term)).collect();
        let common = parts.first().map_or(1.0, |(factor, _)| factor.abs());
        if parts.len() < 2 || common == 1.0 || parts.iter().any(|(factor, _)| factor.abs() != common) {
            return self.sum(terms);
        }
        let rest: Vec<ValueId> =
            parts.iter().map(|&(factor, rest)| if factor < 0.0 { self.negate(rest) } else { rest }).collect();
        let sum = self.sum(&rest);
        self.scale(common, sum)
    }

    pub(crate) fn compare(&mut self, comparison: Comparison, a: ValueId, b: ValueId) -> ValueId {
        self.push(Op::Compare(comparison, a, b))
    }

    pub(crate) fn and(&mut self, a: ValueId, b: ValueId) -> ValueId {
        if a == b { a } else { self.push(Op::And(a.min(b), a.max(b))) }
    }

    pub(crate) fn or(&mut self, a: ValueId, b: ValueId) -> ValueId {
        if a == b { a } else { self.push(Op::Or(a.min(b), a.max(b))) }
    }

    pub(crate) fn not(&mut self, a: ValueId) -> ValueId {
        match self.op(a) {
            Op::Not(inner) => inner,
            _ => self.push(Op::Not(a)),
        }
    }

    /// The value of a condition whose comparisons have constant sides.
    fn decided(&self, condition: ValueId) -> Option<bool> {
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
    pub(crate) fn select(&mut self, condition: ValueId, a: ValueId, b: ValueId) -> ValueId {
        if let Op::Not(inner) = self.op(condition) {
            return self.select(inner, b, a);
        }
        let inner = |value: ValueId, first: bool| match self.op(value) {
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

    /// An expression over values.
    pub(crate) fn term(&mut self, term: &Term, atoms: &[ValueId]) -> ValueId {
        match term {
            Term::Constant(value) => self.constant(*value),
            Term::Atom(atom) => atoms[*atom],
            Term::Sum(terms) => {
                let terms: Vec<ValueId> = terms.iter().map(|term| self.term(term, atoms)).collect();
                self.sum(&terms)
            }
            Term::Product(factors) => {
                let factors: Vec<ValueId> = factors.iter().map(|factor| self.term(factor, atoms)).collect();
                self.product(&factors)
            }
            Term::Power(base, exponent) => {
                let base = self.term(base, atoms);
                self.power(base, *exponent)
            }
            Term::Call(function, arguments) => {
                let arguments: Vec<ValueId> = arguments.iter().map(|argument| self.term(argument, atoms)).collect();
                self.call(*function, &arguments)
            }
        }
    }

    /// The program that computes `outputs`.
    pub(crate) fn finish(mut self, mut outputs: Vec<(Output, ValueId)>) -> Program {
        outputs.retain(|&(output, value)| output.field.writes_zeros() || !self.is_zero(value));
        self.fuse(&outputs);
        self.read_values_of_expansions(&outputs);
        Program::scheduled(&self.ops, outputs)
    }

    /// How often the operations that the outputs need use each operation.
    pub(super) fn uses(&self, outputs: &[(Output, ValueId)]) -> Vec<usize> {
        let mut uses = vec![0_usize; self.ops.len()];
        let mut stack: Vec<ValueId> = outputs.iter().map(|&(_, value)| value).collect();
        while let Some(value) = stack.pop() {
            uses[value.index()] += 1;
            if uses[value.index()] == 1 {
                stack.extend(self.ops[value.index()].operands().into_iter().flatten());
            }
        }
        uses
    }

    /// Fuses two operations where the first has no other use: `a * (1 / b)` into `a / b`, and `-(c a)` with a constant `c`
    /// into `(-c) a`.
    fn fuse(&mut self, outputs: &[(Output, ValueId)]) {
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
