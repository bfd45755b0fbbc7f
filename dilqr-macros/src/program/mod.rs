//! Straight-line programs: the intermediate representation of kernels.

#[cfg(feature = "symbolica")]
pub(crate) mod builder;
#[cfg(feature = "symbolica")]
mod calls;
pub(crate) mod fields;
pub(crate) mod functions;
pub(crate) mod kernels;
pub(crate) mod op;
#[expect(clippy::module_inception, reason = "the file has the noun of the folder")]
pub(crate) mod program;
pub(crate) mod signature;
#[cfg(feature = "symbolica")]
pub(crate) mod term;
pub(crate) mod vectors;
