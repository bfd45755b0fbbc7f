//! References through which something is changed.

#[dilqr_runtime::model]
pub mod pendulum {
    fn raised(x: f64) -> f64 {
        let mut y = x;
        let z = &mut y;
        *z
    }
}

fn main() {}
