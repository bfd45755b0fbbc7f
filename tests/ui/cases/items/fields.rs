//! Vectors hold numbers, in arrays and structs of the module.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
        pub point: Point,
        pub count: usize,
        pub counts: [[usize; 2]; 2],
        pub pair: (f64, f64),
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
        pub points: [Point; 2],
    }

    pub struct Point {
        pub x: f64,
        pub shown: bool,
        pub inner: [Inner; 2],
    }
    pub struct Inner {
        pub pairs: [(f64, f64); 2],
    }

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
