//! Poses in space.

use dilqr_runtime::graph::{BlockId, FactorId, Graph, Manifold, Solver};

use crate::models::{difference, noise, random_loss, relative, solved, solver};

/// `a b` of poses.
fn compose(a: [f64; 7], b: [f64; 7]) -> [f64; 7] {
    let (p, q) = ([a[3], a[4], a[5], a[6]], [b[3], b[4], b[5], b[6]]);
    let [w, x, y, z] = p;
    let rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ];
    let t: Vec<f64> = (0..3).map(|i| a[i] + rows[i][0] * b[0] + rows[i][1] * b[1] + rows[i][2] * b[2]).collect();
    [
        t[0],
        t[1],
        t[2],
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
        p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
    ]
}

fn inverse(a: [f64; 7]) -> [f64; 7] {
    let back = [0.0, 0.0, 0.0, a[3], -a[4], -a[5], -a[6]];
    let t = compose(back, [-a[0], -a[1], -a[2], 1.0, 0.0, 0.0, 0.0]);
    [t[0], t[1], t[2], back[3], back[4], back[5], back[6]]
}

/// A small pose from noise.
fn small(noise: &mut impl Iterator<Item = f64>, size: f64) -> [f64; 7] {
    let mut next = || size * noise.next().expect("noise does not end");
    let (t, w) = ([next(), next(), next()], [next(), next(), next()]);
    let length = (1.0 + 0.25 * (w[0] * w[0] + w[1] * w[1] + w[2] * w[2])).sqrt();
    [t[0], t[1], t[2], 1.0 / length, 0.5 * w[0] / length, 0.5 * w[1] / length, 0.5 * w[2] / length]
}

/// Poses along a spiral, with odometry and edges that close loops, both with noise. The first is held. Guesses are those of the odometry.
pub fn spiral(poses: usize, every: usize, size: f64) -> (Graph, Vec<BlockId>, Vec<FactorId>) {
    let mut random = noise(3);
    let along = |i: usize| {
        let half = 0.15 * i as f64;
        let angle = 2.0 * half;
        compose(
            [angle.cos() * 4.0, angle.sin() * 4.0, 0.1 * angle, half.cos(), 0.0, 0.0, half.sin()],
            small(&mut noise(i), 0.2),
        )
    };
    let truth: Vec<[f64; 7]> = (0..poses).map(along).collect();
    let mut edges: Vec<(usize, usize)> = (1..poses).map(|i| (i - 1, i)).collect();
    edges.extend((every..poses).step_by(every).map(|i| (i - every, i)));
    let mut graph = Graph::new();
    let (mut blocks, mut guess) = (Vec::new(), truth[0]);
    let measured: Vec<[f64; 7]> =
        edges.iter().map(|&(a, b)| compose(compose(inverse(truth[a]), truth[b]), small(&mut random, size))).collect();
    for i in 0..poses {
        if i > 0 {
            guess = compose(guess, measured[i - 1]);
        }
        blocks.push(graph.add_block(Manifold::Se3, guess).unwrap());
    }
    graph.hold(blocks[0]).unwrap();
    let factors = edges.iter().zip(&measured).map(|(&(a, b), measured)| {
        let [x, y, z, q @ ..] = *measured;
        let measured = relative::Pose { position: [x, y, z], rotation: q };
        let params = relative::Params { measured, weight: [2.0, 5.0] };
        graph.add_factor(relative::Relative, &[blocks[a], blocks[b]], params).unwrap()
    });
    let factors = factors.collect();
    (graph, blocks, factors)
}

/// Against differences of solves, for all parameters of a small graph. The measured quaternion is a parameter by its four numbers.
#[test]
fn gradients_of_a_small_graph() {
    let (graph, _, factors) = spiral(5, 2, 0.2);
    let mut solver = solver(graph);
    let solution = solved(&mut solver);
    assert!(solution.objective > 1e-3);
    let loss = random_loss(&solution);
    let gradient = solver.vjp(&solution, &loss).unwrap().params;
    let largest = gradient.values.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    for &factor in &factors {
        for (entry, slope) in gradient.factor(factor).iter().enumerate() {
            let expected = difference(&mut solver, (factor, entry), &loss);
            assert!((slope - expected).abs() < 1e-6 * largest, "{factor} {entry}: {slope} {expected}");
        }
    }
    // Quaternions stay of unit length.
    for block in solution.blocks.values.chunks(7) {
        assert!((block[3..].iter().map(|q| q * q).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}

/// A graph of 100 poses: some parameters.
#[test]
fn gradients_of_a_large_graph() {
    let (graph, _, factors) = spiral(100, 7, 0.05);
    let mut solver = solver(graph);
    let solution = solved(&mut solver);
    assert!(solution.stats.iterations <= 10, "{}", solution.stats);
    let loss = random_loss(&solution);
    let gradient = solver.vjp(&solution, &loss).unwrap().params;
    let largest = gradient.values.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    for &factor in factors.iter().step_by(41) {
        for entry in [0, 4] {
            let (slope, expected) = (gradient.factor(factor)[entry], difference(&mut solver, (factor, entry), &loss));
            assert!((slope - expected).abs() < 1e-6 * largest, "{factor} {entry}: {slope} {expected}");
        }
    }
}

/// Measurements that fit together: the poses are those they come from, and Gauss and Newton's Hessian is exact.
#[test]
fn measurements_without_noise() {
    let (graph, blocks, _) = spiral(20, 3, 0.0);
    let truth: Vec<f64> = blocks.iter().flat_map(|&block| graph.value(block).unwrap().to_vec()).collect();
    let mut solver = solver(graph);
    let mut random = noise(11);
    for &block in &blocks[1..] {
        let value: [f64; 7] = solver.graph().value(block).unwrap().try_into().unwrap();
        solver.set_value(block, compose(value, small(&mut random, 0.3))).unwrap();
    }
    let solution = solved(&mut solver);
    for (values, truth) in solution.blocks.values.chunks(7).zip(truth.chunks(7)) {
        let sign = if values[3..].iter().zip(&truth[3..]).map(|(a, b)| a * b).sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
        for i in 0..7 {
            let value = if i < 3 { values[i] } else { sign * values[i] };
            assert!((value - truth[i]).abs() < 1e-9);
        }
    }
    let loss = random_loss(&solution);
    let exact = solver.vjp(&solution, &loss).unwrap().params.values;
    let how = dilqr_runtime::graph::Differentiation::GaussNewton;
    let other = solver.vjp_with(&solution, &loss, &how).unwrap().params.values;
    assert!(exact.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-8));
}

/// The whole graph turned and moved: steps are in the axes of the bodies, so all moves with it. Rounding apart.
#[test]
fn the_world_has_no_axes() {
    let (graph, blocks, _) = spiral(12, 3, 0.1);
    let moved = [3.0, -1.0, 0.5, 0.5, 0.5, -0.5, 0.5];
    let mut first = Solver::new(graph, dilqr_runtime::graph::Settings::default()).unwrap();
    let here = solved(&mut first);
    for &block in &blocks {
        let value: [f64; 7] = first.graph().value(block).unwrap().try_into().unwrap();
        first.set_value(block, compose(moved, value)).unwrap();
    }
    let there = solved(&mut first);
    assert_eq!(here.stats.iterations, there.stats.iterations);
    assert!((here.objective - there.objective).abs() < 1e-12);
    for &block in &blocks {
        let expected = compose(moved, here.blocks.block(block).try_into().unwrap());
        assert!(there.blocks.block(block).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}
