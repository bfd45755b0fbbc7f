//! Loops whose number of steps is not fixed.

#[dilqr_runtime::model]
pub mod pendulum {
    fn newton(mut x: f64) -> f64 {
        while x * x - 2.0 > 1e-9 {
            x -= (x * x - 2.0) / (2.0 * x);
        }
        x
    }

    fn bisection(x: f64) -> f64 {
        loop {
            break;
        }
        x
    }
}

fn main() {}
