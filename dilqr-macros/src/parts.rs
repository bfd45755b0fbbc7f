//! Programs to statements: a kernel's functions from the inside.
//!
//! A long program is cut into parts, and values cross a cut through a scratch array. A value that is read once has no
//! `let`: it stands where it is read. A product that is read by one sum becomes one multiplication and addition, which the
//! runtime rounds once where the target can.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};

use crate::emit::Argument;
use crate::graph::{Comparison, Function, Input, Vector};
use crate::program::{Field, Op, Output, Program, Value};
use crate::split::{self, STATEMENTS};

/// The most operations of an expression that stands inside another, so that a statement stays one line or two. (Products
/// in sums are exempt, and make it a few more.)
const NESTED: usize = 6;

/// A program cut into parts of bounded length.
pub(crate) struct Body<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    /// Length of the scratch array through which values pass from part to part.
    pub(crate) slots: usize,
}

pub(crate) struct Part<'a> {
    program: &'a Program,
    /// Operations `start..end`, and the outputs to write after each.
    start: usize,
    end: usize,
    outputs: Vec<(usize, Output)>,
    /// The operations among them that stand where they are read.
    nested: Vec<bool>,
    /// What its operations read from elsewhere: inputs, constants, and what earlier parts have left in the scratch array.
    loads: BTreeMap<usize, Load>,
    /// Values stored there, with their slots.
    stores: Vec<(usize, usize)>,
    /// The value returned by the last part.
    result: Option<usize>,
    /// Whether the kernel returns its cost rather than writing it.
    returns: bool,
}

#[derive(Clone, Copy)]
struct Load {
    /// The place in the scratch array, for values of earlier parts.
    slot: Option<usize>,
    /// How often it is read.
    reads: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(program: &'a Program, returns: bool) -> Self {
        let ops = &program.ops;
        let is_result = |output: &Output| returns && output.field == Field::L;
        // Outputs by the operation that makes them.
        let mut outputs: Vec<Vec<Output>> = vec![Vec::new(); ops.len()];
        let mut result = None;
        for (output, value) in &program.outputs {
            if is_result(output) {
                result = Some(value.index());
            } else {
                outputs[value.index()].push(*output);
            }
        }
        let reads = reads(program);
        // A value that stands in very many places is written there in parts of their own, at the end.
        let mut rest: Vec<(usize, Output)> = Vec::new();
        for (index, outputs) in outputs.iter_mut().enumerate() {
            if outputs.len() > STATEMENTS / 4 {
                rest.extend(outputs.drain(STATEMENTS / 4..).map(|output| (index, output)));
            }
        }
        let late: Vec<usize> = rest.iter().map(|&(index, _)| index).chain(result).collect();
        let bounds = split::bounds(program, &nested(program, &reads, |_| false), &outputs, &late);
        let computing = bounds.len().saturating_sub(1).max(1);
        let rest: Vec<&[(usize, Output)]> = rest.chunks(STATEMENTS / 2).collect();
        let count = computing + rest.len();
        let part_of: Vec<usize> =
            (0..ops.len()).map(|index| bounds.partition_point(|&bound| bound <= index) - 1).collect();
        // Values that cross a cut live in a slot from the part that makes them to the last that reads them.
        let mut last_use: Vec<usize> = part_of.clone();
        for (index, op) in ops.iter().enumerate() {
            for operand in op.operands().into_iter().flatten() {
                last_use[operand.index()] = last_use[operand.index()].max(part_of[index]);
            }
        }
        for &value in &late {
            last_use[value] = count - 1;
        }
        let (slot, slots) = split::slots(ops, &part_of, &last_use);
        let mut parts: Vec<Part<'a>> = (0..count)
            .map(|number| Part {
                program,
                start: bounds.get(number).copied().unwrap_or(ops.len()),
                end: bounds.get(number + 1).copied().unwrap_or(ops.len()),
                outputs: Vec::new(),
                nested: Vec::new(),
                loads: BTreeMap::new(),
                stores: Vec::new(),
                result: result.filter(|_| number + 1 == count),
                returns: returns && number + 1 == count,
            })
            .collect();
        let nested = nested(program, &reads, |index| slot[index].is_some());
        for (index, op) in ops.iter().enumerate() {
            let part = &mut parts[part_of[index]];
            part.nested.push(nested[index]);
            part.outputs.extend(outputs[index].iter().map(|output| (index, *output)));
            if let Some(slot) = slot[index] {
                part.stores.push((index, slot));
            }
            for operand in op.operands().into_iter().flatten().map(Value::index) {
                if part_of[operand] != part_of[index] || !ops[operand].computes() {
                    part.load(operand, slot[operand]);
                }
            }
        }
        for (part, outputs) in parts[computing..].iter_mut().zip(rest) {
            part.outputs = outputs.to_vec();
            outputs.iter().for_each(|&(index, _)| part.load(index, slot[index]));
        }
        if let (Some(result), Some(part)) = (result, parts.last_mut())
            && part_of[result] + 1 != count
        {
            part.load(result, slot[result]);
        }
        Self { parts, slots }
    }
}

/// How often each value is read, by operations and outputs.
fn reads(program: &Program) -> Vec<usize> {
    let mut reads = vec![0; program.ops.len()];
    let operands = program.ops.iter().flat_map(|op| op.operands().into_iter().flatten());
    for value in operands.chain(program.outputs.iter().map(|&(_, value)| value)) {
        reads[value.index()] += 1;
    }
    reads
}

/// Which operations stand where they are read: those that are read once, by something of the same part.
fn nested(program: &Program, reads: &[usize], is_stored: impl Fn(usize) -> bool) -> Vec<bool> {
    let ops = &program.ops;
    // Whether what reads a value is a sum.
    let mut summed = vec![false; ops.len()];
    for op in ops {
        for operand in op.operands().into_iter().flatten() {
            summed[operand.index()] = matches!(op, Op::Add(..) | Op::Sub(..));
        }
    }
    let mut nested = vec![false; ops.len()];
    let mut sizes = vec![0_usize; ops.len()];
    for (index, op) in ops.iter().enumerate() {
        let operands = op.operands().into_iter().flatten().map(Value::index);
        sizes[index] = 1 + operands.filter(|&operand| nested[operand]).map(|operand| sizes[operand]).sum::<usize>();
        let fits = sizes[index] <= NESTED || (matches!(op, Op::Mul(..)) && summed[index]);
        // The sine and the cosine of one angle are made together.
        let in_pair = matches!(op, Op::Unary(Function::Sin | Function::Cos, _));
        nested[index] = op.computes() && reads[index] == 1 && !is_stored(index) && fits && !in_pair;
    }
    nested
}

fn local(index: usize) -> Ident {
    format_ident!("__t{index}")
}

/// How tightly an expression holds together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    /// Signs and logic, too.
    Sum,
    Product,
    /// Names, calls.
    Atom,
}

/// What an expression is emitted with.
#[derive(Clone, Copy)]
struct Dialect<'a> {
    runtime: &'a TokenStream,
    for_f64: bool,
}

impl Dialect<'_> {
    fn constant(self, value: f64) -> (TokenStream, Binding) {
        let runtime = self.runtime;
        let magnitude = value.abs();
        let literal = if self.for_f64 { Literal::f64_suffixed(magnitude) } else { Literal::f64_unsuffixed(magnitude) };
        let negative = value.is_sign_negative();
        let literal = if negative { quote!(-#literal) } else { quote!(#literal) };
        match self.for_f64 {
            true if negative => (literal, Binding::Sum),
            true => (literal, Binding::Atom),
            false => (quote!(<__S as #runtime::Scalar>::from_f64(#literal)), Binding::Atom),
        }
    }

    /// An input, a constant, or a value in the scratch array.
    fn source(self, op: Op, slot: Option<usize>) -> (TokenStream, Binding) {
        let tokens = match op {
            Op::Constant(bits) => return self.constant(f64::from_bits(bits)),
            Op::Input(Input { vector, index }) => {
                let name = Argument::of(vector).name();
                let index = index as usize;
                match vector {
                    Vector::Mu | Vector::DMu => quote!(#name[#index]),
                    _ => quote!(#name.data.0[0][#index]),
                }
            }
            _ => quote!(__w[#slot]),
        };
        (tokens, Binding::Atom)
    }

    fn call(self, function: &str, arguments: &[TokenStream]) -> (TokenStream, Binding) {
        let (runtime, function) = (self.runtime, Ident::new(function, Span::call_site()));
        (quote!(<__S as #runtime::Scalar>::#function(#(#arguments),*)), Binding::Atom)
    }
}

impl Part<'_> {
    fn load(&mut self, index: usize, slot: Option<usize>) {
        self.loads.entry(index).or_insert(Load { slot, reads: 0 }).reads += 1;
    }

    fn is_nested(&self, index: usize) -> bool {
        index >= self.start && self.nested[index - self.start]
    }

    /// The `let` of something from elsewhere; None where it stands where it is read, because it is read once. An f64 is
    /// as short as its name, and a condition travels as a number.
    fn loaded(&self, index: usize, dialect: Dialect<'_>) -> Option<TokenStream> {
        let Load { slot, reads } = *self.loads.get(&index)?;
        let op = self.program.ops[index];
        let is_condition = op.is_condition();
        if (reads == 1 && !is_condition) || (dialect.for_f64 && matches!(op, Op::Constant(_))) {
            return None;
        }
        let value = match slot {
            Some(slot) if is_condition => dialect.call("less", &[dialect.constant(0.0).0, quote!(__w[#slot])]).0,
            _ => dialect.source(op, slot).0,
        };
        let local = local(index);
        Some(quote!(let #local = #value;))
    }

    /// A value where it is read.
    fn value(&self, value: Value, dialect: Dialect<'_>) -> (TokenStream, Binding) {
        let index = value.index();
        let op = self.program.ops[index];
        if op.computes() && self.is_nested(index) {
            return self.expression(op, dialect);
        }
        let slot = self.loads.get(&index).and_then(|load| load.slot);
        if self.loaded(index, dialect).is_some() || (op.computes() && slot.is_none()) {
            return (local(index).into_token_stream(), Binding::Atom);
        }
        dialect.source(op, slot)
    }

    /// A value as an argument, or the whole right side of a statement.
    fn free(&self, value: Value, dialect: Dialect<'_>) -> TokenStream {
        self.value(value, dialect).0
    }

    /// A value as an operand, in parentheses where it holds together less than `least`.
    fn operand(&self, value: Value, least: Binding, dialect: Dialect<'_>) -> TokenStream {
        let (tokens, binding) = self.value(value, dialect);
        if binding < least { quote!((#tokens)) } else { tokens }
    }

    /// The factors of a product that stands in the sum that reads it.
    fn nested_product(&self, value: Value) -> Option<(Value, Value)> {
        match self.program.ops[value.index()] {
            Op::Mul(a, b) if self.is_nested(value.index()) => Some((a, b)),
            _ => None,
        }
    }

    /// An operation over its operands.
    fn expression(&self, op: Op, dialect: Dialect<'_>) -> (TokenStream, Binding) {
        use Binding::{Atom, Product, Sum};
        let free = |value: Value| self.free(value, dialect);
        let operand = |value: Value, least: Binding| self.operand(value, least, dialect);
        let call = |function: &str, arguments: &[Value]| {
            dialect.call(function, &arguments.iter().map(|&value| free(value)).collect::<Vec<_>>())
        };
        match op {
            Op::Input(_) | Op::Constant(_) => unreachable!("inputs and constants are no operations"),
            Op::Add(a, b) => match (self.nested_product(b), self.nested_product(a)) {
                (Some((x, y)), _) => call("mul_add", &[x, y, a]),
                (None, Some((x, y))) => call("mul_add", &[x, y, b]),
                (None, None) => {
                    let (a, b) = (operand(a, Sum), operand(b, Product));
                    (quote!(#a + #b), Sum)
                }
            },
            Op::Sub(a, b) => match (self.nested_product(b), self.nested_product(a)) {
                (Some((x, y)), _) => call("neg_mul_add", &[x, y, a]),
                (None, Some((x, y))) => call("mul_sub", &[x, y, b]),
                (None, None) => {
                    let (a, b) = (operand(a, Sum), operand(b, Product));
                    (quote!(#a - #b), Sum)
                }
            },
            Op::Mul(a, b) => {
                let (a, b) = (operand(a, Product), operand(b, Atom));
                (quote!(#a * #b), Product)
            }
            Op::Div(a, b) => {
                let (a, b) = (operand(a, Product), operand(b, Atom));
                (quote!(#a / #b), Product)
            }
            Op::Negate(a) => {
                let a = operand(a, Atom);
                (quote!(-#a), Sum)
            }
            Op::Unary(function, a) => call(function.name(), &[a]),
            Op::Binary(function, a, b) => call(function.name(), &[a, b]),
            Op::Powf(a, exponent) => {
                let exponent = f64::from_bits(exponent);
                dialect.call("powf", &[free(a), quote!(#exponent)])
            }
            Op::Compare(Comparison::Less, a, b) => call("less", &[a, b]),
            Op::Compare(Comparison::LessEqual, a, b) => call("less_equal", &[a, b]),
            Op::Compare(Comparison::Equal, a, b) => call("equal", &[a, b]),
            Op::And(a, b) => {
                let (a, b) = (operand(a, Atom), operand(b, Atom));
                (quote!(#a & #b), Sum)
            }
            Op::Or(a, b) => {
                let (a, b) = (operand(a, Atom), operand(b, Atom));
                (quote!(#a | #b), Sum)
            }
            Op::Not(a) => {
                let a = operand(a, Atom);
                (quote!(!#a), Sum)
            }
            Op::Select(condition, a, b) => call("select", &[condition, a, b]),
        }
    }

    pub(crate) fn tokens(&self, runtime: &TokenStream, for_f64: bool) -> TokenStream {
        let dialect = Dialect { runtime, for_f64 };
        let number = |value: f64| dialect.constant(value).0;
        let mut statements = Vec::new();
        let mut waiting = self.loads.clone();
        let mut outputs = self.outputs.iter().peekable();
        let mut stores = self.stores.iter().peekable();
        let mut done = self.nested.clone();
        for index in self.start..self.end {
            if !done[index - self.start] {
                self.bring(index, &mut waiting, dialect, &mut statements);
                statements.extend(self.statement(index, &mut done, dialect));
            }
            while let Some((_, output)) = outputs.next_if(|(of, _)| *of == index) {
                self.bring(index, &mut waiting, dialect, &mut statements);
                statements.push(write(*output, &self.free(Value::at(index), dialect)));
            }
            while let Some((_, slot)) = stores.next_if(|(of, _)| *of == index) {
                let local = local(index);
                statements.push(if self.program.ops[index].is_condition() {
                    let (value, _) = dialect.call("select", &[quote!(#local), number(1.0), number(0.0)]);
                    quote!(__w[#slot] = #value;)
                } else {
                    quote!(__w[#slot] = #local;)
                });
            }
        }
        for &(index, output) in outputs {
            self.bring(index, &mut waiting, dialect, &mut statements);
            statements.push(write(output, &self.free(Value::at(index), dialect)));
        }
        if self.returns {
            let result = self.result.map(|result| {
                self.bring(result, &mut waiting, dialect, &mut statements);
                self.free(Value::at(result), dialect)
            });
            statements.push(result.unwrap_or_else(|| number(0.0)));
        }
        quote!(#(#statements)*)
    }

    /// Adds the `let`s of what an expression reads from elsewhere and has not been read before: a compiler that is given
    /// them all at the start keeps them all, on the stack.
    fn bring(
        &self,
        index: usize,
        waiting: &mut BTreeMap<usize, Load>,
        dialect: Dialect<'_>,
        statements: &mut Vec<TokenStream>,
    ) {
        if waiting.remove(&index).is_some() {
            statements.extend(self.loaded(index, dialect));
            return;
        }
        for operand in self.program.ops[index].operands().into_iter().flatten().map(Value::index) {
            if self.is_nested(operand) || waiting.contains_key(&operand) {
                self.bring(operand, waiting, dialect, statements);
            }
        }
    }

    /// The `let` of one operation, and of its partner where sine and cosine of one angle are both wanted.
    fn statement(&self, index: usize, done: &mut [bool], dialect: Dialect<'_>) -> Option<TokenStream> {
        let name = local(index);
        let op = self.program.ops[index];
        if !op.computes() {
            return None;
        }
        if let Op::Unary(function @ (Function::Sin | Function::Cos), a) = op {
            let partner = if function == Function::Sin { Function::Cos } else { Function::Sin };
            if let Some(partner) = self.find(Op::Unary(partner, a), index) {
                done[partner - self.start] = true;
                let other = local(partner);
                let (sin, cos) = if function == Function::Sin { (name, other) } else { (other, name) };
                let (both, _) = dialect.call("sin_cos", &[self.free(a, dialect)]);
                return Some(quote!(let (#sin, #cos) = #both;));
            }
        }
        let (value, _) = self.expression(op, dialect);
        Some(quote!(let #name = #value;))
    }

    /// A later operation of this part.
    fn find(&self, op: Op, after: usize) -> Option<usize> {
        (after + 1..self.end).find(|&index| self.program.ops[index] == op)
    }
}

/// The statement that writes an output into its record.
fn write(output: Output, value: &TokenStream) -> TokenStream {
    let (row, column) = (output.row as usize, output.column as usize);
    let field = match output.field {
        Field::F => quote!(f),
        Field::Fx => quote!(fx),
        Field::Fu => quote!(fu),
        Field::Fp => quote!(fp),
        Field::L => return quote!(__out.l = #value;),
        Field::Lx => quote!(lx),
        Field::Lu => quote!(lu),
        Field::Lxx => quote!(lxx),
        Field::Lux => quote!(lux),
        Field::Luu => quote!(luu),
        Field::Hxx => quote!(hxx),
        Field::Hux => quote!(hux),
        Field::Huu => quote!(huu),
        Field::Hxp => quote!(hxp),
        Field::Hup => quote!(hup),
        Field::Next | Field::Lxp => return quote!(__out.data.0[#column][#row] = #value;),
        Field::Lower => return quote!(__lower.data.0[#column][#row] = #value;),
        Field::Upper => return quote!(__upper.data.0[#column][#row] = #value;),
        Field::Constraints => return quote!(__c[#row] = #value;),
        Field::C => return quote!(__out.c[#row] = #value;),
        Field::Cx => return quote!(__out.cx[#row].data.0[0][#column] = #value;),
        Field::Cu => return quote!(__out.cu[#row].data.0[0][#column] = #value;),
        Field::Cp => return quote!(__out.cp[#row].data.0[0][#column] = #value;),
        Field::Gp => return quote!(__gp.data.0[0][#row] += #value;),
        Field::Gs => return quote!(__gs.data.0[0][#row] += #value;),
    };
    quote!(__out.#field.data.0[#column][#row] = #value;)
}
