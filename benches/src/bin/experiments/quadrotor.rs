//! Identification of a quadrotor through its controller: mass, moments of inertia and arm from noisy recorded states.
//! For comparison, least squares on one-step predictions, which also reads the controls.
//!
//! The vehicle flies optimally from random states, and its cost is known. The fit compares the optimal states at trial
//! parameters with the recorded ones, by Gauss-Newton on the exact Jacobian; initial states are known.

use dilqr_benches::quadrotor::quadrotor_rk4::QuadrotorRk4;
use dilqr_runtime::model::{ParameterTerms, Stage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Solution, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::chart::{Mark, Panel, Series, draw};
use crate::normal::normal;
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

const NX: usize = 12;
const NU: usize = 4;
const NP: usize = 6;

/// Stages of a flight, of 20 ms each.
const HORIZON: usize = 50;

const FLIGHTS: usize = 20;

/// Standard deviations of the noise, relative to the spread of each entry of the state over all flights.
const NOISE: [f64; 6] = [0.0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1];

/// The vehicle's parameters: mass, moments of inertia, arm, and drag of the rotors, which is known.
const TRUE: [f64; NP] = [0.5, 0.0023, 0.0023, 0.004, 0.175, 0.0245];

/// Start of the fits, relative to these.
const GUESS: [f64; NP] = [1.3, 1.5, 0.7, 1.4, 0.75, 1.0];

/// Parameters that are fitted: all but the drag.
const FITTED: usize = 5;

/// Thrust of a rotor at hovering \[N\], the guess of all solves.
const HOVER: f64 = TRUE[0] * 9.81 / 4.0;

type Flight = Solution<NX, NU, NP>;

/// One fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    method: String,
    noise: f64,
    seed: u64,
    /// Relative errors.
    mass: f64,
    inertia_x: f64,
    inertia_y: f64,
    inertia_z: f64,
    arm: f64,
    /// Relative errors of the quotients that determine angular accelerations.
    arm_over_inertia_x: f64,
    arm_over_inertia_y: f64,
    steps: usize,
    converged: bool,
    solves: usize,
    unsolved: usize,
}

/// The true and the recorded flights, and the spread of each entry.
struct Record {
    flights: Vec<Flight>,
    states: Vec<Vec<SVector<f64, NX>>>,
    spread: SVector<f64, NX>,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("quadrotor.csv"))?;
    let (seeds, noise) = if context.quick { (1, &NOISE[2..3]) } else { (4, &NOISE[..]) };
    let bar = context.bar("quadrotor", seeds as usize * noise.len() * 2);
    for seed in 0..seeds {
        let flights = fly(seed)?;
        for &noise in noise {
            let record = record(flights.clone(), noise, seed);
            for (name, fit) in METHODS {
                if !rows.contains(|row: &Row| row.method == name && row.noise == noise && row.seed == seed) {
                    rows.append(&[row(name, noise, seed, &fit(&record)?)])?;
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    let rows = rows.rows();
    write(&context.path("quadrotor.md"), &report(&rows))?;
    picture(context, &rows)
}

/// Optimal flights from random states.
fn fly(seed: u64) -> Result<Vec<Flight>, Failure> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut solver = Ilqr::new(QuadrotorRk4, HORIZON, Settings::default())?;
    let mut flights = Vec::new();
    // Moments of inertia show in how rotations about different axes couple, so these are quick; but the model's angles
    // have a singularity where the pitch is a quarter of a turn.
    let reach = [1.0, 1.0, 1.0, 0.4, 0.4, 1.0, 1.0, 1.0, 1.0, 2.5, 2.5, 5.0];
    for attempt in 0.. {
        if flights.len() == FLIGHTS {
            break;
        }
        if attempt > 10 * FLIGHTS {
            return Err("the quadrotor's flights hardly ever converge".into());
        }
        let x0: SVector<f64, NX> = SVector::from_fn(|i, _| reach[i] * random.random_range(-1.0..1.0));
        let solution = solver.solve(&Problem::new(x0, TRUE, HORIZON).with_controls(&[[HOVER; NU]; HORIZON]))?;
        if solution.status == Status::Converged {
            flights.push(solution);
        }
    }
    Ok(flights)
}

/// Adds normal noise to all states but the first.
fn record(flights: Vec<Flight>, noise: f64, seed: u64) -> Record {
    let mut random = StdRng::seed_from_u64(100 + seed);
    let all = || flights.iter().flat_map(|flight| &flight.states);
    let count = all().count() as f64;
    let mean = all().sum::<SVector<f64, NX>>() / count;
    let spread = (all().map(|x| (x - mean).map(|d| d * d)).sum::<SVector<f64, NX>>() / count).map(f64::sqrt);
    let states = flights
        .iter()
        .map(|flight| {
            let mut states = flight.states.clone();
            for x in &mut states[1..] {
                *x += SVector::from_fn(|i, _| noise * spread[i] * normal(&mut random));
            }
            states
        })
        .collect();
    Record { flights, states, spread }
}

/// Sum of squared errors at some parameters, with half its gradient and half its Gauss-Newton Hessian in the logarithms
/// of the parameters.
struct Equations {
    loss: f64,
    vector: SVector<f64, NP>,
    matrix: SMatrix<f64, NP, NP>,
}

impl Equations {
    fn new() -> Self {
        Self { loss: 0.0, vector: SVector::zeros(), matrix: SMatrix::zeros() }
    }

    /// Adds the errors of one state, in units of its spread; `slope` is its derivative in the parameters.
    fn add(
        &mut self,
        error: &SVector<f64, NX>,
        slope: &SMatrix<f64, NX, NP>,
        spread: &SVector<f64, NX>,
        params: &SVector<f64, NP>,
    ) {
        for i in 0..NX {
            let own = error[i] / spread[i];
            let row = SVector::<f64, NP>::from_fn(
                |j, _| {
                    if j < FITTED { slope[(i, j)] * params[j] / spread[i] } else { 0.0 }
                },
            );
            self.loss += own * own;
            self.vector += row * own;
            self.matrix += row * row.transpose();
        }
    }
}

/// The result of a fit.
struct Fit {
    params: SVector<f64, NP>,
    steps: usize,
    converged: bool,
    solves: usize,
    unsolved: usize,
}

type Method = fn(&Record) -> Result<Fit, Failure>;

const METHODS: [(&str, Method); 2] =
    [("through the controller", through_controller), ("one-step predictions", one_step)];

fn through_controller(record: &Record) -> Result<Fit, Failure> {
    let mut solver = Ilqr::new(QuadrotorRk4, HORIZON, Settings::default())?;
    let (mut solves, mut unsolved) = (0, 0);
    let mut last: Vec<Option<Flight>> = vec![None; FLIGHTS];
    let mut fit = minimize(|params| {
        let mut equations = Equations::new();
        let mut solved = Vec::with_capacity(FLIGHTS);
        for ((flight, recorded), last) in record.flights.iter().zip(&record.states).zip(&last) {
            let problem = Problem::new(flight.x0, *params, HORIZON);
            let problem = match last {
                Some(last) => problem.with_warm_start(&QuadrotorRk4, last),
                None => problem.with_controls(&[[HOVER; NU]; HORIZON]),
            };
            solves += 1;
            let solution = solver.solve(&problem).ok().filter(|solution| solution.status == Status::Converged);
            let jacobian = solution.as_ref().and_then(|solution| solver.jacobian(solution).ok());
            let (Some(solution), Some(jacobian)) = (solution, jacobian) else {
                unsolved += 1;
                return None;
            };
            for t in 1..=HORIZON {
                let error = solution.states[t] - recorded[t];
                equations.add(&error, &jacobian.states[t], &record.spread, params);
            }
            solved.push(Some(solution));
        }
        last = solved;
        Some(equations)
    })
    .ok_or("the quadrotor's problems have no solution where the fit begins")?;
    (fit.solves, fit.unsolved) = (solves, unsolved);
    Ok(fit)
}

fn one_step(record: &Record) -> Result<Fit, Failure> {
    let none = SVector::zeros();
    minimize(|params| {
        let mut equations = Equations::new();
        for (flight, recorded) in record.flights.iter().zip(&record.states) {
            for (t, u) in flight.controls.iter().enumerate() {
                let mut next = SVector::zeros();
                QuadrotorRk4.dynamics(Stage::new(&recorded[t], u, params, &none), &mut next);
                let mut terms = ParameterTerms::zeros();
                QuadrotorRk4.parameter_terms(Stage::new(&recorded[t], u, params, &none), &SVector::zeros(), &mut terms);
                equations.add(&(next - recorded[t + 1]), &terms.fp, &record.spread, params);
            }
        }
        equations.loss.is_finite().then_some(equations)
    })
    .ok_or_else(|| "one-step predictions have no error where the fit begins".into())
}

/// Levenberg and Marquardt's method in the logarithms of the parameters. `None` if the guess has no equations.
fn minimize(mut equations: impl FnMut(&SVector<f64, NP>) -> Option<Equations>) -> Option<Fit> {
    let mut params = SVector::from_fn(|i, _| TRUE[i] * GUESS[i]);
    let mut current = equations(&params)?;
    let (mut damping, mut converged, mut steps) = (1e-3, false, 0);
    while steps < 200 && !converged && damping < 1e12 {
        steps += 1;
        let largest = current.matrix.diagonal().amax().max(f64::MIN_POSITIVE);
        let scale = current.matrix.diagonal().map(|entry| entry.max(1e-12 * largest));
        let damped = current.matrix + SMatrix::from_diagonal(&(scale * damping));
        // Far from the recorded states a step can be too long: at most a factor of e at once.
        let step = damped.cholesky().map(|factor| -factor.solve(&current.vector)).filter(|step| step.amax() <= 1.0);
        let trial = step.map(|step| (step, SVector::from_fn(|i, _| params[i] * f64::exp(step[i]))));
        let better = trial.and_then(|(step, trial)| {
            equations(&trial).filter(|new| new.loss < current.loss).map(|new| (step, trial, new))
        });
        match better {
            Some((step, trial, new)) => {
                // With noise the loss stays positive, so the fit ends when the parameters stop changing.
                converged = step.amax() <= 1e-9;
                (params, current) = (trial, new);
                damping = f64::max(damping / 10.0, 1e-15);
            }
            None => {
                converged = step.is_some_and(|step| step.amax() <= 1e-9);
                damping *= 10.0;
            }
        }
    }
    Some(Fit { params, steps, converged, solves: 0, unsolved: 0 })
}

fn row(method: &str, noise: f64, seed: u64, fit: &Fit) -> Row {
    let quotient = |value: f64, right: f64| (value / right - 1.0).abs();
    let p = &fit.params;
    Row {
        method: method.to_owned(),
        noise,
        seed,
        mass: quotient(p[0], TRUE[0]),
        inertia_x: quotient(p[1], TRUE[1]),
        inertia_y: quotient(p[2], TRUE[2]),
        inertia_z: quotient(p[3], TRUE[3]),
        arm: quotient(p[4], TRUE[4]),
        arm_over_inertia_x: quotient(p[4] / p[1], TRUE[4] / TRUE[1]),
        arm_over_inertia_y: quotient(p[4] / p[2], TRUE[4] / TRUE[2]),
        steps: fit.steps,
        converged: fit.converged,
        solves: fit.solves,
        unsolved: fit.unsolved,
    }
}

type Error = (&'static str, fn(&Row) -> f64);

const ERRORS: [Error; 7] = [
    ("mass", |row| row.mass),
    ("Ix", |row| row.inertia_x),
    ("Iy", |row| row.inertia_y),
    ("Iz", |row| row.inertia_z),
    ("arm", |row| row.arm),
    ("arm / Ix", |row| row.arm_over_inertia_x),
    ("arm / Iy", |row| row.arm_over_inertia_y),
];

/// Noise levels that occur, smallest first.
fn levels(rows: &[Row]) -> Vec<f64> {
    NOISE.into_iter().filter(|&noise| rows.iter().any(|row| row.noise == noise)).collect()
}

fn report(rows: &[Row]) -> String {
    let mut text = format!(
        "{FLIGHTS} flights of {HORIZON} stages (20 ms each) a fit. Relative errors, medians over seeds. Noise: standard \
         deviation relative to the spread of each entry of the state.\n\n"
    );
    let mut columns = vec!["method", "noise"];
    columns.extend(ERRORS.map(|(name, _)| name));
    columns.extend(["steps", "converged", "solves", "without solution or Jacobian"]);
    let mut table = Markdown::new(&columns);
    for (method, _) in METHODS {
        for noise in levels(rows) {
            let some: Vec<&Row> = rows.iter().filter(|row| row.method == method && row.noise == noise).collect();
            let mut cells = vec![method.to_owned(), number(noise)];
            cells.extend(ERRORS.map(|(_, error)| number(median(some.iter().map(|row| error(row))))));
            cells.push(number(median(some.iter().map(|row| row.steps as f64))));
            cells.push(format!("{}/{}", some.iter().filter(|row| row.converged).count(), some.len()));
            cells.push(some.iter().map(|row| row.solves).sum::<usize>().to_string());
            cells.push(some.iter().map(|row| row.unsolved).sum::<usize>().to_string());
            table.row(&cells);
        }
    }
    text += &table.text();
    text
}

fn picture(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let levels: Vec<f64> = levels(rows).into_iter().filter(|&noise| noise > 0.0).collect();
    let panels: Vec<Panel> = METHODS
        .map(|(method, _)| Panel {
            title: format!("quadrotor, {method}"),
            x: None,
            y: "median relative error",
            categories: levels.iter().map(|&noise| format!("noise {}", number(noise))).collect(),
            series: ERRORS[..FITTED]
                .iter()
                .map(|(name, error)| Series {
                    name: (*name).to_owned(),
                    points: levels
                        .iter()
                        .enumerate()
                        .map(|(place, &noise)| {
                            let some = rows.iter().filter(|row| row.method == method && row.noise == noise);
                            (place as f64, median(some.map(error)))
                        })
                        .collect(),
                    mark: Mark::Both,
                })
                .collect(),
        })
        .to_vec();
    draw(&context.path("quadrotor.svg"), 2, &panels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dilqr_benches::quadrotor::quadrotor_rk4::Params;

    /// The order of the parameters is that of this file.
    #[test]
    fn parameters() {
        assert_eq!(Params::NAMES, ["mass", "inertia[0]", "inertia[1]", "inertia[2]", "arm", "drag"]);
    }

    /// Without noise both methods find the true parameters.
    #[test]
    fn without_noise_parameters_are_found() -> Result<(), Failure> {
        let record = record(fly(0)?, 0.0, 0);
        for (method, fit) in METHODS {
            let fit = fit(&record)?;
            for i in 0..NP {
                // Trajectories are solved to 1e-9; moments of inertia show up to a hundred times weaker than the mass.
                let error = (fit.params[i] / TRUE[i] - 1.0).abs();
                assert!(fit.converged && error < 1e-6, "{method}, parameter {i}: {error:e}");
            }
        }
        Ok(())
    }

    /// The noise has the stated size, and initial states have none.
    #[test]
    fn noise_has_its_size() -> Result<(), Failure> {
        let record = record(fly(1)?, 1e-2, 1);
        let mut squares = 0.0;
        for (flight, states) in record.flights.iter().zip(&record.states) {
            assert_eq!(flight.states[0], states[0]);
            for (x, y) in flight.states.iter().zip(states).skip(1) {
                squares += (y - x).component_div(&record.spread).norm_squared();
            }
        }
        let count = (FLIGHTS * HORIZON * NX) as f64;
        // 12,000 squares: their mean is known to a standard deviation of 1.3 %.
        assert!((squares / count / 1e-4 - 1.0).abs() < 0.06);
        Ok(())
    }
}
