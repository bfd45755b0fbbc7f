//! A model imports nothing.

#[dilqr_runtime::model]
pub mod pendulum {
    pub use std::f64::consts::PI;
}

fn main() {}
