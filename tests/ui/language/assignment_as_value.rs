//! An assignment stands alone.

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

    fn values(x: f64) -> f64 {
        let mut y = x;
        let z = (y += 1.0);
        y * (y = 2.0)
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
