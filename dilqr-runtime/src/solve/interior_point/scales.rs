//! The magnitudes of the variables and rows of a problem: what makes every threshold a number without unit.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::kkt::barrier::BarrierSystem;
use crate::linalg::products::zeros;
use crate::lq::bounds::Bounds;
use crate::model::limits::Limits;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::{ConstraintKind, ConstraintPlace};
use crate::ocp::trajectory::at_stage;

/// The magnitudes.
#[derive(Clone, Debug)]
pub(crate) struct Scales<const NX: usize, const NU: usize> {
    pub(crate) states: SVector<f64, NX>,
    pub(crate) controls: SVector<f64, NU>,
    /// Of the constraints of a stage, then of the terminal ones.
    pub(crate) rows: Vec<f64>,
    /// The change of the cost if every variable changes by its magnitude: a sum over the stages.
    pub(crate) cost: f64,
}

impl<const NX: usize, const NU: usize> Scales<NX, NU> {
    pub(crate) fn ones(limits: &Limits) -> Self {
        Self {
            states: SVector::repeat(1.0),
            controls: SVector::repeat(1.0),
            rows: vec![1.0; limits.stage() + limits.terminal()],
            cost: 1.0,
        }
    }

    /// The magnitudes on a trajectory and after its first step.
    pub(crate) fn measure(
        &mut self,
        point: &BarrierPoint<NX, NU>,
        step: &BarrierStep<NX, NU>,
        system: &BarrierSystem<NX, NU>,
        (bounds, limits): (&Bounds<f64, NU>, &Limits),
    ) {
        let (states, controls) = (&point.trajectory.states, &point.trajectory.controls);
        let horizon = controls.len();
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
        // A variable that is zero everywhere has no magnitude.
        let or_one = |size: f64| if size > 0.0 && size.is_finite() { size } else { 1.0 };
        self.controls = self.controls.map(or_one);
        self.states = self.states.map(or_one);
        self.rows.fill(0.0);
        self.cost = 0.0;
        let (gx, gu) = system.cost_gradient();
        for t in 0..=horizon {
            self.cost += gx[t].abs().dot(&self.states);
            if t < horizon {
                self.cost += gu[t].abs().dot(&self.controls);
            }
            for index in at_stage(&point.slacks, t, horizon, limits) {
                if ConstraintKind::of(limits, horizon, index) == ConstraintKind::Absent {
                    continue;
                }
                let row = &system.rows[index];
                let terms = row.x.abs().dot(&self.states) + row.u.abs().dot(&self.controls);
                let largest = &mut self.rows[Self::row_index(limits, horizon, index)];
                *largest = largest.max(terms).max(point.trajectory.constraints[index].abs());
            }
        }
        self.rows.iter_mut().for_each(|row| *row = or_one(*row));
        self.cost = or_one(self.cost);
    }

    /// The magnitude of constraint `index`.
    pub(crate) fn row(&self, limits: &Limits, horizon: usize, index: usize) -> f64 {
        self.rows[Self::row_index(limits, horizon, index)]
    }

    /// The place of constraint `index` in [`rows`](Self::rows).
    fn row_index(limits: &Limits, horizon: usize, index: usize) -> usize {
        let ConstraintPlace { t, i, .. } = ConstraintPlace::of(limits, horizon, index);
        if t < horizon { i } else { limits.stage() + i }
    }

    /// The sum of the residuals of dynamics and constraints over their magnitudes.
    pub(crate) fn violation(&self, point: &BarrierPoint<NX, NU>, limits: &Limits) -> f64 {
        let horizon = point.horizon();
        let defects: f64 = point.defects.iter().map(|defect| defect.component_div(&self.states).abs().sum()).sum();
        let rows =
            (0..point.slacks.len()).map(|index| point.residual(limits, index).abs() / self.row(limits, horizon, index));
        defects + rows.sum::<f64>()
    }

    /// The largest step of a state, control or slack over its magnitude.
    pub(crate) fn relative_step(&self, step: &BarrierStep<NX, NU>, limits: &Limits) -> f64 {
        let horizon = step.du.len();
        let states = step.dx.iter().map(|dx| dx.component_div(&self.states).amax());
        let controls = step.du.iter().map(|du| du.component_div(&self.controls).amax());
        let rows = step.ds.iter().enumerate().map(|(index, ds)| ds.abs() / self.row(limits, horizon, index));
        states.chain(controls).chain(rows).fold(0.0, f64::max)
    }
}
