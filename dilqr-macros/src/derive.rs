//! The kernels of a model, from the cache or by deriving them: the slow stage, and the only one that needs Symbolica.

use crate::elaborate::elaborated_system::System;
use crate::environment::Environment;
use crate::program::kernels::Kernels;
use crate::syntax::ast::Model;

/// Without Symbolica no model can be derived.
#[cfg(not(feature = "symbolica"))]
pub(crate) fn kernels(model: &Model, _: &System, _: &str, _: &Environment) -> Result<Kernels, syn::Error> {
    Err(syn::Error::new(model.module.span(), crate::syntax::messages::vendoring::NO_SYMBOLICA))
}

/// The kernels of the model with this fingerprint.
#[cfg(feature = "symbolica")]
pub(crate) fn kernels(
    model: &Model,
    system: &System,
    fingerprint: &str,
    environment: &Environment,
) -> Result<Kernels, syn::Error> {
    use crate::store::cache::CacheEntry;

    let entry = environment.cache.as_deref().map(|folder| match environment.hessian_kernel {
        true => CacheEntry::new(folder, &format!("{fingerprint}; hamiltonian_hessian")),
        false => CacheEntry::new(folder, fingerprint),
    });
    // Before the lock is taken: a model in the cache need not wait for it.
    if let Some(kernels) = entry.as_ref().and_then(|entry| entry.read(&system.vectors)) {
        return Ok(kernels);
    }
    let kernels = derive(model, system, environment)?;
    if let Some(entry) = entry {
        entry.write(&kernels, &system.vectors);
    }
    Ok(kernels)
}

#[cfg(feature = "symbolica")]
fn derive(model: &Model, system: &System, environment: &Environment) -> Result<Kernels, syn::Error> {
    use crate::differentiate::build_kernels::{Strategies, build_kernels, build_one};
    use crate::differentiate::lower::{self, DeriveError};
    use crate::differentiate::symbolica_lock::with_symbolica_lock;
    use crate::program::kernels::Kernel;
    use crate::syntax::messages::message;

    // A graph can go to another thread; tokens cannot.
    let (graph, outputs) = (&system.graph, system.outputs());
    let tapes = with_symbolica_lock(|| lower::tapes(graph, outputs));
    let tapes = tapes.map_err(|error| syn::Error::new(model.module.span(), error))?;
    let tapes = tapes.map_err(|error| {
        let (node, message) = match error {
            DeriveError::Overflow(node) => (node, message::OVERFLOW),
            DeriveError::Digits(node) => (node, message::DIGITS),
        };
        let name = system.function_of(node, model).map_or(&model.module, |function| &function.name);
        syn::Error::new(name.span(), message)
    })?;
    let mut kernels = build_kernels(Strategies::all(&tapes));
    if environment.hessian_kernel {
        let built = build_one(Strategies::all(&tapes), Kernel::HamiltonianHessian);
        kernels.set(Kernel::HamiltonianHessian, built.program);
    }
    // Constants of different named values meet only in kernels.
    let overflowing: Vec<&str> =
        kernels.iter().filter(|(_, program)| !program.is_finite()).map(|(kernel, _)| kernel.name()).collect();
    if overflowing.is_empty() {
        return Ok(kernels);
    }
    let function = overflowing.iter().find_map(|kernel| model.function_of_kernel(kernel));
    let name = function.map_or(&model.module, |function| &function.name);
    Err(syn::Error::new(name.span(), message::OVERFLOW))
}
