//! Graphs and inputs that are refused, each with what was given, what was expected and where.

use dilqr_runtime::Status;
use dilqr_runtime::graph::{BlockId, DerivativeError, Graph, Loss, Manifold, Settings, Solver};

use crate::models::{distance, odometry, random_loss, relative, solved, solver, square};

/// A graph of two vectors of two numbers and a pose.
fn blocks() -> (Graph, [BlockId; 3]) {
    let mut graph = Graph::new();
    let vectors = [[0.0, 0.0], [1.0, 0.0]].map(|at| graph.add_vector(at).unwrap());
    let pose = graph.add_block(Manifold::Se2, [0.0; 3]).unwrap();
    (graph, [vectors[0], vectors[1], pose])
}

#[test]
fn values_of_blocks() {
    let mut graph = Graph::new();
    let cases: [(Manifold, &[f64], &str); 4] = [
        (Manifold::Se2, &[0.0, 1.0], "the value of block 0 has length 2, expected 3"),
        (Manifold::So3, &[1.0, f64::NAN, 0.0, 0.0], "the value of block 0 is NaN at entry 1, expected a finite number"),
        (
            Manifold::So3,
            &[1.0, 0.0, 0.0, 1.0],
            "the quaternion of block 0 has length 1.4142135623730951, expected 1: divide it by its length",
        ),
        (
            Manifold::Se3,
            &[5.0, 6.0, 7.0, 0.0, 0.0, 0.0, 0.0],
            "the quaternion of block 0 has length 0, expected 1: divide it by its length",
        ),
    ];
    for (manifold, value, expected) in cases {
        assert_eq!(graph.add_block(manifold, value).unwrap_err().to_string(), expected);
    }
    let pose = graph.add_block(Manifold::Se2, [0.0; 3]).unwrap();
    let error = graph.set_value(pose, [0.0, f64::INFINITY, 0.0]).unwrap_err();
    assert_eq!(error.to_string(), "the value of block 0 is inf at entry 1, expected a finite number");
}

#[test]
fn blocks_of_factors() {
    let (mut graph, [a, b, pose]) = blocks();
    let mut add =
        |blocks: &[BlockId]| graph.add_factor(distance::Distance, blocks, [1.0, 1.0]).unwrap_err().to_string();
    assert_eq!(add(&[a]), "a factor `distance` holds 2 blocks, given 1");
    assert_eq!(add(&[a, a]), "a factor `distance` was given block 0 twice, expected different blocks");
    assert_eq!(
        add(&[a, pose]),
        "the argument `mark` of a factor `distance` is a vector of 2 numbers, given block 2, SE(2)"
    );
    let (mut other, _) = blocks();
    let foreign = other.add_vector([1.0]).unwrap();
    assert_eq!(add(&[a, foreign]), "block 3 is not in this graph, which has 3 blocks");
    let error = graph.add_factor(distance::Distance, &[a, b], [f64::NAN, 1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the parameter vector of factor 0 is NaN at entry 0, expected a finite number");
    let error = graph.add_factor_with_loss(distance::Distance, &[a, b], [1.0, 1.0], Loss::Huber { threshold: -0.5 });
    let expected = "the threshold of the loss of a factor `distance` is -0.5, expected a positive finite number";
    assert_eq!(error.unwrap_err().to_string(), expected);
    assert_eq!(graph.factors().count(), 0, "what is refused changes nothing");
}

#[test]
fn structures() {
    let refused = |graph: Graph| Solver::new(graph, Settings::default()).unwrap_err().to_string();
    let empty = "the graph has 0 blocks that are not held and 0 factors, expected at least one of each";
    assert_eq!(refused(Graph::new()), empty);
    let (mut graph, [a, b, _]) = blocks();
    graph.add_factor(distance::Distance, &[a, b], [1.0, 1.0]).unwrap();
    assert_eq!(refused(graph.clone()), "no factor holds block 2, SE(2): add a factor, or leave the block out");
    let mut graph = Graph::new();
    let [a, b] = [[0.0, 0.0], [1.0, 0.0]].map(|at| graph.add_vector(at).unwrap());
    graph.add_factor(distance::Distance, &[a, b], [1.0, 1.0]).unwrap();
    graph.hold(a).unwrap();
    graph.hold(b).unwrap();
    let held = "the graph has 0 blocks that are not held and 1 factors, expected at least one of each";
    assert_eq!(refused(graph.clone()), held);
    let settings = Settings { tolerance: 0.0, ..Settings::default() };
    let error = Solver::new(graph, settings).unwrap_err().to_string();
    assert_eq!(error, "setting `tolerance` is 0, expected a positive finite number");
}

#[test]
fn parameters_and_losses() {
    let (graph, _, factors) = square();
    let mut solver = solver(graph);
    let error = solver.set_params(factors[1], [1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the parameter vector of factor 1 has length 1, expected 5");
    let error = solver.set_params(factors[1], [1.0, 1.0, 1.0, f64::NAN, 1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the parameter vector of factor 1 is NaN at entry 3, expected a finite number");
    let solution = solved(&mut solver);
    let mut loss = random_loss(&solution);
    loss.values[7] = f64::NAN;
    let error = solver.vjp(&solution, &loss).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the blocks is NaN at entry 7, expected a finite number");
    loss.values.pop();
    let error = solver.vjp(&solution, &loss).unwrap_err();
    assert_eq!(error.to_string(), "the loss gradient in the blocks has length 11, expected 12");
}

#[test]
fn values_that_are_no_solution() {
    let mut solver = solver(square().0);
    let mut solution = solved(&mut solver);
    let loss = random_loss(&solution);
    solution.blocks.values[4] += 1e-3;
    let error = solver.vjp(&solution, &loss).unwrap_err();
    assert!(matches!(error, DerivativeError::NotConverged { status: Status::Converged, step, .. } if step > 1e-4));
    assert_eq!(solver.accept(&solution.blocks.values).unwrap_err(), error);
    let error = solver.accept(&[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the list of values of all blocks has length 1, expected 12");
}

/// Poses that are compared with one another alone may move together.
#[test]
fn gauge_freedom() {
    let mut graph = Graph::new();
    let poses = [[0.1, 0.0, 0.3], [1.0, 0.2, 0.1], [2.0, 0.0, -0.2]];
    let poses = poses.map(|pose| graph.add_block(Manifold::Se2, pose).unwrap());
    for ends in [[0, 1], [1, 2], [0, 2]] {
        let edge = [ends[1] as f64 - ends[0] as f64, 0.1, 0.05, 2.0, 3.0];
        graph.add_factor(odometry::Odometry, &ends.map(|end| poses[end]), edge).unwrap();
    }
    let mut solver = solver(graph);
    let solution = solver.solve();
    assert_eq!(solution.status, Status::RegularizationLimit, "{solution:?}");
    let cause = solution.cause.unwrap();
    assert!(matches!(cause, dilqr_runtime::graph::GraphCause::Singular { .. }), "{cause}");
    let loss = random_loss(&solution);
    for error in [solver.vjp(&solution, &loss).unwrap_err(), solver.accept(&solution.blocks.values).unwrap_err()] {
        assert!(matches!(error, DerivativeError::Singular { .. }), "{error}");
    }
}

/// The same in space, with many poses: the last pivots are rounding errors.
#[test]
fn gauge_freedom_of_many_poses() {
    let mut graph = Graph::new();
    let poses: Vec<BlockId> =
        (0..200).map(|i| graph.add_block(Manifold::Se3, [i as f64, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).unwrap()).collect();
    let q = [0.98_f64, 0.1, -0.1, 0.1];
    let length = q.iter().map(|q| q * q).sum::<f64>().sqrt();
    let measured = relative::Pose { position: [1.0, 0.2, 0.1], rotation: q.map(|q| q / length) };
    let params = relative::Params { measured, weight: [2.0, 3.0] };
    for i in 1..poses.len() {
        graph.add_factor(relative::Relative, &[poses[i - 1], poses[i]], params).unwrap();
        if i % 5 == 0 {
            let closing =
                relative::Params { measured: relative::Pose { position: [4.0, 1.0, 0.0], ..measured }, ..params };
            graph.add_factor(relative::Relative, &[poses[i - 5], poses[i]], closing).unwrap();
        }
    }
    let mut solver = solver(graph);
    let solution = solver.solve();
    assert_eq!(solution.status, Status::RegularizationLimit, "{:?} {}", solution.cause, solution.stats);
    let loss = random_loss(&solution);
    let error = solver.vjp(&solution, &loss).unwrap_err();
    assert!(matches!(error, DerivativeError::Singular { .. }), "{error}");
}
