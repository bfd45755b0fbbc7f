//! Arguments and memory of kernels that call vector functions.
//!
//! A kernel gets a reference to each function that it calls. Each call has memory of its own, which the kernel's function
//! declares and all its chunks see.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::context::EmitContext;
use super::vector_types;
use crate::elaborate::elaborated_system::Vectors;
use crate::program::fields::Field;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::op::Op;
use crate::program::program::Program;
use crate::program::signature::{Argument, Record};
use crate::syntax::vector_functions::{FunctionId, FunctionKind, TableInputs, VectorFunction};

/// The argument that holds a vector function.
pub(super) fn argument_name(function: FunctionId) -> Ident {
    format_ident!("__f{}", function.index)
}

/// The memory of the call at a place of the program.
pub(super) fn memory_name(call: usize) -> Ident {
    format_ident!("__n{call}")
}

/// A reference to each vector function in a kernel.
pub(super) fn references(context: &EmitContext<'_>) -> Vec<TokenStream> {
    context.vectors.functions.iter().map(|function| reference(context, function)).collect()
}

fn reference(context: &EmitContext<'_>, function: &VectorFunction) -> TokenStream {
    let name = &function.name;
    match function.kind {
        FunctionKind::Network(_) | FunctionKind::Own => argument_name(function.id).into_token_stream(),
        FunctionKind::Table(TableInputs::Point) => quote!(&#name),
        FunctionKind::Implicit(..) | FunctionKind::Steps(_) => {
            let held: Vec<Ident> = context.held_by(function).into_iter().map(argument_name).collect();
            if held.is_empty() { quote!(&#name) } else { quote!(&#name { #(#held),* }) }
        }
        FunctionKind::Table(TableInputs::ValuesAndPoint) => {
            let name = vector_types::values_of_table(name);
            quote!(&#name)
        }
    }
}

/// The type of a vector function.
pub(super) fn function_type(function: FunctionId, context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let function = context.function(function);
    let name = &function.name;
    match function.kind {
        FunctionKind::Network(_) | FunctionKind::Own => quote!(#name),
        FunctionKind::Implicit(..) | FunctionKind::Steps(_) => {
            // Its memory does not depend on the lifetime of what it holds.
            if context.held_by(function).is_empty() { quote!(#name) } else { quote!(#name<'static>) }
        }
        FunctionKind::Table(TableInputs::Point) => {
            let points = context.points_of_table(function);
            quote!(#runtime::Spline<#points>)
        }
        FunctionKind::Table(TableInputs::ValuesAndPoint) => vector_types::values_of_table(name).into_token_stream(),
    }
}

/// The most numbers that the calls of a kernel have on the stack. A number has up to 64 bytes, so 128 KiB of the 2 MiB that a thread
/// has by default; without optimization values are copied, and kernels of dual numbers and integrators have memory beside it.
const MOST_ON_STACK: usize = 2048;

/// Whether the memory of the calls of networks, of tables and of functions of the user's own is on the stack, in all kernels.
pub(crate) fn memory_on_stack(vectors: &Vectors, kernels: &Kernels) -> bool {
    let numbers = |op: &Op| {
        let Some(function) = op.function() else { return 0 };
        let (inputs, outputs) = (function.inputs(), function.outputs());
        let hidden = match &vectors.functions[usize::from(function.index)].kind {
            FunctionKind::Network(shape) => shape.hidden(),
            FunctionKind::Own | FunctionKind::Table(_) => 0,
            // Their memory has one size.
            FunctionKind::Implicit(..) | FunctionKind::Steps(_) => return 0,
        };
        match op {
            Op::Evaluate(..) => outputs + hidden,
            Op::Expand(..) => inputs + (1 + inputs) * outputs + (3 + inputs) * hidden,
            Op::Contract(..) => inputs * inputs,
            _ => 0,
        }
    };
    kernels.iter().all(|(_, program)| program.ops.iter().map(numbers).sum::<usize>() <= MOST_ON_STACK)
}

/// The memory of a call: its name, its type, and its first value.
pub(super) struct CallMemory {
    pub(super) name: Ident,
    pub(super) ty: TokenStream,
    pub(super) zeros: TokenStream,
}

/// The memory of all calls of a program on a scalar.
pub(super) fn memories(program: &Program, context: &EmitContext<'_>, scalar: &TokenStream) -> Vec<CallMemory> {
    let runtime = context.runtime;
    let zero = quote!(<#scalar as #runtime::Scalar>::from_f64(0.0));
    let calls = program.ops.iter().enumerate().filter_map(|(index, op)| Some((index, op, op.function()?)));
    let memory = calls.filter_map(|(index, op, function)| {
        let (inputs, outputs) = (function.inputs(), function.outputs());
        let of = function_type(function, context);
        let (ty, zeros) = match op {
            Op::Evaluate(..) => (quote!([#scalar; #outputs]), quote!([#zero; #outputs])),
            Op::Contract(..) => {
                let rows = context.stack_rows_of_contractions(context.function(function));
                let buffer = quote!(#runtime::__private::Buffer);
                (
                    quote!(#buffer<[#scalar; #inputs], #rows>),
                    quote!(#buffer::<[#scalar; #inputs], #rows>::filled(#inputs, [#zero; #inputs])),
                )
            }
            Op::Expand(..) => {
                let rows = context.stack_rows(context.function(function));
                let node = quote!(<#of as #runtime::__private::Node<#inputs, #outputs, #rows>>);
                let memory = quote!(#node::Memory<#scalar>);
                (
                    quote!(#runtime::__private::Expansion<#scalar, #inputs, #outputs, #memory, #rows>),
                    quote!(#node::zeros::<#scalar>()),
                )
            }
            _ => return None,
        };
        Some(CallMemory { name: memory_name(index), ty, zeros })
    });
    memory.collect()
}

/// Whether a kernel adds a gradient in weights.
pub(super) fn adds_weights(context: &EmitContext<'_>, kernel: Kernel) -> bool {
    context.kernels[kernel].outputs.iter().any(|(output, _)| output.field == Field::Gw)
}

/// The arguments of a kernel's function: without the gradient in the weights where the kernel adds none.
pub(super) fn arguments(context: &EmitContext<'_>, kernel: Kernel) -> Vec<Argument> {
    let adds = adds_weights(context, kernel);
    kernel.arguments().into_iter().filter(|argument| adds || *argument != Argument::Output(Record::Gw)).collect()
}
