//! The time of the backward pass against the iterations of the forward one: implicit differentiation beside
//! differentiation through the iterations.
//!
//! A constant proximal weight, found by bisection, makes solves take a given number of iterations. Unrolling
//! differentiates as many full Gauss-Newton steps from the same guess. It uses dual numbers, one direction (parameter
//! or entry of the initial state) at a time. A reverse mode could not be faster than the steps alone, so their time is
//! shown beside it.

use core::hint::black_box;
use core::time::Duration;

use dilqr_models::{cartpole_cos_sin, pendulum_cos_sin};
use dilqr_runtime::{Differentiation, Hessian, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status};
use serde::{Deserialize, Serialize};

use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

const HORIZONS: [usize; 4] = [10, 20, 30, 100];
const ITERATIONS: [usize; 4] = [5, 50, 100, 300];

/// One horizon and number of iterations.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    horizon: usize,
    /// Requested iterations, which are also unrolled.
    iterations: usize,
    /// Iterations of the differentiated solve.
    forward_iterations: usize,
    /// Seconds.
    implicit: f64,
    fixed_linearization: f64,
    unrolled: f64,
    /// Directions that were unrolled one at a time.
    directions: usize,
    /// The result of unrolling: `gradient`, or the reason for none.
    unrolled_answer: String,
    /// Time of as many Gauss-Newton iterations without derivatives \[s\].
    steps_alone: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("backward-cost.csv"))?;
    let (horizons, iterations) =
        if context.quick { (&HORIZONS[..2], &ITERATIONS[..2]) } else { (&HORIZONS[..], &ITERATIONS[..]) };
    let bar = context.bar("backward cost", 2 * horizons.len());
    for &horizon in horizons {
        let (sin, cos) = 0.6_f64.sin_cos();
        let pendulum = Problem::new([cos, sin, 0.0], pendulum_cos_sin::Params::default(), horizon)
            .with_policy(&pendulum_cos_sin::PendulumCosSin, |_, x| [-(8.0 * x[1].atan2(x[0]) + 2.0 * x[2])]);
        measure(context, &rows, "pendulum", pendulum_cos_sin::PendulumCosSin, &pendulum, iterations)?;
        bar.inc(1);
        let (sin, cos) = 0.5_f64.sin_cos();
        let cartpole = Problem::new([0.0, 0.0, cos, sin, 0.0], cartpole_cos_sin::Params::default(), horizon)
            .with_policy(&cartpole_cos_sin::CartpoleCosSin, |_, x| {
                [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[3].atan2(x[2]) + 8.0 * x[4]]
            });
        measure(context, &rows, "cartpole", cartpole_cos_sin::CartpoleCosSin, &cartpole, iterations)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let rows = rows.rows();
    write(&context.path("backward-cost.md"), &report(&rows))?;
    picture(context, &rows)
}

/// A solution, its loss gradient, and the result of unrolling the problem.
type Solved<const NX: usize, const NP: usize> = (Solution<NX, 1, NP>, LossGradient<NX, 1>, String);

/// Times everything on one problem in one go, for all numbers of iterations in turn.
fn measure<M, const NX: usize, const NP: usize>(
    context: &Context,
    rows: &Table<Row>,
    system: &str,
    model: M,
    problem: &Problem<NX, 1, NP>,
    iterations: &[usize],
) -> Result<(), Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let horizon = problem.horizon();
    if rows.contains(|row| row.system == system && row.horizon == horizon) {
        return Ok(());
    }
    let solver = |hessian| Ilqr::new(model, horizon, Settings { hessian, ..Settings::default() });
    let plain = solver(Hessian::GaussNewton)?.solve(problem)?;
    if plain.status != Status::Converged {
        return Err(format!("{system}, T = {horizon}: Gauss-Newton steps end with {}", plain.status).into());
    }
    let mut solved: Vec<Solved<NX, NP>> = Vec::new();
    for &iterations in iterations {
        let solution = forced(model, problem, iterations)?;
        // 1/2 |u|^2 + 1/2 |x|^2
        let loss = LossGradient::new(solution.states.clone(), solution.controls.clone());
        // A timed call must succeed.
        solver(Hessian::Exact)?.vjp(&solution, &loss)?;
        let answer = match solver(Hessian::Exact)?.unrolled(problem, &loss, iterations) {
            Ok(_) => "gradient".to_owned(),
            Err(error) => error.to_string(),
        };
        solved.push((solution, loss, answer));
    }
    let mut operations: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for ((solution, loss, _), &iterations) in solved.iter().zip(iterations) {
        for method in [Differentiation::Implicit, Differentiation::FixedLinearization] {
            let mut solver = solver(Hessian::Exact)?;
            operations.push(Box::new(move || drop(black_box(solver.vjp_with(black_box(solution), loss, method)))));
        }
        let mut solver = solver(Hessian::Exact)?;
        operations.push(Box::new(move || drop(black_box(solver.unrolled(black_box(problem), loss, iterations)))));
    }
    let (mut gauss_newton, mut room) = (solver(Hessian::GaussNewton)?, Solution::empty(horizon));
    operations.push(Box::new(move || drop(black_box(gauss_newton.solve_into(black_box(problem), &mut room)))));
    // `unrolled` solves and checks the problem first; its row is without that.
    let mut exact = solver(Hessian::Exact)?;
    operations.push(Box::new(move || {
        let solution = exact.solve(black_box(problem));
        drop(black_box(solution.map(|solution| exact.differentiate(&solution).is_ok())));
    }));
    let (blocks, block) = if context.quick { (5, 2) } else { (41, 5) };
    let times = medians(blocks, Duration::from_millis(block), &mut operations);
    drop(operations);
    let step = times[3 * solved.len()] / plain.stats.iterations as f64;
    let solve = times[3 * solved.len() + 1];
    let row = |(index, (solution, _, answer)): (usize, &Solved<NX, NP>)| Row {
        system: system.to_owned(),
        horizon,
        iterations: iterations[index],
        forward_iterations: solution.stats.iterations,
        implicit: times[3 * index],
        fixed_linearization: times[3 * index + 1],
        unrolled: times[3 * index + 2] - solve,
        directions: NP + NX,
        unrolled_answer: answer.clone(),
        steps_alone: step * iterations[index] as f64,
    };
    let new: Vec<Row> = solved.iter().enumerate().map(row).collect();
    rows.append(&new)
}

/// The solution by a solve of about the given number of iterations, at least that of Newton's method.
fn forced<M, const NX: usize, const NP: usize>(
    model: M,
    problem: &Problem<NX, 1, NP>,
    iterations: usize,
) -> Result<Solution<NX, 1, NP>, Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let solve = |weight: f64| -> Result<Solution<NX, 1, NP>, Failure> {
        let mut settings = Settings { max_iterations: 20 * iterations, ..Settings::default() };
        settings.regularization.initial = weight;
        settings.regularization.decrease = 1.0;
        Ok(Ilqr::new(model, problem.horizon(), settings)?.solve(problem)?)
    };
    let mut best = solve(0.0)?;
    let far = |solution: &Solution<NX, 1, NP>| solution.stats.iterations.abs_diff(iterations);
    let (mut low, mut high) = (-12.0_f64, 4.0_f64);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        let solution = solve(10.0_f64.powf(middle))?;
        let converged = solution.status == Status::Converged;
        if converged && solution.stats.iterations < iterations {
            low = middle;
        } else {
            high = middle;
        }
        if converged && (best.status != Status::Converged || far(&solution) < far(&best)) {
            best = solution;
        }
    }
    match best.status {
        Status::Converged => Ok(best),
        status => Err(format!("no solve of about {iterations} iterations converged: {status}").into()),
    }
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "T",
        "iterations",
        "of the solve",
        "Implicit [us]",
        "FixedLinearization [us]",
        "Unrolled [us]",
        "Unrolled / Implicit",
        "the steps alone [us]",
        "steps / Implicit",
    ]);
    let micro = |seconds: f64| number(1e6 * seconds);
    for row in rows {
        table.row(&[
            row.system.clone(),
            row.horizon.to_string(),
            row.iterations.to_string(),
            row.forward_iterations.to_string(),
            micro(row.implicit),
            micro(row.fixed_linearization),
            format!("{}{}", micro(row.unrolled), if row.unrolled_answer == "gradient" { "" } else { " (*)" }),
            number(row.unrolled / row.implicit),
            micro(row.steps_alone),
            number(row.steps_alone / row.implicit),
        ]);
    }
    let mut text = table.text();
    text += "\n(*) no gradient: ";
    let refused: Vec<_> = rows.iter().filter(|row| row.unrolled_answer != "gradient").collect();
    if refused.is_empty() {
        text += "none.\n";
    }
    for row in refused {
        text += &format!("\n* {} T {} after {}: {}", row.system, row.horizon, row.iterations, row.unrolled_answer);
    }
    text += "\n\nImplicit against iterations: ";
    for system in ["pendulum", "cartpole"] {
        for horizon in HORIZONS {
            let times: Vec<f64> =
                rows.iter().filter(|r| r.system == system && r.horizon == horizon).map(|r| r.implicit).collect();
            let (low, high) =
                (times.iter().copied().fold(f64::INFINITY, f64::min), times.iter().copied().fold(0.0, f64::max));
            if !times.is_empty() {
                text += &format!("\n* {system}, T {horizon}: slowest over fastest {:.2}", high / low);
            }
        }
    }
    text + "\n"
}

fn picture(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let mut panels = Vec::new();
    for system in ["pendulum", "cartpole"] {
        for horizon in [10, 100] {
            let some = || rows.iter().filter(|row| row.system == system && row.horizon == horizon);
            let series = |name: &str, value: fn(&Row) -> f64| Series {
                name: name.to_owned(),
                points: some().map(|row| (row.iterations as f64, 1e6 * value(row))).collect(),
                mark: Mark::Both,
            };
            if some().next().is_none() {
                continue;
            }
            panels.push(Panel {
                title: format!("{system}, T = {horizon}: time of the backward pass"),
                x: Some("iterations"),
                y: "us",
                categories: Vec::new(),
                series: vec![
                    series("Implicit", |row| row.implicit),
                    series("FixedLinearization", |row| row.fixed_linearization),
                    series("Unrolled, dual numbers", |row| row.unrolled),
                    series("the iterations alone", |row| row.steps_alone),
                ],
            });
        }
    }
    draw(&context.path("backward-cost.svg"), 2, &panels)
}
