//! Names that the macro needs.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    pub struct Pendulum {
        pub angle: f64,
    }
    pub struct Problem {
        pub angle: f64,
    }
    #[allow(non_camel_case_types)]
    pub struct f64 {
        pub value: core::primitive::f64,
    }

    #[allow(non_upper_case_globals)]
    const x: core::primitive::f64 = 1.0;
    #[allow(non_upper_case_globals)]
    const __t0: core::primitive::f64 = 1.0;

    fn linearize() -> core::primitive::f64 {
        x
    }

    pub fn dynamics(state: State, _u: Control, _p: Params) -> State {
        state
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> core::primitive::f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> core::primitive::f64 {
        0.0
    }
}

fn main() {}
