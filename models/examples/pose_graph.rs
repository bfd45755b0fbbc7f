//! Calibrates a robot's odometry through its map. The robot drives two laps of an eight. Its wheels report too long ways and its gyro has a
//! bias; both are parameters of every odometry factor. The second lap recognizes places of the first, wrongly in some cases. Four places were
//! surveyed.
//!
//! The map is a factor graph. Levenberg and Marquardt's method finds the scale and the bias with which the map agrees with the survey, by
//! exact gradients of the surveyed poses through the graph. Prints a table, and a gradient beside a central difference. Draws the
//! maps to `target/pose_graph/maps.svg`.

mod drawing;

use std::error::Error;

use dilqr_runtime::Status;
use dilqr_runtime::graph::{BlockId, FactorId, Graph, Loss, Manifold, Settings, Solution, Solver};
use drawing::{BLUE, GRAY, GREEN, Panel, RED, Series, draw};
use plotters::prelude::SeriesLabelPosition;

/// The motion from one pose to the next, as wheels and gyro report it.
#[dilqr_runtime::factor]
pub(crate) mod odometry {
    #[manifold(se2)]
    pub struct Pose {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
    }
    pub struct Params {
        /// Reported way [m] and turn [rad].
        pub way: f64,
        pub turn: f64,
        /// Reported way over the true one.
        pub scale: f64,
        /// Error of each turn [rad].
        pub bias: f64,
    }

    /// Along an arc. Over the standard deviations, 0.01 m and 0.002 rad.
    pub(crate) fn residual(a: Pose, b: Pose, p: Params) -> [f64; 3] {
        let (sin, cos) = a.angle.sin_cos();
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let (way, turn) = (p.way / p.scale, p.turn - p.bias);
        let error = b.angle - a.angle - turn;
        [
            100.0 * (cos * dx + sin * dy - way * (0.5 * turn).cos()),
            100.0 * (cos * dy - sin * dx - way * (0.5 * turn).sin()),
            500.0 * error.sin().atan2(error.cos()),
        ]
    }
}

/// A place seen again: the relative pose.
#[dilqr_runtime::factor]
pub(crate) mod closure {
    #[manifold(se2)]
    pub struct Pose {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
    }
    pub struct Params {
        pub measured: Pose,
    }

    /// Over the standard deviations, 0.02 m and 0.01 rad.
    pub(crate) fn residual(a: Pose, b: Pose, p: Params) -> [f64; 3] {
        let (sin, cos) = a.angle.sin_cos();
        let (dx, dy, turn) = (b.x - a.x, b.y - a.y, b.angle - a.angle - p.measured.angle);
        [
            50.0 * (cos * dx + sin * dy - p.measured.x),
            50.0 * (cos * dy - sin * dx - p.measured.y),
            100.0 * turn.sin().atan2(turn.cos()),
        ]
    }
}

/// Poses of a lap.
const LAP: usize = 60;
const LAPS: usize = 2;
const SCALE: f64 = 1.04;
const BIAS: f64 = 0.004;
/// The surveyed poses.
const SURVEYED: [usize; 4] = [10, 22, 37, 50];

/// Numbers between -1 and 1, by a linear congruential generator (Knuth 1998, section 3.3.4).
fn noise() -> impl Iterator<Item = f64> {
    let mut state = 1_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

/// The true poses: circles to the left and to the right by turns.
fn truth() -> Vec<[f64; 3]> {
    let turn = std::f64::consts::TAU / (LAP as f64 / 2.0);
    let mut poses = vec![[0.0, 0.0, 0.0]];
    for i in 0..LAP * LAPS {
        let [x, y, angle] = poses[i];
        let side = if i % LAP < LAP / 2 { turn } else { -turn };
        let along = angle + 0.5 * side;
        poses.push([x + 0.5 * along.cos(), y + 0.5 * along.sin(), angle + side]);
    }
    poses
}

/// The second pose in the axes of the first.
fn relative(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let (sin, cos) = a[2].sin_cos();
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    [cos * dx + sin * dy, cos * dy - sin * dx, b[2] - a[2]]
}

struct Map {
    solver: Solver,
    poses: Vec<BlockId>,
    odometry: Vec<FactorId>,
    /// The poses by odometry alone.
    dead_reckoning: Vec<[f64; 3]>,
}

fn map(truth: &[[f64; 3]]) -> Result<Map, Box<dyn Error>> {
    let mut noise = noise();
    let mut next = |size: f64| size * noise.next().unwrap_or(0.0);
    let mut reports = Vec::new();
    let mut dead_reckoning = vec![truth[0]];
    for (pair, last) in truth.windows(2).zip(0..) {
        let step = relative(pair[0], pair[1]);
        let (way, turn) = (SCALE * step[0].hypot(step[1]) + next(0.01), step[2] + BIAS + next(0.002));
        let [x, y, angle]: [f64; 3] = dead_reckoning[last];
        let along = angle + 0.5 * turn;
        dead_reckoning.push([x + way * along.cos(), y + way * along.sin(), angle + turn]);
        reports.push([way, turn, 1.0, 0.0]);
    }
    let mut graph = Graph::new();
    let mut poses = Vec::new();
    for pose in &dead_reckoning {
        poses.push(graph.add_block(Manifold::Se2, pose)?);
    }
    graph.hold(poses[0])?;
    let mut odometry = Vec::new();
    for (ends, report) in poses.windows(2).zip(reports) {
        odometry.push(graph.add_factor(odometry::Odometry, ends, report)?);
    }
    for first in (0..LAP).step_by(4) {
        let wrong = if first % 20 == 12 { 3.0 } else { 0.0 };
        let again = first + LAP + 1;
        let [x, y, angle] = relative(truth[first], truth[again]);
        let measured = [x + next(0.02) + wrong, y + next(0.02), angle + next(0.01)];
        let ends = [poses[first], poses[again]];
        graph.add_factor_with_loss(closure::Closure, &ends, measured, Loss::Huber { threshold: 1.5 })?;
    }
    let solver = Solver::new(graph, Settings { tolerance: 1e-11, ..Settings::default() })?;
    Ok(Map { solver, poses, odometry, dead_reckoning })
}

impl Map {
    /// The map with this scale and bias in all odometry factors.
    fn solve(&mut self, [scale, bias]: [f64; 2]) -> Result<Solution, Box<dyn Error>> {
        for &factor in &self.odometry {
            let [way, turn, ..] = *self.solver.graph().params(factor)? else { return Err("four parameters".into()) };
            self.solver.set_params(factor, [way, turn, scale, bias])?;
        }
        let solution = self.solver.solve();
        match solution.status {
            Status::Converged => Ok(solution),
            status => Err(format!("not solved: {status}\n{}", solution.stats).into()),
        }
    }

    /// The derivative of an entry of a pose in scale and bias: the sum over all factors that have them.
    fn gradient(&mut self, solution: &Solution, pose: usize, entry: usize) -> Result<[f64; 2], Box<dyn Error>> {
        let mut loss = solution.blocks.zeros();
        loss.block_mut(self.poses[pose])[entry] = 1.0;
        let params = self.solver.vjp(solution, &loss)?.params;
        let sum = |index: usize| self.odometry.iter().map(|&factor| params.factor(factor)[index]).sum();
        Ok([sum(2), sum(3)])
    }
}

/// The errors `e` of the surveyed positions, linearized in scale and bias.
#[derive(Default)]
struct Survey {
    /// `e' e`
    squares: f64,
    /// `J' J`
    normal: [[f64; 2]; 2],
    /// `J' e`
    right: [f64; 2],
}

fn survey(map: &mut Map, solution: &Solution, truth: &[[f64; 3]]) -> Result<Survey, Box<dyn Error>> {
    let mut survey = Survey::default();
    for pose in SURVEYED {
        for entry in 0..2 {
            let error = solution.blocks.block(map.poses[pose])[entry] - truth[pose][entry];
            let row = map.gradient(solution, pose, entry)?;
            survey.squares += error * error;
            for i in 0..2 {
                survey.right[i] += row[i] * error;
                (0..2).for_each(|j| survey.normal[i][j] += row[i] * row[j]);
            }
        }
    }
    Ok(survey)
}

fn main() -> Result<(), Box<dyn Error>> {
    let truth = truth();
    let mut map = map(&truth)?;
    let mut calibration = [1.0, 0.0];
    let before = map.solve(calibration)?;
    println!("iteration  scale   bias [mrad]  error at surveyed places [m]");
    for iteration in 0..5 {
        let solution = map.solve(calibration)?;
        let Survey { squares, normal: [[a, b], [_, c]], right: [d, e] } = survey(&mut map, &solution, &truth)?;
        let error = (squares / SURVEYED.len() as f64).sqrt();
        println!("{iteration:9}  {:.4}  {:11.3}  {error:28.4}", calibration[0], 1e3 * calibration[1]);
        // Levenberg's and Marquardt's step, with a thousandth of the diagonal.
        let (a, c) = (1.001 * a, 1.001 * c);
        let determinant = a * c - b * b;
        calibration[0] -= (c * d - b * e) / determinant;
        calibration[1] -= (a * e - b * d) / determinant;
    }
    let after = map.solve(calibration)?;
    let [exact, _] = map.gradient(&after, SURVEYED[3], 0)?;
    let mut at = |by: f64| -> Result<f64, Box<dyn Error>> {
        let solution = map.solve([calibration[0] + by, calibration[1]])?;
        Ok(solution.blocks.block(map.poses[SURVEYED[3]])[0])
    };
    let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
    println!("true scale={SCALE} bias={} mrad", 1e3 * BIAS);
    println!("d x / d scale={exact:.7} by_difference={difference:.7}");
    // Differences with steps of 1e-5 have errors of about 1e-10, over the solves' 1e-11 / 1e-5.
    if (exact - difference).abs() > 1e-5 * (1.0 + exact.abs()) {
        return Err("the gradient is not that of differences".into());
    }
    println!("picture={}", picture(&map, &truth, [&before, &after])?);
    Ok(())
}

fn picture(map: &Map, truth: &[[f64; 3]], maps: [&Solution; 2]) -> Result<&'static str, Box<dyn Error>> {
    let path = |solution: &Solution| -> Vec<(f64, f64)> {
        map.poses.iter().map(|&pose| solution.blocks.block(pose)).map(|pose| (pose[0], pose[1])).collect()
    };
    let of = |poses: &[[f64; 3]]| poses.iter().map(|pose| (pose[0], pose[1])).collect::<Vec<_>>();
    let surveyed = SURVEYED.map(|pose| (truth[pose][0], truth[pose][1]));
    let panel = Panel {
        title: "Two laps of an eight",
        axes: ["x [m]", "y [m]"],
        legend: SeriesLabelPosition::UpperRight,
        headroom: 0.3,
        series: vec![
            Series::line("odometry alone", GRAY, of(&map.dead_reckoning)),
            Series::line("map", RED, path(maps[0])),
            Series::line("map, calibrated", BLUE, path(maps[1])),
            Series::dots("surveyed", GREEN, surveyed),
        ],
    };
    draw("target/pose_graph/maps.svg", &[panel])
}
