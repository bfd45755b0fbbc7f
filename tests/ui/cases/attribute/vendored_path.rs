//! The file of vendored kernels is given as a text.

#[dilqr_runtime::model(vendored = pendulum)]
mod a {}

#[dilqr_runtime::model(vendored)]
mod b {}

fn main() {}
