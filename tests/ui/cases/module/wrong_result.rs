//! Functions that are recognised by name return these types.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> [f64; 2] {
        [x.angle + 0.1 * x.rate, x.rate + 0.1 * u.torque / p.mass]
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
