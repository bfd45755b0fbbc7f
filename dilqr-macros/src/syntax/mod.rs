//! From tokens to a tree of the model, and the rules that need no values.

pub(crate) mod ast;
pub(crate) mod check;
pub(crate) mod entry_points;
pub(crate) mod errors;
mod factor;
pub(crate) mod manifold;
pub(crate) mod messages;
pub(crate) mod module_kind;
pub(crate) mod names;
pub(crate) mod nesting;
pub(crate) mod parse;
mod signatures;
pub(crate) mod vector_functions;
