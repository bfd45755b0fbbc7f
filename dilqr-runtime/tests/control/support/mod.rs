//! The models and the reference data of the runtime's tests. Models are value functions alone; derivatives come from
//! dual numbers, so that these tests depend on nothing generated.
#![allow(dead_code, reason = "every test file uses its own part")]

pub(crate) mod second_order;

use std::fs;
use std::path::Path;

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Solution, Status};
use serde::Deserialize;

pub(crate) const DT: f64 = 0.05;

pub(crate) fn c<S: Scalar>(value: f64) -> S {
    S::from_f64(value)
}

type Vector<S, const N: usize> = SVector<S, N>;

/// Reference case `pendulum`: angle from upright and rate; torque; gravity, mass, length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pendulum;

impl Model<2, 1, 3> for Pendulum {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 3>, next: &mut Vector<S, 2>) {
        let [gravity, mass, length] = [p[0], p[1], p[2]];
        let acceleration =
            c::<S>(3.0) * gravity / (c::<S>(2.0) * length) * x[0].sin() + c::<S>(3.0) * u[0] / (mass * length * length);
        next[1] = x[1] + c::<S>(DT) * acceleration;
        next[0] = x[0] + c::<S>(DT) * next[1];
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 3>) -> S {
        x[0] * x[0] + c::<S>(0.1) * x[1] * x[1] + c::<S>(0.001) * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 3>) -> S {
        c::<S>(10.0) * x[0] * x[0] + x[1] * x[1]
    }
}

/// Reference case `pendulum_bounded`: the same with a torque between -2 and 2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundedPendulum;

impl Model<2, 1, 3> for BoundedPendulum {
    const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 3>, next: &mut Vector<S, 2>) {
        Pendulum.dynamics(Stage { x, u, p, s }, next);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 3>) -> S {
        Pendulum.stage_cost(Stage { x, u, p, s })
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 3>) -> S {
        Pendulum.terminal_cost(Terminal { x, p, s })
    }

    fn bounds<S: Scalar>(&self, _: &Vector<S, 3>, lower: &mut Vector<S, 1>, upper: &mut Vector<S, 1>) {
        lower[0] = c(-2.0);
        upper[0] = c(2.0);
    }
}

/// One explicit Euler step of the cart and pole: position, velocity, angle, rate; force; gravity, masses, length.
pub(crate) fn cartpole_step<S: Scalar>(x: &Vector<S, 4>, force: S, p: &Vector<S, 4>, next: &mut Vector<S, 4>) {
    let [gravity, mass_cart, mass_pole, length] = [p[0], p[1], p[2], p[3]];
    let total = mass_pole + mass_cart;
    let pole = mass_pole * length;
    let (sin, cos) = x[2].sin_cos();
    let cart = (force + pole * x[3] * x[3] * sin) / total;
    let angular = (gravity * sin - cos * cart) / (length * (c::<S>(4.0 / 3.0) - mass_pole * cos * cos / total));
    let linear = cart - pole * angular * cos / total;
    let dt = c::<S>(DT);
    next[0] = x[0] + dt * x[1];
    next[1] = x[1] + dt * linear;
    next[2] = x[2] + dt * x[3];
    next[3] = x[3] + dt * angular;
}

/// Reference case `cartpole`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cartpole;

impl Model<4, 1, 4> for Cartpole {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 4>, next: &mut Vector<S, 4>) {
        cartpole_step(x, u[0], p, next);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 4, 1, 4>) -> S {
        c::<S>(0.1) * (x[0] * x[0] + x[1] * x[1] + x[3] * x[3])
            + c::<S>(2.0) * (c::<S>(1.0) - x[2].cos())
            + c::<S>(0.001) * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 4, 4>) -> S {
        c::<S>(10.0) * self.stage_cost(Stage::new(x, &Vector::<S, 1>::from([S::zero()]), p, s))
    }
}

/// Reference case `cost_weights`: the parameters are the cost's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CostWeights;

impl CostWeights {
    fn distance<S: Scalar>(x: &Vector<S, 4>, p: &Vector<S, 9>) -> S {
        let mut sum = S::zero();
        for i in 0..4 {
            let error = x[i] - p[4 + i];
            sum += p[i] * error * error;
        }
        sum
    }
}

impl Model<4, 1, 9> for CostWeights {
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 4, 1, 9>, next: &mut Vector<S, 4>) {
        cartpole_step(x, u[0], &[c(9.8), c(1.0), c(0.1), c(0.5)].into(), next);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 9>) -> S {
        Self::distance(x, p) + p[8] * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 4, 9>) -> S {
        c::<S>(10.0) * Self::distance(x, p)
    }
}

/// Reference case `lqr`: A and B row by row in the parameters, and the control's weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lqr;

impl Model<4, 2, 25> for Lqr {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 2, 25>, next: &mut Vector<S, 4>) {
        for i in 0..4 {
            let mut sum = p[16 + 2 * i] * u[0] + p[16 + 2 * i + 1] * u[1];
            for j in 0..4 {
                sum += p[4 * i + j] * x[j];
            }
            next[i] = sum;
        }
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 4, 2, 25>) -> S {
        self.terminal_cost(Terminal { x, p, s }) + c::<S>(0.5) * p[24] * (u[0] * u[0] + u[1] * u[1])
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 4, 25>) -> S {
        c::<S>(0.5) * (x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3])
    }
}

/// The comparison problem `cart4` of the benches: the cart and pole with a cost that is not convex, terminal cost equal to
/// the stage cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cart4;

impl Cart4 {
    pub(crate) const PARAMS: [f64; 4] = [9.8, 1.0, 0.1, 0.5];
    pub(crate) const X0: [f64; 4] = [0.0, 0.0, 0.5, 0.0];

    /// Started from the rollout under the linear feedback that all solvers of the comparison start from.
    pub(crate) fn problem(horizon: usize) -> Problem<4, 1, 4> {
        Problem::new(Self::X0, Self::PARAMS, horizon).with_policy(&Self, cart_feedback)
    }

    /// `L = 1/2 sum u^2 + 1/2 sum_{t>=1} omega^2`, its gradient.
    pub(crate) fn loss(states: &[SVector<f64, 4>], controls: &[SVector<f64, 1>]) -> LossGradient<4, 1> {
        let mut loss = LossGradient::zeros(controls.len());
        loss.controls.copy_from_slice(controls);
        for (gradient, x) in loss.states.iter_mut().zip(states).skip(1) {
            gradient[3] = x[3];
        }
        loss
    }
}

pub(crate) fn cart_feedback(_: usize, x: &SVector<f64, 4>) -> [f64; 1] {
    [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]]
}

impl Model<4, 1, 4> for Cart4 {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 4>, next: &mut Vector<S, 4>) {
        cartpole_step(x, u[0], p, next);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 4, 1, 4>) -> S {
        c::<S>(0.05) * (x[0] * x[0] + x[1] * x[1] + x[3] * x[3]) - x[2].cos() + c::<S>(0.0005) * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 4, 4>) -> S {
        self.stage_cost(Stage::new(x, &Vector::<S, 1>::from([S::zero()]), p, s))
    }
}

/// The pendulum that follows an angle given stage by stage and has to push against a wind given stage by stage; the
/// weight of the control is a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracking;

impl Model<2, 1, 2, 2> for Tracking {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 2>, next: &mut Vector<S, 2>) {
        next[1] = x[1] + c::<S>(DT) * (p[0] * x[0].sin() + u[0] + s[1] * x[0].cos());
        next[0] = x[0] + c::<S>(DT) * next[1];
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 2>) -> S {
        let error = x[0] - s[0];
        error * error + c::<S>(0.1) * x[1] * x[1] + p[1] * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 2, 2, 2>) -> S {
        let error = x[0] - s[0];
        c::<S>(10.0) * error * error + x[1] * x[1]
    }
}

/// A mass on a rail that has to be at rest at `goal` in the end, under limits of speed and of force. State: position and
/// speed; parameters: goal, largest speed, largest force, weight of the force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rail;

impl Model<2, 1, 4> for Rail {
    const LIMITS: Limits = Limits {
        bounded: true,
        stage_inequalities: 1,
        terminal_equalities: 2,
        depends_on_control: &[false],
        ..Limits::NONE
    };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 4>, next: &mut Vector<S, 2>) {
        next[0] = x[0] + c::<S>(0.1) * x[1] + c::<S>(0.005) * u[0];
        next[1] = x[1] + c::<S>(0.1) * u[0] - c::<S>(0.01) * x[1] * x[1] * x[1];
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 4>) -> S {
        let error = x[0] - p[0];
        c::<S>(0.5) * error * error + p[3] * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 4>) -> S {
        x[0] * x[0]
    }
    fn bounds<S: Scalar>(&self, p: &Vector<S, 4>, lower: &mut Vector<S, 1>, upper: &mut Vector<S, 1>) {
        lower[0] = -p[2];
        upper[0] = p[2];
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 2, 1, 4>, constraints: &mut [S]) {
        constraints[0] = x[1] - p[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 2, 4>, constraints: &mut [S]) {
        constraints[0] = x[0] - p[0];
        constraints[1] = x[1];
    }
}

/// A unicycle that goes round a disc. State: position and heading; controls: speed and rate of turn; parameters: the disc's
/// center and radius, the goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTheDisc;

impl Model<3, 2, 5> for RoundTheDisc {
    const LIMITS: Limits = Limits { stage_inequalities: 2, depends_on_control: &[false, true], ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 3, 2, 5>, next: &mut Vector<S, 3>) {
        let (sin, cos) = x[2].sin_cos();
        next[0] = x[0] + c::<S>(0.1) * u[0] * cos;
        next[1] = x[1] + c::<S>(0.1) * u[0] * sin;
        next[2] = x[2] + c::<S>(0.1) * u[1];
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 3, 2, 5>) -> S {
        c::<S>(0.05) * self.terminal_cost(Terminal { x, p, s }) + c::<S>(0.05) * (u[0] * u[0] + u[1] * u[1])
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 3, 5>) -> S {
        let (dx, dy) = (x[0] - p[3], x[1] - p[4]);
        c::<S>(5.0) * (dx * dx + dy * dy) + c::<S>(0.1) * x[2] * x[2]
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 3, 2, 5>, constraints: &mut [S]) {
        let (dx, dy) = (x[0] - p[0], x[1] - p[1]);
        constraints[0] = p[2] * p[2] - dx * dx - dy * dy;
        // The faster it goes the less it can turn.
        constraints[1] = u[0] * u[0] + u[1] * u[1] - c::<S>(4.0);
    }
}

pub(crate) fn rail() -> Problem<2, 1, 4> {
    Problem::new([0.0, 0.0], [1.0, 0.7, 2.5, 0.01], 25)
}

pub(crate) fn disc() -> Problem<3, 2, 5> {
    Problem::new([0.0, 0.1, 0.0], [1.0, 0.0, 0.4, 2.0, 0.0], 20).with_controls(&[[1.0, 0.3]; 20])
}

/// The tightest tolerance that rounding allows on these problems, so that differences of solutions have digits to lose.
pub(crate) fn tight() -> Settings {
    Settings { tolerance: 1e-12, ..Settings::default() }
}

/// A solution that must have converged.
#[track_caller]
pub(crate) fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    problem: &Problem<NX, NU, NP, NS>,
) -> Solution<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    solution
}

/// One reference case, computed by a Newton method on the controls and the implicit function theorem on the dense
/// problem.
#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    pub(crate) horizon: usize,
    pub(crate) params: Vec<f64>,
    pub(crate) initial_state: Vec<f64>,
    pub(crate) initial_controls: Vec<Vec<f64>>,
    pub(crate) cost: f64,
    pub(crate) controls: Vec<Vec<f64>>,
    pub(crate) states: Vec<Vec<f64>>,
    pub(crate) loss_gradient_states: Vec<Vec<f64>>,
    pub(crate) loss_gradient_controls: Vec<Vec<f64>>,
    pub(crate) grad_params: Vec<f64>,
    pub(crate) grad_initial_state: Vec<f64>,
    pub(crate) jacobian_controls_params: Vec<Vec<Vec<f64>>>,
    pub(crate) jacobian_states_params: Vec<Vec<Vec<f64>>>,
}

impl Reference {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference").join(name).with_extension("json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn problem<const NX: usize, const NU: usize, const NP: usize>(&self) -> Problem<NX, NU, NP> {
        Problem::new(vector(&self.initial_state), vector(&self.params), self.horizon)
            .with_controls(&vectors::<NU>(&self.initial_controls))
    }

    pub(crate) fn loss<const NX: usize, const NU: usize>(&self) -> LossGradient<NX, NU> {
        LossGradient::new(vectors(&self.loss_gradient_states), vectors(&self.loss_gradient_controls))
    }
}

pub(crate) fn vector<const N: usize>(entries: &[f64]) -> SVector<f64, N> {
    assert_eq!(entries.len(), N);
    SVector::from_column_slice(entries)
}

pub(crate) fn vectors<const N: usize>(rows: &[Vec<f64>]) -> Vec<SVector<f64, N>> {
    rows.iter().map(|row| vector(row)).collect()
}

pub(crate) fn matrices<const R: usize, const C: usize>(stages: &[Vec<Vec<f64>>]) -> Vec<SMatrix<f64, R, C>> {
    let matrix = |rows: &Vec<Vec<f64>>| {
        assert!(rows.len() == R && rows.iter().all(|row| row.len() == C));
        SMatrix::from_fn(|i, j| rows[i][j])
    };
    stages.iter().map(matrix).collect()
}

/// Largest difference of two lists of matrices, relative to the largest entry of `expected`.
#[track_caller]
pub(crate) fn relative_error<const R: usize, const C: usize>(
    given: &[SMatrix<f64, R, C>],
    expected: &[SMatrix<f64, R, C>],
) -> f64 {
    assert_eq!(given.len(), expected.len());
    let largest = expected.iter().map(|m| m.amax()).fold(0.0, f64::max);
    let mut error: f64 = 0.0;
    for (a, b) in given.iter().zip(expected) {
        for (x, y) in a.iter().zip(b.iter()) {
            assert!(x.is_finite() && y.is_finite(), "{x} {y}");
            error = error.max((x - y).abs());
        }
    }
    error / largest
}

#[track_caller]
pub(crate) fn assert_close<const R: usize, const C: usize>(
    name: &str,
    given: &[SMatrix<f64, R, C>],
    expected: &[SMatrix<f64, R, C>],
    tolerance: f64,
) {
    let error = relative_error(given, expected);
    assert!(error <= tolerance, "{name}: relative error {error:e}, allowed {tolerance:e}");
}
