//! Arguments that take a value.

#[dilqr_runtime::model(integrator, dt, substeps)]
mod a {}

#[dilqr_runtime::model(crate)]
mod b {}

fn main() {}
