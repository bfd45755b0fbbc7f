//! The LQ problem about a point in which every constraint enters the cost, with a weight.
//!
//! States are variables: the dynamics have residuals, `d_t = f(x_t, u_t) - x_{t+1}`. With the row `J` of a constraint, its
//! weight `w` and a base `b`, a step has the multiplier
//!
//! ```text
//! y = b + w J dz
//! ```
//!
//! so the cost of the LQ problem gains the Hessian `J' w J` and the gradient `J' b`. Barriers, slacks with a penalty and
//! proximal terms of equalities all have this form. The recursion has no rows, and dependent ones do it no harm. (The form
//! of barriers: Frison and Diehl, *HPIPM*, 2020; that of equalities: Jallet et al., *ProxDDP*, 2025.)

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::units::moving_size;
use crate::linalg::products::{add_product, larger, zeros};
use crate::lq::equality_constrained::Row;
use crate::lq::initial::InitialFactor;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Quadratic, StageFactor, costate, next_state};
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::model::start::Start;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep, Duals};
use crate::ocp::instance::{OcpInstance, PatternOf};
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::settings::Hessian;

/// The factorized LQ problem about a point, and the first derivatives that its linear part needs.
#[derive(Clone, Debug)]
pub(crate) struct WeightedRows<const NX: usize, const NU: usize> {
    limits: Limits,
    stages: Vec<FactorizedStage<NX, NU>>,
    /// `V_t`, `T + 1` matrices.
    value_hessians: Vec<SMatrix<f64, NX, NX>>,
    /// For models that choose entries of the initial state.
    initial: Option<InitialFactor<f64, NX>>,
    /// The gradient of the cost in the states, `T + 1` vectors, and in the controls, `T` vectors.
    pub(crate) gx: Vec<SVector<f64, NX>>,
    pub(crate) gu: Vec<SVector<f64, NU>>,
    /// `J`, one row for each constraint; zero where it does not apply.
    pub(crate) rows: Vec<Row<f64, NX, NU>>,
    /// `sum_t |h_ii|` of the cost's Hessian over the stages.
    pub(crate) curvature: (SVector<f64, NX>, SVector<f64, NU>),
    /// `v_t`, `T + 1` vectors, and `k_t`, `T` vectors, of the last step.
    value_gradients: Vec<SVector<f64, NX>>,
    feedforward: Vec<SVector<f64, NU>>,
    stage: StageExpansion<f64, NX, NU>,
    pub(super) hamiltonian: HamiltonianExpansion<f64, NX, NU>,
    pub(super) expansion: ConstraintExpansion<f64, NX, NU>,
    pub(super) initial_expansion: ConstraintExpansion<f64, NX, 0>,
    pub(super) terminal_expansion: ConstraintExpansion<f64, NX, 0>,
    /// Memory for the multipliers of the rows that have a derivative.
    pub(super) multipliers: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct FactorizedStage<const NX: usize, const NU: usize> {
    fx: SMatrix<f64, NX, NX>,
    fu: SMatrix<f64, NX, NU>,
    factor: StageFactor<f64, NX, NU>,
}

/// What a factorization adds to the derivatives of the cost: weights of the constraints and of the controls' bounds, and a
/// proximal term.
#[derive(Clone, Debug)]
pub(crate) struct Weights<const NX: usize, const NU: usize> {
    /// One for each constraint.
    pub(crate) rows: Vec<f64>,
    /// `T` vectors.
    pub(crate) controls: Vec<SVector<f64, NU>>,
    pub(crate) proximal: Proximal<f64, NX, NU>,
}

/// The linear part of a step.
#[derive(Clone, Debug)]
pub(crate) struct Bases<const NX: usize, const NU: usize> {
    /// Residuals of the dynamics, `T` vectors.
    pub(crate) defects: Vec<SVector<f64, NX>>,
    /// One for each constraint.
    pub(crate) rows: Vec<f64>,
    /// Slopes of the controls' barriers, `T` vectors.
    pub(crate) controls: Vec<SVector<f64, NU>>,
}

impl<const NX: usize, const NU: usize> Weights<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        Self {
            rows: vec![0.0; horizon * limits.listed() + limits.terminal()],
            controls: vec![zeros(); horizon],
            proximal: Proximal::none(),
        }
    }

    /// Makes all weights zero.
    pub(crate) fn clear(&mut self) {
        self.rows.fill(0.0);
        self.controls.fill(zeros());
        self.proximal = Proximal::none();
    }
}

impl<const NX: usize, const NU: usize> Bases<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        Self {
            defects: vec![zeros(); horizon],
            rows: vec![0.0; horizon * limits.listed() + limits.terminal()],
            controls: vec![zeros(); horizon],
        }
    }
}

impl<const NX: usize, const NU: usize> WeightedRows<NX, NU> {
    pub(crate) fn new(horizon: usize, limits: &Limits, start: &Start<NX>) -> Self {
        let rows = horizon * limits.listed() + limits.terminal();
        Self {
            limits: *limits,
            stages: vec![FactorizedStage { fx: zeros(), fu: zeros(), factor: StageFactor::zeros() }; horizon],
            value_hessians: vec![zeros(); horizon + 1],
            initial: start.is_free().then(|| InitialFactor::new(&start.free)),
            gx: vec![zeros(); horizon + 1],
            gu: vec![zeros(); horizon],
            rows: vec![Row { x: zeros(), u: zeros() }; rows],
            curvature: (zeros(), zeros()),
            value_gradients: vec![zeros(); horizon + 1],
            feedforward: vec![zeros(); horizon],
            stage: StageExpansion::zeros(),
            hamiltonian: HamiltonianExpansion::zeros(),
            expansion: ConstraintExpansion::zeros(limits.listed()),
            initial_expansion: ConstraintExpansion::zeros(limits.initial()),
            terminal_expansion: ConstraintExpansion::zeros(limits.terminal()),
            multipliers: Vec::with_capacity(limits.listed().max(limits.terminal())),
        }
    }

    /// `T`, the number of stages.
    pub(crate) fn horizon(&self) -> usize {
        self.stages.len()
    }

    /// The derivative of the cost along a step.
    pub(crate) fn slope_along(&self, step: &BarrierStep<NX, NU>) -> f64 {
        let states: f64 = self.gx.iter().zip(&step.dx).map(|(g, dx)| g.dot(dx)).sum();
        let controls: f64 = self.gu.iter().zip(&step.du).map(|(g, du)| g.dot(du)).sum();
        states + controls
    }

    /// The least size of each control that moves a state by its magnitude in one stage; zero for one that moves none.
    pub(crate) fn moving_controls(&self, states: &SVector<f64, NX>) -> SVector<f64, NU> {
        SVector::from_fn(|i, _| {
            let sizes = self.stages.iter().map(|stage| moving_size(&stage.fu, states, i));
            let least = sizes.fold(f64::INFINITY, f64::min);
            if least.is_finite() { least } else { 0.0 }
        })
    }

    /// `K_t`.
    pub(crate) fn gain(&self, t: usize) -> &SMatrix<f64, NU, NX> {
        &self.stages[t].factor.gain
    }

    /// The control law `u + K_t (x - x_t)` about given states, for rollouts of a trajectory with controls `u`.
    pub(crate) fn feedback<'a>(
        &'a self,
        states: &'a [SVector<f64, NX>],
    ) -> impl Fn(usize, &SVector<f64, NX>, &mut SVector<f64, NU>) + 'a {
        move |t, x, u| *u += self.gain(t) * (x - states[t])
    }

    /// `Quu` of stage `t`, with the weights.
    pub(crate) fn curvature_at(&self, t: usize) -> &SMatrix<f64, NU, NU> {
        &self.stages[t].factor.curvature
    }

    /// The slope of the Lagrangian without the bounds in the control of stage `t`, and the terms that cancel in it.
    pub(crate) fn slope(&self, t: usize, duals: &Duals<NX, NU>) -> (SVector<f64, NU>, SVector<f64, NU>) {
        let FactorizedStage { fu, .. } = &self.stages[t];
        let (mut slope, mut terms) = (self.gu[t], self.gu[t].abs());
        for index in at_stage(&self.rows, t, self.stages.len(), &self.limits) {
            let (row, multiplier) = (&self.rows[index].u, duals.constraints[index]);
            slope += row * multiplier;
            terms += row.abs() * multiplier.abs();
        }
        let in_costate = self.costate_terms(t + 1, duals);
        (slope + fu.transpose() * duals.costates[t + 1], terms + fu.abs().transpose() * in_costate)
    }

    /// The terms that cancel in the costate of stage `t`. That of a final time is a sum over all stages, which is zero.
    fn costate_terms(&self, t: usize, duals: &Duals<NX, NU>) -> SVector<f64, NX> {
        let mut terms = self.gx[t].abs();
        for index in at_stage(&self.rows, t, self.stages.len(), &self.limits) {
            terms += self.rows[index].x.abs() * duals.constraints[index].abs();
        }
        match self.stages.get(t) {
            Some(stage) => terms + stage.fx.abs().transpose() * duals.costates[t + 1].abs(),
            None => terms,
        }
    }

    /// The slope of the Lagrangian in the chosen entries of the initial state, over the terms that cancel in it: the largest.
    pub(crate) fn initial_stationarity(&self, duals: &Duals<NX, NU>) -> f64 {
        let Some(initial) = &self.initial else { return 0.0 };
        let mut slope = self.gx[0] + self.stages[0].fx.transpose() * duals.costates[1];
        for index in at_stage(&self.rows, 0, self.stages.len(), &self.limits) {
            slope += self.rows[index].x * duals.constraints[index];
        }
        // An entry that stays the same along the trajectory has the terms of all stages in its costate.
        let terms =
            (0..=self.stages.len()).fold(zeros(), |most: SVector<f64, NX>, t| most.sup(&self.costate_terms(t, duals)));
        let relative = |i: usize| if slope[i] == 0.0 { 0.0 } else { slope[i].abs() / terms[i] };
        (0..NX).filter(|&i| initial.chooses(i)).map(relative).fold(0.0, larger)
    }

    /// Factorizes the LQ problem about a point.
    ///
    /// # Errors
    /// The stage whose `Quu` is not positive definite.
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        hessian: Hessian,
        weights: &Weights<NX, NU>,
    ) -> Result<(), usize>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = point.horizon();
        self.curvature = (zeros(), zeros());
        let mut value = self.expand_terminal(instance, point, hessian, weights);
        for i in 0..NX {
            value[(i, i)] += weights.proximal.states[i];
        }
        self.value_hessians[horizon] = value;
        for t in (0..horizon).rev() {
            self.expand_stage(instance, point, t, hessian);
            self.add_constraints(instance, point, (t, hessian), weights);
            self.add_bounds(instance, t, weights);
            let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = &self.hamiltonian;
            let FactorizedStage { fx: stored_fx, fu: stored_fu, factor } = &mut self.stages[t];
            let quadratic = Quadratic { fx, fu, hxx, hux, huu };
            (*stored_fx, *stored_fu) = (*fx, *fu);
            if !factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, &weights.proximal, &mut value) {
                return Err(t);
            }
            self.value_hessians[t] = value;
        }
        let exists = self.initial.as_mut().is_none_or(|initial| initial.factorize(&value));
        if exists { Ok(()) } else { Err(0) }
    }

    /// Derivatives of the terminal cost and constraints. Returns `V_T`.
    fn expand_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        point: &BarrierPoint<NX, NU>,
        hessian: Hessian,
        weights: &Weights<NX, NU>,
    ) -> SMatrix<f64, NX, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = point.horizon();
        let at = Terminal::new(&point.trajectory.states[horizon], instance.params, &instance.stage_params[horizon]);
        let mut terminal = TerminalExpansion::zeros();
        instance.model.expand_terminal(at, &mut terminal);
        self.gx[horizon] = terminal.lx;
        let mut value = terminal.lxx;
        self.curvature.0 += value.diagonal().abs();
        self.add_terminal_constraints(instance, point, (hessian, &mut value), weights);
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
        let hamiltonian = &mut self.hamiltonian;
        match hessian {
            Hessian::Exact => {
                // Kernels write no structural zero, but constraints and barriers are added to the Hessian.
                (hamiltonian.hxx, hamiltonian.hux, hamiltonian.huu) = (zeros(), zeros(), zeros());
                let lambda = &point.duals.costates[t + 1];
                stage_functions::expand_hamiltonian((instance.model, t), at, lambda, hamiltonian);
            }
            Hessian::GaussNewton => {
                stage_functions::expand_stage((instance.model, t), at, &mut self.stage);
                let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = self.stage;
                *hamiltonian = HamiltonianExpansion { fx, fu, lx, lu, hxx: lxx, hux: lux, huu: luu };
            }
        }
        self.gx[t] = hamiltonian.lx;
        self.gu[t] = hamiltonian.lu;
        self.curvature.0 += hamiltonian.hxx.diagonal().abs();
        self.curvature.1 += hamiltonian.huu.diagonal().abs();
    }

    /// Adds the weights of the bounds of stage `t`. A control with an interval of one point does not move.
    fn add_bounds<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, f64, NU, NP, NS>,
        t: usize,
        weights: &Weights<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if !limits.bounded {
            return;
        }
        let Self { hamiltonian: HamiltonianExpansion { fu, hux, huu, .. }, gu, rows, .. } = self;
        for i in 0..NU {
            huu[(i, i)] += weights.controls[t][i];
            if instance.bounds.is_point(i) {
                fu.column_mut(i).fill(0.0);
                hux.row_mut(i).fill(0.0);
                huu.row_mut(i).fill(0.0);
                huu.column_mut(i).fill(0.0);
                huu[(i, i)] = 1.0;
                gu[t][i] = 0.0;
                rows[t * limits.listed()..][..limits.listed()].iter_mut().for_each(|row| row.u[i] = 0.0);
            }
        }
    }

    /// The step for the given linear part: states and controls of `out`. `along` receives `J dz` of each constraint.
    pub(crate) fn step<M, const NP: usize, const NS: usize>(
        &mut self,
        bases: &Bases<NX, NU>,
        along: &mut [f64],
        out: &mut BarrierStep<NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let Self { stages, value_hessians, initial, gx, gu, rows, value_gradients, feedforward, .. } = self;
        let horizon = stages.len();
        let gradient = |t: usize| {
            let (mut x, mut u) = (gx[t], gu.get(t).copied().unwrap_or_else(zeros));
            for index in at_stage(&bases.rows, t, horizon, limits) {
                x += rows[index].x * bases.rows[index];
                u += rows[index].u * bases.rows[index];
            }
            (x, u)
        };
        let mut value = gradient(horizon).0;
        value_gradients[horizon] = value;
        for t in (0..horizon).rev() {
            let FactorizedStage { fx, fu, factor } = &stages[t];
            let (x, mut u) = gradient(t);
            u += bases.controls[t];
            add_product(&mut value, &value_hessians[t + 1], &bases.defects[t]);
            feedforward[t] = factor.linear_where::<PatternOf<M, NP, NS>, 1>(fx, fu, &x, &u, &mut value).k;
            value_gradients[t] = value;
        }
        let BarrierStep { dx, du, .. } = out;
        dx[0] = initial.as_ref().map_or_else(zeros, |initial| initial.step(&value));
        for t in 0..horizon {
            let FactorizedStage { fx, fu, factor } = &stages[t];
            du[t] = factor.control(&dx[t], &feedforward[t]);
            dx[t + 1] = next_state(fx, fu, &bases.defects[t], &dx[t], &du[t]);
        }
        for t in 0..=horizon {
            let control = du.get(t).copied().unwrap_or_else(zeros);
            for index in at_stage(along, t, horizon, limits) {
                along[index] = rows[index].x.dot(&dx[t]) + rows[index].u.dot(&control);
            }
        }
    }

    /// The costates of the last [`step`](Self::step), from its states.
    pub(crate) fn set_costates(&self, step: &mut BarrierStep<NX, NU>) {
        let values = self.value_hessians.iter().zip(&self.value_gradients);
        for (lambda, ((hessian, gradient), dx)) in step.duals.costates.iter_mut().zip(values.zip(&step.dx)) {
            *lambda = costate(hessian, gradient, dx);
        }
    }
}

impl<const NX: usize, const NU: usize> WeightedRows<NX, NU> {
    /// `J H^-1 J'` of each constraint, with `H` the Hessian that was factorized: how far a unit of its multiplier moves it.
    /// `H^-1` is the covariance of the closed loop with a noise of the covariance `Quu^-1` at each control.
    pub(crate) fn compliance<M, const NP: usize, const NS: usize>(&self, out: &mut [f64])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = self.stages.len();
        let mut covariance: SMatrix<f64, NX, NX> =
            self.initial.as_ref().map_or_else(zeros, |initial| -initial.step(&SMatrix::identity()));
        for t in 0..horizon {
            let FactorizedStage { fx, fu, factor } = &self.stages[t];
            for index in at_stage(&self.rows, t, horizon, limits) {
                let Row { x, u } = &self.rows[index];
                let closed = x + factor.gain.transpose() * u;
                let mut response = *u;
                factor.quu.solve(&mut response);
                out[index] = closed.dot(&(covariance * closed)) + u.dot(&response);
            }
            let mut response = fu.transpose();
            factor.quu.solve(&mut response);
            let closed = fx + fu * factor.gain;
            covariance = closed * covariance * closed.transpose() + fu * response;
        }
        for index in at_stage(&self.rows, horizon, horizon, limits) {
            out[index] = self.rows[index].x.dot(&(covariance * self.rows[index].x));
        }
    }
}
