//! Optimistix' example of its Levenberg-Marquardt method: the rates of predators and prey are fitted to three trajectories. Here they
//! are design variables of a control problem without a control, so that a step goes along the trajectory.

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, LossGradient, Problem, Settings, Status};
use serde::{Deserialize, Serialize};

use crate::implicit_models::lotka_volterra::{self, LotkaVolterra, Solver};
use crate::outside::{Answer, ask};
use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

/// Intervals between the recorded points, over 30 units of time.
const INTERVALS: usize = 19;

const RATES: [f64; 4] = [0.1, 0.02, 0.4, 0.02];

/// Prey, then predators.
const START: [f64; 6] = [9.0, 10.0, 11.0, 9.0, 10.0, 11.0];

/// One side. Times are microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    side: String,
    start: String,
    /// Accepted and refused steps.
    steps: usize,
    fit: f64,
    /// Of a rate in all recorded points.
    gradient: f64,
    /// The largest relative error of the rates.
    error: f64,
}

#[derive(Deserialize)]
struct Peer {
    rows: Vec<Row>,
}

/// First guesses: that of the example, and one that a user of ours would rather give.
const GUESSES: [(&str, [f64; 4]); 2] = [("zeros", [0.0; 4]), ("1.2 times the rates", [0.12, 0.024, 0.48, 0.024])];

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("lotka-volterra.csv"))?;
    let mut about = String::new();
    if rows.rows().is_empty() {
        for (name, guess) in GUESSES {
            for (method, hessian) in [("Newton", Hessian::Exact), ("Gauss-Newton", Hessian::GaussNewton)] {
                match measure(context, guess, hessian)? {
                    Ok([steps, fit, gradient, error]) => rows.append(&[Row {
                        side: format!("ours, {method}"),
                        start: name.to_owned(),
                        steps: steps as usize,
                        fit,
                        gradient,
                        error,
                    }])?,
                    Err(status) => about += &format!("Ours by {method} from {name}: {status}.\n"),
                }
            }
        }
        match ask::<Peer>(context, "with_optimistix.py", &[])? {
            Answer::Printed(peer) => rows.append(&peer.rows)?,
            Answer::Missing(reason) => about += &format!("Optimistix: {reason}.\n"),
        }
    }
    let mut table =
        Markdown::new(&["side", "from", "steps", "fit [us]", "a step [us]", "gradient [us]", "error of the rates"]);
    for row in rows.rows() {
        let numbers = [row.fit, row.fit / row.steps as f64, row.gradient, row.error].map(number);
        table.row(&[&[row.side.clone(), row.start.clone(), row.steps.to_string()][..], &numbers].concat());
    }
    write(&context.path("lotka-volterra.md"), &format!("{}\n{about}", table.text()))
}

/// What is recorded at every point: the trajectory of the true rates.
fn record() -> Vec<SVector<f64, 6>> {
    let mut points = vec![SVector::from(START)];
    for t in 0..INTERVALS {
        points.push(step(&points[t]));
    }
    points
}

fn step(x: &SVector<f64, 6>) -> SVector<f64, 6> {
    let next = lotka_volterra::dynamics((*x).into(), [0.0].into(), [].into(), RATES.into(), (*x).into());
    next.into()
}

fn problem(data: &[SVector<f64, 6>], guess: [f64; 4]) -> lotka_volterra::Problem {
    Problem::new(START, [], INTERVALS).with_design(guess).with_stage_params(data)
}

/// Steps, microseconds of the fit and of the gradient, and the error of the rates; or why there is no fit.
fn measure(context: &Context, guess: [f64; 4], hessian: Hessian) -> Result<Result<[f64; 4], Status>, Failure> {
    let data = record();
    let problem = problem(&data, guess);
    let mut solver = Solver::new(LotkaVolterra, INTERVALS, Settings { hessian, ..Settings::default() })?;
    let solution = solver.solve(&problem)?;
    if solution.status != Status::Converged {
        return Ok(Err(solution.status));
    }
    let error = (0..4).map(|k| (solution.design[k] / RATES[k] - 1.0).abs()).fold(0.0, f64::max);
    let mut loss = LossGradient::zeros(INTERVALS);
    loss.design[0] = 1.0;
    let mut other = Solver::new(LotkaVolterra, INTERVALS, Settings::default())?;
    other.vjp(&solution, &loss)?;
    let (blocks, block) = if context.quick { (3, 1) } else { (21, 20) };
    let times = medians(
        blocks,
        Duration::from_millis(block),
        &mut [
            Box::new(|| drop(black_box(solver.solve(black_box(&problem))))),
            Box::new(|| drop(black_box(other.vjp(black_box(&solution), &loss)))),
        ],
    );
    Ok(Ok([solution.stats.iterations as f64, 1e6 * times[0], 1e6 * times[1], error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fit finds the rates, and the gradient of a rate in recorded points is that of central differences of fits.
    #[test]
    fn the_gradient_is_that_of_the_fit() -> Result<(), Failure> {
        let mut data = record();
        // Data that no rates explain: else Gauss-Newton steps would give the gradient, too.
        data.iter_mut().enumerate().for_each(|(t, x)| x[0] += 0.3 * (2.0 * t as f64).sin());
        let mut solver = Solver::new(LotkaVolterra, INTERVALS, Settings { tolerance: 1e-12, ..Settings::default() })?;
        let solution = solver.solve(&problem(&data, [0.11, 0.02, 0.4, 0.02]))?;
        assert_eq!(solution.status, Status::Converged);
        let mut loss = LossGradient::zeros(INTERVALS);
        loss.design[1] = 1.0;
        let gradient = solver.vjp(&solution, &loss)?;
        for (t, entry) in [(3, 0), (10, 4), (19, 2)] {
            let mut at = |h: f64| -> Result<f64, Failure> {
                let mut data = data.clone();
                data[t][entry] += h;
                Ok(solver.solve(&problem(&data, solution.design.into()))?.design[1])
            };
            let difference = (at(1e-4)? - at(-1e-4)?) / 2e-4;
            // 1e-8 times third derivatives; errors of solves are 1e-14 over 1e-4.
            let found = gradient.stage_params[t][entry];
            assert!((found - difference).abs() < 1e-5 * difference.abs(), "{found} and {difference}");
        }
        Ok(())
    }
}
