//! Programs to statements: a kernel's functions from the inside.
//!
//! A long program is cut into chunks, and values cross a cut through a scratch array. A value that is read once has no
//! `let`: it stands where it is read. A product that is read by one sum becomes one multiplication and addition, which the
//! runtime rounds once where the target can.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};

use crate::elaborate::graph::{Comparison, ElementaryFunction, Input, Vector};
use crate::emit::items::Argument;
use crate::emit::split::{self, MAX_STATEMENTS};
use crate::program::program::{Field, Op, Output, Program, ValueId};

/// The most operations of an expression that stands inside another, so that a statement stays one line or two. (Products
/// in sums are exempt, and make it a few more.)
const MAX_INLINED: usize = 6;

/// A program cut into chunks of bounded length.
pub(crate) struct KernelBody<'a> {
    pub(crate) chunks: Vec<FunctionChunk<'a>>,
    /// Length of the scratch array through which values pass from chunk to chunk.
    pub(crate) slots: usize,
}

pub(crate) struct FunctionChunk<'a> {
    program: &'a Program,
    /// Operations `start..end`, and the outputs to write after each.
    start: usize,
    end: usize,
    outputs: Vec<(usize, Output)>,
    /// The operations among them that stand where they are read.
    inlined: Vec<bool>,
    /// What its operations read from elsewhere: inputs, constants, and what earlier chunks have left in the scratch array.
    loads: BTreeMap<usize, Load>,
    /// Values stored there, with their slots.
    stores: Vec<(usize, usize)>,
    /// The value returned by the last chunk.
    result: Option<usize>,
    /// Whether the kernel returns its cost rather than writing it.
    returns: bool,
}

#[derive(Clone, Copy)]
struct Load {
    /// The place in the scratch array, for values of earlier chunks.
    slot: Option<usize>,
    /// How often it is read.
    reads: usize,
}

impl<'a> KernelBody<'a> {
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
        // A value that stands in very many places is written there in chunks of their own, at the end.
        let mut rest: Vec<(usize, Output)> = Vec::new();
        for (index, outputs) in outputs.iter_mut().enumerate() {
            if outputs.len() > MAX_STATEMENTS / 4 {
                rest.extend(outputs.drain(MAX_STATEMENTS / 4..).map(|output| (index, output)));
            }
        }
        let returned_at_end: Vec<usize> = rest.iter().map(|&(index, _)| index).chain(result).collect();
        let bounds = split::chunk_boundaries(program, &inlined(program, &reads, |_| false), &outputs, &returned_at_end);
        let computing = bounds.len().saturating_sub(1).max(1);
        let rest: Vec<&[(usize, Output)]> = rest.chunks(MAX_STATEMENTS / 2).collect();
        let count = computing + rest.len();
        let chunk_of: Vec<usize> =
            (0..ops.len()).map(|index| bounds.partition_point(|&bound| bound <= index) - 1).collect();
        // Values that cross a cut live in a slot from the chunk that makes them to the last that reads them.
        let mut last_use: Vec<usize> = chunk_of.clone();
        for (index, op) in ops.iter().enumerate() {
            for operand in op.operands().into_iter().flatten() {
                last_use[operand.index()] = last_use[operand.index()].max(chunk_of[index]);
            }
        }
        for &value in &returned_at_end {
            last_use[value] = count - 1;
        }
        let (slot, slots) = split::spill_slots(ops, &chunk_of, &last_use);
        let mut chunks: Vec<FunctionChunk<'a>> = (0..count)
            .map(|number| FunctionChunk {
                program,
                start: bounds.get(number).copied().unwrap_or(ops.len()),
                end: bounds.get(number + 1).copied().unwrap_or(ops.len()),
                outputs: Vec::new(),
                inlined: Vec::new(),
                loads: BTreeMap::new(),
                stores: Vec::new(),
                result: result.filter(|_| number + 1 == count),
                returns: returns && number + 1 == count,
            })
            .collect();
        let inlined = inlined(program, &reads, |index| slot[index].is_some());
        for (index, op) in ops.iter().enumerate() {
            let chunk = &mut chunks[chunk_of[index]];
            chunk.inlined.push(inlined[index]);
            chunk.outputs.extend(outputs[index].iter().map(|output| (index, *output)));
            if let Some(slot) = slot[index] {
                chunk.stores.push((index, slot));
            }
            for operand in op.operands().into_iter().flatten().map(ValueId::index) {
                if chunk_of[operand] != chunk_of[index] || !ops[operand].computes() {
                    chunk.load(operand, slot[operand]);
                }
            }
        }
        for (chunk, outputs) in chunks[computing..].iter_mut().zip(rest) {
            chunk.outputs = outputs.to_vec();
            outputs.iter().for_each(|&(index, _)| chunk.load(index, slot[index]));
        }
        if let (Some(result), Some(chunk)) = (result, chunks.last_mut())
            && chunk_of[result] + 1 != count
        {
            chunk.load(result, slot[result]);
        }
        Self { chunks, slots }
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

/// Which operations stand where they are read: those that are read once, by something of the same chunk.
fn inlined(program: &Program, reads: &[usize], is_stored: impl Fn(usize) -> bool) -> Vec<bool> {
    let ops = &program.ops;
    // Whether what reads a value is a sum.
    let mut summed = vec![false; ops.len()];
    for op in ops {
        for operand in op.operands().into_iter().flatten() {
            summed[operand.index()] = matches!(op, Op::Add(..) | Op::Sub(..));
        }
    }
    let mut inlined = vec![false; ops.len()];
    let mut sizes = vec![0_usize; ops.len()];
    for (index, op) in ops.iter().enumerate() {
        let operands = op.operands().into_iter().flatten().map(ValueId::index);
        sizes[index] = 1 + operands.filter(|&operand| inlined[operand]).map(|operand| sizes[operand]).sum::<usize>();
        let fits = sizes[index] <= MAX_INLINED || (matches!(op, Op::Mul(..)) && summed[index]);
        // The sine and the cosine of one angle are made together.
        let in_pair = matches!(op, Op::Unary(ElementaryFunction::Sin | ElementaryFunction::Cos, _));
        inlined[index] = op.computes() && reads[index] == 1 && !is_stored(index) && fits && !in_pair;
    }
    inlined
}

fn local(index: usize) -> Ident {
    format_ident!("__t{index}")
}

/// How tightly an expression holds together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    /// Signs and logic, too.
    Sum,
    Product,
    /// Names, calls.
    Atom,
}

/// What an expression is emitted with.
#[derive(Clone, Copy)]
struct EmitMode<'a> {
    runtime: &'a TokenStream,
    for_f64: bool,
}

impl EmitMode<'_> {
    fn constant(self, value: f64) -> (TokenStream, Precedence) {
        let runtime = self.runtime;
        let magnitude = value.abs();
        let literal = if self.for_f64 { Literal::f64_suffixed(magnitude) } else { Literal::f64_unsuffixed(magnitude) };
        let negative = value.is_sign_negative();
        let literal = if negative { quote!(-#literal) } else { quote!(#literal) };
        match self.for_f64 {
            true if negative => (literal, Precedence::Sum),
            true => (literal, Precedence::Atom),
            false => (quote!(<__S as #runtime::Scalar>::from_f64(#literal)), Precedence::Atom),
        }
    }

    /// An input, a constant, or a value in the scratch array.
    fn leaf(self, op: Op, slot: Option<usize>) -> (TokenStream, Precedence) {
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
        (tokens, Precedence::Atom)
    }

    fn call(self, function: &str, arguments: &[TokenStream]) -> (TokenStream, Precedence) {
        let (runtime, function) = (self.runtime, Ident::new(function, Span::call_site()));
        (quote!(<__S as #runtime::Scalar>::#function(#(#arguments),*)), Precedence::Atom)
    }
}

impl FunctionChunk<'_> {
    fn load(&mut self, index: usize, slot: Option<usize>) {
        self.loads.entry(index).or_insert(Load { slot, reads: 0 }).reads += 1;
    }

    fn is_inlined(&self, index: usize) -> bool {
        index >= self.start && self.inlined[index - self.start]
    }

    /// The `let` of something from elsewhere; None where it stands where it is read, because it is read once. An f64 is
    /// as short as its name, and a condition travels as a number.
    fn loaded(&self, index: usize, mode: EmitMode<'_>) -> Option<TokenStream> {
        let Load { slot, reads } = *self.loads.get(&index)?;
        let op = self.program.ops[index];
        let is_condition = op.is_condition();
        if (reads == 1 && !is_condition) || (mode.for_f64 && matches!(op, Op::Constant(_))) {
            return None;
        }
        let value = match slot {
            Some(slot) if is_condition => mode.call("less", &[mode.constant(0.0).0, quote!(__w[#slot])]).0,
            _ => mode.leaf(op, slot).0,
        };
        let local = local(index);
        Some(quote!(let #local = #value;))
    }

    /// A value where it is read.
    fn value(&self, value: ValueId, mode: EmitMode<'_>) -> (TokenStream, Precedence) {
        let index = value.index();
        let op = self.program.ops[index];
        if op.computes() && self.is_inlined(index) {
            return self.expression(op, mode);
        }
        let slot = self.loads.get(&index).and_then(|load| load.slot);
        if self.loaded(index, mode).is_some() || (op.computes() && slot.is_none()) {
            return (local(index).into_token_stream(), Precedence::Atom);
        }
        mode.leaf(op, slot)
    }

    /// A value as an argument, or the whole right side of a statement.
    fn free(&self, value: ValueId, mode: EmitMode<'_>) -> TokenStream {
        self.value(value, mode).0
    }

    /// A value as an operand, in parentheses where it holds together less than `least`.
    fn operand(&self, value: ValueId, least: Precedence, mode: EmitMode<'_>) -> TokenStream {
        let (tokens, precedence) = self.value(value, mode);
        if precedence < least { quote!((#tokens)) } else { tokens }
    }

    /// The factors of a product that stands in the sum that reads it.
    fn inlined_product(&self, value: ValueId) -> Option<(ValueId, ValueId)> {
        match self.program.ops[value.index()] {
            Op::Mul(a, b) if self.is_inlined(value.index()) => Some((a, b)),
            _ => None,
        }
    }

    /// An operation over its operands.
    fn expression(&self, op: Op, mode: EmitMode<'_>) -> (TokenStream, Precedence) {
        use Precedence::{Atom, Product, Sum};
        let free = |value: ValueId| self.free(value, mode);
        let operand = |value: ValueId, least: Precedence| self.operand(value, least, mode);
        let call = |function: &str, arguments: &[ValueId]| {
            mode.call(function, &arguments.iter().map(|&value| free(value)).collect::<Vec<_>>())
        };
        match op {
            Op::Input(_) | Op::Constant(_) => unreachable!("inputs and constants are no operations"),
            Op::Add(a, b) => match (self.inlined_product(b), self.inlined_product(a)) {
                (Some((x, y)), _) => call("mul_add", &[x, y, a]),
                (None, Some((x, y))) => call("mul_add", &[x, y, b]),
                (None, None) => {
                    let (a, b) = (operand(a, Sum), operand(b, Product));
                    (quote!(#a + #b), Sum)
                }
            },
            Op::Sub(a, b) => match (self.inlined_product(b), self.inlined_product(a)) {
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
                mode.call("powf", &[free(a), quote!(#exponent)])
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
        let mode = EmitMode { runtime, for_f64 };
        let number = |value: f64| mode.constant(value).0;
        let mut statements = Vec::new();
        let mut waiting = self.loads.clone();
        let mut outputs = self.outputs.iter().peekable();
        let mut stores = self.stores.iter().peekable();
        let mut done = self.inlined.clone();
        for index in self.start..self.end {
            if !done[index - self.start] {
                self.emit_loads(index, &mut waiting, mode, &mut statements);
                statements.extend(self.statement(index, &mut done, mode));
            }
            while let Some((_, output)) = outputs.next_if(|(of, _)| *of == index) {
                self.emit_loads(index, &mut waiting, mode, &mut statements);
                statements.push(write(*output, &self.free(ValueId::at(index), mode)));
            }
            while let Some((_, slot)) = stores.next_if(|(of, _)| *of == index) {
                let local = local(index);
                statements.push(if self.program.ops[index].is_condition() {
                    let (value, _) = mode.call("select", &[quote!(#local), number(1.0), number(0.0)]);
                    quote!(__w[#slot] = #value;)
                } else {
                    quote!(__w[#slot] = #local;)
                });
            }
        }
        for &(index, output) in outputs {
            self.emit_loads(index, &mut waiting, mode, &mut statements);
            statements.push(write(output, &self.free(ValueId::at(index), mode)));
        }
        if self.returns {
            let result = self.result.map(|result| {
                self.emit_loads(result, &mut waiting, mode, &mut statements);
                self.free(ValueId::at(result), mode)
            });
            statements.push(result.unwrap_or_else(|| number(0.0)));
        }
        quote!(#(#statements)*)
    }

    /// Adds the `let`s of what an expression reads from elsewhere and has not been read before: a compiler that is given
    /// them all at the start keeps them all, on the stack.
    fn emit_loads(
        &self,
        index: usize,
        waiting: &mut BTreeMap<usize, Load>,
        mode: EmitMode<'_>,
        statements: &mut Vec<TokenStream>,
    ) {
        if waiting.remove(&index).is_some() {
            statements.extend(self.loaded(index, mode));
            return;
        }
        for operand in self.program.ops[index].operands().into_iter().flatten().map(ValueId::index) {
            if self.is_inlined(operand) || waiting.contains_key(&operand) {
                self.emit_loads(operand, waiting, mode, statements);
            }
        }
    }

    /// The `let` of one operation, and of its partner where sine and cosine of one angle are both wanted.
    fn statement(&self, index: usize, done: &mut [bool], mode: EmitMode<'_>) -> Option<TokenStream> {
        let name = local(index);
        let op = self.program.ops[index];
        if !op.computes() {
            return None;
        }
        if let Op::Unary(function @ (ElementaryFunction::Sin | ElementaryFunction::Cos), a) = op {
            let partner =
                if function == ElementaryFunction::Sin { ElementaryFunction::Cos } else { ElementaryFunction::Sin };
            if let Some(partner) = self.find(Op::Unary(partner, a), index) {
                done[partner - self.start] = true;
                let other = local(partner);
                let (sin, cos) = if function == ElementaryFunction::Sin { (name, other) } else { (other, name) };
                let (both, _) = mode.call("sin_cos", &[self.free(a, mode)]);
                return Some(quote!(let (#sin, #cos) = #both;));
            }
        }
        let (value, _) = self.expression(op, mode);
        Some(quote!(let #name = #value;))
    }

    /// A later operation of this chunk.
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
