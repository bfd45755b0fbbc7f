//! From the tree to a graph of scalar expressions: functions are run on symbolic values.

mod access;
mod branches;
pub(crate) mod budget;
mod elaborator;
mod expressions;
pub(crate) mod graph;
mod integrate;
mod limits;
mod methods;
pub(crate) mod model;
mod statements;
pub(crate) mod system;
mod types;
mod value;
