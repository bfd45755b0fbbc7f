//! Intervals between bounds: at the start of a solve each of them must have a point.
//!
//! Bounds that are rows of constraints are read from the constraints at `x = 0`, `u = 0`, where `value - upper` is `-upper` and
//! `lower - value` is `lower`.

use nalgebra::SVector;

use crate::error::SolveError;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::rows::{Names, Row, Variable};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::constraints::is_enforced_at;

/// Whether the sides of any bound among the last `inequalities` are known before a solve.
const fn any_known(rows: &[Row], inequalities: usize) -> bool {
    assert!(rows.len() <= inequalities, "`Limits` has a row for each of the last inequalities");
    let mut i = 0;
    while i < rows.len() {
        if matches!(rows[i], Row::Bound { known: true, .. }) {
            return true;
        }
        i += 1;
    }
    false
}

/// Checks that no lower bound is above its upper one, and that bounds are numbers. `memory` has room for the constraints of a
/// stage, of the initial or of the terminal state.
pub(crate) fn check_intervals<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    (params, stage_params): (&SVector<f64, NP>, &[SVector<f64, NS>]),
    horizon: usize,
    memory: &mut [f64],
) -> Result<(), SolveError>
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let bounds = Bounds::of(model, params);
    let check = Intervals { bounds: &bounds, names: &limits.names };
    for control in 0..NU {
        check.interval(Variable::ControlEntry(control), None, (bounds.lower[control], bounds.upper[control]))?;
    }
    let (x, u, none) = (SVector::zeros(), SVector::zeros(), SVector::zeros());
    let at = |t: usize| stage_params.get(t).unwrap_or(&none);
    if const { any_known(M::LIMITS.stage_rows, M::LIMITS.stage_inequalities) } {
        // Without parameters of the stages all of them from the second one on are the same.
        for t in 0..if NS > 0 { horizon } else { horizon.min(2) } {
            model.stage_constraints(Stage::new(&x, &u, params, at(t)), &mut memory[..limits.stage()]);
            let first = limits.stage_inequalities - limits.stage_rows.len();
            let is_enforced = |row: usize| is_enforced_at(limits, t, first + row);
            check.rows((limits.stage_rows, Some(t)), &memory[first..], is_enforced)?;
        }
    }
    if const { any_known(M::LIMITS.initial_rows, M::LIMITS.initial_inequalities) } {
        model.initial_constraints(Terminal::new(&x, params, at(0)), &mut memory[..limits.initial()]);
        let first = limits.initial_inequalities - limits.initial_rows.len();
        check.rows((limits.initial_rows, None), &memory[first..], |_| true)?;
    }
    if const { any_known(M::LIMITS.terminal_rows, M::LIMITS.terminal_inequalities) } {
        model.terminal_constraints(Terminal::new(&x, params, at(horizon)), &mut memory[..limits.terminal()]);
        let first = limits.terminal_inequalities - limits.terminal_rows.len();
        check.rows((limits.terminal_rows, Some(horizon)), &memory[first..], |_| true)?;
    }
    Ok(())
}

/// The check of intervals of one model and its parameters.
struct Intervals<'a, const NU: usize> {
    bounds: &'a Bounds<f64, NU>,
    names: &'a Names,
}

impl<const NU: usize> Intervals<'_, NU> {
    /// Checks the bounds among `rows`, which have the values `c`. Only known sides of enforced rows are read.
    fn rows(
        &self,
        (rows, stage): (&[Row], Option<usize>),
        c: &[f64],
        is_enforced: impl Fn(usize) -> bool,
    ) -> Result<(), SolveError> {
        for (i, row) in rows.iter().enumerate() {
            let Row::Bound { variable, known: true, .. } = *row else { continue };
            let mut interval = match variable {
                // The other side of a control may be a bound over the parameters.
                Variable::ControlEntry(control) => (self.bounds.lower[control], self.bounds.upper[control]),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            };
            for side in i.saturating_sub(1)..(i + 2).min(rows.len()) {
                match rows[side] {
                    Row::Bound { variable: of, upper, known: true } if of == variable && is_enforced(side) => {
                        if upper {
                            // Not `-c`, which makes -0 of 0.
                            interval.1 = 0.0 - c[side];
                        } else {
                            interval.0 = c[side];
                        }
                    }
                    _ => {}
                }
            }
            self.interval(variable, stage, interval)?;
        }
        Ok(())
    }

    fn interval(&self, variable: Variable, stage: Option<usize>, (lower, upper): (f64, f64)) -> Result<(), SolveError> {
        let name = self.names.of(variable);
        // Infinite only on its own side.
        if lower.is_nan() || upper.is_nan() || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
            return Err(SolveError::UndefinedBound { variable, name, stage, lower, upper });
        }
        if lower > upper {
            return Err(SolveError::BoundsReversed { variable, name, stage, lower, upper });
        }
        Ok(())
    }
}
