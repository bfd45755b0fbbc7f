//! From the tree to a graph of scalar expressions: functions are run on symbolic values.

pub(crate) mod budget;
pub(crate) mod elaborator;
pub(crate) mod expressions;
pub(crate) mod graph;
pub(crate) mod integrate;
pub(crate) mod limits;
pub(crate) mod statements;
pub(crate) mod value;
