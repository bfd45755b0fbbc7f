//! The driver: the stages in order.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::derive;
use crate::elaborate::elaborated_system::{Limits, System};
use crate::elaborate::model as elaborate;
use crate::emit::context::EmitContext;
use crate::emit::vector_calls::memory_on_stack;
use crate::emit::{dead_inputs, dump, items, user_module};
use crate::environment::{Environment, lists};
use crate::program::kernels::Kernels;
use crate::store::fingerprint::fingerprint;
use crate::store::vendored::VendoredFile;
use crate::syntax::ast::{Model, Vendored};
use crate::syntax::errors::Errors;
use crate::syntax::messages::message;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::{check, nesting, parse};

/// Expands `#[model(arguments)] item`.
#[cfg(all(test, feature = "symbolica"))]
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, environment: &Environment) -> TokenStream {
    expand_module(ModuleKind::ControlProblem, arguments, item, environment)
}

/// Expands `item` under the attribute of this kind of modules.
pub(crate) fn expand_module(
    kind: ModuleKind,
    arguments: TokenStream,
    item: TokenStream,
    environment: &Environment,
) -> TokenStream {
    let mut errors = Errors::default();
    if !nesting::is_walkable(item.clone(), &mut errors) | !nesting::is_walkable(arguments.clone(), &mut errors) {
        let errors = errors.finish().map(syn::Error::into_compile_error);
        return quote!(#item #errors);
    }
    let Ok(mut module) = syn::parse2::<syn::ItemMod>(item.clone()) else {
        let expected = match kind {
            ModuleKind::ControlProblem => message::NOT_A_MODULE,
            ModuleKind::ImplicitFunction => message::NOT_AN_IMPLICIT_MODULE,
            ModuleKind::Factor => message::NOT_A_FACTOR_MODULE,
        };
        let error = syn::Error::new_spanned(first_tokens(&item), expected).into_compile_error();
        return quote!(#item #error);
    };
    let runtime = runtime_path(parse::options(arguments.clone(), kind, &mut Errors::default()).runtime.as_ref());
    let (generated, errors) = match compile(kind, arguments.clone(), &module, environment) {
        Ok(generated) => (generated, quote!()),
        // The user's module is still emitted, so that no second wave of errors follows.
        Err(error) => (fallback(kind, arguments, &module), error.into_compile_error()),
    };
    user_module::prepare(&mut module, &runtime);
    let syn::ItemMod { attrs, vis, unsafety, mod_token, ident, content, semi } = &module;
    // Inner attributes (`//!`, `#![allow(..)]`) go back inside of the braces.
    let (outer, inner): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|attribute| matches!(attribute.style, syn::AttrStyle::Outer));
    match content {
        Some((brace, items)) => {
            let mut tokens = quote!(#(#outer)* #vis #unsafety #mod_token #ident);
            // With the user's own braces the module has its position in the source.
            brace.surround(&mut tokens, |body| body.extend(quote!(#(#inner)* #(#items)* #generated)));
            dump::dump(ident, &tokens);
            quote!(#tokens #errors)
        }
        None => quote!(#(#outer)* #vis #unsafety #mod_token #ident #semi #errors),
    }
}

/// parse -> check -> elaborate -> derive, or read -> emit. A stage reports all its errors and ends the expansion. After
/// `elaborate` a model is valid: errors are left in constants beyond f64 and in vendored files.
fn compile(
    kind: ModuleKind,
    arguments: TokenStream,
    module: &syn::ItemMod,
    environment: &Environment,
) -> Result<TokenStream, syn::Error> {
    let mut errors = Errors::default();
    let options = parse::options(arguments, kind, &mut errors);
    let parse::Options { integration, free_start, .. } = options;
    let model = Model { integration, free_start, ..parse::items(module, kind, &mut errors) };
    errors = stop(errors)?;
    check::model(&model, &mut errors);
    errors = stop(errors)?;
    let system = elaborate::system(&model, &mut errors);
    stop(errors)?;
    // Without errors there is a system.
    let Some(system) = system else { return Ok(TokenStream::new()) };

    let fingerprint = fingerprint(module, &options.kernel_tokens);
    let derived = || derive::kernels(&model, &system, &fingerprint, environment);
    let kernels = match &options.vendored {
        None => derived()?,
        Some(file) => {
            let path =
                VendoredFile { file, package: &environment.package, module: &model.module, fingerprint: &fingerprint };
            if lists(&environment.vendor, &model.module) {
                let kernels = derived()?;
                path.write(&kernels, &system.vectors).map_err(|text| file.span.error(text))?;
                kernels
            } else {
                path.read(&system.vectors).map_err(|text| file.span.error(text))?
            }
        }
    };
    let runtime = runtime_path(options.runtime.as_ref());
    Ok(emit(&model, &system, &kernels, options.vendored.as_ref(), &runtime))
}

/// The items that the macro adds to the module.
pub(crate) fn emit(
    model: &Model,
    system: &System,
    kernels: &Kernels,
    vendored: Option<&Vendored>,
    runtime: &TokenStream,
) -> TokenStream {
    let entry_points = model.entry_points().into_iter();
    let consts = model.consts.iter().map(|item| &item.name);
    items::items(&EmitContext {
        module: &model.module,
        runtime,
        vectors: &system.vectors,
        replaced: entry_points.chain(consts).chain(&system.attributes_only_helpers).collect(),
        integrated: model.integration.is_some(),
        limits: &system.limits,
        vendored: vendored.map(|file| file.path.as_str()),
        sizes: system.vectors.sizes(),
        kernels,
        memory_on_stack: memory_on_stack(&system.vectors, kernels),
        unused: &dead_inputs::fields(&system.vectors, kernels),
    })
}

/// The types of a model with errors, over kernels that compute nothing, so that code that uses the model has no further
/// errors. Nothing if the vectors have errors.
fn fallback(kind: ModuleKind, arguments: TokenStream, module: &syn::ItemMod) -> TokenStream {
    let mut reported = Errors::default();
    let parse::Options { runtime, integration, free_start, .. } = parse::options(arguments, kind, &mut reported);
    let model = Model { integration, free_start, ..parse::items(module, kind, &mut reported) };
    let mut errors = Errors::default();
    check::structs(&model, &mut errors);
    // Elaboration takes structs apart: they must be finite and have sizes.
    let vectors = errors.is_empty().then(|| elaborate::vectors(&model, &mut errors)).flatten();
    vectors.map_or_else(TokenStream::new, |vectors| {
        items::items(&EmitContext {
            module: &model.module,
            runtime: &runtime_path(runtime.as_ref()),
            sizes: vectors.sizes(),
            vectors: &vectors,
            replaced: Vec::new(),
            integrated: model.integration.is_some() && model.find_function("dynamics").is_none(),
            limits: &Limits::default(),
            vendored: None,
            kernels: &Kernels::default(),
            memory_on_stack: true,
            unused: &[],
        })
    })
}

fn stop(errors: Errors) -> Result<Errors, syn::Error> {
    if errors.is_empty() { Ok(errors) } else { errors.finish().map_or_else(|| Ok(Errors::default()), Err) }
}

/// The path of the runtime in the user's crate: given, or looked up in the manifest, where it may be renamed.
fn runtime_path(given: Option<&syn::Path>) -> TokenStream {
    if let Some(path) = given {
        return path.to_token_stream();
    }
    match proc_macro_crate::crate_name("dilqr-runtime") {
        Ok(proc_macro_crate::FoundCrate::Name(name)) => {
            let name = proc_macro2::Ident::new(&name, proc_macro2::Span::call_site());
            quote!(::#name)
        }
        // The runtime's own tests and examples, or a build without a manifest.
        _ => quote!(::dilqr_runtime),
    }
}

/// The first tokens of an item without its body, for an error about it.
fn first_tokens(item: &TokenStream) -> TokenStream {
    item.clone().into_iter().take_while(|token| !matches!(token, TokenTree::Group(_))).collect()
}
