//! Parameters that nothing depends on: never mentioned, cancelled, or in a branch that never runs. Warnings, which this
//! crate makes errors.
#![deny(deprecated)]

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub color: f64,
        pub mass: f64,
        pub drag: f64,
    }
    pub struct StageParams {
        pub target: f64,
        pub wind: f64,
    }

    const DRAG: bool = false;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let gravity = p.mass * p.gravity * x.angle.sin() / p.mass;
        let drag = if DRAG { p.drag } else { 0.0 };
        State { angle: x.angle + gravity - drag + u.torque }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params, s: StageParams) -> f64 {
        (x.angle - s.target).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
