//! The throughput of AC-MPC (Romero et al. 2024, *Actor-Critic Model Predictive Control*): a network makes the weights
//! of a quadrotor's controller, the first control is the mean of a policy, and gradients go back through the controller
//! to the network. Beside mpc.pytorch, on the same problems in the same run.

mod flight;
mod policy;
mod report;

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::nalgebra::{DMatrix, SVector};
use dilqr_runtime::{LossGradient, Settings, batch};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use crate::outside::{Answer, ask};
use crate::table::{Table, write};
use crate::timing::least;
use crate::{Context, Failure};
use flight::{Flights, GRAVITY, MAGNITUDE, Problem};
use policy::{PIECE, Pass, Policy, UNITS, WEIGHTS};

/// Stages with a control each, as mpc.pytorch counts them. The published number is 2.
const HORIZONS: [usize; 3] = [2, 5, 10];

const BATCHES: [usize; 5] = [1, 8, 32, 128, 512];

/// The largest batch of mpc.pytorch: one of 512 takes minutes.
const LARGEST_OF_PEER: usize = 128;

type Solution = dilqr_runtime::Solution<10, 4, 1, WEIGHTS>;

/// How a batch is solved and differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    OneByOne,
    Batch,
    Lanes,
}

/// Ways and threads, and their names.
const WAYS: [(Way, usize, &str); 5] = [
    (Way::OneByOne, 1, "one by one"),
    (Way::Batch, 1, "batch"),
    (Way::Batch, 2, "batch"),
    (Way::Lanes, 1, "lanes"),
    (Way::Lanes, 2, "lanes"),
];

/// Whether a way of the table is one of ours.
fn is_ours(way: &str) -> bool {
    WAYS.iter().any(|(.., name)| *name == way)
}

/// One batch by one way, with the least of many times. The script of mpc.pytorch prints the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    way: String,
    threads: usize,
    horizon: usize,
    batch: usize,
    /// Seconds of the controllers: solves, and gradients in the weights of all stages.
    controllers: f64,
    /// Seconds with the network before and after them.
    whole: f64,
    /// The largest excess of a cost over that of our single solve, over the largest magnitude of a cost.
    cost: f64,
    /// The largest difference from the first control of our single solve, over the control's magnitude.
    control: f64,
    /// The difference from our gradient in the network, over its norm.
    gradient: f64,
    /// Problems without a solution or gradient.
    failed: usize,
}

/// What a way found, problem by problem.
#[derive(Clone, Debug)]
struct Found {
    costs: Vec<f64>,
    controls: Vec<SVector<f64, 4>>,
    /// The gradient in the weights of the stages, a column for each problem.
    gradient: DMatrix<f64>,
    /// Problems with a bound that is active in the solution, and those that failed.
    bounded: usize,
    failed: usize,
    iterations: usize,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("ac-mpc.csv"))?;
    let (horizons, batches, units) =
        if context.quick { (&HORIZONS[..1], &BATCHES[..2], 16) } else { (&HORIZONS[..], &BATCHES[..], UNITS) };
    let bar = context.bar("AC-MPC", horizons.len() * batches.len());
    let (mut about, mut asked, mut measured) = (String::new(), Vec::new(), false);
    for &horizon in horizons {
        let mut random = StdRng::seed_from_u64(horizon as u64);
        let policy = Policy::draw(horizon, units, &mut random);
        let flights = Flights::draw(batches.iter().copied().max().unwrap_or(1), &mut random);
        let (known, _) = whole(Way::OneByOne, &policy, &flights)?;
        about += &report::problems(horizon, &known);
        for &count in batches {
            if !rows.contains(|row: &Row| (row.horizon, row.batch) == (horizon, count) && is_ours(&row.way)) {
                rows.append(&measure(context, &policy, &flights.first(count), &known)?)?;
                measured = true;
            }
            bar.inc(1);
        }
        if !rows.contains(|row: &Row| row.horizon == horizon && !is_ours(&row.way)) {
            asked.push(Question::new(policy, flights, &known));
        }
    }
    bar.finish_and_clear();
    if !asked.is_empty() {
        let batches: Vec<usize> = batches.iter().copied().filter(|&batch| batch <= LARGEST_OF_PEER).collect();
        about += &peer(context, &rows, &asked, &batches)?;
    }
    if measured || !asked.is_empty() {
        write(&context.path("ac-mpc-problems.md"), &about)?;
    }
    report::write_all(context, &rows.rows())
}

/// The loss's derivative: the negative logarithm of a normal distribution's density about the first control, with
/// deviations of the controls' magnitudes.
fn loss(solution: &Solution, action: &SVector<f64, 4>) -> LossGradient<10, 4> {
    let mut loss = LossGradient::zeros(solution.controls.len());
    loss.controls[0] = (solution.controls[0] - action).zip_map(&SVector::from(MAGNITUDE), |d, m| d / (m * m));
    loss
}

fn settings() -> Settings {
    Settings::default()
}

/// Solutions and gradients in the weights of the stages.
fn controllers(way: Way, problems: &[Problem], flights: &Flights) -> Result<Found, Failure> {
    let horizon = problems.first().map_or(0, Problem::horizon);
    let of = |index: usize, solution: &Solution| loss(solution, &flights.actions[index]);
    let (model, settings) = (flight::quadrotor::Quadrotor, settings());
    let results = match way {
        Way::OneByOne => {
            let mut solver = flight::quadrotor::Solver::new(model, horizon, settings)?;
            let mut one = |(index, problem)| {
                let (solution, sensitivities) = solver.solve_and_differentiate(problem)?;
                let gradient = sensitivities.and_then(|mut s| s.vjp(&of(index, &solution)));
                Ok((solution, gradient))
            };
            problems.iter().enumerate().map(&mut one).collect()
        }
        Way::Batch => batch::solve_and_vjp(&model, horizon, &settings, problems, of),
        Way::Lanes => batch::solve_and_vjp_lanes(&model, horizon, &settings, problems, of),
    };
    let mut found = Found {
        costs: Vec::with_capacity(problems.len()),
        controls: Vec::with_capacity(problems.len()),
        gradient: DMatrix::zeros(WEIGHTS * horizon, problems.len()),
        bounded: 0,
        failed: 0,
        iterations: 0,
    };
    for (mut column, result) in found.gradient.column_iter_mut().zip(results) {
        let (solution, gradient) = result?;
        match gradient {
            Ok(gradient) => {
                let stages = gradient.stage_params.iter().take(horizon).flat_map(|stage| stage.iter());
                column.iter_mut().zip(stages).for_each(|(entry, g)| *entry = *g);
            }
            Err(_) => found.failed += 1,
        }
        found.bounded += usize::from(solution.bound_multipliers.iter().any(|multipliers| multipliers.amax() > 0.0));
        found.iterations += solution.stats.iterations;
        found.costs.push(solution.cost);
        found.controls.push(solution.controls[0]);
    }
    Ok(found)
}

/// Network, controllers, and back to the network.
fn whole(way: Way, policy: &Policy, flights: &Flights) -> Result<(Found, Policy), Failure> {
    let passes = policy.passes(&flights.observations);
    let found = controllers(way, &flights.problems(&joined(&passes)), flights)?;
    let gradient = policy.pull_back(&flights.observations, &passes, &found.gradient);
    Ok((found, gradient))
}

/// The weights of all problems of a batch.
fn joined(passes: &[Pass]) -> DMatrix<f64> {
    let rows = passes.first().map_or(0, |pass| pass.weights.nrows());
    let count = passes.iter().map(|pass| pass.weights.ncols()).sum();
    DMatrix::from_iterator(rows, count, passes.iter().flat_map(|pass| pass.weights.iter().copied()))
}

/// A way on its threads.
struct Side {
    way: Way,
    pool: ThreadPool,
}

impl Side {
    fn run<T: Send>(&self, problems: usize, work: impl FnOnce() -> T + Send) -> T {
        // Work in one piece needs no pool, whose waking takes as long as a solve.
        if self.way == Way::OneByOne && problems <= PIECE { work() } else { self.pool.install(work) }
    }
}

/// All ways on one batch. The results are compared with those of single solves before anything is timed.
fn measure(context: &Context, policy: &Policy, flights: &Flights, known: &Found) -> Result<Vec<Row>, Failure> {
    let passes = policy.passes(&flights.observations);
    let problems = flights.problems(&joined(&passes));
    let of_weights = known.gradient.columns(0, flights.len()).into_owned();
    let expected = policy.pull_back(&flights.observations, &passes, &of_weights);
    let (mut sides, mut rows) = (Vec::new(), Vec::new());
    for (way, threads, name) in WAYS {
        let side = Side { way, pool: ThreadPoolBuilder::new().num_threads(threads).build()? };
        let (found, gradient) = side.run(flights.len(), || whole(way, policy, flights))?;
        let row = Row {
            way: name.to_owned(),
            threads,
            horizon: policy.horizon(),
            batch: flights.len(),
            controllers: f64::NAN,
            whole: f64::NAN,
            cost: excess(&found, known),
            control: moved(&found, known),
            gradient: gradient.distance(&expected) / expected.norm(),
            failed: found.failed,
        };
        // Solutions agree to the tolerance of 1e-9 over the condition of their problems, and costs to its square.
        if row.cost.max(row.control).max(row.gradient) > 1e-6 || row.failed > known.failed {
            return Err(format!("{name} differs from single solves: {row:?}").into());
        }
        sides.push(side);
        rows.push(row);
    }
    let mut operations: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for side in &sides {
        let work = || black_box(controllers(side.way, black_box(&problems), flights)).is_ok();
        operations.push(Box::new(move || {
            black_box(side.run(flights.len(), work));
        }));
        let work = || black_box(whole(side.way, black_box(policy), flights)).is_ok();
        operations.push(Box::new(move || {
            black_box(side.run(flights.len(), work));
        }));
    }
    let (blocks, block) = if context.quick { (1, Duration::from_millis(1)) } else { (40, Duration::from_millis(5)) };
    let times = least(blocks, block, &mut operations);
    for (row, times) in rows.iter_mut().zip(times.chunks_exact(2)) {
        (row.controllers, row.whole) = (times[0], times[1]);
    }
    Ok(rows)
}

/// The largest excess of a cost over the known one, over the largest magnitude of a cost.
fn excess(found: &Found, known: &Found) -> f64 {
    let size = known.costs.iter().fold(0.0, |size: f64, cost| size.max(cost.abs()));
    found.costs.iter().zip(&known.costs).fold(0.0, |most: f64, (own, cost)| most.max((own - cost) / size))
}

/// The largest difference of a first control, over its magnitude.
fn moved(found: &Found, known: &Found) -> f64 {
    let pairs = found.controls.iter().zip(&known.controls);
    let size = SVector::from(MAGNITUDE);
    pairs.fold(0.0, |most: f64, (own, control)| most.max((own - control).component_div(&size).amax()))
}

/// One horizon for the script of mpc.pytorch: the network, the problems, and our answers. Matrices are lists of
/// columns.
#[derive(Serialize)]
struct Question {
    horizon: usize,
    gravity: f64,
    first: Vec<f64>,
    first_bias: Vec<f64>,
    last: Vec<f64>,
    last_bias: Vec<f64>,
    states: Vec<Vec<f64>>,
    observations: Vec<f64>,
    actions: Vec<Vec<f64>>,
    costs: Vec<f64>,
    controls: Vec<Vec<f64>>,
    /// In the weights of the stages.
    gradient: Vec<f64>,
}

impl Question {
    fn new(policy: Policy, flights: Flights, known: &Found) -> Self {
        let lists = |vectors: &[SVector<f64, 4>]| vectors.iter().map(|v| v.as_slice().to_vec()).collect();
        Self {
            horizon: policy.horizon(),
            gravity: GRAVITY,
            first: policy.first.as_slice().to_vec(),
            first_bias: policy.first_bias.as_slice().to_vec(),
            last: policy.last.as_slice().to_vec(),
            last_bias: policy.last_bias.as_slice().to_vec(),
            states: flights.states.iter().map(|x| x.as_slice().to_vec()).collect(),
            observations: flights.observations.as_slice().to_vec(),
            actions: lists(&flights.actions),
            costs: known.costs.clone(),
            controls: lists(&known.controls),
            gradient: known.gradient.as_slice().to_vec(),
        }
    }
}

#[derive(Deserialize)]
struct Peer {
    side: String,
    rows: Vec<Row>,
}

/// Rows of mpc.pytorch, and its version or why there are none.
fn peer(context: &Context, rows: &Table<Row>, asked: &[Question], batches: &[usize]) -> Result<String, Failure> {
    let file = context.path("ac-mpc-problems.json");
    write(&file, &serde_json::to_string(asked)?)?;
    let batches = serde_json::to_string(batches)?;
    let answer = ask::<Peer>(context, "ac_mpc.py", &[&file.to_string_lossy(), &batches])?;
    std::fs::remove_file(&file)?;
    Ok(match answer {
        Answer::Printed(peer) => {
            rows.append(&peer.rows)?;
            format!("\n{}\n", peer.side)
        }
        Answer::Missing(reason) => format!("\nmpc.pytorch: {reason}.\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(horizon: usize, count: usize) -> (Policy, Flights) {
        let mut random = StdRng::seed_from_u64(7);
        let policy = Policy::draw(horizon, 9, &mut random);
        let flights = Flights::draw(count, &mut random);
        (policy, flights)
    }

    /// The loss whose derivative [`loss`] is, summed over a batch.
    fn value(policy: &Policy, flights: &Flights) -> Result<f64, Failure> {
        let (found, _) = whole(Way::OneByOne, policy, flights)?;
        let pairs = found.controls.iter().zip(&flights.actions);
        let size = SVector::from(MAGNITUDE);
        Ok(pairs.map(|(u, action)| 0.5 * (u - action).component_div(&size).norm_squared()).sum())
    }

    /// The gradient through network and controllers against central differences of whole solves, with bounds active in
    /// some.
    #[test]
    fn gradient() -> Result<(), Failure> {
        let (mut policy, flights) = drawn(3, 8);
        let (found, gradient) = whole(Way::OneByOne, &policy, &flights)?;
        assert_eq!(found.failed, 0);
        assert!(found.bounded > 0 && found.bounded < 8, "{}", found.bounded);
        let largest = gradient.last.amax();
        for k in (0..policy.last.len()).step_by(11) {
            let mut at = |h: f64| -> Result<f64, Failure> {
                policy.last[k] += h;
                let value = value(&policy, &flights);
                policy.last[k] -= h;
                value
            };
            let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
            // Solves end with steps of 1e-9, whose errors are their squares; third derivatives times 1e-10.
            let own = gradient.last[k];
            assert!((own - difference).abs() < 1e-6 * largest, "{k}: {own} {difference}");
        }
        Ok(())
    }

    /// All ways find the same, and [`measure`] says so.
    #[test]
    fn ways_agree() -> Result<(), Failure> {
        let (policy, flights) = drawn(2, 9);
        let (known, _) = whole(Way::OneByOne, &policy, &flights)?;
        let context = Context { out: std::path::PathBuf::new(), quick: true, threads: 1, data: None };
        let rows = measure(&context, &policy, &flights, &known)?;
        assert_eq!(rows.len(), WAYS.len());
        assert!(rows.iter().all(|row| row.controllers > 0.0 && row.whole > 0.0));
        // The comparison fails for another solution.
        let mut other = known.clone();
        other.controls[3][1] += 1e-3;
        assert!(measure(&context, &policy, &flights, &other).is_err());
        Ok(())
    }
}
