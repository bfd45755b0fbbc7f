//! A struct with the name of a type of the language.

#[dilqr_runtime::model]
pub mod pendulum {
    #[allow(non_camel_case_types)]
    pub struct f64 {
        pub value: core::primitive::f64,
    }
    pub struct State {
        pub angle: core::primitive::f64,
        pub rate: core::primitive::f64,
    }
    pub struct Control {
        pub torque: core::primitive::f64,
    }
    pub struct Params {
        pub mass: core::primitive::f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u.torque / p.mass }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> core::primitive::f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> core::primitive::f64 {
        x.angle.powi(2)
    }
}

fn main() {}
