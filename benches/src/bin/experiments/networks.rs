//! Networks in models. A residual of the dynamics is learned in two ways, and solves are timed over horizons.
//!
//! The plant is a cart-pole with friction, and the recorded data are optimal trajectories of it. The learner's model has no
//! friction and a network instead. "One-step errors" fits the next states. "Through the controller" fits the optimal controls of
//! the model to the recorded ones, by the exact gradient.

use std::time::Duration;

use dilqr_benches::learned::{integrator, rough, smooth};
use dilqr_runtime::model::{ParameterGradient, Stage};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{LossGradient, Model, Problem, Settings, Solution, Status, batch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, Table, median, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

const NX: usize = 4;

/// Stages of a trajectory, of 50 ms each.
const HORIZON: usize = 20;

/// Friction of the plant.
const FRICTION: [f64; 3] = [0.5, 1.0, 0.3];

/// Standard deviations of the noise of recorded states, in m, m/s, rad and rad/s.
const NOISE: [f64; 3] = [0.0, 0.01, 0.05];

/// Trajectories of a test.
const TESTS: usize = 32;

/// Adam's step, which falls to a hundredth of this.
const RATE: f64 = 1e-2;

type Recorded = Solution<NX, 1, 3>;

/// One training.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    method: String,
    noise: f64,
    seed: u64,
    trajectories: usize,
    epochs: usize,
    /// Root mean square errors of the controls on trajectories of the test, in N: before and after the training.
    before: f64,
    control: f64,
    /// Root mean square errors of predicted velocities over a step of the test, in m/s and rad/s.
    prediction: f64,
    /// Solves without a solution or a gradient, of all.
    unsolved: usize,
    seconds: f64,
}

/// The time of solves over a horizon.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TimeRow {
    horizon: usize,
    iterations: usize,
    /// Microseconds.
    solve: f64,
    iteration: f64,
    gradient: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("residual.csv"))?;
    let (seeds, noise, epochs) = if context.quick { (1, &NOISE[..1], 5) } else { (3, &NOISE[..], 400) };
    let bar = context.bar("networks", seeds as usize * noise.len() * METHODS.len());
    for seed in 0..seeds {
        for &noise in noise {
            for (name, method) in METHODS {
                if !rows.contains(|row: &Row| row.method == name && row.noise == noise && row.seed == seed) {
                    rows.append(&[train((name, method), noise, seed, epochs)?])?;
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    let times = Table::open(context.path("network-horizons.csv"))?;
    let horizons: &[usize] = if context.quick { &[1, 10] } else { &[1, 2, 5, 10, 20, 50, 100] };
    for &horizon in horizons {
        if !times.contains(|row: &TimeRow| row.horizon == horizon) {
            times.append(&[time(horizon, context.quick)?])?;
        }
    }
    let (rows, times) = (rows.rows(), times.rows());
    write(&context.path("networks.md"), &report(&rows, &times))?;
    picture(context, &rows, &times)
}

/// Optimal trajectories of the plant from random states.
fn record(count: usize, seed: u64) -> Result<Vec<Recorded>, Failure> {
    let mut random = StdRng::seed_from_u64(seed);
    let reach = [0.5, 0.5, 0.4, 0.5];
    let problems: Vec<rough::Problem> = (0..count)
        .map(|_| {
            let x0: SVector<f64, NX> = SVector::from_fn(|i, _| reach[i] * random.random_range(-1.0..1.0));
            Problem::new(x0, FRICTION, HORIZON)
        })
        .collect();
    let solved = batch::solve(&rough::Rough, HORIZON, &Settings::default(), &problems);
    let solutions = solved.into_iter().collect::<Result<Vec<_>, _>>()?;
    match solutions.iter().all(|solution| solution.status == Status::Converged) {
        true => Ok(solutions),
        false => Err("a trajectory of the plant has not converged".into()),
    }
}

/// What a method does with data and model: the gradient of its loss in the weights, and the solves that have failed.
type Method = fn(&smooth::Smooth, &[Recorded]) -> (Vec<f64>, usize);

const METHODS: [(&str, Method); 2] = [("one-step errors", one_step), ("through the controller", through_controller)];

fn one_step(model: &smooth::Smooth, data: &[Recorded]) -> (Vec<f64>, usize) {
    let mut weights = vec![0.0; model.weight_count()];
    let (p, s) = (SVector::zeros(), SVector::zeros());
    for trajectory in data {
        for (t, u) in trajectory.controls.iter().enumerate() {
            let at = Stage::new(&trajectory.states[t], u, &p, &s);
            let mut next = SVector::zeros();
            model.dynamics(at, &mut next);
            // The costs have no weights, so this is the gradient of `error' f`.
            let error = next - trajectory.states[t + 1];
            let (mut gp, mut gs) = (SVector::zeros(), SVector::zeros());
            let out = ParameterGradient { p: &mut gp, s: &mut gs, w: &mut weights };
            model.add_hamiltonian_parameter_gradient(at, &error, out);
        }
    }
    (weights, 0)
}

fn through_controller(model: &smooth::Smooth, data: &[Recorded]) -> (Vec<f64>, usize) {
    let solutions = plans(model, data);
    let losses: Vec<LossGradient<NX, 1>> = solutions
        .iter()
        .zip(data)
        .map(|(solution, recorded)| {
            let mut loss = LossGradient::zeros(HORIZON);
            for (t, g) in loss.controls.iter_mut().enumerate() {
                *g = solution.controls[t] - recorded.controls[t];
            }
            loss
        })
        .collect();
    let sum = batch::vjp_sum(model, &Settings::default(), &solutions, &losses);
    let mut weights = sum.gradient.weights;
    weights.resize(model.weight_count(), 0.0);
    (weights, sum.refused.len())
}

/// The plans of the learner's controller from the recorded initial states.
fn plans(model: &smooth::Smooth, data: &[Recorded]) -> Vec<Solution<NX, 1, 0>> {
    let problems: Vec<smooth::Problem> = data
        .iter()
        .map(|recorded| Problem::new(recorded.states[0], [0.0; 0], HORIZON).with_controls(&recorded.controls))
        .collect();
    let solved = batch::solve(model, HORIZON, &Settings::default(), &problems);
    // The problems are sound, so each has a solution, converged or not.
    solved.into_iter().flatten().collect()
}

/// Root mean square errors of the controls and of predicted velocities.
fn errors(model: &smooth::Smooth, tests: &[Recorded]) -> (f64, f64) {
    let (p, s) = (SVector::zeros(), SVector::zeros());
    let (mut control, mut prediction) = (0.0, 0.0);
    for (plan, recorded) in plans(model, tests).iter().zip(tests) {
        for (t, u) in recorded.controls.iter().enumerate() {
            control += (plan.controls[t] - u).norm_squared();
            let mut next = SVector::zeros();
            model.dynamics(Stage::new(&recorded.states[t], u, &p, &s), &mut next);
            let error = next - recorded.states[t + 1];
            prediction += 0.5 * (error[1] * error[1] + error[3] * error[3]);
        }
    }
    let count = (HORIZON * tests.len()) as f64;
    ((control / count).sqrt(), (prediction / count).sqrt())
}

fn train((name, method): (&str, Method), noise: f64, seed: u64, epochs: usize) -> Result<Row, Failure> {
    const TRAJECTORIES: usize = 32;
    let begin = std::time::Instant::now();
    let mut data = record(TRAJECTORIES, seed)?;
    let tests = record(TESTS, 1000 + seed)?;
    let mut random = StdRng::seed_from_u64(2000 + seed);
    // Uniform with the standard deviation `noise`.
    let width = noise * 3.0_f64.sqrt();
    for x in data.iter_mut().flat_map(|recorded| &mut recorded.states) {
        x.iter_mut().for_each(|x| *x += width * random.random_range(-1.0..1.0));
    }
    let network = smooth::Residual::xavier(seed).with_input_scaling([0.0; 5], [1.0, 0.4, 1.0, 1.0, 10.0])?;
    let mut model = smooth::Smooth::new(network.with_output_scaling([0.0; 2], [1.0, 1.0])?);
    let (before, _) = errors(&model, &tests);
    let mut optimizer = Adam::new(smooth::Residual::LEN);
    let mut unsolved = 0;
    for epoch in 0..epochs {
        let (gradient, failed) = method(&model, &data);
        unsolved += failed;
        let done = epoch as f64 / epochs as f64;
        optimizer.step(model.residual_mut().weights_mut(), &gradient, RATE * 0.01_f64.powf(done));
    }
    let (control, prediction) = errors(&model, &tests);
    let seconds = begin.elapsed().as_secs_f64();
    let (method, trajectories) = (name.to_owned(), TRAJECTORIES);
    Ok(Row { method, noise, seed, trajectories, epochs, before, control, prediction, unsolved, seconds })
}

/// Times a solve from zero controls, one iteration of it and the gradient, over a horizon.
fn time(horizon: usize, quick: bool) -> Result<TimeRow, Failure> {
    let model = integrator::Integrator::new(integrator::Residual::xavier(1));
    let mut solver = integrator::Solver::new(model, horizon, Settings::default())?;
    let problem: integrator::Problem = Problem::new([1.0, 0.0], [], horizon);
    let solution = solver.solve(&problem)?;
    if solution.status != Status::Converged {
        return Err(format!("the double integrator over {horizon} stages has not converged").into());
    }
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(horizon);
    loss.states[horizon][0] = 1.0;
    let iterations = solution.stats.iterations;
    let (blocks, block) = if quick { (3, 2) } else { (15, 40) };
    let memory = std::cell::RefCell::new((solver, solution.clone()));
    let mut solve = || {
        let (solver, solution) = &mut *memory.borrow_mut();
        let _ = std::hint::black_box(solver.solve_into(&problem, solution));
    };
    let mut differentiate = || {
        let (solver, solution) = &mut *memory.borrow_mut();
        let _ = std::hint::black_box(solver.vjp(solution, &loss));
    };
    let times =
        medians(blocks, Duration::from_millis(block), &mut [Box::new(&mut solve), Box::new(&mut differentiate)]);
    let (solve, gradient) = (1e6 * times[0], 1e6 * times[1]);
    Ok(TimeRow { horizon, iterations, solve, iteration: solve / iterations as f64, gradient })
}

fn report(rows: &[Row], times: &[TimeRow]) -> String {
    let mut text = "A network [5, 16, 16, 2] in the accelerations of a cart-pole, trained on 32 optimal trajectories of 20 stages \
                    (50 ms) of the plant with friction. Root mean square errors on 32 others, medians over seeds.\n\n"
        .to_owned();
    let mut table = Markdown::new(&[
        "method",
        "noise",
        "controls before [N]",
        "controls after [N]",
        "predicted velocities",
        "epochs",
        "without gradient",
        "time [s]",
    ]);
    for (method, _) in METHODS {
        for noise in NOISE {
            let some = || rows.iter().filter(|row| row.method == method && row.noise == noise);
            if some().next().is_none() {
                continue;
            }
            let of = |value: fn(&Row) -> f64| number(median(some().map(value)));
            table.row(&[
                method.to_owned(),
                number(noise),
                of(|row| row.before),
                of(|row| row.control),
                of(|row| row.prediction),
                of(|row| row.epochs as f64),
                some().map(|row| row.unsolved).sum::<usize>().to_string(),
                of(|row| row.seconds),
            ]);
        }
    }
    text += &table.text();
    text += "\nA double integrator with a network [3, 256, 1], from zero controls, one thread. Times in microseconds, medians.\n\n";
    let mut table = Markdown::new(&["stages", "iterations", "solve", "iteration", "iteration and stage", "gradient"]);
    for row in times {
        let count = |count: usize| count.to_string();
        table.row(&[
            count(row.horizon),
            count(row.iterations),
            number(row.solve),
            number(row.iteration),
            number(row.iteration / row.horizon as f64),
            number(row.gradient),
        ]);
    }
    text + &table.text()
}

fn picture(context: &Context, rows: &[Row], times: &[TimeRow]) -> Result<(), Failure> {
    let noise: Vec<f64> = NOISE.into_iter().filter(|noise| rows.iter().any(|row| row.noise == *noise)).collect();
    let learned = |y, value: fn(&Row) -> f64| Panel {
        title: "cart-pole with friction".to_owned(),
        x: None,
        y,
        categories: noise.iter().map(|noise| format!("noise {}", number(*noise))).collect(),
        series: METHODS
            .map(|(method, _)| Series {
                name: method.to_owned(),
                points: noise
                    .iter()
                    .enumerate()
                    .map(|(place, noise)| {
                        let some = rows.iter().filter(|row| row.method == method && row.noise == *noise);
                        (place as f64, median(some.map(value)))
                    })
                    .collect(),
                mark: Mark::Both,
            })
            .to_vec(),
    };
    let curve = |name: &str, value: fn(&TimeRow) -> f64| Series {
        name: name.to_owned(),
        points: times.iter().map(|row| (row.horizon as f64, value(row))).collect(),
        mark: Mark::Both,
    };
    let horizons = Panel {
        title: "double integrator, network of 256 units".to_owned(),
        x: Some("stages"),
        y: "microseconds",
        categories: Vec::new(),
        series: vec![
            curve("solve", |row| row.solve),
            curve("iteration", |row| row.iteration),
            curve("gradient", |row| row.gradient),
        ],
    };
    let panels = [
        learned("error of controls [N]", |row| row.control),
        learned("error of predicted velocities", |row| row.prediction),
        horizons,
    ];
    draw(&context.path("networks.svg"), 3, &panels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients of both losses beside differences along a direction.
    #[test]
    fn gradients_of_losses() -> Result<(), Failure> {
        let data = record(3, 5)?;
        let model = |by: f64| {
            let mut network = smooth::Residual::xavier(4);
            network.weights_mut().iter_mut().enumerate().for_each(|(i, weight)| *weight += by * (i as f64).sin());
            smooth::Smooth::new(network)
        };
        let one_step_loss = |model: &smooth::Smooth| {
            let (p, s) = (SVector::zeros(), SVector::zeros());
            let mut loss = 0.0;
            for trajectory in &data {
                for (t, u) in trajectory.controls.iter().enumerate() {
                    let mut next = SVector::zeros();
                    model.dynamics(Stage::new(&trajectory.states[t], u, &p, &s), &mut next);
                    loss += 0.5 * (next - trajectory.states[t + 1]).norm_squared();
                }
            }
            loss
        };
        let control_loss = |model: &smooth::Smooth| {
            let plans = plans(model, &data);
            assert!(plans.iter().all(|plan| plan.status == Status::Converged));
            plans
                .iter()
                .zip(&data)
                .flat_map(|(plan, recorded)| plan.controls.iter().zip(&recorded.controls))
                .map(|(a, b)| 0.5 * (a - b).norm_squared())
                .sum::<f64>()
        };
        type Loss<'a> = &'a dyn Fn(&smooth::Smooth) -> f64;
        let losses: [(Method, Loss<'_>); 2] = [(one_step, &one_step_loss), (through_controller, &control_loss)];
        for (method, loss) in losses {
            let (gradient, failed) = method(&model(0.0), &data);
            assert_eq!(failed, 0);
            let along: f64 = gradient.iter().enumerate().map(|(i, g)| g * (i as f64).sin()).sum();
            // Solves to 1e-9 over a step of 1e-4.
            let difference = (loss(&model(1e-4)) - loss(&model(-1e-4))) / 2e-4;
            assert!((along - difference).abs() < 1e-4 * difference.abs(), "{along} {difference}");
        }
        Ok(())
    }
}
