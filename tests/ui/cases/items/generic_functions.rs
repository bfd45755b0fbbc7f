//! Functions over types and numbers.

#[dilqr_runtime::model]
pub mod pendulum {
    fn first<T: Copy>(values: [T; 2]) -> T {
        values[0]
    }

    fn total<const N: usize>(values: [f64; N]) -> f64 {
        values[0]
    }

    fn twice(x: impl Into<f64>) -> f64 {
        2.0 * x.into()
    }
}

fn main() {}
