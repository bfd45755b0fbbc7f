//! Functions that promise something.

#[dilqr_runtime::model]
pub mod pendulum {
    unsafe fn trusted(x: f64) -> f64 {
        x
    }
}

fn main() {}
