//! Functions that are recognised by name take these arguments, in this order.

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

    pub fn dynamics(x: State, u: f64, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u / p.mass }
    }
    pub fn stage_cost(x: State, u: Control) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(_p: Params, x: &State) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
