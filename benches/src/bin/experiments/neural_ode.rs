//! Neural differential equations by the implicit Euler method, differentiated by the implicit function theorem, beside the adjoint
//! equation and the explicit method (Look et al. 2020, *Differentiable Implicit Layers*).

mod flow;
mod report;
mod stiffness;

use std::time::Instant;

use dilqr_runtime::implicit::ImplicitFunction;
use dilqr_runtime::nalgebra::Vector2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::implicit_models::{large_flow, small_flow};
use crate::outside::{Answer, ask};
use crate::table::{Table, write};
use crate::{Context, Failure};

use self::flow::{Flow, Method};

/// The time between two points of the data.
const DT: f64 = 0.1;

/// Points that are predicted from one.
const AHEAD: usize = 10;

/// A flow whose trajectory is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum System {
    #[serde(rename = "spiral")]
    Spiral,
    #[serde(rename = "van der Pol")]
    VanDerPol,
    /// The same flow, learned by the network of the spiral.
    #[serde(rename = "van der Pol, small network")]
    SmallVanDerPol,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::Spiral => "spiral",
            Self::VanDerPol => "van der Pol",
            Self::SmallVanDerPol => "van der Pol, small network",
        }
    }

    fn slope(self, x: Vector2<f64>) -> Vector2<f64> {
        match self {
            Self::Spiral => {
                let cube = x.map(|x| x.powi(3));
                Vector2::new(-cube[0] + 2.0 * cube[1], -2.0 * cube[0] - 0.1 * cube[1])
            }
            Self::VanDerPol | Self::SmallVanDerPol => Vector2::new(x[1], 3.0 * (1.0 - x[0] * x[0]) * x[1] - x[0]),
        }
    }

    /// Points for training, validation and test, one after another on a trajectory from (2, 0).
    fn split(self) -> [usize; 3] {
        match self {
            Self::Spiral => [100, 50, 150],
            Self::VanDerPol | Self::SmallVanDerPol => [107, 106, 106],
        }
    }

    /// The trajectory, by classical Runge-Kutta steps of a hundredth of `DT`.
    fn data(self) -> [Vec<Vector2<f64>>; 3] {
        let mut x = Vector2::new(2.0, 0.0);
        self.split().map(|count| {
            let mut points = Vec::with_capacity(count);
            for _ in 0..count {
                points.push(x);
                for _ in 0..100 {
                    x = self.runge_kutta(x, DT / 100.0);
                }
            }
            points
        })
    }

    fn runge_kutta(self, x: Vector2<f64>, h: f64) -> Vector2<f64> {
        let a = self.slope(x);
        let b = self.slope(x + 0.5 * h * a);
        let c = self.slope(x + 0.5 * h * b);
        let d = self.slope(x + h * c);
        x + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    }
}

/// One training.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: System,
    /// As [`Method`] has it, or [`DOPRI5`].
    method: String,
    seed: u64,
    epochs: usize,
    /// Mean squared errors: of predictions over `AHEAD` points of the training data at the end, and of the whole validation and test
    /// trajectories from their first points, with the weights of the best validation.
    train: f64,
    validation: f64,
    test: f64,
    /// Steps that had no solution or no derivative.
    refused: usize,
    /// Microseconds a step, mean over the training.
    forward: f64,
    backward: f64,
    seconds: f64,
}

/// Seeds and epochs of the other side, whose backward pass takes some hundred times ours.
const OTHER: [&str; 2] = ["2", "500"];

/// The name of the other side's method, as `with_diffrax.py` prints it.
const DOPRI5: &str = "DOPRI5, adjoint equation";

#[derive(Deserialize)]
struct Peer {
    rows: Vec<Row>,
}

/// How long to train.
#[derive(Clone, Copy)]
struct Effort {
    seeds: u64,
    epochs: usize,
    /// Segments of each step of Adam.
    batch: usize,
    /// Adam's first step, which falls to a hundredth of this.
    rate: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("neural-ode.csv"))?;
    let spiral = Effort { seeds: 5, epochs: 2000, batch: 10, rate: 1e-2 };
    let small = Effort { seeds: 5, epochs: 2000, batch: 1, rate: 3e-3 };
    let van_der_pol = Effort { seeds: 1, epochs: 300, batch: 1, rate: 1e-3 };
    let quick = |effort: Effort| if context.quick { Effort { seeds: 1, epochs: 1, ..effort } } else { effort };
    let first = |seed| small_flow::SmallFlow::new(small_flow::Slope::xavier(seed));
    train_all(context, &rows, (System::Spiral, quick(spiral)), first)?;
    if !context.quick {
        train_all(context, &rows, (System::SmallVanDerPol, small), first)?;
        let second = |seed| large_flow::LargeFlow::new(large_flow::Slope::xavier(seed));
        train_all(context, &rows, (System::VanDerPol, van_der_pol), second)?;
    }
    let mut about = String::new();
    if !rows.contains(|row| row.method == DOPRI5) {
        let arguments = [System::Spiral.name(), OTHER[0], OTHER[1]];
        about = match ask::<Peer>(context, "with_diffrax.py", &arguments)? {
            Answer::Printed(peer) => {
                rows.append(&peer.rows)?;
                String::new()
            }
            Answer::Missing(reason) => format!("\nDOPRI5: {reason}.\n"),
        };
    }
    let times = stiffness::measure(context)?;
    write(&context.path("neural-ode.md"), &(report::report(&rows.rows(), &times) + &about))?;
    report::picture(context, &times)
}

/// Trains every method from every seed, so many at a time as there are threads.
fn train_all<F>(
    context: &Context,
    rows: &Table<Row>,
    (system, effort): (System, Effort),
    start: impl Fn(u64) -> F + Sync,
) -> Result<(), Failure>
where
    F: ImplicitFunction<2, 2, 3>,
{
    let jobs: Vec<(u64, Method)> =
        (0..effort.seeds).flat_map(|seed| Method::ALL.map(|method| (seed, method))).collect();
    let bar = context.bar(system.name(), jobs.len());
    let threads = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build()?;
    let work = |&(seed, method): &(u64, Method)| -> Result<(), Failure> {
        let is_it = |row: &Row| row.system == system && row.seed == seed && row.method == method.name();
        if !rows.contains(is_it) {
            rows.append(&[train(system, (method, start(seed)), seed, effort)?])?;
        }
        bar.inc(1);
        Ok(())
    };
    let done = threads.install(|| jobs.par_iter().try_for_each(work));
    bar.finish_and_clear();
    done
}

fn train<F>(system: System, (method, function): (Method, F), seed: u64, effort: Effort) -> Result<Row, Failure>
where
    F: ImplicitFunction<2, 2, 3>,
{
    let begin = Instant::now();
    let [train, validation, test] = system.data();
    let mut flow = Flow::new(function, method)?;
    let mut adam = Adam::new(flow.weight_count());
    let mut best = (f64::INFINITY, flow.weights());
    let (mut refused, mut taken, mut spent) = (0, 0, [0.0; 2]);
    let mut last = f64::NAN;
    let segments: Vec<_> = train.windows(AHEAD + 1).step_by(AHEAD).collect();
    for epoch in 0..effort.epochs {
        let (mut loss, mut count) = (0.0, 0);
        let rate = effort.rate * 0.01_f64.powf(epoch as f64 / effort.epochs as f64);
        for batch in segments.chunks(effort.batch) {
            let mut gradient = vec![0.0; flow.weight_count()];
            let before = count;
            for segment in batch {
                let found = fit(&mut flow, segment, &mut gradient);
                refused += found.refused;
                (spent[0], spent[1]) = (spent[0] + found.seconds[0], spent[1] + found.seconds[1]);
                loss += found.loss;
                count += found.steps;
            }
            let scale = 1.0 / (count - before).max(1) as f64;
            gradient.iter_mut().for_each(|g| *g *= scale);
            flow.change_weights(|weights| adam.step(weights, &gradient, rate));
        }
        taken += count;
        last = loss / (2 * count) as f64;
        if (epoch + 1) % 10 == 0 || epoch + 1 == effort.epochs {
            let error = flow.error(&validation);
            if error < best.0 {
                best = (error, flow.weights());
            }
        }
    }
    let (validation, weights) = best;
    flow.change_weights(|own| own.copy_from_slice(&weights));
    let [forward, backward] = spent.map(|seconds| 1e6 * seconds / taken as f64);
    let (epochs, seconds, test) = (effort.epochs, begin.elapsed().as_secs_f64(), flow.error(&test));
    let method = method.name().to_owned();
    Ok(Row { system, method, seed, epochs, train: last, validation, test, refused, forward, backward, seconds })
}

/// A fit of one segment.
struct Fit {
    /// The sum of squared errors of all entries.
    loss: f64,
    steps: usize,
    refused: usize,
    /// Forward and backward.
    seconds: [f64; 2],
}

/// Predicts a segment from its first point, and adds the gradient of the loss. A segment with a step that has no solution or no
/// derivative is left out.
fn fit<F>(flow: &mut Flow<F>, segment: &[Vector2<f64>], gradient: &mut [f64]) -> Fit
where
    F: ImplicitFunction<2, 2, 3>,
{
    let begin = Instant::now();
    let mut fit = Fit { loss: 0.0, steps: 0, refused: 0, seconds: [0.0; 2] };
    let mut steps = Vec::with_capacity(AHEAD);
    let mut x = segment[0];
    for _ in &segment[1..] {
        let Some(step) = flow.step(x, DT) else {
            fit.refused += 1;
            return fit;
        };
        x = step.end();
        steps.push(step);
    }
    fit.seconds[0] = begin.elapsed().as_secs_f64();
    let mut own = vec![0.0; gradient.len()];
    let mut adjoint = Vector2::zeros();
    for (step, expected) in steps.iter().zip(&segment[1..]).rev() {
        let error = step.end() - expected;
        fit.loss += error.norm_squared();
        adjoint += 2.0 * error;
        let Some(before) = flow.pull_back(step, &adjoint, &mut own) else {
            fit.refused += 1;
            fit.loss = 0.0;
            return fit;
        };
        adjoint = before;
    }
    gradient.iter_mut().zip(&own).for_each(|(sum, own)| *sum += own);
    fit.steps = steps.len();
    fit.seconds[1] = begin.elapsed().as_secs_f64() - fit.seconds[0];
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> small_flow::SmallFlow {
        small_flow::SmallFlow::new(small_flow::Slope::xavier(3))
    }

    /// The gradient of a segment's loss in the weights by every method but the adjoint equation, against central differences.
    #[test]
    fn gradients_of_a_segment() -> Result<(), Failure> {
        let [train, ..] = System::Spiral.data();
        let segment = &train[20..=20 + AHEAD];
        for method in [Method::Dense, Method::ConjugateGradients, Method::Explicit] {
            let mut flow = Flow::new(start(), method)?;
            let mut gradient = vec![0.0; flow.weight_count()];
            assert_eq!(fit(&mut flow, segment, &mut gradient).refused, 0);
            let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
            for k in (0..gradient.len()).step_by(499) {
                let mut at = |h: f64| {
                    flow.change_weights(|weights| weights[k] += h);
                    let loss = fit(&mut flow, segment, &mut vec![0.0; gradient.len()]).loss;
                    flow.change_weights(|weights| weights[k] -= h);
                    loss
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                // 1e-10 times third derivatives, and solves' errors of some 1e-12 over 1e-5.
                assert!((difference - gradient[k]).abs() < 1e-5 * largest, "{method:?}: {difference} {}", gradient[k]);
            }
        }
        Ok(())
    }

    /// The adjoint equation is another discretization: its gradient tends to that of the steps as these get shorter.
    #[test]
    fn the_adjoint_equation_is_near() -> Result<(), Failure> {
        let mut differences = Vec::new();
        for steps in [10, 40] {
            let mut gradients = Vec::new();
            for method in [Method::Dense, Method::Adjoint] {
                let mut flow = Flow::new(start(), method)?;
                let mut gradient = vec![0.0; flow.weight_count()];
                let (mut x, mut taken) = (Vector2::new(1.0, 0.5), Vec::new());
                for _ in 0..steps {
                    let step = flow.step(x, 1.0 / f64::from(steps)).ok_or("no step")?;
                    x = step.end();
                    taken.push(step);
                }
                let mut adjoint = Vector2::new(1.0, 0.0);
                for step in taken.iter().rev() {
                    adjoint = flow.pull_back(step, &adjoint, &mut gradient).ok_or("no derivative")?;
                }
                gradients.push(gradient);
            }
            let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
            let apart = norm(&mut gradients[0].iter().zip(&gradients[1]).map(|(a, b)| a - b));
            differences.push(apart / norm(&mut gradients[0].iter().copied()));
        }
        // Of first order: a quarter of the step, about a quarter of the difference.
        assert!(differences[0] < 0.3 && differences[1] < 0.4 * differences[0], "{differences:?}");
        Ok(())
    }
}
