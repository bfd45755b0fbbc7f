//! Fields that are not numbers or arrays of them.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub position: Point,
        pub count: usize,
        pub matrix: [[f64; 2]; 2],
        pub pair: (f64, f64),
    }
    pub struct Control {}
    pub struct Params {}

    pub struct Point {
        pub x: f64,
        pub next: [Point; 1],
    }

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
