//! The time of steps and of their derivatives as van der Pol's oscillator gets stiffer.

use core::hint::black_box;
use core::time::Duration;

use dilqr_runtime::Status;
use dilqr_runtime::implicit::{LinearSolver, Settings, Solution, Solver};
use dilqr_runtime::nalgebra::{Matrix2, Vector2};
use serde::{Deserialize, Serialize};

use crate::implicit_models::oscillator::Oscillator;
use crate::table::Table;
use crate::timing::medians;
use crate::{Context, Failure};

const STIFFNESS: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];

/// Steps of 0.1 from (2, 0).
const STEPS: usize = 100;

/// One stiffness. Times are microseconds a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimeRow {
    pub(super) stiffness: f64,
    /// Newton steps of a step, mean.
    pub(super) iterations: f64,
    pub(super) forward: f64,
    pub(super) dense: f64,
    pub(super) conjugate_gradients: f64,
    /// NaN where a step backwards has no solution.
    pub(super) adjoint: f64,
    /// The difference of the gradient of the last position in the stiffness from that of the steps, relative: by conjugate gradients
    /// and by the adjoint equation.
    pub(super) of_conjugate_gradients: f64,
    pub(super) of_adjoint: Option<f64>,
    /// Of the explicit method; `None` where it diverges.
    pub(super) explicit: Option<f64>,
}

type OscillatorSolver = Solver<Oscillator, 2, 2, 4>;

pub(super) fn measure(context: &Context) -> Result<Vec<TimeRow>, Failure> {
    let rows = Table::open(context.path("neural-ode-stiffness.csv"))?;
    for stiffness in STIFFNESS {
        if !rows.contains(|row: &TimeRow| row.stiffness == stiffness) {
            rows.append(&[time(context, stiffness)?])?;
        }
    }
    Ok(rows.rows())
}

fn slope(x: &Vector2<f64>, stiffness: f64) -> Vector2<f64> {
    Vector2::new(x[1], stiffness * (1.0 - x[0] * x[0]) * x[1] - x[0])
}

fn jacobian(x: &Vector2<f64>, stiffness: f64) -> Matrix2<f64> {
    Matrix2::new(0.0, 1.0, -2.0 * stiffness * x[0] * x[1] - 1.0, stiffness * (1.0 - x[0] * x[0]))
}

fn step(solver: &mut OscillatorSolver, x: &Vector2<f64>, h: f64, stiffness: f64) -> Result<Solution<2, 4>, Failure> {
    let solution = solver.solve(*x, [x[0], x[1], h, stiffness])?;
    match solution.status {
        Status::Converged => Ok(solution),
        status => Err(format!("a step of {h} from {x:?} at the stiffness {stiffness}: {status}").into()),
    }
}

fn forward(solver: &mut OscillatorSolver, stiffness: f64) -> Result<Vec<Solution<2, 4>>, Failure> {
    let mut x = Vector2::new(2.0, 0.0);
    let mut steps = Vec::with_capacity(STEPS);
    for _ in 0..STEPS {
        let solution = step(solver, &x, super::DT, stiffness)?;
        x = solution.unknown;
        steps.push(solution);
    }
    Ok(steps)
}

/// The gradient of the last position in the stiffness, by the implicit function theorem.
fn by_theorem(solver: &mut OscillatorSolver, steps: &[Solution<2, 4>]) -> Option<f64> {
    let (mut adjoint, mut sum) = (Vector2::new(1.0, 0.0), 0.0);
    for solution in steps.iter().rev() {
        let gradient = solver.vjp(solution, &adjoint).ok()?;
        adjoint = gradient.fixed_rows::<2>(0).into();
        sum += gradient[3];
    }
    Some(sum)
}

/// The same by implicit Euler steps of the adjoint equation, backwards from every point. `f` changes with the stiffness by
/// `(0, (1 - x_0^2) x_1)`.
fn by_adjoint(solver: &mut OscillatorSolver, steps: &[Solution<2, 4>]) -> Option<f64> {
    let h = super::DT;
    let (mut adjoint, mut sum) = (Vector2::new(1.0, 0.0), 0.0);
    for solution in steps.iter().rev() {
        let stiffness = solution.params[3];
        let x = step(solver, &solution.unknown, -h, stiffness).ok()?.unknown;
        adjoint = (Matrix2::identity() - h * jacobian(&x, stiffness).transpose()).try_inverse()? * adjoint;
        sum += h * adjoint[1] * (1.0 - x[0] * x[0]) * x[1];
    }
    sum.is_finite().then_some(sum)
}

/// The last state; `None` where a state is beyond all bounds.
fn explicit(stiffness: f64) -> Option<Vector2<f64>> {
    let mut x = Vector2::new(2.0, 0.0);
    for _ in 0..STEPS {
        x += super::DT * slope(&x, stiffness);
    }
    (x.amax() < 1e3).then_some(x)
}

fn time(context: &Context, stiffness: f64) -> Result<TimeRow, Failure> {
    let solver = |linear_solver| Solver::new(Oscillator, Settings { linear_solver, ..Settings::default() });
    let iterative = LinearSolver::ConjugateGradients { tolerance: 1e-12 };
    let mut solvers = [solver(LinearSolver::Dense)?, solver(LinearSolver::Dense)?, solver(iterative)?];
    let mut backwards = solver(LinearSolver::Dense)?;
    let steps = forward(&mut solvers[0], stiffness)?;
    let exact = by_theorem(&mut solvers[1], &steps).ok_or("a step of the oscillator has no derivative")?;
    let other = by_theorem(&mut solvers[2], &steps).ok_or("conjugate gradients have no derivative")?;
    let adjoint = by_adjoint(&mut backwards, &steps);
    let [first, second, third] = &mut solvers;
    let (blocks, block) = if context.quick { (3, 1) } else { (31, 5) };
    let times = medians(
        blocks,
        Duration::from_millis(block),
        &mut [
            Box::new(|| drop(black_box(forward(first, black_box(stiffness))))),
            Box::new(|| {
                black_box(by_theorem(second, black_box(&steps)));
            }),
            Box::new(|| {
                black_box(by_theorem(third, black_box(&steps)));
            }),
            Box::new(|| {
                black_box(by_adjoint(&mut backwards, black_box(&steps)));
            }),
            Box::new(|| {
                black_box(explicit(black_box(stiffness)));
            }),
        ],
    );
    let micro = |k: usize| 1e6 * times[k] / STEPS as f64;
    let apart = |other: f64| (other - exact).abs() / exact.abs();
    let iterations: usize = steps.iter().map(|solution| solution.stats.iterations).sum();
    Ok(TimeRow {
        stiffness,
        iterations: iterations as f64 / STEPS as f64,
        forward: micro(0),
        dense: micro(1),
        conjugate_gradients: micro(2),
        adjoint: if adjoint.is_some() { micro(3) } else { f64::NAN },
        of_conjugate_gradients: apart(other),
        of_adjoint: adjoint.map(apart),
        explicit: explicit(stiffness).map(|_| micro(4)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient through a hundred steps against central differences of the last position.
    #[test]
    fn the_gradient_is_that_of_the_steps() -> Result<(), Failure> {
        let mut solver = Solver::new(Oscillator, Settings { tolerance: 1e-11, ..Settings::default() })?;
        for stiffness in [1.0, 3.0] {
            let mut last = |stiffness: f64| -> Result<f64, Failure> {
                let steps = forward(&mut solver, stiffness)?;
                Ok(steps[STEPS - 1].unknown[0])
            };
            let h = 1e-5 * stiffness;
            let difference = (last(stiffness + h)? - last(stiffness - h)?) / (2.0 * h);
            let steps = forward(&mut solver, stiffness)?;
            let exact = by_theorem(&mut solver, &steps).ok_or("no derivative")?;
            // 1e-10 times third derivatives over first ones. Newton's last step squares its 1e-11, so solves have 1e-16 over 1e-5.
            assert!((exact - difference).abs() < 1e-5 * exact.abs(), "{exact} and {difference}");
        }
        Ok(())
    }
}
