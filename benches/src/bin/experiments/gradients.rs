//! Gradients by every method against central differences of whole solves.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Differentiation, Gradient, GradientError, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::chart::{Mark, Panel, Series, draw};
use crate::dense::{Derivatives, jacobian};
use crate::system::{HORIZON, NO_LIMIT, System, cartpole, pendulum};
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

/// Unrolled iterations.
const UNROLLED: [usize; 6] = [1, 2, 5, 10, 20, 50];

/// One method on one problem.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    bounded: bool,
    /// Number of the initial state.
    problem: usize,
    method: String,
    /// `|g - c| / |c|`, `c` by central differences, of the dynamics' parameters; NaN where the method gives no
    /// gradient.
    dynamics_error: f64,
    /// `g' c / (|g| |c|)`.
    dynamics_cosine: f64,
    /// The same for parameters of the cost.
    cost_error: f64,
    cost_cosine: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("gradients.csv"))?;
    let skipped = Table::open(context.path("gradients-skipped.csv"))?;
    let problems = if context.quick { 3 } else { 20 };
    let bar = context.bar("gradients", 4 * problems);
    for bounded in [false, true] {
        for problem in 0..problems {
            compare(&pendulum(), bounded, problem, &rows, &skipped)?;
            compare(&cartpole(), bounded, problem, &rows, &skipped)?;
            bar.inc(2);
        }
    }
    bar.finish_and_clear();
    let rows = rows.rows();
    write(&context.path("gradients.md"), &report(&rows, &skipped.rows()))?;
    picture(context, &rows)
}

/// A rejected problem, with the reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Skipped {
    system: String,
    bounded: bool,
    problem: usize,
    why: String,
}

/// The parameters at which gradients are compared: where learning of the dynamics starts, with the expert's cost.
fn params<M, const NX: usize, const NP: usize>(system: &System<M, NX, NP>, bounded: bool) -> SVector<f64, NP>
where
    M: Model<NX, 1, NP> + Copy,
{
    let mut params = system.start();
    params[NP - 1] = match (bounded, system.name) {
        (false, _) => NO_LIMIT,
        // The cart's own limit is never reached from these states.
        (true, "cartpole") => 10.0,
        (true, _) => params[NP - 1],
    };
    params
}

fn compare<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    bounded: bool,
    problem: usize,
    rows: &Table<Row>,
    skipped: &Table<Skipped>,
) -> Result<(), Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let here =
        |name: &str, is_bounded: bool, number: usize| name == system.name && is_bounded == bounded && number == problem;
    if rows.contains(|row| here(&row.system, row.bounded, row.problem))
        || skipped.contains(|row| here(&row.system, row.bounded, row.problem))
    {
        return Ok(());
    }
    let skip = |why: String| skipped.append(&[Skipped { system: system.name.to_owned(), bounded, problem, why }]);
    let mut random = StdRng::seed_from_u64(1000 + problem as u64);
    let x0 = (system.draw)(&mut random);
    let mut loss = LossGradient::<NX, 1>::zeros(HORIZON);
    loss.states.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
    loss.controls.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));

    // As tight as rounding allows, because differences lose digits.
    let mut solver = Ilqr::new(system.model, HORIZON, Settings { tolerance: 1e-12, ..Settings::default() })?;
    let instance = Problem::new(x0, params(system, bounded), HORIZON);
    let solution = solver.solve(&instance)?;
    if solution.status != Status::Converged {
        return skip(format!("the solve: {}", solution.status));
    }
    let exact = match solver.vjp(&solution, &loss) {
        Ok(gradient) => gradient.params,
        Err(error) => return skip(format!("the gradient: {error}")),
    };
    let measured = match differences(&mut solver, &solution, &loss) {
        Ok(measured) => measured,
        Err(why) => return skip(format!("the differences: {why}")),
    };
    let mut methods = vec![("Implicit".to_owned(), Some(exact))];
    let mut add = |name: String, gradient: Result<Gradient<NX, NP>, GradientError>| {
        methods.push((name, gradient.ok().map(|gradient| gradient.params)));
    };
    add("FixedLinearization".to_owned(), solver.vjp_with(&solution, &loss, Differentiation::FixedLinearization));
    for iterations in UNROLLED {
        add(format!("Unrolled {iterations}"), solver.unrolled(&instance, &loss, iterations));
    }
    for (name, derivatives) in [("formula", Derivatives::Partial), ("formula, counted twice", Derivatives::Total)] {
        methods.push((name.to_owned(), contracted(&system.model, &solution, &loss, derivatives)));
    }
    let dynamics = System::<M, NX, NP>::DYNAMICS;
    let new: Vec<Row> = methods
        .into_iter()
        .map(|(method, gradient)| {
            let compare = |range: core::ops::Range<usize>| match &gradient {
                Some(gradient) => agreement(&gradient.as_slice()[range.clone()], &measured.as_slice()[range]),
                None => (f64::NAN, f64::NAN),
            };
            let (dynamics_error, dynamics_cosine) = compare(0..dynamics);
            let (cost_error, cost_cosine) = compare(dynamics..NP - 1);
            let system = system.name.to_owned();
            Row { system, bounded, problem, method, dynamics_error, dynamics_cosine, cost_error, cost_cosine }
        })
        .collect();
    rows.append(&new)
}

/// Relative error and cosine; NaN if the expected gradient is zero, as with bounds active on every control.
fn agreement(given: &[f64], expected: &[f64]) -> (f64, f64) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let difference: Vec<f64> = given.iter().zip(expected).map(|(a, b)| a - b).collect();
    let (size, own) = (dot(expected, expected).sqrt(), dot(given, given).sqrt());
    (dot(&difference, &difference).sqrt() / size, dot(given, expected) / (size * own))
}

/// The loss gradient times the dense Jacobian.
fn contracted<M, const NX: usize, const NP: usize>(
    model: &M,
    solution: &Solution<NX, 1, NP>,
    loss: &LossGradient<NX, 1>,
    derivatives: Derivatives,
) -> Option<SVector<f64, NP>>
where
    M: Model<NX, 1, NP>,
{
    let (dx, du) = jacobian(model, solution, derivatives)?;
    let mut gradient = SVector::zeros();
    for t in 0..solution.horizon() {
        gradient += dx.rows(t * NX, NX).tr_mul(&loss.states[t + 1]);
        gradient += du.rows(t, 1).tr_mul(&loss.controls[t]);
    }
    Some(gradient)
}

/// The gradient of the linear loss by central differences of fourth order, each of solves that start beside the
/// solution. The last entry, of the limit, is left out. An error where a solve does not converge, or where bounds hold
/// other controls than at the solution however short the step: the derivative is that of one set of them.
fn differences<M, const NX: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, 1, NP>,
    solution: &Solution<NX, 1, NP>,
    loss: &LossGradient<NX, 1>,
) -> Result<SVector<f64, NP>, String>
where
    M: Model<NX, 1, NP> + Copy,
{
    let model = *solver.model();
    let held = |solution: &Solution<NX, 1, NP>| -> Vec<bool> {
        solution.bound_multipliers.iter().map(|multipliers| multipliers[0] != 0.0).collect()
    };
    let same = held(solution);
    let mut gradient = SVector::zeros();
    for i in 0..NP - 1 {
        let at = solution.params[i];
        // With a step of a thousandth truncation is 1e-12 of the higher derivatives, and rounding of solutions, 1e-13,
        // becomes 1e-10. Where bounds ask for shorter steps digits are lost.
        let mut h = 1e-3 * if at.abs() > 1e-4 { at.abs() } else { 1.0 };
        gradient[i] = 'step: loop {
            let mut values = [0.0; 4];
            for (value, multiple) in values.iter_mut().zip([1.0, -1.0, 2.0, -2.0]) {
                let mut params = solution.params;
                params[i] += multiple * h;
                let problem = Problem::new(solution.x0, params, HORIZON).with_warm_start(&model, solution);
                let moved = solver.solve(&problem).map_err(|error| error.to_string())?;
                if moved.status != Status::Converged || held(&moved) != same {
                    h *= 0.1;
                    if h < 1e-7 * at.abs().max(1e-2) {
                        return Err(format!("parameter {i}: {}, or other controls at bounds", moved.status));
                    }
                    continue 'step;
                }
                let states: f64 = loss.states.iter().zip(&moved.states).map(|(g, x)| g.dot(x)).sum();
                *value = states + loss.controls.iter().zip(&moved.controls).map(|(g, u)| g.dot(u)).sum::<f64>();
            }
            let [up, down, up2, down2] = values;
            break (8.0 * (up - down) - (up2 - down2)) / (12.0 * h);
        };
    }
    Ok(gradient)
}

fn methods() -> Vec<String> {
    let mut methods = vec!["Implicit".to_owned(), "FixedLinearization".to_owned()];
    methods.extend(UNROLLED.iter().map(|iterations| format!("Unrolled {iterations}")));
    methods.extend(["formula".to_owned(), "formula, counted twice".to_owned()]);
    methods
}

fn report(rows: &[Row], skipped: &[Skipped]) -> String {
    let mut text = format!(
        "T = {HORIZON}, random initial states, a random linear loss of states and controls, at the parameters of the dynamics \
         that learners begin with. Median (and largest) of |g - c| / |c| and median of the cosine, `c` by central \
         differences. `answers`: problems for which the method gives a gradient. (Where bounds hold every control the cost's parameters have \
         none; such problems count for dx alone.)\n\n`formula`: the paper's, dense, with partial \
         derivatives on its right-hand side; `counted twice`: with total derivatives there, as in the published code.\n"
    );
    for system in ["pendulum", "cartpole"] {
        for bounded in [false, true] {
            text += &format!("\n### {system}, {}\n\n", if bounded { "bounded" } else { "no bounds" });
            let mut table =
                Markdown::new(&["method", "answers", "dx error", "dx cosine", "dcost error", "dcost cosine"]);
            for method in methods() {
                let some: Vec<&Row> = rows
                    .iter()
                    .filter(|row| row.system == system && row.bounded == bounded && row.method == method)
                    .collect();
                let sound: Vec<&Row> = some.iter().copied().filter(|row| !row.dynamics_error.is_nan()).collect();
                let known = |value: fn(&Row) -> f64| sound.iter().map(move |row| value(row)).filter(|v| !v.is_nan());
                let middle = |value: fn(&Row) -> f64| number(median(known(value)));
                let largest = |value: fn(&Row) -> f64| number(known(value).fold(f64::NAN, f64::max));
                let cosine = |value: fn(&Row) -> f64| match median(known(value)) {
                    cosine if cosine.is_nan() => "-".to_owned(),
                    cosine => format!("{cosine:.6}"),
                };
                table.row(&[
                    method,
                    format!("{}/{}", sound.len(), some.len()),
                    format!("{} ({})", middle(|row| row.dynamics_error), largest(|row| row.dynamics_error)),
                    cosine(|row| row.dynamics_cosine),
                    format!("{} ({})", middle(|row| row.cost_error), largest(|row| row.cost_error)),
                    cosine(|row| row.cost_cosine),
                ]);
            }
            text += &table.text();
        }
    }
    text += &format!("\nProblems that were left out: {}.\n", skipped.len());
    for Skipped { system, bounded, problem, why } in skipped {
        text += &format!(
            "\n* {system}, {}, initial state {problem}: {why}",
            if *bounded { "bounded" } else { "no bounds" }
        );
    }
    text + "\n"
}

/// Errors of unrolling against its iterations, beside those of the other methods.
fn picture(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let mut panels = Vec::new();
    for system in ["pendulum", "cartpole"] {
        for bounded in [false, true] {
            let error = |method: &str| {
                let some =
                    rows.iter().filter(|row| row.system == system && row.bounded == bounded && row.method == method);
                median(some.map(|row| row.dynamics_error).filter(|error| !error.is_nan()))
            };
            let level = |name: &str, method: &str| Series {
                name: name.to_owned(),
                points: [1.0, 50.0].map(|at| (at, error(method))).to_vec(),
                mark: Mark::Line,
            };
            panels.push(Panel {
                title: format!("{system}, {}: dx gradient", if bounded { "bounded" } else { "no bounds" }),
                x: Some("unrolled iterations"),
                y: "median relative error",
                categories: Vec::new(),
                series: vec![
                    level("Implicit", "Implicit"),
                    level("FixedLinearization", "FixedLinearization"),
                    Series {
                        name: "Unrolled".to_owned(),
                        points: UNROLLED.iter().map(|&k| (k as f64, error(&format!("Unrolled {k}")))).collect(),
                        mark: Mark::Both,
                    },
                    level("formula, counted twice", "formula, counted twice"),
                ],
            });
        }
    }
    draw(&context.path("gradients.svg"), 2, &panels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_of_vectors() {
        // (3, 4) against (0, 5): difference (3, -1).
        let (error, cosine) = agreement(&[3.0, 4.0], &[0.0, 5.0]);
        assert!((error - 10_f64.sqrt() / 5.0).abs() < 1e-15 && (cosine - 0.8).abs() < 1e-15);
    }

    /// The dense formula with partial derivatives is the structured gradient, bounds or not; with total ones it is not.
    #[test]
    fn the_formula_and_its_double_count() -> Result<(), Failure> {
        let system = pendulum();
        let mut random = StdRng::seed_from_u64(5);
        let mut loss = LossGradient::<3, 1>::zeros(HORIZON);
        loss.states.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
        for bounded in [false, true] {
            let mut solver = Ilqr::new(system.model, HORIZON, Settings { tolerance: 1e-12, ..Settings::default() })?;
            let (sin, cos) = 0.35_f64.sin_cos();
            let mut params = system.expert;
            if !bounded {
                params[11] = NO_LIMIT;
            }
            let solution = solver.solve(&Problem::new([cos, sin, 0.1], params, HORIZON))?;
            let held = solution.bound_multipliers.iter().filter(|multiplier| multiplier[0] != 0.0).count();
            assert_eq!((solution.status, held > 0 && held < HORIZON), (Status::Converged, bounded));
            let gradient = solver.vjp(&solution, &loss)?.params.rows(0, 11).into_owned();
            let [right, twice] = [Derivatives::Partial, Derivatives::Total].map(|derivatives| {
                let dense = contracted(&system.model, &solution, &loss, derivatives);
                let dense = dense.unwrap_or_else(|| SVector::repeat(f64::NAN)).rows(0, 11).into_owned();
                (dense - &gradient).norm() / gradient.norm()
            });
            // Solves of dense systems over 20 unstable stages lose some digits of sixteen.
            assert!(right < 1e-9, "{right:e}");
            assert!(twice > 1e-2, "{twice:e}");
        }
        Ok(())
    }
}
