//! From tokens to a spanned tree of the model, and the rules that need no values.

pub(crate) mod ast;
pub(crate) mod check;
pub(crate) mod errors;
pub(crate) mod nesting;
pub(crate) mod parse;
