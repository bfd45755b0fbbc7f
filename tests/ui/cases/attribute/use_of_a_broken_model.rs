//! A mistake in a function's body stays the only error: what uses the model finds all its types.

use pendulum::{Control, Params, Pendulum, Problem, Solver, State, linearize};

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: [f64; 2],
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let angle = x.angle.round();
        State { angle, rate: [x.rate[1], u.torque] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * u.torque
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {
    let state = State::from([0.0, 1.0, 2.0]);
    let next = linearize(&state, &Control { torque: 0.0 }, &Params {});
    let problem = Problem::new(next.f, Params {}, 10);
    let mut solver = Solver::new(Pendulum, 10, dilqr_runtime::Settings::default()).unwrap();
    solver.solve(&problem).unwrap();
    assert_eq!(State::NAMES[0], "angle");
}
