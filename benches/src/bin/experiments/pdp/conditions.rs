//! The derivative of the optimality conditions about a solution, stage by stage: what PDP calls the auxiliary control
//! system, and IDOC the blocks of `H`, `A`, `B` and `C`. All methods of this experiment read it, with the numbers of
//! our kernels.

use dilqr_runtime::model::{
    ConstraintExpansion, ConstraintParameterTerms, HamiltonianExpansion, ParameterTerms, Stage, Terminal,
    TerminalExpansion,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Model, Solution};

/// A limit that holds a stage, as an equality.
#[derive(Clone, Debug)]
pub(super) struct ActiveRow<const NX: usize, const NU: usize, const NP: usize> {
    pub(super) cx: SVector<f64, NX>,
    pub(super) cu: SVector<f64, NU>,
    pub(super) cp: SVector<f64, NP>,
}

/// First derivatives of the dynamics, second ones of the Lagrangian, and the limits that hold the stage.
#[derive(Clone, Debug)]
pub(super) struct StageConditions<const NX: usize, const NU: usize, const NP: usize> {
    pub(super) fx: SMatrix<f64, NX, NX>,
    pub(super) fu: SMatrix<f64, NX, NU>,
    pub(super) fp: SMatrix<f64, NX, NP>,
    pub(super) hxx: SMatrix<f64, NX, NX>,
    pub(super) hux: SMatrix<f64, NU, NX>,
    pub(super) huu: SMatrix<f64, NU, NU>,
    pub(super) hxp: SMatrix<f64, NX, NP>,
    pub(super) hup: SMatrix<f64, NU, NP>,
    pub(super) rows: Vec<ActiveRow<NX, NU, NP>>,
}

/// Those of all stages, and of the terminal state.
#[derive(Clone, Debug)]
pub(super) struct Conditions<const NX: usize, const NU: usize, const NP: usize> {
    pub(super) stages: Vec<StageConditions<NX, NU, NP>>,
    pub(super) hxx: SMatrix<f64, NX, NX>,
    pub(super) hxp: SMatrix<f64, NX, NP>,
}

impl<const NX: usize, const NU: usize, const NP: usize> Conditions<NX, NU, NP> {
    /// About a solution: of a relaxed problem with its barriers, of one with limits with those that are active.
    pub(super) fn about<M>(model: &M, solution: &Solution<NX, NU, NP>) -> Self
    where
        M: Model<NX, NU, NP>,
    {
        let (p, none) = (&solution.params, SVector::zeros());
        let stage = |t: usize| {
            let at = Stage::new(&solution.states[t], &solution.controls[t], p, &none);
            let mut stage = StageConditions::of_hamiltonian(model, at, &solution.costates[t + 1]);
            match solution.relaxation {
                Some(relaxation) => stage.add_barriers(model, at, (t, relaxation)),
                None => stage.add_limits(model, at, (t, solution)),
            }
            stage
        };
        let at = Terminal::new(&solution.states[solution.horizon()], p, &none);
        let mut terminal = TerminalExpansion::zeros();
        model.expand_terminal(at, &mut terminal);
        let mut hxp = SMatrix::zeros();
        model.terminal_parameter_terms(at, &mut hxp);
        Self { stages: (0..solution.horizon()).map(stage).collect(), hxx: terminal.lxx, hxp }
    }

    /// Without a change of the solution's derivative: where the terminal Hessian has a zero column `i`, half the square
    /// of that entry of the terminal state is added, and subtracted as a function of the last stage. IDOC inverts the
    /// Hessian of each stage, and the real part of the quadrotor's attitude has no terminal cost.
    pub(super) fn shifted(mut self) -> Self {
        let Some(last) = self.stages.last_mut() else { return self };
        for i in 0..NX {
            if self.hxx.column(i).amax() != 0.0 {
                continue;
            }
            self.hxx[(i, i)] = 1.0;
            let (x, u, p) = (last.fx.row(i), last.fu.row(i), last.fp.row(i));
            last.hxx -= x.transpose() * x;
            last.hux -= u.transpose() * x;
            last.huu -= u.transpose() * u;
            last.hxp -= x.transpose() * p;
            last.hup -= u.transpose() * p;
        }
        self
    }
}

impl<const NX: usize, const NU: usize, const NP: usize> StageConditions<NX, NU, NP> {
    fn of_hamiltonian<M>(model: &M, at: Stage<'_, f64, NX, NU, NP>, lambda: &SVector<f64, NX>) -> Self
    where
        M: Model<NX, NU, NP>,
    {
        let (mut expansion, mut terms) = (HamiltonianExpansion::zeros(), ParameterTerms::zeros());
        model.expand_hamiltonian(at, lambda, &mut expansion);
        model.parameter_terms(at, lambda, &mut terms);
        let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = expansion;
        let ParameterTerms { fp, hxp, hup } = terms;
        Self { fx, fu, fp, hxx, hux, huu, hxp, hup, rows: Vec::new() }
    }

    /// Second derivatives of the barriers `-relaxation ln(slack)`.
    fn add_barriers<M>(&mut self, model: &M, at: Stage<'_, f64, NX, NU, NP>, (t, relaxation): (usize, f64))
    where
        M: Model<NX, NU, NP>,
    {
        if M::LIMITS.bounded {
            let (mut lower, mut upper) = (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY));
            model.bounds(at.p, &mut lower, &mut upper);
            let (mut lower_p, mut upper_p) = (SMatrix::zeros(), SMatrix::zeros());
            model.bounds_terms(at.p, &mut lower_p, &mut upper_p);
            for i in 0..NU {
                // Zero for an open side.
                let curvature = |slack: f64| relaxation / slack.powi(2);
                let (low, high) = (curvature(at.u[i] - lower[i]), curvature(upper[i] - at.u[i]));
                self.huu[(i, i)] += low + high;
                let mut row = self.hup.row_mut(i);
                row -= lower_p.row(i) * low + upper_p.row(i) * high;
            }
        }
        let mut values = vec![0.0; M::LIMITS.stage()];
        if values.is_empty() {
            return;
        }
        model.stage_constraints(at, &mut values);
        let enforced: Vec<bool> = (0..values.len()).map(|i| is_enforced::<M, NX, NU, NP>(t, i)).collect();
        let multiplier = |(&c, &enforced): (&f64, &bool)| if enforced { -relaxation / c } else { 0.0 };
        let multipliers: Vec<f64> = values.iter().zip(&enforced).map(multiplier).collect();
        let rows = self.add_constraints(model, at, &multipliers);
        for ((row, c), _) in rows.iter().zip(values).zip(enforced).filter(|(_, enforced)| *enforced) {
            let curvature = relaxation / c.powi(2);
            self.hxx += row.cx * row.cx.transpose() * curvature;
            self.hux += row.cu * row.cx.transpose() * curvature;
            self.huu += row.cu * row.cu.transpose() * curvature;
            self.hxp += row.cx * row.cp.transpose() * curvature;
            self.hup += row.cu * row.cp.transpose() * curvature;
        }
    }

    /// Second derivatives of the constraints with their multipliers, and the rows of active limits.
    fn add_limits<M>(
        &mut self,
        model: &M,
        at: Stage<'_, f64, NX, NU, NP>,
        (t, solution): (usize, &Solution<NX, NU, NP>),
    ) where
        M: Model<NX, NU, NP>,
    {
        if let Some(multipliers) = solution.bound_multipliers.get(t) {
            let (mut lower_p, mut upper_p) = (SMatrix::zeros(), SMatrix::zeros());
            model.bounds_terms(at.p, &mut lower_p, &mut upper_p);
            for i in (0..NU).filter(|&i| multipliers[i] != 0.0) {
                let mut cu = SVector::zeros();
                cu[i] = 1.0;
                let side: &SMatrix<f64, NU, NP> = if multipliers[i] > 0.0 { &lower_p } else { &upper_p };
                self.rows.push(ActiveRow { cx: SVector::zeros(), cu, cp: -side.row(i).transpose() });
            }
        }
        let each = M::LIMITS.stage();
        if let Some(multipliers) = solution.multipliers.stage.get(t * each..(t + 1) * each).filter(|_| each > 0) {
            let rows = self.add_constraints(model, at, multipliers);
            let active = rows.into_iter().zip(multipliers).filter(|(_, multiplier)| **multiplier != 0.0);
            self.rows.extend(active.map(|(row, _)| row));
        }
    }

    /// Adds the second derivatives of `multipliers' c`, and returns the rows of all constraints.
    fn add_constraints<M>(
        &mut self,
        model: &M,
        at: Stage<'_, f64, NX, NU, NP>,
        multipliers: &[f64],
    ) -> Vec<ActiveRow<NX, NU, NP>>
    where
        M: Model<NX, NU, NP>,
    {
        let mut expansion = ConstraintExpansion::zeros(multipliers.len());
        model.expand_stage_constraints(at, multipliers, &mut expansion);
        let mut terms = ConstraintParameterTerms::zeros(multipliers.len());
        model.stage_constraint_terms(at, multipliers, &mut terms);
        self.hxx += expansion.hxx;
        self.hux += expansion.hux;
        self.huu += expansion.huu;
        self.hxp += terms.hxp;
        self.hup += terms.hup;
        let rows = expansion.cx.into_iter().zip(expansion.cu).zip(terms.cp);
        rows.map(|((cx, cu), cp)| ActiveRow { cx, cu, cp }).collect()
    }
}

/// Whether a constraint is enforced at a stage: at stage 0 the state is given.
fn is_enforced<M, const NX: usize, const NU: usize, const NP: usize>(t: usize, i: usize) -> bool
where
    M: Model<NX, NU, NP>,
{
    t > 0 || M::LIMITS.depends_on_control.get(i).copied().unwrap_or(true)
}
