//! The state of parsing.

use quote::ToTokens;

use crate::syntax::ast::{ExprKind, TypeKind};
use crate::syntax::errors::Errors;

/// A recursive descent over syn's tree; the other files of this folder add a method for each kind of node.
pub(super) struct Parser<'a> {
    pub(super) errors: &'a mut Errors,
}

impl Parser<'_> {
    /// Reports an expression outside the language.
    pub(super) fn unknown(&mut self, at: impl ToTokens, message: &str) -> ExprKind {
        self.errors.at(at, message);
        ExprKind::Unknown
    }

    /// Reports a type outside the language.
    pub(super) fn unknown_type(&mut self, at: impl ToTokens, message: &str) -> TypeKind {
        self.errors.at(at, message);
        TypeKind::Unknown
    }
}
