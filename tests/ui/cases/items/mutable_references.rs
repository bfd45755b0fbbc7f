//! Functions that change their arguments.

#[dilqr_runtime::model]
pub mod pendulum {
    fn reset(x: &mut f64) -> f64 {
        *x
    }
}

fn main() {}
