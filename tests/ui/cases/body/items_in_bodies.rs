//! Items inside a function.

#[dilqr_runtime::model]
pub mod pendulum {
    fn area(x: f64) -> f64 {
        use std::f64::consts::PI;
        const TWO: f64 = 2.0;
        fn twice(x: f64) -> f64 {
            TWO * x
        }
        twice(x) * PI
    }
}

fn main() {}
