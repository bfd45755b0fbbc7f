//! From kernels to tokens.

pub(crate) mod chunk;
pub(crate) mod describe;
pub(crate) mod dump;
pub(crate) mod items;
pub(crate) mod split;
pub(crate) mod unused;
