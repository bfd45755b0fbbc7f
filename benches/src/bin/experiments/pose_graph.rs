//! Pose graphs in space, as in Theseus (Pineda et al. 2022): times of solves and of gradients over the number of poses, and what
//! approximate gradients miss.
//!
//! The data follow the generator of its example: steps with translations uniform in +-0.5 m and rotation vectors uniform in +-1 rad;
//! odometry with noise uniform in +-0.05 and +-0.1; with probability 0.2 a pose has one to ten closures with random earlier poses, of
//! which one in twenty is wrong; guesses are the true poses with the same noise. Closures have Huber's loss.

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::Status;
use dilqr_runtime::graph::{
    BlockId, BlockValues, Differentiation, FactorId, Graph, Loss, Manifold, Settings, Solution, Solver,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

const POSES: [usize; 6] = [128, 256, 512, 1024, 2048, 4096];

/// Seconds, and errors over the largest entry of the exact gradient.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    poses: usize,
    factors: usize,
    iterations: usize,
    /// The order of the Hessian and its making of memory.
    prepare: f64,
    solve: f64,
    exact: f64,
    gauss_newton: f64,
    truncated: f64,
    error_gauss_newton: f64,
    error_truncated: f64,
    /// Of the exact gradient, against central differences of solves in some parameters.
    error_exact: f64,
}

/// The relative pose of two poses beside a measured one.
#[dilqr_runtime::factor]
pub(crate) mod relative {
    #[manifold(se3)]
    pub struct Pose {
        pub position: [f64; 3],
        pub rotation: [f64; 4],
    }
    pub struct Params {
        pub position: [f64; 3],
        pub rotation: [f64; 4],
        pub weight: [f64; 2],
    }

    /// The product of two quaternions.
    pub(crate) fn product(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    }

    pub(crate) fn conjugate(q: [f64; 4]) -> [f64; 4] {
        [q[0], -q[1], -q[2], -q[3]]
    }

    /// The translation in the axes of the first pose, and the rotation as `2 tan(angle / 2)` times its axis.
    pub(crate) fn residual(a: Pose, b: Pose, p: Params) -> [f64; 6] {
        let back = conjugate(a.rotation);
        let mut d = [0.0; 4];
        for i in 0..3 {
            d[i + 1] = b.position[i] - a.position[i];
        }
        let t = product(product(back, d), a.rotation);
        let q = product(conjugate(p.rotation), product(back, b.rotation));
        let mut r = [0.0; 6];
        for i in 0..3 {
            r[i] = p.weight[0] * (t[i + 1] - p.position[i]);
            r[i + 3] = p.weight[1] * 2.0 * q[i + 1] / q[0];
        }
        r
    }
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("pose-graph.csv"))?;
    let sizes = if context.quick { &[32, 64][..] } else { &POSES[..] };
    let bar = context.bar("pose graph", sizes.len());
    for &poses in sizes {
        if !rows.contains(|row: &Row| row.poses == poses) {
            rows.append(&[measure(poses)?])?;
        }
        bar.inc(1);
    }
    bar.finish();
    let mut markdown = Markdown::new(&[
        "poses",
        "factors",
        "iterations",
        "prepare [ms]",
        "solve [ms]",
        "vjp, exact [ms]",
        "vjp, Gauss-Newton [ms]",
        "vjp, 5 truncated steps [ms]",
        "error of Gauss-Newton's",
        "error of 5 truncated steps",
        "error of the exact one",
    ]);
    for row in rows.rows() {
        let times = [row.prepare, row.solve, row.exact, row.gauss_newton, row.truncated];
        let counts = [row.poses, row.factors, row.iterations].map(|count| count.to_string());
        let errors = [row.error_gauss_newton, row.error_truncated, row.error_exact].map(number);
        let cells = counts.into_iter().chain(times.map(|time| number(1e3 * time))).chain(errors);
        markdown.row(&cells.collect::<Vec<_>>());
    }
    write(&context.path("pose-graph.md"), &markdown.text())
}

use relative::{conjugate, product};

/// A pose: position and unit quaternion.
type Pose = [f64; 7];

fn rotation(a: &Pose) -> [f64; 4] {
    [a[3], a[4], a[5], a[6]]
}

/// The vector, rotated by a quaternion.
fn rotate(q: [f64; 4], [x, y, z]: [f64; 3]) -> [f64; 3] {
    let [_, x, y, z] = product(product(q, [0.0, x, y, z]), conjugate(q));
    [x, y, z]
}

fn compose(a: &Pose, b: &Pose) -> Pose {
    let q = rotation(a);
    let (t, r) = (rotate(q, [b[0], b[1], b[2]]), product(q, rotation(b)));
    [a[0] + t[0], a[1] + t[1], a[2] + t[2], r[0], r[1], r[2], r[3]]
}

fn inverse(a: &Pose) -> Pose {
    let q = conjugate(rotation(a));
    let t = rotate(q, [-a[0], -a[1], -a[2]]);
    [t[0], t[1], t[2], q[0], q[1], q[2], q[3]]
}

/// A pose with translations and a rotation vector uniform in these intervals about zero.
fn uniform(random: &mut SmallRng, translation: f64, rotation: f64) -> Pose {
    let mut next = |size: f64| size * (2.0 * random.random::<f64>() - 1.0);
    let t = [next(translation), next(translation), next(translation)];
    let w = [next(rotation), next(rotation), next(rotation)];
    let angle = w.iter().map(|w| w * w).sum::<f64>().sqrt();
    let scale = if angle > 0.0 { (0.5 * angle).sin() / angle } else { 0.5 };
    [t[0], t[1], t[2], (0.5 * angle).cos(), scale * w[0], scale * w[1], scale * w[2]]
}

struct Case {
    graph: Graph,
    blocks: Vec<BlockId>,
    truth: Vec<Pose>,
}

fn case(poses: usize) -> Result<Case, Failure> {
    let mut random = SmallRng::seed_from_u64(poses as u64);
    let (rotation, translation) = (0.05, 0.1);
    let mut truth: Vec<Pose> = vec![[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]];
    let mut edges: Vec<(usize, usize, Pose, bool)> = Vec::new();
    for n in 1..poses {
        let step = uniform(&mut random, 0.5, 1.0);
        truth.push(compose(&truth[n - 1], &step));
        edges.push((n - 1, n, compose(&step, &uniform(&mut random, translation, rotation)), false));
        if n > 1 && random.random::<f64>() <= 0.2 {
            let count = random.random_range(1..=10);
            let mut others: Vec<usize> = (0..count).map(|_| random.random_range(0..n - 1)).collect();
            others.sort_unstable();
            others.dedup();
            for other in others {
                let wrong = random.random::<f64>() <= 0.05;
                let (t, r) = if wrong { (1.0, 1.5) } else { (translation, rotation) };
                let measured = compose(&inverse(&truth[other]), &truth[n]);
                edges.push((other, n, compose(&measured, &uniform(&mut random, t, r)), true));
            }
        }
    }
    let mut graph = Graph::new();
    let mut blocks = Vec::new();
    for (i, pose) in truth.iter().enumerate() {
        let noise = if i == 0 { uniform(&mut random, 0.0, 0.0) } else { uniform(&mut random, translation, rotation) };
        blocks.push(graph.add_block(Manifold::Se3, compose(pose, &noise))?);
    }
    graph.hold(blocks[0])?;
    for (a, b, [x, y, z, rest @ ..], closes) in edges {
        let weight = [1.0 / translation, 1.0 / rotation];
        let params = relative::Params { position: [x, y, z], rotation: rest, weight };
        let loss = if closes { Loss::Huber { threshold: 2.0 } } else { Loss::Squares };
        graph.add_factor_with_loss(relative::Relative, &[blocks[a], blocks[b]], params, loss)?;
    }
    Ok(Case { graph, blocks, truth })
}

/// The gradient of half the mean squared distance of the positions from the true ones, and this loss.
fn loss(solution: &Solution, case: &Case) -> (BlockValues, f64) {
    let (mut gradient, mut value) = (solution.blocks.zeros(), 0.0);
    let share = 1.0 / case.blocks.len() as f64;
    for (&block, truth) in case.blocks.iter().zip(&case.truth) {
        for i in 0..3 {
            let error = solution.blocks.block(block)[i] - truth[i];
            value += 0.5 * share * error * error;
            gradient.block_mut(block)[i] = share * error;
        }
    }
    (gradient, value)
}

fn measure(poses: usize) -> Result<Row, Failure> {
    let case = case(poses)?;
    let settings = Settings { tolerance: 1e-10, ..Settings::default() };
    let mut solver = Solver::new(case.graph.clone(), settings)?;
    let solution = solver.solve();
    if solution.status != Status::Converged {
        return Err(format!("{poses} poses: {}, {:?}\n{}", solution.status, solution.cause, solution.stats).into());
    }
    let (slopes, _) = loss(&solution, &case);
    let exact = solver.vjp(&solution, &slopes)?.params;
    let largest = exact.values.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    let mut error = |how: Differentiation| -> Result<f64, Failure> {
        let other = solver.vjp_with(&solution, &slopes, &how)?.params.values;
        let errors = other.iter().zip(&exact.values).map(|(a, b)| (a - b).abs());
        Ok(errors.fold(0.0, f64::max) / largest)
    };
    let truncated = Differentiation::Truncated { iterations: 5 };
    let errors = [error(Differentiation::GaussNewton)?, error(truncated)?];
    // Differences begin at the solution.
    for &block in &case.blocks {
        solver.set_value(block, solution.blocks.block(block))?;
    }
    let error_exact = difference_error(&mut solver, &case, &exact.values)? / largest;
    let seconds = seconds(&case, settings, (&solution, &slopes))?;
    let [prepare, solve, exact, gauss_newton, truncated] = seconds[..] else { return Err("five times".into()) };
    Ok(Row {
        poses,
        factors: case.graph.factors().count(),
        iterations: solution.stats.iterations,
        prepare,
        solve,
        exact,
        gauss_newton,
        truncated,
        error_gauss_newton: errors[0],
        error_truncated: errors[1],
        error_exact,
    })
}

/// Times of the preparation, a solve and three gradients.
fn seconds(
    case: &Case,
    settings: Settings,
    (solution, slopes): (&Solution, &BlockValues),
) -> Result<Vec<f64>, Failure> {
    let mut solvers = Vec::new();
    for _ in 0..4 {
        solvers.push(Solver::new(case.graph.clone(), settings)?);
    }
    let modes = [Differentiation::Implicit, Differentiation::GaussNewton, Differentiation::Truncated { iterations: 5 }];
    let mut operations: Vec<Box<dyn FnMut() + '_>> =
        vec![Box::new(|| drop(black_box(Solver::new(case.graph.clone(), settings))))];
    let mut solvers = solvers.into_iter();
    if let Some(mut solver) = solvers.next() {
        operations.push(Box::new(move || drop(black_box(solver.solve()))));
    }
    for (mut solver, mode) in solvers.zip(modes) {
        operations.push(Box::new(move || drop(black_box(solver.vjp_with(solution, slopes, &mode)))));
    }
    Ok(medians(3, Duration::from_millis(200), &mut operations))
}

/// The largest difference of a gradient from central differences of solves, in four parameters of three factors. Steps of 1e-4 leave
/// 1e-8 of third derivatives, and 1e-6 of the solves' tolerance.
fn difference_error(solver: &mut Solver, case: &Case, gradient: &[f64]) -> Result<f64, Failure> {
    let (mut largest, step) = (0.0_f64, 1e-4);
    let factors: Vec<FactorId> = case.graph.factors().collect();
    for &factor in factors.iter().step_by(factors.len() / 3 + 1) {
        let params = case.graph.params(factor)?.to_vec();
        for entry in [0, 4, 7, 8] {
            let mut values = [0.0; 2];
            for (value, sign) in values.iter_mut().zip([1.0, -1.0]) {
                let mut moved = params.clone();
                moved[entry] += sign * step;
                solver.set_params(factor, &moved)?;
                let solution = solver.solve();
                if solution.status != Status::Converged {
                    return Err(format!("a difference did not converge: {}", solution.status).into());
                }
                *value = loss(&solution, case).1;
            }
            solver.set_params(factor, &params)?;
            let expected = (values[0] - values[1]) / (2.0 * step);
            largest = largest.max((gradient[factor.index() * params.len() + entry] - expected).abs());
        }
    }
    Ok(largest)
}
