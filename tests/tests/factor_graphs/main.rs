//! Factor graphs compiled by the attribute: solves, gradients beside other ways to have them, what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod comparison;
pub mod gradients;
pub mod losses;
pub mod models;
pub mod poses;
pub mod refusals;
pub mod statuses;
