//! An active limit at its stage, and its derivatives in the variables and in the problem's data.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::differentiate::candidate::Candidate;
use crate::differentiate::weight_directions::{DIRECTIONS, along};
use crate::lq::bounds::Side;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::stage::{ParameterGradient, Variation};
use crate::ocp::stage_functions;
use crate::ocp::stationarity::Magnitudes;

/// A limit that is active: its derivatives in the variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActiveRow<const NX: usize, const NU: usize> {
    /// The horizon for terminal constraints.
    pub(super) stage: usize,
    pub(super) source: ConstraintId,
    pub(super) cx: SVector<f64, NX>,
    pub(super) cu: SVector<f64, NU>,
}

impl<const NX: usize, const NU: usize> ActiveRow<NX, NU> {
    /// The limits at their stages.
    pub(super) fn all<M, const NP: usize, const NS: usize>(
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        limits: impl Iterator<Item = (usize, ConstraintId)>,
    ) -> Vec<Self>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Candidate { model, point, .. } = candidate;
        let (kinds, horizon) = (const { &M::LIMITS }, point.controls.len());
        let mut stage_rows = ConstraintExpansion::zeros(kinds.listed());
        let mut initial_rows = ConstraintExpansion::zeros(kinds.initial());
        let mut terminal_rows = ConstraintExpansion::zeros(kinds.terminal());
        let row = |(stage, source): (usize, ConstraintId)| {
            let (mut cx, mut cu) = (SVector::zeros(), SVector::zeros());
            match source {
                ConstraintId::Bound(i, side) => cu[i] = side.direction(),
                ConstraintId::Constraint(i) if stage == horizon => {
                    let mu = point.multipliers.terminal;
                    model.expand_terminal_constraints(point.terminal(), mu, &mut terminal_rows);
                    cx = terminal_rows.cx[i];
                }
                ConstraintId::Constraint(i) => {
                    let mu = point.multipliers.at_stage(stage, kinds);
                    let (at, out) = (point.stage(stage), &mut stage_rows);
                    stage_functions::expand_stage_constraints((*model, stage), at, mu, out, &mut initial_rows);
                    (cx, cu) = (stage_rows.cx[i], stage_rows.cu[i]);
                }
            }
            Self { stage, source, cx, cu }
        };
        limits.map(row).collect()
    }

    /// The derivatives in the data, `c_p`, `c_s` at the limit's own stage and those along directions in the weights, and their magnitudes: `|c_p| + |c_xp| X + |c_up| U`
    /// with the magnitudes `X` and `U` of the variables. (In the scale of a row `c_p` is the value of the row, which is zero
    /// as far as the variables are accurate.)
    pub(super) fn explicit<M, const NP: usize, const NS: usize>(
        &self,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
    ) -> Explicit<NP, NS>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Candidate { model, point, .. } = candidate;
        if let ConstraintId::Bound(i, side) = self.source {
            let (mut lower, mut upper) = (SMatrix::zeros(), SMatrix::zeros());
            model.bounds_terms(point.params, &mut lower, &mut upper);
            let in_params = match side {
                Side::Lower => lower.row(i).transpose(),
                Side::Upper => -upper.row(i).transpose(),
            };
            // Bounds depend on the parameters alone.
            let (stage, weights) = ((SVector::zeros(), SVector::zeros()), (SVector::zeros(), SVector::zeros()));
            return Explicit { params: (in_params, in_params.abs()), stage, weights };
        }
        let (no_dx, no_du) = (SVector::zeros(), SVector::zeros());
        let (gp, gs, gw) = self.contract(candidate, (&no_dx, &no_du), true);
        let mut explicit = Explicit { params: (gp, gp.abs()), stage: (gs, gs.abs()), weights: (gw, gw.abs()) };
        let magnitudes = Magnitudes::of(point.states, point.controls);
        let mut add = |dx: &SVector<f64, NX>, du: &SVector<f64, NU>| {
            let (gp, gs, gw) = self.contract(candidate, (dx, du), false);
            explicit.params.1 += gp.abs();
            explicit.stage.1 += gs.abs();
            explicit.weights.1 += gw.abs();
        };
        for i in 0..NX {
            add(&SVector::from_fn(|j, _| if i == j { magnitudes.states[i] } else { 0.0 }), &no_du);
        }
        for i in (0..NU).filter(|_| self.stage < point.controls.len()) {
            add(&no_dx, &SVector::from_fn(|j, _| if i == j { magnitudes.controls[i] } else { 0.0 }));
        }
        explicit
    }

    /// The gradient of the constraint in `p` and `s` and along directions in the weights, or that of its change along a variation.
    fn contract<M, const NP: usize, const NS: usize>(
        &self,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        (dx, du): (&SVector<f64, NX>, &SVector<f64, NU>),
        of_value: bool,
    ) -> (SVector<f64, NP>, SVector<f64, NS>, SVector<f64, DIRECTIONS>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Candidate { model, point, .. } = candidate;
        let (limits, terminal) = (const { &M::LIMITS }, self.stage == point.controls.len());
        let (mut gp, mut gs) = (SVector::zeros(), SVector::zeros());
        let mut gw = vec![0.0; model.weight_count()];
        let out = ParameterGradient { p: &mut gp, s: &mut gs, w: &mut gw };
        let none = vec![0.0; if terminal { limits.terminal() } else { limits.listed() }];
        let mut unit = none.clone();
        if let ConstraintId::Constraint(i) = self.source {
            unit[i] = 1.0;
        }
        let (mu, dmu) = if of_value { (&none, &unit) } else { (&unit, &none) };
        if terminal {
            model.add_terminal_constraint_contraction(point.terminal(), mu, dx, dmu, out);
        } else {
            let variation = Variation::new(dx, du);
            let (t, at) = (self.stage, point.stage(self.stage));
            stage_functions::add_stage_constraint_contraction((*model, t), at, (mu, dmu), variation, out);
        }
        (gp, gs, along(&gw))
    }
}

/// Derivatives of a limit in `p`, in `s` and along directions in the weights, each with its magnitude.
pub(super) struct Explicit<const NP: usize, const NS: usize> {
    pub(super) params: (SVector<f64, NP>, SVector<f64, NP>),
    pub(super) stage: (SVector<f64, NS>, SVector<f64, NS>),
    pub(super) weights: (SVector<f64, DIRECTIONS>, SVector<f64, DIRECTIONS>),
}
