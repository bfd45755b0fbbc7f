//! The forward solve: what it reports, when it stops, and that it stops at minima.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{self, Cart4, Cartpole, Pendulum, Reference, c, cart_feedback, solve};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{Stage, StageExpansion, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Ilqr, Model, Problem, Scalar, Settings, Solution, Status};

#[test]
fn observers_see_every_iteration() {
    let mut solver = Ilqr::new(Cart4, 40, Settings::default()).unwrap();
    let problem = Problem::new([0.0, 0.0, 3.0, 0.0], Cart4::PARAMS, 40);
    let mut seen = Vec::new();
    let solution = solver.solve_with(&problem, |iteration| seen.push(*iteration)).unwrap();
    assert_eq!(solution.status, Status::Converged);
    assert_eq!(seen.len(), solution.stats.iterations + 1);
    assert!(seen.iter().enumerate().all(|(i, iteration)| iteration.iteration == i));
    assert!(seen[0].step == 0.0 && seen[1..].iter().all(|iteration| iteration.step > 0.0 && iteration.step <= 1.0));
    // The cost falls; where it no longer can by more than its rounding, 1e-13 of a sum of 40 terms, steps may move it so.
    assert!(seen.windows(2).all(|pair| pair[1].cost <= pair[0].cost + 1e-11));
    assert!(seen[0].stationarity > 1e-3 && seen.iter().any(|iteration| iteration.regularization > 0.0));
    let last = seen[seen.len() - 1];
    assert_eq!((last.cost, last.stationarity), (solution.cost, solution.stats.stationarity));
    assert_eq!(last.regularization, 0.0);
    assert_eq!(solver.solve(&problem).unwrap(), solution);
}

/// What a solution carries belongs to its trajectory: states and cost follow from the controls, costates from the gains,
/// and stationarity from both.
fn consistent<M>(model: M, solution: &Solution<4, 1, 4>, horizon: usize)
where
    M: Model<4, 1, 4>,
{
    let (p, none) = (&solution.params, SVector::zeros());
    let mut cost = 0.0;
    assert_eq!(solution.states[0], solution.x0);
    for t in 0..horizon {
        let mut next = SVector::zeros();
        cost += model.step(Stage::new(&solution.states[t], &solution.controls[t], p, &none), &mut next);
        assert_eq!(solution.states[t + 1], next, "{t}");
    }
    cost += model.terminal_cost(Terminal::new(&solution.states[horizon], p, &none));
    // The same operations in the same order.
    assert_eq!(solution.cost, cost);

    let model = AutoDiff(model);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(&solution.states[horizon], p, &none), &mut terminal);
    // Other orders of summation: costates of size 10 to 1e3.
    assert!((solution.costates[horizon] - terminal.lx).amax() < 1e-11);
    let (mut largest, mut scale) = (0.0_f64, 0.0_f64);
    for t in 0..horizon {
        let mut stage = StageExpansion::zeros();
        model.expand_stage(Stage::new(&solution.states[t], &solution.controls[t], p, &none), &mut stage);
        let (gain, next) = (solution.gains[t].transpose(), solution.costates[t + 1]);
        let qu = stage.lu + stage.fu.transpose() * next;
        let lambda = stage.lx + stage.fx.transpose() * next + gain * qu;
        assert!((lambda - solution.costates[t]).amax() < 1e-10 * (1.0 + lambda.amax()), "{t}");
        largest = largest.max(qu.amax());
        // One control: its terms are `|lu| + |fu|' |lambda|`.
        scale = scale.max((stage.lu.abs() + stage.fu.abs().transpose() * next.abs()).amax());
    }
    assert!((largest / scale - solution.stats.stationarity).abs() < 1e-10);
}

#[test]
fn everything_belongs_to_the_returned_trajectory() {
    let horizon = 30;
    for max_iterations in [0, 1, 2, 3, 500] {
        for hessian in [Hessian::Exact, Hessian::GaussNewton] {
            let settings = Settings { max_iterations, hessian, ..Settings::default() };
            let mut solver = Ilqr::new(Cart4, horizon, settings).unwrap();
            let solution = solver.solve(&Cart4::problem(horizon)).unwrap();
            let expected = if max_iterations == 500 { Status::Converged } else { Status::IterationLimit };
            assert_eq!(solution.status, expected);
            assert!(solution.stats.iterations <= max_iterations);
            consistent(Cart4, &solution, horizon);
        }
    }
}

/// A solution's own feedback law starts the solver at the solution.
#[test]
fn a_warm_start_needs_no_iteration() {
    let mut solver = Ilqr::new(Cart4, 100, Settings::default()).unwrap();
    let cold = solve(&mut solver, &Cart4::problem(100));
    let law = {
        let Solution { states, controls, gains, .. } = cold.clone();
        move |t: usize, x: &SVector<f64, 4>| controls[t] + gains[t] * (x - states[t])
    };
    let again = Problem::new(Cart4::X0, Cart4::PARAMS, 100).with_policy(&Cart4, law.clone());
    let warm = solve(&mut solver, &again);
    assert_eq!(warm.stats.iterations, 0);
    assert_eq!(warm.controls, cold.controls);
    // And a neighboring problem in few.
    let neighbor = Problem::new([0.01, 0.0, 0.5, 0.0], Cart4::PARAMS, 100).with_policy(&Cart4, law);
    assert!(solve(&mut solver, &neighbor).stats.iterations <= 3);
}

/// From zero controls the pole falls. Every start ends in a minimum, though not all in the same.
#[test]
fn swing_ups_from_zero_controls() {
    let mut solver = Ilqr::new(Cart4, 50, Settings::default()).unwrap();
    let mut regularizations = 0;
    for i in 0..10 {
        let angle = -3.1 + 0.62 * f64::from(i);
        let problem = Problem::new([0.1, -0.5, angle, 0.3], Cart4::PARAMS, 50);
        let solution = solve(&mut solver, &problem);
        regularizations += solution.stats.regularizations;
        assert!(solver.jacobian(&solution).is_ok());
    }
    assert!(regularizations > 10);
}

/// Hanging straight down at rest, with no control: stationary by symmetry, and not a minimum.
#[test]
fn a_saddle_is_not_a_solution() {
    let mut solver = Ilqr::new(Cartpole, 30, Settings::default()).unwrap();
    let down = [0.0, 0.0, std::f64::consts::PI, 0.0];
    let solution = solver.solve(&Problem::new(down, Cart4::PARAMS, 30)).unwrap();
    assert_eq!(solution.status, Status::RegularizationLimit);
    assert!(solution.stats.step <= 1e-9);
    assert!(solution.gains.iter().all(|gain| gain.iter().all(|entry| entry.is_finite())));
    // Any other first guess leaves it.
    let pushed = Problem::new(down, Cart4::PARAMS, 30).with_controls(&[[0.1]; 30]);
    let solution = solve(&mut solver, &pushed);
    assert!(solution.stats.iterations > 0);
}

/// The pendulum with a cost so offset that doubles cannot tell its trajectories apart: units in the last place of 1e12
/// are 1e-4, steps near the solution gain 1e-6 and less.
#[derive(Clone, Copy)]
struct Offset;

impl Model<2, 1, 3> for Offset {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 3>, next: &mut SVector<S, 2>) {
        Pendulum.dynamics(Stage { x, u, p, s }, next);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 3>) -> S {
        Pendulum.stage_cost(Stage { x, u, p, s }) + c::<S>(1e12)
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 3>) -> S {
        Pendulum.terminal_cost(Terminal { x, p, s })
    }
}

#[test]
fn convergence_is_stationarity_not_a_cost_that_stopped_moving() {
    let reference = Reference::read("pendulum");
    let mut solver = Ilqr::new(Offset, reference.horizon, Settings::default()).unwrap();
    let solution = solve(&mut solver, &reference.problem());
    assert!(solution.stats.step <= 1e-9);
    support::assert_close("offset", &solution.controls, &support::vectors::<1>(&reference.controls), 1e-6);
}

#[test]
fn a_tolerance_below_rounding_ends_at_rounding() {
    let settings = Settings { tolerance: 1e-300, ..Settings::default() };
    let mut solver = Ilqr::new(Cart4, 30, settings).unwrap();
    let solution = solver.solve(&Cart4::problem(30)).unwrap();
    // What is left of the step is rounding errors, which count as nothing.
    assert_eq!((solution.status, solution.stats.step), (Status::Converged, 0.0));
    assert!(solution.stats.stationarity < 1e-12);
    consistent(Cart4, &solution, 30);
}

/// A cart and pole whose every other step is wrong in the last place: no two rollouts agree.
#[derive(Default)]
struct Jitter(AtomicUsize);

impl Model<4, 1, 4> for Jitter {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 4, 1, 4>, next: &mut SVector<S, 4>) {
        Cart4.dynamics(Stage { x, u, p, s }, next);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 4, 1, 4>) -> S {
        Cart4.stage_cost(Stage { x, u, p, s })
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 4, 4>) -> S {
        Cart4.terminal_cost(Terminal { x, p, s })
    }
    fn step<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 4, 1, 4>, next: &mut SVector<S, 4>) -> S {
        self.dynamics(Stage { x, u, p, s }, next);
        // Of three steps one: a rollout of 400 stages meets other steps than the rollout before.
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            next[2] *= c(1.0 + f64::EPSILON);
        }
        self.stage_cost(Stage { x, u, p, s })
    }
}

/// The guess of a policy is the trajectory it went through, also where the controls alone would lose it: over 400 stages
/// of a held-up pole an error in the last place grows to a fallen pole.
#[test]
fn a_policy_starts_on_its_own_trajectory() {
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let model = Jitter::default();
    let visited = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let record = Arc::clone(&visited);
    let problem = Problem::new(Cart4::X0, Cart4::PARAMS, 400).with_policy(&model, move |t, x: &SVector<f64, 4>| {
        let u = cart_feedback(t, x);
        let mut record = record.lock().unwrap();
        record.0.push(*x);
        record.1.push(u);
        u
    });
    let mut solver = Ilqr::new(model, 400, settings).unwrap();
    let solution = solver.solve(&problem).unwrap();
    let (states, controls) = visited.lock().unwrap().clone();
    assert_eq!(solution.states[..400], states);
    assert!(solution.states[400].amax() < 1.0);
    // The controls alone do not do.
    let alone = Problem::new(Cart4::X0, Cart4::PARAMS, 400).with_controls(&controls);
    assert!((solver.solve(&alone).unwrap().states[400] - solution.states[400]).amax() > 1.0);
}
