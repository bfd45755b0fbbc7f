//! How solves end, and kinks.

use dilqr_runtime::graph::{DerivativeError, FactorId, Graph, GraphCause, Method, Settings, Solver};
use dilqr_runtime::{Hessian, Status};

use crate::models::{random_loss, solver, square};

/// Two valleys with a ridge between them.
#[dilqr_runtime::factor]
pub mod valleys {
    pub struct Point {
        pub x: f64,
    }
    pub struct Params {
        pub a: f64,
        pub shift: f64,
    }
    pub fn residual(point: Point, p: Params) -> [f64; 1] {
        [point.x * point.x - p.a + p.shift * point.x]
    }
}

/// A residual with a logarithm.
#[dilqr_runtime::factor]
pub mod logarithm {
    pub struct Point {
        pub x: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub fn residual(point: Point, p: Params) -> [f64; 1] {
        [point.x.ln() - p.goal]
    }
}

/// A residual with a branch.
#[dilqr_runtime::factor]
pub mod bend {
    pub struct Point {
        pub x: f64,
    }
    pub struct Params {
        pub knee: f64,
        pub goal: f64,
    }
    pub fn residual(point: Point, p: Params) -> [f64; 2] {
        let beyond = if point.x > p.knee { point.x - p.knee } else { 0.0 };
        [point.x - p.goal, 2.0 * beyond]
    }
}

fn of_one<F>(add: F, guess: f64) -> Solver
where
    F: FnOnce(&mut Graph, dilqr_runtime::graph::BlockId) -> FactorId,
{
    let mut graph = Graph::new();
    let point = graph.add_vector([guess]).unwrap();
    add(&mut graph, point);
    solver(graph)
}

/// On the ridge the gradient is zero.
#[test]
fn a_maximum_is_no_solution() {
    let mut solver = of_one(|graph, point| graph.add_factor(valleys::Valleys, &[point], [1.0, 0.0]).unwrap(), 0.0);
    let solution = solver.solve();
    assert_eq!(solution.status, Status::RegularizationLimit);
    assert!(matches!(solution.cause, Some(GraphCause::NotStrictMinimum { .. } | GraphCause::Singular { .. })));
    let error = solver.accept(&[0.0]).unwrap_err();
    assert!(matches!(error, DerivativeError::NotStrictMinimum { .. }), "{error}");
    // Beside it the way leads to a valley.
    solver.set_value(solver.graph().blocks().next().unwrap(), [0.1]).unwrap();
    let solution = solver.solve();
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.blocks.values[0] - 1.0).abs() < 1e-12);
}

#[test]
fn residuals_that_are_no_numbers() {
    let mut solver = of_one(|graph, point| graph.add_factor(logarithm::Logarithm, &[point], [0.5]).unwrap(), -1.0);
    let solution = solver.solve();
    assert_eq!(solution.status, Status::Diverged);
    let cause = solution.cause.unwrap();
    assert_eq!(cause.to_string(), "not finite: the residual of factor 0 or a derivative of it");
    // A step beyond the domain is shortened.
    solver.set_value(solver.graph().blocks().next().unwrap(), [8.0]).unwrap();
    let solution = solver.solve();
    assert_eq!(solution.status, Status::Converged, "{solution:?}");
    assert!((solution.blocks.values[0] - 0.5_f64.exp()).abs() < 1e-11);
}

#[test]
fn iterations_are_limited() {
    let settings = Settings { max_iterations: 1, ..Settings::default() };
    let mut solver = Solver::new(square().0, settings).unwrap();
    let solution = solver.solve();
    assert_eq!((solution.status, solution.stats.iterations, solution.cause), (Status::IterationLimit, 1, None));
    let loss = random_loss(&solution);
    let error = solver.vjp(&solution, &loss).unwrap_err();
    assert!(matches!(error, DerivativeError::NotConverged { status: Status::IterationLimit, .. }));
}

/// All methods find the same solution.
#[test]
fn methods_agree() {
    let solutions = [
        (Method::LevenbergMarquardt, Hessian::GaussNewton),
        (Method::LevenbergMarquardt, Hessian::Exact),
        (Method::GaussNewton, Hessian::GaussNewton),
    ]
    .map(|(method, hessian)| {
        let settings = Settings { method, hessian, tolerance: 1e-12, ..Settings::default() };
        Solver::new(square().0, settings).unwrap().solve()
    });
    for solution in &solutions {
        assert_eq!(solution.status, Status::Converged, "{solution:?}");
        let first = &solutions[0].blocks.values;
        assert!(solution.blocks.values.iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-11));
    }
}

/// A goal at the knee: to one side the second residual counts, to the other it does not.
#[test]
fn solutions_at_a_branch_have_no_gradient() {
    let with_goal = |goal: f64| {
        let mut solver = of_one(|graph, point| graph.add_factor(bend::Bend, &[point], [1.0, goal]).unwrap(), 0.3);
        let solution = solver.solve();
        assert_eq!(solution.status, Status::Converged, "{goal}: {solution:?}");
        let mut loss = solution.blocks.zeros();
        loss.values[0] = 1.0;
        solver.vjp(&solution, &loss)
    };
    // Beyond the knee: (x - goal) + 4 (x - knee) = 0.
    let slopes = with_goal(2.0).unwrap().params.values;
    assert!((slopes[0] - 0.8).abs() < 1e-12 && (slopes[1] - 0.2).abs() < 1e-12);
    let slopes = with_goal(0.5).unwrap().params.values;
    assert!(slopes[0] == 0.0 && (slopes[1] - 1.0).abs() < 1e-12);
    let error = with_goal(1.0).unwrap_err();
    assert!(matches!(error, DerivativeError::Kink { .. }), "{error}");
}
