//! An argument that the attribute does not take.

#[dilqr_runtime::model(verbose)]
mod a {}

#[dilqr_runtime::model(level(3), horizon = 10)]
mod b {}

fn main() {}
