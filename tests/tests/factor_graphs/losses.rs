//! Huber's loss, and factors with networks.

use dilqr_runtime::Status;
use dilqr_runtime::graph::{
    BlockId, DerivativeError, Differentiation, FactorId, Graph, GraphError, Loss, Settings, Solver,
};

use crate::models::{difference, distance, random_loss, solved, solver};

/// A position beside a measured one.
#[dilqr_runtime::factor]
pub mod fix {
    pub struct Mark {
        pub at: [f64; 2],
    }
    pub struct Params {
        pub measured: [f64; 2],
        pub weight: f64,
    }
    pub fn residual(mark: Mark, p: Params) -> [f64; 2] {
        [p.weight * (mark.at[0] - p.measured[0]), p.weight * (mark.at[1] - p.measured[1])]
    }
}

/// A number beside a network of it.
#[dilqr_runtime::factor]
pub mod learned {
    pub struct Value {
        pub x: f64,
    }
    pub struct Params {
        pub input: f64,
        pub goal: f64,
    }
    #[network(layers = [2, 4, 1], activation = tanh)]
    pub struct Curve;
    pub fn residual(value: Value, p: Params, curve: &Curve) -> [f64; 2] {
        let [y] = curve.evaluate([value.x, p.input]);
        [y - p.goal, 0.3 * value.x]
    }
}

/// Positions on a line beside one another, and one far away, which has this loss.
fn outlier(loss: Loss) -> (Solver, BlockId, Vec<FactorId>) {
    let mut graph = Graph::new();
    let mark = graph.add_vector([0.5, 0.5]).unwrap();
    let measured = [[0.0, 0.0], [0.2, 0.1], [0.1, -0.1]];
    let near = measured.map(|at| graph.add_factor(fix::Fix, &[mark], fix::Params { measured: at, weight: 1.0 }));
    let mut factors: Vec<FactorId> = near.map(Result::unwrap).to_vec();
    let far = fix::Params { measured: [30.0, 40.0], weight: 2.0 };
    factors.push(graph.add_factor_with_loss(fix::Fix, &[mark], far, loss).unwrap());
    (solver(graph), mark, factors)
}

/// Beyond the threshold a residual pulls with the threshold, in its direction: `3 y - sum of the near ones = 2 threshold d / |d|`.
#[test]
fn far_residuals_pull_by_their_threshold() {
    let (mut solver, mark, _) = outlier(Loss::Huber { threshold: 0.3 });
    let solution = solved(&mut solver);
    let [x, y] = *solution.blocks.block(mark) else { panic!("two numbers") };
    let (dx, dy) = (30.0 - x, 40.0 - y);
    let pull = 2.0 * 0.3 / (dx * dx + dy * dy).sqrt();
    assert!((3.0 * x - 0.3 - pull * dx).abs() < 1e-12 && (3.0 * y - pull * dy).abs() < 1e-12);
    // With squares it lies far away.
    let (mut solver, mark, _) = outlier(Loss::Squares);
    assert!(solved(&mut solver).blocks.block(mark)[0] > 10.0);
}

/// On both sides of the threshold, against differences of solves.
#[test]
fn gradients_with_huber_losses() {
    for threshold in [0.3, 1000.0] {
        let (mut solver, _, factors) = outlier(Loss::Huber { threshold });
        let solution = solved(&mut solver);
        let loss = random_loss(&solution);
        let gradient = solver.vjp(&solution, &loss).unwrap().params;
        for &factor in &factors {
            for (entry, slope) in gradient.factor(factor).iter().enumerate() {
                let expected = difference(&mut solver, (factor, entry), &loss);
                assert!((slope - expected).abs() < 1e-7, "{factor} {entry}: {slope} {expected}");
            }
        }
    }
}

/// Distances with wrong ones among them, whose residuals are curved.
#[test]
fn gradients_of_curved_residuals_with_huber_losses() {
    let mut graph = Graph::new();
    let mark = graph.add_vector([3.0, 3.0]).unwrap();
    let mut factors = Vec::new();
    for ([x, y], measured) in [([0.0, 0.0], 5.1), ([10.0, 0.0], 7.2), ([4.0, 9.0], 5.3), ([-3.0, 4.0], 15.0)] {
        let station = graph.add_vector([x, y]).unwrap();
        graph.hold(station).unwrap();
        let params = distance::Params { measured, weight: 1.5 };
        let loss = Loss::Huber { threshold: 0.4 };
        factors.push(graph.add_factor_with_loss(distance::Distance, &[station, mark], params, loss).unwrap());
    }
    let mut solver = solver(graph);
    let solution = solved(&mut solver);
    let loss = random_loss(&solution);
    let gradient = solver.vjp(&solution, &loss).unwrap().params;
    let largest = gradient.values.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    for &factor in &factors {
        for (entry, slope) in gradient.factor(factor).iter().enumerate() {
            let expected = difference(&mut solver, (factor, entry), &loss);
            assert!((slope - expected).abs() < 1e-6 * largest, "{factor} {entry}: {slope} {expected}");
        }
    }
}

/// Gradients in thresholds: differences of solves, and the other modes. With steps of 1e-4 errors are about 1e-8.
#[test]
fn gradients_in_thresholds() {
    let (mut solver, _, factors) = outlier(Loss::Huber { threshold: 0.3 });
    let solution = solved(&mut solver);
    let mut loss = solution.blocks.zeros();
    loss.values[0] = 1.0;
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let mut value = |threshold: f64| -> f64 {
        solver.set_loss(factors[3], Loss::Huber { threshold }).unwrap();
        let solution = solved(&mut solver);
        solver.set_loss(factors[3], Loss::Huber { threshold: 0.3 }).unwrap();
        solution.blocks.values.iter().zip(&loss.values).map(|(value, slope)| value * slope).sum()
    };
    let expected = (value(0.3 + 1e-4) - value(0.3 - 1e-4)) / 2e-4;
    assert!(expected.abs() > 0.1);
    assert_eq!(gradient.thresholds[..3], [0.0; 3]);
    assert!((gradient.thresholds[3] - expected).abs() < 1e-7);
    for (how, error) in [
        (Differentiation::Truncated { iterations: 60 }, 1e-9),
        (Differentiation::Unrolled { guess: vec![0.5, 0.5], iterations: 60 }, 1e-9),
        (Differentiation::DirectLoss { epsilon: 1e-5 }, 1e-4),
    ] {
        let other = solver.vjp_with(&solution, &loss, &how).unwrap().thresholds[3];
        assert!((other - expected).abs() < 1e-7 + error, "{how:?}: {other} {expected}");
    }
    let error = solver.set_loss(factors[3], Loss::Huber { threshold: f64::NAN }).unwrap_err();
    assert!(matches!(error, GraphError::Threshold { kind: "fix", .. }));
}

/// A residual as large as its threshold has two second derivatives.
#[test]
fn residuals_at_their_threshold_have_no_gradient() {
    let mut graph = Graph::new();
    let mark = graph.add_vector([0.0, 0.0]).unwrap();
    let at = |x: f64| fix::Params { measured: [x, 0.0], weight: 1.0 };
    graph.add_factor(fix::Fix, &[mark], at(-1.0)).unwrap();
    let far = graph.add_factor_with_loss(fix::Fix, &[mark], at(1.0), Loss::Huber { threshold: 1.0 }).unwrap();
    let mut solver = solver(graph);
    let solution = solved(&mut solver);
    let loss = random_loss(&solution);
    assert_eq!(solver.vjp(&solution, &loss), Err(DerivativeError::Kink { factor: far }));
}

#[test]
fn thresholds_are_positive() {
    let mut graph = Graph::new();
    let mark = graph.add_vector([0.0, 0.0]).unwrap();
    for given in [0.0, -1.0, f64::INFINITY] {
        let loss = Loss::Huber { threshold: given };
        let error = graph.add_factor_with_loss(fix::Fix, &[mark], [0.0, 0.0, 1.0], loss).unwrap_err();
        assert_eq!(error, GraphError::Threshold { kind: "fix", given });
    }
}

/// Gradients in weights, against differences of solves (steps of 1e-4, see `difference`), with both losses.
#[test]
fn gradients_in_weights() {
    for loss in [Loss::Squares, Loss::Huber { threshold: 0.2 }] {
        let solve = |weights: &[f64]| {
            let mut graph = Graph::new();
            let curve = learned::Curve::from_weights(weights).unwrap();
            for (input, goal) in [(0.3, 0.9), (-0.5, -0.4)] {
                let value = graph.add_vector([0.1]).unwrap();
                let factor = learned::Learned::new(curve.clone());
                graph.add_factor_with_loss(factor, &[value], [input, goal], loss).unwrap();
            }
            let mut solver = solver(graph);
            let solution = solved(&mut solver);
            (solver, solution)
        };
        let weights = learned::Curve::xavier(4).weights().to_vec();
        let (mut solver, solution) = solve(&weights);
        let slopes = random_loss(&solution);
        let gradient = solver.vjp(&solution, &slopes).unwrap();
        assert_eq!(gradient.weights.len(), learned::Curve::LEN);
        let value = |index: usize, by: f64| -> f64 {
            let mut weights = weights.clone();
            weights[index] += by;
            solve(&weights).1.blocks.values.iter().zip(&slopes.values).map(|(value, slope)| value * slope).sum()
        };
        for (index, slope) in gradient.weights.iter().enumerate() {
            let expected = (value(index, 1e-4) - value(index, -1e-4)) / 2e-4;
            assert!((slope - expected).abs() < 1e-6, "{index}: {slope} {expected}");
        }
    }
}

/// A graph of squares and one with thresholds beyond all residuals are the same.
#[test]
fn a_loss_without_far_residuals_is_that_of_squares() {
    let solution = |loss: Loss| {
        let (mut solver, _, _) = outlier(loss);
        solver.solve()
    };
    let (squares, huber) = (solution(Loss::Squares), solution(Loss::Huber { threshold: 1e6 }));
    assert_eq!(squares.status, Status::Converged);
    assert_eq!(squares.blocks.values, huber.blocks.values);
    assert!(Settings::default().validate().is_ok());
}
