//! From the graph to the kernels: what takes time, and what Symbolica is needed for.

use crate::differentiate::build_kernels;
use crate::differentiate::build_kernels::Strategies;
use crate::differentiate::symbolica;
use crate::differentiate::tape;
use crate::differentiate::tape::DeriveError;
use crate::elaborate::elaborator::System;
use crate::environment::Environment;
use crate::program::kernels::Kernels;
#[cfg(feature = "symbolica")]
use crate::store::cache::CacheEntry;
use crate::syntax::ast::Model;
use crate::syntax::errors::message;
#[cfg(not(feature = "symbolica"))]
use crate::syntax::errors::vendoring;

/// The kernels of the model with this key, from the cache where it has been derived before.
#[cfg(feature = "symbolica")]
pub(crate) fn kernels(
    model: &Model,
    system: &System,
    key: &str,
    environment: &Environment,
) -> Result<Kernels, syn::Error> {
    let entry = environment.cache.as_deref().map(|folder| match environment.hessian_kernel {
        true => CacheEntry::new(folder, &format!("{key}; hamiltonian_hessian")),
        false => CacheEntry::new(folder, key),
    });
    // Before the queue for Symbolica, so that nobody waits for what is known.
    if let Some(kernels) = entry.as_ref().and_then(|entry| entry.read(&system.vectors)) {
        return Ok(kernels);
    }
    let System { graph, dynamics, stage_cost, terminal_cost, limits, .. } = system;
    let tapes = symbolica::session(|| tape::tapes(graph, dynamics, *stage_cost, *terminal_cost, limits));
    let tapes = tapes.map_err(|error| syn::Error::new(model.module.span(), error))?;
    let tapes = tapes.map_err(|refusal| {
        let (node, message) = match refusal {
            DeriveError::Overflow(node) => (node, message::OVERFLOW),
            DeriveError::Digits(node) => (node, message::DIGITS),
        };
        let name = system.function_of(node, model).map_or(&model.module, |function| &function.name);
        syn::Error::new(name.span(), message)
    })?;
    let mut kernels = build_kernels::build_cheapest(&tapes, system.vectors.sizes());
    if environment.hessian_kernel {
        kernels.hamiltonian_hessian =
            Some(build_kernels::hamiltonian_hessian(Strategies::all(&tapes), system.vectors.sizes()));
    }
    // What is shared by a name meets only here.
    let overflowing: Vec<&str> =
        kernels.named().iter().filter(|(_, program)| !program.is_finite()).map(|(name, _)| *name).collect();
    if !overflowing.is_empty() {
        let function = overflowing.iter().find_map(|kernel| model.function_of_kernel(kernel));
        let name = function.map_or(&model.module, |function| &function.name);
        return Err(syn::Error::new(name.span(), message::OVERFLOW));
    }
    if let Some(entry) = entry {
        entry.write(&kernels, &system.vectors);
    }
    Ok(kernels)
}

/// Without Symbolica nothing can be derived.
#[cfg(not(feature = "symbolica"))]
pub(crate) fn kernels(model: &Model, _: &System, _: &str, _: &Environment) -> Result<Kernels, syn::Error> {
    Err(syn::Error::new(model.module.span(), vendoring::NO_SYMBOLICA))
}
