//! Arguments by value and by reference, unused, and paths to the model's own types.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod signatures {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    pub fn dynamics(state: &State, control: &self::Control, _: &Params) -> self::State {
        State { x: state.x + control.u }
    }
    pub fn stage_cost(x: &State, _u: Control, p: &Params) -> core::primitive::f64 {
        x.x * p.p
    }
    pub fn terminal_cost(_x: State, _: &Params) -> f64 {
        1.0
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees(
        signatures::Signatures,
        |x, u, p| signatures::dynamics(&x.into(), &u.into(), &p.into()).into(),
        |x, u, p| signatures::stage_cost(&x.into(), u.into(), &p.into()),
        |x, p| signatures::terminal_cost(x.into(), &p.into()),
    );
}
