//! The reference data, with models that the macro compiled.

use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Ilqr, LossGradient, Model, Problem, Settings, Status};
use dilqr_tests::{Peer, Reference, assert_close, cart4, matrices, pend2, vector, vectors, weights};

/// The accuracy of the data: stationary to 1e-10; derivatives agree with differences of solutions to about 1e-9.
const COST: f64 = 1e-9;
const TRAJECTORY: f64 = 1e-6;
const DERIVATIVE: f64 = 1e-6;

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    settings: Settings,
    most_iterations: usize,
) where
    M: Model<NX, NU, NP>,
{
    let reference = Reference::read(name);
    let mut solver = Ilqr::new(model, reference.horizon, settings).unwrap();
    let solution = solver.solve(&reference.problem()).unwrap();
    assert_eq!(solution.status, Status::Converged, "{name}: {:?}", solution.stats);
    assert!(solution.stats.iterations <= most_iterations, "{name}: {:?}", solution.stats);
    assert!((solution.cost - reference.cost).abs() <= COST * reference.cost.abs(), "{name}: cost {}", solution.cost);
    assert_close(name, &solution.states, &vectors(&reference.states), TRAJECTORY);
    assert_close(name, &solution.controls, &vectors(&reference.controls), TRAJECTORY);

    let gradient = solver.vjp(&solution, &reference.loss()).unwrap();
    assert_close(name, &[gradient.params], &[vector(&reference.grad_params)], DERIVATIVE);
    assert_close(name, &[gradient.initial_state], &[vector(&reference.grad_initial_state)], DERIVATIVE);

    let jacobian = solver.jacobian(&solution).unwrap();
    assert_close(name, &jacobian.states, &matrices(&reference.jacobian_states_params), DERIVATIVE);
    assert_close(name, &jacobian.controls, &matrices(&reference.jacobian_controls_params), DERIVATIVE);
}

#[test]
fn pendulum() {
    check("pendulum", pendulum::Pendulum, Settings::default(), 18);
}

/// The pendulum of `dilqr-models` with a weak motor.
#[dilqr_runtime::model]
pub mod weak {
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }
    pub struct Control {
        #[bounds(-2.0, 2.0)]
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub mass: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.theta.sin();
        let omega = x.omega + DT * (fall + 3.0 * u.torque / (p.mass * p.length.powi(2)));
        State { theta: x.theta + DT * omega, omega }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.theta.powi(2) + 0.1 * x.omega.powi(2) + 0.001 * u.torque.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * x.theta.powi(2) + x.omega.powi(2)
    }
}

/// 21 of the 30 controls are at a bound.
#[test]
fn pendulum_bounded() {
    check("pendulum_bounded", weak::Weak, Settings::default(), 25);
    let settings = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    check("pendulum_bounded", weak::Weak, settings, 100);
}

#[test]
fn cartpole() {
    check("cartpole", cartpole::Cartpole, Settings::default(), 18);
}

#[test]
fn cost_weights() {
    check("cost_weights", weights::Weights, Settings::default(), 18);
}

#[test]
fn lqr() {
    // A quadratic problem: the first step is the solution, up to rounding that a second may remove.
    check("lqr", lqr::Lqr, Settings::default(), 2);
}

/// Gauss-Newton steps need not converge on the cart and pole.
#[test]
fn gauss_newton() {
    let settings = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    check("pendulum", pendulum::Pendulum, settings, 100);
    check("lqr", lqr::Lqr, settings, 2);
}

/// The problems of the comparison with other solvers. All start from the same feedback.
fn check_peer<M, const NX: usize, const NP: usize>(
    name: &str,
    model: M,
    x0: [f64; NX],
    params: [f64; NP],
    feedback: [f64; NX],
    rate: usize,
) where
    M: Model<NX, 1, NP> + Copy,
{
    for horizon in [10, 30, 100] {
        let name = format!("{name}_T{horizon}");
        let peer = Peer::read(&name);
        let feedback = SVector::from(feedback);
        let problem =
            Problem::new(x0, params, horizon).with_policy(&model, move |_, x| SVector::from([feedback.dot(x)]));
        let mut solver = Ilqr::new(model, horizon, Settings::default()).unwrap();
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged, "{name}: {:?}", solution.stats);
        assert!(solution.stats.iterations <= 18, "{name}: {:?}", solution.stats);
        assert!((solution.cost - peer.cost).abs() <= COST * peer.cost.abs(), "{name}: cost {}", solution.cost);
        let controls: Vec<SVector<f64, 1>> = peer.controls.iter().map(|&u| [u].into()).collect();
        assert_close(&name, &solution.controls, &controls, TRAJECTORY);
        // Relative to the initial state: the last one is close to zero.
        let error = (solution.states[horizon] - vector(&peer.last_state)).amax();
        assert!(error <= TRAJECTORY * solution.x0.amax(), "{name}: last state off by {error}");

        let mut loss = LossGradient::zeros(horizon);
        loss.controls.copy_from_slice(&solution.controls);
        for (gradient, x) in loss.states.iter_mut().zip(&solution.states).skip(1) {
            gradient[rate] = x[rate];
        }
        let squares = loss.controls.iter().map(SVector::norm_squared).sum::<f64>()
            + loss.states.iter().map(SVector::norm_squared).sum::<f64>();
        assert!((0.5 * squares - peer.loss).abs() <= TRAJECTORY * peer.loss, "{name}: loss {}", 0.5 * squares);
        let gradient = solver.vjp(&solution, &loss).unwrap();
        assert_close(&name, &[gradient.params], &[vector(&peer.grad_params)], DERIVATIVE);
        let first = solver.jacobian(&solution).unwrap().controls[0].transpose();
        assert_close(&name, &[first], &[vector(&peer.jacobian_first_control)], DERIVATIVE);
    }
}

#[test]
fn pendulum_of_the_comparison() {
    check_peer("pend2", pend2::Pend2, [1.0, 0.0], [10.0, 1.0, 1.0], [-8.0, -2.0], 1);
}

#[test]
fn cartpole_of_the_comparison() {
    check_peer("cart4", cart4::Cart4, [0.0, 0.0, 0.5, 0.0], [9.8, 1.0, 0.1, 0.5], [2.0, 4.0, 40.0, 8.0], 3);
}
