//! The attribute on something that is no module.

#[dilqr_runtime::implicit]
fn root() {}

fn main() {}
