//! The size of emitted code: rustc's time grows with it.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};

use super::totality::flatten;

/// What is counted in the emitted items of a model.
#[derive(Default)]
struct Counter {
    functions: usize,
    /// Statements in bodies, at all depths.
    statements: usize,
    /// Types and functions with const arguments, each with its arguments: rustc instantiates them.
    instantiations: BTreeSet<String>,
}

impl VisitMut for Counter {
    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        self.functions += 1;
        visit_mut::visit_signature_mut(self, signature);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        self.statements += block.stmts.len();
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_path_segment_mut(&mut self, segment: &mut syn::PathSegment) {
        if let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
            && arguments.args.iter().any(|argument| matches!(argument, syn::GenericArgument::Const(_)))
        {
            self.instantiations.insert(segment.to_token_stream().to_string());
        }
        visit_mut::visit_path_segment_mut(self, segment);
    }
}

/// A row of the table for the items that the macro adds.
pub(super) fn row(tokens: TokenStream) -> String {
    let mut counter = Counter::default();
    counter.visit_file_mut(&mut syn::parse2(tokens.clone()).unwrap());
    let Counter { functions, statements, instantiations } = counter;
    format!("{functions} | {statements} | {} | {}", instantiations.len(), flatten(tokens).len())
}
