//! Every method of f64 in the language, as a method and as a path.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod methods {
    pub struct State {
        pub a: f64,
        pub b: f64,
        pub c: f64,
        pub d: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.a.sin_cos();
        let (path_sin, path_cos) = f64::sin_cos(x.b);
        State {
            a: x.a.sin() + x.b.cos() * x.c.tan() + x.d.asin() - u.u.acos() / x.a.atan() + x.b.atan2(x.c) + sin * cos,
            b: x.a.sinh() + x.b.cosh() * x.c.tanh() + x.d.exp() - x.a.ln() + x.b.sqrt() * x.c.cbrt(),
            c: x.a.powi(3) + x.b.powi(-2) * x.c.powf(1.5) + x.d.powf(p.p) - x.a.recip() + x.b.hypot(u.u),
            d: x.a.mul_add(x.b, x.c) + path_sin / path_cos + x.b.powf(2.0) + x.c.powf(-0.5) + 2.0_f64.powf(x.d),
        }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let a = f64::sin(x.a) + f64::cos(x.b) * f64::tan(x.c) + f64::asin(x.d) - f64::acos(u.u) / f64::atan(x.a);
        let b = f64::atan2(x.b, x.c) + f64::sinh(x.a) + f64::cosh(x.b) * f64::tanh(x.c) + f64::exp(x.d);
        let c = f64::ln(x.a) + f64::sqrt(x.b) * f64::cbrt(x.c) + f64::powi(x.a, 3) + f64::powf(x.c, 1.5);
        let d = f64::powf(x.d, p.p) - f64::recip(x.a) + f64::hypot(x.b, u.u) + f64::mul_add(x.a, x.b, x.c);
        a + b + c + d + core::primitive::f64::sin(x.a)
    }
    /// Of constants.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let c = 0.5_f64;
        let (sin, cos) = c.sin_cos();
        let a = c.sin() + c.cos() * c.tan() + c.asin() - c.acos() / c.atan() + c.atan2(0.3) + sin * cos + c.hypot(0.2);
        let b = c.sinh() + c.cosh() * c.tanh() + c.exp() - c.ln() + c.sqrt() * c.cbrt() + c.recip();
        let d = c.powi(3) + c.powi(-2) * c.powf(1.5) + c.mul_add(0.2, 0.3) + (-c).powf(2.0) + (-c).powi(3);
        x.a * a + b * d
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(methods::Methods);
}
