//! Control problems with models written by hand: solves and derivatives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

pub mod augmented;
pub mod bad_input;
pub mod batch;
pub mod batch_lanes;
pub mod derivatives;
pub mod fixed_point;
pub mod gradient;
pub mod kinks;
pub mod lifted;
pub mod limit_derivatives;
pub mod limits;
pub mod long_rows;
pub mod mhe;
pub mod mpc;
pub mod reference;
pub mod riccati;
pub mod second_order;
pub mod sensitivities;
pub mod serialization;
pub mod solver;
pub mod start;
mod support;
pub mod touching;
pub mod unbounded;
pub mod unroll;
