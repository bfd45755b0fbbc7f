//! Memory of the active-set Newton method.

use alloc::vec::Vec;

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::KktSystem;
use crate::kkt::penalties::Penalties;
use crate::kkt::report::ActiveSetReport;
use crate::model::Model;
use crate::ocp::penalty::{Penalty, PenaltyKind};
use crate::ocp::trajectory::Trajectory;

/// The weights of the primal-dual rule for active inequalities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrimalDualWeights {
    /// Those of the penalties.
    Penalties,
    /// None in the first step, which keeps the given active set; then those of the first penalties.
    FirstPenalties,
}

/// Memory of the Newton method.
#[derive(Clone, Debug)]
pub(crate) struct NewtonWorkspace<const NX: usize, const NU: usize> {
    pub(super) system: ActiveSet<f64, NX, NU>,
    pub(super) linear: ActiveSetLinear<f64, NX, NU, 1>,
    /// Multipliers after the Newton step: those of the stages, then the terminal ones.
    pub(super) new_multipliers: Vec<f64>,
    pub(super) report: ActiveSetReport,
    pub(super) point: Trajectory<f64, NX, NU>,
    pub(super) trial: Trajectory<f64, NX, NU>,
    /// Multipliers of `point`.
    pub(super) penalty: Penalty<f64>,
    /// For the end of relaxed solves; there from the first one on.
    pub(super) relaxed: Option<Penalties<f64, NX, NU>>,
}

impl<const NX: usize, const NU: usize> NewtonWorkspace<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        let system = ActiveSet::new::<M, NP, NS>(horizon).without_record();
        Self {
            linear: system.linear(),
            system,
            new_multipliers: vec![0.0; horizon * limits.listed() + limits.terminal()],
            report: ActiveSetReport::with_room(horizon, NU, limits),
            point: Trajectory::zeros(horizon, limits),
            trial: Trajectory::zeros(horizon, limits),
            penalty: Penalty::new(PenaltyKind::Augmented, horizon, limits),
            relaxed: None,
        }
    }
}
