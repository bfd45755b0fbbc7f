//! Changes to the user's own items.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;

use super::vector_types::network_fields;
use crate::syntax::errors::Errors;
use crate::syntax::parse;

/// Removes the attributes of the model language, derives the traits of plain values for the structs, and gives networks their
/// weights.
pub(crate) fn prepare(module: &mut syn::ItemMod, runtime: &TokenStream) {
    // Errors were reported.
    let functions = parse::model(module, None, &mut Errors::default()).vector_functions;
    // The visit is recursive and rarely needed.
    if has_invisible_group(module.to_token_stream()) {
        RestoreParens.visit_item_mod_mut(module);
    }
    let Some((_, items)) = &mut module.content else { return };
    for item in items {
        if let syn::Item::Fn(item) = item {
            item.attrs.retain(|attribute| !attribute.path().is_ident(parse::PENALTY));
        }
        let syn::Item::Struct(item) = item else { continue };
        let own_attributes = parse::VECTOR_FUNCTIONS.iter().chain(&[parse::MANIFOLD]);
        item.attrs.retain(|attribute| !own_attributes.clone().any(|own| attribute.path().is_ident(own)));
        let function = functions.iter().find(|function| function.name == item.ident);
        if let Some(fields) = function.and_then(|function| network_fields(function, runtime)) {
            item.fields = fields;
            item.semi_token = None;
            derive(item, &["Clone", "Debug", "PartialEq"]);
            continue;
        }
        for field in &mut item.fields {
            // Misspelt `bounds` were reported by the parser.
            let is_own = |attribute: &syn::Attribute| {
                let mut own = parse::FIELD_ATTRIBUTES.iter().chain(&[parse::GUESS]);
                own.any(|own| attribute.path().is_ident(own))
            };
            field.attrs.retain(|attribute| !is_own(attribute) && parse::misspelt_bounds(attribute).is_none());
        }
        // Types outside the language were reported; no error about `Copy` is added.
        if !item.fields.iter().all(|field| is_plain(&field.ty)) {
            continue;
        }
        derive(item, &["Clone", "Copy", "Debug", "PartialEq"]);
    }
}

/// Derives those of these traits that the user does not.
fn derive(item: &mut syn::ItemStruct, traits: &[&str]) {
    let derived = derived(&item.attrs);
    let missing = [
        ("Clone", quote!(::core::clone::Clone)),
        ("Copy", quote!(::core::marker::Copy)),
        ("Debug", quote!(::core::fmt::Debug)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
    ];
    let wanted = missing.into_iter().filter(|(name, _)| traits.contains(name));
    let missing = wanted.filter(|(name, _)| !derived.iter().any(|known| known == name));
    let missing: Vec<TokenStream> = missing.map(|(_, path)| path).collect();
    if !missing.is_empty() {
        item.attrs.push(syn::parse_quote!(#[derive(#(#missing),*)]));
    }
}

/// Turns invisible groups into parentheses. An operand that a `macro_rules` macro inserts as `$value` is one term. rustc drops
/// the group in what an attribute returns, and would read `x * $value` with `1.0 + 2.0` as `x * 1.0 + 2.0`.
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

/// Whether a type can consist of numbers: it has no `Vec<..>`, `String` and the like.
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

/// The traits that a struct derives, by the last segments of their paths.
fn derived(attributes: &[syn::Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        // rustc reports an attribute that does not parse.
        let _ = attribute.parse_nested_meta(|meta| {
            names.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    names
}
