//! Loops that are none to the compiler.

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

    fn ranges(x: f64, q: [f64; 3]) -> f64 {
        for v in q {}
        let _range = 0..3;
        'outer: for i in 0..3 {
            if i == 1 {
                continue;
            }
            break;
        }
        let _labelled = 'a: { x };
        x
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
