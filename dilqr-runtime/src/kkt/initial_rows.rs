//! The stage before the first one, with the rows that are left over there.

use crate::lq::equality_constrained::ActiveStage;
use crate::lq::initial::InitialStage;
use crate::scalar::ScalarReal;

/// The stage before the first (see [`initial`](crate::lq::initial)), factorized.
#[derive(Clone, Debug)]
pub(super) struct ActiveInitial<S, const NX: usize> {
    pub(super) free: [bool; NX],
    pub(super) stage: InitialStage<S, NX>,
    /// With the rows that are left over at stage 0.
    pub(super) rows: ActiveStage<S, NX, NX>,
}

impl<S: ScalarReal, const NX: usize> ActiveInitial<S, NX> {
    pub(super) fn new(free: &[bool; NX]) -> Self {
        Self { free: *free, stage: InitialStage::new(free), rows: ActiveStage::with_room(0) }
    }
}
