//! Derivatives of the trajectory in the problem's data, with the magnitudes beside which a change is zero.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::differentiate::active_row::ActiveRow;
use crate::differentiate::adjoint::Contraction;
use crate::differentiate::candidate::Candidate;
use crate::differentiate::forward::{ParameterLinearTerms, StageLinearTerms, contracted_terms};
use crate::differentiate::weight_directions::{DIRECTIONS, along};
use crate::gradient::Jacobian;
use crate::kkt::active_set::ActiveSet;
use crate::kkt::linear::{GivenTerms, KktSystem, LinearTerms};
use crate::kkt::term_sizes::TermSizes;
use crate::linalg::products::zeros;
use crate::model::Model;
use crate::ocp::stationarity::Magnitudes;

/// A change is zero below this, relative to the largest change of its variables along the trajectory. Solutions of
/// ill-conditioned problems are accurate to some 1e-10.
pub(super) const ZERO: f64 = 1e-8;

/// A change is zero below this, relative to the terms that cancel in it: some hundreds of rounding errors, and more where
/// the solution is less accurate, up to [`COARSE`].
const ROUNDING: f64 = 1e-12;
const COARSE: f64 = 1e-9;

/// Two magnitudes of a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// The largest along the trajectory.
    pub(super) value: f64,
    /// Of the terms that cancel in it.
    pub(super) terms: f64,
}

impl Size {
    /// Adds that of a variable's change, times `factor`.
    pub(super) fn add(&mut self, factor: f64, other: Self) {
        self.value += factor.abs() * other.value;
        self.terms += factor.abs() * other.terms;
    }

    /// Whether a change is zero, at a solution with the relative Newton step `step`.
    pub(super) fn dwarfs(&self, change: f64, step: f64) -> bool {
        change.abs() <= ZERO * self.value || change.abs() <= step.clamp(ROUNDING, COARSE) * self.terms
    }
}

/// The magnitudes of the enforced rows' derivatives in the data, stage by stage, those of the terminal state last.
#[derive(Clone, Debug)]
pub(super) struct EnforcedRows<const NP: usize, const NS: usize> {
    in_params: Vec<Vec<SVector<f64, NP>>>,
    /// In the parameters of their own stages.
    in_stage: Vec<Vec<SVector<f64, NS>>>,
    /// Along directions in the weights.
    in_weights: Vec<Vec<SVector<f64, DIRECTIONS>>>,
}

impl<const NP: usize, const NS: usize> EnforcedRows<NP, NS> {
    pub(super) fn of<M, const NX: usize, const NU: usize>(
        system: &ActiveSet<f64, NX, NU>,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let stages = system.stages.len() + 1;
        let mut rows = Self {
            in_params: vec![Vec::new(); stages],
            in_stage: vec![Vec::new(); stages],
            in_weights: vec![Vec::new(); stages],
        };
        for row in ActiveRow::all(candidate, system.enforced()) {
            let explicit = row.explicit(candidate);
            rows.in_params[row.stage].push(explicit.params.1);
            rows.in_stage[row.stage].push(explicit.stage.1);
            rows.in_weights[row.stage].push(explicit.weights.1);
        }
        rows
    }
}

/// The derivative of the trajectory in `C` data.
#[derive(Clone, Debug)]
pub(super) struct Tangents<const NX: usize, const NU: usize, const C: usize> {
    pub(super) jacobian: Jacobian<NX, NU, C>,
    /// The largest changes of each variable up to each stage, `T + 1` of them. Later ones are no measure: where the closed
    /// loop is unstable they may be larger by any factor.
    values: Vec<TermSizes<NX, NU, C>>,
    /// The largest terms of them, along the whole trajectory.
    terms: TermSizes<NX, NU, C>,
}

impl<const NX: usize, const NU: usize, const C: usize> Tangents<NX, NU, C> {
    /// The solution with a linear part. `row_sizes` are the magnitudes of its rows' constants, stage by stage.
    fn solve(
        system: &ActiveSet<f64, NX, NU>,
        given: GivenTerms<'_, f64, NX, NU, C>,
        row_sizes: &[Vec<SVector<f64, C>>],
    ) -> Self {
        let (horizon, mut memory) = (system.horizon(), system.linear());
        let mut jacobian = Jacobian::with_room(horizon);
        let mut end = zeros();
        system.solve_with_rows(
            &mut memory,
            &mut |t, terms| {
                given(t, terms);
                if t == horizon {
                    end = terms.gx;
                }
            },
            &mut |t, step| {
                jacobian.states.push(*step.dx);
                if t < horizon {
                    jacobian.controls.push(*step.du);
                }
            },
        );
        system.load_linear_part(&mut memory, given);
        let terms = system.term_sizes(&memory, (&end, row_sizes), &jacobian.states);
        Self::new(system, jacobian, terms)
    }

    fn new(system: &ActiveSet<f64, NX, NU>, jacobian: Jacobian<NX, NU, C>, terms: TermSizes<NX, NU, C>) -> Self {
        let mut largest = TermSizes { states: jacobian.states[0].abs(), controls: zeros() };
        let mut values = Vec::with_capacity(jacobian.states.len());
        for (t, (stage, du)) in system.stages.iter().zip(&jacobian.controls).enumerate() {
            let (dx, next) = (&jacobian.states[t], &jacobian.states[t + 1]);
            let feedforward = du - stage.gain * dx;
            let offset = next - stage.fx * dx - stage.fu * du;
            largest.controls = largest.controls.sup(&(stage.gain.abs() * dx.abs() + feedforward.abs()));
            values.push(largest);
            largest.states =
                largest.states.sup(&(stage.fx.abs() * dx.abs() + stage.fu.abs() * du.abs() + offset.abs()));
        }
        values.push(largest);
        if system.chooses_start() {
            // The start depends on all stages, and so do the rounding errors of its change.
            values.fill(largest);
        }
        Self { jacobian, values, terms }
    }

    /// The magnitudes of state `i` in datum `k` at stage `t`.
    pub(super) fn state(&self, t: usize, i: usize, k: usize) -> Size {
        self.size(t, |sizes| sizes.states[(i, k)])
    }

    /// The magnitudes of control `j` in datum `k` at stage `t`.
    pub(super) fn control(&self, t: usize, j: usize, k: usize) -> Size {
        self.size(t, |sizes| sizes.controls[(j, k)])
    }

    /// The terms up to a stage are in proportion to the values.
    fn size(&self, t: usize, of: impl Fn(&TermSizes<NX, NU, C>) -> f64) -> Size {
        let (value, terms) = (of(&self.values[t]), of(&self.terms));
        let most = self.values.last().map_or(0.0, &of);
        Size { value, terms: if most > 0.0 { terms * (value / most) } else { terms } }
    }

    /// Whether another derivative is equal to this one, at a solution with the relative Newton step `step`. A difference that
    /// is a rounding error of a variable when the datum changes by its magnitude, one of `data`, counts as none.
    pub(super) fn agree(
        &self,
        other: &Self,
        (magnitudes, data): (&Magnitudes<f64, NX, NU>, &SVector<f64, C>),
        step: f64,
    ) -> bool {
        let states = self.jacobian.states.iter().zip(&other.jacobian.states).enumerate();
        let controls = self.jacobian.controls.iter().zip(&other.jacobian.controls).enumerate();
        // Terms that vanish in one elimination may cancel in another.
        let equal = |sizes: [Size; 2], (magnitude, datum): (f64, f64), difference: f64| {
            let is_rounding = datum > 0.0 && difference.abs() * datum <= ROUNDING * magnitude;
            is_rounding || sizes.iter().any(|size| size.dwarfs(difference, step))
        };
        (0..C).all(|k| {
            states.clone().all(|(t, (a, b))| {
                (0..NX).all(|i| {
                    let sizes = [self, other].map(|of| of.state(t, i, k));
                    equal(sizes, (magnitudes.states[i], data[k].abs()), a[(i, k)] - b[(i, k)])
                })
            }) && controls.clone().all(|(t, (a, b))| {
                (0..NU).all(|j| {
                    let sizes = [self, other].map(|of| of.control(t, j, k));
                    equal(sizes, (magnitudes.controls[j], data[k].abs()), a[(j, k)] - b[(j, k)])
                })
            })
        })
    }
}

impl<const NX: usize, const NU: usize, const NP: usize> Tangents<NX, NU, NP> {
    /// In the parameters.
    pub(super) fn in_params<M, const NS: usize>(
        system: &ActiveSet<f64, NX, NU>,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        enforced: &EnforcedRows<NP, NS>,
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut provider = ParameterLinearTerms::new(candidate.model, candidate.point, system.penalties.as_ref());
        Self::solve(system, &mut |t, terms| provider.fill(system, t, terms), &enforced.in_params)
    }
}

impl<const NX: usize, const NU: usize, const NS: usize> Tangents<NX, NU, NS> {
    /// In the parameters of one stage.
    pub(super) fn in_stage_params<M, const NP: usize>(
        system: &ActiveSet<f64, NX, NU>,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        (enforced, stage): (&EnforcedRows<NP, NS>, usize),
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let provider =
            StageLinearTerms::new(system, candidate.model, candidate.point, (stage, system.penalties.as_ref()));
        let mut row_sizes: Vec<_> = enforced.in_stage.iter().map(|rows| vec![SVector::zeros(); rows.len()]).collect();
        row_sizes[stage].clone_from(&enforced.in_stage[stage]);
        Self::solve(system, &mut |t, terms| provider.fill(system, t, terms), &row_sizes)
    }
}

impl<const NX: usize, const NU: usize> Tangents<NX, NU, DIRECTIONS> {
    /// Along directions in the weights.
    pub(super) fn in_weights<M, const NP: usize, const NS: usize>(
        system: &ActiveSet<f64, NX, NU>,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        enforced: &EnforcedRows<NP, NS>,
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Candidate { model, point, .. } = candidate;
        let mut fill = |t: usize, terms: &mut LinearTerms<f64, NX, NU, DIRECTIONS>| {
            let penalties = system.penalties.as_ref();
            let contraction = Contraction::new(*model, *point, system.costates(), penalties, Vec::new());
            *terms = contracted_terms(system, contraction, (t, model.weight_count()), |gradient| along(gradient.w));
        };
        Self::solve(system, &mut fill, &enforced.in_weights)
    }
}

impl<const NX: usize, const NU: usize> Tangents<NX, NU, NX> {
    /// In the initial state: the closed loop, since there is no linear part.
    pub(super) fn in_initial_state(system: &ActiveSet<f64, NX, NU>) -> Self {
        let mut dx: SMatrix<f64, NX, NX> = system.initial_response();
        let mut jacobian = Jacobian::with_room(system.horizon());
        jacobian.states.push(dx);
        for stage in &system.stages {
            let du = stage.gain * dx;
            dx = stage.fx * dx + stage.fu * du;
            jacobian.controls.push(du);
            jacobian.states.push(dx);
        }
        let terms = system.closed_loop_sizes(&jacobian.states);
        Self::new(system, jacobian, terms)
    }
}
