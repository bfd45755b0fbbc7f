//! Arguments of the attribute: each gets its own message.

#[dilqr_runtime::model(crates = dilqr_runtime, verbose, level(3))]
mod unknown {}

#[dilqr_runtime::model(crate = "dilqr_runtime")]
mod text {}

#[dilqr_runtime::model(crate)]
mod no_value {}

fn main() {}
