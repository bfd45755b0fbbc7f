//! Integers are known when the model is compiled; conditions over quantities are not.

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
        let mut n = 1;
        if x.angle > 1.0 {
            n = 2;
        }
        x.rate.powi(n)
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
