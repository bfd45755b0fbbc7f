//! Functions of vectors in compiled models: networks, implicit steps, tables.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod implicit;
pub mod network_values;
pub mod networks;
pub mod tables;
