//! Functions that take their time.

#[dilqr_runtime::model]
pub mod pendulum {
    async fn later(x: f64) -> f64 {
        x
    }
}

fn main() {}
