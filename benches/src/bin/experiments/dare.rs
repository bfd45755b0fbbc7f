//! A controller of a linear system is imitated by learning the system: the gradient goes through the discrete algebraic Riccati
//! equation, by the implicit function theorem and by the analytic derivative of East et al. 2020 (*Infinite-horizon differentiable
//! model predictive control*).
//!
//! With `u = -K x` and the closed loop `M = A - B K`, a change of `A` changes the solution by the `dS` of
//! `dS = M' dS M + dA' S M + M' S dA`.

use dilqr_runtime::implicit::{LinearSolver, Settings, Solver};
use dilqr_runtime::nalgebra::{Matrix2, RowVector2, SMatrix, SVector, Vector2};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::chart::{Mark, Panel, Series, draw};
use crate::implicit_models::riccati::Riccati;
use crate::table::{Markdown, Table, median, number, write};
use crate::{Context, Failure};

const B: [f64; 2] = [0.0, -1.0];
const R: f64 = 2.0;

/// Recorded steps, and the steps of each prediction.
const STEPS: usize = 50;
const AHEAD: usize = 6;

const STARTS: u64 = 5;
const LEARNING: usize = 3000;

/// Adam's step, which falls to a hundredth of this.
const RATE: f64 = 1e-2;

fn system() -> Matrix2<f64> {
    Matrix2::new(0.0, 1.0, -1.0, -1.0)
}

/// Where a run is after some steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    method: Method,
    start: u64,
    step: usize,
    /// The mean squared error of predicted controls.
    imitation: f64,
    /// The mean squared error of the entries of `A`.
    model: f64,
    /// The largest difference so far of the gradient from the analytic one, relative to the latter.
    difference: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    #[serde(rename = "implicit, dense")]
    Dense,
    #[serde(rename = "implicit, conjugate gradients")]
    ConjugateGradients,
    #[serde(rename = "analytic")]
    Analytic,
}

const METHODS: [(Method, &str); 3] = [
    (Method::Dense, "implicit, dense"),
    (Method::ConjugateGradients, "implicit, conjugate gradients"),
    (Method::Analytic, "analytic"),
];

/// A recorded trajectory.
struct Recorded {
    states: Vec<Vector2<f64>>,
    controls: Vec<f64>,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("dare.csv"))?;
    let (starts, steps) = if context.quick { (1, 25) } else { (STARTS, LEARNING) };
    let recorded = record()?;
    let bar = context.bar("dare", starts as usize * METHODS.len());
    for start in 0..starts {
        for (method, _) in METHODS {
            if !rows.contains(|row: &Row| row.start == start && row.method == method) {
                rows.append(&learn(&recorded, method, start, steps)?)?;
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let rows = rows.rows();
    write(&context.path("dare.md"), &report(&rows))?;
    picture(context, &rows)
}

/// `S` by the Riccati iteration from `Q`, which goes to the stabilizing one of the equation's roots.
fn iterate(a: &Matrix2<f64>) -> Result<Matrix2<f64>, Failure> {
    let b = Vector2::from(B);
    let mut s = Matrix2::identity();
    for _ in 0..100_000 {
        let gain = gain(a, &s);
        let next = Matrix2::identity() + a.transpose() * s * (a - b * gain);
        let next = 0.5 * (next + next.transpose());
        let moved = (next - s).amax();
        s = next;
        if moved <= 1e-15 * s.amax() {
            return Ok(s);
        }
    }
    // It may go around among neighboring numbers; `accept` is the judge.
    if s.iter().all(|entry| entry.is_finite()) { Ok(s) } else { Err("the Riccati iteration diverged".into()) }
}

/// `K = (R + B' S B)^-1 B' S A`
fn gain(a: &Matrix2<f64>, s: &Matrix2<f64>) -> RowVector2<f64> {
    let b = Vector2::from(B);
    (b.transpose() * s * a) / (R + b.dot(&(s * b)))
}

fn record() -> Result<Recorded, Failure> {
    let (a, b) = (system(), Vector2::from(B));
    let gain = gain(&a, &iterate(&a)?);
    let mut recorded = Recorded { states: vec![Vector2::new(0.0, 3.0)], controls: Vec::new() };
    for t in 0..STEPS {
        let x = recorded.states[t];
        let u = -(gain * x)[0];
        recorded.controls.push(u);
        recorded.states.push(a * x + b * u);
    }
    Ok(recorded)
}

/// The loss, and its derivatives in the entries of `S` (upper half) and of `A` (row by row), each with the other constant.
struct Loss {
    value: f64,
    in_s: SVector<f64, 3>,
    in_a: SVector<f64, 4>,
}

/// The symmetric matrix that an entry of the upper half changes.
fn of_upper(index: usize) -> Matrix2<f64> {
    match index {
        0 => Matrix2::new(1.0, 0.0, 0.0, 0.0),
        1 => Matrix2::new(0.0, 1.0, 1.0, 0.0),
        _ => Matrix2::new(0.0, 0.0, 0.0, 1.0),
    }
}

fn of_entry(index: usize) -> Matrix2<f64> {
    let mut matrix = Matrix2::zeros();
    matrix[(index / 2, index % 2)] = 1.0;
    matrix
}

/// Mean squared errors of the controls that are predicted from each recorded state.
fn loss(a: &Matrix2<f64>, s: &Matrix2<f64>, recorded: &Recorded) -> Loss {
    let b = Vector2::from(B);
    let gain = gain(a, s);
    let closed = a - b * gain;
    let of_gain = |ds: Matrix2<f64>, da: Matrix2<f64>| {
        let dh = b.transpose() * (ds * a + s * da);
        (dh - gain * b.dot(&(ds * b))) / (R + b.dot(&(s * b)))
    };
    let directions: [(RowVector2<f64>, Matrix2<f64>); 7] = core::array::from_fn(|k| {
        let (ds, da) = if k < 3 { (of_upper(k), Matrix2::zeros()) } else { (Matrix2::zeros(), of_entry(k - 3)) };
        let change = of_gain(ds, da);
        (change, da - b * change)
    });
    let windows = STEPS + 1 - AHEAD;
    let scale = 1.0 / (windows * AHEAD) as f64;
    let (mut value, mut slope) = (0.0, SVector::<f64, 7>::zeros());
    for start in 0..windows {
        let mut x = recorded.states[start];
        let mut changes = [Vector2::zeros(); 7];
        for ahead in 0..AHEAD {
            let error = -(gain * x)[0] - recorded.controls[start + ahead];
            value += scale * error * error;
            for (k, (of_gain, of_closed)) in directions.iter().enumerate() {
                slope[k] -= 2.0 * scale * error * (of_gain * x + gain * changes[k])[0];
                changes[k] = of_closed * x + closed * changes[k];
            }
            x = closed * x;
        }
    }
    Loss { value, in_s: slope.fixed_rows::<3>(0).into(), in_a: slope.fixed_rows::<4>(3).into() }
}

/// The change of `S` with each entry of `A`: the Lyapunov equation as four linear ones.
fn analytic(a: &Matrix2<f64>, s: &Matrix2<f64>) -> Result<SMatrix<f64, 3, 4>, Failure> {
    let closed = a - Vector2::from(B) * gain(a, s);
    let entry = |row: usize, column: usize| {
        let (i, j, k, l) = (row / 2, row % 2, column / 2, column % 2);
        f64::from(u8::from(row == column)) - closed[(k, i)] * closed[(l, j)]
    };
    let factors = SMatrix::<f64, 4, 4>::from_fn(entry).lu();
    let mut out = SMatrix::<f64, 3, 4>::zeros();
    for k in 0..4 {
        let half = of_entry(k).transpose() * s * closed;
        let right = half + half.transpose();
        let right = SVector::from([right[(0, 0)], right[(0, 1)], right[(1, 0)], right[(1, 1)]]);
        let change = factors.solve(&right).ok_or("the closed loop has an eigenvalue on the unit circle")?;
        out.set_column(k, &SVector::from([change[0], change[1], change[3]]));
    }
    Ok(out)
}

type RiccatiSolver = Solver<Riccati, 3, 3, 7>;

/// The loss and its whole gradient in `A`, with the derivative of `S` by the solver.
fn by_theorem(
    solver: &mut RiccatiSolver,
    a: &Matrix2<f64>,
    recorded: &Recorded,
) -> Result<(f64, SVector<f64, 4>), Failure> {
    let s = iterate(a)?;
    let params = [a[(0, 0)], a[(0, 1)], a[(1, 0)], a[(1, 1)], B[0], B[1], R];
    let solution = solver.accept([s[(0, 0)], s[(0, 1)], s[(1, 1)]], params)?;
    let loss = loss(a, &s, recorded);
    let through = solver.vjp(&solution, &loss.in_s)?;
    Ok((loss.value, loss.in_a + through.fixed_rows::<4>(0)))
}

fn by_lyapunov(a: &Matrix2<f64>, recorded: &Recorded) -> Result<(f64, SVector<f64, 4>), Failure> {
    let s = iterate(a)?;
    let loss = loss(a, &s, recorded);
    Ok((loss.value, loss.in_a + analytic(a, &s)?.transpose() * loss.in_s))
}

fn solver(method: Method) -> Result<RiccatiSolver, Failure> {
    let linear_solver = match method {
        Method::ConjugateGradients => LinearSolver::ConjugateGradients { tolerance: 1e-12 },
        Method::Dense | Method::Analytic => LinearSolver::Dense,
    };
    Ok(Solver::new(Riccati, Settings { linear_solver, ..Settings::default() })?)
}

fn learn(recorded: &Recorded, method: Method, start: u64, steps: usize) -> Result<Vec<Row>, Failure> {
    let mut random = StdRng::seed_from_u64(start);
    let mut a = system().map(|entry| entry + random.random_range(-0.5..0.5));
    let (mut solver, mut adam) = (solver(method)?, Adam::new(4));
    let (mut rows, mut difference) = (Vec::new(), 0.0_f64);
    for step in 0..=steps {
        let analytic = by_lyapunov(&a, recorded)?;
        let (imitation, gradient) = match method {
            Method::Analytic => analytic,
            Method::Dense | Method::ConjugateGradients => by_theorem(&mut solver, &a, recorded)?,
        };
        difference = difference.max((gradient - analytic.1).norm() / analytic.1.norm());
        if step % 25 == 0 {
            let model = (a - system()).norm_squared() / 4.0;
            rows.push(Row { method, start, step, imitation, model, difference });
        }
        // Row by row.
        let mut entries = [a[(0, 0)], a[(0, 1)], a[(1, 0)], a[(1, 1)]];
        let rate = RATE * 0.01_f64.powf(step as f64 / steps as f64);
        adam.step(&mut entries, gradient.as_slice(), rate);
        a = Matrix2::from_row_slice(&entries);
    }
    Ok(rows)
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "derivative of S",
        "start",
        "imitation loss, first",
        "last",
        "model loss, first",
        "last",
        "largest difference from the analytic gradient",
    ]);
    for (method, name) in METHODS {
        for start in 0..STARTS {
            let mut of = rows.iter().filter(|row| row.method == method && row.start == start);
            let Some(first) = of.next() else { continue };
            let last = of.next_back().unwrap_or(first);
            let losses = [first.imitation, last.imitation, first.model, last.model, last.difference].map(number);
            table.row(&[[name.to_owned(), start.to_string()].as_slice(), &losses].concat());
        }
    }
    table.text()
}

fn picture(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let panel = |title: &str, y: &'static str, value: fn(&Row) -> f64| {
        let series = |(method, name): (Method, &str)| {
            let of = || rows.iter().filter(move |row| row.method == method);
            let mut steps: Vec<usize> = of().map(|row| row.step).collect();
            steps.sort_unstable();
            steps.dedup();
            let at = |step: usize| median(of().filter(|row| row.step == step).map(value));
            let points = steps.iter().map(|&step| (step as f64, at(step))).collect();
            Series { name: name.to_owned(), points, mark: Mark::Line }
        };
        Panel {
            title: title.to_owned(),
            x: Some("steps"),
            y,
            categories: Vec::new(),
            series: METHODS.map(series).into(),
        }
    };
    let panels = [
        panel("Imitation, median of the starts", "mean squared error of controls", |row| row.imitation),
        panel("Model, median of the starts", "mean squared error of A", |row| row.model),
    ];
    draw(&context.path("dare.svg"), 2, &panels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Away from the expert, where gradients are large: by the theorem with either linear solver, by the Lyapunov equation, and by
    /// central differences of the whole loss.
    #[test]
    fn gradients_agree() -> Result<(), Failure> {
        let recorded = record()?;
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..5 {
            let a = system().map(|entry| entry + random.random_range(-0.4..0.4));
            let (value, analytic) = by_lyapunov(&a, &recorded)?;
            for method in [Method::Dense, Method::ConjugateGradients] {
                let (other, gradient) = by_theorem(&mut solver(method)?, &a, &recorded)?;
                assert_eq!(value, other);
                // Conjugate gradients stop at 1e-12 times a condition of some tens.
                assert!((gradient - analytic).norm() < 1e-9 * analytic.norm(), "{gradient} and {analytic}");
            }
            for k in 0..4 {
                let at = |h: f64| by_lyapunov(&(a + h * of_entry(k)), &recorded).map(|(value, _)| value);
                // 1e-10 times third derivatives, and 1e-15 over 1e-5 of rounding.
                let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
                assert!((difference - analytic[k]).abs() < 1e-6 * analytic.norm(), "{difference} and {analytic}");
            }
        }
        Ok(())
    }

    /// The equation has other roots, whose closed loops are not stable.
    #[test]
    fn the_iteration_finds_the_stabilizing_root() -> Result<(), Failure> {
        let a = system();
        let closed = a - Vector2::from(B) * gain(&a, &iterate(&a)?);
        // Both eigenvalues of a matrix of two rows are inside the unit circle (Jury's conditions).
        let (trace, determinant) = (closed.trace(), closed.determinant());
        assert!(determinant.abs() < 1.0 && trace.abs() < 1.0 + determinant, "{closed}");
        Ok(())
    }
}
