//! Functions that are more than plain functions of values.

#[dilqr_runtime::model]
pub mod pendulum {
    const fn doubled() -> f64 {
        2.0
    }

    async fn later(x: f64) -> f64 {
        x
    }

    unsafe fn trusted(x: f64) -> f64 {
        x
    }

    extern "C" fn foreign(x: f64) -> f64 {
        x
    }

    fn generic<T: Copy>(_x: T, factor: f64) -> f64 {
        factor
    }

    fn method(self, x: f64) -> f64 {
        x
    }

    fn nothing(_x: f64) {}

    fn in_place(x: &mut f64) -> f64 {
        *x
    }
}

fn main() {}
