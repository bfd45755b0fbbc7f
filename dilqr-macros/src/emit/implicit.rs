//! The items of an implicit function: its type, its solver, and what it seeks.

use proc_macro2::TokenStream;
use quote::quote;

use super::context::EmitContext;
use super::documentation::documentation;
use super::vector_types;
use crate::program::vectors::Sizes;
use crate::syntax::entry_points::Sought;

/// The public items.
pub(super) fn items(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { module, runtime, .. } = context;
    let (function, Sizes { nx, nu, np, .. }) = (context.model_type(), context.sizes);
    let declaration = vector_types::model(context, &documentation(context));
    let solver = format!("The solver of `{module}`.");
    quote! {
        #declaration

        #[doc = #solver]
        pub type Solver = #runtime::implicit::Solver<#function, #nx, #nu, #np>;
    }
}

/// The trait beside `Model`.
pub(super) fn implementation(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let (function, Sizes { nx, nu, np, .. }) = (context.model_type(), context.sizes);
    let engine = match context.vectors.sought {
        Some(Sought::Root | Sought::FixedPoint) => quote!(RootFinder),
        Some(Sought::Minimum) | None => quote!(Minimizer),
    };
    let is_map = (context.vectors.sought == Some(Sought::FixedPoint)).then(|| {
        quote!(
            const IS_MAP: ::core::primitive::bool = true;
        )
    });
    quote! {
        impl #runtime::implicit::ImplicitFunction<#nx, #nu, #np> for #function {
            type Engine = #runtime::implicit::#engine<Self, #nx, #nu, #np>;
            #is_map
        }
    }
}
