//! Functions that return nothing.

#[dilqr_runtime::model]
pub mod pendulum {
    fn nothing(_x: f64) {}
}

fn main() {}
