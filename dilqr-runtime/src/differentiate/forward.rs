//! The forward mode: the derivative of the whole trajectory, every parameter being one linear part of the LQ problem.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::differentiate::adjoint::Contraction;
use crate::gradient::Jacobian;
use crate::kkt::linear::{KktSystem, LinearTerms, Step};
use crate::kkt::penalties::Penalties;
use crate::lq::bounds::Side;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::ConstraintParameterTerms;
use crate::model::records::ParameterTerms;
use crate::model::stage::ParameterGradient;
use crate::ocp::instance::PatternOf;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::TrajectoryRef;

/// The derivative in the parameters: `gx = hxp`, `gu = hup`, `offset = fp`, and the constants of the active rows are their
/// derivatives in the parameters.
pub(crate) fn jacobian<K, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &K,
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
) -> Jacobian<NX, NU, NP>
where
    K: KktSystem<f64, NX, NU>,
    M: Model<NX, NU, NP, NS>,
{
    let mut provider = ParameterLinearTerms::new(model, point, system.penalties());
    solve::<_, M, NX, NU, NP, NS, NP>(system, |t, terms| provider.fill(system, t, terms))
}

/// The solution of the LQ problem with `C` linear parts as a Jacobian.
fn solve<K, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const C: usize>(
    system: &K,
    terms: impl FnMut(usize, &mut LinearTerms<f64, NX, NU, C>),
) -> Jacobian<NX, NU, C>
where
    K: KktSystem<f64, NX, NU>,
    M: Model<NX, NU, NP, NS>,
{
    let horizon = system.horizon();
    let mut jacobian = Jacobian::with_room(horizon);
    system.solve::<PatternOf<M, NP, NS>, C, false>(&mut system.linear(), terms, |t, step| {
        jacobian.states.push(*step.dx);
        if t < horizon {
            jacobian.controls.push(*step.du);
        }
    });
    jacobian
}

/// The linear terms of the parameters, stage by stage.
pub(super) struct ParameterLinearTerms<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    model: &'a M,
    point: TrajectoryRef<'a, f64, NX, NU, NP, NS>,
    penalties: Option<&'a Penalties<f64, NX, NU>>,
    terms: ParameterTerms<f64, NX, NU, NP>,
    constraints: ConstraintParameterTerms<f64, NX, NU, NP>,
    terminal_constraints: ConstraintParameterTerms<f64, NX, 0, NP>,
    lower: SMatrix<f64, NU, NP>,
    upper: SMatrix<f64, NU, NP>,
}

impl<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
    ParameterLinearTerms<'a, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    pub(super) fn new(
        model: &'a M,
        point: TrajectoryRef<'a, f64, NX, NU, NP, NS>,
        penalties: Option<&'a Penalties<f64, NX, NU>>,
    ) -> Self {
        let limits = const { &M::LIMITS };
        let (mut lower, mut upper) = (SMatrix::zeros(), SMatrix::zeros());
        if limits.bounded {
            model.bounds_terms(point.params, &mut lower, &mut upper);
        }
        Self {
            model,
            point,
            penalties,
            terms: ParameterTerms::zeros(),
            constraints: ConstraintParameterTerms::zeros(limits.listed()),
            terminal_constraints: ConstraintParameterTerms::zeros(limits.terminal()),
            lower,
            upper,
        }
    }

    /// Those of stage `t`, or of the terminal state at the horizon.
    pub(super) fn fill<K>(&mut self, system: &K, t: usize, out: &mut LinearTerms<f64, NX, NU, NP>)
    where
        K: KktSystem<f64, NX, NU>,
    {
        match t < system.horizon() {
            true => self.stage(t, &system.costates()[t + 1], system.rows(t), out),
            false => self.terminal(system.terminal_rows(), out),
        }
    }

    fn stage(
        &mut self,
        t: usize,
        lambda: &SVector<f64, NX>,
        rows: &[ConstraintId],
        out: &mut LinearTerms<f64, NX, NU, NP>,
    ) {
        let limits = const { &M::LIMITS };
        let at = self.point.stage(t);
        let at_stage = (self.model, t);
        stage_functions::parameter_terms(at_stage, at, lambda, &mut self.terms);
        (out.gx, out.gu, out.offset) = (self.terms.hxp, self.terms.hup, self.terms.fp);
        if limits.listed() > 0 {
            let mu = self.point.multipliers.at_stage(t, limits);
            // A constraint that is not active may have no derivative here.
            let applies = |row: &ConstraintId| matches!(row, ConstraintId::Constraint(_));
            let has_terms = self.penalties.is_some_and(|penalties| penalties.has_terms(t));
            if has_terms || rows.iter().any(applies) || mu.iter().any(|&multiplier| multiplier != 0.0) {
                stage_functions::stage_constraint_terms(at_stage, at, mu, &mut self.constraints);
                out.gx += self.constraints.hxp;
                out.gu += self.constraints.hup;
            }
        }
        if let Some(penalties) = self.penalties {
            out.penalties.clear();
            out.penalties.extend_from_slice(penalties.split(t, &self.constraints.cp).0);
            for i in (0..NU).filter(|_| limits.bounded && !penalties.is_augmented()) {
                out.penalties.push(self.lower.row(i).transpose());
                out.penalties.push(-self.upper.row(i).transpose());
            }
        }
        for row in rows {
            out.rows.push(match *row {
                ConstraintId::Constraint(i) => self.constraints.cp[i],
                ConstraintId::Bound(i, Side::Lower) => self.lower.row(i).transpose(),
                ConstraintId::Bound(i, Side::Upper) => -self.upper.row(i).transpose(),
            });
        }
    }

    fn terminal(&mut self, rows: &[usize], out: &mut LinearTerms<f64, NX, NU, NP>) {
        let limits = const { &M::LIMITS };
        let at = self.point.terminal();
        out.gx = SMatrix::zeros();
        self.model.terminal_parameter_terms(at, &mut out.gx);
        if limits.terminal() > 0 {
            let mu = self.point.multipliers.terminal;
            let has_terms = self.penalties.is_some_and(|penalties| penalties.has_terms(self.point.controls.len()));
            // A constraint that is not active may have no derivative here.
            if has_terms || !rows.is_empty() || mu.iter().any(|&multiplier| multiplier != 0.0) {
                self.model.terminal_constraint_terms(at, mu, &mut self.terminal_constraints);
                out.gx += self.terminal_constraints.hxp;
            }
            if let Some(penalties) = self.penalties {
                out.penalties.clear();
                let inequalities = penalties.split(self.point.controls.len(), &self.terminal_constraints.cp).0;
                out.penalties.extend_from_slice(inequalities);
            }
        }
        for &i in rows {
            out.rows.push(self.terminal_constraints.cp[i]);
        }
    }
}

/// The derivative in the parameters `s_t` of one stage. They enter at that stage alone, so the linear part is there:
/// `gx = hxs`, `gu = hus`, `offset = fs`, and `cs` for the active rows. These come from the contraction kernels, one unit
/// direction after another.
pub(crate) fn stage_jacobian<K, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &K,
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    stage: usize,
) -> Jacobian<NX, NU, NS>
where
    K: KktSystem<f64, NX, NU>,
    M: Model<NX, NU, NP, NS>,
{
    let provider = StageLinearTerms::new(system, model, point, (stage, system.penalties()));
    solve::<_, M, NX, NU, NP, NS, NS>(system, |t, terms| provider.fill(system, t, terms))
}

/// The linear terms of the parameters of one stage.
pub(super) struct StageLinearTerms<const NX: usize, const NU: usize, const NS: usize> {
    stage: usize,
    terms: LinearTerms<f64, NX, NU, NS>,
}

impl<const NX: usize, const NU: usize, const NS: usize> StageLinearTerms<NX, NU, NS> {
    pub(super) fn new<K, M, const NP: usize>(
        system: &K,
        model: &M,
        point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
        (stage, penalties): (usize, Option<&Penalties<f64, NX, NU>>),
    ) -> Self
    where
        K: KktSystem<f64, NX, NU>,
        M: Model<NX, NU, NP, NS>,
    {
        let contraction = Contraction::new(model, point, system.costates(), penalties, Vec::new());
        Self { stage, terms: contracted_terms(system, contraction, (stage, 0), |gradient| *gradient.s) }
    }

    /// Those of stage `t`: zeros, but for the stage of the parameters.
    pub(super) fn fill<K>(&self, system: &K, t: usize, out: &mut LinearTerms<f64, NX, NU, NS>)
    where
        K: KktSystem<f64, NX, NU>,
    {
        if t == self.stage {
            out.clone_from(&self.terms);
        } else {
            let rows = if t < system.horizon() { system.rows(t).len() } else { system.terminal_rows().len() };
            (out.gx, out.gu, out.offset) = (SMatrix::zeros(), SMatrix::zeros(), SMatrix::zeros());
            out.rows.resize(rows, SVector::zeros());
            out.penalties.clear();
        }
    }
}

/// The unit vector `i`.
fn unit<const N: usize>(i: usize) -> SVector<f64, N> {
    SVector::from_fn(|j, _| if i == j { 1.0 } else { 0.0 })
}

/// The linear terms at stage `t` in `C` data that `pick` takes from gradients: those of `hx' dx + hu' du + dlambda' f + dmu' c`
/// along unit vectors. The gradients are given in the first `weights` weights.
pub(super) fn contracted_terms<
    K,
    M,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const C: usize,
>(
    system: &K,
    mut contraction: Contraction<'_, M, f64, NX, NU, NP, NS>,
    (stage, weights): (usize, usize),
    pick: impl Fn(ParameterGradient<'_, f64, NP, NS>) -> SVector<f64, C>,
) -> LinearTerms<f64, NX, NU, C>
where
    K: KktSystem<f64, NX, NU>,
    M: Model<NX, NU, NP, NS>,
{
    let terminal = stage == system.horizon();
    let count = if terminal { system.terminal_rows().len() } else { system.rows(stage).len() };
    let penalties = system.penalties().map_or(0, |penalties| penalties.count(stage));
    // The multipliers of active rows, then those of limits that are terms.
    let no_rows = vec![SVector::zeros(); count + penalties];
    let mut weights = vec![0.0; weights];
    let mut gradient = |dx: &SVector<f64, NX>, du: &SVector<f64, NU>, dlambda: &SVector<f64, NX>, rows: &[_]| {
        let (mut gp, mut gs) = (SVector::zeros(), SVector::zeros());
        let (rows, penalties) = rows.split_at(count);
        weights.fill(0.0);
        let mut out = ParameterGradient { p: &mut gp, s: &mut gs, w: &mut weights };
        let step = Step { dx, du, dlambda, rows, penalties };
        match terminal {
            true => contraction.add_terminal(system.terminal_rows(), &step, out.reborrow()),
            false => contraction.add_stage(stage, system.rows(stage), &step, out.reborrow()),
        }
        pick(out)
    };
    let (no_dx, no_du) = (SVector::zeros(), SVector::zeros());
    let mut terms: LinearTerms<f64, NX, NU, C> = LinearTerms::with_capacity(count);
    for i in 0..NX {
        let unit = unit(i);
        terms.gx.set_row(i, &gradient(&unit, &no_du, &no_dx, &no_rows).transpose());
        if !terminal {
            terms.offset.set_row(i, &gradient(&no_dx, &no_du, &unit, &no_rows).transpose());
        }
    }
    for i in (0..NU).filter(|_| !terminal) {
        terms.gu.set_row(i, &gradient(&no_dx, &unit(i), &no_dx, &no_rows).transpose());
    }
    for i in 0..no_rows.len() {
        let mut unit = no_rows.clone();
        unit[i][0] = 1.0;
        let list = if i < count { &mut terms.rows } else { &mut terms.penalties };
        list.push(gradient(&no_dx, &no_du, &no_dx, &unit));
    }
    terms
}
