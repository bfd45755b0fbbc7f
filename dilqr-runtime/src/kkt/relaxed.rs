//! The barriers of a relaxed problem and their derivatives.
//!
//! A relaxed problem has no limits: its cost has barriers instead (see `penalty`), and is differentiated like any other.
//! With `sigma` and `kappa` the first and second derivative of a barrier at its constraint's value `c`, a stage's cost has
//! the gradient `sigma c_z` and the Hessian `sigma c_zz + kappa c_z c_z'`. For a change `dz` of the trajectory, the change of
//! the gradient has the derivative `sigma c_zp' dz + c_p' kappa c_z' dz` in the parameters. That is the contraction of a
//! constraint with multiplier `sigma` whose multiplier changes by `kappa c_z' dz`.

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{dot, zeros};
use crate::lq::bounds::{Bounds, Side};
use crate::model::Model;
use crate::model::limits::{ConstraintParameterTerms, Limits};
use crate::model::records::ParameterTerms;
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::ocp::constraints::is_enforced_at;
use crate::ocp::instance::{CostDerivativesMut, OcpInstance, PenaltyRecord};
use crate::ocp::penalty::{Penalty, PenaltyKind, PenaltyValue};
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::Scalar;

/// Barriers, and memory for one stage.
#[derive(Clone, Debug)]
pub(crate) struct Relaxed<S, const NX: usize, const NU: usize> {
    penalty: Penalty<S>,
    stage: Memory<S, NX, NU>,
    terminal: Memory<S, NX, 0>,
}

#[derive(Clone, Debug)]
struct Memory<S, const NX: usize, const NU: usize> {
    c: Vec<S>,
    /// `kappa`
    curvatures: Vec<S>,
    /// How `sigma` changes in a direction.
    changes: Vec<S>,
    /// `sigma`, as multipliers, and the expansion of the constraints.
    record: PenaltyRecord<S, NX, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Memory<S, NX, NU> {
    fn new(count: usize) -> Self {
        let list = vec![S::zero(); count];
        Self { c: list.clone(), curvatures: list.clone(), changes: list, record: PenaltyRecord::zeros(count) }
    }

    /// Fills slopes and curvatures from the values.
    fn evaluate(&mut self, penalty: &Penalty<S>, inequalities: usize, counts: impl Fn(usize) -> bool) {
        for i in 0..self.c.len() {
            let none = PenaltyValue { value: S::zero(), slope: S::zero(), curvature: S::zero() };
            let term = if counts(i) { penalty.term(i, i < inequalities, self.c[i], S::zero()) } else { none };
            self.record.multipliers[i] = term.slope;
            self.curvatures[i] = term.curvature;
        }
    }

    fn change(&mut self, dx: &SVector<S, NX>, du: &SVector<S, NU>) {
        for i in 0..self.c.len() {
            self.changes[i] =
                self.curvatures[i] * (dot(&self.record.expansion.cx[i], dx) + dot(&self.record.expansion.cu[i], du));
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> Relaxed<S, NX, NU> {
    pub(crate) fn new(tau: f64, horizon: usize, limits: &Limits) -> Self {
        Self {
            penalty: Penalty::new(PenaltyKind::Barrier { tau }, horizon, limits),
            stage: Memory::new(limits.stage()),
            terminal: Memory::new(limits.terminal()),
        }
    }

    /// Adds the barriers of stage `t` to its derivatives.
    pub(crate) fn expand_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        derivatives: CostDerivativesMut<'_, S, NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let TrajectoryRef { states, controls, params, stage_params, .. } = point;
        let bounds = Bounds::of(model, params);
        let instance = OcpInstance { model, params, stage_params, bounds: &bounds, penalty: &self.penalty };
        let Memory { c, record, .. } = &mut self.stage;
        instance.stage_penalty(t, &states[t], &controls[t], c);
        instance.expand_stage_penalty(t, point.stage(t), c, record, derivatives);
    }

    /// Adds the barriers of the terminal state to its derivatives.
    pub(crate) fn expand_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        lx: &mut SVector<S, NX>,
        lxx: &mut SMatrix<S, NX, NX>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let TrajectoryRef { states, params, stage_params, .. } = point;
        let bounds = Bounds::of(model, params);
        let instance = OcpInstance { model, params, stage_params, bounds: &bounds, penalty: &self.penalty };
        let Memory { c, record, .. } = &mut self.terminal;
        let x = &states[states.len() - 1];
        instance.terminal_penalty(x, c);
        instance.expand_terminal_penalty(x, c, record, lx, lxx);
    }

    /// Evaluates the constraints of a stage again, to first order in the parameters.
    fn visit_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params, .. } = point;
        let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
        let Self { penalty, stage, .. } = self;
        if limits.stage() > 0 {
            model.stage_constraints(Stage::new(x, u, params, s), &mut stage.c);
            stage.evaluate(penalty, limits.stage_inequalities, |i| is_enforced_at(limits, t, i));
            model.expand_stage_constraints(
                Stage::new(x, u, params, s),
                &stage.record.multipliers,
                &mut stage.record.expansion,
            );
        }
    }

    fn visit_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, params, stage_params, .. } = point;
        let (x, s) = (&states[states.len() - 1], &stage_params[stage_params.len() - 1]);
        let Self { penalty, terminal, .. } = self;
        if limits.terminal() > 0 {
            model.terminal_constraints(Terminal::new(x, params, s), &mut terminal.c);
            terminal.evaluate(penalty, limits.terminal_inequalities, |_| true);
            model.expand_terminal_constraints(
                Terminal::new(x, params, s),
                &terminal.record.multipliers,
                &mut terminal.record.expansion,
            );
        }
    }

    /// Adds to the gradients what the barriers of stage `t` contribute when the trajectory changes by `variation`; where
    /// that is `None`, the derivative of the barriers themselves.
    pub(crate) fn contract_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        variation: Option<Variation<'_, S, NX, NU>>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params, .. } = point;
        let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
        let (dx, du) = variation.map_or_else(|| (zeros(), zeros()), |step| (*step.dx, *step.du));
        self.visit_stage(model, point, t);
        let Self { penalty, stage, .. } = self;
        if limits.stage() > 0 {
            stage.change(&dx, &du);
            let dmu = if variation.is_some() { &stage.changes } else { &stage.record.multipliers };
            model.add_stage_constraint_contraction(
                Stage::new(x, u, params, s),
                &stage.record.multipliers,
                Variation::new(&dx, &du),
                dmu,
                out.reborrow(),
            );
        }
        if limits.bounded {
            let (mut lower, mut upper): (SVector<S, NU>, SVector<S, NU>) = (zeros(), zeros());
            for i in 0..NU {
                // `c = lower - u` moves with the lower bound, `c = u - upper` against the upper one.
                for (side, term) in penalty.of_bounds(&Bounds::of(model, params), i, u) {
                    let change = term.curvature * side.direction::<S>() * du[i];
                    let weight = if variation.is_some() { change } else { term.slope };
                    match side {
                        Side::Lower => lower[i] += weight,
                        Side::Upper => upper[i] += -weight,
                    }
                }
            }
            model.add_bounds_contraction(params, &lower, &upper, out.p);
        }
    }

    /// As [`contract_stage`](Self::contract_stage), of the terminal state.
    pub(crate) fn contract_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        direction: Option<&SVector<S, NX>>,
        out: ParameterGradient<'_, S, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        if const { M::LIMITS.terminal() == 0 } {
            return;
        }
        let TrajectoryRef { states, params, stage_params, .. } = point;
        let (x, s) = (&states[states.len() - 1], &stage_params[stage_params.len() - 1]);
        let dx = direction.map_or_else(zeros, |dx| *dx);
        self.visit_terminal(model, point);
        let terminal = &mut self.terminal;
        terminal.change(&dx, &zeros());
        let dmu = if direction.is_some() { &terminal.changes } else { &terminal.record.multipliers };
        model.add_terminal_constraint_contraction(
            Terminal::new(x, params, s),
            &terminal.record.multipliers,
            &dx,
            dmu,
            out,
        );
    }

    /// Adds the barriers of stage `t` to the parameter terms `hxp`, `hup`.
    pub(crate) fn add_stage_terms<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
        terms: &mut ParameterTerms<S, NX, NU, NP>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let TrajectoryRef { states, controls, params, stage_params, .. } = point;
        let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
        self.visit_stage(model, point, t);
        let Self { penalty, stage, .. } = self;
        if limits.stage() > 0 {
            let mut parameters = ConstraintParameterTerms::zeros(limits.stage());
            model.stage_constraint_terms(Stage::new(x, u, params, s), &stage.record.multipliers, &mut parameters);
            terms.hxp += parameters.hxp;
            terms.hup += parameters.hup;
            for i in 0..limits.stage() {
                add_outer(&mut terms.hxp, &stage.record.expansion.cx[i], &parameters.cp[i], stage.curvatures[i]);
                add_outer(&mut terms.hup, &stage.record.expansion.cu[i], &parameters.cp[i], stage.curvatures[i]);
            }
        }
        if limits.bounded {
            let (mut lower, mut upper) = (SMatrix::from_fn(|_, _| S::zero()), SMatrix::from_fn(|_, _| S::zero()));
            model.bounds_terms(params, &mut lower, &mut upper);
            for i in 0..NU {
                for (side, term) in penalty.of_bounds(&Bounds::of(model, params), i, u) {
                    let bound = match side {
                        Side::Lower => &lower,
                        Side::Upper => &upper,
                    };
                    for j in 0..NP {
                        // `c_p` is `lower_p` or `-upper_p`, `c_u` the side: their product is negative either way.
                        terms.hup[(i, j)] += -(term.curvature * bound[(i, j)]);
                    }
                }
            }
        }
    }

    /// Adds the barriers of the terminal state to `lxp`.
    pub(crate) fn add_terminal_terms<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        lxp: &mut SMatrix<S, NX, NP>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.terminal() == 0 {
            return;
        }
        let TrajectoryRef { states, params, stage_params, .. } = point;
        let (x, s) = (&states[states.len() - 1], &stage_params[stage_params.len() - 1]);
        self.visit_terminal(model, point);
        let mut parameters = ConstraintParameterTerms::<S, NX, 0, NP>::zeros(limits.terminal());
        model.terminal_constraint_terms(
            Terminal::new(x, params, s),
            &self.terminal.record.multipliers,
            &mut parameters,
        );
        *lxp += parameters.hxp;
        for i in 0..limits.terminal() {
            add_outer(lxp, &self.terminal.record.expansion.cx[i], &parameters.cp[i], self.terminal.curvatures[i]);
        }
    }
}

/// `out += scale a b'`
fn add_outer<S: Scalar, const R: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SVector<S, R>,
    b: &SVector<S, C>,
    scale: S,
) {
    for j in 0..C {
        for i in 0..R {
            out[(i, j)] += scale * a[i] * b[j];
        }
    }
}
