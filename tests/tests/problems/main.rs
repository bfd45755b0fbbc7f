//! Problems of every kind with small models: limits, soft limits, free starts, design variables, layers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod convergence;
pub mod direct_loss;
pub mod inactive_rows;
pub mod layer;
pub mod lifted;
pub mod limits;
pub mod reference_limits;
pub mod resting_guess;
pub mod soft;
pub mod touching_bounds;
