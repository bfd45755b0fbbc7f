//! What constraints add to the LQ problem of [`WeightedRows`]: their curvature, and each row with its weight.
//!
//! A row without a derivative at the point, a norm at zero for one, does not act on the step. Its slack goes to `-c`.

use alloc::vec::Vec;

use nalgebra::SMatrix;

use crate::kkt::lagrangian::is_finite_curvature;
use crate::kkt::weighted_rows::{WeightedRows, Weights};
use crate::linalg::products::zeros;
use crate::lq::equality_constrained::Row;
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::records::HamiltonianExpansion;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::barrier_point::BarrierPoint;
use crate::ocp::constraints::is_enforced_at;
use crate::ocp::instance::OcpInstance;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::settings::Hessian;

impl<const NX: usize, const NU: usize> WeightedRows<NX, NU> {
    /// Adds the curvature and the weights of the constraints of stage `t`.
    pub(super) fn add_constraints<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        (t, hessian): (usize, Hessian),
        weights: &Weights<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.listed() == 0 {
            return;
        }
        let Trajectory { states, controls, .. } = &point.trajectory;
        let at = Stage::new(&states[t], &controls[t], instance.params, &instance.stage_params[t]);
        let (multipliers, first) = (&point.duals.constraints, t * limits.listed());
        let Self { hamiltonian, expansion, initial_expansion, rows, multipliers: memory, .. } = self;
        let mu = &multipliers[first..][..limits.listed()];
        let has_curvature = expand(expansion, hessian, (mu, memory), |mu, expansion| {
            stage_functions::expand_stage_constraints((instance.model, t), at, mu, expansion, initial_expansion);
        });
        if has_curvature {
            hamiltonian.hxx += expansion.hxx;
            hamiltonian.hux += expansion.hux;
            hamiltonian.huu += expansion.huu;
        }
        for i in (0..limits.listed()).filter(|&i| is_enforced_at(limits, t, i)) {
            rows[first + i] = row_or_zero(expansion, i);
            add_weighted(hamiltonian, &rows[first + i], weights.rows[first + i]);
        }
    }

    /// Adds the curvature and the weights of the terminal constraints to `value`.
    pub(super) fn add_terminal_constraints<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        (hessian, value): (Hessian, &mut SMatrix<f64, NX, NX>),
        weights: &Weights<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.terminal() == 0 {
            return;
        }
        let horizon = point.horizon();
        let at = Terminal::new(&point.trajectory.states[horizon], instance.params, &instance.stage_params[horizon]);
        let multipliers = &point.duals.constraints;
        let range = at_stage(multipliers, horizon, horizon, limits);
        let Self { terminal_expansion: expansion, rows, multipliers: memory, .. } = self;
        let has_curvature = expand(expansion, hessian, (&multipliers[range.clone()], memory), |mu, expansion| {
            instance.model.expand_terminal_constraints(at, mu, expansion);
        });
        if has_curvature {
            *value += expansion.hxx;
        }
        for (i, index) in range.enumerate() {
            let Row { x, .. } = row_or_zero(expansion, i);
            rows[index] = Row { x, u: zeros() };
            *value += x * (x * weights.rows[index]).transpose();
        }
    }
}

/// Derivatives of constraints. Returns whether their curvature is wanted and finite. It is that of the rows that have one: of all by one
/// kernel, or of one row after another. `memory` is for their multipliers.
fn expand<const NX: usize, const NU: usize>(
    expansion: &mut ConstraintExpansion<f64, NX, NU>,
    hessian: Hessian,
    (mu, memory): (&[f64], &mut Vec<f64>),
    mut kernel: impl FnMut(&[f64], &mut ConstraintExpansion<f64, NX, NU>),
) -> bool {
    kernel(mu, expansion);
    if hessian != Hessian::Exact || is_finite_curvature(expansion) {
        return hessian == Hessian::Exact;
    }
    memory.clear();
    memory.resize(mu.len(), 0.0);
    for i in 0..mu.len() {
        memory[i] = mu[i];
        kernel(memory, expansion);
        if !is_finite_curvature(expansion) {
            memory[i] = 0.0;
        }
    }
    kernel(memory, expansion);
    is_finite_curvature(expansion)
}

/// A row, zero where it has no derivative.
fn row_or_zero<const NX: usize, const NU: usize>(
    expansion: &ConstraintExpansion<f64, NX, NU>,
    i: usize,
) -> Row<f64, NX, NU> {
    let row = Row { x: expansion.cx[i], u: expansion.cu[i] };
    if row.is_finite() { row } else { Row { x: zeros(), u: zeros() } }
}

/// Adds `J' w J`.
fn add_weighted<const NX: usize, const NU: usize>(
    hamiltonian: &mut HamiltonianExpansion<f64, NX, NU>,
    row: &Row<f64, NX, NU>,
    weight: f64,
) {
    let HamiltonianExpansion { hxx, hux, huu, .. } = hamiltonian;
    for j in (0..NX).filter(|&j| row.x[j] != 0.0) {
        let weighted = weight * row.x[j];
        for i in 0..NX {
            hxx[(i, j)] += row.x[i] * weighted;
        }
        for i in 0..NU {
            hux[(i, j)] += row.u[i] * weighted;
        }
    }
    for j in (0..NU).filter(|&j| row.u[j] != 0.0) {
        let weighted = weight * row.u[j];
        for i in 0..NU {
            huu[(i, j)] += row.u[i] * weighted;
        }
    }
}
