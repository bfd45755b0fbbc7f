//! The compiler behind `#[dilqr_runtime::model]`. Use it through `dilqr_runtime`, which re-exports it and has the types that
//! generated code needs.
#![warn(missing_docs)]

mod derive;
#[cfg(feature = "symbolica")]
mod differentiate;
mod elaborate;
mod emit;
mod environment;
mod expand;
mod program;
mod store;
mod syntax;
#[cfg(all(test, feature = "symbolica"))]
mod tests;

use environment::Environment;
use syntax::module_kind::ModuleKind;

// The examples use the runtime, so `dilqr-tests` compiles and runs them.
#[cfg_attr(not(doctest), doc = include_str!("../docs/attribute.md"))]
#[proc_macro_attribute]
pub fn model(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let environment = Environment::of_the_process();
    expand::expand_module(ModuleKind::ControlProblem, arguments.into(), item.into(), &environment).into()
}

// As above.
#[cfg_attr(not(doctest), doc = include_str!("../docs/implicit.md"))]
#[proc_macro_attribute]
pub fn implicit(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let environment = Environment::of_the_process();
    expand::expand_module(ModuleKind::ImplicitFunction, arguments.into(), item.into(), &environment).into()
}

// As above.
#[cfg_attr(not(doctest), doc = include_str!("../docs/factor.md"))]
#[proc_macro_attribute]
pub fn factor(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let environment = Environment::of_the_process();
    expand::expand_module(ModuleKind::Factor, arguments.into(), item.into(), &environment).into()
}
