//! States and constraints of thousands of entries: matrices of a model are dense.

#[dilqr_runtime::model]
pub mod rod {
    pub struct State {
        pub temperatures: [f64; 1000],
    }
    pub struct Control {
        pub heat: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let mut temperatures = x.temperatures;
        temperatures[0] += u.heat;
        State { temperatures }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.temperatures[999]
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.temperatures[999]
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params) -> [f64; 1000] {
        x.temperatures
    }
}

fn main() {}
