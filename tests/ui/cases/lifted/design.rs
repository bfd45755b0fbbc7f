//! Design variables are read, and their bounds are the same at all stages.

#[dilqr_runtime::model]
pub mod unused {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct Design {
        #[bounds(0.0, 1.0)]
        pub d: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

#[dilqr_runtime::model]
pub mod partly {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct Design {
        pub d: [f64; 3],
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params, d: Design) -> [f64; 1] {
        [x.x - d.d[1]]
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

#[dilqr_runtime::model]
pub mod empty {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct Design {}
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

#[dilqr_runtime::model]
pub mod reversed {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct Design {
        #[bounds(1.0, 0.0)]
        pub d: f64,
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params, d: Design) -> [f64; 1] {
        [x.x - d.d]
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

#[dilqr_runtime::model]
pub mod of_stages {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct StageParams {
        pub s: f64,
    }
    pub struct Design {
        #[bounds(s.s, None)]
        pub d: f64,
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params, d: Design, s: StageParams) -> [f64; 1] {
        [x.x - d.d * s.s]
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

#[dilqr_runtime::model]
pub mod order {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct StageParams {
        pub s: f64,
    }
    pub struct Design {
        pub d: f64,
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params, s: StageParams, d: Design) -> [f64; 1] {
        [x.x - d.d * s.s]
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

fn main() {}
