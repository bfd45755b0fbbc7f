//! Arguments of kernels as tokens.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::context::EmitContext;
use crate::program::signature::{Argument, Group, Parameter, RecordType};
use crate::program::vectors::{Dimension, Entries, Vector};

/// The argument that holds a vector.
pub(super) fn input_name(vector: Vector) -> Ident {
    format_ident!("__{}", vector.name())
}

pub(super) fn argument_name(argument: Argument) -> Ident {
    match argument {
        Argument::Input(vector) => input_name(vector),
        Argument::Output(record) => Ident::new(record.name(), Span::call_site()),
    }
}

/// The type of an argument of a kernel's function.
pub(super) fn argument_type(
    argument: Argument,
    context: &EmitContext<'_>,
    scalar: &TokenStream,
    lifetime: &TokenStream,
) -> TokenStream {
    match argument {
        Argument::Input(vector) => {
            let ty = input_type(vector, context, scalar);
            quote!(&#lifetime #ty)
        }
        Argument::Output(record) => {
            let ty = record_type(record.kind(), context, scalar);
            quote!(&#lifetime mut #ty)
        }
    }
}

fn input_type(vector: Vector, context: &EmitContext<'_>, scalar: &TokenStream) -> TokenStream {
    let dimension = match vector.entries() {
        Entries::State => Dimension::Nx,
        Entries::Control => Dimension::Nu,
        Entries::Params => Dimension::Np,
        Entries::StageParams => Dimension::Ns,
        Entries::Constraints => return quote!([#scalar]),
    };
    record_type(RecordType::Vector(dimension), context, scalar)
}

fn record_type(kind: RecordType, context: &EmitContext<'_>, scalar: &TokenStream) -> TokenStream {
    let (runtime, sizes) = (context.runtime, context.sizes);
    match kind {
        RecordType::Vector(length) => {
            let length = sizes.of(length);
            quote!(#runtime::nalgebra::SVector<#scalar, #length>)
        }
        RecordType::Matrix(rows, columns) => {
            let (rows, columns) = (sizes.of(rows), sizes.of(columns));
            quote!(#runtime::nalgebra::SMatrix<#scalar, #rows, #columns>)
        }
        RecordType::Slice => quote!([#scalar]),
        RecordType::Residual(of) => {
            let (unknowns, inputs) = context.equation_sizes(of);
            quote!(#runtime::__private::ResidualExpansion<#scalar, #unknowns, #inputs>)
        }
        RecordType::Values(of) => {
            let (unknowns, _) = context.equation_sizes(of);
            quote!(#runtime::__private::ResidualValues<#scalar, #unknowns>)
        }
        RecordType::Record(module, name, dimensions) => {
            let (module, name) = (Ident::new(module, Span::call_site()), Ident::new(name, Span::call_site()));
            let dimensions = dimensions.iter().map(|&dimension| sizes.of(dimension));
            quote!(#runtime::#module::#name<#scalar, #(#dimensions),*>)
        }
        RecordType::Local(name) => {
            // The record of the lifted model is apart from the user's.
            let hidden = if context.vectors.are_lifted() { "__" } else { "" };
            let name = format_ident!("{hidden}{name}");
            quote!(#name)
        }
    }
}

/// A parameter of a method of `Model`, with its type.
pub(super) fn parameter(parameter: Parameter, context: &EmitContext<'_>, scalar: &TokenStream) -> TokenStream {
    if let Some(Group { parameter, name, sizes, .. }) = parameter.group() {
        let runtime = context.runtime;
        let (parameter, name) = (Ident::new(parameter, Span::call_site()), Ident::new(name, Span::call_site()));
        let sizes = sizes.iter().map(|&dimension| context.sizes.of(dimension));
        return quote!(#parameter: #runtime::model::#name<'_, #scalar, #(#sizes),*>);
    }
    let arguments = parameter.arguments().into_iter().map(|argument| {
        let (name, ty) = (argument_name(argument), argument_type(argument, context, scalar, &quote!()));
        quote!(#name: #ty)
    });
    quote!(#(#arguments),*)
}

/// The arguments of the kernel's function that a parameter holds, of those that it is `passed`.
pub(super) fn arguments_of(parameter: Parameter, passed: &[Argument]) -> Vec<TokenStream> {
    match parameter.group() {
        Some(Group { parameter, fields, .. }) => {
            let parameter = Ident::new(parameter, Span::call_site());
            let fields = fields.iter().filter(|(_, argument)| passed.contains(argument));
            let fields = fields.map(|(field, _)| Ident::new(field, Span::call_site()));
            fields.map(|field| quote!(#parameter.#field)).collect()
        }
        None => {
            let names = parameter.arguments().into_iter().map(argument_name);
            names.map(|name| quote!(#name)).collect()
        }
    }
}
