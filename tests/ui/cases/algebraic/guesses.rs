//! Guesses in wrong places.

#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        #[guess(1.0)]
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gain: f64,
    }

    pub struct Algebraic {
        #[guess]
        pub force: f64,
    }

    pub fn algebraic(x: State, z: Algebraic, _u: Control, _p: Params) -> [f64; 1] {
        [z.force * z.force * z.force + z.force - x.angle]
    }

    pub fn derivative(x: State, z: Algebraic, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: p.gain * u.torque + z.force }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {}
