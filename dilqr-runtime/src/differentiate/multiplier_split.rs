//! Two sets of multipliers of rows that depend on one another.
//!
//! Where active rows are linear combinations of others, their multipliers are not unique. Each set gives the Lagrangian
//! another Hessian. The derivative of the trajectory is the same with all of them where the rows stay combinations of the
//! others in the neighborhood (constant rank; Janin, *Directional derivative of the marginal function in nonlinear
//! programming*, 1984). Where it is not, as for two circles that touch, the derivative does not exist or depends on which
//! rows the solution follows.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::differentiate::active_row::ActiveRow;
use crate::differentiate::candidate::Candidate;
use crate::differentiate::tangents::{EnforcedRows, Tangents};
use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::KktSystem;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::selection::Selection;
use crate::kkt::units::LimitUnits;
use crate::linalg::products::zeros;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::TrajectoryRef;

/// A change of costates and multipliers that keeps the Lagrangian stationary.
struct Change<const NX: usize> {
    /// `T + 1` vectors.
    costates: Vec<SVector<f64, NX>>,
    /// Stage after stage, then those of the terminal state.
    multipliers: Vec<f64>,
}

/// Whether the derivatives of the trajectory are the same with the multipliers of the candidate and with others, whose
/// difference is a combination of rows that is zero. `rows` are those that the factorization has left out.
pub(super) fn splits_agree<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (system, memory): (&ActiveSet<f64, NX, NU>, &mut ActiveSetLinear<f64, NX, NU, 1>),
    candidate: &Candidate<'_, M, NX, NU, NP, NS>,
    rows: &[ActiveRow<NX, NU>],
    (units, step): (&LimitUnits, f64),
) -> bool
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let Candidate { model, method, point, .. } = candidate;
    let mut change = Change::new((system, memory), rows, (units, limits));
    let horizon = system.horizon();
    let unit = |index: usize| match index.checked_sub(horizon * limits.listed()) {
        Some(i) => units.rows[limits.listed() + i],
        None => units.rows[index % limits.listed()],
    };
    let largest = change.multipliers.iter().enumerate().map(|(i, change)| change.abs() * unit(i)).fold(0.0, f64::max);
    if largest == 0.0 {
        // Bounds alone are concerned, and they have no curvature.
        return true;
    }
    // As large as the cost, so that its effect is not lost in rounding errors.
    let scale = cost_unit(system, point, units) / largest;
    let other = |now: f64, change: f64| now + scale * change;
    for (change, now) in change.costates.iter_mut().zip(system.costates()) {
        *change = now.zip_map(change, other);
    }
    let now = point.multipliers.stage.iter().chain(point.multipliers.terminal);
    for (change, &now) in change.multipliers.iter_mut().zip(now) {
        *change = other(now, *change);
    }
    let (stage, terminal) = change.multipliers.split_at(point.multipliers.stage.len());
    let multipliers = MultipliersRef { stage, terminal };
    let moved = TrajectoryRef { multipliers, costates: Some(&change.costates), ..*point };
    let candidate_moved = Candidate { point: moved, ..*candidate };

    let mut other = system.clone();
    other.selection = Selection::exactly(system.enforced(), (horizon, NU), limits);
    let (rule, mut report) = ((*method, ActiveSetRule::PositiveMultiplier), ActiveSetReport::NONE);
    other.factorize(*model, moved, rule, &mut report).is_ok()
        && derivatives_agree((system, candidate), (&other, &candidate_moved), step)
}

/// The unit of the cost: that of its slopes, or that of its curvature where all slopes are zero.
fn cost_unit<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &ActiveSet<f64, NX, NU>,
    point: &TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    units: &LimitUnits,
) -> f64 {
    let magnitudes = Magnitudes::of(point.states, point.controls).controls;
    let mut largest = units.cost();
    for stage in &system.stages {
        for (j, &magnitude) in magnitudes.iter().enumerate() {
            let curvature = stage.curvature[(j, j)] * magnitude * magnitude;
            if curvature.is_finite() {
                largest = largest.max(curvature);
            }
        }
    }
    if largest > 0.0 { largest } else { 1.0 }
}

/// Whether two factorizations give the same derivatives of the trajectory in all data.
fn derivatives_agree<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (a, at_a): (&ActiveSet<f64, NX, NU>, &Candidate<'_, M, NX, NU, NP, NS>),
    (b, at_b): (&ActiveSet<f64, NX, NU>, &Candidate<'_, M, NX, NU, NP, NS>),
    step: f64,
) -> bool
where
    M: Model<NX, NU, NP, NS>,
{
    let stages = if NS == 0 { 0 } else { a.horizon() + 1 };
    let rows = EnforcedRows::of(a, at_a);
    let TrajectoryRef { states, controls, params, stage_params, .. } = at_a.point;
    let sizes = Magnitudes::of(states, controls);
    let agree_in_weights = || {
        let of = Tangents::in_weights(a, at_a, &rows);
        // The magnitudes of the weights are not known: no difference counts as their rounding error.
        of.agree(&Tangents::in_weights(b, at_b, &rows), (&sizes, &SVector::zeros()), step)
    };
    Tangents::in_params(a, at_a, &rows).agree(&Tangents::in_params(b, at_b, &rows), (&sizes, params), step)
        && Tangents::in_initial_state(a).agree(&Tangents::in_initial_state(b), (&sizes, &states[0]), step)
        && (at_a.model.weight_count() == 0 || agree_in_weights())
        && (0..stages).all(|t| {
            let of_a = Tangents::in_stage_params(a, at_a, (&rows, t));
            of_a.agree(&Tangents::in_stage_params(b, at_b, (&rows, t)), (&sizes, &stage_params[t]), step)
        })
}

impl<const NX: usize> Change<NX> {
    /// One that involves all `rows`: these receive multipliers of their own, which those of the factorization balance.
    fn new<const NU: usize>(
        (system, memory): (&ActiveSet<f64, NX, NU>, &mut ActiveSetLinear<f64, NX, NU, 1>),
        rows: &[ActiveRow<NX, NU>],
        (units, limits): (&LimitUnits, &Limits),
    ) -> Self {
        let horizon = system.horizon();
        let mut multipliers = vec![0.0; horizon * limits.listed() + limits.terminal()];
        let mut costates = vec![zeros(); horizon + 1];
        let (mut gx, mut gu) = (vec![zeros(); horizon + 1], vec![zeros(); horizon]);
        for (n, row) in rows.iter().enumerate() {
            // Of different sizes, so that combinations do not cancel.
            let unit = row_unit((row.stage, row.source), units, limits, horizon);
            let weight = (1.0 + (n % 7) as f64 / 8.0) / unit;
            gx[row.stage] += row.cx * weight;
            if row.stage < horizon {
                gu[row.stage] += row.cu * weight;
            }
            if let ConstraintId::Constraint(i) = row.source {
                multipliers[row.stage * limits.listed() + i] += weight;
            }
        }
        let initial = system.solve_with_rows(
            memory,
            &mut |t, terms| {
                let count = if t < horizon { system.rows(t).len() } else { system.terminal_rows().len() };
                terms.gx = gx[t];
                if t < horizon {
                    terms.gu = gu[t];
                }
                terms.rows.resize(count, zeros());
            },
            &mut |t, step| {
                if t == horizon {
                    for (&i, multiplier) in system.terminal_rows().iter().zip(step.rows) {
                        multipliers[horizon * limits.listed() + i] += multiplier[0];
                    }
                    return;
                }
                costates[t + 1] = *step.dlambda;
                for (row, multiplier) in system.rows(t).iter().zip(step.rows) {
                    if let ConstraintId::Constraint(i) = *row {
                        multipliers[t * limits.listed() + i] += multiplier[0];
                    }
                }
            },
        );
        costates[0] = initial;
        Self { costates, multipliers }
    }
}

/// The magnitude of a limit, 1 where it has none.
fn row_unit((stage, source): (usize, ConstraintId), units: &LimitUnits, limits: &Limits, horizon: usize) -> f64 {
    let unit = match source {
        ConstraintId::Bound(i, _) => units.controls[i].0,
        ConstraintId::Constraint(i) if stage == horizon => units.rows[limits.listed() + i],
        ConstraintId::Constraint(i) => units.rows[i],
    };
    if unit > 0.0 { unit } else { 1.0 }
}
