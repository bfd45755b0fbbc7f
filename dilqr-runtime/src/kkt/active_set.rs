//! The LQ problem about a trajectory with the limits that are active there: factorized once, solved for a loss gradient,
//! for every parameter, or for a Newton step. The recursion is in [`active`](crate::active), the mathematics of the
//! gradient in [`implicit`](crate::implicit).

use alloc::vec::Vec;
use core::iter::repeat_with;
use nalgebra::{SMatrix, SVector};

use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::{ActiveLinear, ActiveStage, ActiveTerminal, ConstraintId, Row, Singular};
use crate::lq::riccati::{Quadratic, next_state};
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::ocp::instance::{PatternOf, is_enforced_at};
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::TrajectoryRef;
use crate::ocp::stationarity::{Magnitudes, Stationarity, residual_terms};
use crate::scalar::ScalarReal;
use crate::settings::Differentiation;

/// The factorized problem.
#[derive(Clone, Debug)]
pub(crate) struct Constrained<S, const NX: usize, const NU: usize> {
    pub(crate) stages: Vec<ActiveStage<S, NX, NU>>,
    pub(crate) terminal: ActiveTerminal<S, NX>,
    /// `V_t`, `T + 1` matrices.
    value_hessians: Vec<SMatrix<S, NX, NX>>,
    /// Costates of the Lagrangian along the closed loop, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<S, NX>>,
    /// `Qu` where a bound holds a control, zero elsewhere; empty for models without bounds.
    pub(crate) held: Vec<SVector<S, NU>>,
    /// Gradients of the cost alone, and values of the active rows: the linear part of a Newton step.
    newton: NewtonParts<S, NX, NU>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    expansion: ConstraintExpansion<S, NX, NU>,
    terminal_expansion: ConstraintExpansion<S, NX, 0>,
}

#[derive(Clone, Debug)]
struct NewtonParts<S, const NX: usize, const NU: usize> {
    gx: Vec<SVector<S, NX>>,
    gu: Vec<SVector<S, NU>>,
    own: Vec<Vec<SVector<S, 1>>>,
}

/// The solution of the LQ problem for one linear part, and the memory to find it in.
#[derive(Clone, Debug)]
pub(crate) struct KktSolution<S, const NX: usize, const NU: usize, const C: usize> {
    /// `dx_t`, `T + 1`.
    pub(crate) dx: Vec<SMatrix<S, NX, C>>,
    /// `du_t`, `T`.
    pub(crate) du: Vec<SMatrix<S, NU, C>>,
    /// `dlambda_t`, `T + 1`.
    pub(crate) dlambda: Vec<SMatrix<S, NX, C>>,
    /// MultipliersRef of each stage's own rows.
    pub(crate) own: Vec<Vec<SVector<S, C>>>,
    /// MultipliersRef of the terminal rows.
    pub(crate) terminal: Vec<SVector<S, C>>,
    /// The linear parts of the recursion, `T`; with them `k_t`.
    pub(crate) linear: Vec<ActiveLinear<S, NX, NU, C>>,
    /// `T` offsets of the dynamics.
    offsets: Vec<SMatrix<S, NX, C>>,
    /// What the stage at hand is given.
    terms: Terms<S, NX, NU, C>,
    /// Constants of the rows that the terminal state hands on.
    end: Vec<SVector<S, C>>,
    /// Of the rows that a stage was handed: constants on the way back, multipliers on the way forward.
    propagated_rows: Vec<SVector<S, C>>,
    /// MultipliersRef of all rows of a stage.
    row_multipliers: Vec<SVector<S, C>>,
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> KktSolution<S, NX, NU, C> {
    pub(crate) fn new(horizon: usize) -> Self {
        let most = NX + NU;
        Self {
            dx: vec![zeros(); horizon + 1],
            du: vec![zeros(); horizon],
            dlambda: vec![zeros(); horizon + 1],
            own: lists(horizon, most),
            terminal: Vec::with_capacity(NX),
            linear: repeat_with(ActiveLinear::new).take(horizon).collect(),
            offsets: vec![zeros(); horizon],
            terms: Terms { gx: zeros(), gu: zeros(), offset: zeros(), own: Vec::with_capacity(most) },
            end: Vec::with_capacity(NX),
            propagated_rows: Vec::with_capacity(NX),
            row_multipliers: Vec::with_capacity(most),
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> KktSolution<S, NX, NU, 1> {
    /// The largest change over the magnitude of its variable.
    pub(crate) fn relative_change(&self, magnitudes: &Magnitudes<f64, NX, NU>) -> f64 {
        let real = |value: S| value.to_f64();
        let changes = self.dx[1..].iter().zip(&self.du);
        changes.map(|(dx, du)| magnitudes.relative(&dx.map(real), &du.map(real))).fold(0.0, larger)
    }
}

/// Empty lists with room for `most` entries each.
fn lists<T>(count: usize, most: usize) -> Vec<Vec<T>> {
    repeat_with(|| Vec::with_capacity(most)).take(count).collect()
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Constrained<S, NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        Self {
            // Not `vec!`: a clone keeps no room.
            stages: repeat_with(ActiveStage::new).take(horizon).collect(),
            terminal: ActiveTerminal::new(),
            value_hessians: vec![zeros(); horizon + 1],
            costates: vec![zeros(); horizon + 1],
            held: vec![zeros(); if M::LIMITS.bounded { horizon } else { 0 }],
            newton: NewtonParts {
                gx: vec![zeros(); horizon + 1],
                gu: vec![zeros(); horizon],
                own: lists(horizon + 1, NX + NU),
            },
            hamiltonian: HamiltonianExpansion::zeros(),
            expansion: ConstraintExpansion::zeros(M::LIMITS.stage()),
            terminal_expansion: ConstraintExpansion::zeros(M::LIMITS.terminal()),
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.stages.len()
    }

    /// Factorizes the LQ problem about `point`; `report` receives what was seen on the way.
    ///
    /// # Errors
    /// The stage at which the recursion ends, and why.
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        multipliers: MultipliersRef<'_, S>,
        method: Differentiation,
        rule: ActiveSetRule,
        report: &mut ActiveSetReport,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = controls.len();
        let bounds = Bounds::of(model, params);
        report.clear();
        let (mut value, mut lambda) = self
            .factorize_terminal(model, point, multipliers, rule, report)
            .map_err(|source| (horizon, Singular::Dependent(Some(source))))?;
        let mut stationarity = Stationarity::start();
        let no_lambda = zeros();
        for t in (0..horizon).rev() {
            let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
            let contracted = if method == Differentiation::FixedLinearization { &no_lambda } else { &lambda };
            model.expand_hamiltonian(Stage::new(x, u, params, s), contracted, &mut self.hamiltonian);
            let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &self.hamiltonian;
            let (mut hxx, mut hux, mut huu) = (*hxx, *hux, *huu);
            let (mut gx, mut gu) = (*lx, *lu);
            self.newton.gx[t] = *lx;
            self.newton.gu[t] = *lu;
            let (stage, own) = (&mut self.stages[t], &mut self.newton.own[t]);
            stage.clear();
            own.clear();
            if limits.stage() > 0 {
                let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
                model.expand_stage_constraints(Stage::new(x, u, params, s), mu, &mut self.expansion);
                let ConstraintExpansion { c, cx, cu, hxx: cxx, hux: cux, huu: cuu } = &self.expansion;
                hxx += cxx;
                hux += cux;
                huu += cuu;
                for i in (0..limits.stage()).filter(|&i| is_enforced_at(limits, t, i)) {
                    for j in 0..NX {
                        gx[j] += cx[i][j] * mu[i];
                    }
                    for j in 0..NU {
                        gu[j] += cu[i][j] * mu[i];
                    }
                    let inequality = i < limits.stage_inequalities;
                    if report.constraint(t, i, inequality, c[i].to_f64(), mu[i].to_f64(), rule) {
                        stage.push(ConstraintId::Constraint(i), Row { x: cx[i], u: cu[i] });
                        own.push(SVector::from_fn(|_, _| c[i]));
                    }
                }
            }
            let mut qu = gu;
            add_transposed_product(&mut qu, fu, &lambda);
            let mut terms = residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, fu, &lambda);
            if limits.stage() > 0 {
                let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
                for (cu, mu) in self.expansion.cu.iter().zip(mu) {
                    for j in 0..NU {
                        terms[j] += (cu[j] * *mu).to_f64().abs();
                    }
                }
            }
            if limits.bounded {
                stationarity.add_free(u, &qu, &terms, &bounds);
                self.held[t] = bounds.bound_multipliers(u, &qu);
                for i in 0..NU {
                    let held = bounds.active_bound(i, u, &qu);
                    report.bounds(t, i, u, &qu, &bounds, held);
                    if let Some(side) = held {
                        let sign = if side == Side::Upper { S::one() } else { -S::one() };
                        let unit = SVector::from_fn(|j, _| if i == j { sign } else { S::zero() });
                        stage.push(ConstraintId::Bound(i, side), Row { x: zeros(), u: unit });
                        own.push(zeros());
                    }
                }
            } else {
                stationarity.add(&qu, &terms);
            }
            let quadratic = Quadratic { fx, fu, hxx: &hxx, hux: &hux, huu: &huu };
            let (before, after) = self.stages.split_at_mut(t + 1);
            let eliminated = match after.first() {
                Some(next) => before[t].eliminate(&quadratic, next.propagated_rows(), &mut value),
                None => before[t].eliminate(&quadratic, self.terminal.rows.iter(), &mut value),
            };
            (report.stationarity, report.scale) = (stationarity.value(), stationarity.scale());
            eliminated.map_err(|singular| (t, singular))?;
            let stage = &self.stages[t];
            let mut next = gx;
            add_transposed_product(&mut next, &stage.fx, &lambda);
            add_transposed_product(&mut next, &stage.gain, &qu);
            lambda = next;
            self.value_hessians[t] = value;
            self.costates[t] = lambda;
        }
        let dependent = self.stages.first().is_some_and(|stage| stage.propagated_rows().next().is_some());
        if dependent { Err((0, Singular::Dependent(None))) } else { Ok(()) }
    }

    /// `V_T` and `lambda_T`, with the terminal rows.
    fn factorize_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        multipliers: MultipliersRef<'_, S>,
        rule: ActiveSetRule,
        report: &mut ActiveSetReport,
    ) -> Result<(SMatrix<S, NX, NX>, SVector<S, NX>), ConstraintId>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, params, stage_params, .. } = point;
        let horizon = self.horizon();
        let (x, s) = (&states[horizon], &stage_params[horizon]);
        let mut terminal = TerminalExpansion::zeros();
        model.expand_terminal(Terminal::new(x, params, s), &mut terminal);
        let (mut value, mut lambda) = (terminal.lxx, terminal.lx);
        self.newton.gx[horizon] = lambda;
        let own = &mut self.newton.own[horizon];
        own.clear();
        self.terminal.clear();
        if limits.terminal() > 0 {
            let mu = multipliers.terminal;
            model.expand_terminal_constraints(Terminal::new(x, params, s), mu, &mut self.terminal_expansion);
            let ConstraintExpansion { c, cx, hxx, .. } = &self.terminal_expansion;
            value += hxx;
            for i in 0..limits.terminal() {
                for j in 0..NX {
                    lambda[j] += cx[i][j] * mu[i];
                }
                let inequality = i < limits.terminal_inequalities;
                if report.constraint(horizon, i, inequality, c[i].to_f64(), mu[i].to_f64(), rule) {
                    self.terminal.sources.push(i);
                    self.terminal.rows.push(cx[i]);
                    own.push(SVector::from_fn(|_, _| c[i]));
                }
            }
        }
        self.value_hessians[horizon] = value;
        self.costates[horizon] = lambda;
        self.terminal.prepare()?;
        Ok((value, lambda))
    }

    /// Solves the LQ problem with `C` linear parts at once. `terms(t)` gives `gx, gu`, the offset of the dynamics, and the
    /// constants of the stage's own rows; at the horizon only `gx` and the constants of the terminal rows are looked at.
    pub(crate) fn solve<const C: usize>(
        &self,
        terms: impl FnMut(usize, &mut Terms<S, NX, NU, C>),
    ) -> KktSolution<S, NX, NU, C> {
        let mut solution = KktSolution::new(self.horizon());
        self.solve_into(terms, &mut solution);
        solution
    }

    /// As [`solve`](Self::solve), into an solution of this horizon.
    fn solve_into<const C: usize>(
        &self,
        mut given: impl FnMut(usize, &mut Terms<S, NX, NU, C>),
        solution: &mut KktSolution<S, NX, NU, C>,
    ) {
        let horizon = self.horizon();
        let KktSolution {
            dx,
            du,
            dlambda,
            own: multipliers,
            terminal,
            linear,
            offsets,
            terms,
            end,
            propagated_rows,
            row_multipliers,
        } = solution;
        terms.offset = zeros();
        terms.own.clear();
        given(horizon, terms);
        let end_v = terms.gx;
        self.terminal.constants(&terms.own, end);
        for t in (0..horizon).rev() {
            terms.own.clear();
            given(t, terms);
            let Terms { gx, gu, offset, own } = &*terms;
            let (before, after) = linear.split_at_mut(t + 1);
            let (v, h) = after.first().map_or((&end_v, &*end), |next| (&next.v, &next.h));
            let mut value = *v;
            add_product(&mut value, &self.value_hessians[t + 1], offset);
            propagated_rows.clear();
            let rows: &mut dyn Iterator<Item = &SVector<S, NX>> = match self.stages.get(t + 1) {
                Some(next) => &mut next.propagated_rows(),
                None => &mut self.terminal.rows.iter(),
            };
            for (row, &h) in rows.zip(h) {
                let mut h = h;
                add_transposed_product(&mut h, offset, row);
                propagated_rows.push(h);
            }
            self.stages[t].linear(gx, gu, own, &value, propagated_rows, &mut before[t]);
            offsets[t] = *offset;
        }

        dx[0] = zeros();
        dlambda[0] = linear.first().map_or(end_v, |first| first.v);
        propagated_rows.clear();
        for t in 0..horizon {
            let stage = &self.stages[t];
            du[t] = stage.control(&dx[t], &linear[t]);
            stage.multipliers(&dx[t], &du[t], &linear[t], propagated_rows, row_multipliers);
            let (own, rest) = row_multipliers.split_at(stage.sources.len());
            multipliers[t].clear();
            multipliers[t].extend_from_slice(own);
            propagated_rows.clear();
            propagated_rows.extend_from_slice(rest);
            let next = next_state(&stage.fx, &stage.fu, &offsets[t], &dx[t], &du[t]);
            let mut lambda = linear.get(t + 1).map_or(end_v, |next| next.v);
            add_product(&mut lambda, &self.value_hessians[t + 1], &next);
            let rows: &mut dyn Iterator<Item = &SVector<S, NX>> = match self.stages.get(t + 1) {
                Some(next) => &mut next.propagated_rows(),
                None => &mut self.terminal.rows.iter(),
            };
            for (row, nu) in rows.zip(&*propagated_rows) {
                for column in 0..C {
                    for i in 0..NX {
                        lambda[(i, column)] += row[i] * nu[column];
                    }
                }
            }
            dlambda[t + 1] = lambda;
            dx[t + 1] = next;
        }
        self.terminal.multipliers(propagated_rows, terminal);
    }

    /// The Newton step of the optimality conditions: its multipliers are the new ones.
    pub(crate) fn newton_step(&self, solution: &mut KktSolution<S, NX, NU, 1>) {
        let NewtonParts { gx, gu, own } = &self.newton;
        let horizon = self.horizon();
        let terms = |t: usize, terms: &mut Terms<S, NX, NU, 1>| {
            terms.gx = gx[t];
            if t < horizon {
                terms.gu = gu[t];
            }
            terms.own.extend_from_slice(&own[t]);
        };
        self.solve_into(terms, solution);
    }

    /// The largest relative change that the Newton step makes of the trajectory about which the problem is factorized.
    pub(crate) fn relative_newton_step(&self, magnitudes: &Magnitudes<f64, NX, NU>) -> f64 {
        let mut solution = KktSolution::new(self.horizon());
        self.newton_step(&mut solution);
        solution.relative_change(magnitudes)
    }

    /// The reverse sweep: solves the LQ problem with the loss gradient as its linear part and contracts the solution with the
    /// parameters' derivatives, adding to `params` and `stage_gradients`. Returns `dlambda_0`.
    pub(crate) fn adjoint<M, const NP: usize, const NS: usize>(
        &self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        multipliers: MultipliersRef<'_, S>,
        loss_states: &[SVector<S, NX>],
        loss_controls: &[SVector<S, NU>],
        params_gradient: &mut SVector<S, NP>,
        stage_gradients: &mut [SVector<S, NS>],
    ) -> SVector<S, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = self.horizon();
        let solution = self.solve::<1>(|t, terms| {
            terms.gx = loss_states[t];
            if t < horizon {
                terms.gu = loss_controls[t];
            }
            terms.own.resize(self.rows_at(t), zeros());
        });
        let (mut lower, mut upper) = (zeros(), zeros());
        let mut dmu = vec![S::zero(); limits.stage()];
        for t in 0..horizon {
            let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
            model.add_parameter_contraction(
                Stage::new(x, u, params, s),
                &self.costates[t + 1],
                Variation::new(&solution.dx[t], &solution.du[t]),
                &solution.dlambda[t + 1],
                ParameterGradient { p: params_gradient, s: &mut stage_gradients[t] },
            );
            dmu.fill(S::zero());
            for (source, multiplier) in self.stages[t].sources.iter().zip(&solution.own[t]) {
                match *source {
                    ConstraintId::Constraint(i) => dmu[i] = multiplier[0],
                    // `lower - u` and `u - upper` are the constraints.
                    ConstraintId::Bound(i, Side::Lower) => add_entry(&mut lower, i, multiplier[0]),
                    ConstraintId::Bound(i, Side::Upper) => add_entry(&mut upper, i, -multiplier[0]),
                }
            }
            if limits.stage() > 0 {
                let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
                let (dx, du) = (&solution.dx[t], &solution.du[t]);
                let gs = &mut stage_gradients[t];
                model.add_stage_constraint_contraction(
                    Stage::new(x, u, params, s),
                    mu,
                    Variation { dx, du },
                    &dmu,
                    ParameterGradient { p: params_gradient, s: gs },
                );
            }
        }
        let (x, s) = (&states[horizon], &stage_params[horizon]);
        let (dx, gs) = (&solution.dx[horizon], &mut stage_gradients[horizon]);
        model.add_terminal_parameter_contraction(
            Terminal::new(x, params, s),
            dx,
            ParameterGradient { p: params_gradient, s: gs },
        );
        if limits.terminal() > 0 {
            let mut dmu = vec![S::zero(); limits.terminal()];
            for (&i, multiplier) in self.terminal.sources.iter().zip(&solution.terminal) {
                dmu[i] = multiplier[0];
            }
            model.add_terminal_constraint_contraction(
                Terminal::new(x, params, s),
                multipliers.terminal,
                dx,
                &dmu,
                ParameterGradient { p: params_gradient, s: gs },
            );
        }
        if limits.bounded {
            model.add_bounds_contraction(params, &lower, &upper, params_gradient);
        }
        solution.dlambda[0]
    }

    /// Rows of the LQ problem at stage `t` that are not handed on by a later one.
    fn rows_at(&self, t: usize) -> usize {
        self.stages.get(t).map_or(self.terminal.sources.len(), |stage| stage.sources.len())
    }

    /// The forward sensitivity: every parameter is one linear part, `gx = hxp`, `gu = hup`, `offset = fp`, and the active
    /// rows' constants are their derivatives in the parameters.
    pub(crate) fn propagate<M, const NP: usize, const NS: usize>(
        &self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        multipliers: MultipliersRef<'_, S>,
    ) -> KktSolution<S, NX, NU, NP>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = self.horizon();
        let mut parameter_terms = ParameterTerms::zeros();
        let mut constraint_terms = ConstraintParameterTerms::zeros(limits.stage());
        let mut terminal_terms = ConstraintParameterTerms::zeros(limits.terminal());
        let (mut lower, mut upper) = (zeros(), zeros());
        if limits.bounded {
            model.bounds_terms(params, &mut lower, &mut upper);
        }
        self.solve(|t, terms: &mut Terms<S, NX, NU, NP>| {
            let (x, s) = (&states[t], &stage_params[t]);
            if t == horizon {
                terms.gx = zeros();
                model.terminal_parameter_terms(Terminal::new(x, params, s), &mut terms.gx);
                if limits.terminal() > 0 {
                    let mu = multipliers.terminal;
                    model.terminal_constraint_terms(Terminal::new(x, params, s), mu, &mut terminal_terms);
                    terms.gx += terminal_terms.hxp;
                }
                terms.own.extend(self.terminal.sources.iter().map(|&i| terminal_terms.cp[i]));
                return;
            }
            let u = &controls[t];
            model.parameter_terms(Stage::new(x, u, params, s), &self.costates[t + 1], &mut parameter_terms);
            let ParameterTerms { fp, hxp, hup } = &parameter_terms;
            (terms.gx, terms.gu, terms.offset) = (*hxp, *hup, *fp);
            if limits.stage() > 0 {
                let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
                model.stage_constraint_terms(Stage::new(x, u, params, s), mu, &mut constraint_terms);
                terms.gx += constraint_terms.hxp;
                terms.gu += constraint_terms.hup;
            }
            terms.own.extend(self.stages[t].sources.iter().map(|source| match *source {
                ConstraintId::Constraint(i) => constraint_terms.cp[i],
                ConstraintId::Bound(i, Side::Lower) => SVector::from_fn(|column, _| lower[(i, column)]),
                ConstraintId::Bound(i, Side::Upper) => SVector::from_fn(|column, _| -upper[(i, column)]),
            }));
        })
    }
}

/// The linear part of one stage.
#[derive(Clone, Debug)]
pub(crate) struct Terms<S, const NX: usize, const NU: usize, const C: usize> {
    pub(crate) gx: SMatrix<S, NX, C>,
    pub(crate) gu: SMatrix<S, NU, C>,
    pub(crate) offset: SMatrix<S, NX, C>,
    /// Constants of the stage's own active rows.
    pub(crate) own: Vec<SVector<S, C>>,
}

fn add_entry<S: ScalarReal, const N: usize>(vector: &mut SVector<S, N>, i: usize, value: S) {
    vector[i] += value;
}
