//! A module without any of the parts of a model: everything that is missing is said at once.

#[dilqr_runtime::model]
pub mod pendulum {}

fn main() {}
