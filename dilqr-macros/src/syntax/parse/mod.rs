//! From syn's tree to ours. Later stages have no syn types; only the driver edits the user's module.
//!
//! The syntax of the model language is decided here. Anything else is reported on its own tokens and replaced by `Unknown`,
//! so that one mistake gives one message and the rest of the module is checked.

mod arguments;
mod blocks;
mod expressions;
mod items;
mod parser;
mod types;
mod vector_functions;

pub(crate) use arguments::{Options, options};
pub(crate) use items::{FIELD_ATTRIBUTES, GUESS, MANIFOLD, PENALTY, items, misspelt_bounds, model};
pub(crate) use vector_functions::VECTOR_FUNCTIONS;
