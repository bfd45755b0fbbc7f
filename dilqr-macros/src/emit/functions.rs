//! The functions of a kernel: one, or several that share a scratch array where the program is long.
//!
//! They are generic over the scalar. A function for f64 that is not generic calls them, so that a model is compiled for f64
//! once, in its own crate.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::chunk::KernelBody;
use super::context::EmitContext;
use super::signature::{argument_name, argument_type};
use super::vector_calls::{self, CallMemory};
use crate::program::kernels::Kernel;
use crate::program::signature::Argument;

pub(super) fn functions(context: &EmitContext<'_>, kernel: Kernel) -> TokenStream {
    let (name, target) = (format_ident!("__{}_f64", kernel.name()), format_ident!("__{}_generic", kernel.name()));
    let scalar = quote!(::core::primitive::f64);
    // The record of `linearize` is for f64 only.
    if kernel == Kernel::Linearize {
        let alias = quote!(type __S = #scalar;);
        return bodies(
            context,
            kernel,
            &name,
            &Scalar { name: scalar, generics: quote!(), turbofish: quote!(), alias },
        );
    }
    let parameters = parameters(context, kernel, &scalar);
    let called = context.passed(kernel).into_iter().map(vector_calls::argument_name);
    let arguments = called.chain(vector_calls::arguments(context, kernel).into_iter().map(argument_name));
    let result = result(kernel, &scalar);
    let runtime = context.runtime;
    let any = Scalar {
        name: quote!(__S),
        generics: quote!(<__S: #runtime::Scalar>),
        turbofish: quote!(::<__S>),
        alias: quote!(),
    };
    let generic = bodies(context, kernel, &target, &any);
    quote! {
        fn #name(#(#parameters),*) #result {
            #target::<#scalar>(#(#arguments),*)
        }
        #generic
    }
}

/// The scalar of a function; its body names it `__S`.
struct Scalar {
    name: TokenStream,
    generics: TokenStream,
    turbofish: TokenStream,
    alias: TokenStream,
}

fn parameters(context: &EmitContext<'_>, kernel: Kernel, scalar: &TokenStream) -> Vec<TokenStream> {
    let called = context.passed(kernel).into_iter().map(|function| {
        let (name, ty) = (vector_calls::argument_name(function), vector_calls::function_type(function, context));
        quote!(#name: &#ty)
    });
    let arguments = vector_calls::arguments(context, kernel).into_iter();
    called
        .chain(arguments.map(|argument| {
            let (name, ty) = (argument_name(argument), argument_type(argument, context, scalar, &quote!()));
            quote!(#name: #ty)
        }))
        .collect()
}

fn result(kernel: Kernel, scalar: &TokenStream) -> TokenStream {
    if kernel.returns_cost() { quote!(-> #scalar) } else { quote!() }
}

/// The functions that run the program.
fn bodies(context: &EmitContext<'_>, kernel: Kernel, function: &Ident, scalar: &Scalar) -> TokenStream {
    let runtime = context.runtime;
    let Scalar { name: scalar, generics, turbofish, alias } = scalar;
    let body = KernelBody::new(&context.kernels[kernel], kernel.returns_cost());
    let (parameters, result) = (parameters(context, kernel, scalar), result(kernel, scalar));
    let references = vector_calls::references(context);
    let chunks: Vec<TokenStream> = body.chunks.iter().map(|chunk| chunk.tokens(runtime, &references)).collect();
    let memories = vector_calls::memories(&context.kernels[kernel], context, scalar);
    let declared: Vec<TokenStream> =
        memories.iter().map(|CallMemory { name, zeros, .. }| quote!(let #name = &mut #zeros;)).collect();
    if let [only] = chunks.as_slice() {
        return quote! {
            fn #function #generics(#(#parameters),*) #result {
                #alias
                #(#declared)*
                #only
            }
        };
    }
    let slots = body.slots;
    let names: Vec<Ident> = (0..chunks.len()).map(|index| format_ident!("{function}_{index}")).collect();
    let called = context.passed(kernel).into_iter().map(|function| {
        let name = vector_calls::argument_name(function);
        quote!(#name)
    });
    let arguments = vector_calls::arguments(context, kernel).into_iter().map(reborrow);
    let passed = memories.iter().map(|CallMemory { name, .. }| quote!(&mut *#name));
    let reborrows: Vec<TokenStream> = called.chain(arguments).chain(passed).collect();
    let own_parameters = parameters.clone();
    let parameters: Vec<TokenStream> = parameters
        .into_iter()
        .chain(memories.iter().map(|CallMemory { name, ty, .. }| quote!(#name: &mut #ty)))
        .collect();
    let last = chunks.len() - 1;
    let calls = names.iter().enumerate().map(|(index, name)| {
        let end = if index == last { quote!() } else { quote!(;) };
        quote!(#name #turbofish(#(#reborrows,)* &mut __w) #end)
    });
    let functions = names.iter().zip(&chunks).enumerate().map(|(index, (name, chunk))| {
        let result = if index == last { result.clone() } else { quote!() };
        quote! {
            #[inline(never)]
            fn #name #generics(#(#parameters,)* __w: &mut [#scalar; #slots]) #result {
                #alias
                #chunk
            }
        }
    });
    quote! {
        fn #function #generics(#(#own_parameters),*) #result {
            #alias
            #(#declared)*
            let mut __w = [<__S as #runtime::Scalar>::from_f64(0.0); #slots];
            #(#calls)*
        }
        #(#functions)*
    }
}

/// An argument as it is passed on to one of several functions.
fn reborrow(argument: Argument) -> TokenStream {
    let name = argument_name(argument);
    match argument {
        Argument::Input(_) => quote!(#name),
        Argument::Output(_) => quote!(&mut *#name),
    }
}
