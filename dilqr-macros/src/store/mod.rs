//! Kernels outside of a build: their textual form, the cache of expansions, and vendored files.

#[cfg(feature = "symbolica")]
pub(crate) mod cache;
pub(crate) mod fingerprint;
pub(crate) mod textual_ir;
pub(crate) mod vendored;
