//! Types and patterns.

use proc_macro2::Ident;

use super::parser::Parser;
use crate::syntax::ast::{Pattern, Type, TypeKind};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Parser<'_> {
    pub(super) fn ty(&mut self, ty: &syn::Type) -> Type {
        let span = Span::of(ty);
        let kind = match ty {
            syn::Type::Reference(reference) => {
                if reference.mutability.is_some() {
                    self.errors.at(reference, message::MUT_REFERENCE);
                }
                return Type { span, ..self.ty(&reference.elem) };
            }
            syn::Type::Paren(inner) => return self.ty(&inner.elem),
            syn::Type::Group(inner) => return self.ty(&inner.elem),
            syn::Type::Array(array) => TypeKind::Array(Box::new(self.ty(&array.elem)), Box::new(self.expr(&array.len))),
            syn::Type::Tuple(tuple) if !tuple.elems.is_empty() => {
                TypeKind::Tuple(tuple.elems.iter().map(|element| self.ty(element)).collect())
            }
            syn::Type::Path(path) if path.qself.is_none() => match type_name(&path.path) {
                Some(name) => match name.to_string().as_str() {
                    "f64" => TypeKind::Float,
                    "usize" | "i32" => TypeKind::Integer,
                    "bool" => TypeKind::Bool,
                    "f32" => self.unknown_type(ty, message::F32),
                    "u8" | "u16" | "u32" | "u64" | "u128" | "i8" | "i16" | "i64" | "i128" | "isize" => {
                        self.unknown_type(ty, message::INTEGER_TYPE)
                    }
                    "char" | "str" | "String" | "Vec" | "Self" => self.unknown_type(ty, message::TYPE),
                    _ => TypeKind::Struct(name.clone()),
                },
                None => self.unknown_type(ty, message::TYPE),
            },
            other => self.unknown_type(other, message::TYPE),
        };
        Type { kind, span }
    }

    /// A pattern; rustc checks `mut`.
    pub(super) fn pattern(&mut self, pattern: &syn::Pat) -> Pattern {
        let mut all = |patterns: &syn::punctuated::Punctuated<syn::Pat, syn::Token![,]>| {
            patterns.iter().map(|element| self.pattern(element)).collect()
        };
        match pattern {
            syn::Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
                Pattern::Name(name.ident.clone())
            }
            syn::Pat::Wild(_) => Pattern::Ignore,
            syn::Pat::Paren(inner) => self.pattern(&inner.pat),
            syn::Pat::Reference(inner) => self.pattern(&inner.pat),
            syn::Pat::Tuple(tuple) => Pattern::Tuple(all(&tuple.elems), Span::of(tuple)),
            syn::Pat::Slice(slice) => Pattern::Array(all(&slice.elems), Span::of(slice)),
            syn::Pat::Struct(pattern) => {
                let mut fields = Vec::new();
                for field in &pattern.fields {
                    match &field.member {
                        syn::Member::Named(name) => fields.push((name.clone(), self.pattern(&field.pat))),
                        syn::Member::Unnamed(index) => self.errors.at(index, message::NOT_NAMED_FIELDS),
                    }
                }
                match type_name(&pattern.path) {
                    Some(name) => Pattern::Struct(name.clone(), fields),
                    None => {
                        let path = segments(&pattern.path).join("::");
                        self.errors.at(&pattern.path, message::unknown_type(&path, []));
                        Pattern::Ignore
                    }
                }
            }
            other => {
                self.errors.at(other, message::PATTERN);
                Pattern::Ignore
            }
        }
    }
}

/// The name of a type that is written as one segment, or as `self::Name` or `core::primitive::name`.
pub(super) fn type_name(path: &syn::Path) -> Option<&Ident> {
    let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let plain = path.segments.iter().all(|segment| segment.arguments.is_none());
    let known = matches!(segments.as_slice(), [_] | ["self", _] | ["core" | "std", "primitive", _]);
    if known && plain { path.segments.last().map(|segment| &segment.ident) } else { None }
}

/// The names of a path.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}
