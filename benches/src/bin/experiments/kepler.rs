//! Kepler's equation: the anomaly and its gradient in the mean anomaly and the eccentricity, beside the analytic one and JAXopt.

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::Status;
use dilqr_runtime::implicit::{Settings, Solution, Solver, batch};
use dilqr_runtime::nalgebra::SVector;
use serde::{Deserialize, Serialize};

use crate::field::{self, Field};
use crate::implicit_models::kepler::Kepler;
use crate::outside::{Answer, ask};
use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

/// Mean anomalies of one eccentricity, evenly over a turn.
const COUNT: usize = 256;

const ECCENTRICITIES: [f64; 6] = [0.0, 0.1, 0.3, 0.6, 0.9, 0.99];

type KeplerSolver = Solver<Kepler, 1, 1, 2>;

/// One eccentricity; times are nanoseconds a problem.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    eccentricity: f64,
    problems: usize,
    /// The mean of the solves.
    iterations: f64,
    /// The largest error of a gradient, relative to its norm.
    error: f64,
    solve: f64,
    gradient: f64,
    /// A solve and its gradient, one after another.
    both: f64,
    /// The same, solves in lanes, on one thread.
    lanes: f64,
}

/// The same by JAXopt, as `with_jaxopt.py` prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PeerRow {
    /// The versions.
    side: String,
    eccentricity: f64,
    error: f64,
    solve: f64,
    both: f64,
    /// All problems at once (`vmap`), a problem.
    batch: f64,
}

#[derive(Deserialize)]
struct Peer {
    rows: Vec<PeerRow>,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let (rows, peers) = (Table::open(context.path("kepler.csv"))?, Table::open(context.path("kepler-jaxopt.csv"))?);
    let bar = context.bar("kepler", ECCENTRICITIES.len());
    let mut about = String::new();
    if rows.rows().is_empty() {
        for eccentricity in ECCENTRICITIES {
            rows.append(&[measure(context, eccentricity)?])?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    if peers.rows().is_empty() {
        let eccentricities = serde_json::to_string(&ECCENTRICITIES)?;
        about = match ask::<Peer>(context, "with_jaxopt.py", &[&eccentricities, &COUNT.to_string()])? {
            Answer::Printed(peer) => {
                peers.append(&peer.rows)?;
                String::new()
            }
            Answer::Missing(reason) => format!("JAXopt: {reason}.\n"),
        };
    }
    write(&context.path("kepler.md"), &(report(&rows.rows(), &peers.rows()) + &about))?;
    picture(context)
}

/// Mean anomalies with their guesses. From there the plain Newton method rises or falls to the root.
fn problems(eccentricity: f64) -> Vec<(SVector<f64, 1>, SVector<f64, 2>)> {
    let turn = 2.0 * core::f64::consts::PI;
    let means = (0..COUNT).map(|i| turn * (i as f64 + 0.5) / COUNT as f64);
    means.map(|mean| ([mean + eccentricity.copysign(mean.sin())].into(), [mean, eccentricity].into())).collect()
}

/// `dE/dM = 1 / (1 - e cos E)`, `dE/de = sin E / (1 - e cos E)`
fn analytic(anomaly: f64, eccentricity: f64) -> SVector<f64, 2> {
    let (sin, cos) = anomaly.sin_cos();
    SVector::from([1.0, sin]) / (1.0 - eccentricity * cos)
}

fn solve_all(
    solver: &mut KeplerSolver,
    problems: &[(SVector<f64, 1>, SVector<f64, 2>)],
) -> Result<Vec<Solution<1, 2>>, Failure> {
    let solutions: Vec<_> =
        problems.iter().map(|(guess, params)| solver.solve(*guess, *params)).collect::<Result<_, _>>()?;
    match solutions.iter().find(|solution| solution.status != Status::Converged) {
        Some(solution) => Err(format!("Kepler's equation at {}: {}", solution.params, solution.status).into()),
        None => Ok(solutions),
    }
}

fn measure(context: &Context, eccentricity: f64) -> Result<Row, Failure> {
    let mut solver = Solver::new(Kepler, Settings::default())?;
    let problems = problems(eccentricity);
    let solutions = solve_all(&mut solver, &problems)?;
    let loss = SVector::from([1.0]);
    let mut error = 0.0_f64;
    for solution in &solutions {
        let exact = analytic(solution.unknown[0], eccentricity);
        error = error.max((solver.vjp(solution, &loss)? - exact).norm() / exact.norm());
    }
    let iterations: usize = solutions.iter().map(|solution| solution.stats.iterations).sum();
    let times = times(context, &problems, &solutions)?;
    let [solve, gradient, both, lanes] = times.map(|time| 1e9 * time / COUNT as f64);
    let iterations = iterations as f64 / COUNT as f64;
    Ok(Row { eccentricity, problems: COUNT, iterations, error, solve, gradient, both, lanes })
}

/// Seconds of all problems: solves, gradients, both, and both with solves in lanes.
fn times(
    context: &Context,
    problems: &[(SVector<f64, 1>, SVector<f64, 2>)],
    solutions: &[Solution<1, 2>],
) -> Result<[f64; 4], Failure> {
    let loss = SVector::from([1.0]);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (guesses, params): (Vec<_>, Vec<_>) = problems.iter().copied().unzip();
    let solver = || Solver::new(Kepler, Settings::default());
    let (mut first, mut second, mut third, mut fourth) = (solver()?, solver()?, solver()?, solver()?);
    let (blocks, block) = if context.quick { (3, 1) } else { (31, 5) };
    let times = one_thread.install(|| {
        medians(
            blocks,
            Duration::from_millis(block),
            &mut [
                Box::new(|| {
                    for (guess, params) in problems {
                        drop(black_box(first.solve(black_box(*guess), *params)));
                    }
                }),
                Box::new(|| {
                    for solution in solutions {
                        drop(black_box(second.vjp(black_box(solution), &loss)));
                    }
                }),
                Box::new(|| {
                    for (guess, params) in problems {
                        let solution = third.solve(black_box(*guess), *params);
                        drop(black_box(solution.map(|solution| third.vjp(&solution, &loss).is_ok())));
                    }
                }),
                Box::new(|| {
                    for solution in batch::solve_lanes(&Kepler, &Settings::default(), black_box(&guesses), &params) {
                        drop(black_box(solution.map(|solution| fourth.vjp(&solution, &loss).is_ok())));
                    }
                }),
            ],
        )
    });
    Ok([times[0], times[1], times[2], times[3]])
}

fn report(rows: &[Row], peers: &[PeerRow]) -> String {
    let mut table = Markdown::new(&[
        "eccentricity",
        "iterations",
        "error of gradients",
        "solve [ns]",
        "gradient [ns]",
        "solve and gradient [ns]",
        "the same in lanes [ns]",
        "JAXopt: error",
        "solve [ns]",
        "solve and gradient [ns]",
        "batch [ns]",
        "JAXopt / ours, one",
        "JAXopt / ours, batch",
    ]);
    for row in rows {
        let mut cells: Vec<String> =
            [row.eccentricity, row.iterations, row.error, row.solve, row.gradient, row.both].map(number).into();
        cells.push(number(row.lanes));
        let peer = peers.iter().find(|peer| peer.eccentricity == row.eccentricity);
        let ratios = |peer: &PeerRow| [peer.both / row.both, peer.batch / row.lanes];
        match peer {
            Some(peer) => {
                cells.extend([peer.error, peer.solve, peer.both, peer.batch].map(number));
                cells.extend(ratios(peer).map(number));
            }
            None => cells.extend(["-"; 6].map(str::to_owned)),
        }
        table.row(&cells);
    }
    let side = peers.first().map_or_else(String::new, |peer| format!("The other side: {}.\n", peer.side));
    format!("{COUNT} mean anomalies each; times are medians, a problem, on one thread.\n\n{}\n{side}", table.text())
}

fn picture(context: &Context) -> Result<(), Failure> {
    let mut solver = Solver::new(Kepler, Settings::default())?;
    let mut gradient = |[mean, eccentricity]: [f64; 2]| {
        let guess = mean + eccentricity.copysign(mean.sin());
        let solution = solver.solve([guess], [mean, eccentricity]).ok()?;
        solver.vjp(&solution, &[1.0].into()).ok().map(Into::into)
    };
    let field = Field {
        title: "Gradient of the eccentric anomaly",
        names: ["mean anomaly [rad]", "eccentricity"],
        low: [0.0, 0.0],
        high: [2.0 * core::f64::consts::PI, 0.95],
        gradient: &mut gradient,
    };
    field::draw(&context.path("kepler.svg"), field)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The implicit gradient, the analytic one and central differences of the solve agree at every eccentricity.
    #[test]
    fn gradients_are_the_analytic_ones() -> Result<(), Failure> {
        let mut solver = Solver::new(Kepler, Settings { tolerance: 1e-13, ..Settings::default() })?;
        for eccentricity in [0.1, 0.6, 0.9] {
            let problems = problems(eccentricity);
            for solution in solve_all(&mut solver, &problems)?.iter().step_by(17) {
                let [mean, _] = solution.params.into();
                let found = solver.vjp(solution, &[1.0].into())?;
                let exact = analytic(solution.unknown[0], eccentricity);
                // Rounding errors of the anomaly, over 1 - e cos E >= 0.1, twice.
                assert!((found - exact).norm() < 1e-12 * exact.norm(), "{found} and {exact}");
                let mut at = |mean: f64, eccentricity: f64| {
                    solver.solve(solution.unknown, [mean, eccentricity]).map(|moved| moved.unknown[0])
                };
                let h = 1e-5;
                let mean_slope = (at(mean + h, eccentricity)? - at(mean - h, eccentricity)?) / (2.0 * h);
                let other_slope = (at(mean, eccentricity + h)? - at(mean, eccentricity - h)?) / (2.0 * h);
                // Third derivatives grow as 1 / (1 - e cos E)^5, so differences have 1e-10 times up to 1e5.
                assert!((mean_slope - exact[0]).abs() < 1e-5 * exact.norm(), "{mean_slope} and {exact}");
                assert!((other_slope - exact[1]).abs() < 1e-5 * exact.norm(), "{other_slope} and {exact}");
            }
        }
        Ok(())
    }
}
