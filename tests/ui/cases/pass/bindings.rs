//! `let`, shadowing, blocks, destructuring.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod bindings {
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
        let a = x.a;
        let b: f64 = x.b;
        let a = a * b;
        let a: f64 = a + a;
        let x = State { a, b };
        let c = {
            let a = x.b;
            let b = {
                let a = a * 2.0;
                a * a
            };
            a + b
        };
        let (s, k) = (x.a * 0.1).sin_cos();
        let (m, (n, _)): (f64, (f64, f64)) = (s, (k, u.u));
        let (_, q) = (u.u, p.p);
        let _ = a * c;
        let _unused = b / c;
        let ((e, f), g) = ((m, n), q);
        let i = 1;
        let j: usize = i - 1;
        let values = [a, b];
        let u = u;
        State { a: { a + c + values[j] }, b: b * m + e - f * g + values[i] * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        let x = x.a + { x.b };
        let x = x * x;
        {
            let u = u.u;
            x + u
        }
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let x = x;
        x.a
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(bindings::Bindings);
}
