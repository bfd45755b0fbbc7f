//! Constant time steps that are not positive, and a parameter of the stage in a model without these.

#[dilqr_runtime::model(integrator = euler, dt = 0.0)]
pub mod zero {
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

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: u.torque / p.mass }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

#[dilqr_runtime::model(integrator = rk4, dt = STEPS[0] - STEPS[1])]
pub mod negative {
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

    const STEPS: [f64; 2] = [0.1, 0.3];

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: u.torque / p.mass }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

#[dilqr_runtime::model(integrator = midpoint, dt = s.dt)]
pub mod absent {
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

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: u.torque / p.mass }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
