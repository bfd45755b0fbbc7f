//! The computations of a controller: a solution, its gradient and its Jacobian. They need `core` and `alloc` alone.

use alloc::vec::Vec;

use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};

use crate::learned::learned::{Friction, Learned, Residual};
use crate::spring::spring::{Spring, StageParams};

const HORIZON: usize = 20;

/// All numbers, in order.
pub fn answers() -> Vec<f64> {
    let mut numbers = of_spring();
    numbers.extend(of_network());
    numbers.extend(crate::cart::numbers());
    numbers
}

/// A model with a network, a table and a function of the user's own: a solution and its gradients in parameters and weights.
fn of_network() -> Vec<f64> {
    let problem = Problem::new([0.8, -0.3], [3.0, 0.5], HORIZON);
    let model = Learned::new(Residual::xavier(6), Friction { width: 0.7 });
    let mut solver = Ilqr::new(model, HORIZON, Settings::default()).expect("the settings are the default");
    let solution = solver.solve(&problem).expect("the problem is one");
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(HORIZON);
    for t in 0..HORIZON {
        loss.states[t][1] = 1.0 - 0.1 * t as f64;
        loss.controls[t][0] = 0.1 * t as f64;
    }
    let gradient = solver.vjp(&solution, &loss).expect("the solution has a gradient");
    assert_eq!(gradient.weights.len(), Residual::LEN);
    let mut numbers = Vec::from([solution.cost]);
    numbers.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(gradient.params.iter().chain(gradient.initial_state.iter()).copied());
    numbers.extend(gradient.weights);
    numbers
}

fn of_spring() -> Vec<f64> {
    let targets: Vec<_> = (0..=HORIZON).map(|t| StageParams { target: 0.05 * t as f64 }).collect();
    let problem = Problem::new([1.0, 0.2, -0.1], [2.0, 0.5], HORIZON).with_stage_params(&targets);
    let mut solver = Ilqr::new(Spring, HORIZON, Settings::default()).expect("the settings are the default");
    let solution = solver.solve(&problem).expect("the problem is one");
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(HORIZON);
    for t in 0..HORIZON {
        loss.states[t][0] = 1.0 - 0.1 * t as f64;
        loss.controls[t][0] = 0.1 * t as f64;
    }
    let gradient = solver.vjp(&solution, &loss).expect("the solution has a gradient");
    let jacobian = solver.jacobian(&solution).expect("the solution has a Jacobian");
    let mut numbers = Vec::from([solution.cost, solution.certificate().smallest_eigenvalue]);
    numbers.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(solution.controls.iter().flat_map(|u| u.iter().copied()));
    numbers.extend(gradient.params.iter().chain(gradient.initial_state.iter()).copied());
    numbers.extend(gradient.stage_params.iter().flat_map(|s| s.iter().copied()));
    numbers.extend(jacobian.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(jacobian.controls.iter().flat_map(|u| u.iter().copied()));
    numbers
}
