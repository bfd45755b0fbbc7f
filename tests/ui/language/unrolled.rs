//! What shows while loops are unrolled: indices, steps, casts, statements without effect.

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

    fn steps(x: f64) -> f64 {
        let mut sum = 0.0;
        for _ in 0..20_000 {
            sum += x;
        }
        sum
    }
    fn unused(x: f64) -> f64 {
        for i in 0..3 {
            x * i as f64
        }
        x
    }
    fn ends(q: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        for i in 0..=3 {
            sum += q[i];
        }
        sum
    }
    fn bounds(x: f64) -> f64 {
        for i in 0..x {}
        x
    }
    fn casts(x: f64) -> f64 {
        let n = x as usize;
        let yes = true as usize;
        x
    }
    fn remainder(x: f64) -> f64 {
        x % 2.0
    }

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        x.angle * u.torque * p.mass
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {}
