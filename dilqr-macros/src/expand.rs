//! The driver: the stages in order.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;

use crate::derive;
use crate::elaborate::elaborator;
use crate::elaborate::limits::Limits;
use crate::emit::dump;
use crate::emit::items;
use crate::emit::unused;
use crate::environment::{Environment, lists};
use crate::program::kernels::Kernels;
use crate::store::fingerprint;
use crate::store::vendored;
use crate::syntax::check;
use crate::syntax::errors::{Errors, message};
use crate::syntax::nesting;
use crate::syntax::parse;

/// Expands `#[model(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, environment: &Environment) -> TokenStream {
    let mut errors = Errors::default();
    if !nesting::is_walkable(item.clone(), &mut errors) | !nesting::is_walkable(arguments.clone(), &mut errors) {
        let errors = errors.finish().map(syn::Error::into_compile_error);
        return quote!(#item #errors);
    }
    let Ok(mut module) = syn::parse2::<syn::ItemMod>(item.clone()) else {
        let error = syn::Error::new_spanned(first_tokens(&item), message::NOT_A_MODULE).into_compile_error();
        return quote!(#item #error);
    };
    let (generated, errors) = match compile(arguments.clone(), &module, environment) {
        Ok(generated) => (generated, quote!()),
        // The user's module is still emitted, so that no second wave of errors follows.
        Err(error) => (fallback(arguments, &module), error.into_compile_error()),
    };
    prepare(&mut module);
    let syn::ItemMod { attrs, vis, unsafety, mod_token, ident, content, semi } = &module;
    // Attributes from within the braces (`//!`, `#![allow(..)]`) go back there.
    let (outer, inner): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|attribute| matches!(attribute.style, syn::AttrStyle::Outer));
    match content {
        Some((brace, items)) => {
            let mut tokens = quote!(#(#outer)* #vis #unsafety #mod_token #ident);
            // The user's own braces, so that the module stands where the user wrote it.
            brace.surround(&mut tokens, |body| body.extend(quote!(#(#inner)* #(#items)* #generated)));
            dump::dump(ident, &tokens);
            quote!(#tokens #errors)
        }
        None => quote!(#(#outer)* #vis #unsafety #mod_token #ident #semi #errors),
    }
}

/// parse -> check -> elaborate -> derive, or look up -> emit. A stage reports all its errors and ends the expansion; after
/// `elaborate`, a model is right, and only constants beyond f64 can stop it, or a vendored file that is not its own.
fn compile(
    arguments: TokenStream,
    module: &syn::ItemMod,
    environment: &Environment,
) -> Result<TokenStream, syn::Error> {
    let mut errors = Errors::default();
    let parse::Options { runtime, integration, integration_tokens, vendored } = parse::options(arguments, &mut errors);
    let model = parse::model(module, integration, &mut errors);
    errors = stop(errors)?;
    check::model(&model, &mut errors);
    errors = stop(errors)?;
    let system = elaborator::system(&model, &mut errors);
    stop(errors)?;
    // Without errors there is a system.
    let Some(system) = system else { return Ok(TokenStream::new()) };

    let key = fingerprint::fingerprint(module, &integration_tokens);
    let derived = || derive::kernels(&model, &system, &key, environment);
    let kernels = match &vendored {
        None => derived()?,
        Some(file) => {
            let place =
                vendored::VendoredFile { file, package: &environment.package, module: &model.module, key: &key };
            if lists(&environment.vendor, &model.module) {
                let kernels = derived()?;
                place.write(&kernels, &system.vectors).map_err(|text| file.span.error(text))?;
                kernels
            } else {
                place.read(&system.vectors).map_err(|text| file.span.error(text))?
            }
        }
    };
    Ok(items::items(&items::EmitContext {
        module: &model.module,
        runtime: &runtime_path(runtime.as_ref()),
        vectors: &system.vectors,
        named: model
            .entry_points()
            .into_iter()
            .chain(model.consts.iter().map(|item| &item.name))
            .chain(&system.bounds_only_helpers)
            .collect(),
        integrated: model.integration.is_some(),
        limits: &system.limits,
        vendored: vendored.as_ref().map(|file| file.path.as_str()),
        sizes: system.vectors.sizes(),
        kernels: &kernels,
        unused: &unused::fields(&system.vectors, &kernels),
    }))
}

/// The types of a model that has errors, over kernels that compute nothing: code that uses the model is not reported on
/// top of what is wrong with it. Nothing where the vectors themselves are in doubt.
fn fallback(arguments: TokenStream, module: &syn::ItemMod) -> TokenStream {
    let mut reported = Errors::default();
    let parse::Options { runtime, integration, .. } = parse::options(arguments, &mut reported);
    let model = parse::model(module, integration, &mut reported);
    let mut errors = Errors::default();
    check::structs(&model, &mut errors);
    // Elaboration takes structs apart, which must be finite and have sizes.
    let vectors = errors.is_empty().then(|| elaborator::vectors(&model, &mut errors)).flatten();
    vectors.map_or_else(TokenStream::new, |vectors| {
        items::items(&items::EmitContext {
            module: &model.module,
            runtime: &runtime_path(runtime.as_ref()),
            sizes: vectors.sizes(),
            vectors: &vectors,
            named: Vec::new(),
            integrated: model.integration.is_some() && model.find_function("dynamics").is_none(),
            limits: &Limits::default(),
            vendored: None,
            kernels: &Kernels::default(),
            unused: &[],
        })
    })
}

fn stop(errors: Errors) -> Result<Errors, syn::Error> {
    if errors.is_empty() { Ok(errors) } else { errors.finish().map_or_else(|| Ok(Errors::default()), Err) }
}

/// The runtime as the user's crate calls it: given, or looked up in its manifest, since it may be renamed there.
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

/// What the expansion changes in the user's own items: the model's attributes go, and structs get the traits of plain
/// values.
fn prepare(module: &mut syn::ItemMod) {
    // The visit is recursive, and seldom needed.
    if has_invisible_group(module.to_token_stream()) {
        RestoreParens.visit_item_mod_mut(module);
    }
    let Some((_, items)) = &mut module.content else { return };
    for item in items {
        let syn::Item::Struct(item) = item else { continue };
        for field in &mut item.fields {
            // One that is misspelt has had its message.
            let is_bounds = |attribute: &syn::Attribute| attribute.path().is_ident("bounds");
            field.attrs.retain(|attribute| !is_bounds(attribute) && parse::misspelt_bounds(attribute).is_none());
        }
        // A type outside the language has had its message, and need not be told that it cannot be copied.
        if !item.fields.iter().all(|field| is_plain(&field.ty)) {
            continue;
        }
        let derived = derived(&item.attrs);
        let missing = [
            ("Clone", quote!(::core::clone::Clone)),
            ("Copy", quote!(::core::marker::Copy)),
            ("Debug", quote!(::core::fmt::Debug)),
            ("PartialEq", quote!(::core::cmp::PartialEq)),
        ];
        let missing = missing.into_iter().filter(|(name, _)| !derived.iter().any(|known| known == name));
        let missing: Vec<TokenStream> = missing.map(|(_, path)| path).collect();
        if !missing.is_empty() {
            item.attrs.push(syn::parse_quote!(#[derive(#(#missing),*)]));
        }
    }
}

/// Turns invisible groups into parentheses. An operand that a `macro_rules` macro has put in as `$value` is one term to us,
/// as it is to rustc where no attribute intervenes; but rustc drops the group when it comes back from an attribute, and would
/// read `x * $value` with `1.0 + 2.0` as `x * 1.0 + 2.0`.
struct RestoreParens;

impl VisitMut for RestoreParens {
    fn visit_expr_mut(&mut self, expr: &mut syn::Expr) {
        syn::visit_mut::visit_expr_mut(self, expr);
        match expr {
            syn::Expr::Binary(binary) => {
                parenthesize(&mut binary.left);
                parenthesize(&mut binary.right);
            }
            syn::Expr::Unary(unary) => parenthesize(&mut unary.expr),
            syn::Expr::Reference(reference) => parenthesize(&mut reference.expr),
            syn::Expr::Cast(cast) => parenthesize(&mut cast.expr),
            syn::Expr::MethodCall(call) => parenthesize(&mut call.receiver),
            syn::Expr::Field(field) => parenthesize(&mut field.base),
            syn::Expr::Index(index) => parenthesize(&mut index.expr),
            _ => {}
        }
    }
}

fn parenthesize(operand: &mut syn::Expr) {
    let syn::Expr::Group(group) = operand else { return };
    let span = group.group_token.span;
    let compound = matches!(
        *group.expr,
        syn::Expr::Binary(_)
            | syn::Expr::Unary(_)
            | syn::Expr::Reference(_)
            | syn::Expr::Cast(_)
            | syn::Expr::Range(_)
            | syn::Expr::If(_)
            | syn::Expr::Block(_)
            // A literal before a method may carry a sign.
            | syn::Expr::Lit(_)
    );
    if compound {
        let expr = group.expr.clone();
        *operand = syn::Expr::Paren(syn::ExprParen { attrs: Vec::new(), paren_token: syn::token::Paren(span), expr });
    }
}

fn has_invisible_group(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::None || has_invisible_group(group.stream()),
        _ => false,
    })
}

/// Whether a type can be one of numbers: it is without `Vec<..>`, `String` and the like.
fn is_plain(ty: &syn::Type) -> bool {
    match ty {
        syn::Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.arguments.is_none() && last.ident != "String")
        }
        syn::Type::Array(array) => is_plain(&array.elem),
        syn::Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        syn::Type::Group(group) => is_plain(&group.elem),
        syn::Type::Paren(paren) => is_plain(&paren.elem),
        _ => false,
    }
}

/// The traits that a struct derives already, by their last names.
fn derived(attributes: &[syn::Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        // An attribute that does not parse is rustc's to report.
        let _ = attribute.parse_nested_meta(|meta| {
            names.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    names
}

/// The head of an item, for an error about it: its first few tokens rather than its whole body.
fn first_tokens(item: &TokenStream) -> TokenStream {
    item.clone().into_iter().take_while(|token| !matches!(token, TokenTree::Group(_))).collect()
}
