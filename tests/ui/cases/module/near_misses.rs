//! Parts whose names are almost right.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct States {
        pub angle: f64,
    }
    pub struct Controls {
        pub torque: f64,
    }
    pub struct Param {
        pub mass: f64,
    }

    pub fn dynamic(_x: States, _u: Controls, _p: Param) -> f64 {
        0.0
    }
    pub fn stagecost(_x: States) -> f64 {
        0.0
    }
    pub fn terminal_costs(_x: States) -> f64 {
        0.0
    }
}

fn main() {}
