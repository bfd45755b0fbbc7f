//! Theseus' example of its backward modes: `a x^2 + b` is fitted to ten points, and `a` is differentiated in their places (Pineda et
//! al. 2022, *Theseus: a library for differentiable nonlinear optimization*).

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::Status;
use dilqr_runtime::implicit::{Differentiation, Settings, Solver};
use dilqr_runtime::nalgebra::SVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::implicit_models::parabola::Parabola;
use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

const POINTS: usize = 10;

/// Where the fit starts.
const GUESS: [f64; 2] = [2.0, 1.0];

type Params = SVector<f64, 20>;

/// An operation. The published time is that of Theseus on its own machine, in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    operation: String,
    /// The largest error of a derivative over the largest derivative; `None` for the solve.
    error: Option<f64>,
    microseconds: f64,
    published: Option<f64>,
}

const MODES: [(&str, Option<f64>, Differentiation<2>); 4] = [
    (
        "unrolled, 15 steps",
        Some(5.42),
        Differentiation::Unrolled { guess: SVector::<f64, 2>::new(GUESS[0], GUESS[1]), iterations: 15 },
    ),
    ("truncated, 5 steps", Some(1.22), Differentiation::Truncated { iterations: 5 }),
    ("implicit", Some(0.69), Differentiation::Implicit),
    ("direct loss, 1e-2", None, Differentiation::DirectLoss { epsilon: 1e-2 }),
];

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("curve-fit.csv"))?;
    if rows.rows().is_empty() {
        rows.append(&measure(context)?)?;
    }
    let mut table = Markdown::new(&["", "error", "ours [us]", "Theseus, published [ms]", "published / ours"]);
    for row in rows.rows() {
        let ratio = row.published.map(|published| 1e3 * published / row.microseconds);
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        let cells = [cell(row.error), number(row.microseconds), cell(row.published), cell(ratio)];
        table.row(&[&[row.operation.clone()][..], &cells].concat());
    }
    write(&context.path("curve-fit.md"), &table.text())
}

/// Places in (0, 1), and values with noise of a hundredth.
fn data() -> Params {
    let mut random = StdRng::seed_from_u64(0);
    let x: [f64; POINTS] = core::array::from_fn(|_| random.random_range(0.0..1.0));
    let noise: [f64; POINTS] = core::array::from_fn(|_| 0.01 * 3.0_f64.sqrt() * random.random_range(-1.0..1.0));
    Params::from_fn(|k, _| if k < POINTS { x[k] } else { x[k - POINTS].powi(2) + 0.5 + noise[k - POINTS] })
}

/// `da/dx` of the linear regression on `z = x^2`: with centered sums `a = S_zy / S_zz`.
fn closed_form(params: &Params) -> [f64; POINTS] {
    let z: [f64; POINTS] = core::array::from_fn(|i| params[i].powi(2));
    let y: [f64; POINTS] = core::array::from_fn(|i| params[POINTS + i]);
    let mean = |values: &[f64; POINTS]| values.iter().sum::<f64>() / POINTS as f64;
    let (middle, height) = (mean(&z), mean(&y));
    let square: f64 = z.iter().map(|z| (z - middle).powi(2)).sum();
    let a = z.iter().zip(&y).map(|(z, y)| (z - middle) * (y - height)).sum::<f64>() / square;
    core::array::from_fn(|i| 2.0 * params[i] * ((y[i] - height) - 2.0 * a * (z[i] - middle)) / square)
}

/// The largest error of a gradient of `a` in the places, over the largest exact entry.
fn error(gradient: &Params, exact: &[f64; POINTS]) -> f64 {
    let largest = exact.iter().fold(0.0, |largest: f64, exact| largest.max(exact.abs()));
    let errors = exact.iter().enumerate().map(|(i, exact)| (gradient[i] - exact).abs());
    errors.fold(0.0, f64::max) / largest
}

fn measure(context: &Context) -> Result<Vec<Row>, Failure> {
    let (params, loss) = (data(), SVector::from([1.0, 0.0]));
    let mut solver = Solver::new(Parabola, Settings::default())?;
    let solution = solver.solve(GUESS, params)?;
    if solution.status != Status::Converged {
        return Err(format!("the fit of the parabola: {}", solution.status).into());
    }
    let exact = closed_form(&params);
    let mut rows = vec![Row { operation: "forward".into(), error: None, microseconds: 0.0, published: Some(19.5) }];
    for (name, published, mode) in MODES {
        let error = Some(error(&solver.vjp_with(&solution, &loss, mode)?, &exact));
        rows.push(Row { operation: name.into(), error, microseconds: 0.0, published });
    }
    let mut operations: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    operations.push(Box::new(move || drop(black_box(solver.solve(GUESS, black_box(params))))));
    for (.., mode) in MODES {
        let mut solver = Solver::new(Parabola, Settings::default())?;
        let solution = &solution;
        // The plain call is that of a user who wants the exact gradient.
        operations.push(match mode {
            Differentiation::Implicit => Box::new(move || drop(black_box(solver.vjp(black_box(solution), &loss)))),
            mode => Box::new(move || drop(black_box(solver.vjp_with(black_box(solution), &loss, mode)))),
        });
    }
    let (blocks, block) = if context.quick { (3, 1) } else { (41, 5) };
    let times = medians(blocks, Duration::from_millis(block), &mut operations);
    rows.iter_mut().zip(times).for_each(|(row, time)| row.microseconds = 1e6 * time);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_agree_with_the_closed_form() -> Result<(), Failure> {
        let params = data();
        let exact = closed_form(&params);
        let mut solver = Solver::new(Parabola, Settings { tolerance: 1e-13, ..Settings::default() })?;
        let solution = solver.solve(GUESS, params)?;
        for (name, _, mode) in MODES {
            let found = error(&solver.vjp_with(&solution, &[1.0, 0.0].into(), mode)?, &exact);
            // A direct loss gradient is a difference quotient of first order in epsilon; the others are exact.
            let bound = if matches!(mode, Differentiation::DirectLoss { .. }) { 0.5 } else { 1e-11 };
            assert!(found < bound, "{name}: {found:e}");
        }
        Ok(())
    }
}
