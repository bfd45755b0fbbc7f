//! Bounds whose values do not fit.

#[dilqr_runtime::model]
pub mod arm {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        #[bounds(LIMIT, -LIMIT)]
        pub reversed: f64,
        #[bounds([-1.0, -1.0], [1.0, -2.0])]
        pub reversed_entry: [f64; 2],
        #[bounds([-1.0, -1.0, -1.0], 1.0)]
        pub too_many: [f64; 2],
        #[bounds(p.limits, absent)]
        pub unknown: f64,
        #[bounds(-1, x.angle)]
        pub wrong: f64,
    }
    pub struct Params {
        pub limit: f64,
    }

    const LIMIT: f64 = 2.0;

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
