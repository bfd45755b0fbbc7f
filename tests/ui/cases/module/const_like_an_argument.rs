//! A const with the name of an argument of `linearize`, which the macro adds.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    #[allow(non_upper_case_globals)]
    const u: f64 = 1.0;

    pub fn dynamics(x: State, control: Control, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u * control.torque / p.mass }
    }
    pub fn stage_cost(x: State, control: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u * control.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
