//! States, controls and design variables have bounds, parameters do not.

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
        #[bounds(0.0, None)]
        pub mass: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u.torque / p.mass }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
