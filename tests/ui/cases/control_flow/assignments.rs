//! Assignments to what is no variable, or of what does not fit.

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

    fn energy(x: State) -> f64 {
        let mut y = x;
        y.angel = 1.0;
        y.rate = 1;
        absent = 2.0;
        twice(1.0) = 3.0;
        MASS = 4.0;
        let mut q = [0.0; 2];
        q[2] = 5.0;
        y.rate
    }

    const MASS: f64 = 1.0;

    fn twice(x: f64) -> f64 {
        2.0 * x
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u.torque / p.mass }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
