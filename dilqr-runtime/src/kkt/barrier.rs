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

use crate::kkt::active_set::{ActiveSet, ActiveSetLinear};
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::lq::curvature::Curvature;
use crate::lq::equality_constrained::{ConstraintId, Row, Singular};
use crate::lq::riccati::{Dense, Quadratic};
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::{OcpInstance, PatternOf, is_enforced_at};
use crate::ocp::rollout::Cost;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::settings::Hessian;

/// The two barriers of a control's interval, with their signs: `sign (u - bound)` is the distance.
pub(crate) const SIDES: [(usize, f64); 2] = [(0, 1.0), (1, -1.0)];

/// A primal-dual point of the barrier problem.
#[derive(Clone, Debug)]
pub(crate) struct BarrierPoint<const NX: usize, const NU: usize> {
    /// States that need not satisfy the dynamics, controls, and values of the constraints.
    pub(crate) trajectory: Trajectory<f64, NX, NU>,
    pub(crate) cost: Cost<f64>,
    /// `f(x_t, u_t) - x_{t+1}`, `T` vectors.
    pub(crate) defects: Vec<SVector<f64, NX>>,
    /// `lambda_t`, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<f64, NX>>,
    /// One for each constraint; that of an equality has no meaning.
    pub(crate) slacks: Vec<f64>,
    /// One for each constraint.
    pub(crate) multipliers: Vec<f64>,
    /// Of the lower and the upper bounds, `T` each.
    pub(crate) bound_multipliers: [Vec<SVector<f64, NU>>; 2],
}

impl<const NX: usize, const NU: usize> BarrierPoint<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let rows = horizon * limits.stage() + limits.terminal();
        Self {
            trajectory: Trajectory::zeros(horizon, limits),
            cost: Cost { total: 0.0, magnitude: 0.0 },
            defects: vec![zeros(); horizon],
            costates: vec![zeros(); horizon + 1],
            slacks: vec![1.0; rows],
            multipliers: vec![0.0; rows],
            bound_multipliers: [vec![zeros(); horizon], vec![zeros(); horizon]],
        }
    }

    /// `mu / s + (y / s) r`: the slope of the barrier of inequality `index` with the residual `r`.
    fn barrier_slope(&self, index: usize, mu: f64, residual: f64) -> f64 {
        let (s, y) = (self.slacks[index], self.multipliers[index]);
        mu / s + y / s * residual
    }

    /// Copies another point of the same horizon.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.trajectory.copy_from(&other.trajectory);
        self.cost = other.cost;
        self.defects.copy_from_slice(&other.defects);
        self.costates.copy_from_slice(&other.costates);
        self.slacks.copy_from_slice(&other.slacks);
        self.multipliers.copy_from_slice(&other.multipliers);
        for (own, other) in self.bound_multipliers.iter_mut().zip(&other.bound_multipliers) {
            own.copy_from_slice(other);
        }
    }

    /// The residual of constraint `index`: `c + s` of an inequality, `e` of an equality, 0 where it is not enforced.
    pub(crate) fn residual(&self, index: usize, kind: RowKind) -> f64 {
        match kind {
            RowKind::Inequality => self.trajectory.constraints[index] + self.slacks[index],
            RowKind::Equality => self.trajectory.constraints[index],
            RowKind::Absent => 0.0,
        }
    }
}

/// What a constraint is at a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKind {
    Inequality,
    Equality,
    /// A constraint on the given state.
    Absent,
}

impl RowKind {
    /// The kind of entry `index` of [`Trajectory::constraints`].
    pub(crate) fn of(limits: &Limits, horizon: usize, index: usize) -> Self {
        let (inequality, enforced) = match index.checked_sub(horizon * limits.stage()) {
            Some(i) => (i < limits.terminal_inequalities, true),
            None => {
                let (t, i) = (index / limits.stage(), index % limits.stage());
                (i < limits.stage_inequalities, is_enforced_at(limits, t, i))
            }
        };
        match (enforced, inequality) {
            (false, _) => Self::Absent,
            (true, true) => Self::Inequality,
            (true, false) => Self::Equality,
        }
    }
}

/// The step of a point, as changes of the primal variables and new values of the multipliers.
#[derive(Clone, Debug)]
pub(crate) struct BarrierStep<const NX: usize, const NU: usize> {
    /// `dx_t`, `T + 1` vectors.
    pub(crate) dx: Vec<SVector<f64, NX>>,
    /// `du_t`, `T` vectors.
    pub(crate) du: Vec<SVector<f64, NU>>,
    pub(crate) ds: Vec<f64>,
    pub(crate) costates: Vec<SVector<f64, NX>>,
    pub(crate) multipliers: Vec<f64>,
    pub(crate) bound_multipliers: [Vec<SVector<f64, NU>>; 2],
}

impl<const NX: usize, const NU: usize> BarrierStep<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let rows = horizon * limits.stage() + limits.terminal();
        Self {
            dx: vec![zeros(); horizon + 1],
            du: vec![zeros(); horizon],
            ds: vec![0.0; rows],
            costates: vec![zeros(); horizon + 1],
            multipliers: vec![0.0; rows],
            bound_multipliers: [vec![zeros(); horizon], vec![zeros(); horizon]],
        }
    }
}

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
        let horizon = point.defects.len();
        let mut value = self.expand_terminal(instance, point, method);
        let mut curvature = Curvature::of_terminal(&value);
        let mut proximal = curvature.proximal(method.regularization);
        proximal.add_to(&mut value, &mut zeros::<f64, NU, NU>());
        self.system.value_hessians[horizon] = value;
        let prepared = self.system.terminal.prepare();
        prepared.map_err(|source| (horizon, Singular::Dependent(Some(source))))?;
        for t in (0..horizon).rev() {
            self.expand_stage(instance, point, t, method.hessian);
            let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = &self.system.hamiltonian;
            curvature.add_stage::<PatternOf<M, NP, NS>>(&Quadratic { fx, fu, hxx, hux, huu });
            self.add_constraints(instance, point, t, method);
            self.add_bounds(instance, point, t, method.barriers);
            if method.regularization > 0.0 {
                proximal = curvature.proximal(method.regularization);
                let HamiltonianExpansion { hxx, huu, .. } = &mut self.system.hamiltonian;
                proximal.add_to(hxx, huu);
            }
            self.system.eliminate(t, &mut value).map_err(|singular| (t, singular))?;
            self.system.value_hessians[t] = value;
        }
        let dependent = self.system.stages.first().is_some_and(|stage| stage.propagated_rows().next().is_some());
        if dependent { Err((0, Singular::Dependent(None))) } else { Ok(()) }
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
        let horizon = point.defects.len();
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
        let range = at_stage(&point.multipliers, horizon, horizon, limits);
        instance.model.expand_terminal_constraints(at, &point.multipliers[range.clone()], terminal_expansion);
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
                value += cx * cx.transpose() * (point.multipliers[index] / point.slacks[index]);
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
            Hessian::Exact => instance.model.expand_hamiltonian(at, &point.costates[t + 1], hamiltonian),
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
        let first = t * limits.stage();
        let ActiveSet { hamiltonian, expansion, stages, .. } = &mut self.system;
        instance.model.expand_stage_constraints(at, &point.multipliers[first..][..limits.stage()], expansion);
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
                let weight = point.multipliers[first + i] / point.slacks[first + i];
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
                let unit = SVector::from_fn(|j, _| if i == j { -1.0 } else { 0.0 });
                self.system.stages[t].push(ConstraintId::Bound(i, Side::Lower), Row { x: zeros(), u: unit });
            } else if barriers {
                for (side, sign) in SIDES {
                    let distance = sign * (u[i] - instance.bounds.side(side)[i]);
                    self.system.hamiltonian.huu[(i, i)] += point.bound_multipliers[side][t][i] / distance;
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
        let slope = |index| point.barrier_slope(index, mu, residuals[index]);
        let terms = |t: usize, terms: &mut LinearTerms<f64, NX, NU, 1>| {
            terms.gx = system.newton.gx[t];
            if t < horizon {
                terms.gu = system.newton.gu[t];
                terms.offset = defects[t];
            }
            for index in at_stage(residuals, t, horizon, limits) {
                match RowKind::of(limits, horizon, index) {
                    RowKind::Inequality if barriers => {
                        terms.gx += rows[index].x * slope(index);
                        terms.gu += rows[index].u * slope(index);
                    }
                    RowKind::Equality => terms.rows.push(SVector::from_fn(|_, _| residuals[index])),
                    _ => {}
                }
            }
            if limits.bounded && t < horizon {
                add_bound_terms(instance.bounds, &point.trajectory.controls[t], (mu, barriers), terms);
            }
        };
        let BarrierStep { dx, du, costates, multipliers, .. } = out;
        system.solve::<Dense, 1, false>(linear, terms, |t, step| {
            dx[t] = *step.dx;
            let first = t * limits.stage();
            if t == horizon {
                for (&i, y) in system.terminal.sources.iter().zip(step.rows) {
                    multipliers[first + i] = y[0];
                }
                return;
            }
            du[t] = *step.du;
            costates[t + 1] = *step.dlambda;
            for (source, y) in system.rows(t).iter().zip(step.rows) {
                if let ConstraintId::Constraint(i) = *source {
                    multipliers[first + i] = y[0];
                }
            }
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
        let horizon = point.defects.len();
        for index in (0..residuals.len()).filter(|&i| RowKind::of(limits, horizon, i) == RowKind::Inequality) {
            let t = if index < horizon * limits.stage() { index / limits.stage() } else { horizon };
            let row = &self.rows[index];
            let along = row.x.dot(&out.dx[t]) + if t < horizon { row.u.dot(&out.du[t]) } else { 0.0 };
            let (s, y) = (point.slacks[index], point.multipliers[index]);
            let ds = -residuals[index] - along;
            out.ds[index] = ds;
            out.multipliers[index] = mu / s - y / s * ds;
        }
        if !limits.bounded {
            return;
        }
        for t in 0..horizon {
            let u = &point.trajectory.controls[t];
            for i in (0..NU).filter(|&i| !instance.bounds.is_point(i)) {
                for (side, sign) in SIDES {
                    let distance = sign * (u[i] - instance.bounds.side(side)[i]);
                    let z = point.bound_multipliers[side][t][i];
                    out.bound_multipliers[side][t][i] =
                        if distance.is_finite() { mu / distance - z / distance * sign * out.du[t][i] } else { 0.0 };
                }
            }
        }
    }
}

/// Adds the slopes of the barriers of bounds to the linear part of a stage, and the constants of controls with an interval
/// of one point.
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
