//! Arguments that are almost right.

#[dilqr_runtime::model(integrater = rk4, dt = 0.05)]
mod a {}

#[dilqr_runtime::model(integrator = rk4, dt = 0.05, substep = 2)]
mod b {}

#[dilqr_runtime::model(crates = dilqr_runtime)]
mod c {}

fn main() {}
