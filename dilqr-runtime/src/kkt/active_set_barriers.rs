//! The barriers of a relaxed problem in the LQ problem about its trajectory.
//!
//! A barrier adds its weight and its curvature to the Hessian, and its multiplier to the gradients. The linear part of a Newton
//! step has the multiplier that complementarity asks for at the trajectory.

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::lagrangian::{LagrangianGradients, is_finite_curvature};
use crate::kkt::linear::KktSystem;
use crate::kkt::relaxed::Barrier;
use crate::kkt::report::ActiveSetReport;
use crate::kkt::units::measure_terminal_excesses;
use crate::linalg::products::{larger, zeros};
use crate::lq::equality_constrained::Row;
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::records::HamiltonianExpansion;
use crate::ocp::constraints::{is_enforced_at, is_open};
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// Adds the barriers of stage `t`, if there are some. The derivatives of its inequalities are in the record, and their
    /// curvature is in the Hessian already.
    pub(super) fn add_barriers<const NP: usize, const NS: usize>(
        &mut self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        gradients: &mut LagrangianGradients<S, NX, NU>,
        report: &mut ActiveSetReport,
    ) {
        let Self { relaxed: Some(relaxed), limits, hamiltonian, expansion, newton, row_units: units, .. } = self else {
            return;
        };
        let tau = relaxed.tau();
        relaxed.hessians[t].clone_from(hamiltonian);
        let HamiltonianExpansion { hxx, hux, huu, .. } = hamiltonian;
        relaxed.set_bounds(t, &point.controls[t], |i, side, barrier| {
            let (multiplier, direction) = (barrier.multiplier, side.direction::<S>());
            gradients.gu[i] += direction * multiplier;
            gradients.terms[i] += multiplier.abs();
            huu[(i, i)] += barrier.weight;
            newton.gu[t][i] += direction * barrier.base();
            report.complementarity = larger(report.complementarity, barrier.complementarity(tau));
        });
        let ConstraintExpansion { c, cx, cu, .. } = &*expansion;
        for i in (0..limits.listed()).filter(|&i| is_enforced_at(limits, t, i)) {
            let row = Row { x: cx[i], u: cu[i] };
            if !limits.is_inequality(i) {
                relaxed.set_row((t, i), row);
                continue;
            }
            if is_open(true, c[i].to_f64()) {
                relaxed.open((t, i));
                continue;
            }
            let Some(barrier) = relaxed.set_barrier(point, (t, i), c[i], row) else {
                report.undefined = true;
                continue;
            };
            report.units.add_row(i, c[i].to_f64(), (&cx[i], &cu[i]), units);
            report.complementarity = larger(report.complementarity, barrier.complementarity(tau));
            gradients.add(&cx[i], &cu[i], barrier.multiplier);
            add_weighted(hxx, (&cx[i], &cx[i]), &barrier);
            add_weighted(hux, (&cu[i], &cx[i]), &barrier);
            add_weighted(huu, (&cu[i], &cu[i]), &barrier);
            add_base(&mut newton.gx[t], &cx[i], &barrier);
            add_base(&mut newton.gu[t], &cu[i], &barrier);
        }
    }

    /// Derivatives of the terminal constraints: curvatures are added to `value`, barriers also to `lambda`. Returns the number
    /// of barriers, which come first.
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
        let Self { relaxed, terminal_expansion, newton, limits, row_units: units, .. } = self;
        model.expand_terminal_constraints(point.terminal(), point.multipliers.terminal, terminal_expansion);
        measure_terminal_excesses(terminal_expansion, limits, units);
        let unsound = relaxed.is_some() && !is_finite_curvature(terminal_expansion);
        report.undefined |= unsound;
        let ConstraintExpansion { c, cx, hxx, .. } = &*terminal_expansion;
        if !unsound {
            *value += hxx;
        }
        let Some(relaxed) = relaxed else { return 0 };
        relaxed.hessians[horizon].hxx = *value;
        for i in 0..limits.terminal() {
            let row = Row { x: cx[i], u: zeros() };
            if i >= limits.terminal_inequalities {
                relaxed.set_row((horizon, i), row);
                continue;
            }
            if is_open(true, c[i].to_f64()) {
                relaxed.open((horizon, i));
                continue;
            }
            let Some(barrier) = relaxed.set_barrier(point, (horizon, i), c[i], row) else {
                report.undefined = true;
                continue;
            };
            report.units.add_row(limits.listed() + i, c[i].to_f64(), (&cx[i], &zeros()), units);
            report.complementarity = larger(report.complementarity, barrier.complementarity(relaxed.tau()));
            for j in 0..NX {
                lambda[j] += cx[i][j] * barrier.multiplier;
            }
            add_weighted(value, (&cx[i], &cx[i]), &barrier);
            add_base(&mut newton.gx[horizon], &cx[i], &barrier);
        }
        limits.terminal_inequalities
    }
}

/// Adds `kappa a b'`.
fn add_weighted<S: ScalarReal, const R: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    (a, b): (&SVector<S, R>, &SVector<S, C>),
    barrier: &Barrier<S>,
) {
    for j in 0..C {
        let weighted = barrier.weight * b[j];
        for i in 0..R {
            out[(i, j)] += a[i] * weighted;
        }
    }
}

/// Adds the linear part of a Newton step.
fn add_base<S: ScalarReal, const N: usize>(out: &mut SVector<S, N>, row: &SVector<S, N>, barrier: &Barrier<S>) {
    let base = barrier.base();
    for j in 0..N {
        out[j] += row[j] * base;
    }
}
