//! Fields without a use, and no word about them where the user has said that they are meant. Apart from that they are
//! fields like any other.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod underscores {
    pub struct State {
        pub angle: f64,
        pub _clock: f64,
        pub _spare: [f64; 2],
    }
    pub struct Control {
        pub torque: f64,
        #[bounds(-1.0, p._limit)]
        pub _lamp: f64,
    }
    pub struct Params {
        pub _color: f64,
        pub mass: f64,
        pub _limit: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let State { angle, _clock, .. } = x;
        State { angle: angle + u.torque / p.mass, _clock: _clock + 0.1 * x._spare[1], _spare: [u._lamp; 2] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * u.torque
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

#[dilqr_runtime::model]
#[allow(deprecated)]
pub mod allowed {
    pub struct State {
        pub angle: f64,
        pub clock: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub color: f64,
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle * u.torque, clock: x.clock + 0.1 }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.angle
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

#[dilqr_runtime::model]
pub mod allowed_within {
    #![allow(deprecated)]

    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
        pub lamp: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle * u.torque }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.angle
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {
    assert_eq!(underscores::State::NAMES, ["angle", "_clock", "_spare[0]", "_spare[1]"]);
    assert_eq!(underscores::Params::from([1.0, 2.0, 3.0])._color, 1.0);
    dilqr_ui_tests::assert_agrees!(underscores::Underscores);
    dilqr_ui_tests::assert_agrees!(allowed::Allowed);
    dilqr_ui_tests::assert_agrees!(allowed_within::AllowedWithin);
}
