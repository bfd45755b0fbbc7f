//! Functions of stages take the control of the stage before, others do not.

#[dilqr_runtime::model]
pub mod at_the_end {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn terminal_equalities(x: State, previous: Control, _p: Params) -> [f64; 1] {
        [x.x - previous.u]
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
    pub fn stage_constraints(x: State, u: Control, _p: Params, previous: Control) -> [f64; 1] {
        [x.x - u.u - previous.u]
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
pub mod three {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn stage_constraints(x: State, u: Control, v: Control, w: Control, _p: Params) -> [f64; 1] {
        [x.x - u.u - v.u - w.u]
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
