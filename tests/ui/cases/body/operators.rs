//! Operators outside the language. `^` is no power.

#[dilqr_runtime::model]
pub mod pendulum {
    fn power(n: usize) -> usize {
        n ^ 2
    }

    fn doubled(n: usize) -> usize {
        n << 1
    }

    fn both(x: f64) -> bool {
        (x < 1.0) & (x > 0.0)
    }
}

fn main() {}
