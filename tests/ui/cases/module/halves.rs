//! Semi-implicit Euler takes positions and as many velocities.

#[dilqr_runtime::model(integrator = semi_implicit_euler, dt = 0.1)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
        pub charge: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: u.torque / p.mass, charge: 0.0 }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
