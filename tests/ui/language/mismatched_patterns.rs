//! Patterns that do not fit their value.

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

    fn patterns(x: State, q: [f64; 2], (a, b): (f64, f64)) -> f64 {
        let [a, b, c] = q;
        let (d, e) = q;
        let State { angel, rate } = x;
        let Control { torque } = x;
        a + b
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
