//! The LQ problem of an interior-point step: barriers of inequalities and bounds in its Hessian, equalities as rows.
//!
//! States are variables: the dynamics hold at the end of a solve. An inequality `c <= 0` has a slack, `c + s = 0`, and a
//! multiplier `y`. With the barrier parameter `mu` the optimality conditions are
//!
//! ```text
//! x_{t+1} = f      c + s = 0      s y = mu      e = 0      and a stationary Lagrangian
//! ```
//!
//! A Newton step of them eliminates slacks and multipliers of inequalities. With `J` the rows of an inequality and
//! `r = c + s` its residual, the cost of the LQ problem gains
//!
//! ```text
//! Hessian  J' (y / s) J        gradient  J' (mu / s + (y / s) r)
//! ds = -r - J dz               y + dy = mu / s - (y / s) ds
//! ```
//!
//! and the residuals of the dynamics are its offsets (Waechter and Biegler 2006, section 3.1; on a Riccati recursion: Frison
//! and Diehl, *HPIPM*, 2020). A bound is an inequality whose slack is the distance of the control. Equalities and controls
//! with an interval of one point are rows of the recursion.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::lq::curvature::ProximalTerm;
use crate::lq::equality_constrained::{ConstraintId, Row, Singular};
use crate::lq::riccati::{Dense, Quadratic};
use crate::model::Model;
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::{ConstraintKind, ConstraintPlace, is_enforced_at};
use crate::ocp::instance::{OcpInstance, PatternOf};
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::settings::Hessian;

/// The factorized LQ problem about a point, and the first derivatives that its linear part needs.
#[derive(Clone, Debug)]
pub(crate) struct BarrierSystem<const NX: usize, const NU: usize> {
    system: ActiveSet<f64, NX, NU>,
    linear: ActiveSetLinear<f64, NX, NU, 1>,
    /// `J`, one row for each constraint.
    pub(crate) rows: Vec<Row<f64, NX, NU>>,
    stage: StageExpansion<f64, NX, NU>,
}

/// Which Hessian a factorization has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BarrierHessian {
    pub(crate) hessian: Hessian,
    /// Weight of the proximal term, in units of the curvature.
    pub(crate) regularization: f64,
    /// Whether inequalities and bounds have barriers; without them the step is that of the problem without these.
    pub(crate) barriers: bool,
}

/// Residuals of a linear part: `f - x_{t+1}`, and `c + s` or `e` of each constraint.
pub(crate) type Residuals<'a, const NX: usize> = (&'a [SVector<f64, NX>], &'a [f64]);

impl<const NX: usize, const NU: usize> BarrierSystem<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let system = ActiveSet::new::<M, NP, NS>(horizon);
        let rows = horizon * M::LIMITS.stage() + M::LIMITS.terminal();
        Self {
            linear: system.linear(),
            system,
            rows: vec![Row { x: zeros(), u: zeros() }; rows],
            stage: StageExpansion::zeros(),
        }
    }

    /// The gradient of the cost in the states, `T + 1` vectors, and in the controls, `T` vectors.
    pub(crate) fn cost_gradient(&self) -> (&[SVector<f64, NX>], &[SVector<f64, NU>]) {
        (&self.system.newton.gx, &self.system.newton.gu)
    }

    /// `K_t`.
    pub(crate) fn gain(&self, t: usize) -> &SMatrix<f64, NU, NX> {
        &self.system.stages[t].gain
    }

    /// Factorizes the LQ problem about a point.
    ///
    /// # Errors
    /// The stage at which the recursion ends, and why.
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        method: BarrierHessian,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = point.horizon();
        let mut value = self.expand_terminal(instance, point, method);
        let mut proximal = ProximalTerm::of_terminal(method.regularization, &mut value);
        self.system.value_hessians[horizon] = value;
        let prepared = self.system.terminal.prepare();
        prepared.map_err(|source| (horizon, Singular::Dependent(Some(source))))?;
        for t in (0..horizon).rev() {
            self.expand_stage(instance, point, t, method.hessian);
            let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = &self.system.hamiltonian;
            proximal.add_stage::<PatternOf<M, NP, NS>>(&Quadratic { fx, fu, hxx, hux, huu });
            self.add_constraints(instance, point, t, method);
            self.add_bounds(instance, point, t, method.barriers);
            let HamiltonianExpansion { hxx, huu, .. } = &mut self.system.hamiltonian;
            proximal.weights.add_to(hxx, huu);
            self.system.eliminate(t, &mut value).map_err(|singular| (t, singular))?;
            self.system.value_hessians[t] = value;
        }
        self.system.check_propagated_rows()
    }

    /// Derivatives of the terminal cost and constraints. Returns `V_T`.
    fn expand_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        method: BarrierHessian,
    ) -> SMatrix<f64, NX, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = point.horizon();
        let at = Terminal::new(&point.trajectory.states[horizon], instance.params, &instance.stage_params[horizon]);
        let mut terminal = TerminalExpansion::zeros();
        instance.model.expand_terminal(at, &mut terminal);
        let ActiveSet { newton, terminal: end, terminal_expansion, .. } = &mut self.system;
        newton.gx[horizon] = terminal.lx;
        end.clear();
        let mut value = terminal.lxx;
        if limits.terminal() == 0 {
            return value;
        }
        let multipliers = &point.duals.constraints;
        let range = at_stage(multipliers, horizon, horizon, limits);
        instance.model.expand_terminal_constraints(at, &multipliers[range.clone()], terminal_expansion);
        if method.hessian == Hessian::Exact {
            value += terminal_expansion.hxx;
        }
        for (i, index) in range.enumerate() {
            let cx = terminal_expansion.cx[i];
            self.rows[index] = Row { x: cx, u: zeros() };
            if i >= limits.terminal_inequalities {
                end.sources.push(i);
                end.rows.push(cx);
            } else if method.barriers {
                value += cx * cx.transpose() * (multipliers[index] / point.slacks[index]);
            }
        }
        value
    }

    /// Derivatives of the cost and the dynamics of stage `t`.
    fn expand_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        t: usize,
        hessian: Hessian,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let Trajectory { states, controls, .. } = &point.trajectory;
        let at = Stage::new(&states[t], &controls[t], instance.params, &instance.stage_params[t]);
        let hamiltonian = &mut self.system.hamiltonian;
        // Kernels write no structural zero, but constraints and barriers are added to the record.
        *hamiltonian = HamiltonianExpansion::zeros();
        match hessian {
            Hessian::Exact => instance.model.expand_hamiltonian(at, &point.duals.costates[t + 1], hamiltonian),
            Hessian::GaussNewton => {
                instance.model.expand_stage(at, &mut self.stage);
                let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = self.stage;
                *hamiltonian = HamiltonianExpansion { fx, fu, lx, lu, hxx: lxx, hux: lux, huu: luu };
            }
        }
        self.system.newton.gx[t] = hamiltonian.lx;
        self.system.newton.gu[t] = hamiltonian.lu;
        self.system.stages[t].clear();
    }

    /// Adds the curvature and the barriers of the constraints of stage `t`, and the equalities as rows.
    fn add_constraints<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        t: usize,
        method: BarrierHessian,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.stage() == 0 {
            return;
        }
        let Trajectory { states, controls, .. } = &point.trajectory;
        let at = Stage::new(&states[t], &controls[t], instance.params, &instance.stage_params[t]);
        let (multipliers, first) = (&point.duals.constraints, t * limits.stage());
        let ActiveSet { hamiltonian, expansion, stages, .. } = &mut self.system;
        instance.model.expand_stage_constraints(at, &multipliers[first..][..limits.stage()], expansion);
        if method.hessian == Hessian::Exact {
            hamiltonian.hxx += expansion.hxx;
            hamiltonian.hux += expansion.hux;
            hamiltonian.huu += expansion.huu;
        }
        for i in (0..limits.stage()).filter(|&i| is_enforced_at(limits, t, i)) {
            let row = Row { x: expansion.cx[i], u: expansion.cu[i] };
            self.rows[first + i] = row;
            if i >= limits.stage_inequalities {
                stages[t].push(ConstraintId::Constraint(i), row);
            } else if method.barriers {
                let weight = multipliers[first + i] / point.slacks[first + i];
                let (x, u) = (row.x * weight, row.u * weight);
                hamiltonian.hxx += row.x * x.transpose();
                hamiltonian.hux += row.u * x.transpose();
                hamiltonian.huu += row.u * u.transpose();
            }
        }
    }

    /// Adds the barriers of the bounds of stage `t`, and rows for controls with an interval of one point.
    fn add_bounds<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        t: usize,
        barriers: bool,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        if !const { M::LIMITS.bounded } {
            return;
        }
        let u = &point.trajectory.controls[t];
        for i in 0..NU {
            if instance.bounds.is_point(i) {
                let unit = SVector::from_fn(|j, _| if i == j { Side::Lower.direction() } else { 0.0 });
                self.system.stages[t].push(ConstraintId::Bound(i, Side::Lower), Row { x: zeros(), u: unit });
            } else if barriers {
                for side in Side::BOTH {
                    let distance = -instance.bounds.constraint(side, i, u);
                    self.system.hamiltonian.huu[(i, i)] += point.duals.bounds(side)[t][i] / distance;
                }
            }
        }
    }

    /// The step for the barrier parameter `mu` and the given residuals. Slopes of barriers are left out without them.
    pub(crate) fn step<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        (mu, barriers): (f64, bool),
        (defects, residuals): Residuals<'_, NX>,
        out: &mut BarrierStep<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = defects.len();
        let Self { system, linear, rows, .. } = self;
        let slope = |index: usize| {
            let (s, y) = (point.slacks[index], point.duals.constraints[index]);
            mu / s + y / s * residuals[index]
        };
        let terms = |t: usize, terms: &mut LinearTerms<f64, NX, NU, 1>| {
            terms.gx = system.newton.gx[t];
            if t < horizon {
                terms.gu = system.newton.gu[t];
                terms.offset = defects[t];
            }
            for index in at_stage(residuals, t, horizon, limits) {
                match ConstraintKind::of(limits, horizon, index) {
                    ConstraintKind::Inequality if barriers => {
                        terms.gx += rows[index].x * slope(index);
                        terms.gu += rows[index].u * slope(index);
                    }
                    ConstraintKind::Equality => terms.rows.push(SVector::from_fn(|_, _| residuals[index])),
                    _ => {}
                }
            }
            if limits.bounded && t < horizon {
                add_bound_terms(instance.bounds, &point.trajectory.controls[t], (mu, barriers), terms);
            }
        };
        let BarrierStep { dx, du, duals, .. } = out;
        system.solve::<Dense, 1, false>(linear, terms, |t, step| {
            dx[t] = *step.dx;
            if t < horizon {
                du[t] = *step.du;
                duals.costates[t + 1] = *step.dlambda;
            }
            system.store_multipliers(t, step.rows, limits, &mut duals.constraints);
        });
        if barriers {
            self.recover(instance, point, mu, residuals, out);
        }
    }

    /// Slacks and multipliers of the inequalities and bounds from the step of states and controls.
    fn recover<M, const NP: usize, const NS: usize>(
        &self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        mu: f64,
        residuals: &[f64],
        out: &mut BarrierStep<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = point.horizon();
        for (index, &residual) in residuals.iter().enumerate() {
            let place = ConstraintPlace::of(limits, horizon, index);
            if place.kind() != ConstraintKind::Inequality {
                continue;
            }
            let (t, row) = (place.t, &self.rows[index]);
            let along = row.x.dot(&out.dx[t]) + if t < horizon { row.u.dot(&out.du[t]) } else { 0.0 };
            let (s, y) = (point.slacks[index], point.duals.constraints[index]);
            let ds = -residual - along;
            out.ds[index] = ds;
            out.duals.constraints[index] = mu / s - y / s * ds;
        }
        for t in (0..horizon).filter(|_| limits.bounded) {
            let u = &point.trajectory.controls[t];
            for (i, side) in instance.bounds.sides() {
                let distance = -instance.bounds.constraint(side, i, u);
                let (y, change) = (point.duals.bounds(side)[t][i], -side.direction::<f64>() * out.du[t][i]);
                out.duals.bounds_mut(side)[t][i] = mu / distance - y / distance * change;
            }
        }
    }
}

/// Adds the slopes of the barriers of bounds to the linear part of a stage. Controls with an interval of one point have
/// constants of rows.
fn add_bound_terms<const NX: usize, const NU: usize>(
    bounds: &Bounds<f64, NU>,
    u: &SVector<f64, NU>,
    (mu, barriers): (f64, bool),
    terms: &mut LinearTerms<f64, NX, NU, 1>,
) {
    for i in 0..NU {
        if bounds.is_point(i) {
            terms.rows.push(SVector::from_fn(|_, _| bounds.lower[i] - u[i]));
        } else if barriers {
            terms.gu[i] -= mu / (u[i] - bounds.lower[i]) + mu / (u[i] - bounds.upper[i]);
        }
    }
}
