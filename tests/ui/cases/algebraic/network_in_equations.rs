//! A network inside equations.

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

    #[network(layers = [2, 8, 1], activation = tanh)]
    pub struct Residual;

    pub struct Algebraic {
        pub force: f64,
    }

    pub fn algebraic(x: State, z: Algebraic, _u: Control, _p: Params, residual: &Residual) -> [f64; 1] {
        [z.force - residual.evaluate([x.angle, z.force])[0]]
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
