//! Gradients of compiled models in independent ways: the Riccati passes, the contracted Jacobian, the same passes with
//! dual-number kernels, central differences through the solver. (The tests of the runtime compare the dense formula of
//! the paper.)

use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{Stage, StageExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Direction, Ilqr, LossGradient, Model, Problem, Settings};
use dilqr_tests::{Reference, assert_close, cart4, differences, pend2, random_loss, solve, tight, value, weights};

fn check<M, const NX: usize, const NU: usize, const NP: usize>(name: &str, model: M, problem: &Problem<NX, NU, NP>)
where
    M: Model<NX, NU, NP> + Copy,
{
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(model, horizon, tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let loss = random_loss(horizon);
    let gradient = solver.vjp(&solution, &loss).unwrap();

    let jacobian = solver.jacobian(&solution).unwrap();
    let states = loss.states.iter().zip(&jacobian.states).map(|(g, j)| j.transpose() * g);
    let contracted = loss.controls.iter().zip(&jacobian.controls).map(|(g, j)| j.transpose() * g);
    let contracted: SVector<f64, NP> = states.chain(contracted).sum();
    // Two exact methods with one factorization. Sums over the horizon cancel a few digits.
    assert_close(name, &[gradient.params], &[contracted], 1e-10);

    // The same solution, differentiated with dual numbers through the value kernels: only rounding differs.
    let mut by_dual = Ilqr::new(AutoDiff(model), horizon, tight()).unwrap();
    let dual = by_dual.vjp(&solution, &loss).unwrap();
    assert_close(name, &[gradient.params], &[dual.params], 1e-9);
    assert_close(name, &[gradient.initial_state], &[dual.initial_state], 1e-9);

    // As do second derivatives and unrolled steps, which run the generic kernels on dual numbers.
    let along = Direction::new(solution.params).with_initial_state(SVector::repeat(1.0));
    let flat = |_: &[SVector<f64, NX>], _: &[SVector<f64, NU>]| LossGradient::zeros(horizon);
    let product = solver.hvp(&solution, &loss, &along, flat).unwrap();
    let dual = by_dual.hvp(&solution, &loss, &along, flat).unwrap();
    assert_close(name, &[product.params], &[dual.params], 1e-8);
    assert_close(name, &[product.initial_state], &[dual.initial_state], 1e-8);
    let [steps, dual] = [solver.truncated(problem, &loss, 1).unwrap(), by_dual.truncated(problem, &loss, 1).unwrap()];
    assert_close(name, &[steps.params], &[dual.params], 1e-9);

    // `differences` has an accuracy of 1e-10 of the largest entry. The rest is room for large higher derivatives.
    let tolerance = 1e-7;
    let measured = differences(&mut solver, &solution, |s| value(&loss, s));
    assert_close(name, &[gradient.params], &[measured.params], tolerance);
    assert_close(name, &[gradient.initial_state], &[measured.initial_state], tolerance);

    let gradient = solver.value_gradient(&solution).unwrap();
    let measured = differences(&mut solver, &solution, |s| s.cost);
    assert_close(name, &[gradient.params], &[measured.params], tolerance);
    assert_close(name, &[gradient.initial_state], &[measured.initial_state], tolerance);
    // The costates of the solution are the gradient of the optimal cost-to-go.
    assert_close(name, &[solution.costates[0]], &[gradient.initial_state], 1e-9);
}

#[test]
fn pendulum() {
    check("pendulum", pendulum::Pendulum, &Reference::read("pendulum").problem());
}

#[test]
fn cartpole() {
    check("cartpole", cartpole::Cartpole, &Reference::read("cartpole").problem());
}

#[test]
fn cost_weights() {
    check("cost_weights", weights::Weights, &Reference::read("cost_weights").problem());
}

#[test]
fn lqr() {
    check("lqr", lqr::Lqr, &Reference::read("lqr").problem());
}

#[test]
fn costs_that_are_not_convex() {
    let feedback = |_: usize, x: &SVector<f64, 2>| [-(8.0 * x[0] + 2.0 * x[1])];
    check("pend2", pend2::Pend2, &Problem::new([1.0, 0.0], [10.0, 1.0, 1.0], 25).with_policy(&pend2::Pend2, feedback));
    let feedback = |_: usize, x: &SVector<f64, 4>| [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]];
    let problem = Problem::new([0.1, -0.2, 0.5, 0.3], [9.8, 1.0, 0.1, 0.5], 25);
    check("cart4", cart4::Cart4, &problem.with_policy(&cart4::Cart4, feedback));
}

#[test]
fn one_stage() {
    check("one stage", pendulum::Pendulum, &Problem::new([0.4, 0.1], [10.0, 1.0, 1.0], 1));
}

/// The upright pendulum: open-loop recursions lose all digits here (stationarity 5e-2 at T = 200, 2e14 at T = 400).
#[test]
fn long_horizons_on_an_unstable_plant() {
    let model = pendulum::Pendulum;
    for horizon in [200, 400] {
        let problem = Problem::new([0.3, 0.0], pendulum::Params::default(), horizon)
            .with_policy(&model, |_, x| [-(8.0 * x[0] + 2.0 * x[1])]);
        let mut solver = Ilqr::new(model, horizon, Settings::default()).unwrap();
        let solution = solve(&mut solver, &problem);

        // Stationarity by the costates of the solution, relative to the largest gradient of the cost in a control.
        let (mut error, mut largest): (f64, f64) = (0.0, 0.0);
        for t in 0..horizon {
            let mut stage = StageExpansion::zeros();
            let none = SVector::zeros();
            model.expand_stage(
                Stage::new(&solution.states[t], &solution.controls[t], &solution.params, &none),
                &mut stage,
            );
            error = error.max((stage.lu + stage.fu.transpose() * solution.costates[t + 1]).amax());
            largest = largest.max(stage.lu.amax());
        }
        // The tolerance of the solver.
        assert!(error <= 1e-9 * largest.max(1.0), "T = {horizon}: stationarity {error:e}");
        assert!(solution.costates.iter().all(|lambda| lambda.amax() <= 10.0), "costates as large as the cost's slope");

        let loss = random_loss(horizon);
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let jacobian = solver.jacobian(&solution).unwrap();
        let states = loss.states.iter().zip(&jacobian.states).map(|(g, j)| j.transpose() * g);
        let controls = loss.controls.iter().zip(&jacobian.controls).map(|(g, j)| j.transpose() * g);
        let contracted: SVector<f64, 3> = states.chain(controls).sum();
        // As on short horizons: the closed loop is stable, so errors do not grow with T.
        assert_close("T", &[gradient.params], &[contracted], 1e-10);
        // du_0/dx_0 is the first gain. It does not depend on the end of a long horizon.
        let mut first = LossGradient::zeros(horizon);
        first.controls[0][0] = 1.0;
        let gradient = solver.vjp(&solution, &first).unwrap();
        assert_close("T", &[gradient.initial_state], &[solution.gains[0].transpose()], 1e-8);
    }
}
