//! Patterns and options of Rust that a model does not have.

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

    fn patterns(x: State, q: [f64; 2]) -> f64 {
        if let Some(y) = Some(x.angle) {}
        let ref c = x;
        let [first, ..] = q;
        let other::State { angle, .. } = x;
        x.angle
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
