//! Limits that are terms of the cost, in the LQ problem about a trajectory: barriers of a relaxed problem, penalties of an
//! augmented Lagrangian.
//!
//! A term adds its weight and its curvature to the Hessian, and its multiplier to the gradients. The linear part of a Newton
//! step has the multiplier that the term's equation asks for at the trajectory.

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::lagrangian::{LagrangianGradients, is_finite_curvature};
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::kkt::penalties::{Penalties, PenaltyTerm};
use crate::kkt::report::ActiveSetReport;
use crate::kkt::units::measure_terminal_excesses;
use crate::linalg::products::{larger, zeros};
use crate::lq::equality_constrained::{ConstraintId, Row, Units};
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::records::HamiltonianExpansion;
use crate::ocp::constraints::{is_enforced_at, is_open};
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// Writes the multipliers that a Newton step about the factorized trajectory sets, of constraints that have a term. Of a value
    /// `c` next to its terms a multiplier `m + w c` has few digits; these have all.
    pub(crate) fn step_multipliers(&self, memory: &mut ActiveSetLinear<S, NX, NU, 1>, multipliers: &mut [S]) {
        let Some(penalties) = &self.penalties else { return };
        let mut terms = |t: usize, terms: &mut LinearTerms<S, NX, NU, 1>| self.add_newton_terms(t, terms);
        self.solve_with_rows(memory, &mut terms, &mut |t, step| {
            let (constraints, _) = penalties.split(t, step.penalties);
            for (i, term, _) in penalties.terms(t).filter(|(i, ..)| *i < constraints.len()) {
                multipliers[t * self.limits.listed() + i] = term.base() + constraints[i][0];
            }
        });
    }

    /// Adds the terms of stage `t`, if limits are terms. Their derivatives are in the record, and their curvature is in the Hessian
    /// already. A term at its kink that the selection leaves out has no weight.
    pub(super) fn add_penalties<const NP: usize, const NS: usize>(
        &mut self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        gradients: &mut LagrangianGradients<S, NX, NU>,
        report: &mut ActiveSetReport,
    ) {
        let Self { penalties, limits, hamiltonian, expansion, newton, row_units: units, selection, .. } = self;
        let Some(penalties) = penalties else { return };
        penalties.hessians[t].clone_from(hamiltonian);
        let HamiltonianExpansion { hxx, hux, huu, .. } = hamiltonian;
        penalties.set_bounds(t, &point.controls[t], |i, side, term| {
            let (multiplier, direction) = (term.multiplier, side.direction::<S>());
            gradients.gu[i] += direction * multiplier;
            gradients.terms[i] += multiplier.abs();
            huu[(i, i)] += term.weight;
            newton.gu[t][i] += direction * term.base();
            report.complementarity = larger(report.complementarity, term.complementarity);
        });
        let ConstraintExpansion { c, cx, cu, .. } = &*expansion;
        for i in (0..limits.listed()).filter(|&i| is_enforced_at(limits, t, i)) {
            let row = Row { x: cx[i], u: cu[i] };
            let inequality = limits.is_inequality(i);
            if !penalties.takes(inequality) {
                penalties.set_row((t, i), row);
                continue;
            }
            let place = (t, i, i);
            let Some(term) = report_term((penalties, report, units), point, place, (inequality, c[i], row)) else {
                continue;
            };
            gradients.add(&cx[i], &cu[i], term.multiplier);
            add_base(&mut newton.gx[t], &cx[i], &term);
            add_base(&mut newton.gu[t], &cu[i], &term);
            if !selection.takes(t, ConstraintId::Constraint(i), true) {
                penalties.open((t, i));
                continue;
            }
            add_weighted(hxx, (&cx[i], &cx[i]), &term);
            add_weighted(hux, (&cu[i], &cx[i]), &term);
            add_weighted(huu, (&cu[i], &cu[i]), &term);
        }
    }

    /// Derivatives of the terminal constraints: curvatures are added to `value`, terms also to `lambda`. Returns the number
    /// of terms, which come first.
    pub(super) fn expand_terminal_constraints<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (value, lambda): (&mut SMatrix<S, NX, NX>, &mut SVector<S, NX>),
        report: &mut ActiveSetReport,
    ) -> usize
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = self.horizon();
        let Self { penalties, terminal_expansion, newton, limits, row_units: units, selection, .. } = self;
        model.expand_terminal_constraints(point.terminal(), point.multipliers.terminal, terminal_expansion);
        measure_terminal_excesses(terminal_expansion, limits, units);
        let counts = point.multipliers.terminal.iter().any(|multiplier| !multiplier.vanishes());
        let unsound = penalties.is_some() && !is_finite_curvature(terminal_expansion);
        report.undefined |= counts && unsound;
        let ConstraintExpansion { c, cx, hxx, .. } = &*terminal_expansion;
        if counts && !unsound {
            *value += hxx;
        }
        let Some(penalties) = penalties else { return 0 };
        penalties.hessians[horizon].hxx = *value;
        let mut count = 0;
        for i in 0..limits.terminal() {
            let row = Row { x: cx[i], u: zeros() };
            let inequality = i < limits.terminal_inequalities;
            if !penalties.takes(inequality) {
                penalties.set_row((horizon, i), row);
                continue;
            }
            count = i + 1;
            let place = (horizon, i, limits.listed() + i);
            let Some(term) = report_term((penalties, report, units), point, place, (inequality, c[i], row)) else {
                continue;
            };
            for j in 0..NX {
                lambda[j] += cx[i][j] * term.multiplier;
            }
            add_base(&mut newton.gx[horizon], &cx[i], &term);
            if !selection.takes(horizon, ConstraintId::Constraint(i), true) {
                penalties.open((horizon, i));
                continue;
            }
            add_weighted(value, (&cx[i], &cx[i]), &term);
        }
        count
    }
}

/// Sets the term of a constraint with its row, and reports it. Returns it where it adds something to the cost: not where the constraint
/// is absent, has no term at its value, or has no derivative. `place` is stage, index and unit.
fn report_term<S: ScalarReal, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (penalties, report, units): (&mut Penalties<S, NX, NU>, &mut ActiveSetReport, &Units<NX, NU>),
    point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    place: (usize, usize, usize),
    (inequality, c, row): (bool, S, Row<S, NX, NU>),
) -> Option<PenaltyTerm<S>> {
    let ((t, i, unit), value) = (place, c.to_f64());
    if is_open(inequality, value) {
        penalties.open((t, i));
        return None;
    }
    let Some(term) = penalties.set_term(point, (t, i), c, row) else {
        report.undefined = true;
        return None;
    };
    report.complementarity = larger(report.complementarity, term.complementarity);
    if let Some(distances) = term.kink {
        report.add_kink(place, distances);
    }
    if row.is_finite() {
        report.units.add_row(unit, value, (&row.x, &row.u), units);
    }
    (!term.weight.is_zero()).then_some(term)
}

/// Adds `kappa a b'`.
fn add_weighted<S: ScalarReal, const R: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    (a, b): (&SVector<S, R>, &SVector<S, C>),
    term: &PenaltyTerm<S>,
) {
    for j in 0..C {
        let weighted = term.weight * b[j];
        for i in 0..R {
            out[(i, j)] += a[i] * weighted;
        }
    }
}

/// Adds the linear part of a Newton step.
fn add_base<S: ScalarReal, const N: usize>(out: &mut SVector<S, N>, row: &SVector<S, N>, term: &PenaltyTerm<S>) {
    let base = term.base();
    for j in 0..N {
        out[j] += row[j] * base;
    }
}
