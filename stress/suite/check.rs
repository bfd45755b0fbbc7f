//! What every problem of the suite must satisfy.

use dilqr_runtime::{Formulation, GradientError, Ilqr, Iteration, Method, Problem, Settings, Solution};
use dilqr_tests::{harness_loss, value};

use crate::{NEARLY_ACTIVE, NO_DERIVATIVE, OPEN, Outcome};

/// Seven digits of the objective.
const OBJECTIVE: f64 = 1e-7;
/// The steps of central differences, relative to the magnitude of the variable. The smaller ones are for limits that become
/// active within a larger one: a rocket that starts 1e-5 lower cannot be above the ground after one step, and a bound of the
/// robot's arm is inactive by 3.5e-7.
const STEPS: [f64; 3] = [1e-5, 1e-7, 1e-8];
/// The error of differences, relative to the largest entry of the gradient.
const DIFFERENCE: f64 = 1e-5;

/// Solves and differentiates the problem, and compares what is missing with the entry of `OPEN`.
pub(crate) fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    name: &str,
    model: M,
    problem: &Problem<NX, NU, NP, NS, ND>,
) where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let outcome = outcome(name, model, problem);
    match OPEN.iter().find(|(open, _)| *open == name) {
        None => assert_eq!(outcome, Outcome::Passes, "{name}"),
        Some((_, listed)) => {
            println!("{name}: {outcome:?}, listed as {listed:?}");
            assert_ne!(outcome, Outcome::Passes, "{name} passes now: remove it from `OPEN`");
        }
    }
}

fn outcome<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    name: &str,
    model: M,
    problem: &Problem<NX, NU, NP, NS, ND>,
) -> Outcome
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let mut solver = Ilqr::new(model, problem.horizon(), settings(name)).unwrap();
    let trace = std::env::var_os("SUITE_TRACE").is_some();
    if trace {
        println!("{}", Iteration::HEADER);
    }
    let solution = solver
        .solve_with(problem, |iteration| {
            if trace {
                println!("{iteration}")
            }
        })
        .unwrap();
    let reference = reference(name);
    println!("{name}: {} with {:.10}, Ipopt {reference:.10}\n{}", solution.status, solution.cost, solution.stats);
    if !solution.status.is_converged() {
        return Outcome::Ends(solution.status);
    }
    let within = OBJECTIVE * reference.abs();
    let above = solution.cost - reference;
    assert!(above >= -within, "{name}: {above:e} below Ipopt; check the solution independently and say so here");
    let outcome = gradient(name, &mut solver, problem, &solution);
    if above <= within {
        return outcome;
    }
    println!("the gradient: {outcome:?}");
    Outcome::Local(solution.cost)
}

/// The default settings, but for limits that are nearly active. `SUITE_METHOD` chooses a method for experiments.
fn settings(name: &str) -> Settings {
    let method = match std::env::var("SUITE_METHOD").as_deref() {
        Ok("interior") => Method::InteriorPoint,
        Ok("lagrangian") => Method::AugmentedLagrangian,
        _ => Method::Auto,
    };
    let default = Settings::default();
    let activity = if NEARLY_ACTIVE.contains(&name) { 1e-10 } else { default.activity };
    Settings { method, activity, ..default }
}

/// The objective that Ipopt finds.
pub(crate) fn reference(name: &str) -> f64 {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/reference.csv");
    let table = std::fs::read_to_string(file).unwrap();
    let mut lines = table.lines().filter_map(|line| line.split_once(','));
    let (_, objective) = lines.find(|(problem, _)| *problem == name).unwrap();
    objective.split(',').next().unwrap().parse().unwrap()
}

/// Compares the gradient in parameters and initial state with central differences of warm-started solves.
fn gradient<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    name: &str,
    solver: &mut Ilqr<M, NX, NU, NP, NS, ND>,
    problem: &Problem<NX, NU, NP, NS, ND>,
    solution: &Solution<NX, NU, NP, NS, ND>,
) -> Outcome
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let loss = harness_loss(problem.horizon());
    let derivative_exists = NO_DERIVATIVE.iter().all(|(none, _)| *none != name);
    let gradient = match solver.vjp(solution, &loss) {
        Ok(gradient) => {
            assert!(derivative_exists, "{name}: a gradient that does not exist");
            gradient
        }
        Err(error) => {
            println!("{error}");
            let variant = variant(&error);
            let is_right = NO_DERIVATIVE.iter().any(|(open, errors)| *open == name && errors.contains(&variant));
            return if is_right { Outcome::Passes } else { Outcome::Refused(variant) };
        }
    };
    let exact: Vec<f64> = gradient.params.iter().chain(&gradient.initial_state).copied().collect();
    let mut at = |entry: usize, by: f64| {
        let (mut x0, mut params) = (*problem.x0(), *problem.params());
        if entry < NP {
            params[entry] += by
        } else {
            x0[entry - NP] += by
        }
        let moved = Problem::new(x0, params, problem.horizon())
            .with_stage_params(problem.stage_params())
            .with_warm_start(solver.model(), solution);
        let moved = solver.solve(&moved).unwrap();
        if !moved.status.is_converged() {
            println!("entry {entry}, by {by:e}: {} after {} iterations", moved.status, moved.stats.iterations);
        }
        moved.status.is_converged().then(|| value(&loss, &moved))
    };
    let largest = exact.iter().fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
    let mut outcome = Outcome::Passes;
    for (entry, exact) in exact.iter().enumerate() {
        let magnitude = if entry < NP {
            problem.params()[entry].abs()
        } else {
            solution.states.iter().fold(0.0, |largest: f64, x| largest.max(x[entry - NP].abs()))
        };
        // A variable at zero, but for rounding errors, has no magnitude.
        let scale = if magnitude > 1e-9 { magnitude } else { 1.0 };
        let mut difference = None;
        let agrees = STEPS.iter().any(|&step| {
            let step = step * scale;
            difference = at(entry, step).zip(at(entry, -step)).map(|(more, less)| (more - less) / (2.0 * step));
            difference.is_some_and(|difference| (difference - exact).abs() <= DIFFERENCE * largest)
        });
        if !agrees {
            println!("entry {entry}: gradient {exact:e}, differences {difference:?}, largest entry {largest:e}");
            outcome = Outcome::Differs;
        }
    }
    outcome
}

fn variant(error: &GradientError) -> &'static str {
    match error {
        GradientError::NotConverged { .. } => "NotConverged",
        GradientError::WeaklyActive { .. } => "WeaklyActive",
        GradientError::ConstraintsDependent { .. } => "ConstraintsDependent",
        GradientError::NotPositiveDefinite { .. } => "NotPositiveDefinite",
        _ => "another",
    }
}

/// A guess of states over `steps` steps, from the part of the time that has passed.
pub(crate) fn along<const NX: usize>(steps: usize, guess: impl Fn(f64) -> [f64; NX]) -> Vec<[f64; NX]> {
    (0..=steps).map(|k| guess(k as f64 / steps as f64)).collect()
}
