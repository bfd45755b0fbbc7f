//! From kernels to tokens.

mod chunk;
pub(crate) mod context;
mod conversions;
pub(crate) mod dead_inputs;
pub(crate) mod documentation;
pub(crate) mod dump;
mod equations;
mod expanded;
mod factor;
mod functions;
mod implicit;
pub(crate) mod items;
mod lifted;
mod model;
mod public;
mod signature;
mod split;
mod statements;
pub(crate) mod user_module;
pub(crate) mod vector_calls;
mod vector_types;
