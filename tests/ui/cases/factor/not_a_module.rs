//! The attribute on something that is no module.

#[dilqr_runtime::factor]
fn residual() {}

fn main() {}
