//! Signatures of constraints, and of functions that may take the parameters of a stage.

#[dilqr_runtime::model]
pub mod pendulum {
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

    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(_x: State, _u: Control, _s: StageParams) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params, _s: StageParams, _t: f64) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, _p: Params) -> [f64; 1] {
        [x.angle]
    }
    pub fn terminal_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.angle]
    }
    pub fn stage_equalities(x: State, _u: Control, _p: Params, _s: StageParams) -> f64 {
        x.angle
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [[f64; 1]; 1] {
        [[x.angle]]
    }
}

fn main() {}
