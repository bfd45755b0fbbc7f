//! Names that stand for two things.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    const DT: f64 = 0.1;
    const DT: f64 = 0.05;

    fn helper(x: f64, y: f64, x: f64) -> f64 {
        x + y
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
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        1.0
    }
}

fn main() {}
