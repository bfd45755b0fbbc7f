//! Arguments of the attribute: each gets its own message.

#[dilqr_runtime::model(crates = dilqr_runtime, verbose, level(3), integrator, dt, substeps)]
mod unknown {}

#[dilqr_runtime::model(dt = 0.05, substeps = 4)]
mod no_integrator {}

#[dilqr_runtime::model(integrator = rk5, dt = 0.05)]
mod misspelt {}

#[dilqr_runtime::model(integrator = "rk4", dt = 0.05)]
mod quoted {}

#[dilqr_runtime::model(crate = "dilqr_runtime")]
mod text {}

#[dilqr_runtime::model(crate)]
mod no_value {}

fn main() {}
