//! Soft constraints have penalties that are not negative.

#[dilqr_runtime::model]
pub mod missing {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod no_factor {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod unknown_factor {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(cubic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod same_factor {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(linear = 1.0, linear = 2.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod twice {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(linear = 1.0)]
    #[penalty(quadratic = 2.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod elsewhere {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(linear = 1.0)]
    pub fn stage_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod negative {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    const WEIGHT: f64 = -2.0;
    #[penalty(linear = 1.0, quadratic = WEIGHT)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod zero {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(linear = 0.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod of_design {
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
        pub d: f64,
    }
    #[penalty(linear = d.d)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

#[dilqr_runtime::model]
pub mod of_arrays {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    #[penalty(linear = [1.0, 2.0])]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
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

fn main() {}
