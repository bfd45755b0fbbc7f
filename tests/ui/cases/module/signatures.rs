//! The functions that are recognised by name have fixed signatures.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, _u: f64, _p: Params) -> f64 {
        x.angle
    }
    pub fn stage_cost(_x: State, _u: Control) -> f64 {
        0.0
    }
    pub fn terminal_cost(_p: Params, _x: &State) -> f64 {
        0.0
    }
}

fn main() {}
