//! Macros in a function's body.

#[dilqr_runtime::model]
pub mod pendulum {
    fn checked(x: f64) -> f64 {
        assert!(x > 0.0);
        let values = vec![x, 1.0];
        values[0]
    }
}

fn main() {}
