//! Paths that lead out of the module.

#[dilqr_runtime::model]
pub mod pendulum {
    fn constants() -> f64 {
        std::f64::consts::GRAVITY + f64::EPSILON + super::GRAVITY
    }

    fn functions(x: f64) -> f64 {
        let y = super::twice(x);
        y + crate::twice(x)
    }

    fn structs() -> f64 {
        super::Point { x: 1.0 }.x
    }
}

const GRAVITY: f64 = 9.81;

fn twice(x: f64) -> f64 {
    2.0 * x
}

struct Point {
    x: f64,
}

fn main() {}
