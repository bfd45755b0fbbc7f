//! The arrival cost of moving-horizon estimation: what the stages before a window say of its first state.
//!
//! A window that moves on by one stage drops its first one. The cost of that stage and the arrival cost before it, as a
//! function of the next state alone, is the new arrival cost. To second order about the solution it is a quadratic form
//! (the filter update with smoothed points; Robertson, Lee and Rawlings 1996, Rao, Rawlings and Mayne 2003):
//!
//! ```text
//! J   = l0_xx + l_xx - l_xu l_uu^-1 l_ux       K = -l_uu^-1 l_ux
//! P   = (fx + fu K) J^-1 (fx + fu K)' + fu l_uu^-1 fu'
//! m   = x_1 + P lambda_1
//! ```
//!
//! with the Hessians of the costs alone. The mean follows from stationarity: the slope of the old cost in `x_1` is
//! `-lambda_1`, as the window's other stages balance it.

use nalgebra::{SMatrix, SVector};

use crate::engine::{ArrivalRule, FirstEstimate};
use crate::error::{SettingsError, SolveError};
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::linalg::ldl::Ldl;
use crate::model::Model;
use crate::model::records::{StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::model::start::Arrival;
use crate::ocp::instance::PatternOf;
use crate::problem::Problem;
use crate::scalar::float;
use crate::solution::Solution;

/// Newton steps to a first estimate, and halvings of each.
const STEPS: usize = 100;
const HALVINGS: i32 = 40;

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
    let fits = |found: SMatrix<f64, NX, NX>| {
        (found - information * scale).iter().all(|difference| difference.abs() <= QUADRATIC * scale.abs() * n as f64)
    };
    (scale > 0.0 && fits(about(0.0)) && fits(about(1.0)) && without.iter().all(|entry| *entry == 0.0)).then_some(scale)
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

/// `a^-1` on the entries in `kept`, zero elsewhere; `None` where `a` is not positive definite there.
fn inverse_of_block<const N: usize>(
    a: &SMatrix<f64, N, N>,
    kept: impl Fn(usize) -> bool,
) -> Option<SMatrix<f64, N, N>> {
    let diagonal = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let block = SMatrix::from_fn(|i, j| if kept(i) && kept(j) { a[(i, j)] } else { diagonal(i, j) });
    let mut factors = Ldl::zeros();
    if !factors.factor(&block) {
        return None;
    }
    let mut inverse = SMatrix::from_fn(|i, j| if kept(i) { diagonal(i, j) } else { 0.0 });
    factors.solve(&mut inverse);
    Some(inverse)
}

/// The parameters of the window that begins one stage after this solution. Where the first stage does not determine the
/// arrival cost, the information stays and the mean is the next state.
pub(super) fn params_of_next_window<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    scale: Option<f64>,
    solution: &Solution<NX, NU, NP, NS>,
) -> SVector<f64, NP>
where
    M: Model<NX, NU, NP, NS>,
{
    let Solution { states, params, costates, .. } = solution;
    let (Some(arrival), Some(scale)) = (&M::START.arrival, scale) else { return *params };
    let found = covariance_of_next(model, solution).and_then(|covariance| {
        let mean = states[1] + covariance * costates[1];
        let kept = |i: usize| i < arrival.states;
        let mut information = if arrival.full {
            inverse_of_block(&covariance, kept)?
        } else {
            SMatrix::from_fn(|i, j| if i == j && kept(i) { 1.0 / covariance[(i, i)] } else { 0.0 })
        };
        information /= scale;
        let finite = mean.iter().chain(information.iter()).all(|entry| entry.is_finite());
        finite.then_some((mean, information))
    });
    match found {
        Some((mean, information)) => with_arrival(arrival, params, (&mean, &information)),
        None => {
            let mut params = *params;
            for i in 0..arrival.states {
                params[arrival.mean + i] = states[1][i];
            }
            params
        }
    }
}

/// `P`, the covariance of the second state by the arrival cost and the first stage.
fn covariance_of_next<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP, NS>,
) -> Option<SMatrix<f64, NX, NX>>
where
    M: Model<NX, NU, NP, NS>,
{
    let Solution { states, controls, params, stage_params, .. } = solution;
    let (x, s) = (&states[0], &stage_params[0]);
    let mut stage = StageExpansion::zeros();
    model.expand_stage(Stage::new(x, &controls[0], params, s), &mut stage);
    let StageExpansion { fx, fu, lxx, lux, luu, .. } = stage;
    let noise = inverse_of_block(&luu, |_| true)?;
    let gain = -noise * lux;
    let information = hessian(model, (x, params, s)) + lxx + lux.transpose() * gain;
    let covariance = inverse_of_block(&information, |i| M::START.free[i])?;
    let closed = fx + fu * gain;
    Some(closed * covariance * closed.transpose() + fu * noise * fu.transpose())
}

/// The state that the first measurement and the arrival cost of a problem determine, by Newton's method from its initial state,
/// and its covariance. `None` where the sum of the two has no minimum that steps find. Limits are not enforced, but checked.
pub(super) fn first_estimate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    problem: &Problem<NX, NU, NP, NS>,
    tolerance: f64,
) -> Result<Option<FirstEstimate<NX, 0>>, SolveError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut memory = vec![0.0; const { M::LIMITS.listed() + M::LIMITS.terminal() }];
    problem.check_limits(model, problem.horizon(), &mut memory)?;
    Ok(newton_estimate(model, problem, tolerance))
}

/// The state of a [`first_estimate`].
fn newton_estimate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    problem: &Problem<NX, NU, NP, NS>,
    tolerance: f64,
) -> Option<FirstEstimate<NX, 0>>
where
    M: Model<NX, NU, NP, NS>,
{
    let none = SVector::zeros();
    let s = problem.stage_params().first().unwrap_or(&none);
    let evaluate = |x: &SVector<f64, NX>| {
        let at = Terminal::new(x, problem.params(), s);
        let (mut end, mut start) = (TerminalExpansion::zeros(), TerminalExpansion::zeros());
        model.expand_terminal(at, &mut end);
        if M::START.cost {
            model.expand_initial(at, &mut start);
        }
        TerminalExpansion { l: end.l + start.l, lx: end.lx + start.lx, lxx: end.lxx + start.lxx }
    };
    let covariance = |here: &TerminalExpansion<f64, NX>| inverse_of_block(&here.lxx, |i| M::START.free[i]);
    let mut x = *problem.x0();
    let mut here = evaluate(&x);
    for _ in 0..STEPS {
        let step = -covariance(&here)? * here.lx;
        let change = step.iter().zip(x.iter()).map(|(step, x)| step.abs() / (x + step).abs().max(x.abs()));
        let settled = change.filter(|change| !change.is_nan()).fold(0.0, f64::max) <= tolerance;
        // Where the cost no longer resolves the decrease, the whole step is taken.
        let unresolved = here.lx.dot(&step).abs() <= f64::EPSILON * here.l.abs();
        let lengths = (0..HALVINGS).map(|k| float::f64::powi(0.5, k));
        let found = lengths
            .map(|length| x + step * length)
            .map(|x| (x, evaluate(&x)))
            .find(|(_, there)| there.l.is_finite() && (settled || unresolved || there.l < here.l));
        (x, here) = found?;
        if settled {
            let covariance = covariance(&here)?;
            return Some(FirstEstimate { state: x, design: SVector::zeros(), covariance, cost: here.l });
        }
    }
    None
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
