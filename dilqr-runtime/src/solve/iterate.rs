//! An iterate of the forward solve.

use nalgebra::SVector;

use crate::model::limits::Limits;
use crate::ocp::rollout::Cost;
use crate::ocp::trajectory::Trajectory;
use crate::solve::backward_pass::{BackwardPass, Policy};

/// A trajectory, its cost, and the backward pass about it.
#[derive(Clone, Debug)]
pub(crate) struct Iterate<const NX: usize, const NU: usize> {
    pub(crate) trajectory: Trajectory<f64, NX, NU>,
    pub(crate) cost: Cost<f64>,
    pub(crate) policy: Policy<f64, NX, NU>,
    pub(crate) pass: BackwardPass<f64>,
}

impl<const NX: usize, const NU: usize> Iterate<NX, NU> {
    pub(super) fn new(horizon: usize, limits: &Limits) -> Self {
        Self {
            trajectory: Trajectory::zeros(horizon, limits),
            cost: Cost { total: 0.0, magnitude: 0.0 },
            policy: Policy::zeros(horizon, limits),
            pass: BackwardPass::NONE,
        }
    }

    /// Whether cost and states are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let finite = |x: &SVector<f64, NX>| x.iter().all(|value| value.is_finite());
        self.cost.total.is_finite() && self.trajectory.states.iter().all(finite)
    }
}
