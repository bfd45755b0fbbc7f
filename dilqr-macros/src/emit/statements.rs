//! A chunk of a program as statements.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::chunk::{FunctionChunk, Load};
use super::signature::input_name;
use crate::program::fields::{Location, Output};
use crate::program::functions::ElementaryFunction;
use crate::program::op::{Op, ValueId};
use crate::program::vectors::{Entries, Input};

/// How tightly an expression binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    /// Signs and logic, too.
    Sum,
    Product,
    /// Names and calls.
    Atom,
}

/// Whether statements are emitted for f64 or for any scalar.
#[derive(Clone, Copy)]
struct EmitMode<'a> {
    runtime: &'a TokenStream,
    for_f64: bool,
}

fn local(index: usize) -> Ident {
    format_ident!("__t{index}")
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
                let (name, index) = (input_name(vector), index as usize);
                match vector.entries() {
                    Entries::Constraints => quote!(#name[#index]),
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
    pub(super) fn tokens(&self, runtime: &TokenStream, for_f64: bool) -> TokenStream {
        let mode = EmitMode { runtime, for_f64 };
        let mut statements = Statements { list: Vec::new(), loads: self.loads.clone() };
        let mut outputs = self.outputs.iter().peekable();
        let mut spills = self.spills.iter().peekable();
        let mut done = self.inlined.clone();
        for index in self.start..self.end {
            if !done[index - self.start] {
                self.emit_loads(index, mode, &mut statements);
                statements.list.extend(self.binding(index, &mut done, mode));
            }
            while let Some((_, output)) = outputs.next_if(|(of, _)| *of == index) {
                self.emit_write(index, *output, mode, &mut statements);
            }
            while let Some((_, slot)) = spills.next_if(|(of, _)| *of == index) {
                statements.list.push(self.spill(index, *slot, mode));
            }
        }
        for &(index, output) in outputs {
            self.emit_write(index, output, mode, &mut statements);
        }
        if self.returns {
            let result = self.result.map(|result| {
                self.emit_loads(result, mode, &mut statements);
                self.whole(ValueId::at(result), mode)
            });
            statements.list.push(result.unwrap_or_else(|| mode.constant(0.0).0));
        }
        let list = statements.list;
        quote!(#(#list)*)
    }

    /// Emits the `let`s of the values from elsewhere that an expression is the first to read. If all of them were at the
    /// start, the compiler would keep them all on the stack.
    fn emit_loads(&self, index: usize, mode: EmitMode<'_>, statements: &mut Statements) {
        if statements.loads.remove(&index).is_some() {
            statements.list.extend(self.load_binding(index, mode));
            return;
        }
        for operand in self.program.ops[index].operands().into_iter().flatten().map(ValueId::index) {
            if self.is_inlined(operand) || statements.loads.contains_key(&operand) {
                self.emit_loads(operand, mode, statements);
            }
        }
    }

    fn emit_write(&self, index: usize, output: Output, mode: EmitMode<'_>, statements: &mut Statements) {
        self.emit_loads(index, mode, statements);
        statements.list.push(write(output, &self.whole(ValueId::at(index), mode)));
    }

    /// Conditions are spilled as numbers.
    fn spill(&self, index: usize, slot: usize, mode: EmitMode<'_>) -> TokenStream {
        let local = local(index);
        if self.program.ops[index].is_condition() {
            let (one, zero) = (mode.constant(1.0).0, mode.constant(0.0).0);
            let (value, _) = mode.call("select", &[quote!(#local), one, zero]);
            quote!(__w[#slot] = #value;)
        } else {
            quote!(__w[#slot] = #local;)
        }
    }

    /// The `let` of a value from elsewhere. `None` where the value is inlined: it is read once, or it is an f64 constant,
    /// which is as short as a name.
    fn load_binding(&self, index: usize, mode: EmitMode<'_>) -> Option<TokenStream> {
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

    /// The `let` of an operation, together with its partner if it is the sine or the cosine of an angle that has both.
    fn binding(&self, index: usize, done: &mut [bool], mode: EmitMode<'_>) -> Option<TokenStream> {
        use ElementaryFunction::{Cos, Sin};
        let name = local(index);
        let op = self.program.ops[index];
        if !op.computes() {
            return None;
        }
        if let Op::Unary(function @ (Sin | Cos), a) = op {
            let partner = Op::Unary(if function == Sin { Cos } else { Sin }, a);
            if let Some(partner) = (index + 1..self.end).find(|&later| self.program.ops[later] == partner) {
                done[partner - self.start] = true;
                let other = local(partner);
                let (sin, cos) = if function == Sin { (name, other) } else { (other, name) };
                let (both, _) = mode.call("sin_cos", &[self.whole(a, mode)]);
                return Some(quote!(let (#sin, #cos) = #both;));
            }
        }
        let (value, _) = self.expression(op, mode);
        Some(quote!(let #name = #value;))
    }

    /// A value where it is read.
    fn value(&self, value: ValueId, mode: EmitMode<'_>) -> (TokenStream, Precedence) {
        let index = value.index();
        let op = self.program.ops[index];
        if op.computes() && self.is_inlined(index) {
            return self.expression(op, mode);
        }
        let slot = self.loads.get(&index).and_then(|load| load.slot);
        if self.load_binding(index, mode).is_some() || (op.computes() && slot.is_none()) {
            return (local(index).into_token_stream(), Precedence::Atom);
        }
        mode.leaf(op, slot)
    }

    /// A value as an argument, or as the whole right side of a statement.
    fn whole(&self, value: ValueId, mode: EmitMode<'_>) -> TokenStream {
        self.value(value, mode).0
    }

    /// A value as an operand, in parentheses where its precedence is below `least`.
    fn operand(&self, value: ValueId, least: Precedence, mode: EmitMode<'_>) -> TokenStream {
        let (tokens, precedence) = self.value(value, mode);
        if precedence < least { quote!((#tokens)) } else { tokens }
    }

    /// The factors of a product that is inlined in the sum that reads it.
    fn inlined_product(&self, value: ValueId) -> Option<(ValueId, ValueId)> {
        match self.program.ops[value.index()] {
            Op::Mul(a, b) if self.is_inlined(value.index()) => Some((a, b)),
            _ => None,
        }
    }

    /// An operation over its operands.
    fn expression(&self, op: Op, mode: EmitMode<'_>) -> (TokenStream, Precedence) {
        use Precedence::{Atom, Product, Sum};
        let operand = |value: ValueId, least: Precedence| self.operand(value, least, mode);
        let call = |function: &str, arguments: &[ValueId]| {
            mode.call(function, &arguments.iter().map(|&value| self.whole(value, mode)).collect::<Vec<_>>())
        };
        match op {
            Op::Input(_) | Op::Constant(_) => unreachable!("inputs and constants are no operations"),
            Op::Add(a, b) => match (self.inlined_product(b), self.inlined_product(a)) {
                (Some((x, y)), _) => call("mul_add", &[x, y, a]),
                (None, Some((x, y))) => call("mul_add", &[x, y, b]),
                (None, None) => infix(operand(a, Sum), quote!(+), operand(b, Product), Sum),
            },
            Op::Sub(a, b) => match (self.inlined_product(b), self.inlined_product(a)) {
                (Some((x, y)), _) => call("neg_mul_add", &[x, y, a]),
                (None, Some((x, y))) => call("mul_sub", &[x, y, b]),
                (None, None) => infix(operand(a, Sum), quote!(-), operand(b, Product), Sum),
            },
            Op::Mul(a, b) => infix(operand(a, Product), quote!(*), operand(b, Atom), Product),
            Op::Div(a, b) => infix(operand(a, Product), quote!(/), operand(b, Atom), Product),
            Op::And(a, b) => infix(operand(a, Atom), quote!(&), operand(b, Atom), Sum),
            Op::Or(a, b) => infix(operand(a, Atom), quote!(|), operand(b, Atom), Sum),
            Op::Negate(a) => {
                let a = operand(a, Atom);
                (quote!(-#a), Sum)
            }
            Op::Not(a) => {
                let a = operand(a, Atom);
                (quote!(!#a), Sum)
            }
            Op::Unary(function, a) => call(function.name(), &[a]),
            Op::Binary(function, a, b) => call(function.name(), &[a, b]),
            Op::Powf(a, exponent) => {
                let exponent = f64::from_bits(exponent);
                mode.call("powf", &[self.whole(a, mode), quote!(#exponent)])
            }
            Op::Compare(comparison, a, b) => call(comparison.method(), &[a, b]),
            Op::Select(condition, a, b) => call("select", &[condition, a, b]),
        }
    }
}

/// The statements of a chunk as far as they are emitted, and the values from elsewhere that have no `let` yet.
struct Statements {
    list: Vec<TokenStream>,
    loads: BTreeMap<usize, Load>,
}

fn infix(a: TokenStream, sign: TokenStream, b: TokenStream, precedence: Precedence) -> (TokenStream, Precedence) {
    (quote!(#a #sign #b), precedence)
}

/// The statement that writes an output.
fn write(output: Output, value: &TokenStream) -> TokenStream {
    let (row, column) = (output.row as usize, output.column as usize);
    let field = Ident::new(output.field.name(), Span::call_site());
    let argument = |name: &str| Ident::new(name, Span::call_site());
    match output.field.location() {
        Location::Scalar => quote!(__out.#field = #value;),
        Location::Vector | Location::Matrix => quote!(__out.#field.data.0[#column][#row] = #value;),
        Location::List => quote!(__out.#field[#row] = #value;),
        Location::Rows => quote!(__out.#field[#row].data.0[0][#column] = #value;),
        Location::VectorArgument(name) | Location::MatrixArgument(name) => {
            let name = argument(name);
            quote!(#name.data.0[#column][#row] = #value;)
        }
        Location::SliceArgument(name) => {
            let name = argument(name);
            quote!(#name[#row] = #value;)
        }
        Location::SumArgument(name) => {
            let name = argument(name);
            quote!(#name.data.0[0][#row] += #value;)
        }
    }
}
