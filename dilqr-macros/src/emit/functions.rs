//! The functions of a kernel: one, or several that share a scratch array where the program is long.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::chunk::KernelBody;
use super::context::EmitContext;
use super::signature::{argument_name, argument_type};
use crate::program::kernels::Kernel;
use crate::program::signature::Argument;

/// The kernel's functions for f64 and for any scalar; `linearize` is for f64 only.
pub(super) fn functions(context: &EmitContext<'_>, kernel: Kernel) -> TokenStream {
    let body = KernelBody::new(&context.kernels[kernel], kernel.returns_cost());
    let for_f64 = version(context, kernel, &body, true);
    let for_any = (kernel != Kernel::Linearize).then(|| version(context, kernel, &body, false));
    quote!(#for_f64 #for_any)
}

/// The functions for f64, or for any scalar. Both have the same text but for constants: `__S` names the scalar in both.
fn version(context: &EmitContext<'_>, kernel: Kernel, body: &KernelBody<'_>, for_f64: bool) -> TokenStream {
    let runtime = context.runtime;
    let scalar = if for_f64 { quote!(::core::primitive::f64) } else { quote!(__S) };
    let suffix = if for_f64 { "f64" } else { "generic" };
    let generics = if for_f64 { quote!() } else { quote!(<__S: #runtime::Scalar>) };
    let alias = for_f64.then(|| {
        quote!(
            type __S = ::core::primitive::f64;
        )
    });
    let result = if kernel.returns_cost() { quote!(-> #scalar) } else { quote!() };
    let function = format_ident!("__{}_{suffix}", kernel.name());
    let arguments = kernel.arguments();
    let parameters: Vec<TokenStream> = arguments
        .iter()
        .map(|&argument| {
            let (name, ty) = (argument_name(argument), argument_type(argument, context, &scalar, &quote!()));
            quote!(#name: #ty)
        })
        .collect();
    let chunks: Vec<TokenStream> = body.chunks.iter().map(|chunk| chunk.tokens(runtime, for_f64)).collect();
    if let [only] = chunks.as_slice() {
        return quote! {
            fn #function #generics (#(#parameters),*) #result {
                #alias
                #only
            }
        };
    }
    let slots = body.slots;
    let names: Vec<Ident> = (0..chunks.len()).map(|index| format_ident!("{function}_{index}")).collect();
    let turbofish = if for_f64 { quote!() } else { quote!(::<__S>) };
    let reborrows: Vec<TokenStream> = arguments.iter().map(|&argument| reborrow(argument)).collect();
    let last = chunks.len() - 1;
    let calls = names.iter().enumerate().map(|(index, name)| {
        let end = if index == last { quote!() } else { quote!(;) };
        quote!(#name #turbofish (#(#reborrows,)* &mut __w) #end)
    });
    let functions = names.iter().zip(&chunks).enumerate().map(|(index, (name, chunk))| {
        let result = if index == last { result.clone() } else { quote!() };
        quote! {
            #[inline(never)]
            fn #name #generics (#(#parameters,)* __w: &mut [#scalar; #slots]) #result {
                #alias
                #chunk
            }
        }
    });
    quote! {
        fn #function #generics (#(#parameters),*) #result {
            #alias
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
