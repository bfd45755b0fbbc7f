//! Products with the second derivative of a loss through a solution; those through constraints are in `limits`.

use crate::support::second_order::{check, loss};
use crate::support::{
    BoundedPendulum, Cart4, Cartpole, CostWeights, Lqr, Pendulum, Rail, Reference, Tracking, rail, solve, tight,
};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Direction, GradientError, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings};

/// Of fourth order with a step of 1e-4: 1e-16 of the fifth derivative, and gradients that are good to 1e-12.
const DIFFERENCES: f64 = 1e-8;

#[test]
fn pendulum() {
    check(Pendulum, &Reference::read("pendulum").problem(), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn cartpole() {
    // Where a pole falls, the fifth derivative is a million times the first.
    check(Cartpole, &Reference::read("cartpole").problem(), tight(), 1e-4, 1e-6);
    check(Cart4, &Cart4::problem(40), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn cost_weights() {
    check(CostWeights, &Reference::read("cost_weights").problem(), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn lqr() {
    check(Lqr, &Reference::read("lqr").problem(), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn within_bounds() {
    check(BoundedPendulum, &Reference::read("pendulum_bounded").problem(), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn relaxed() {
    let settings = Settings { relaxation: Some(0.1), ..tight() };
    check(BoundedPendulum, &Reference::read("pendulum_bounded").problem(), settings, 1e-4, DIFFERENCES);
    // Bounds, constraints on the state and terminal equalities, whose limits are parameters.
    for tau in [1e-1, 1e-3] {
        check(Rail, &rail(), Settings { relaxation: Some(tau), ..tight() }, 1e-5, DIFFERENCES);
    }
}

/// The relaxed product tends to that of the problem with its limits, in proportion to the relaxation, also where the weights of
/// the barriers are 1e10.
#[test]
fn relaxed_products_tend_to_the_exact_one() {
    let mut solver = Ilqr::new(Rail, 25, tight()).unwrap();
    let exact = solve(&mut solver, &rail());
    let along = Direction::new([0.3, -0.2, 0.5, 0.1]).with_initial_state([0.2, -0.4]);
    let flat = |_: &[SVector<f64, 2>], _: &[SVector<f64, 1>]| LossGradient::zeros(25);
    let loss = loss(&exact);
    let limit = solver.hvp(&exact, &loss, &along, flat).unwrap().params;
    let distances = [1e-6, 1e-8, 1e-10].map(|tau| {
        let mut solver = Ilqr::new(Rail, 25, Settings { relaxation: Some(tau), ..tight() }).unwrap();
        let solution = solve(&mut solver, &rail());
        (solver.hvp(&solution, &loss, &along, flat).unwrap().params - limit).amax() / limit.amax()
    });
    println!("{distances:?}");
    assert!(distances.windows(2).all(|pair| pair[1] < 0.1 * pair[0]) && distances[2] < 1e-5, "{distances:?}");
}

#[test]
fn stage_parameters() {
    let stages: Vec<[f64; 2]> =
        (0..=12).map(|t| [0.3 * (f64::from(t) * 0.4).sin(), 0.5 * (f64::from(t) * 0.7).cos()]).collect();
    check(Tracking, &Problem::new([0.5, -0.2], [9.0, 0.02], 12).with_stage_params(&stages), tight(), 1e-4, DIFFERENCES);
}

#[test]
fn what_does_not_fit_is_refused() {
    let stages = [[0.1, 0.0]; 6];
    let problem = Problem::new([0.5, -0.2], [9.0, 0.02], 5).with_stage_params(&stages);
    let mut solver = Ilqr::new(Tracking, 5, Settings::default()).unwrap();
    let mut solution = solve(&mut solver, &problem);
    let gradient = loss(&solution);
    let along = Direction::<2, 2, 2>::new([1.0, 0.0]);
    let flat = |_: &[SVector<f64, 2>], _: &[SVector<f64, 1>]| LossGradient::zeros(5);

    // Stage parameters at rest need no list.
    let still = along.clone().with_stage_params(&[[0.0, 0.0]; 6]);
    let product = solver.hvp(&solution, &gradient, &along, flat);
    assert!(product.is_ok() && product == solver.hvp(&solution, &gradient, &still, flat));

    let short = along.clone().with_stage_params(&[[0.0, 0.0]; 5]);
    let error = solver.hvp(&solution, &gradient, &short, flat).unwrap_err();
    assert_eq!(error.to_string(), "the direction has length 5, expected 6");
    let error = solver.hvp(&solution, &gradient, &Direction::new([1.0, f64::NAN]), flat).unwrap_err();
    assert_eq!(error.to_string(), "the direction is NaN at entry 1, expected a finite number");
    let error = solver.hvp(&solution, &LossGradient::zeros(4), &along, flat).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the states has length 5, expected 6");
    let error = solver.hvp(&solution, &gradient, &along, |_, _| LossGradient::zeros(4)).unwrap_err();
    assert_eq!(error.to_string(), "the loss Hessian's product in the states has length 5, expected 6");
    let mut broken = LossGradient::zeros(5);
    broken.controls[3][0] = f64::INFINITY;
    let error = solver.hvp(&solution, &gradient, &along, |_, _| broken).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the loss Hessian's product in the controls is inf at stage 3, entry 0, expected a finite number"
    );
    solution.controls[2][0] += 1e-3;
    let error = solver.hvp(&solution, &gradient, &along, flat).unwrap_err();
    assert!(matches!(error, GradientError::NotConverged { .. }), "{error}");
}

/// Moves by `u_0 + u_1`. Stage equality `u_0 + u_0^2 / 2 + u_1 = p_0` or none, terminal equality `x = p_1` or none: at rest for
/// `p = 0`, where all multipliers are zero, and move.
#[derive(Clone, Copy, Debug)]
struct AtRest<const STAGE: bool>;

impl<const STAGE: bool> Model<1, 2, 2> for AtRest<STAGE> {
    const LIMITS: Limits = if STAGE {
        Limits { stage_equalities: 1, ..Limits::NONE }
    } else {
        Limits { terminal_equalities: 1, ..Limits::NONE }
    };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 2, 2>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0] + u[1];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 2, 2>) -> S {
        u[0] * u[0] + u[1] * u[1]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { .. }: Terminal<'_, S, 1, 2>) -> S {
        S::zero()
    }
    fn stage_constraints<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 2, 2>, constraints: &mut [S]) {
        constraints.fill(u[0] + S::from_f64(0.5) * u[0] * u[0] + u[1] - p[0]);
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 2>, constraints: &mut [S]) {
        constraints.fill(x[0] - p[1]);
    }
}

/// Multipliers that are zero and move. With the stage equality `u_0'' = 1/8` and `u_1'' = -3/8`: the derivatives of
/// `2 u_0 + mu (1 + u_0) = 0`, `2 u_1 + mu = 0` and of the equality, with `u' = 1/2` and `mu' = -1`. With the terminal one every
/// control is `p_1 / 4`, and the loss `u^2 / 2`, whose gradient is zero, has the second derivative `1/16`.
#[test]
fn multipliers_that_are_zero() {
    let mut solver = Ilqr::new(AtRest::<true>, 1, tight()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [0.0, 0.0], 1));
    for (control, expected) in [(0, 0.125), (1, -0.375)] {
        let mut loss = LossGradient::zeros(1);
        loss.controls[0][control] = 1.0;
        let along = Direction::new([1.0, 0.0]);
        let product = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(1)).unwrap();
        assert!((product.params[0] - expected).abs() < 1e-12, "{control}: {}", product.params);
    }
    let mut solver = Ilqr::new(AtRest::<false>, 2, tight()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [0.0, 0.0], 2));
    let product = solver.hvp(&solution, &LossGradient::zeros(2), &Direction::new([0.0, 1.0]), |_, du| {
        let mut curved = LossGradient::zeros(2);
        curved.controls[0][0] = du[0][0];
        curved
    });
    assert!((product.unwrap().params[1] - 1.0 / 16.0).abs() < 1e-12);
}
