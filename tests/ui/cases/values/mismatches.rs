//! Values of the wrong type.

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
        pub shape: [f64; 3],
    }

    fn energy(x: State, factor: f64) -> f64 {
        factor * x.rate
    }

    const STEPS: usize = 2.0;

    pub fn dynamics(x: State, _u: Control, p: Params) -> State {
        let integer: f64 = 2;
        let number: usize = 1.5;
        let tuple: f64 = (x.rate, 1.0);
        let array: [f64; 2] = p.shape;
        let called = energy(p, x.angle + 1.0);
        let mixed = [x.rate, p];
        let state: Params = State { angle: p.shape, rate: 0.0 };
        let (a, b) = x.rate;
        let (c, d) = x.rate.sin_cos();
        x.angle + (x.rate + 1.0)
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
