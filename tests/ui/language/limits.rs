//! Bounds and constraints.

#[dilqr_runtime::model]
mod attributes {
    pub struct State {
        #[bounds(0.0, 1.0)]
        pub angle: f64,
    }
    pub struct Control {
        #[bounds(1.0)]
        pub torque: f64,
        #[bounds(None, 1.0)]
        #[bounds(None, 2.0)]
        pub force: f64,
    }
}

#[dilqr_runtime::model]
mod values {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        #[bounds(1.0, -1.0)]
        pub torque: f64,
        #[bounds([-1.0, -2.0, -3.0], p.most)]
        pub forces: [f64; 2],
        #[bounds(x.angle, [1.0, 2.0])]
        pub more: f64,
    }
    pub struct Params {
        pub most: f64,
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

#[dilqr_runtime::model]
mod constraints {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}
    pub struct StageParams {
        pub target: f64,
    }
    pub fn dynamics(x: State, _u: Control, _p: Params, _s: StageParams) -> State {
        x
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params, _s: State) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, _p: Params) -> [f64; 1] {
        [x.angle]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {}
