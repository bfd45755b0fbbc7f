//! The initial state is given or free.

#[dilqr_runtime::model(initial_state = given)]
pub mod given {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
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

#[dilqr_runtime::model(initial_state)]
pub mod no_value {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
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
pub mod constant {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn initial_cost(x: State, p: Params) -> f64 {
        x.x * p.p
    }
    pub fn initial_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.x]
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

#[dilqr_runtime::model(initial_state = free)]
pub mod with_control {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn initial_cost(x: State, u: Control, p: Params) -> f64 {
        x.x * p.p * u.u
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
