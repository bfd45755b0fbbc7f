//! States that no cost sees, though they see one another, and a control that moves nothing else.
#![deny(deprecated)]

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        // No cost names it, but it moves the angle.
        pub rate: f64,
        pub clock: f64,
        pub heat: f64,
    }
    pub struct Control {
        pub torque: f64,
        #[bounds(0.0, 1.0)]
        pub fan: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State {
            angle: x.angle + 0.1 * x.rate,
            rate: x.rate + 0.1 * (x.angle.sin() + u.torque),
            clock: x.clock + 0.1,
            heat: 0.9 * x.heat * x.clock - u.fan,
        }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
