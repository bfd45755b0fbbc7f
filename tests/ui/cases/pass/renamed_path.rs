//! The runtime under another path, given to the attribute.
#![deny(warnings)]

pub mod dependencies {
    pub use dilqr_runtime as control;
}

#[dependencies::control::model(crate = crate::dependencies::control)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle.sin() + u.torque }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.angle
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(pendulum::Pendulum);
}
