//! Newton's method for equations, damped by the natural monotonicity test (Deuflhard 2004, *Newton Methods for Nonlinear
//! Problems*, algorithm NLEQ-ERR): a step is accepted if the simplified Newton step at its end is shorter. The test does not
//! depend on the units of equations, and the norm not on those of unknowns.

use nalgebra::SVector;

use crate::cause::{Cause, ModelFunction};
use crate::implicit::function::ImplicitFunction;
use crate::implicit::kink::stuck_at;
use crate::implicit::root::{Linearization, RootFinder};
use crate::implicit::settings::Settings;
use crate::linalg::products::{add_product, zeros};
use crate::stats::Stats;
use crate::status::Status;

/// The shortest step, as a fraction of Newton's.
const SHORTEST: f64 = 1e-12;

/// Where a solve is, and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome<const NY: usize> {
    pub(super) unknown: SVector<f64, NY>,
    pub(super) status: Status,
    pub(super) cause: Option<Cause>,
    pub(super) stats: Stats,
}

impl<const NY: usize> Outcome<NY> {
    pub(super) fn at(unknown: SVector<f64, NY>) -> Self {
        Self { unknown, status: Status::Unsolved, cause: None, stats: Stats::default() }
    }
}

/// Solves from the outcome's unknowns on, and says why a solve made no progress.
pub(super) fn solve<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &mut RootFinder<F, NX, NY, NP>,
    params: &SVector<f64, NP>,
    settings: &Settings,
    outcome: &mut Outcome<NY>,
) where
    F: ImplicitFunction<NX, NY, NP>,
{
    take_steps(finder, params, settings, outcome);
    let stuck = outcome.status.found_no_step() || outcome.status == Status::IterationLimit;
    if const { F::HAS_KINKS } && stuck {
        let y = outcome.unknown;
        let at = finder.linearize(&y, params);
        let terms = finder.terms((&y, params));
        outcome.cause = stuck_at(|y| finder.residual(y, params), (&y, &at.step), &terms);
    }
}

/// The steps from the outcome's unknowns on.
fn take_steps<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &mut RootFinder<F, NX, NY, NP>,
    params: &SVector<f64, NP>,
    settings: &Settings,
    outcome: &mut Outcome<NY>,
) where
    F: ImplicitFunction<NX, NY, NP>,
{
    let mut length: f64 = 1.0;
    loop {
        let at = finder.linearize(&outcome.unknown, params);
        if let Some((status, cause)) = not_finite(&at, &finder.memory.fu.data.0) {
            (outcome.status, outcome.cause) = (status, cause);
            return;
        }
        if finder.is_singular_matrix(&at.inverse) {
            outcome.status = Status::RegularizationLimit;
            return;
        }
        outcome.stats.step = finder.relative_step((&outcome.unknown, params), &at, settings.tolerance);
        if outcome.stats.step <= settings.tolerance {
            // The step is there and makes the solution better, unless it is a rounding error.
            let better = outcome.unknown + at.step;
            let scale = scales(&outcome.unknown, &at.step);
            if length_of_next(finder, params, (&at, &better, &scale)) < norm(&at.step, &scale) {
                outcome.unknown = better;
            }
            outcome.status = Status::Converged;
            return;
        }
        if outcome.stats.iterations == settings.max_iterations {
            outcome.status = Status::IterationLimit;
            return;
        }
        let Some(accepted) = search(finder, params, &at, (length, outcome)) else {
            outcome.status = Status::LineSearchFailed;
            return;
        };
        length = (4.0 * accepted).min(1.0);
        outcome.stats.iterations += 1;
    }
}

/// The status of equations that are not finite, or singular.
fn not_finite<const NX: usize, const NY: usize>(
    at: &Linearization<f64, NY>,
    jacobian: &[[f64; NX]; NY],
) -> Option<(Status, Option<Cause>)> {
    let cause = |function, entry| (Status::Diverged, Some(Cause::NonFiniteFunction { function, entry }));
    if let Some(entry) = at.residual.iter().position(|value| !value.is_finite()) {
        return Some(cause(ModelFunction::Equations, entry));
    }
    let is_finite = |row: &usize| jacobian.iter().all(|column| column[*row].is_finite());
    if let Some(row) = (0..NX).find(|row| !is_finite(row)) {
        return Some(cause(ModelFunction::EquationsJacobian, row));
    }
    let singular = !at.inverse.iter().chain(&at.step).all(|value| value.is_finite());
    singular.then_some((Status::RegularizationLimit, None))
}

/// Takes the longest step that passes the test, and returns its length.
fn search<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &RootFinder<F, NX, NY, NP>,
    params: &SVector<f64, NP>,
    at: &Linearization<f64, NY>,
    (mut length, outcome): (f64, &mut Outcome<NY>),
) -> Option<f64>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let y = outcome.unknown;
    let scale = scales(&y, &at.step);
    let whole = norm(&at.step, &scale);
    while length >= SHORTEST {
        let trial = y + at.step * length;
        outcome.stats.line_search_steps += 1;
        if length_of_next(finder, params, (at, &trial, &scale)) <= (1.0 - 0.25 * length) * whole {
            outcome.unknown = trial;
            return Some(length);
        }
        length *= 0.5;
    }
    None
}

/// The sizes of the unknowns. One at zero has the size of its step.
pub(super) fn scales<const NY: usize>(y: &SVector<f64, NY>, step: &SVector<f64, NY>) -> SVector<f64, NY> {
    SVector::from_fn(|i, _| match y[i].abs().max(step[i].abs()) {
        0.0 => 1.0,
        scale => scale,
    })
}

/// The largest entry of a step, relative.
fn norm<const NY: usize>(step: &SVector<f64, NY>, scale: &SVector<f64, NY>) -> f64 {
    step.component_div(scale).amax()
}

/// The norm of the simplified Newton step at a trial point; NaN where the equations are not finite.
fn length_of_next<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &RootFinder<F, NX, NY, NP>,
    params: &SVector<f64, NP>,
    (at, trial, scale): (&Linearization<f64, NY>, &SVector<f64, NY>, &SVector<f64, NY>),
) -> f64
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let residual = finder.residual(trial, params);
    if !residual.iter().all(|value| value.is_finite()) {
        return f64::NAN;
    }
    let mut simplified = zeros();
    add_product(&mut simplified, &at.inverse, &residual);
    norm(&simplified, scale)
}
