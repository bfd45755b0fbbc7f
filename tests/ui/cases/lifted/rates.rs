//! Only controls have bounds of their rate.

#[dilqr_runtime::model]
pub mod of_states {
    pub struct State {
        #[rate_bounds(-1.0, 1.0)]
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
pub mod one_side {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(1.0)]
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
pub mod twice {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(-1.0, 1.0)]
        #[rate_bounds(-2.0, 2.0)]
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
pub mod misspelt {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bound(-1.0, 1.0)]
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
pub mod reversed {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(1.0, -1.0)]
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
pub mod of_states_reversed {
    pub struct State {
        #[bounds(1.0, -1.0)]
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

fn main() {}
