//! Kernels to tokens. Nothing fails here: the model was checked.
//!
//! Generated names do not clash with the user's: paths are full, names begin with two underscores, and items are inside of
//! `const _`. rustc suppresses most lints in code of macros of other crates; the exceptions are allowed by name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::context::EmitContext;
use super::dead_inputs::Unused;
use super::{conversions, factor, implicit, model, public};
use crate::syntax::module_kind::ModuleKind;

/// All items that the macro adds to the module.
pub(crate) fn items(context: &EmitContext<'_>) -> TokenStream {
    let kind = context.vectors.kind;
    let of_control_problem = kind == ModuleKind::ControlProblem;
    let structs = [
        ("State", of_control_problem.then_some(&context.vectors.state)),
        (context.vectors.control_name(), Some(&context.vectors.control)),
        ("Params", Some(&context.vectors.params)),
        ("Design", context.vectors.lift.design.as_ref()),
        ("StageParams", context.vectors.stage_params.as_ref()),
    ];
    let blocks = factor::block_structs(context);
    let structs = structs.into_iter().map(|(name, layout)| (name.to_owned(), layout)).chain(blocks);
    let conversions = structs
        .filter_map(|(name, layout)| layout.map(|layout| conversions::conversions(&name, layout, context.runtime)));
    let public = match kind {
        ModuleKind::ControlProblem => public::items(context),
        ModuleKind::ImplicitFunction => implicit::items(context),
        ModuleKind::Factor => factor::items(context),
    };
    let model = model::implementation(context);
    let warnings = context.unused.iter().map(warning);
    let runtime = context.runtime;
    quote! {
        // Without the standard library the user's functions get `sin` and the like from here. With it, the methods of `f64`
        // itself come first.
        #[allow(unused_imports)]
        use #runtime::Scalar as _;
        #public
        #(#conversions)*
        #model
        #(#warnings)*
    }
}

/// A warning on a field. Macros can raise errors only, but rustc warns of the use of a deprecated field: here a field with
/// the user's name, used at the position of the user's field.
fn warning(unused: &Unused<'_>) -> TokenStream {
    let Unused { field, message, .. } = unused;
    let owner = Ident::new(unused.owner, Span::call_site());
    let mut declared = (*field).clone();
    declared.set_span(Span::call_site());
    let value = quote_spanned!(field.span()=> ());
    quote! {
        const _: () = {
            struct #owner {
                #[deprecated(note = #message)]
                #declared: (),
            }
            let _ = #owner { #field: #value };
        };
    }
}
