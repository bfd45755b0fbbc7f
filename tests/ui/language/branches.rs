//! Branches that do not come to one value.

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

    fn types(x: f64) -> f64 {
        if x > 0.0 { x } else { [x, x] }
    }
    fn no_else(x: f64) -> f64 {
        let y = if x > 0.0 { x };
        x
    }
    fn integers(q: [f64; 3]) -> f64 {
        let mut i = 0;
        if q[0] > 0.0 {
            i = 1;
        }
        q[i]
    }
    fn conditions(x: f64) -> f64 {
        if x { 1.0 } else if 1 < 2.0 { 2.0 } else if !x { 3.0 } else { 4.0 }
    }
    fn reversed(x: f64) -> f64 {
        x.clamp(1.0, -1.0)
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
