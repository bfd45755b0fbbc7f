//! Why a solve has diverged: the first function of the model that is not finite along the returned trajectory. Or why it is
//! infeasible: the limit that the trajectory violates most.
//!
//! The solver's own tests look at sums. This search runs once, after a solve that failed, and evaluates function by function.

use nalgebra::{SMatrix, SVector};

use crate::cause::{Cause, ModelFunction};
use crate::kkt::report::LimitNames;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::rows::Limit;
use crate::model::stage::{Stage, Terminal};

use crate::ocp::constraints::{Violation, constraints_along, is_enforced_at, is_open, violation};
use crate::ocp::instance::{OcpInstance, PenaltyRecord};
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::settings::Hessian;
use crate::solve::backward_pass::StageWorkspace;

/// The cause of a divergence. `records` are memory.
pub(crate) fn find_cause<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    trajectory: &Trajectory<f64, NX, NU>,
    hessian: Hessian,
    records: &mut StageWorkspace<f64, NX, NU>,
) -> Cause
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = trajectory.controls.len();
    let values = (0..=horizon).find_map(|t| value_at(instance, trajectory, t).map(|found| (t, found)));
    // A row that is not active may have no derivative. It is the cause if nothing else is.
    let derivatives = || {
        let mut places = [false, true].into_iter().flat_map(|all| (0..=horizon).rev().map(move |t| (t, all)));
        places.find_map(|place| {
            derivative_at(instance, trajectory, hessian, records, place).map(|found| (place.0, found))
        })
    };
    match values.or_else(derivatives) {
        Some((stage, (ModelFunction::Dynamics, _))) if !is_step_positive(instance, trajectory, stage) => {
            Cause::TimeStep { stage }
        }
        Some((stage, (function, entry))) => non_finite(const { &M::LIMITS }, function, stage, entry),
        None => Cause::Overflow,
    }
}

/// Whether the time step of stage `t` is positive.
fn is_step_positive<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    trajectory: &Trajectory<f64, NX, NU>,
    t: usize,
) -> bool
where
    M: Model<NX, NU, NP, NS>,
{
    let OcpInstance { model, params, stage_params, .. } = instance;
    model.time_step(Stage::new(&trajectory.states[t], &trajectory.controls[t], params, &stage_params[t])) > 0.0
}

/// The cause that a solve is infeasible. `rows` are the magnitudes of the constraints.
pub(crate) fn most_violated<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    trajectory: &Trajectory<f64, NX, NU>,
    rows: &[f64],
) -> Cause
where
    M: Model<NX, NU, NP, NS>,
{
    let (horizon, limits) = (trajectory.controls.len(), const { &M::LIMITS });
    let along = constraints_along(&trajectory.constraints, horizon, limits);
    let Violation { stage, index, .. } = violation(along, (horizon, limits), rows);
    let names = LimitNames::of::<M, NX, NU, NP, NS>(horizon);
    let (stage, limit) = names.name(stage, ConstraintId::Constraint(index));
    Cause::Violated { limit, stage }
}

/// The cause that an entry of a function is not finite. Constraints have the indices that they have for the user, and limits of
/// other kinds their names.
fn non_finite(limits: &Limits, function: ModelFunction, stage: usize, entry: usize) -> Cause {
    let limit = match function {
        ModelFunction::StageConstraints => limits.stage_limit(entry),
        ModelFunction::TerminalConstraints => limits.terminal_limit(entry),
        // Behind their first derivatives stand second ones, of all together.
        ModelFunction::StageConstraintDerivatives if entry < limits.listed() => limits.stage_limit(entry),
        ModelFunction::TerminalConstraintDerivatives if entry < limits.terminal() => limits.terminal_limit(entry),
        _ => return Cause::NonFinite { function, stage, entry },
    };
    match limit {
        Limit::Constraint { index } => Cause::NonFinite { function, stage, entry: index },
        limit => Cause::NonFiniteLimit { limit, stage },
    }
}

/// The first value at stage `t` that is not finite.
fn value_at<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    trajectory: &Trajectory<f64, NX, NU>,
    t: usize,
) -> Option<(ModelFunction, usize)>
where
    M: Model<NX, NU, NP, NS>,
{
    let OcpInstance { model, params, stage_params, .. } = instance;
    let Trajectory { states, controls, constraints } = trajectory;
    let (horizon, limits) = (controls.len(), const { &M::LIMITS });
    let c = &constraints[at_stage(constraints, t, horizon, limits)];
    if t == horizon {
        let cost = model.terminal_cost(Terminal::new(&states[t], params, &stage_params[t]));
        let bad = |&i: &usize| !c[i].is_finite() && !is_open(i < limits.terminal_inequalities, c[i]);
        let constraint = || (0..c.len()).find(bad).map(|i| (ModelFunction::TerminalConstraints, i));
        return at(ModelFunction::TerminalCost, &[cost]).or_else(constraint);
    }
    let mut next = SVector::zeros();
    let at_stage = Stage::new(&states[t], &controls[t], params, &stage_params[t]);
    let cost = stage_functions::step((*model, t), at_stage, &mut next);
    at(ModelFunction::Dynamics, next.as_slice()).or_else(|| at(ModelFunction::StageCost, &[cost])).or_else(|| {
        let open = |i: usize| is_open(limits.is_inequality(i), c[i]);
        let bad = |&i: &usize| is_enforced_at(limits, t, i) && !c[i].is_finite() && !open(i);
        (0..c.len()).find(bad).map(|i| (ModelFunction::StageConstraints, i))
    })
}

/// The first derivative at stage `t` that is not finite. Of the constraints `all` count, or equalities and inequalities without a
/// margin.
///
/// The costate is zero here. A second derivative of the dynamics that is not finite makes the Hessian NaN all the same, since
/// zero times infinity is NaN.
fn derivative_at<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    trajectory: &Trajectory<f64, NX, NU>,
    hessian: Hessian,
    records: &mut StageWorkspace<f64, NX, NU>,
    (t, all): (usize, bool),
) -> Option<(ModelFunction, usize)>
where
    M: Model<NX, NU, NP, NS>,
{
    let OcpInstance { model, params, stage_params, .. } = instance;
    let Trajectory { states, controls, constraints } = trajectory;
    let limits = const { &M::LIMITS };
    let c = &constraints[at_stage(constraints, t, controls.len(), limits)];
    if t == controls.len() {
        let place = Terminal::new(&states[t], params, &stage_params[t]);
        let counts = |i: usize| all || i >= limits.terminal_inequalities || c[i] >= 0.0;
        return terminal_derivative(*model, place, records, counts);
    }
    let counts = |i: usize| is_enforced_at(limits, t, i) && (all || !limits.is_inequality(i) || c[i] >= 0.0);
    let place = Stage::new(&states[t], &controls[t], params, &stage_params[t]);
    let found = match hessian {
        Hessian::Exact => {
            // Penalties were added to what the kernel leaves alone.
            records.hamiltonian = HamiltonianExpansion::zeros();
            stage_functions::expand_hamiltonian((*model, t), place, &SVector::zeros(), &mut records.hamiltonian);
            let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &records.hamiltonian;
            stage_derivative(fx, fu, (lx, lu), (hxx, hux, huu))
        }
        Hessian::GaussNewton => {
            records.stage = StageExpansion::zeros();
            stage_functions::expand_stage((*model, t), place, &mut records.stage);
            let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = &records.stage;
            stage_derivative(fx, fu, (lx, lu), (lxx, lux, luu))
        }
    };
    if found.is_some() || limits.listed() == 0 {
        return found;
    }
    let PenaltyRecord { multipliers, expansion } = &mut records.constraints;
    set_ones(multipliers, counts);
    let mut of_initial = ConstraintExpansion::zeros(limits.initial());
    stage_functions::expand_stage_constraints((*model, t), place, multipliers, expansion, &mut of_initial);
    constraint_derivative(expansion, counts).map(|entry| (ModelFunction::StageConstraintDerivatives, entry))
}

fn terminal_derivative<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    place: Terminal<'_, f64, NX, NP, NS>,
    records: &mut StageWorkspace<f64, NX, NU>,
    counts: impl Fn(usize) -> bool,
) -> Option<(ModelFunction, usize)>
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    records.terminal = TerminalExpansion::zeros();
    model.expand_terminal(place, &mut records.terminal);
    let TerminalExpansion { lx, lxx, .. } = &records.terminal;
    let found = at(ModelFunction::TerminalCostGradient, lx.as_slice())
        .or_else(|| bad_row(lxx).map(|row| (ModelFunction::TerminalCostHessian, row)));
    if found.is_some() || limits.terminal() == 0 {
        return found;
    }
    let PenaltyRecord { multipliers, expansion } = &mut records.terminal_constraints;
    set_ones(multipliers, &counts);
    model.expand_terminal_constraints(place, multipliers, expansion);
    constraint_derivative(expansion, counts).map(|entry| (ModelFunction::TerminalConstraintDerivatives, entry))
}

fn stage_derivative<const NX: usize, const NU: usize>(
    fx: &SMatrix<f64, NX, NX>,
    fu: &SMatrix<f64, NX, NU>,
    (lx, lu): (&SVector<f64, NX>, &SVector<f64, NU>),
    (hxx, hux, huu): (&SMatrix<f64, NX, NX>, &SMatrix<f64, NU, NX>, &SMatrix<f64, NU, NU>),
) -> Option<(ModelFunction, usize)> {
    let jacobian = || bad_row(fx).or_else(|| bad_row(fu)).map(|row| (ModelFunction::DynamicsJacobian, row));
    let gradient = || {
        let entry = bad_row(lx).or_else(|| bad_row(lu).map(|j| NX + j));
        entry.map(|entry| (ModelFunction::StageCostGradient, entry))
    };
    let hessian = || {
        let row = bad_row(hxx).or_else(|| bad_row(hux).or_else(|| bad_row(huu)).map(|j| NX + j));
        row.map(|row| (ModelFunction::StageHessian, row))
    };
    jacobian().or_else(gradient).or_else(hessian)
}

/// A multiplier of one for each constraint that counts, and of zero for others.
fn set_ones(multipliers: &mut [f64], counts: impl Fn(usize) -> bool) {
    multipliers.iter_mut().enumerate().for_each(|(i, multiplier)| *multiplier = f64::from(counts(i)));
}

fn constraint_derivative<const NX: usize, const NU: usize>(
    expansion: &ConstraintExpansion<f64, NX, NU>,
    counts: impl Fn(usize) -> bool,
) -> Option<usize> {
    let ConstraintExpansion { cx, cu, hxx, hux, huu, .. } = expansion;
    let is_bad = |i: usize| bad_row(&cx[i]).is_some() || bad_row(&cu[i]).is_some();
    let first = (0..cx.len()).find(|&i| counts(i) && is_bad(i));
    let second = bad_row(hxx).or_else(|| bad_row(hux)).or_else(|| bad_row(huu)).map(|_| cx.len());
    first.or(second)
}

fn at(function: ModelFunction, values: &[f64]) -> Option<(ModelFunction, usize)> {
    values.iter().position(|value| !value.is_finite()).map(|entry| (function, entry))
}

/// The first row with a number that is not finite.
fn bad_row<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> Option<usize> {
    (0..R).find(|&row| matrix.row(row).iter().any(|value| !value.is_finite()))
}
