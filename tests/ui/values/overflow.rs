//! A constant that leaves the range of f64 only when Symbolica multiplies it out.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: 1e200 * (1e200 * x.angle) + u.torque }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
