//! Constants from outside the module.

#[dilqr_runtime::model]
pub mod pendulum {
    fn weight(mass: f64) -> f64 {
        mass * super::GRAVITY + f64::EPSILON + std::f64::consts::GRAVITY
    }
}

const GRAVITY: f64 = 9.81;

fn main() {}
