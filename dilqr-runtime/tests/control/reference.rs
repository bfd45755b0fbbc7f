//! The reference data: computed independently in float64 (Newton on the controls, implicit function theorem on the dense
//! reduced problem), confirmed there by re-solving at perturbed parameters.

use crate::support::{
    BoundedPendulum, Cart4, Cartpole, CostWeights, Lqr, Pendulum, Reference, assert_close, matrices, vector, vectors,
};
use dilqr_runtime::{Hessian, Ilqr, Model, Settings, Status};

/// The tolerances the data are good for: their own stationarity is 1e-10 or better and they agree with differences of
/// re-solved problems to a few 1e-9 (cost_weights: 5e-5 of differences, whose error that is).
const COST: f64 = 1e-9;
const TRAJECTORY: f64 = 1e-6;
const DERIVATIVE: f64 = 1e-6;

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    settings: Settings,
    max_iterations: usize,
) where
    M: Model<NX, NU, NP>,
{
    let reference = Reference::read(name);
    let problem = reference.problem::<NX, NU, NP>();
    let mut solver = Ilqr::new(model, reference.horizon, settings).unwrap();
    let solution = solver.solve(&problem).unwrap();
    println!("{name}: {:?}", solution.stats);
    assert_eq!(solution.status, Status::Converged, "{name}: {:?}", solution.stats);
    assert!(solution.stats.iterations <= max_iterations, "{name}: {:?}", solution.stats);
    assert!((solution.cost - reference.cost).abs() <= COST * reference.cost.abs(), "{name}: cost {}", solution.cost);
    assert_close(name, &solution.states, &vectors(&reference.states), TRAJECTORY);
    assert_close(name, &solution.controls, &vectors(&reference.controls), TRAJECTORY);

    let gradient = solver.vjp(&solution, &reference.loss()).unwrap();
    assert_close(name, &[gradient.params], &[vector::<NP>(&reference.grad_params)], DERIVATIVE);
    assert_close(name, &[gradient.initial_state], &[vector::<NX>(&reference.grad_initial_state)], DERIVATIVE);

    let jacobian = solver.jacobian(&solution).unwrap();
    assert_close(name, &jacobian.states, &matrices::<NX, NP>(&reference.jacobian_states_params), DERIVATIVE);
    assert_close(name, &jacobian.controls, &matrices::<NU, NP>(&reference.jacobian_controls_params), DERIVATIVE);
}

#[test]
fn pendulum() {
    check("pendulum", Pendulum, Settings::default(), 18);
}

/// 21 of the 30 controls are at a bound.
#[test]
fn pendulum_bounded() {
    check("pendulum_bounded", BoundedPendulum, Settings::default(), 25);
    let settings = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    check("pendulum_bounded", BoundedPendulum, settings, 100);
}

#[test]
fn cartpole() {
    check("cartpole", Cartpole, Settings::default(), 18);
}

#[test]
fn cost_weights() {
    check("cost_weights", CostWeights, Settings::default(), 18);
}

#[test]
fn lqr() {
    // A quadratic problem: the first step is the solution, up to rounding that a second may remove.
    check("lqr", Lqr, Settings::default(), 2);
}

#[test]
fn gauss_newton_finds_the_same_minimum_of_the_pendulum() {
    let settings = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    check("pendulum", Pendulum, settings, 100);
    check("lqr", Lqr, settings, 2);
}

/// The comparison problem at T = 100, against values of its full KKT system solved to 4e-15.
#[test]
fn cart4_of_the_comparison() {
    let golden = [
        (10, -8.748597242848717, [29.45919490239904, 224.56511779403155, 192.39999786882387, -133.61221431212877]),
        (30, -24.865048687994285, [100.89714789860575, 998.4062541989155, 566.6865590679342, 1462.3340948762132]),
        (100, -93.77662189693513, [103.32272213159449, 1280.0794063930286, 722.8499126168597, 2123.974420931302]),
    ];
    for (horizon, cost, gradient) in golden {
        let mut solver = Ilqr::new(Cart4, horizon, Settings::default()).unwrap();
        let solution = solver.solve(&Cart4::problem(horizon)).unwrap();
        println!("T = {horizon}: {:?}", solution.stats);
        assert_eq!(solution.status, Status::Converged, "T = {horizon}: {:?}", solution.stats);
        assert!(solution.stats.iterations <= 18, "T = {horizon}: {:?}", solution.stats);
        assert!((solution.cost - cost).abs() <= COST * cost.abs(), "T = {horizon}: {}", solution.cost);
        let loss = Cart4::loss(&solution.states, &solution.controls);
        let computed = solver.vjp(&solution, &loss).unwrap();
        assert_close("cart4", &[computed.params], &[vector::<4>(&gradient)], DERIVATIVE);
    }
}
