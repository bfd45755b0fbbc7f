//! Loops, branches and assignments whose values do not fit.

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

    fn loops(mut x: f64, n: usize) -> f64 {
        for i in 0..1_000_000 {
            x += i as f64;
        }
        for _ in 0..2.5 {}
        for i in 0..3 {
            i
        }
        x * n as f64
    }

    fn branches(x: f64) -> f64 {
        let y = if x > 0.0 { x } else { (x, x) };
        let mut n = 1;
        if x > 1.0 {
            n = 2;
        }
        if x {
            n = 3;
        }
        let _z = x && !n;
        y * x.powi(n)
    }

    fn assignments(x: State) -> f64 {
        let mut y = x;
        y.angel = 1.0;
        y.rate = 1;
        absent = 2.0;
        twice(1.0) = 3.0;
        let q = [0.0; 2];
        q[2] = 4.0;
        y.rate
    }

    fn twice(x: f64) -> f64 {
        2.0 * x
    }

    fn nothing(x: f64) -> f64 {
        let _y = x;
    }

    fn no_value(x: f64) -> f64 {
        let _y = { let _z = x; };
        x
    }

    fn patterns(x: State, q: [f64; 2]) -> f64 {
        let State { angel, .. } = x;
        let [a, b, c] = q;
        let (d, e) = q;
        a + b + c + d + e
    }

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
