//! Methods take no types.

#[dilqr_runtime::model]
pub mod pendulum {
    fn height(x: f64) -> f64 {
        x.sin::<f64>()
    }
}

fn main() {}
