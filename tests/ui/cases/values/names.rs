//! Names that the module does not have.

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

    const GRAVITY: f64 = 9.81;

    fn height(x: State, p: Params) -> f64 {
        let length = p.shapes[0];
        length * x.angel.cos()
    }

    fn missing(_x: Stat) -> f64 {
        GRAVTY + gain
    }

    fn methods(x: f64) -> f64 {
        x.sine() + x.to_radians() + x.abs() + x.max(0.0) + f64::signum(x)
    }

    pub struct Empty {}

    fn fields(x: State, t: (f64, f64), e: Empty) -> f64 {
        e.mass + t.2 + x.angle.value + x.rate.0
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let rate = hight(x, p) + u.torque.sin();
        let first = State { angle: rate };
        let second = State { angle: rate, rate, jerk: 0.0 };
        let third = States { angle: rate, rate };
        first
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
