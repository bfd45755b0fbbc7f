//! From the tree to a graph of scalar expressions: functions are run on symbolic values.

mod aggregates;
mod branches;
pub(crate) mod budget;
pub(crate) mod elaborated_system;
mod elaborator;
mod expressions;
pub(crate) mod graph;
pub(crate) mod implicit;
mod integrate;
pub(crate) mod layout;
mod lift;
mod limits;
mod methods;
pub(crate) mod model;
mod open_sides;
mod opposites;
mod soft;
mod solution;
mod statements;
mod steps;
mod types;
mod unknowns;
mod value;
mod vector_functions;
