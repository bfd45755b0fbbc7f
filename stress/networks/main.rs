//! Networks inside equations, loops and limits. Without optimization their solves take long.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod network_limits;
pub mod networks_in_equations;
