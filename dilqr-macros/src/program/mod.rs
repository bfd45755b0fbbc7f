//! Straight-line programs: the intermediate representation of kernels.

#[cfg(feature = "symbolica")]
pub(crate) mod builder;
pub(crate) mod kernels;
pub(crate) mod program;
