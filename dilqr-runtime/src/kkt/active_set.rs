//! The LQ problem about a trajectory with a row for each limit that is active there. The recursion is in
//! [`equality_constrained`](crate::lq::equality_constrained). Limits that are terms of the cost ([`Penalties`]) are no rows.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::repeat_with;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set_linear::{ActiveSetLinear, InitialLinear};
use crate::kkt::initial_rows::ActiveInitial;
use crate::kkt::lagrangian::{LagrangianGradients, is_finite_curvature};
use crate::kkt::linear::{KktSystem, LinearTerms, Step};
use crate::kkt::lq_record::LqRecord;
use crate::kkt::penalties::Penalties;
use crate::kkt::proximal_rows::{PlainUnits, ProximalRows};
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::selection::Selection;
use crate::kkt::units::{ControlsAtRest, motion_units, row_units, variable_units};
use crate::linalg::products::{add_transposed_product, larger, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::equality_constrained::{ActiveLinear, ActiveStage, ActiveTerminal, ConstraintId, Row, Singular, Units};
use crate::lq::riccati::Pattern;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::model::records::{HamiltonianExpansion, TerminalExpansion};
use crate::ocp::constraints::{is_enforced_at, is_open};
use crate::ocp::instance::PatternOf;
use crate::ocp::stage_functions;
use crate::ocp::stationarity::{Magnitudes, Stationarity, without_rounding};
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;
use crate::settings::Differentiation;

/// The factorized problem.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSet<S, const NX: usize, const NU: usize> {
    pub(crate) stages: Vec<ActiveStage<S, NX, NU>>,
    pub(crate) terminal: ActiveTerminal<S, NX>,
    /// For models that choose entries of the initial state.
    pub(super) initial: Option<Box<ActiveInitial<S, NX>>>,
    /// `V_t`, `T + 1` matrices.
    pub(super) value_hessians: Vec<SMatrix<S, NX, NX>>,
    /// Costates of the Lagrangian along the closed loop, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<S, NX>>,
    /// `Qu` where a bound holds a control, zero elsewhere; empty for models without bounds.
    pub(crate) held: Vec<SVector<S, NU>>,
    pub(super) limits: Limits,
    /// The limits that are terms of the cost.
    pub(crate) penalties: Option<Penalties<S, NX, NU>>,
    /// The problem before its elimination; without stages for models that have bounds alone, and where none is read.
    pub(super) record: LqRecord<S, NX, NU>,
    /// Whether the rows of the last factorization are in proximal form, and their memory from the first such one on.
    pub(super) in_proximal_form: bool,
    pub(super) plain_weights: PlainUnits,
    pub(super) proximal: Option<Box<ProximalRows<S, NX, NU>>>,
    /// Gradients of the cost alone, and values of the active rows: the linear part of a Newton step.
    pub(super) newton: NewtonParts<S, NX, NU>,
    /// Which active limits are rows.
    pub(crate) selection: Selection,
    /// The magnitudes of the variables on the trajectory, for the terms of rows.
    pub(super) row_units: Units<NX, NU>,
    /// Those with which the elimination of rows weighs their entries.
    pub(super) pivot_units: Units<NX, NU>,
    pub(super) hamiltonian: HamiltonianExpansion<S, NX, NU>,
    pub(super) expansion: ConstraintExpansion<S, NX, NU>,
    pub(super) initial_expansion: ConstraintExpansion<S, NX, 0>,
    pub(super) terminal_expansion: ConstraintExpansion<S, NX, 0>,
}

#[derive(Clone, Debug)]
pub(super) struct NewtonParts<S, const NX: usize, const NU: usize> {
    pub(super) gx: Vec<SVector<S, NX>>,
    pub(super) gu: Vec<SVector<S, NU>>,
    /// Constants of the active rows, those of the terminal state last.
    pub(super) rows: Vec<Vec<SVector<S, 1>>>,
}

/// Whether a part of a row is zero. A row that is zero does not apply: no step changes its value.
fn is_zero<S: ScalarReal, const N: usize>(part: &SVector<S, N>) -> bool {
    part.iter().all(|entry| entry.to_f64() == 0.0)
}

/// Empty lists with room for `most` entries each.
fn lists<T>(count: usize, most: usize) -> Vec<Vec<T>> {
    repeat_with(|| Vec::with_capacity(most)).take(count).collect()
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let rows = limits.listed() + if limits.bounded { NU } else { 0 };
        Self {
            // Not `vec!`: a clone keeps no room.
            stages: repeat_with(|| ActiveStage::with_room(rows)).take(horizon).collect(),
            terminal: ActiveTerminal::with_room(limits.terminal()),
            initial: M::START.is_free().then(|| Box::new(ActiveInitial::new(&M::START.free))),
            value_hessians: vec![zeros(); horizon + 1],
            costates: vec![zeros(); horizon + 1],
            held: vec![zeros(); if M::LIMITS.bounded { horizon } else { 0 }],
            limits: *limits,
            penalties: None,
            record: if limits.constrained() || M::START.is_free() {
                LqRecord::new(horizon, rows)
            } else {
                LqRecord::NONE
            },
            in_proximal_form: false,
            plain_weights: PlainUnits(false),
            proximal: None,
            newton: NewtonParts {
                gx: vec![zeros(); horizon + 1],
                gu: vec![zeros(); horizon],
                rows: lists(horizon + 1, rows.max(limits.terminal())),
            },
            selection: Selection::ALL,
            row_units: Units::ONES,
            pivot_units: Units::ONES,
            hamiltonian: HamiltonianExpansion::zeros(),
            expansion: ConstraintExpansion::zeros(M::LIMITS.listed()),
            initial_expansion: ConstraintExpansion::zeros(M::LIMITS.initial()),
            terminal_expansion: ConstraintExpansion::zeros(M::LIMITS.terminal()),
        }
    }

    /// The rows of the factorized problem, stage by stage.
    pub(crate) fn enforced(&self) -> impl Iterator<Item = (usize, ConstraintId)> {
        let stages = self.stages.iter().enumerate();
        let stages = stages.flat_map(|(t, stage)| stage.sources.iter().map(move |&row| (t, row)));
        let terminal = self.terminal.sources.iter();
        stages.chain(terminal.map(|&i| (self.stages.len(), ConstraintId::Constraint(i))))
    }

    /// For factorizations whose residuals nobody measures: those of a forward solve.
    pub(crate) fn without_record(self) -> Self {
        Self { record: LqRecord::NONE, ..self }
    }

    /// The number of constraints of the terminal state.
    pub(crate) fn terminal_constraints(&self) -> usize {
        self.terminal_expansion.c.len()
    }

    /// See [`Kkt::row_constants`](crate::kkt::Kkt::row_constants).
    #[cfg(feature = "dual")]
    pub(crate) fn row_constants(&self, t: usize) -> &[SVector<S, 1>] {
        &self.newton.rows[t]
    }

    /// Factorizes the LQ problem about `point`, with rows as the rule selects them; `report` receives the residuals and the
    /// limits that are near.
    ///
    /// # Errors
    /// The stage at which the recursion ends, and why.
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (method, rule): (Differentiation, ActiveSetRule<'_>),
        report: &mut ActiveSetReport,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let magnitudes = Magnitudes::of(point.states, point.controls);
        self.in_proximal_form = false;
        let units = variable_units(&magnitudes);
        self.row_units = row_units(&units, &magnitudes, const { &M::LIMITS });
        let plain = self.selection.plain_units;
        self.pivot_units = if plain { Units::ONES } else { motion_units(point.states, &units) };
        let mut result = self.factorize_stages(model, point, (method, rule), report, &magnitudes);
        while let Err((t, Singular::Dependent(_))) = result
            && self.leave_out_later_row(t)
        {
            result = self.factorize_stages(model, point, (method, rule), report, &magnitudes);
        }
        if matches!(result, Err((_, Singular::Dependent(_)))) && !self.selection.drops {
            // The magnitudes of variables at rest are rounding errors, next to which a row seems to depend on no control.
            // There the entries decide as they are.
            self.pivot_units = Units::ONES;
            result = self.factorize_stages(model, point, (method, rule), report, &magnitudes);
        }
        report.measure_violation();
        result
    }

    /// [`factorize`](Self::factorize) with given units.
    pub(super) fn factorize_stages<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (method, rule): (Differentiation, ActiveSetRule<'_>),
        report: &mut ActiveSetReport,
        magnitudes: &Magnitudes<S, NX, NU>,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = point.controls.len();
        report.clear();
        report.units.rows.resize(const { M::LIMITS.listed() + M::LIMITS.terminal() }, 0.0);
        report.units.controls.extend(magnitudes.controls.iter().map(|size| (size.to_f64(), 0.0)));
        let (mut value, mut lambda) = self
            .factorize_terminal(model, point, rule, report)
            .map_err(|source| (horizon, Singular::Dependent(Some(source))))?;
        let (mut stationarity, mut at_rest) = (Stationarity::start(), ControlsAtRest::start());
        // Of known costates: whether they satisfy their equations.
        let (mut costate_residual, no_lambda) = (Stationarity::start(), zeros());
        let bounds = self.begin_bounds(model, point.params);
        // Of each costate before they cancel: that of a final time is a sum over all stages, which is zero.
        let mut lambda_terms = lambda.map(S::abs);
        let mut largest_terms = self.terminal_costate_terms(point);
        if let Some(known) = point.costates {
            costate_residual.add(&(known[horizon] - lambda), &lambda_terms.map(S::to_f64));
            lambda = known[horizon];
        }
        for t in (0..horizon).rev() {
            let contracted = if method == Differentiation::FixedLinearization { &no_lambda } else { &lambda };
            self.expand_stage(model, point, t, contracted);
            let mut gradients = self.add_constraint_rows(model, point, t, rule, report);
            self.add_penalties(point, t, &mut gradients, report);
            let qu = self.add_bound_rows::<M, NP, NS>((&point.controls[t], &bounds), (t, &lambda), &gradients, report);
            let (u, terms) = (&point.controls[t], gradients.residual_terms(&self.hamiltonian.fu, &lambda_terms));
            stationarity.add_free(u, &qu, &terms, &bounds);
            let eliminated = self.eliminate::<PatternOf<M, NP, NS>>(t, &mut value);
            report.stationarity = stationarity.value();
            at_rest.add_stage((&self.hamiltonian.fu, &self.hamiltonian.huu), &magnitudes.states);
            eliminated.map_err(|singular| (t, singular))?;
            let stage = &self.stages[t];
            let mut next = gradients.gx;
            add_transposed_product(&mut next, &stage.fx, &lambda);
            lambda_terms = gradients.costate_terms(&stage.fx, &lambda);
            largest_terms = largest_terms.zip_map(&lambda_terms, larger);
            if let Some(known) = point.costates {
                costate_residual.add(&(known[t] - next), &lambda_terms.map(S::to_f64));
                report.stationarity = larger(report.stationarity, costate_residual.value());
                next = known[t];
            } else {
                // The slope of a held control is the multiplier of its bound. No feedback carries it back, also where the
                // gain of that control comes from another row.
                let free = SVector::from_fn(|i, _| if bounds.holds(i, u, &qu) { S::zero() } else { qu[i] });
                add_transposed_product(&mut next, &stage.gain, &free);
            }
            lambda = next;
            self.value_hessians[t] = value;
            self.costates[t] = lambda;
        }
        report.units.add_slopes(stationarity.terms(), &at_rest);
        self.add_initial_stationarity(&lambda, &largest_terms, report);
        self.eliminate_initial_state(&mut value)
    }

    /// The bounds that hold controls: barriers replace all but those that leave one point.
    fn begin_bounds<M, const NP: usize, const NS: usize>(&mut self, model: &M, params: &SVector<S, NP>) -> Bounds<S, NU>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let bounds = Bounds::of(model, params);
        match &mut self.penalties {
            Some(penalties) if !penalties.is_augmented() => {
                penalties.begin(bounds);
                bounds.points()
            }
            _ => bounds,
        }
    }

    /// Derivatives of stage `t`.
    fn expand_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        lambda: &SVector<S, NX>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let hamiltonian = &mut self.hamiltonian;
        // Kernels write no structural zero, but constraints and penalties are added to the Hessian.
        (hamiltonian.hxx, hamiltonian.hux, hamiltonian.huu) = (zeros(), zeros(), zeros());
        stage_functions::expand_hamiltonian((model, t), point.stage(t), lambda, hamiltonian);
        self.newton.gx[t] = hamiltonian.lx;
        self.newton.gu[t] = hamiltonian.lu;
        self.newton.rows[t].clear();
        self.stages[t].clear();
    }

    /// Adds the constraints of stage `t`: multipliers to the gradients, curvature to the Hessian, active ones as rows.
    fn add_constraint_rows<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        rule: ActiveSetRule<'_>,
        report: &mut ActiveSetReport,
    ) -> LagrangianGradients<S, NX, NU>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let Self { hamiltonian, expansion, initial_expansion, stages, newton, penalties, selection, .. } = self;
        let mut gradients = LagrangianGradients::of_cost(&hamiltonian.lx, &hamiltonian.lu);
        if limits.listed() == 0 {
            return gradients;
        }
        let mu = point.multipliers.at_stage(t, limits);
        stage_functions::expand_stage_constraints((model, t), point.stage(t), mu, expansion, initial_expansion);
        // A constraint without a multiplier adds nothing, also where it has no derivative.
        let counts = mu.iter().any(|multiplier| !multiplier.vanishes());
        let unsound = penalties.is_some() && !is_finite_curvature(expansion);
        report.undefined |= counts && unsound;
        let ConstraintExpansion { c, cx, cu, hxx, hux, huu } = expansion;
        if counts && !unsound {
            hamiltonian.hxx += &*hxx;
            hamiltonian.hux += &*hux;
            hamiltonian.huu += &*huu;
        }
        let is_term = |i| penalties.as_ref().is_some_and(|own| own.takes(limits.is_inequality(i)));
        for i in (0..limits.listed()).filter(|&i| is_enforced_at(limits, t, i) && !is_term(i)) {
            let inequality = limits.is_inequality(i);
            if is_open(inequality, c[i].to_f64()) {
                continue;
            }
            if !mu[i].vanishes() {
                gradients.add(&cx[i], &cu[i], mu[i]);
            }
            // The second row of an absolute value would hold the same excess where no choice changes the value.
            let is_row = |owner| stages[t].sources.contains(&ConstraintId::Constraint(owner));
            let held = limits.owner_without_choice(t, i).is_some_and(is_row);
            let applies = !held && (!is_zero(&cx[i]) || !is_zero(&cu[i]));
            report.units.add_row(i, c[i].to_f64(), (&cx[i], &cu[i]), &self.row_units);
            let active = report.add_constraint((t, i, i), inequality, (c[i].to_f64(), mu[i].to_f64()), rule);
            if applies && selection.takes(t, ConstraintId::Constraint(i), active) {
                stages[t].push(ConstraintId::Constraint(i), Row { x: cx[i], u: cu[i] });
                let c = without_rounding(c[i], (&cx[i], &point.states[t]), (&cu[i], &point.controls[t]));
                newton.rows[t].push(SVector::from_fn(|_, _| c));
            }
        }
        gradients
    }

    /// Adds a row for each bound that holds a control at stage `t`; returns `Qu`.
    fn add_bound_rows<M, const NP: usize, const NS: usize>(
        &mut self,
        (u, bounds): (&SVector<S, NU>, &Bounds<S, NU>),
        (t, lambda): (usize, &SVector<S, NX>),
        gradients: &LagrangianGradients<S, NX, NU>,
        report: &mut ActiveSetReport,
    ) -> SVector<S, NU>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut qu = gradients.gu;
        add_transposed_product(&mut qu, &self.hamiltonian.fu, lambda);
        if !const { M::LIMITS.bounded } {
            return qu;
        }
        self.held[t] = bounds.bound_multipliers(u, &qu);
        for i in 0..NU {
            let held = bounds.active_bound(i, u, &qu);
            report.add_bounds(t, i, (u, &qu, held), bounds);
            // As for the second row of an absolute value: two rows would hold one excess, and nothing else.
            let soft = const { &M::LIMITS }.soft_without_choice(t, i, NU).map(ConstraintId::Constraint);
            if soft.is_some_and(|row| self.stages[t].sources.contains(&row)) {
                continue;
            }
            if let Some(side) = self.selection.side(t, i, held) {
                let unit = SVector::from_fn(|j, _| if i == j { side.direction() } else { S::zero() });
                self.stages[t].push(ConstraintId::Bound(i, side), Row { x: zeros(), u: unit });
                // Zero at the bound; a dual number has the motion of the bound.
                self.newton.rows[t].push(SVector::from_fn(|_, _| bounds.constraint(side, i, u)));
            }
        }
        qu
    }

    /// `V_T` and `lambda_T`, with the terminal rows.
    fn factorize_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        rule: ActiveSetRule<'_>,
        report: &mut ActiveSetReport,
    ) -> Result<(SMatrix<S, NX, NX>, SVector<S, NX>), ConstraintId>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = self.horizon();
        let mut terminal = TerminalExpansion::zeros();
        model.expand_terminal(point.terminal(), &mut terminal);
        let (mut value, mut lambda) = (terminal.lxx, terminal.lx);
        if let Some(penalties) = &mut self.penalties {
            penalties.hessians[horizon].hxx = value;
        }
        self.newton.gx[horizon] = lambda;
        self.newton.rows[horizon].clear();
        self.terminal.clear();
        if limits.terminal() > 0 {
            let terms = self.expand_terminal_constraints(model, point, (&mut value, &mut lambda), report);
            let mu = point.multipliers.terminal;
            let rows = &mut self.newton.rows[horizon];
            let ConstraintExpansion { c, cx, .. } = &self.terminal_expansion;
            for i in terms..limits.terminal() {
                if is_open(i < limits.terminal_inequalities, c[i].to_f64()) {
                    continue;
                }
                if !mu[i].vanishes() {
                    lambda += cx[i] * mu[i];
                }
                let inequality = i < limits.terminal_inequalities;
                let unit = limits.listed() + i;
                report.units.add_row(unit, c[i].to_f64(), (&cx[i], &zeros()), &self.row_units);
                let values = (c[i].to_f64(), mu[i].to_f64());
                let active = report.add_constraint((horizon, i, unit), inequality, values, rule);
                let taken = self.selection.takes(horizon, ConstraintId::Constraint(i), active);
                if taken && !is_zero(&cx[i]) {
                    self.terminal.sources.push(i);
                    self.terminal.rows.push(cx[i]);
                    let none = SVector::<S, 0>::zeros();
                    let c = without_rounding(c[i], (&cx[i], &point.states[horizon]), (&none, &none));
                    rows.push(SVector::from_fn(|_, _| c));
                }
            }
        }
        self.costates[horizon] = point.costates.map_or(lambda, |known| known[horizon]);
        self.record.set_terminal(&value, &self.terminal.rows);
        match &mut self.proximal {
            Some(rows) if self.in_proximal_form => value = rows.set_terminal(&value, self.record.terminal_rows()),
            _ => self.prepare_terminal_rows()?,
        }
        self.value_hessians[horizon] = value;
        Ok((value, lambda))
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> KktSystem<S, NX, NU> for ActiveSet<S, NX, NU> {
    type Linear<const C: usize> = ActiveSetLinear<S, NX, NU, C>;

    fn linear<const C: usize>(&self) -> ActiveSetLinear<S, NX, NU, C> {
        let (horizon, most) = (self.horizon(), NX + NU);
        ActiveSetLinear {
            stages: repeat_with(ActiveLinear::new).take(horizon).collect(),
            offsets: vec![zeros(); horizon],
            terms: LinearTerms::with_capacity(most),
            end: Vec::with_capacity(NX),
            propagated_rows: Vec::with_capacity(NX),
            row_multipliers: Vec::with_capacity(most),
            stage_multipliers: Vec::with_capacity(self.expansion.c.len().max(self.terminal_constraints())),
            initial: self.initial.as_ref().map(|_| InitialLinear::new()),
            refined: None,
        }
    }

    fn stage_multipliers(memory: &mut Self::Linear<1>) -> Option<&mut Vec<S>> {
        Some(&mut memory.stage_multipliers)
    }

    fn horizon(&self) -> usize {
        self.stages.len()
    }

    fn costates(&self) -> &[SVector<S, NX>] {
        &self.costates
    }

    fn rows(&self, t: usize) -> &[ConstraintId] {
        self.stages.get(t).map_or(&[], |stage| &stage.sources)
    }

    fn terminal_rows(&self) -> &[usize] {
        &self.terminal.sources
    }

    fn penalties(&self) -> Option<&Penalties<S, NX, NU>> {
        self.penalties.as_ref()
    }

    #[cfg(feature = "dual")]
    fn penalties_mut(&mut self) -> Option<&mut Penalties<S, NX, NU>> {
        self.penalties.as_mut()
    }

    fn solve<P: Pattern<NX, NU>, const C: usize, const ADJOINT: bool>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        mut terms: impl FnMut(usize, &mut LinearTerms<S, NX, NU, C>),
        mut visit: impl FnMut(usize, Step<'_, S, NX, NU, C>),
    ) -> SMatrix<S, NX, C> {
        self.solve_with_rows(memory, &mut terms, &mut visit)
    }
}
