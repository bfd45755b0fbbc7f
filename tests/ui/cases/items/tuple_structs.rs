//! Structs without names for their fields.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct Pair(pub f64, pub f64);
}

fn main() {}
