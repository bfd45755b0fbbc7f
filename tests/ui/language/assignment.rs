//! What can be assigned to, and what cannot.

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

    const LIMIT: f64 = 2.0;
    fn half(x: f64) -> f64 {
        0.5 * x
    }
    fn places(x: f64) -> f64 {
        let mut y = x;
        LIMIT = 3.0;
        half(y) = x;
        missing = x;
        y = [x, x];
        y
    }
    fn parts(x: State) -> f64 {
        let mut y = x;
        y.rat = 1.0;
        y.rate = true;
        y.angle
    }

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        x.angle * u.torque * p.mass
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {}
