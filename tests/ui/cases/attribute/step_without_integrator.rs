//! A time step, and nothing to use it.

#[dilqr_runtime::model(dt = 0.05, substeps = 4)]
mod a {}

fn main() {}
