//! The derivative of the whole trajectory with respect to the parameters of one stage.
//!
//! They enter at that stage alone, so the LQ problem about the solution has one linear part, there: `gx = hxs`,
//! `gu = hus`, `offset = fs`, and the constants of the active rows are `cs`. These come from the contraction kernels, one
//! unit direction after another.

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::{Constrained, Terms};
use crate::kkt::relaxed::Relaxed;
use crate::kkt::unconstrained::Sensitivity;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::records::ParameterTerms;
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::TrajectoryRef;

/// The derivatives in `s_t` at one stage; the terminal stage has no control and no dynamics.
struct StageTerms<const NX: usize, const NU: usize, const NS: usize> {
    terms: ParameterTerms<f64, NX, NU, NS>,
    /// `cs`, a row for each constraint.
    constraints: Vec<SVector<f64, NS>>,
}

/// The trajectory's derivative in `s_stage` without limits, or of a relaxed problem.
pub(crate) fn free<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    sensitivity: &mut Sensitivity<f64, NX, NU>,
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    stage: usize,
    states: &mut [SMatrix<f64, NX, NS>],
    controls: &mut [SMatrix<f64, NU, NS>],
) where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = controls.len();
    let none = MultipliersRef { stage: &[], terminal: &[] };
    let mut relaxed = sensitivity.relaxed.take();
    let StageTerms { terms, .. } = stage_terms(model, point, stage, &sensitivity.costates, none, relaxed.as_mut());
    let end = if stage == horizon { terms.hxp } else { SMatrix::zeros() };
    sensitivity.solve::<M, NP, NS, NS>(
        end,
        states,
        controls,
        |t| {
            if t == stage { terms } else { ParameterTerms::zeros() }
        },
    );
    sensitivity.relaxed = relaxed;
}

/// As [`free`], with the limits that are active.
pub(crate) fn limited<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    constrained: &Constrained<f64, NX, NU>,
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    multipliers: MultipliersRef<'_, f64>,
    stage: usize,
) -> (Vec<SMatrix<f64, NX, NS>>, Vec<SMatrix<f64, NU, NS>>)
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = constrained.horizon();
    let StageTerms { terms, constraints } = stage_terms(model, point, stage, &constrained.costates, multipliers, None);
    let lq_solution = constrained.solve(|t, part: &mut Terms<f64, NX, NU, NS>| {
        let here = t == stage;
        let ParameterTerms { fp, hxp, hup } = if here { terms } else { ParameterTerms::zeros() };
        (part.gx, part.gu, part.offset) = (hxp, hup, fp);
        let constant = |i: usize| if here { constraints[i] } else { SVector::zeros() };
        if t == horizon {
            part.own.extend(constrained.terminal.sources.iter().map(|&i| constant(i)));
        } else {
            // Bounds do not depend on the stage's parameters.
            part.own.extend(constrained.stages[t].sources.iter().map(|source| match *source {
                ConstraintId::Constraint(i) => constant(i),
                ConstraintId::Bound(..) => SVector::zeros(),
            }));
        }
    });
    (lq_solution.dx, lq_solution.du)
}

fn stage_terms<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    stage: usize,
    costates: &[SVector<f64, NX>],
    multipliers: MultipliersRef<'_, f64>,
    mut relaxed: Option<&mut Relaxed<f64, NX, NU>>,
) -> StageTerms<NX, NU, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let TrajectoryRef { states, controls, params, stage_params } = point;
    let horizon = controls.len();
    let (x, s) = (&states[stage], &stage_params[stage]);
    let count = if stage == horizon { limits.terminal() } else { limits.stage() };
    let is_relaxed = relaxed.is_some();
    let mut gp = SVector::zeros();
    // The gradient in `s` of `hx' dx + hu' du + dlambda' f + mu' (cx dx + cu du) + dmu' c`.
    let mut gradient = |dx: &SVector<f64, NX>, du: &SVector<f64, NU>, dlambda: &SVector<f64, NX>, dmu: &[f64]| {
        let mut gs = SVector::zeros();
        if stage == horizon {
            model.add_terminal_parameter_contraction(
                Terminal::new(x, params, s),
                dx,
                ParameterGradient { p: &mut gp, s: &mut gs },
            );
        } else {
            let (u, lambda) = (&controls[stage], &costates[stage + 1]);
            model.add_parameter_contraction(
                Stage::new(x, u, params, s),
                lambda,
                Variation { dx, du },
                dlambda,
                ParameterGradient { p: &mut gp, s: &mut gs },
            );
        }
        match &mut relaxed {
            Some(relaxed) if stage == horizon => relaxed.contract_terminal(model, point, Some(dx), &mut gp, &mut gs),
            Some(relaxed) => relaxed.contract_stage(model, point, stage, Some((dx, du)), &mut gp, &mut gs),
            None if count == 0 => {}
            None if stage == horizon => {
                let mu = multipliers.terminal;
                model.add_terminal_constraint_contraction(
                    Terminal::new(x, params, s),
                    mu,
                    dx,
                    dmu,
                    ParameterGradient { p: &mut gp, s: &mut gs },
                );
            }
            None => {
                let mu = &multipliers.stage[stage * count..][..count];
                let u = &controls[stage];
                model.add_stage_constraint_contraction(
                    Stage::new(x, u, params, s),
                    mu,
                    Variation { dx, du },
                    dmu,
                    ParameterGradient { p: &mut gp, s: &mut gs },
                );
            }
        }
        gs
    };
    let (no_dx, no_du, no_dmu) = (SVector::zeros(), SVector::zeros(), vec![0.0; count]);
    let mut terms = ParameterTerms::<f64, NX, NU, NS>::zeros();
    for i in 0..NX {
        let unit = SVector::from_fn(|j, _| f64::from(u8::from(i == j)));
        terms.hxp.set_row(i, &gradient(&unit, &no_du, &no_dx, &no_dmu).transpose());
        if stage < horizon {
            terms.fp.set_row(i, &gradient(&no_dx, &no_du, &unit, &no_dmu).transpose());
        }
    }
    if stage < horizon {
        for i in 0..NU {
            let unit = SVector::from_fn(|j, _| f64::from(u8::from(i == j)));
            terms.hup.set_row(i, &gradient(&no_dx, &unit, &no_dx, &no_dmu).transpose());
        }
    }
    let constraints = (0..if is_relaxed { 0 } else { count }).map(|i| {
        let mut unit = no_dmu.clone();
        unit[i] = 1.0;
        gradient(&no_dx, &no_du, &no_dx, &unit)
    });
    let constraints = constraints.collect();
    StageTerms { terms, constraints }
}
