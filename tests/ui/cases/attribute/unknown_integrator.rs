//! Integrators that there are not, and one that is not named by a name.

#[dilqr_runtime::model(integrator = rk5, dt = 0.05)]
mod a {}

#[dilqr_runtime::model(integrator = leapfrog, dt = 0.05)]
mod b {}

#[dilqr_runtime::model(integrator = "rk4", dt = 0.05)]
mod c {}

fn main() {}
