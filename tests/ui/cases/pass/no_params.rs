//! Models without parameters.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod braces {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}

#[dilqr_runtime::model]
pub mod unit {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        stage_cost(x, Control { u: 0.0 }, p)
    }
}

fn main() {
    assert_eq!(braces::Params::NAMES, [""; 0]);
    dilqr_ui_tests::assert_agrees!(braces::Braces);
    dilqr_ui_tests::assert_agrees!(unit::Unit);
}
