//! The arrival cost of moving-horizon estimation: what the stages before a window say of its first state.
//!
//! A window that moves on by one stage drops its first one. The cost of that stage and the arrival cost before it, as a
//! function of the next state alone, is the new arrival cost. With dynamics linearized about the solution it is a quadratic form
//! (the filter update with smoothed points; Robertson, Lee and Rawlings 1996, Rao, Rawlings and Mayne 2003). Its covariance `P` is
//! that of the [dropped stage](super::dropped_stage). Its mean is
//!
//! ```text
//! m   = x_1 + P lambda_1
//! ```
//!
//! since the slope of what was dropped in `x_1` is `-lambda_1`, as the window's other stages balance it. So with a full information
//! the window's solution is one of the next window, too, until that has another measurement. A window without a solution has no
//! such slope, and leaves the information as it is.

use nalgebra::{SMatrix, SVector};

use crate::engine::ArrivalRule;
use crate::engine::dropped_stage::QuadraticForm;
use crate::error::SettingsError;
use crate::estimate::ArrivalUpdate;
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::model::Model;
use crate::model::records::TerminalExpansion;
use crate::model::stage::Terminal;
use crate::model::start::Arrival;
use crate::ocp::instance::PatternOf;
use crate::solution::Solution;

/// How far the Hessian of an arrival cost may be from a multiple of its information, relative to that.
const QUADRATIC: f64 = 1e-9;

/// The parameters with this mean and information; the rest stays. The information is `NX x NX`, of which the first states count.
fn with_arrival<const NX: usize, const NP: usize>(
    arrival: &Arrival,
    params: &SVector<f64, NP>,
    (mean, information): (&SVector<f64, NX>, &SMatrix<f64, NX, NX>),
) -> SVector<f64, NP> {
    let (mut params, n) = (*params, arrival.states);
    for i in 0..n {
        params[arrival.mean + i] = mean[i];
        if arrival.full {
            for j in 0..n {
                params[arrival.information + i * n + j] = information[(i, j)];
            }
        } else {
            params[arrival.information + i] = information[(i, i)];
        }
    }
    params
}

/// The Hessian of the initial cost.
fn hessian<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    (x, params, s): (&SVector<f64, NX>, &SVector<f64, NP>, &SVector<f64, NS>),
) -> SMatrix<f64, NX, NX>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut cost = TerminalExpansion::zeros();
    if M::START.cost {
        model.expand_initial(Terminal::new(x, params, s), &mut cost);
    }
    cost.lxx
}

/// The constant between the Hessian of the arrival cost and the information: 2 for `(x - m)' I (x - m)`. `None` where that
/// Hessian is no multiple of the information.
fn scale<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    arrival: &Arrival,
    (x, params, s): (&SVector<f64, NX>, &SVector<f64, NP>, &SVector<f64, NS>),
) -> Option<f64>
where
    M: Model<NX, NU, NP, NS>,
{
    let n = arrival.states;
    let mut information: SMatrix<f64, NX, NX> = SMatrix::zeros();
    for i in 0..n {
        for j in 0..n {
            // Not the same for all entries, symmetric, and positive definite.
            let entry = if i == j { 1.0 + i as f64 } else { 0.1 };
            information[(i, j)] = if i == j || arrival.full { entry } else { 0.0 };
        }
    }
    let about = |shift: f64| {
        let mean = x.map(|entry| entry + shift);
        hessian(model, (x, &with_arrival(arrival, params, (&mean, &information)), s))
    };
    let without = hessian(model, (x, &with_arrival(arrival, params, (x, &SMatrix::zeros())), s));
    let scale = about(0.0)[(0, 0)];
    // Other free entries may have costs of their own.
    let within = |found: &SMatrix<f64, NX, NX>, most: f64| {
        let mut entries = (0..NX).flat_map(|i| (0..NX).map(move |j| (i, j))).filter(|&(i, j)| i < n || j < n);
        entries.all(|entry| found[entry].abs() <= most)
    };
    let fits = |found: SMatrix<f64, NX, NX>| within(&(found - information * scale), QUADRATIC * scale.abs() * n as f64);
    (scale > 0.0 && fits(about(0.0)) && fits(about(1.0)) && within(&without, 0.0)).then_some(scale)
}

/// How the arrival cost moves.
///
/// # Errors
/// For a model whose initial state is given, or whose initial cost is no arrival cost.
pub(super) fn rule<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    params: &SVector<f64, NP>,
) -> Result<ArrivalRule<NX>, SettingsError>
where
    M: Model<NX, NU, NP, NS>,
{
    if !M::START.is_free() {
        return Err(SettingsError::GivenInitialState);
    }
    let Some(arrival) = &M::START.arrival else { return Ok(ArrivalRule { scale: None, mean: SVector::zeros() }) };
    let mean = SVector::from_fn(|i, _| if i < arrival.states { params[arrival.mean + i] } else { 0.0 });
    let scale = scale(model, arrival, (&mean, params, &SVector::zeros())).ok_or(SettingsError::ArrivalCost)?;
    Ok(ArrivalRule { scale: Some(scale), mean })
}

/// The parameters of the window that begins one stage after this solution, and how its arrival cost came to be.
pub(super) fn params_of_next_window<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    scale: Option<f64>,
    solution: &Solution<NX, NU, NP, NS>,
) -> (SVector<f64, NP>, ArrivalUpdate)
where
    M: Model<NX, NU, NP, NS>,
{
    let Solution { states, params, costates, .. } = solution;
    let (Some(arrival), Some(scale)) = (&M::START.arrival, scale) else { return (*params, ArrivalUpdate::Unchanged) };
    let costate = SVector::from_fn(|i, _| if i < arrival.states { costates[1][i] } else { 0.0 });
    let is_solution = solution.status.is_converged();
    let form = is_solution.then(|| QuadraticForm::of(model, solution, arrival.states)).flatten();
    let found = form.and_then(|form| {
        let mean = states[1] + form.mean(&costate);
        let information = if arrival.full { form.information } else { form.diagonal() } / scale;
        let finite = mean.iter().chain(information.iter()).all(|entry| entry.is_finite());
        let update = if form.lacks_slope(&costate) { ArrivalUpdate::SlopeLost } else { ArrivalUpdate::Moved };
        finite.then_some((mean, information, update))
    });
    if let Some((mean, information, update)) = found {
        return (with_arrival(arrival, params, (&mean, &information)), update);
    }
    let mut params = *params;
    // A window that diverged has no estimate, and the mean stays.
    for i in (0..arrival.states).filter(|&i| states[1][i].is_finite()) {
        params[arrival.mean + i] = states[1][i];
    }
    (params, ArrivalUpdate::MeanOnly)
}

/// The response of the terminal state to its own slope: the inverse Hessian of the optimal cost in it.
pub(super) fn terminal_covariance<K, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &K,
) -> SMatrix<f64, NX, NX>
where
    K: KktSystem<f64, NX, NU>,
    M: Model<NX, NU, NP, NS>,
{
    let horizon = system.horizon();
    let mut covariance = SMatrix::zeros();
    let unit = |t: usize, terms: &mut LinearTerms<f64, NX, NU, NX>| {
        terms.gx = if t == horizon { -SMatrix::identity() } else { SMatrix::zeros() };
        let rows = if t < horizon { system.rows(t).len() } else { system.terminal_rows().len() };
        terms.rows.resize(rows, SVector::zeros());
    };
    system.solve::<PatternOf<M, NP, NS>, NX, false>(&mut system.linear(), unit, |t, step| {
        if t == horizon {
            covariance = *step.dx;
        }
    });
    covariance
}
