//! Positions in the source, and the accumulator of errors.

use std::collections::HashSet;
use std::fmt::Display;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;

/// A range of the source: its first and its last token, since stable rustc does not join spans.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    first: proc_macro2::Span,
    last: proc_macro2::Span,
}

impl Span {
    /// All of `tokens`.
    pub(crate) fn of(tokens: &impl ToTokens) -> Self {
        let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
        let first = spans.next().unwrap_or_else(proc_macro2::Span::call_site);
        Self { first, last: spans.last().unwrap_or(first) }
    }

    /// From here to the end of `last`.
    pub(crate) fn to(self, last: impl Into<Self>) -> Self {
        Self { first: self.first, last: last.into().last }
    }

    /// Its last token.
    pub(crate) fn end(self) -> Self {
        Self { first: self.last, last: self.last }
    }

    pub(crate) fn error(self, message: impl Display) -> syn::Error {
        // syn takes the two ends of an error from tokens; these are never emitted.
        let ends: TokenStream =
            [self.first, self.last].map(|end| proc_macro2::TokenTree::from(Ident::new("_", end))).into_iter().collect();
        syn::Error::new_spanned(ends, message)
    }
}

impl From<proc_macro2::Span> for Span {
    fn from(span: proc_macro2::Span) -> Self {
        Self { first: span, last: span }
    }
}

/// The errors of a stage. A stage reports all its errors; the driver stops between stages.
#[derive(Default)]
pub(crate) struct Errors {
    list: Vec<syn::Error>,
    seen: HashSet<(String, String)>,
}

impl Errors {
    /// Reports `message` on the tokens of `at`.
    pub(crate) fn at(&mut self, at: impl ToTokens, message: impl Display) {
        self.on(Span::of(&at), message);
    }

    /// Reports `message` on `span`. The same message on the same span is reported once: a function of the module is elaborated
    /// once for each call.
    pub(crate) fn on(&mut self, span: impl Into<Span>, message: impl Display) {
        let span = span.into();
        let message = message.to_string();
        if self.seen.insert((format!("{:?} {:?}", span.first, span.last), message.clone())) {
            self.list.push(span.error(message));
        }
    }

    /// An error of syn.
    pub(crate) fn syn(&mut self, error: syn::Error) {
        self.list.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All errors as one, in the order in which they were reported; `None` without errors.
    pub(crate) fn finish(self) -> Option<syn::Error> {
        self.list.into_iter().reduce(|mut all, next| {
            all.combine(next);
            all
        })
    }
}
