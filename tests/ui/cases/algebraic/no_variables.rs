//! Equations without algebraic variables.

#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gain: f64,
    }

    pub fn algebraic(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.angle]
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: p.gain * u.torque }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {}
