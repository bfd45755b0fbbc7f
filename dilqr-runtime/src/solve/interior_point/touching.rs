//! Bounds whose sides touch. An interval of one point has no interior for a barrier. So the first of its two rows is an equality in
//! this method, and the second one is absent. At the end the row whose sign fits takes the multiplier.

use nalgebra::SVector;

use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::rows::Row;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::constraints::{ConstraintKind, ConstraintPlace};
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::Penalty;

/// Whether there are bounds with two known sides among the rows.
const fn any_interval(rows: &[Row]) -> bool {
    let mut i = 1;
    while i < rows.len() {
        if let (Row::Bound { known: true, .. }, Row::Bound { known: true, .. }) = (&rows[i - 1], &rows[i]) {
            return true;
        }
        i += 1;
    }
    false
}

/// Changes the kinds of rows whose sides touch: `rows` are the last of the inequalities, with the values `c` at `x = 0`, `u = 0`,
/// where they are the sides.
fn join_rows(rows: &[Row], c: &[f64], kinds: &mut [ConstraintKind]) {
    for i in 1..rows.len() {
        let (Row::Bound { variable: a, known: true, .. }, Row::Bound { variable: b, known: true, .. }) =
            (rows[i - 1], rows[i])
        else {
            continue;
        };
        let both = kinds[i - 1] == ConstraintKind::Inequality && kinds[i] == ConstraintKind::Inequality;
        if a == b && both && c[i - 1] == -c[i] {
            (kinds[i - 1], kinds[i]) = (ConstraintKind::Equality, ConstraintKind::Absent);
        }
    }
}

/// Changes the kinds of all rows whose sides touch. `memory` has room for the constraints of a stage.
pub(super) fn join_touching<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
    kinds: &mut [ConstraintKind],
    memory: &mut [f64],
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let OcpInstance { model, params, stage_params, .. } = *instance;
    let (x, u, none) = (SVector::zeros(), SVector::zeros(), SVector::zeros());
    let at = |t: usize| stage_params.get(t).unwrap_or(&none);
    let (stages, terminal) = kinds.split_at_mut(kinds.len() - limits.terminal());
    let horizon = stages.len() / limits.listed().max(1);
    if const { any_interval(M::LIMITS.stage_rows) } {
        let first = limits.stage_inequalities - limits.stage_rows.len();
        for (t, kinds) in stages.chunks_exact_mut(limits.listed()).enumerate() {
            model.stage_constraints(Stage::new(&x, &u, params, at(t)), &mut memory[..limits.stage()]);
            join_rows(limits.stage_rows, &memory[first..], &mut kinds[first..]);
        }
    }
    if const { any_interval(M::LIMITS.initial_rows) } {
        let first = limits.initial_inequalities - limits.initial_rows.len();
        model.initial_constraints(Terminal::new(&x, params, at(0)), &mut memory[..limits.initial()]);
        join_rows(limits.initial_rows, &memory[first..], &mut stages[limits.stage() + first..]);
    }
    if const { any_interval(M::LIMITS.terminal_rows) } {
        let first = limits.terminal_inequalities - limits.terminal_rows.len();
        model.terminal_constraints(Terminal::new(&x, params, at(horizon)), &mut memory[..limits.terminal()]);
        join_rows(limits.terminal_rows, &memory[first..], &mut terminal[first..]);
    }
}

/// Gives each negative multiplier of a joined row to the row after it, the other side.
pub(super) fn split_multipliers(
    kinds: &[ConstraintKind],
    (limits, horizon): (&Limits, usize),
    penalty: &mut Penalty<f64>,
) {
    for (index, _) in kinds.iter().enumerate().filter(|(_, kind)| **kind == ConstraintKind::Equality) {
        let multiplier = *penalty.at_mut(index);
        if multiplier < 0.0 && ConstraintPlace::of(limits, horizon, index).inequality {
            *penalty.at_mut(index) = 0.0;
            *penalty.at_mut(index + 1) = -multiplier;
        }
    }
}
