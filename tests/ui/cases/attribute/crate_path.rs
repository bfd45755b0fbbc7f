//! The path of the runtime is a path, not a text.

#[dilqr_runtime::model(crate = "dilqr_runtime")]
mod a {}

fn main() {}
