//! A chunk of a program as statements.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::chunk::{FunctionChunk, Load};
use super::signature::input_name;
use super::vector_calls;
use crate::program::fields::{Location, Output};
use crate::program::functions::ElementaryFunction;
use crate::program::op::{Op, ValueId};
use crate::program::vectors::{Entries, Input};
use crate::syntax::vector_functions::Entry;

/// How tightly an expression binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    /// Signs and logic, too.
    Sum,
    Product,
    /// Names and calls.
    Atom,
}

/// Emits calls of the functions of `dilqr_runtime::Scalar` on `__S`.
#[derive(Clone, Copy)]
struct ScalarCalls<'a> {
    runtime: &'a TokenStream,
    /// References to the vector functions.
    functions: &'a [TokenStream],
}

fn local(index: usize) -> Ident {
    format_ident!("__t{index}")
}

impl ScalarCalls<'_> {
    fn constant(self, value: f64) -> (TokenStream, Precedence) {
        if value.is_nan() {
            return self.call("from_f64", &[quote!(::core::primitive::f64::NAN)]);
        }
        let literal = Literal::f64_unsuffixed(value.abs());
        let literal = if value.is_sign_negative() { quote!(-#literal) } else { quote!(#literal) };
        self.call("from_f64", &[literal])
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
    pub(super) fn tokens(&self, runtime: &TokenStream, functions: &[TokenStream]) -> TokenStream {
        let scalar = ScalarCalls { runtime, functions };
        let mut statements = Statements { list: Vec::new(), loads: self.loads.clone() };
        let mut outputs = self.outputs.iter().peekable();
        let mut spills = self.spills.iter().peekable();
        let mut done = self.inlined.clone();
        for index in self.start..self.end {
            if !done[index - self.start] {
                self.emit_loads(index, scalar, &mut statements);
                statements.list.extend(self.binding(index, &mut done, scalar));
            }
            while let Some((_, output)) = outputs.next_if(|(of, _)| *of == index) {
                self.emit_write(index, *output, scalar, &mut statements);
            }
            while let Some((_, slot)) = spills.next_if(|(of, _)| *of == index) {
                statements.list.push(self.spill(index, *slot, scalar));
            }
        }
        for &(index, output) in outputs {
            self.emit_write(index, output, scalar, &mut statements);
        }
        if self.returns {
            let result = self.result.map(|result| {
                self.emit_loads(result, scalar, &mut statements);
                self.whole(ValueId::at(result), scalar)
            });
            statements.list.push(result.unwrap_or_else(|| scalar.constant(0.0).0));
        }
        let list = statements.list;
        quote!(#(#list)*)
    }

    /// Emits the `let`s of the values from elsewhere that an expression is the first to read. If all of them were at the
    /// start, the compiler would keep them all on the stack.
    fn emit_loads(&self, index: usize, scalar: ScalarCalls<'_>, statements: &mut Statements) {
        if statements.loads.remove(&index).is_some() {
            statements.list.extend(self.load_binding(index, scalar));
            return;
        }
        for operand in self.program.ops[index].operands().into_iter().flatten().map(ValueId::index) {
            if self.is_inlined(operand) || statements.loads.contains_key(&operand) {
                self.emit_loads(operand, scalar, statements);
            }
        }
    }

    fn emit_write(&self, index: usize, output: Output, scalar: ScalarCalls<'_>, statements: &mut Statements) {
        if output.field.location() == Location::AddedByCall {
            return;
        }
        self.emit_loads(index, scalar, statements);
        statements.list.push(write(output, &self.whole(ValueId::at(index), scalar)));
    }

    /// Conditions are spilled as numbers.
    fn spill(&self, index: usize, slot: usize, scalar: ScalarCalls<'_>) -> TokenStream {
        let local = local(index);
        if self.program.ops[index].is_condition() {
            let (one, zero) = (scalar.constant(1.0).0, scalar.constant(0.0).0);
            let (value, _) = scalar.call("select", &[quote!(#local), one, zero]);
            quote!(__w[#slot] = #value;)
        } else {
            quote!(__w[#slot] = #local;)
        }
    }

    /// The `let` of a value from elsewhere. `None` where the value is inlined, since it is read once.
    fn load_binding(&self, index: usize, scalar: ScalarCalls<'_>) -> Option<TokenStream> {
        let Load { slot, reads } = *self.loads.get(&index)?;
        let op = self.program.ops[index];
        let is_condition = op.is_condition();
        if reads == 1 && !is_condition {
            return None;
        }
        let value = match slot {
            Some(slot) if is_condition => scalar.call("less", &[scalar.constant(0.0).0, quote!(__w[#slot])]).0,
            _ => scalar.leaf(op, slot).0,
        };
        let local = local(index);
        Some(quote!(let #local = #value;))
    }

    /// The `let` of an operation, together with its partner if it is the sine or the cosine of an angle that has both.
    fn binding(&self, index: usize, done: &mut [bool], scalar: ScalarCalls<'_>) -> Option<TokenStream> {
        use ElementaryFunction::{Cos, Sin};
        let name = local(index);
        let op = self.program.ops[index];
        if !op.computes() {
            return None;
        }
        if let Some(call) = self.vector_call(index, scalar) {
            return Some(call);
        }
        if let Op::Unary(function @ (Sin | Cos), a) = op {
            let partner = Op::Unary(if function == Sin { Cos } else { Sin }, a);
            if let Some(partner) = (index + 1..self.end).find(|&later| self.program.ops[later] == partner) {
                done[partner - self.start] = true;
                let other = local(partner);
                let (sin, cos) = if function == Sin { (name, other) } else { (other, name) };
                let (both, _) = scalar.call("sin_cos", &[self.whole(a, scalar)]);
                return Some(quote!(let (#sin, #cos) = #both;));
            }
        }
        let (value, _) = self.expression(op, scalar);
        Some(quote!(let #name = #value;))
    }

    /// A value where it is read.
    fn value(&self, value: ValueId, scalar: ScalarCalls<'_>) -> (TokenStream, Precedence) {
        let index = value.index();
        let op = self.program.ops[index];
        if op.computes() && self.is_inlined(index) {
            return self.expression(op, scalar);
        }
        let slot = self.loads.get(&index).and_then(|load| load.slot);
        if self.load_binding(index, scalar).is_some() || (op.computes() && slot.is_none()) {
            return (local(index).into_token_stream(), Precedence::Atom);
        }
        scalar.leaf(op, slot)
    }

    /// A value as an argument, or as the whole right side of a statement.
    fn whole(&self, value: ValueId, scalar: ScalarCalls<'_>) -> TokenStream {
        self.value(value, scalar).0
    }

    /// A value as an operand, in parentheses where its precedence is below `least`.
    fn operand(&self, value: ValueId, least: Precedence, scalar: ScalarCalls<'_>) -> TokenStream {
        let (tokens, precedence) = self.value(value, scalar);
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
    fn expression(&self, op: Op, scalar: ScalarCalls<'_>) -> (TokenStream, Precedence) {
        use Precedence::{Atom, Product, Sum};
        let operand = |value: ValueId, least: Precedence| self.operand(value, least, scalar);
        let call = |function: &str, arguments: &[ValueId]| {
            scalar.call(function, &arguments.iter().map(|&value| self.whole(value, scalar)).collect::<Vec<_>>())
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
                scalar.call("powf", &[self.whole(a, scalar), quote!(#exponent)])
            }
            Op::Compare(comparison, a, b) => call(comparison.method(), &[a, b]),
            Op::Select(condition, a, b) => call("select", &[condition, a, b]),
            Op::Entry(of, entry) => (self.entry(of, entry), Atom),
            Op::List(..) | Op::Evaluate(..) | Op::Expand(..) | Op::Contract(..) | Op::AddWeights(..) => {
                unreachable!("lists and calls are no expressions")
            }
        }
    }
}

/// Vector functions.
impl FunctionChunk<'_> {
    /// The statement of a call; see [`vector_calls`](super::vector_calls) for the memory that it writes.
    fn vector_call(&self, index: usize, scalar: ScalarCalls<'_>) -> Option<TokenStream> {
        let runtime = scalar.runtime;
        let list = |list: ValueId| -> Vec<TokenStream> {
            self.program.list(list).into_iter().map(|value| self.whole(value, scalar)).collect()
        };
        let memory = |call: usize| vector_calls::memory_name(call);
        let op = self.program.ops[index];
        let function = op.function()?;
        let (name, own) = (&scalar.functions[usize::from(function.index)], memory(index));
        Some(match op {
            Op::Evaluate(_, point) => {
                let point = list(point);
                quote!(*#own = #runtime::VectorFunction::value(#name, &[#(#point),*]);)
            }
            Op::Expand(_, point) => {
                let point = list(point);
                quote! {
                    #own.z = [#(#point),*];
                    #runtime::__private::Node::expand(#name, #own);
                }
            }
            Op::Contract(_, at, adjoints) => {
                let (at, adjoints) = (memory(at.index()), list(adjoints));
                quote!(#runtime::__private::Node::contract(#name, &*#at, &[#(#adjoints),*], #own);)
            }
            Op::AddWeights(_, at, directions) => {
                let (at, directions) = (memory(at.index()), list(directions));
                let std::ops::Range { start, end } = function.weight_range();
                let (inputs, outputs) = (function.inputs(), function.outputs());
                let add = if directions.len() == outputs {
                    quote!(#runtime::__private::Node::add_weight_gradient(#name, &*#at, &[#(#directions),*], __out);)
                } else {
                    let (dz, adjoints) = directions.split_at(inputs);
                    let (mu, dmu) = adjoints.split_at(outputs);
                    quote! {
                        #runtime::__private::Node::add_weight_contraction(
                            #name, &*#at, (&[#(#dz),*], &[#(#mu),*], &[#(#dmu),*]), __out,
                        );
                    }
                };
                // Callers that want no gradient in the weights pass no room for it.
                quote! {
                    if let ::core::option::Option::Some(__out) = __gw.get_mut(#start..#end) {
                        #add
                    }
                }
            }
            _ => return None,
        })
    }

    /// An entry of a call, in its memory.
    fn entry(&self, call: ValueId, entry: u32) -> TokenStream {
        let memory = vector_calls::memory_name(call.index());
        match self.program.ops[call.index()].entry(entry) {
            Some(Entry::Value(index)) if matches!(self.program.ops[call.index()], Op::Evaluate(..)) => {
                quote!(#memory[#index])
            }
            Some(Entry::Value(index)) => quote!(#memory.value[#index]),
            Some(Entry::Jacobian(row, column)) => quote!(#memory.jacobian[#row][#column]),
            Some(Entry::Contraction(row, column)) => quote!(#memory[#row][#column]),
            None => unreachable!("entries are read of calls"),
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
        Location::AddedByCall => quote!(),
    }
}
