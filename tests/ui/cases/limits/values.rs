//! Bounds are numbers over consts and `p`, for an array one or as many as it has.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
        #[bounds(-1, 1)]
        pub integers: f64,
        #[bounds([-1.0, -1.0, -1.0], 1.0)]
        pub too_many: [f64; 2],
        #[bounds(p.masses, absent)]
        pub unknown: f64,
        #[bounds(None, x.angle)]
        pub state: f64,
        #[bounds([-1.0, -1.0], [[1.0], [1.0]])]
        pub matrix: [[f64; 1]; 2],
        #[bounds(Pair { left: -1.0 }, [1.0, 1.0])]
        pub pair: Pair,
    }
    pub struct Pair {
        pub left: f64,
        pub right: f64,
    }
    pub struct Params {
        pub mass: f64,
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
