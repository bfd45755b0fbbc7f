//! Times of a gradient by the methods, over the horizon.

use core::time::Duration;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Model, Problem};

use super::TimeRow;
use super::gradients::{Method, gradient, imitation};
use super::limited::{LimitedSystem, Planner};
use super::systems::{System, solve};
use crate::Failure;
use crate::timing::medians;

/// Blocks of a median, and the length of each.
pub(super) type Blocks = (usize, Duration);

/// Of the first demonstration, at parameters away from the true ones.
pub(super) fn free<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &System<M, NX, NU, NP>,
    horizon: usize,
    (blocks, length): Blocks,
) -> Result<Vec<TimeRow>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let x0 = system.starts.first().copied().unwrap_or_else(SVector::zeros);
    let mut solver = system.solver(horizon)?;
    let demonstration = found(solve(&mut solver, &Problem::new(x0, system.truth, horizon))?, system.name)?;
    let problem = Problem::new(x0, system.truth.map(|entry| 1.05 * entry), horizon);
    let solution = found(solve(&mut solver, &problem)?, system.name)?;
    let (_, slope) = imitation(&solution, &demonstration);
    let warm = Problem::new(x0, problem.params().map(|entry| 1.001 * entry), horizon);
    let warm = warm.with_warm_start(&system.model, &solution);
    found(solve(&mut solver, &warm)?, system.name)?;
    let methods = [Method::Implicit, Method::AuxiliaryLqr, Method::Schur];
    let mut solvers = [system.solver(horizon)?, system.solver(horizon)?, system.solver(horizon)?];
    let (solution, slope) = (&solution, &slope);
    let mut operations: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    operations.push(Box::new(|| {
        let _ = std::hint::black_box(solver.solve(&warm));
    }));
    for (method, solver) in methods.into_iter().zip(&mut solvers) {
        operations.push(Box::new(move || {
            std::hint::black_box(gradient(method, solver, solution, slope));
        }));
    }
    let seconds = medians(blocks, length, &mut operations);
    let names = ["warm solve", "ours", "PDP", "IDOC"];
    Ok(rows((system.name, "free", horizon), &names, &seconds))
}

/// Of the problem with limits at the published start: ours and IDOC's through active limits, ours and PDP's through
/// barriers.
pub(super) fn limited<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    (blocks, length): Blocks,
) -> Result<Vec<TimeRow>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let params = SVector::from(system.published.start);
    let demonstration = system.demonstration()?;
    let (mut exact, mut relaxed) = (Planner::new(system, None)?, Planner::new(system, Some(system.relaxation))?);
    let held = found(exact.plan(&params)?, system.name)?;
    relaxed.start_from(&held);
    let smooth = found(relaxed.plan(&params)?, system.name)?;
    let (of_held, of_smooth) = (imitation(&held, &demonstration).1, imitation(&smooth, &demonstration).1);
    let cases = [
        ("limits, ours", Method::Implicit, &held, &of_held),
        ("limits, IDOC", Method::Schur, &held, &of_held),
        ("barriers, ours", Method::Implicit, &smooth, &of_smooth),
        ("barriers, PDP", Method::AuxiliaryLqr, &smooth, &of_smooth),
        ("barriers, IDOC", Method::Schur, &smooth, &of_smooth),
    ];
    let planners = cases.iter().map(|(_, _, solution, _)| Planner::new(system, solution.relaxation));
    let mut planners = planners.collect::<Result<Vec<_>, Failure>>()?;
    let mut operations: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for ((_, method, solution, slope), planner) in cases.into_iter().zip(&mut planners) {
        operations.push(Box::new(move || {
            std::hint::black_box(gradient(method, &mut planner.solver, solution, slope));
        }));
    }
    let seconds = medians(blocks, length, &mut operations);
    let names = cases.map(|(name, ..)| name);
    Ok(rows((system.name, "limits", system.horizon), &names, &seconds))
}

/// A solution that is timed.
fn found<S>(solution: Option<S>, system: &str) -> Result<S, Failure> {
    solution.ok_or_else(|| format!("{system}: a problem to be timed has not converged").into())
}

/// A row for each operation.
pub(super) fn rows((system, problem, horizon): (&str, &str, usize), names: &[&str], seconds: &[f64]) -> Vec<TimeRow> {
    let row = |(&operation, &seconds): (&&str, &f64)| TimeRow {
        system: system.to_owned(),
        problem: problem.to_owned(),
        horizon,
        operation: operation.to_owned(),
        seconds,
    };
    names.iter().zip(seconds).map(row).collect()
}
