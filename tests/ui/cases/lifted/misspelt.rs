//! Functions that a model may have, with nearly their names: nothing calls them.

#[dilqr_runtime::model(initial_state = free)]
pub mod pendulum {
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
    pub fn initial_costs(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
    pub fn stage_constraint(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.x - 1.0]
    }
    pub fn terminal_equality(x: State, _p: Params) -> [f64; 1] {
        [x.x]
    }
    // Another name is a function of the user's own.
    pub fn energy(x: State) -> f64 {
        x.x.powi(2)
    }
}

fn main() {}
