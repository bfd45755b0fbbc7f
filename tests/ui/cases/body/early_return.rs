//! A function's value is its last expression.

#[dilqr_runtime::model]
pub mod pendulum {
    fn saturated(x: f64) -> f64 {
        if x > 1.0 {
            return 1.0;
        }
        x
    }
}

fn main() {}
