//! Functions that are more than plain ones.

#[dilqr_runtime::model]
pub mod pendulum {
    const fn doubled() -> f64 {
        2.0
    }

    extern "C" fn foreign(x: f64) -> f64 {
        x
    }
}

fn main() {}
