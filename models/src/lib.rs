//! Systems for dilqr, one annotated file each, with units, sources and default parameters.
//!
//! Every module holds the structs and functions that a person wrote and, beside them, what `#[dilqr_runtime::model]`
//! made of them: the unit struct that implements [`Model`](dilqr_runtime::Model) and the types `Problem` and `Solver`.
//! The functions stay callable with `f64`.
#![warn(missing_docs)]

pub mod cartpole;
pub mod lqr;
pub mod pendulum;
