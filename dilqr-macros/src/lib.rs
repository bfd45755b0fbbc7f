//! The compiler behind `#[dilqr_runtime::model]`. Use it through `dilqr_runtime`, which re-exports it and holds what the
//! generated code needs.
#![warn(missing_docs)]

mod ast;
mod check;
mod dump;
mod elaborate;
mod emit;
mod errors;
mod expand;
mod graph;
mod parse;
mod partials;
mod program;
mod session;
mod symbolic;
mod tape;
mod term;

/// Compiles a module that describes a system into a model with exact derivatives.
#[proc_macro_attribute]
pub fn model(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(arguments.into(), item.into()).into()
}
