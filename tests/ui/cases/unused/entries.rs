//! Of an array the entries are named; here a loop ends one step early.
#![deny(deprecated)]

#[dilqr_runtime::model]
pub mod point {
    pub struct State {
        pub position: [f64; 3],
    }
    pub struct Control {
        pub velocity: [f64; 3],
    }
    pub struct Params {
        pub weights: [f64; 4],
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let mut position = x.position;
        for i in 0..3 {
            position[i] += 0.1 * u.velocity[i];
        }
        State { position }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        u.velocity[0].powi(2) + u.velocity[1].powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..2 {
            cost += p.weights[i] * x.position[i].powi(2);
        }
        cost
    }
}

fn main() {}
