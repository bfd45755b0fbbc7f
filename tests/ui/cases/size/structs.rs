//! Structs within structs within structs.

macro_rules! model {
    ($first:ident $($name:ident)*) => {
        model! { @ [$first $($name)*] [$($name)*] }
    };
    (@ [$($outer:ident)* ] [$($inner:ident)*]) => {
        model! { # [$($outer)*] [$($inner)* f64] }
    };
    (# [$($outer:ident)*] [$($inner:ident)*]) => {
        #[dilqr_runtime::model]
        pub mod pendulum {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}

            $(pub struct $outer {
                pub inner: $inner,
            })*

            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { angle: x.angle + u.torque }
            }
            pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
                x.angle
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.angle
            }
        }
    };
}

model! {
    A0 A1 A2 A3 A4 A5 A6 A7 A8 A9
    B0 B1 B2 B3 B4 B5 B6 B7 B8 B9
    C0 C1 C2 C3 C4 C5 C6 C7 C8 C9
    D0 D1 D2 D3 D4 D5 D6 D7 D8 D9
    E0 E1 E2 E3 E4 E5 E6 E7 E8 E9
    F0
}

fn main() {}
