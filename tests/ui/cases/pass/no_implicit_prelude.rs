//! A crate without any prelude.
#![no_implicit_prelude]
#![deny(warnings)]

#[::dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    #[derive(::std::clone::Clone)]
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub arms: [f64; 2],
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + p.gravity * sin * p.arms[0] + u.torque * cos.powi(2) * p.arms[1] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.angle - ::std::f64::consts::PI).powi(2) + f64::sqrt(u.torque)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2) + x.rate.powi(2)
    }
}

fn main() {
    ::dilqr_ui_tests::assert_agrees(
        pendulum::Pendulum,
        |x, u, p| {
            let next = pendulum::dynamics(
                ::std::convert::From::from(x),
                ::std::convert::From::from(u),
                ::std::convert::From::from(p),
            );
            ::std::convert::From::from(next)
        },
        |x, u, p| {
            pendulum::stage_cost(
                ::std::convert::From::from(x),
                ::std::convert::From::from(u),
                ::std::convert::From::from(p),
            )
        },
        |x, p| pendulum::terminal_cost(::std::convert::From::from(x), ::std::convert::From::from(p)),
    );
}
