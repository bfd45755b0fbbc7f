//! Integers and quantities do not mix.

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

    const STEPS: usize = 2.0;
    const HALF: f64 = 1 / 2;

    // `absent` is of no type, which keeps rustc's own error away: it lists whatever else can be multiplied.
    fn energy() -> f64 {
        for i in 0..3 {
            let _product = i * absent;
        }
        let start: f64 = 2;
        start
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
