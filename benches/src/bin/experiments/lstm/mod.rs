//! Imitation without a model: a recurrent network (LSTM) of 256 units. Its input at every stage is the initial state,
//! its output the control. Passes are made in single precision, the weights and Adam's averages are kept in double
//! precision.

mod network;

use std::time::Instant;

use dilqr_runtime::Model;
use dilqr_runtime::nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::learner::BATCH;
use crate::system::{Demonstration, HORIZON, System, cartpole, pendulum};
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};
use network::{Network, Shape};

const UNITS: usize = 256;

const EPOCHS: usize = 1000;

/// Adam's step lengths: the publications', and one that makes more progress in a thousand epochs.
const RATES: [f64; 2] = [1e-4, 1e-3];

/// PyTorch's number for Adam.
const EPSILON: f64 = 1e-8;

const SIZES: [usize; 3] = [10, 50, 100];

/// A network to be trained.
#[derive(Clone, Copy, Debug)]
struct Case {
    cartpole: bool,
    rate: f64,
    trajectories: usize,
    seed: u64,
}

/// One network.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    rate: f64,
    trajectories: usize,
    seed: u64,
    epochs: usize,
    /// Mean squared control errors at the epoch with the lowest validation loss.
    train: f64,
    validation: f64,
    test: f64,
    seconds: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("lstm.csv"))?;
    let cases = cases(context.quick);
    let bar = context.bar("lstm", cases.len());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build()?;
    let one = |case: Case| -> Result<(), Failure> {
        if case.cartpole {
            learn(context, &cartpole(), case, &rows)?;
        } else {
            learn(context, &pendulum(), case, &rows)?;
        }
        bar.inc(1);
        Ok(())
    };
    // Threads take the cases in their order, so that the first seeds are complete if the run is stopped.
    pool.install(|| cases.into_iter().par_bridge().map(one).collect::<Result<Vec<()>, Failure>>())?;
    bar.finish_and_clear();
    write(&context.path("lstm.md"), &report(&rows.rows()))
}

/// All cases, seed by seed.
fn cases(quick: bool) -> Vec<Case> {
    let sizes = if quick { &SIZES[..1] } else { &SIZES[..] };
    let rates = if quick { &RATES[1..] } else { &RATES[..] };
    let mut cases = Vec::new();
    for seed in 0..if quick { 1 } else { 4 } {
        for &trajectories in sizes {
            for &rate in rates {
                cases.extend([false, true].map(|cartpole| Case { cartpole, rate, trajectories, seed }));
            }
        }
    }
    cases
}

/// Initial states, a column each, and the controls of all of them stage by stage.
struct Set {
    states: DMatrix<f32>,
    controls: DVector<f32>,
}

impl Set {
    fn new<const NX: usize, const NP: usize>(demonstrations: &[&Demonstration<NX, NP>]) -> Self {
        let count = demonstrations.len();
        Self {
            states: DMatrix::from_fn(NX, count, |i, k| demonstrations[k].x0[i] as f32),
            controls: DVector::from_fn(HORIZON * count, |row, _| {
                demonstrations[row % count].controls[row / count][0] as f32
            }),
        }
    }

    /// The mean squared error of a network's controls.
    fn loss(&self, network: &Network<f32>) -> f64 {
        let errors = network.pass(&self.states).outputs - &self.controls;
        f64::from(errors.norm_squared()) / errors.len() as f64
    }

    /// The gradient of that in the weights.
    fn gradient(&self, network: &Network<f32>) -> Vec<f64> {
        let pass = network.pass(&self.states);
        let errors = &pass.outputs - &self.controls;
        network.pull_back(&self.states, &pass, &(&errors * (2.0 / errors.len() as f32)))
    }
}

/// A network in training.
struct Pupil {
    shape: Shape,
    weights: Vec<f64>,
    adam: Adam,
}

impl Pupil {
    fn new(inputs: usize, units: usize, seed: u64) -> Self {
        let shape = Shape { inputs, units, stages: HORIZON };
        let weights = shape.draw(&mut StdRng::seed_from_u64(seed));
        Self { shape, adam: Adam::with_epsilon(weights.len(), EPSILON), weights }
    }

    fn network(&self) -> Network<f32> {
        Network::new(self.shape, &self.weights)
    }

    fn step(&mut self, batch: &Set, rate: f64) {
        let gradient = batch.gradient(&self.network());
        self.adam.step(&mut self.weights, &gradient, rate);
    }
}

fn learn<M, const NX: usize, const NP: usize>(
    context: &Context,
    system: &System<M, NX, NP>,
    Case { rate, trajectories, seed, .. }: Case,
    rows: &Table<Row>,
) -> Result<(), Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let is = |row: &Row| {
        row.system == system.name && row.rate == rate && row.trajectories == trajectories && row.seed == seed
    };
    if rows.contains(is) {
        return Ok(());
    }
    let (units, epochs) = if context.quick { (16, 5) } else { (UNITS, EPOCHS) };
    let demonstrations = system.demonstrate(seed, 100, 10)?;
    let train = &demonstrations.train[..trajectories];
    let [all, validation, test] = [train, &demonstrations.validation, &demonstrations.test]
        .map(|part| Set::new(&part.iter().collect::<Vec<_>>()));

    let mut pupil = Pupil::new(NX, units, seed);
    let mut random = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..trajectories).collect();
    let (mut least, mut best) = (f64::INFINITY, pupil.weights.clone());
    let begin = Instant::now();
    for _ in 0..epochs {
        order.shuffle(&mut random);
        for batch in order.chunks(BATCH) {
            pupil.step(&Set::new(&batch.iter().map(|&index| &train[index]).collect::<Vec<_>>()), rate);
        }
        let now = validation.loss(&pupil.network());
        if now < least {
            least = now;
            best.copy_from_slice(&pupil.weights);
        }
    }
    let best = Network::new(pupil.shape, &best);
    let [train, validation, test] = [all, validation, test].map(|set| set.loss(&best));
    rows.append(&[Row {
        system: system.name.to_owned(),
        rate,
        trajectories,
        seed,
        epochs,
        train,
        validation,
        test,
        seconds: begin.elapsed().as_secs_f64(),
    }])
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "Adam's step",
        "trajectories",
        "training loss",
        "validation loss",
        "test loss",
        "time [s]",
        "runs",
    ]);
    for system in ["pendulum", "cartpole"] {
        for rate in RATES {
            for trajectories in SIZES {
                let some: Vec<&Row> = rows
                    .iter()
                    .filter(|row| row.system == system && row.rate == rate && row.trajectories == trajectories)
                    .collect();
                if some.is_empty() {
                    continue;
                }
                let middle = |value: fn(&Row) -> f64| number(median(some.iter().map(|row| value(row))));
                table.row(&[
                    system.to_owned(),
                    number(rate),
                    trajectories.to_string(),
                    middle(|row| row.train),
                    middle(|row| row.validation),
                    middle(|row| row.test),
                    middle(|row| row.seconds),
                    some.len().to_string(),
                ]);
            }
        }
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same seed gives the same network, and the loss falls.
    #[test]
    fn a_network_learns() -> Result<(), Failure> {
        let demonstrations = pendulum().demonstrate(0, 4, 1)?;
        let data = Set::new(&demonstrations.train.iter().collect::<Vec<_>>());
        let losses = |steps: usize| {
            let mut pupil = Pupil::new(3, 16, 7);
            (0..steps)
                .map(|_| {
                    let loss = data.loss(&pupil.network());
                    pupil.step(&data, 1e-2);
                    loss
                })
                .collect::<Vec<_>>()
        };
        let (first, again) = (losses(20), losses(2));
        assert_eq!(first[..2], again[..]);
        assert!(first[19] < 0.5 * first[0], "{first:?}");
        Ok(())
    }

    /// The list has each system, rate, number and seed once.
    #[test]
    fn all_cases() {
        let cases = cases(false);
        assert_eq!(cases.len(), 48);
        let name = |case: &Case| (case.cartpole, case.rate.to_bits(), case.trajectories, case.seed);
        let names: std::collections::BTreeSet<_> = cases.iter().map(name).collect();
        assert_eq!(names.len(), 48);
        assert!(cases.windows(2).all(|pair| pair[0].seed <= pair[1].seed));
    }
}
