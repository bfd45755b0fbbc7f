//! No cost of a stage, a misspelt one, and one with another signature.

#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod none {
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
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod misspelt {
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
    pub fn runing_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod signature {
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
    pub fn running_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
