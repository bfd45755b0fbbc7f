//! Kinds of factors, and graphs that several of the tests have.

use dilqr_runtime::Status;
use dilqr_runtime::graph::{BlockId, BlockValues, FactorId, Graph, Manifold, Settings, Solution, Solver};

/// The relative pose in the plane, in the axes of the first, beside a measured one.
#[dilqr_runtime::factor]
pub mod odometry {
    #[manifold(se2)]
    pub struct Pose {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
    }
    pub struct Params {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
        pub weight: [f64; 2],
    }
    pub fn residual(a: Pose, b: Pose, p: Params) -> [f64; 3] {
        let (sin, cos) = a.angle.sin_cos();
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let turn = b.angle - a.angle - p.angle;
        [
            p.weight[0] * (cos * dx + sin * dy - p.x),
            p.weight[0] * (cos * dy - sin * dx - p.y),
            p.weight[1] * turn.sin().atan2(turn.cos()),
        ]
    }
}

/// The relative pose in space beside a measured one. The part of the rotation is `2 tan(angle / 2)` times the axis: it is
/// the same for opposite quaternions, and has no branch.
#[dilqr_runtime::factor]
pub mod relative {
    #[manifold(se3)]
    pub struct Pose {
        pub position: [f64; 3],
        pub rotation: [f64; 4],
    }
    pub struct Params {
        pub measured: Pose,
        pub weight: [f64; 2],
    }

    fn conjugate(q: [f64; 4]) -> [f64; 4] {
        [q[0], -q[1], -q[2], -q[3]]
    }

    fn product(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    }

    fn rotate(q: [f64; 4], v: [f64; 3]) -> [f64; 3] {
        let rotated = product(product(q, [0.0, v[0], v[1], v[2]]), conjugate(q));
        [rotated[1], rotated[2], rotated[3]]
    }

    pub fn residual(a: Pose, b: Pose, p: Params) -> [f64; 6] {
        let back = conjugate(a.rotation);
        let d = [b.position[0] - a.position[0], b.position[1] - a.position[1], b.position[2] - a.position[2]];
        let t = rotate(back, d);
        let q = product(conjugate(p.measured.rotation), product(back, b.rotation));
        let mut r = [0.0; 6];
        for i in 0..3 {
            r[i] = p.weight[0] * (t[i] - p.measured.position[i]);
            r[i + 3] = p.weight[1] * 2.0 * q[i + 1] / q[0];
        }
        r
    }
}

/// A direction in the world as a rotated body sees it.
#[dilqr_runtime::factor]
pub mod sighting {
    #[manifold(so3)]
    pub struct Attitude {
        pub q: [f64; 4],
    }
    pub struct Params {
        pub seen: [f64; 3],
        pub world: [f64; 3],
    }
    pub fn residual(attitude: Attitude, p: Params) -> [f64; 3] {
        let [w, x, y, z] = attitude.q;
        let [a, b, c] = p.seen;
        [
            (1.0 - 2.0 * (y * y + z * z)) * a + 2.0 * (x * y - w * z) * b + 2.0 * (x * z + w * y) * c - p.world[0],
            2.0 * (x * y + w * z) * a + (1.0 - 2.0 * (x * x + z * z)) * b + 2.0 * (y * z - w * x) * c - p.world[1],
            2.0 * (x * z - w * y) * a + 2.0 * (y * z + w * x) * b + (1.0 - 2.0 * (x * x + y * y)) * c - p.world[2],
        ]
    }
}

/// The distance of a mark from a station, and a line through its coordinates: vectors, with residuals that do not vanish.
#[dilqr_runtime::factor]
pub mod distance {
    pub struct Station {
        pub x: f64,
        pub y: f64,
    }
    pub struct Mark {
        pub at: [f64; 2],
    }
    pub struct Params {
        pub measured: f64,
        pub weight: f64,
    }
    pub fn residual(station: Station, mark: Mark, p: Params) -> [f64; 1] {
        let (dx, dy) = (mark.at[0] - station.x, mark.at[1] - station.y);
        [p.weight * ((dx * dx + dy * dy).sqrt() - p.measured)]
    }
}

pub fn solver(graph: Graph) -> Solver {
    Solver::new(graph, Settings { tolerance: 1e-12, ..Settings::default() }).expect("a graph")
}

pub fn solved(solver: &mut Solver) -> Solution {
    let solution = solver.solve();
    assert_eq!(solution.status, Status::Converged, "{solution:?}");
    solution
}

/// Numbers between -1 and 1 without a pattern.
pub fn noise(seed: usize) -> impl Iterator<Item = f64> {
    (1..).map(move |i| 2.0 * (0.618_033_988_749_894_9 * (i * i + 7 * i * (seed + 1)) as f64).fract() - 1.0)
}

/// A loss gradient without a pattern.
pub fn random_loss(solution: &Solution) -> BlockValues {
    let mut loss = solution.blocks.zeros();
    loss.values.iter_mut().zip(noise(5)).for_each(|(slope, noise)| *slope = noise);
    loss
}

/// Four poses in the plane, the first held, with odometry around a square and an edge that closes it.
pub fn square() -> (Graph, [BlockId; 4], Vec<FactorId>) {
    let mut graph = Graph::new();
    let guesses = [[0.0, 0.0, 0.0], [0.9, 0.2, 1.4], [1.2, 1.1, 3.0], [-0.1, 0.8, 4.9]];
    let poses = guesses.map(|guess| graph.add_block(Manifold::Se2, guess).expect("a pose"));
    graph.hold(poses[0]).expect("a pose of the graph");
    let edges = square_edges();
    let ends = [(0, 1), (1, 2), (2, 3), (3, 0)];
    let factors = ends
        .into_iter()
        .zip(edges)
        .map(|((a, b), edge)| graph.add_factor(odometry::Odometry, &[poses[a], poses[b]], edge).expect("an edge"));
    let factors = factors.collect();
    (graph, poses, factors)
}

/// The parameters of its edges. They do not fit together.
pub fn square_edges() -> [[f64; 5]; 4] {
    [[1.0, 0.1, 1.5, 2.0, 3.0], [1.1, 0.0, 1.7, 1.5, 2.5], [0.8, -0.1, 1.4, 2.0, 3.0], [1.0, 0.2, 1.3, 1.0, 2.0]]
}

/// The gradient of a linear loss in one parameter by central differences of solves. With the step 1e-4 its truncation is about 1e-8 of
/// the third derivative, and its rounding 1e-12 / 1e-4.
pub fn difference(solver: &mut Solver, (factor, entry): (FactorId, usize), loss: &BlockValues) -> f64 {
    let params = solver.graph().params(factor).expect("a factor of the graph").to_vec();
    let step = 1e-4;
    let mut value = |by: f64| -> f64 {
        let mut params = params.clone();
        params[entry] += by;
        solver.set_params(factor, &params).expect("parameters");
        let solution = solved(solver);
        solution.blocks.values.iter().zip(&loss.values).map(|(value, slope)| value * slope).sum()
    };
    let slope = (value(step) - value(-step)) / (2.0 * step);
    solver.set_params(factor, &params).expect("parameters");
    slope
}
