//! The magnitudes of the variables and rows of a problem: what makes every threshold a number without unit.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::kkt::weighted_rows::WeightedRows;
use crate::linalg::products::zeros;
use crate::lq::bounds::Bounds;
use crate::model::limits::Limits;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::{ConstraintKind, ConstraintPlace, is_open};
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::Trajectory;

/// The part of the cost's curvature that is the least unit of the cost.
const CURVATURE: f64 = 1e-3;

/// The magnitudes.
#[derive(Clone, Debug)]
pub(crate) struct Scales<const NX: usize, const NU: usize> {
    pub(crate) states: SVector<f64, NX>,
    pub(crate) controls: SVector<f64, NU>,
    /// Of each constraint; the same at all stages.
    pub(crate) rows: Vec<f64>,
    /// Those of a stage, then those of the terminal state.
    kinds: Vec<f64>,
    /// The change of the cost if every variable changes by its magnitude: a sum over the stages.
    pub(crate) cost: f64,
}

/// A magnitude, or 1 where there is none: a variable that is zero everywhere has no magnitude.
fn or_one(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() { size } else { 1.0 }
}

impl<const NX: usize, const NU: usize> Scales<NX, NU> {
    pub(crate) fn ones(horizon: usize, limits: &Limits) -> Self {
        let (stage, terminal) = (limits.listed(), limits.terminal());
        Self {
            states: SVector::repeat(1.0),
            controls: SVector::repeat(1.0),
            rows: vec![1.0; horizon * stage + terminal],
            kinds: vec![1.0; stage + terminal],
            cost: 1.0,
        }
    }

    /// Makes all of them 1.
    pub(crate) fn reset(&mut self) {
        (self.states, self.controls) = (SVector::repeat(1.0), SVector::repeat(1.0));
        self.rows.fill(1.0);
        self.kinds.fill(1.0);
        self.cost = 1.0;
    }

    /// The magnitudes of the constraints of a stage, then of the terminal state.
    pub(crate) fn of_constraints(&self) -> &[f64] {
        &self.kinds
    }

    /// The magnitudes on a trajectory and after its first step.
    pub(crate) fn measure(
        &mut self,
        point: &BarrierPoint<NX, NU>,
        step: &BarrierStep<NX, NU>,
        system: &WeightedRows<NX, NU>,
        (bounds, limits): (&Bounds<f64, NU>, &Limits),
    ) {
        let (states, controls) = (&point.trajectory.states, &point.trajectory.controls);
        (self.states, self.controls) = (zeros(), zeros());
        for (x, dx) in states.iter().zip(&step.dx) {
            self.states = self.states.sup(&x.abs()).sup(&(x + dx).abs());
        }
        // A step that leaves the bounds has at most their magnitude.
        let widest = bounds.lower.abs().sup(&bounds.upper.abs());
        for (u, du) in controls.iter().zip(&step.du) {
            self.controls = self.controls.sup(&u.abs()).sup(&(u + du).abs().inf(&widest));
        }
        for i in 0..NU {
            for bound in [bounds.lower[i], bounds.upper[i]] {
                if self.controls[i] == 0.0 && bound.is_finite() {
                    self.controls[i] = self.controls[i].max(bound.abs());
                }
            }
        }
        // The step of an excess without its row, which falls as far as its bound or its curvature lets it, says nothing.
        let on_guess = Magnitudes::of(states, controls);
        for i in NU - limits.excesses..NU {
            self.controls[i] = on_guess.controls[i];
        }
        for i in NX - limits.terminal_excesses()..NX {
            self.states[i] = on_guess.states[i];
        }
        measure_resting(system, &point.trajectory.constraints, limits, (&mut self.states, &mut self.controls));
        self.measure_cost(system);
        self.measure_rows(point, system, limits);
    }

    /// From the gradient of the cost. At a guess that is the best point without constraints this consists of rounding errors;
    /// a part of the curvature is the least size. Where the gradient is exactly zero, a control counts as large enough to move a
    /// state by its magnitude.
    fn measure_cost(&mut self, system: &WeightedRows<NX, NU>) {
        let Self { states, controls, .. } = self;
        let of_states: f64 = system.gx.iter().map(|g| g.abs().dot(states)).sum();
        let of_controls: f64 = system.gu.iter().map(|g| g.abs().dot(controls)).sum();
        let slope = of_states + of_controls;
        let moving = if slope > 0.0 { *controls } else { controls.sup(&system.moving_controls(states)) };
        let (hxx, huu) = &system.curvature;
        let second = 0.5 * (hxx.dot(&states.component_mul(states)) + huu.dot(&moving.component_mul(&moving)));
        self.cost = or_one(slope.max(CURVATURE * second));
    }

    fn measure_rows(&mut self, point: &BarrierPoint<NX, NU>, system: &WeightedRows<NX, NU>, limits: &Limits) {
        let constraints = &point.trajectory.constraints;
        row_magnitudes(system, constraints, (&self.states, &self.controls), limits, &mut self.kinds);
        for (index, row) in self.rows.iter_mut().enumerate() {
            *row = self.kinds[ConstraintPlace::of(limits, point.horizon(), index).row(limits, point.horizon())];
        }
    }

    /// The sum of the residuals of dynamics and constraints over their magnitudes.
    pub(crate) fn violation(&self, point: &BarrierPoint<NX, NU>, kinds: &[ConstraintKind]) -> f64 {
        let defects: f64 = point.defects.iter().map(|defect| defect.component_div(&self.states).abs().sum()).sum();
        let rows = self.rows.iter().enumerate().map(|(index, row)| point.residual(kinds, index).abs() / row);
        defects + rows.sum::<f64>()
    }

    /// The largest step of a state, control or slack over its magnitude.
    pub(crate) fn relative_step(&self, step: &BarrierStep<NX, NU>) -> f64 {
        let states = step.dx.iter().map(|dx| dx.component_div(&self.states).amax());
        let controls = step.du.iter().map(|du| du.component_div(&self.controls).amax());
        let rows = step.ds.iter().zip(&self.rows).map(|(ds, row)| ds.abs() / row);
        states.chain(controls).chain(rows).fold(0.0, f64::max)
    }
}

/// The magnitudes on a trajectory alone: those of a guess far away have no part in it. `system` has its rows.
pub(super) fn row_magnitudes_along<const NX: usize, const NU: usize>(
    system: &WeightedRows<NX, NU>,
    trajectory: &Trajectory<f64, NX, NU>,
    limits: &Limits,
    out: &mut [f64],
) {
    let Magnitudes { mut states, mut controls } = Magnitudes::of(&trajectory.states, &trajectory.controls);
    measure_resting(system, &trajectory.constraints, limits, (&mut states, &mut controls));
    row_magnitudes(system, &trajectory.constraints, (&states.map(or_one), &controls.map(or_one)), limits, out);
}

/// Gives variables that are zero along a trajectory a magnitude: excesses that of the other terms of their soft constraints, and
/// others 1.
fn measure_resting<const NX: usize, const NU: usize>(
    system: &WeightedRows<NX, NU>,
    constraints: &[f64],
    limits: &Limits,
    (states, controls): (&mut SVector<f64, NX>, &mut SVector<f64, NU>),
) {
    let horizon = system.horizon();
    let (first_state, first_control) = (NX - limits.terminal_excesses(), NU - limits.excesses);
    states
        .iter_mut()
        .take(first_state)
        .chain(controls.iter_mut().take(first_control))
        .for_each(|size| *size = or_one(*size));
    let (mut of_states, mut of_controls) = (*states, *controls);
    let indices = if limits.excesses + limits.terminal_excesses() > 0 { constraints.len() } else { 0 };
    for (index, value) in constraints.iter().enumerate().take(indices) {
        let place = ConstraintPlace::of(limits, horizon, index);
        if !place.enforced || is_open(place.inequality, *value) {
            continue;
        }
        let row = &system.rows[index];
        // An excess that is zero adds nothing to them.
        let terms = (row.x.abs().dot(states) + row.u.abs().dot(controls)).max(value.abs());
        if place.t == horizon {
            if let Some(i) = limits.excess_of_end(place.i, NX).filter(|&i| states[i] == 0.0) {
                of_states[i] = of_states[i].max(terms);
            }
        } else if let Some(i) = limits.excess_of_stage(place.i, NU).filter(|&i| controls[i] == 0.0) {
            of_controls[i] = of_controls[i].max(terms);
        }
    }
    (*states, *controls) = (of_states.map(or_one), of_controls.map(or_one));
}

/// The largest `|c_x| X + |c_u| U` and `|c|` of each constraint, those of a stage first.
fn row_magnitudes<const NX: usize, const NU: usize>(
    system: &WeightedRows<NX, NU>,
    constraints: &[f64],
    (states, controls): (&SVector<f64, NX>, &SVector<f64, NU>),
    limits: &Limits,
    out: &mut [f64],
) {
    let horizon = system.horizon();
    out.fill(0.0);
    for (index, value) in constraints.iter().enumerate() {
        let place = ConstraintPlace::of(limits, horizon, index);
        if !place.enforced || is_open(place.inequality, *value) {
            continue;
        }
        let row = &system.rows[index];
        let terms = row.x.abs().dot(states) + row.u.abs().dot(controls);
        let largest = &mut out[place.row(limits, horizon)];
        *largest = largest.max(terms).max(value.abs());
    }
    out.iter_mut().for_each(|size| *size = or_one(*size));
}
