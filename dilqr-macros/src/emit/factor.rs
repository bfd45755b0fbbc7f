//! The items of a factor: its type, the struct of its blocks, and what the graph reads of them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::context::EmitContext;
use super::documentation::documentation;
use super::vector_types;
use crate::elaborate::layout::{FieldLayout, Layout};
use crate::program::vectors::Sizes;
use crate::syntax::module_kind::{BLOCKS, ModuleKind};

/// The public items.
pub(super) fn items(context: &EmitContext<'_>) -> TokenStream {
    let declaration = vector_types::model(context, &documentation(context));
    let blocks = Ident::new(BLOCKS, Span::call_site());
    let summary = format!("The blocks that a factor `{}` holds.", context.module);
    let fields = context.vectors.control.fields.iter().map(|(name, layout)| {
        let of = match layout {
            FieldLayout::Struct(of, _) => of.clone(),
            // Blocks are structs.
            _ => blocks.clone(),
        };
        let summary = format!("The block `{name}`.");
        quote! {
            #[doc = #summary]
            pub #name: #of
        }
    });
    quote! {
        #declaration

        #[doc = #summary]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        pub struct #blocks {
            #(#fields,)*
        }
    }
}

/// The structs of the blocks, each once.
pub(super) fn block_structs<'a>(context: &EmitContext<'a>) -> Vec<(String, Option<&'a Layout>)> {
    let mut structs: Vec<(String, Option<&Layout>)> = Vec::new();
    if context.vectors.kind != ModuleKind::Factor {
        return structs;
    }
    for (_, layout) in &context.vectors.control.fields {
        if let FieldLayout::Struct(name, layout) = layout
            && structs.iter().all(|(known, _)| name != known)
        {
            structs.push((name.to_string(), Some(layout)));
        }
    }
    structs
}

/// The trait beside `Model`.
pub(super) fn implementation(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { runtime, vectors, module, .. } = context;
    let (factor, Sizes { nu, np, .. }) = (context.model_type(), context.sizes);
    let blocks = vectors.control.fields.iter().zip(&vectors.manifolds).map(|((name, layout), manifold)| {
        let (name, length) = (name.to_string(), layout.len());
        let manifold = match manifold {
            Some(manifold) => {
                let variant = Ident::new(manifold.variant(), Span::call_site());
                quote!(#variant)
            }
            None => quote!(Vector { length: #length }),
        };
        quote!(#runtime::graph::FactorBlock { name: #name, manifold: #runtime::graph::Manifold::#manifold })
    });
    let name = module.to_string();
    quote! {
        impl #runtime::graph::Factor<#nu, #np> for #factor {
            const NAME: &'static ::core::primitive::str = #name;
            const BLOCKS: &'static [#runtime::graph::FactorBlock] = &[#(#blocks),*];
        }
    }
}
