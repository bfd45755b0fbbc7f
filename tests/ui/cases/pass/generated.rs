//! What the macro adds to the module.
#![deny(warnings)]

use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Model, Settings, Status};

#[dilqr_runtime::model]
pub mod double_integrator {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub mass: f64,
        pub weights: [f64; 2],
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { position: x.position + 0.1 * x.velocity, velocity: x.velocity + 0.1 * u.force / p.mass }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.weights[0] * x.position.powi(2) + p.weights[1] * x.velocity.powi(2) + u.force.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.position.powi(2) + x.velocity.powi(2)
    }
}

use double_integrator::{Control, DoubleIntegrator, Params, Problem, Solver, State, linearize};

fn main() {
    assert_eq!(State::NAMES, ["position", "velocity"]);
    assert_eq!(Params::NAMES, ["mass", "weights[0]", "weights[1]"]);

    let state = State::from([1.0, 2.0]);
    assert_eq!(state, State { position: 1.0, velocity: 2.0 });
    assert_eq!(<[f64; 2]>::from(state), [1.0, 2.0]);
    assert_eq!(SVector::from(state), SVector::from([1.0, 2.0]));
    assert_eq!(State::from(SVector::from([1.0, 2.0])), state);
    let params: Params = [2.0, 3.0, 4.0].into();
    assert_eq!(params.weights, [3.0, 4.0]);

    let at = linearize(&state, &Control { force: 4.0 }, &params);
    assert_eq!(at.f, SVector::from([1.2, 2.2]));
    assert_eq!(at.fx, SMatrix::<f64, 2, 2>::new(1.0, 0.1, 0.0, 1.0));
    assert_eq!(at.fu, SVector::from([0.0, 0.05]));
    assert_eq!(at.fp, SMatrix::<f64, 2, 3>::new(0.0, 0.0, 0.0, -0.1, 0.0, 0.0));
    assert_eq!(DoubleIntegrator::SPARSITY.fx, [[true, true], [false, true]]);
    assert_eq!(DoubleIntegrator::SPARSITY.fu, [[false], [true]]);

    let problem = Problem::new(state, params, 20);
    let mut solver = Solver::new(DoubleIntegrator, 20, Settings::default()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
}
