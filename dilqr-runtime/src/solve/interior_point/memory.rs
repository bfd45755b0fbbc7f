//! Memory of the interior-point method.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::kkt::barrier::BarrierSystem;
use crate::linalg::products::zeros;
use crate::model::Model;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::solve::interior_point::filter::Filter;
use crate::solve::interior_point::scales::Scales;

/// Memory of the method.
#[derive(Clone, Debug)]
pub(crate) struct InteriorPoint<const NX: usize, const NU: usize> {
    pub(super) system: BarrierSystem<NX, NU>,
    pub(super) point: BarrierPoint<NX, NU>,
    pub(super) trial: BarrierPoint<NX, NU>,
    pub(super) step: BarrierStep<NX, NU>,
    pub(super) correction: BarrierStep<NX, NU>,
    /// Residuals of the linear part: dynamics and constraints.
    pub(super) defects: Vec<SVector<f64, NX>>,
    pub(super) residuals: Vec<f64>,
    pub(super) filter: Filter,
    pub(super) scales: Scales<NX, NU>,
}

impl<const NX: usize, const NU: usize> InteriorPoint<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        let point = BarrierPoint::zeros(horizon, limits);
        Self {
            system: BarrierSystem::new::<M, NP, NS>(horizon),
            trial: point.clone(),
            step: BarrierStep::zeros(horizon, limits),
            correction: BarrierStep::zeros(horizon, limits),
            defects: vec![zeros(); horizon],
            residuals: vec![0.0; point.slacks.len()],
            point,
            filter: Filter::new(),
            scales: Scales::ones(limits),
        }
    }
}
