//! The differentiable cross-entropy method (Amos and Yarats 2020, arXiv 1909.12830): plans of a cart-pole that are
//! searched through a learned decoder, beside the optimum, and regression by a learned energy, beside unrolled gradient
//! descent.

mod cartpole;
mod cem;
mod control;
mod descent;
mod energy;
mod lml;
mod network;
mod noise;
mod report;
mod surface;

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::table::Table;
use crate::{Context, Failure};
use cartpole::{HORIZON, LIMIT, Plans, Start, cost, guesses, optimum, solver, validation_starts};
use cem::Cem;
use control::{Decoded, LATENT, decoder, plan};
use descent::Descent;
use energy::{Learner, Regression, initial_weights, minima};
use network::Network;

/// Sizes of both tasks.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Units of each hidden layer of the decoder.
    hidden: usize,
    samples: usize,
    elites: usize,
    iterations: usize,
    /// Of the decoder: trainings, updates, updates from one check to the next.
    seeds: u64,
    updates: usize,
    every: usize,
    /// Starts of the validation.
    problems: usize,
    /// Of the energy: the same, points of the regression, and energies at each of them in the picture.
    energy_seeds: u64,
    energy_updates: usize,
    energy_every: usize,
    points: usize,
    levels: usize,
}

const FULL: Effort = Effort {
    hidden: 256,
    samples: 100,
    elites: 10,
    iterations: 10,
    seeds: 1,
    updates: 10_000,
    every: 200,
    problems: 100,
    energy_seeds: 1,
    energy_updates: 20_100,
    energy_every: 600,
    points: 100,
    levels: 57,
};

const QUICK: Effort = Effort {
    hidden: 8,
    samples: 6,
    elites: 2,
    iterations: 2,
    seeds: 1,
    updates: 2,
    every: 1,
    problems: 2,
    energy_seeds: 1,
    energy_updates: 3,
    energy_every: 3,
    points: 4,
    levels: 3,
};

/// Temperatures of the search through the decoder. Zero is the search by its best samples, which is not differentiated.
const TEMPERATURES: [f64; 2] = [1.0, 0.0];

/// Checks without improvement before a rate is halved: 20 of every 100 (and 300) updates in the publication, whose
/// checks are twice as many.
const PATIENCE: usize = 10;

/// Updates in a row with one point of the regression, as published.
const REPEATS: usize = 3;

/// Numbers of steps at which the trained energies are evaluated.
const STEPS: [usize; 12] = [1, 2, 4, 6, 8, 9, 10, 11, 12, 14, 16, 20];

/// A check of the training of a decoder.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Check {
    temperature: f64,
    seed: u64,
    update: usize,
    /// The mean cost of the starts since the last check.
    training: f64,
    /// The mean cost of the validation, and that of the check with the least one so far.
    validation: f64,
    best: f64,
    rate: f64,
    seconds: f64,
}

/// The plan of one method for one start of the validation.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Found {
    problem: usize,
    method: String,
    cost: f64,
    /// Of the solver: guesses, solves that end at a local minimum, and those that end at the cheapest.
    guesses: usize,
    converged: usize,
    cheapest: usize,
    seconds: f64,
}

/// The mean squared error of an energy's predictions after some updates, with some steps of the search.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fit {
    learner: String,
    seed: u64,
    update: usize,
    steps: usize,
    error: f64,
    rate: f64,
    seconds: f64,
}

/// A prediction of a trained energy, and the local minimum beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Prediction {
    learner: String,
    seed: u64,
    x: f64,
    target: f64,
    prediction: f64,
    minimum: Option<f64>,
}

/// Energies at one `x`, between 0 for the least and 1 for the largest of that `x`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Level {
    learner: String,
    x: f64,
    y: f64,
    energy: f64,
}

/// All tables.
struct Tables {
    checks: Table<Check>,
    found: Table<Found>,
    fits: Table<Fit>,
    predictions: Table<Prediction>,
    levels: Table<Level>,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let tables = Tables {
        checks: Table::open(context.path("dcem.csv"))?,
        found: Table::open(context.path("dcem-problems.csv"))?,
        fits: Table::open(context.path("dcem-energy.csv"))?,
        predictions: Table::open(context.path("dcem-predictions.csv"))?,
        levels: Table::open(context.path("dcem-surface.csv"))?,
    };
    let effort = if context.quick { QUICK } else { FULL };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build()?;
    pool.install(|| without_decoder(&tables, effort))?;
    for seed in 0..effort.seeds {
        let missing = |temperature: &f64| {
            !tables.checks.contains(|row: &Check| row.temperature == *temperature && row.seed == seed)
        };
        let jobs: Vec<f64> = TEMPERATURES.into_iter().filter(missing).collect();
        let bar = context.bar("DCEM, decoder", jobs.len() * effort.updates);
        let job = |&temperature: &f64| train_decoder(&tables, (temperature, seed), effort, |count| bar.inc(count));
        pool.install(|| jobs.par_iter().map(job).collect::<Result<Vec<()>, Failure>>())?;
        bar.finish_and_clear();
    }
    for seed in 0..effort.energy_seeds {
        let missing =
            |learner: &Learner| !tables.fits.contains(|row: &Fit| row.learner == learner.name() && row.seed == seed);
        let jobs: Vec<Learner> = learners(effort).into_iter().filter(missing).collect();
        let bar = context.bar("DCEM, energy", jobs.len() * effort.energy_updates);
        let job = |&learner: &Learner| train_energy(&tables, (learner, seed), effort, |count| bar.inc(count));
        pool.install(|| jobs.par_iter().map(job).collect::<Result<Vec<()>, Failure>>())?;
        bar.finish_and_clear();
    }
    report::write(context, &tables)
}

/// The cross-entropy method over all forces of a plan.
fn over_plans(samples: usize, elites: usize, iterations: usize) -> Cem {
    let (deviation, bounds) = (LIMIT, Some((-LIMIT, LIMIT)));
    Cem { dimension: HORIZON, samples, elites, iterations, deviation, temperature: 0.0, bounds }
}

/// The cross-entropy methods that publications take: the configuration of the published code, and those of the picture
/// of the samples and of the locomotion tasks.
fn baselines() -> [(&'static str, Cem); 3] {
    [
        ("CEM over plans, 100 samples, 10 elites, 30 iterations", over_plans(100, 10, 30)),
        ("CEM over plans, 1000 samples, 5 elites, 10 iterations", over_plans(1000, 5, 10)),
        ("CEM over plans, 1000 samples, 100 elites, 10 iterations", over_plans(1000, 100, 10)),
    ]
}

/// The method over latent numbers.
fn over_latent(temperature: f64, effort: Effort) -> Cem {
    let Effort { samples, elites, iterations, .. } = effort;
    Cem { dimension: LATENT, samples, elites, iterations, deviation: 0.5, temperature, bounds: Some((-1.0, 1.0)) }
}

fn name(temperature: f64) -> &'static str {
    if temperature > 0.0 { "DCEM through the decoder" } else { "CEM through the decoder" }
}

/// The validation by the solver and by the method over all forces.
fn without_decoder(tables: &Tables, effort: Effort) -> Result<(), Failure> {
    let starts = validation_starts();
    let one = |(problem, start): (usize, &Start)| -> Result<(), Failure> {
        if tables.found.contains(|row: &Found| row.problem == problem && row.method == report::SOLVER) {
            return Ok(());
        }
        let found = |method: &str, cost: f64, begin: Instant| Found {
            problem,
            method: method.to_owned(),
            cost,
            guesses: 0,
            converged: 0,
            cheapest: 0,
            seconds: begin.elapsed().as_secs_f64(),
        };
        let (mut rows, mut plans) = (Vec::new(), guesses());
        for (name, method) in baselines() {
            let begin = Instant::now();
            let plan = method.search(&Plans { start: *start }, &mut StdRng::seed_from_u64(7));
            rows.push(found(name, cost(start, plan.as_slice()), begin));
            plans.push(plan.as_slice().to_vec());
        }
        let mut solver = solver()?;
        for (name, plans) in [(report::ONE_SOLVE, &plans[..1]), (report::SOLVER, &plans)] {
            let begin = Instant::now();
            let optimum = optimum(&mut solver, start, plans)?;
            let row = found(name, optimum.cost, begin);
            let (guesses, converged, cheapest) = (optimum.guesses, optimum.converged, optimum.cheapest);
            rows.push(Found { guesses, converged, cheapest, ..row });
        }
        tables.found.append(&rows)
    };
    starts[..effort.problems].par_iter().enumerate().map(one).collect::<Result<Vec<()>, Failure>>()?;
    Ok(())
}

/// One training of a decoder, one start an update. The decoder of the best check is kept, as published.
fn train_decoder(
    tables: &Tables,
    (temperature, seed): (f64, u64),
    effort: Effort,
    progress: impl Fn(u64),
) -> Result<(), Failure> {
    let method = over_latent(temperature, effort);
    let validation = &validation_starts()[..effort.problems];
    let mut random = StdRng::seed_from_u64(seed);
    let mut network = decoder(effort.hidden, &mut random);
    let mut descent = Descent::new(network.weights.len(), 5e-4, PATIENCE);
    let (mut rows, mut sum, mut best) = (Vec::new(), 0.0, (f64::INFINITY, network.clone()));
    let begin = Instant::now();
    let mut check = |network: &Network, update: usize, training: f64, rate: f64| {
        let costs = validation.iter().map(|start| plan(network, &method, start).0);
        let validation = costs.sum::<f64>() / validation.len() as f64;
        if validation < best.0 {
            best = (validation, network.clone());
        }
        let seconds = begin.elapsed().as_secs_f64();
        rows.push(Check { temperature, seed, update, training, validation, best: best.0, rate, seconds });
        validation
    };
    check(&network, 0, f64::NAN, descent.rate);
    let mut gradient = vec![0.0; network.weights.len()];
    for update in 1..=effort.updates {
        let start = cartpole::start(&mut random);
        gradient.fill(0.0);
        sum += Decoded { decoder: &network, plans: Plans { start } }.learn(&method, &mut random, &mut gradient);
        descent.step(&mut network.weights, &mut gradient);
        progress(1);
        if update % effort.every == 0 {
            let value = check(&network, update, sum / effort.every as f64, descent.rate);
            descent.check(value);
            sum = 0.0;
        }
    }
    // A run that was stopped here before has these rows.
    let mut found = of_decoder(&best.1, (&method, seed), validation)?;
    found.retain(|new| {
        !tables.found.contains(|row: &Found| (row.problem, row.method.as_str()) == (new.problem, new.method.as_str()))
    });
    tables.found.append(&found)?;
    tables.checks.append(&rows)
}

/// What a decoder finds for the starts of the validation, and what the solver finds from its plans.
fn of_decoder(network: &Network, (method, seed): (&Cem, u64), starts: &[Start]) -> Result<Vec<Found>, Failure> {
    let (mut solver, name) = (solver()?, name(method.temperature));
    let mut rows = Vec::new();
    for (problem, start) in starts.iter().enumerate() {
        let row = |method: String, cost: f64, begin: Instant| {
            let seconds = begin.elapsed().as_secs_f64();
            Found { problem, method, cost, guesses: 0, converged: 0, cheapest: 0, seconds }
        };
        let begin = Instant::now();
        let (cost, plan) = plan(network, method, start);
        rows.push(row(format!("{name}, seed {seed}"), cost, begin));
        let begin = Instant::now();
        let optimum = optimum(&mut solver, start, &[plan])?;
        let row = row(format!("solver from the plan of {name}, seed {seed}"), optimum.cost, begin);
        rows.push(Found { guesses: 1, converged: optimum.converged, cheapest: optimum.cheapest, ..row });
    }
    Ok(rows)
}

/// Both learners of the energy.
fn learners(effort: Effort) -> [Learner; 2] {
    let Effort { samples, elites, iterations, .. } = effort;
    let method = Cem { dimension: 1, samples, elites, iterations, deviation: 7.0, temperature: 1.0, bounds: None };
    [Learner::Dcem(method), Learner::GradientDescent { iterations }]
}

/// The points of the regression and its function.
fn points(count: usize) -> Vec<(f64, f64)> {
    let x = |k: usize| std::f64::consts::TAU * k as f64 / (count - 1) as f64;
    (0..count).map(|k| (x(k), x(k) * x(k).sin())).collect()
}

/// The mean squared error at all points, and the predictions.
fn error(regression: &Regression, points: &[(f64, f64)]) -> (f64, Vec<f64>) {
    let xs: Vec<f64> = points.iter().map(|point| point.0).collect();
    let predictions = regression.predictions(&xs);
    let square = predictions.iter().zip(points).map(|(y, point)| (y - point.1).powi(2)).sum::<f64>();
    (square / points.len() as f64, predictions)
}

/// One training of an energy, three updates with one random point.
fn train_energy(
    tables: &Tables,
    (learner, seed): (Learner, u64),
    effort: Effort,
    progress: impl Fn(u64),
) -> Result<(), Failure> {
    let points = points(effort.points);
    let mut weights = initial_weights(seed);
    let mut regression = Regression::new(learner, &weights)?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut descent = Descent::new(weights.len(), 1e-3, PATIENCE);
    let begin = Instant::now();
    let fit = |steps: usize, update: usize, error: f64, rate: f64| {
        let (learner, seconds) = (learner.name().to_owned(), begin.elapsed().as_secs_f64());
        Fit { learner, seed, update, steps, error, rate, seconds }
    };
    let mut rows = vec![fit(learner.iterations(), 0, error(&regression, &points).0, descent.rate)];
    let mut gradient = vec![0.0; weights.len()];
    for update in (REPEATS..=effort.energy_updates).step_by(REPEATS) {
        let point = points[random.random_range(0..points.len())];
        for _ in 0..REPEATS {
            gradient.fill(0.0);
            regression.learn(point, &mut random, &mut gradient);
            descent.step(&mut weights, &mut gradient);
            regression.set_weights(&weights);
        }
        progress(REPEATS as u64);
        if update % effort.energy_every == 0 {
            let error = error(&regression, &points).0;
            rows.push(fit(learner.iterations(), update, error, descent.rate));
            descent.check(error);
        }
    }
    let last = effort.energy_updates;
    let others = |steps: &usize| *steps != learner.iterations() && *steps <= 2 * learner.iterations();
    for steps in STEPS.into_iter().filter(others) {
        let other = Regression::new(learner.with_iterations(steps), &weights)?;
        rows.push(fit(steps, last, error(&other, &points).0, descent.rate));
    }
    // A run that was stopped here before has these rows.
    if !tables.predictions.contains(|row: &Prediction| row.learner == learner.name() && row.seed == seed) {
        tables.predictions.append(&judge(&regression, (learner, seed), &points)?)?;
    }
    if seed == 0 && !tables.levels.contains(|row: &Level| row.learner == learner.name()) {
        tables.levels.append(&surface::levels(learner.name(), regression.weights(), effort.levels))?;
    }
    tables.fits.append(&rows)
}

/// The predictions of a trained energy, with the local minima beside them.
fn judge(
    regression: &Regression,
    (learner, seed): (Learner, u64),
    points: &[(f64, f64)],
) -> Result<Vec<Prediction>, Failure> {
    let (_, predictions) = error(regression, points);
    let at: Vec<(f64, f64)> = points.iter().zip(&predictions).map(|(point, y)| (point.0, *y)).collect();
    let rows = points.iter().zip(minima(regression.weights(), &at)?).zip(predictions);
    let row = |((point, minimum), prediction): ((&(f64, f64), Option<f64>), f64)| {
        let (learner, (x, target)) = (learner.name().to_owned(), *point);
        Prediction { learner, seed, x, target, prediction, minimum }
    };
    Ok(rows.map(row).collect())
}
