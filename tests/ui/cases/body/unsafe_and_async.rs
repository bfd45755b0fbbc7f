//! Blocks of another kind.

#[dilqr_runtime::model]
pub mod pendulum {
    fn trusted(x: f64) -> f64 {
        unsafe { x }
    }

    fn later(x: f64) -> f64 {
        async { x }.await
    }

    fn failing(x: f64) -> f64 {
        Some(x)?
    }
}

fn main() {}
