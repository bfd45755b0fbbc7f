//! Arithmetic, parentheses, references.
#![deny(warnings)]
#![allow(clippy::all, unused_parens)]

#[dilqr_runtime::model]
pub mod operators {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let r = &x.a;
        let rr = &r;
        State {
            a: -x.a + x.b * u.u - x.a / p.p * 2.0 - -x.b + (x.a - x.b) * (x.a + (x.b)) / (1.0 + (x.a * x.a)),
            b: *r + **rr * r - -(-*r) / (&x.b + &u.u) + (&x).a + (*&x).b - (((p.p))),
        }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.a * x.a - 2.0 * x.a * x.b + x.b * x.b + u.u * u.u / 2.0 - (x.a - (x.b - u.u)) - x.a / (x.b / u.u)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        1.0 / x.a - p.p / x.b / 2.0
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(operators::Operators);
}
