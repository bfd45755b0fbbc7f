//! Memory of the interior-point method.

use alloc::vec::Vec;

use crate::kkt::weighted_rows::{Bases, WeightedRows, Weights};
use crate::lq::bounds::Side;
use crate::model::Model;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::ConstraintKind;
use crate::solve::interior_point::filter::Filter;
use crate::solve::interior_point::scales::Scales;

/// Memory of the method.
#[derive(Clone, Debug)]
pub(crate) struct InteriorPoint<const NX: usize, const NU: usize> {
    /// What each constraint is.
    pub(super) kinds: Vec<ConstraintKind>,
    pub(super) system: WeightedRows<NX, NU>,
    pub(super) weights: Weights<NX, NU>,
    pub(super) bases: Bases<NX, NU>,
    /// Residuals of the constraints, and their change to first order along a step.
    pub(super) residuals: Vec<f64>,
    pub(super) along: Vec<f64>,
    pub(super) point: BarrierPoint<NX, NU>,
    pub(super) trial: BarrierPoint<NX, NU>,
    pub(super) step: BarrierStep<NX, NU>,
    pub(super) correction: BarrierStep<NX, NU>,
    /// The active limits of the Newton method at the end.
    pub(super) active_rows: Vec<bool>,
    pub(super) active_bounds: Vec<[Option<Side>; NU]>,
    pub(super) filter: Filter,
    pub(in crate::solve) scales: Scales<NX, NU>,
}

impl<const NX: usize, const NU: usize> InteriorPoint<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        let point = BarrierPoint::zeros(horizon, limits);
        let count = point.slacks.len();
        Self {
            kinds: (0..count).map(|index| ConstraintKind::of(limits, horizon, index)).collect(),
            system: WeightedRows::new(horizon, limits, &M::START),
            weights: Weights::zeros(horizon, limits),
            bases: Bases::zeros(horizon, limits),
            residuals: vec![0.0; count],
            along: vec![0.0; count],
            trial: point.clone(),
            step: BarrierStep::zeros(horizon, limits),
            correction: BarrierStep::zeros(horizon, limits),
            active_rows: vec![false; count],
            active_bounds: vec![[None; NU]; horizon],
            point,
            filter: Filter::new(),
            scales: Scales::ones(horizon, limits),
        }
    }
}
