//! Amortized starts: a network predicts the controls that solve a problem from its initial state (Amos 2023, *Tutorial on amortized
//! optimization*). It is trained on solutions, and its prediction is the first guess of a solve, which stays exact.

use std::time::Instant;

use dilqr_models::cartpole::{Cartpole, Params};
use dilqr_runtime::model::{ParameterGradient, Stage};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Solution, Status, batch};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::implicit_models::plan::{Plan, Predict};
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

const HORIZON: usize = 30;

/// Initial states are uniform within these m, m/s, rad and rad/s: near upright, and anywhere.
const REACHES: [(&str, [f64; 4]); 2] = [("near upright", [0.5, 0.5, 1.2, 1.0]), ("any angle", [0.5, 0.5, 3.1, 1.0])];

const BATCH: usize = 50;

#[derive(Clone, Copy)]
struct Effort {
    seeds: u64,
    problems: usize,
    tests: usize,
    epochs: usize,
}

/// Solves of the test from one kind of guess.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    states: String,
    guess: String,
    seed: u64,
    trained_on: usize,
    tests: usize,
    solved: usize,
    /// Solved ones whose cost is above the least of all guesses by more than a millionth of it.
    worse: usize,
    /// Of the solved ones.
    iterations: f64,
    least_iterations: usize,
    most_iterations: usize,
    /// Microseconds of a guess and of a solve, means over all tests.
    guessing: f64,
    solving: f64,
    /// Root mean square error of the guessed controls, in N.
    error: f64,
}

type Solved = Solution<4, 1, 4>;

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("amortized-starts.csv"))?;
    let effort = match context.quick {
        true => Effort { seeds: 1, problems: 20, tests: 10, epochs: 2 },
        false => Effort { seeds: 3, problems: 2000, tests: 500, epochs: 300 },
    };
    let bar = context.bar("starts", REACHES.len() * effort.seeds as usize);
    for (name, reach) in REACHES {
        for seed in 0..effort.seeds {
            if !rows.contains(|row: &Row| row.states == name && row.seed == seed) {
                rows.append(&compare((name, &reach), seed, effort)?)?;
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    write(&context.path("amortized-starts.md"), &report(&rows.rows()))
}

fn states(count: usize, reach: &[f64; 4], random: &mut StdRng) -> Vec<SVector<f64, 4>> {
    (0..count).map(|_| SVector::from_fn(|i, _| reach[i] * random.random_range(-1.0..1.0))).collect()
}

/// Solutions from zero controls; those that have not converged are left out.
fn solutions(count: usize, reach: &[f64; 4], random: &mut StdRng) -> Vec<Solved> {
    let problem = |x0: SVector<f64, 4>| Problem::new(x0, Params::default(), HORIZON);
    let problems: Vec<_> = states(count, reach, random).into_iter().map(problem).collect();
    let solved = batch::solve(&Cartpole, HORIZON, &Settings::default(), &problems);
    solved.into_iter().flatten().filter(is_solved).collect()
}

fn controls(solution: &Solved) -> SVector<f64, HORIZON> {
    SVector::from_fn(|t, _| solution.controls[t][0])
}

/// The prediction for an initial state. The equations of the model are `controls - network(x)`.
fn predict(plan: &Plan, x0: &SVector<f64, 4>) -> SVector<f64, HORIZON> {
    let (zero, none) = (SVector::zeros(), SVector::zeros());
    let mut residual = SVector::zeros();
    plan.dynamics(Stage::new(&zero, &zero, x0, &none), &mut residual);
    -residual
}

/// A network that has learned the solutions by squared errors.
fn train(data: &[Solved], reach: &[f64; 4], seed: u64, epochs: usize) -> Result<Plan, Failure> {
    let squares = data.iter().map(|solution| controls(solution).norm_squared()).sum::<f64>();
    let scale = (squares / (HORIZON * data.len()) as f64).sqrt();
    let network = Predict::xavier(seed).with_input_scaling([0.0; 4], *reach)?;
    let mut plan = Plan::new(network.with_output_scaling([0.0; HORIZON], [scale; HORIZON])?);
    let mut adam = Adam::new(Predict::LEN);
    let mut random = StdRng::seed_from_u64(1000 + seed);
    let mut order: Vec<usize> = (0..data.len()).collect();
    for epoch in 0..epochs {
        order.shuffle(&mut random);
        let rate = 3e-3 * 0.01_f64.powf(epoch as f64 / epochs as f64);
        for batch in order.chunks(BATCH) {
            let mut gradient = vec![0.0; Predict::LEN];
            for &index in batch {
                let x0 = data[index].states[0];
                let error = (predict(&plan, &x0) - controls(&data[index])) / (scale * scale * batch.len() as f64);
                add_gradient(&plan, &x0, &error, &mut gradient);
            }
            adam.step(plan.predict_mut().weights_mut(), &gradient, rate);
        }
    }
    Ok(plan)
}

/// Adds the gradient of `error' network(x0)` in the weights.
fn add_gradient(plan: &Plan, x0: &SVector<f64, 4>, error: &SVector<f64, HORIZON>, weights: &mut [f64]) {
    let (zero, none) = (SVector::zeros(), SVector::zeros());
    let out = ParameterGradient { p: &mut SVector::zeros(), s: &mut SVector::zeros(), w: weights };
    plan.add_hamiltonian_parameter_gradient(Stage::new(&zero, &zero, x0, &none), &-error, out);
}

/// A guess of the controls from an initial state.
type Guess<'a> = Box<dyn Fn(&SVector<f64, 4>) -> SVector<f64, HORIZON> + 'a>;

/// The solves of a test with their guesses, and the times of the guesses and of the solves.
struct Tested {
    solved: Vec<(Solved, SVector<f64, HORIZON>)>,
    seconds: [f64; 2],
}

fn compare((name, reach): (&str, &[f64; 4]), seed: u64, effort: Effort) -> Result<Vec<Row>, Failure> {
    let mut random = StdRng::seed_from_u64(seed);
    let data = solutions(effort.problems, reach, &mut random);
    let tests = states(effort.tests, reach, &mut random);
    let plan = train(&data, reach, seed, effort.epochs)?;
    let guesses: [(&str, Guess<'_>); 3] = [
        ("zero controls", Box::new(|_| SVector::zeros())),
        ("nearest solution of the training", Box::new(|x0| nearest(&data, reach, x0))),
        ("network", Box::new(|x0| predict(&plan, x0))),
    ];
    let mut all = Vec::new();
    for (_, guess) in &guesses {
        all.push(test(guess, &tests)?);
    }
    let cost = |(solution, _): &(Solved, _)| if is_solved(solution) { solution.cost } else { f64::INFINITY };
    let least = |index: usize| all.iter().map(|tested| cost(&tested.solved[index])).fold(f64::INFINITY, f64::min);
    let best: Vec<f64> = (0..tests.len()).map(least).collect();
    let row = |((guess, _), tested): (&(&str, Guess<'_>), &Tested)| Row {
        states: name.to_owned(),
        guess: (*guess).to_owned(),
        seed,
        trained_on: data.len(),
        ..summary(tested, &best)
    };
    Ok(guesses.iter().zip(&all).map(row).collect())
}

fn is_solved(solution: &Solved) -> bool {
    solution.status == Status::Converged
}

/// The controls of the solution whose initial state is nearest.
fn nearest(data: &[Solved], reach: &[f64; 4], x0: &SVector<f64, 4>) -> SVector<f64, HORIZON> {
    let distance = |solution: &Solved| {
        let apart = solution.states[0] - x0;
        (0..4).map(|i| (apart[i] / reach[i]).powi(2)).sum::<f64>()
    };
    let near = data.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    near.map_or_else(SVector::zeros, controls)
}

fn test(guess: &Guess<'_>, tests: &[SVector<f64, 4>]) -> Result<Tested, Failure> {
    let mut solver = Ilqr::new(Cartpole, HORIZON, Settings::default())?;
    let begin = Instant::now();
    let guessed: Vec<_> = tests.iter().map(guess).collect();
    let guessing = begin.elapsed().as_secs_f64();
    let mut solved = Vec::with_capacity(tests.len());
    for (x0, guessed) in tests.iter().zip(guessed) {
        let first: Vec<SVector<f64, 1>> = guessed.iter().map(|&u| [u].into()).collect();
        let problem = Problem::new(*x0, Params::default(), HORIZON).with_controls(&first);
        solved.push((solver.solve(&problem)?, guessed));
    }
    Ok(Tested { solved, seconds: [guessing, begin.elapsed().as_secs_f64() - guessing] })
}

/// A row without its names. `best` is the least cost of each test.
fn summary(tested: &Tested, best: &[f64]) -> Row {
    let solved = || tested.solved.iter().zip(best).filter(|((solution, _), _)| is_solved(solution));
    let iterations: Vec<usize> = solved().map(|((solution, _), _)| solution.stats.iterations).collect();
    let worse = solved().filter(|((solution, _), best)| solution.cost > **best + 1e-6 * best.abs()).count();
    let squares: f64 = solved().map(|((solution, guess), _)| (controls(solution) - guess).norm_squared()).sum();
    let count = iterations.len().max(1) as f64;
    let [guessing, solving] = tested.seconds.map(|seconds| 1e6 * seconds / best.len() as f64);
    Row {
        states: String::new(),
        guess: String::new(),
        seed: 0,
        trained_on: 0,
        tests: best.len(),
        solved: iterations.len(),
        worse,
        iterations: iterations.iter().sum::<usize>() as f64 / count,
        least_iterations: iterations.iter().copied().min().unwrap_or(0),
        most_iterations: iterations.iter().copied().max().unwrap_or(0),
        guessing,
        solving,
        error: (squares / (count * HORIZON as f64)).sqrt(),
    }
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "initial states",
        "first guess",
        "seeds",
        "solved",
        "in a worse minimum",
        "iterations, mean",
        "least and most",
        "guess [us]",
        "solve [us]",
        "error of the guess [N]",
    ]);
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        let group = (row.states.as_str(), row.guess.as_str());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (states, guess) in groups {
        let of: Vec<&Row> = rows.iter().filter(|row| row.states == states && row.guess == guess).collect();
        let sum = |value: fn(&Row) -> usize| of.iter().map(|row| value(row)).sum::<usize>();
        let middle = |value: fn(&Row) -> f64| number(median(of.iter().map(|row| value(row))));
        let least = of.iter().map(|row| row.least_iterations).min().unwrap_or(0);
        let most = of.iter().map(|row| row.most_iterations).max().unwrap_or(0);
        table.row(&[
            states.to_owned(),
            guess.to_owned(),
            of.len().to_string(),
            format!("{}/{}", sum(|row| row.solved), sum(|row| row.tests)),
            sum(|row| row.worse).to_string(),
            middle(|row| row.iterations),
            format!("{least} to {most}"),
            middle(|row| row.guessing),
            middle(|row| row.solving),
            middle(|row| row.error),
        ]);
    }
    let trained = rows.iter().map(|row| row.trained_on).max().unwrap_or(0);
    format!(
        "A cart-pole over {HORIZON} stages; networks have learned up to {trained} solutions from zero controls. A worse minimum costs \
         more than the least one that a guess has led to.\n\n{}",
        table.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient of a squared error in the network's weights against central differences.
    #[test]
    fn the_gradient_is_that_of_the_error() {
        let mut plan = Plan::new(Predict::xavier(3));
        let x0 = SVector::from([0.1, -0.2, 0.3, 0.4]);
        let wanted = SVector::from_fn(|t, _| (t as f64).sin());
        let mut gradient = vec![0.0; Predict::LEN];
        add_gradient(&plan, &x0, &(predict(&plan, &x0) - wanted), &mut gradient);
        let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        for k in (0..Predict::LEN).step_by(211) {
            let mut at = |h: f64| {
                plan.predict_mut().weights_mut()[k] += h;
                let loss = 0.5 * (predict(&plan, &x0) - wanted).norm_squared();
                plan.predict_mut().weights_mut()[k] -= h;
                loss
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            // 1e-10 times third derivatives, and 1e-15 over 1e-5 of rounding.
            assert!((difference - gradient[k]).abs() < 1e-7 * largest, "{k}: {difference} and {}", gradient[k]);
        }
    }
}
