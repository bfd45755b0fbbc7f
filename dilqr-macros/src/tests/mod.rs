//! Unit tests of the compiler's back end: what the stages hand to one another, without rustc.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod cache;
mod casadi;
mod chain;
mod dead_inputs;
mod emitted;
mod environment;
mod expression_domain;
mod fields;
mod function_length;
mod fuzz;
mod golden;
mod integration;
mod large_inputs;
mod lifted;
mod limits;
mod oracle;
mod outline;
mod properties;
mod random;
mod textual_ir;
mod totality;
mod vector_functions;
mod vendored;

use std::path::PathBuf;

use proc_macro2::TokenStream;

use crate::differentiate::build_kernels::{Strategies, build_kernels};
use crate::differentiate::chain_rule::{HessianStrategy, JacobianStrategy};
use crate::differentiate::lower;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::differentiate::tape::Tape;
use crate::elaborate::elaborated_system::System;
use crate::elaborate::model;
use crate::program::kernels::Kernels;
use crate::syntax::ast::Model;
use crate::syntax::check;
use crate::syntax::errors::Errors;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::parse;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dilqr-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The stages up to the graph.
fn elaborate(source: &str) -> System {
    let module: syn::ItemMod = syn::parse_str(source).unwrap_or_else(|error| panic!("{error} in\n{source}"));
    elaborate_module(&module)
}

/// The same for a model with `initial_state = free`.
fn elaborate_free(source: &str) -> System {
    let module: syn::ItemMod = syn::parse_str(source).unwrap_or_else(|error| panic!("{error} in\n{source}"));
    elaborate_with_start(&module, true)
}

fn elaborate_module(module: &syn::ItemMod) -> System {
    elaborate_with_start(module, false)
}

fn elaborate_with_start(module: &syn::ItemMod, free_start: bool) -> System {
    let mut errors = Errors::default();
    let model = parse::model(module, None, &mut errors);
    let model = Model { free_start, ..model };
    check::model(&model, &mut errors);
    let system = model::system(&model, &mut errors);
    match (system, errors.finish()) {
        (Some(system), None) => system,
        (_, Some(error)) => {
            panic!("{:?}", error.into_iter().map(|error| error.to_string()).collect::<Vec<_>>())
        }
        _ => panic!("no system and no error"),
    }
}

/// The annotated module `name` of a file, and what the attribute is given.
fn module(text: &str, name: &str) -> (syn::ItemMod, TokenStream) {
    let file: syn::File = syn::parse_str(text).unwrap();
    let is_model =
        |attribute: &&syn::Attribute| attribute.path().segments.last().is_some_and(|name| name.ident == "model");
    let module = file.items.into_iter().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == name => Some(module),
        _ => None,
    });
    let module = module.unwrap();
    let attribute = module.attrs.iter().find(is_model).unwrap();
    let arguments = attribute.meta.require_list().map_or_else(|_| TokenStream::new(), |list| list.tokens.clone());
    (module, arguments)
}

/// The annotated module `name` of a file, as far as the graph.
fn elaborate_file(text: &str, name: &str) -> System {
    parse_and_elaborate(text, name).1
}

fn parse_and_elaborate(text: &str, name: &str) -> (Model, System) {
    let (module, arguments) = module(text, name);
    let mut errors = Errors::default();
    let options = parse::options(arguments, ModuleKind::ControlProblem, &mut errors);
    let model = parse::model(&module, options.integration, &mut errors);
    let model = Model { free_start: options.free_start, ..model };
    let system = model::system(&model, &mut errors).unwrap();
    (model, system)
}

/// The stage that uses Symbolica; to be called inside [`with_symbolica_lock`].
fn differentiate(system: &System) -> Vec<Tape> {
    let tapes = lower::tapes(&system.graph, system.outputs());
    tapes.unwrap_or_else(|_| panic!("a constant overflows"))
}

/// Every strategy alone.
fn each_strategy(tapes: &[Tape]) -> Vec<Strategies<'_>> {
    let mut strategies = Vec::new();
    for tapes in tapes.chunks(1) {
        for jacobians in JacobianStrategy::ALL.chunks(1) {
            for hessians in HessianStrategy::ALL.chunks(1) {
                strategies.push(Strategies { tapes, jacobians, hessians });
            }
        }
    }
    strategies
}

/// The stages from the graph to the kernels; to be called inside [`with_symbolica_lock`].
fn derive(system: &System) -> Kernels {
    build_kernels(Strategies::all(&differentiate(system)))
}

/// All stages, with a session of their own.
fn compile(source: &str) -> Kernels {
    with_symbolica_lock(|| derive(&elaborate(source))).unwrap_or_else(|error| panic!("{error}"))
}
