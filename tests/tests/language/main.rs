//! The model language: what compiles, and that its kernels compute what the text says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod constructs;
pub mod fields;
pub mod kinks;
pub mod time_steps;
