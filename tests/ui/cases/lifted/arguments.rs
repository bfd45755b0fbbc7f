//! Design variables and parameters of stages in functions that do not take them.

#[dilqr_runtime::model(integrator = euler, dt = d.time)]
pub mod reads_design {
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
        pub time: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2) + d.time
    }
}

#[dilqr_runtime::model]
pub mod reads_stage {
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
        pub goal: f64,
    }
    fn distance(x: State) -> f64 {
        x.x - s.goal
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        (x.x - s.goal).powi(2) + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        distance(x).powi(2)
    }
}

fn main() {}
