//! Graphs beside dense least squares of the same problem: other coordinates, another solver, another factorization.

use dilqr_runtime::graph::{Factor, Graph, Manifold};
use dilqr_runtime::implicit;
use dilqr_runtime::model::{Stage, StageExpansion};
use dilqr_runtime::nalgebra::{SMatrix, SVector};

use crate::models::{distance, odometry, random_loss, sighting, solved, solver, square, square_edges};
use crate::statuses::bend;

/// The poses of `square` behind the first, in coordinates of the world.
#[dilqr_runtime::implicit]
pub mod dense_square {
    pub struct Unknown {
        pub poses: [[f64; 3]; 3],
    }
    pub struct Params {
        pub edges: [[f64; 5]; 4],
    }
    fn edge(a: [f64; 3], b: [f64; 3], p: [f64; 5]) -> [f64; 3] {
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let turn = b[2] - a[2] - p[2];
        [
            p[3] * (a[2].cos() * dx + a[2].sin() * dy - p[0]),
            p[3] * (a[2].cos() * dy - a[2].sin() * dx - p[1]),
            p[4] * turn.sin().atan2(turn.cos()),
        ]
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 12] {
        let poses = [[0.0, 0.0, 0.0], y.poses[0], y.poses[1], y.poses[2]];
        let mut r = [0.0; 12];
        for i in 0..4 {
            let of_edge = edge(poses[i], poses[(i + 1) % 4], p.edges[i]);
            for j in 0..3 {
                r[3 * i + j] = of_edge[j];
            }
        }
        r
    }
}

/// The attitude of `sighting` for two directions, by a rotation vector about a fixed quaternion.
#[dilqr_runtime::implicit]
pub mod dense_sighting {
    pub struct Unknown {
        pub turn: [f64; 3],
    }
    pub struct Params {
        pub directions: [[f64; 6]; 2],
    }
    const BASE: [f64; 4] = [0.8, 0.0, 0.6, 0.0];
    pub fn quaternion(turn: [f64; 3]) -> [f64; 4] {
        let [a, b, c] = turn;
        let length = (1.0 + a * a + b * b + c * c).sqrt();
        let q = BASE;
        [
            (q[0] - q[1] * a - q[2] * b - q[3] * c) / length,
            (q[0] * a + q[1] + q[2] * c - q[3] * b) / length,
            (q[0] * b - q[1] * c + q[2] + q[3] * a) / length,
            (q[0] * c + q[1] * b - q[2] * a + q[3]) / length,
        ]
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 6] {
        let [w, x, y, z] = quaternion(y.turn);
        let mut r = [0.0; 6];
        for i in 0..2 {
            let [a, b, c, wa, wb, wc] = p.directions[i];
            r[3 * i] = (1.0 - 2.0 * (y * y + z * z)) * a + 2.0 * (x * y - w * z) * b + 2.0 * (x * z + w * y) * c - wa;
            r[3 * i + 1] =
                2.0 * (x * y + w * z) * a + (1.0 - 2.0 * (x * x + z * z)) * b + 2.0 * (y * z - w * x) * c - wb;
            r[3 * i + 2] =
                2.0 * (x * z - w * y) * a + 2.0 * (y * z + w * x) * b + (1.0 - 2.0 * (x * x + y * y)) * c - wc;
        }
        r
    }
}

fn settings() -> implicit::Settings {
    implicit::Settings { tolerance: 1e-12, ..implicit::Settings::default() }
}

/// Gauss and Newton's Hessian of a kernel beside the product of Jacobians by central differences of the user's residual. With steps of
/// 1e-6 the Jacobians' errors are about 1e-10.
fn assert_gauss_newton<F, const N: usize, const NP: usize, const M: usize>(
    kind: &F,
    (y, p): ([f64; N], [f64; NP]),
    residual: impl Fn([f64; N]) -> [f64; M],
) where
    F: Factor<N, NP>,
{
    let (x, s) = ([].into(), [].into());
    let (y, p) = (SVector::from(y), SVector::from(p));
    let mut expansion = StageExpansion::zeros();
    kind.expand_stage(Stage::new(&x, &y, &p, &s), &mut expansion);
    let jacobian = SMatrix::<f64, M, N>::from_fn(|i, j| {
        let at = |by: f64| {
            let mut y = <[f64; N]>::from(y);
            y[j] += by;
            residual(y)[i]
        };
        (at(1e-6) - at(-1e-6)) / 2e-6
    });
    let expected = jacobian.transpose() * jacobian;
    assert!((expansion.luu - expected).amax() < 1e-7 * (1.0 + expected.amax()), "{} {expected}", expansion.luu);
    let value = residual(y.into()).iter().map(|r| 0.5 * r * r).sum::<f64>();
    assert!((expansion.l - value).abs() < 1e-12 * (1.0 + value));
}

#[test]
fn hessians_of_gauss_and_newton() {
    for x in [0.3, 1.7] {
        let p = [1.0, 0.5];
        assert_gauss_newton(&bend::Bend, ([x], p), |y| bend::residual(y.into(), p.into()));
    }
    let (y, p) = ([0.4, 1.0, 3.0, -2.0], [2.5, 1.5]);
    assert_gauss_newton(&distance::Distance, (y, p), |[a, b, c, d]| {
        distance::residual([a, b].into(), [c, d].into(), p.into())
    });
    let (y, p) = ([0.1, 0.2, 0.3, 1.0, -1.0, 2.0], [1.0, 0.1, 1.5, 2.0, 3.0]);
    assert_gauss_newton(&odometry::Odometry, (y, p), |[a, b, c, d, e, f]| {
        odometry::residual([a, b, c].into(), [d, e, f].into(), p.into())
    });
    let (y, p) = ([0.5, -0.5, 0.5, 0.5], [1.0, 0.2, -0.1, 0.1, 0.3, -0.9]);
    assert_gauss_newton(&sighting::Sighting, (y, p), |y| sighting::residual(y.into(), p.into()));
}

/// Both end within 1e-12 of the solution, relatively, and differ in rounding.
#[test]
fn poses_in_the_plane() {
    let (graph, poses, factors) = square();
    let guess: Vec<f64> = poses[1..].iter().flat_map(|&pose| graph.value(pose).unwrap().to_vec()).collect();
    let mut sparse = solver(graph);
    let solution = solved(&mut sparse);
    let mut dense = implicit::Solver::new(dense_square::DenseSquare, settings()).unwrap();
    let edges: Vec<f64> = square_edges().concat();
    let params = SVector::<f64, 20>::from_column_slice(&edges);
    let reference = dense.solve(SVector::<f64, 9>::from_column_slice(&guess), params).unwrap();
    assert!(reference.status.is_converged());
    assert!((solution.objective - reference.objective).abs() < 1e-12 * reference.objective);
    assert!(reference.objective > 0.05, "the residuals do not vanish");
    for (i, &pose) in poses[1..].iter().enumerate() {
        for (j, value) in solution.blocks.block(pose).iter().enumerate() {
            assert!((value - reference.unknown[3 * i + j]).abs() < 1e-11);
        }
    }
    let loss = random_loss(&solution);
    let gradient = sparse.vjp(&solution, &loss).unwrap();
    let expected = dense.vjp(&reference, &SVector::from_column_slice(&loss.values[3..])).unwrap();
    for (i, &factor) in factors.iter().enumerate() {
        for (j, slope) in gradient.params.factor(factor).iter().enumerate() {
            let expected = expected[5 * i + j];
            assert!((slope - expected).abs() < 1e-10, "{i} {j}: {slope} {expected}");
        }
    }
}

/// The same for a rotation: Wahba's problem.
#[test]
fn a_rotation() {
    let directions = [[1.0, 0.2, -0.1, 0.1, 0.3, -0.9], [0.0, 1.0, 0.4, 0.2, 0.9, 0.5]];
    let mut graph = Graph::new();
    let attitude = graph.add_block(Manifold::So3, [0.8, 0.0, 0.6, 0.0]).unwrap();
    let factors = directions.map(|direction| graph.add_factor(sighting::Sighting, &[attitude], direction).unwrap());
    let mut sparse = solver(graph);
    let solution = solved(&mut sparse);
    let mut dense = implicit::Solver::new(dense_sighting::DenseSighting, settings()).unwrap();
    let params = SVector::<f64, 12>::from_column_slice(&directions.concat());
    let reference = dense.solve([0.0; 3], params).unwrap();
    assert!(reference.status.is_converged());
    assert!((solution.objective - reference.objective).abs() < 1e-12 * reference.objective);
    let quaternion = dense_sighting::quaternion(reference.unknown.into());
    let same = if quaternion[0] * solution.blocks.values[0] < 0.0 { -1.0 } else { 1.0 };
    for (value, expected) in solution.blocks.values.iter().zip(quaternion) {
        assert!((value - same * expected).abs() < 1e-11);
    }
    // The loss gradient in the turn, by central differences of the quaternion (error 1e-10 with steps of 1e-5).
    let loss = random_loss(&solution);
    let of_turn = SVector::<f64, 3>::from_fn(|i, _| {
        let at = |by: f64| -> f64 {
            let mut turn = <[f64; 3]>::from(reference.unknown);
            turn[i] += by;
            dense_sighting::quaternion(turn).iter().zip(&loss.values).map(|(q, slope)| same * q * slope).sum()
        };
        (at(1e-5) - at(-1e-5)) / 2e-5
    });
    let expected = dense.vjp(&reference, &of_turn).unwrap();
    let gradient = sparse.vjp(&solution, &loss).unwrap();
    for (i, &factor) in factors.iter().enumerate() {
        for (j, slope) in gradient.params.factor(factor).iter().enumerate() {
            assert!((slope - expected[6 * i + j]).abs() < 1e-8, "{i} {j}");
        }
    }
}
