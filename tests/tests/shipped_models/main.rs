//! The shipped models, in one program: rustc compiles the solver once for each of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod bad_input;
pub mod bounded_lqr;
pub mod degenerate;
pub mod derivatives;
pub mod field;
pub mod gradient;
pub mod lanes;
pub mod models;
pub mod reference;
pub mod relaxation;
pub mod units;
