//! Imitation without a model: a recurrent network (LSTM, Hochreiter and Schmidhuber 1997) of 256 units. Its input at
//! every stage is the initial state, its output the control. Network, automatic differentiation and Adam are candle's.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN, lstm};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear};
use dilqr_runtime::Model;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::learner::BATCH;
use crate::system::{Demonstration, HORIZON, System, cartpole, pendulum};
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

const UNITS: usize = 256;

const EPOCHS: usize = 1000;

/// Adam's step lengths: the publications', and one that makes more progress in a thousand epochs.
const RATES: [f64; 2] = [1e-4, 1e-3];

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
    let sizes = if context.quick { &[10][..] } else { &[10, 50, 100][..] };
    let rates = if context.quick { &RATES[1..] } else { &RATES[..] };
    // Seed by seed, so that the first seeds are complete if the run is stopped.
    let seeds = if context.quick { 1 } else { 4 };
    let bar = context.bar("lstm", 2 * sizes.len() * rates.len() * seeds as usize);
    for seed in 0..seeds {
        for &trajectories in sizes {
            for &rate in rates {
                learn(context, &pendulum(), rate, trajectories, seed, &rows)?;
                bar.inc(1);
                learn(context, &cartpole(), rate, trajectories, seed, &rows)?;
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    write(&context.path("lstm.md"), &report(&rows.rows()))
}

/// The network, its weights in the variables it was built with.
struct Policy {
    cell: LSTM,
    head: Linear,
}

impl Policy {
    fn new<const NX: usize>(variables: &VarMap, seed: u64) -> Result<Self, Failure> {
        let builder = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
        let cell = lstm(NX, UNITS, LSTMConfig::default(), builder.pp("cell"))?;
        let head = linear(UNITS, 1, builder.pp("head"))?;
        // Candle's random numbers have no seed on this device. PyTorch's choice for these layers: uniform, as far as
        // the root of the number of units.
        let mut random = StdRng::seed_from_u64(seed);
        let reach = 1.0 / (UNITS as f32).sqrt();
        let data = variables.data().lock().map_err(|error| error.to_string())?;
        let mut names: Vec<&String> = data.keys().collect();
        names.sort();
        for name in names {
            let variable = &data[name];
            let values: Vec<f32> = (0..variable.elem_count()).map(|_| random.random_range(-reach..reach)).collect();
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?)?;
        }
        drop(data);
        Ok(Self { cell, head })
    }

    /// Controls, a row of `HORIZON` for each row of initial states.
    fn controls(&self, x0: &Tensor) -> Result<Tensor, Failure> {
        let (count, size) = x0.dims2()?;
        let input = x0.unsqueeze(1)?.broadcast_as((count, HORIZON, size))?.contiguous()?;
        let hidden = self.cell.states_to_tensor(&self.cell.seq(&input)?)?;
        Ok(self.head.forward(&hidden)?.reshape((count, HORIZON))?)
    }

    /// Mean squared error of the controls.
    fn loss(&self, (x0, controls): &(Tensor, Tensor)) -> Result<Tensor, Failure> {
        Ok(self.controls(x0)?.sub(controls)?.sqr()?.mean_all()?)
    }
}

/// Initial states and controls of some demonstrations.
fn tensors<'a, const NX: usize, const NP: usize>(
    demonstrations: impl Iterator<Item = &'a Demonstration<NX, NP>>,
) -> Result<(Tensor, Tensor), Failure> {
    let (mut states, mut controls, mut count) = (Vec::new(), Vec::new(), 0);
    for demonstration in demonstrations {
        states.extend(demonstration.x0.iter().map(|&x| x as f32));
        controls.extend(demonstration.controls.iter().map(|u| u[0] as f32));
        count += 1;
    }
    let states = Tensor::from_vec(states, (count, NX), &Device::Cpu)?;
    Ok((states, Tensor::from_vec(controls, (count, HORIZON), &Device::Cpu)?))
}

fn learn<M, const NX: usize, const NP: usize>(
    context: &Context,
    system: &System<M, NX, NP>,
    rate: f64,
    trajectories: usize,
    seed: u64,
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
    let epochs = if context.quick { 20 } else { EPOCHS };
    let demonstrations = system.demonstrate(seed, 100, 10)?;
    let train = &demonstrations.train[..trajectories];
    let [all, validation, test] =
        [tensors(train.iter())?, tensors(demonstrations.validation.iter())?, tensors(demonstrations.test.iter())?];

    let variables = VarMap::new();
    let policy = Policy::new::<NX>(&variables, seed)?;
    let settings = ParamsAdamW { lr: rate, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut adam = AdamW::new(variables.all_vars(), settings)?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..trajectories).collect();
    let mut best = [f64::INFINITY; 3];
    let begin = Instant::now();
    for _ in 0..epochs {
        order.shuffle(&mut random);
        for batch in order.chunks(BATCH) {
            let batch = tensors(batch.iter().map(|&index| &train[index]))?;
            adam.backward_step(&policy.loss(&batch)?)?;
        }
        let value = |set| -> Result<f64, Failure> { Ok(f64::from(policy.loss(set)?.to_scalar::<f32>()?)) };
        let now = value(&validation)?;
        if now < best[1] {
            best = [value(&all)?, now, value(&test)?];
        }
    }
    let [train, validation, test] = best;
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
            for trajectories in [10, 50, 100] {
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
        let data = tensors(demonstrations.train.iter())?;
        let losses = |steps: usize| -> Result<Vec<f32>, Failure> {
            let variables = VarMap::new();
            let policy = Policy::new::<3>(&variables, 7)?;
            let settings = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
            let mut adam = AdamW::new(variables.all_vars(), settings)?;
            let mut losses = Vec::new();
            for _ in 0..steps {
                let loss = policy.loss(&data)?;
                losses.push(loss.to_scalar::<f32>()?);
                adam.backward_step(&loss)?;
            }
            Ok(losses)
        };
        let (first, again) = (losses(20)?, losses(2)?);
        assert_eq!(first[..2], again[..]);
        assert!(first[19] < 0.5 * first[0], "{first:?}");
        Ok(())
    }
}
