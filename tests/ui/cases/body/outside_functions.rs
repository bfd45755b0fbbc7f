//! Functions and structs from outside the module.

#[dilqr_runtime::model]
pub mod pendulum {
    fn area(x: f64) -> f64 {
        super::twice(x) + crate::twice(x) + super::Point { x }.x
    }
}

fn twice(x: f64) -> f64 {
    2.0 * x
}

struct Point {
    x: f64,
}

fn main() {}
