//! TaskMet's cubic task (Bansal et al. 2023, *TaskMet: task-driven metric learning for model learning*; the task is that of Shah et al.
//! 2022). A line cannot predict a cubic. Its least squares fit chooses the worst item; a fit whose samples have learned weights should
//! choose the best one. The gradient of the decisions goes through the weighted fit.

use dilqr_runtime::implicit::{Settings, Solver};
use dilqr_runtime::model::{ParameterGradient, Stage};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Model, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::implicit_models::metric::{Metric, Weigh};
use crate::implicit_models::weighted_line::WeightedLine;
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

/// Items of a choice.
const ITEMS: usize = 50;

/// Predictions over one of these are the logarithms of the probabilities that items are chosen in training.
const TEMPERATURES: [f64; 3] = [0.02, 0.1, 0.5];

#[derive(Clone, Copy)]
struct Effort {
    temperature: f64,
    seeds: u64,
    /// Choices for training, as many for validation, and twice as many for the test.
    choices: usize,
    steps: usize,
}

/// One learner.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    temperature: f64,
    learner: String,
    seed: u64,
    /// The slope of the line: at the beginning, with the best validation, and at the end.
    before: f64,
    slope: f64,
    last: f64,
    /// The value of what is chosen in the test: 1 for the best items, 0 for random ones.
    quality: f64,
    /// The mean squared error of predictions in the test.
    error: f64,
    seconds: f64,
}

const LEARNERS: [(&str, Learner); 5] = [
    ("squared error", |data, _, _| squared_error(data)),
    ("decisions, directly, steps of 0.01", |data, _, effort| decisions(data, 1e-2, effort)),
    ("decisions, directly, steps of 0.1", |data, _, effort| decisions(data, 1e-1, effort)),
    ("TaskMet, steps of 0.001", |data, seed, effort| task_met(data, (seed, 1e-3), effort)),
    ("TaskMet, steps of 0.01", |data, seed, effort| task_met(data, (seed, 1e-2), effort)),
];

/// Learns lines (offset, slope) from choices for training and validation: that before the training, that with the best validation, and
/// the last one.
type Learner = fn(&[Vec<f64>; 2], u64, Effort) -> Result<[SVector<f64, 2>; 3], Failure>;

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("task-met.csv"))?;
    let effort = |temperature| match context.quick {
        true => Effort { temperature, seeds: 1, choices: 4, steps: 3 },
        false => Effort { temperature, seeds: 5, choices: 100, steps: 500 },
    };
    let jobs = TEMPERATURES.into_iter().flat_map(|temperature| {
        let effort = effort(temperature);
        (0..effort.seeds).flat_map(move |seed| LEARNERS.map(|learner| (effort, seed, learner)))
    });
    let bar = context.bar("task-met", jobs.clone().count());
    for (effort, seed, (name, learner)) in jobs {
        let is_it = |row: &Row| row.temperature == effort.temperature && row.learner == name && row.seed == seed;
        if !rows.contains(is_it) {
            rows.append(&[learn((name, learner), seed, effort)?])?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    write(&context.path("task-met.md"), &report(&rows.rows()))
}

/// The value of an item.
fn value(x: f64) -> f64 {
    10.0 * (x.powi(3) - 0.65 * x)
}

/// Items of so many choices, one after another.
fn items(choices: usize, random: &mut StdRng) -> Vec<f64> {
    (0..ITEMS * choices).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn learn((name, learner): (&str, Learner), seed: u64, effort: Effort) -> Result<Row, Failure> {
    let begin = std::time::Instant::now();
    let mut random = StdRng::seed_from_u64(seed);
    let data = [items(effort.choices, &mut random), items(effort.choices, &mut random)];
    let test = items(2 * effort.choices, &mut random);
    let [before, line, last] = learner(&data, seed, effort)?;
    let square = |x: &f64| (line[0] + line[1] * x - value(*x)).powi(2);
    let error = test.iter().map(square).sum::<f64>() / test.len() as f64;
    let (learner, quality, seconds) = (name.to_owned(), quality(line[1], &test), begin.elapsed().as_secs_f64());
    let (before, slope, last) = (before[1], line[1], last[1]);
    let temperature = effort.temperature;
    Ok(Row { temperature, learner, seed, before, slope, last, quality, error, seconds })
}

/// The mean value of the items with the largest predictions, between that of random items (0) and that of the best (1).
fn quality(slope: f64, items: &[f64]) -> f64 {
    let (mut chosen, mut best, mut random) = (0.0, 0.0, 0.0);
    for choice in items.chunks(ITEMS) {
        let largest = choice.iter().copied().max_by(|a, b| (slope * a).total_cmp(&(slope * b)));
        chosen += largest.map_or(0.0, value);
        best += choice.iter().map(|&x| value(x)).fold(f64::NEG_INFINITY, f64::max);
        random += choice.iter().map(|&x| value(x)).sum::<f64>() / ITEMS as f64;
    }
    (chosen - random) / (best - random)
}

/// The expected value of an item that is chosen with probabilities of a softmax, a mean over choices, and its slope.
fn expected(slope: f64, items: &[f64], temperature: f64) -> (f64, f64) {
    let (mut sum, mut sum_slope) = (0.0, 0.0);
    for choice in items.chunks(ITEMS) {
        let largest = choice.iter().map(|x| slope * x).fold(f64::NEG_INFINITY, f64::max);
        let (mut total, mut y, mut x, mut xy) = (0.0, 0.0, 0.0, 0.0);
        for &item in choice {
            let weight = ((slope * item - largest) / temperature).exp();
            total += weight;
            y += weight * value(item);
            x += weight * item;
            xy += weight * item * value(item);
        }
        sum += y / total;
        sum_slope += (xy / total - (x / total) * (y / total)) / temperature;
    }
    let choices = (items.len() / ITEMS) as f64;
    (sum / choices, sum_slope / choices)
}

/// Sums of the weights times `1, x, x^2, y` and `x y`, over the number of samples.
fn sums(items: &[f64], weight: impl Fn(usize) -> f64) -> SVector<f64, 5> {
    let terms = items.iter().enumerate().map(|(i, &x)| weight(i) * moments(x));
    terms.sum::<SVector<f64, 5>>() / items.len() as f64
}

fn moments(x: f64) -> SVector<f64, 5> {
    SVector::from([1.0, x, x * x, value(x), x * value(x)])
}

type LineSolver = Solver<WeightedLine, 0, 2, 5>;

fn fit(solver: &mut LineSolver, sums: SVector<f64, 5>) -> Result<dilqr_runtime::implicit::Solution<2, 5>, Failure> {
    let solution = solver.solve([0.0, 0.0], sums)?;
    match solution.status {
        Status::Converged => Ok(solution),
        status => Err(format!("the fit of a line: {status}").into()),
    }
}

fn squared_error(data: &[Vec<f64>; 2]) -> Result<[SVector<f64, 2>; 3], Failure> {
    let mut solver = Solver::new(WeightedLine, Settings::default())?;
    let line = fit(&mut solver, sums(&data[0], |_| 1.0))?.unknown;
    Ok([line; 3])
}

/// Ascends the expected value in the slope of the line itself, from the fit by squared errors.
fn decisions(data: &[Vec<f64>; 2], rate: f64, effort: Effort) -> Result<[SVector<f64, 2>; 3], Failure> {
    let [start, ..] = squared_error(data)?;
    let (mut line, mut adam) = (start, Adam::new(1));
    let mut best = (f64::NEG_INFINITY, line);
    for _ in 0..effort.steps {
        let found = quality(line[1], &data[1]);
        if found > best.0 {
            best = (found, line);
        }
        let (_, slope) = expected(line[1], &data[0], effort.temperature);
        adam.step(&mut line.as_mut_slice()[1..], &[-slope], rate);
    }
    Ok([start, best.1, line])
}

/// A network's output before the softplus. The equation of the model is `value - network(x)`.
fn output(metric: &Metric, x: f64) -> f64 {
    let (zero, none, p) = (SVector::zeros(), SVector::zeros(), SVector::from([x]));
    let mut residual = SVector::zeros();
    metric.dynamics(Stage::new(&zero, &zero, &p, &none), &mut residual);
    -residual[0]
}

/// Adds the gradient of `slope network(x)` in the weights.
fn add_gradient(metric: &Metric, x: f64, slope: f64, weights: &mut [f64]) {
    let (zero, none, p) = (SVector::zeros(), SVector::zeros(), SVector::from([x]));
    let out = ParameterGradient { p: &mut SVector::zeros(), s: &mut SVector::zeros(), w: weights };
    metric.add_hamiltonian_parameter_gradient(Stage::new(&zero, &zero, &p, &none), &[-slope].into(), out);
}

fn softplus(a: f64) -> f64 {
    a.max(0.0) + (-a.abs()).exp().ln_1p()
}

/// Ascends the expected value in the weights of the network that weighs the samples of the fit.
fn task_met(data: &[Vec<f64>; 2], (seed, rate): (u64, f64), effort: Effort) -> Result<[SVector<f64, 2>; 3], Failure> {
    let mut metric = Metric::new(Weigh::xavier(seed));
    let (mut solver, mut adam) = (Solver::new(WeightedLine, Settings::default())?, Adam::new(Weigh::LEN));
    let (mut first, mut best, mut last) = (None, (f64::NEG_INFINITY, SVector::zeros()), SVector::zeros());
    for _ in 0..effort.steps {
        let (line, gradient) = ascent((&metric, &mut solver), &data[0], effort.temperature)?;
        first.get_or_insert(line);
        last = line;
        let found = quality(line[1], &data[1]);
        if found > best.0 {
            best = (found, line);
        }
        let descent: Vec<f64> = gradient.iter().map(|g| -g).collect();
        adam.step(metric.weigh_mut().weights_mut(), &descent, rate);
    }
    Ok([first.ok_or("no step was taken")?, best.1, last])
}

/// The weighted fit, and the gradient of the expected value in the network's weights.
fn ascent(
    (metric, solver): (&Metric, &mut LineSolver),
    items: &[f64],
    temperature: f64,
) -> Result<(SVector<f64, 2>, Vec<f64>), Failure> {
    let outputs: Vec<f64> = items.iter().map(|&x| output(metric, x)).collect();
    let solution = fit(solver, sums(items, |i| softplus(outputs[i])))?;
    let line = solution.unknown;
    let (_, slope) = expected(line[1], items, temperature);
    let of_sums = solver.vjp(&solution, &[0.0, slope].into())?;
    let mut gradient = vec![0.0; Weigh::LEN];
    for (&x, output) in items.iter().zip(outputs) {
        let of_weight = of_sums.dot(&moments(x)) / items.len() as f64;
        // The slope of the softplus is the logistic function.
        add_gradient(metric, x, of_weight / (1.0 + (-output).exp()), &mut gradient);
    }
    Ok((line, gradient))
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "temperature",
        "learner",
        "runs",
        "decision quality, median (least to largest)",
        "runs that choose the best item",
        "of these, still at the end",
        "slope before",
        "best",
        "at the end",
        "squared error of the test",
        "time [s]",
    ]);
    for (temperature, (name, _)) in TEMPERATURES.into_iter().flat_map(|t| LEARNERS.map(|learner| (t, learner))) {
        let is_it = |row: &&Row| row.temperature == temperature && row.learner == name;
        let of: Vec<&Row> = rows.iter().filter(is_it).collect();
        let middle = |value: fn(&Row) -> f64| number(median(of.iter().map(|row| value(row))));
        let qualities = || of.iter().map(|row| row.quality);
        let (least, most) = (qualities().fold(f64::INFINITY, f64::min), qualities().fold(f64::NEG_INFINITY, f64::max));
        table.row(&[
            number(temperature),
            name.to_owned(),
            of.len().to_string(),
            format!("{:.3} ({least:.3} to {most:.3})", median(qualities())),
            qualities().filter(|quality| *quality > 0.9).count().to_string(),
            of.iter().filter(|row| row.quality > 0.9 && row.last > 0.0).count().to_string(),
            middle(|row| row.before),
            middle(|row| row.slope),
            middle(|row| row.last),
            middle(|row| row.error),
            middle(|row| row.seconds),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fit by squared errors has the slope `E[x y] / E[x^2]` = 30 (1/5 - 0.65/3) = -0.5 on many items, and chooses badly.
    #[test]
    fn the_least_squares_line_falls() -> Result<(), Failure> {
        let mut random = StdRng::seed_from_u64(1);
        let data = [items(400, &mut random), Vec::new()];
        let [line, ..] = squared_error(&data)?;
        // The deviation of the mean of x y over 20,000 items is 0.008, of its quotient by 1/3 three times that.
        assert!((line[1] + 0.5).abs() < 0.1, "{line}");
        assert!(quality(line[1], &data[0]) < -0.8 && quality(1.0, &data[0]) > 0.9);
        Ok(())
    }

    /// The gradient in the network's weights, through the fit, against central differences of the expected value.
    #[test]
    fn the_gradient_goes_through_the_fit() -> Result<(), Failure> {
        let mut random = StdRng::seed_from_u64(2);
        let data = items(3, &mut random);
        let mut metric = Metric::new(Weigh::xavier(5));
        let mut solver = Solver::new(WeightedLine, Settings { tolerance: 1e-13, ..Settings::default() })?;
        let (_, gradient) = ascent((&metric, &mut solver), &data, 0.1)?;
        let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        assert!(largest > 1e-4, "{largest}");
        for k in (0..Weigh::LEN).step_by(37) {
            let mut at = |h: f64| -> Result<f64, Failure> {
                metric.weigh_mut().weights_mut()[k] += h;
                let (line, _) = ascent((&metric, &mut solver), &data, 0.1)?;
                metric.weigh_mut().weights_mut()[k] -= h;
                Ok(expected(line[1], &data, 0.1).0)
            };
            let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
            // 1e-10 times third derivatives, and 1e-15 over 1e-5 of rounding.
            assert!((difference - gradient[k]).abs() < 1e-5 * largest, "{k}: {difference} and {}", gradient[k]);
        }
        Ok(())
    }
}
