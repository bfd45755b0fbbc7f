//! Gradients along long active limits on a state. Eliminated, their rows form the inverse of the plant: for the position of
//! a sampled triple integrator that is unstable, and errors grow by a factor of 3.7 a stage.

use crate::support::c;
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::{DMatrix, DVector, SVector};
use dilqr_runtime::{Direction, GradientError, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Solution};

type Vector<S, const N: usize> = SVector<S, N>;

const H: f64 = 0.1;
const T: usize = 100;

/// The problem of Robbins, sampled: a triple integrator goes to rest at zero, and its position stays above `p[0]`. The cost
/// is `p[1]` times the position and `p[2]` times the square of the control, in units of `2^p[3]`.
#[derive(Clone, Copy, Debug)]
struct Robbins;

fn next<S: Scalar>(x: &Vector<S, 3>, u: S) -> Vector<S, 3> {
    let [h1, h2, h3] = [H, H * H / 2.0, H * H * H / 6.0].map(c::<S>);
    [x[0] + h1 * x[1] + h2 * x[2] + h3 * u, x[1] + h1 * x[2] + h2 * u, x[2] + h1 * u].into()
}

impl Model<3, 1, 4> for Robbins {
    const LIMITS: Limits =
        Limits { stage_inequalities: 1, terminal_equalities: 3, depends_on_control: &[false], ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 3, 1, 4>, out: &mut Vector<S, 3>) {
        *out = next(x, u[0]);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 3, 1, 4>) -> S {
        c::<S>(H) * p[3] * (p[1] * x[0] + p[2] * u[0] * u[0])
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 3, 4>) -> S {
        S::zero()
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 3, 1, 4>, out: &mut [S]) {
        out[0] = p[0] - x[0];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 3, 4>, out: &mut [S]) {
        out.copy_from_slice(x.as_slice());
    }
}

fn loss() -> LossGradient<3, 1> {
    let weight = |k: usize| (1.0 + 1.7 * k as f64).sin();
    let mut loss = LossGradient::zeros(T);
    for (t, state) in loss.states.iter_mut().enumerate() {
        *state = SVector::from_fn(|i, _| weight(4 * t + i));
    }
    for (t, control) in loss.controls.iter_mut().enumerate() {
        control[0] = weight(4 * t + 3);
    }
    loss
}

/// The derivative by a dense factorization of all optimality conditions at once. The variables are the controls, the states
/// after the first, the costates and the multipliers of the active rows: none is eliminated.
fn dense(solution: &Solution<3, 1, 4>, loss: &LossGradient<3, 1>) -> (f64, f64, f64, SVector<f64, 3>) {
    let active: Vec<usize> = (0..T).filter(|&t| solution.multipliers.stage[t] > 0.0).collect();
    let (x, lambda) = (|t: usize| T + 3 * (t - 1), |t: usize| 4 * T + 3 * (t - 1));
    let (rows, end) = (7 * T, 7 * T + active.len());
    let mut kkt = DMatrix::zeros(end + 3, end + 3);
    let mut connect = |row: usize, column: usize, value: f64| {
        kkt[(row, column)] = value;
        kkt[(column, row)] = value;
    };
    for t in 0..T {
        connect(t, t, 2.0 * H * solution.params[2] * solution.params[3]);
        // f(x_t, u_t) - x_{t+1}
        for i in 0..3 {
            connect(lambda(t + 1) + i, x(t + 1) + i, -1.0);
            connect(lambda(t + 1) + i, t, next(&SVector::zeros(), 1.0)[i]);
            for j in 0..3 {
                let column = next(&SVector::from_fn(|k, _| f64::from(j == k)), 0.0);
                if t > 0 {
                    connect(lambda(t + 1) + i, x(t) + j, column[i]);
                }
            }
        }
    }
    for (row, &t) in active.iter().enumerate() {
        connect(rows + row, x(t), -1.0);
    }
    for i in 0..3 {
        connect(end + i, x(T) + i, 1.0);
    }
    let mut right = DVector::zeros(end + 3);
    for t in 0..T {
        right[t] = -loss.controls[t][0];
        right.rows_mut(x(t + 1), 3).copy_from(&-loss.states[t + 1]);
    }
    let adjoint = kkt.lu().solve(&right).unwrap();
    let floor = (0..active.len()).map(|row| adjoint[rows + row]).sum();
    let scale = solution.params[3];
    let weight = (1..T).map(|t| H * scale * adjoint[x(t)]).sum();
    let effort = (0..T).map(|t| 2.0 * H * scale * solution.controls[t][0] * adjoint[t]).sum();
    let from_start = SVector::from_fn(|j, _| {
        let column = next(&SVector::from_fn(|k, _| f64::from(j == k)), 0.0);
        loss.states[0][j] + (0..3).map(|i| adjoint[lambda(1) + i] * column[i]).sum::<f64>()
    });
    (floor, weight, effort, from_start)
}

fn solve(params: [f64; 4]) -> (Ilqr<Robbins, 3, 1, 4>, Solution<3, 1, 4>) {
    // Where the limit lets go, distances from it are 1e-9 to 1e-7 of the first position.
    let mut solver = Ilqr::new(Robbins, T, Settings { activity: 1e-10, ..Settings::default() }).unwrap();
    let solution = solver.solve(&Problem::new([1.0, -2.0, 0.0], params, T).with_controls(&[[0.1]; T])).unwrap();
    assert!(solution.status.is_converged(), "{params:?}: {}", solution.status);
    (solver, solution)
}

#[test]
fn a_gradient_along_many_active_limits() {
    // In other units of the cost, too.
    for (floor, scale) in [(-0.02, 1.0), (-0.1, 1e-8)] {
        let (mut solver, solution) = solve([floor, 3.0, 0.5, scale]);
        let longest = solution.multipliers.stage.chunk_by(|a, b| (*a > 0.0) == (*b > 0.0)).map(<[f64]>::len).max();
        assert!(longest.unwrap() >= 20, "floor {floor}");
        let loss = loss();
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let jacobian = solver.jacobian(&solution).unwrap();
        let (of_floor, of_weight, of_effort, from_start) = dense(&solution, &loss);
        let given = [gradient.params[0], gradient.params[1], gradient.params[2]];
        // Sweeps stop at a relative change of 1e-8 at the most; the reference has about 12 digits.
        let largest = [of_floor, of_weight, of_effort].into_iter().fold(from_start.amax(), |most, g| most.max(g.abs()));
        for (given, expected) in given.into_iter().zip([of_floor, of_weight, of_effort]) {
            assert!((given - expected).abs() <= 1e-7 * largest, "floor {floor}: {given}, dense {expected}");
        }
        assert!((gradient.initial_state - from_start).amax() <= 1e-7 * largest, "floor {floor}");
        let contracted: SVector<f64, 4> =
            (0..=T).map(|t| jacobian.states[t].transpose() * loss.states[t]).sum::<SVector<f64, 4>>()
                + (0..T).map(|t| jacobian.controls[t].transpose() * loss.controls[t]).sum::<SVector<f64, 4>>();
        assert!((contracted - gradient.params).amax() <= 1e-7 * largest, "floor {floor}: {contracted}");
    }
}

/// With fixed active limits the solution depends on the ratio of weight and effort alone, and is linear in it.
#[test]
fn a_second_derivative_along_many_active_limits() {
    let (mut solver, solution) = solve([-0.05, 3.0, 0.5, 1.0]);
    let loss = loss();
    let first = solver.vjp(&solution, &loss).unwrap().params[1];
    let along = Direction::new([0.0, 0.0, 1.0, 0.0]);
    let product = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(T)).unwrap();
    let (weight, effort) = (solution.params[1], solution.params[2]);
    let expected = [0.0, -first / effort, 2.0 * weight * first / (effort * effort)];
    // Sweeps stop at a relative change of 1e-9, and two solves add up.
    for (given, expected) in product.params.iter().zip(expected) {
        assert!((given - expected).abs() <= 1e-7 * first.abs() * weight / (effort * effort), "{given}, {expected}");
    }
}

/// The limit at zero holds the position to the end, where the terminal equalities ask for the same: one row too many.
#[test]
fn dependent_rows_are_refused() {
    let (mut solver, solution) = solve([0.0, 3.0, 0.5, 1.0]);
    let error = solver.vjp(&solution, &loss()).unwrap_err();
    assert!(
        matches!(error, GradientError::ConstraintsDependent { .. } | GradientError::WeaklyActive { .. }),
        "{error}"
    );
}
