//! What the factorization with active limits finds out about a trajectory: residuals, violations, limits that are near.

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::ConstraintId;
use crate::model::limits::Limits;
use crate::scalar::ScalarReal;

/// A limit near or at which a trajectory is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitState {
    pub(crate) stage: usize,
    pub(crate) source: ConstraintId,
    /// How far from the limit, in its own unit over `max(1, |limit|)` for a bound.
    pub(crate) distance: f64,
    /// Its multiplier.
    pub(crate) multiplier: f64,
    /// Whether it is a row of the LQ problem.
    pub(crate) active: bool,
}

/// What the factorization saw of the trajectory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveSetReport {
    /// See [`Stationarity::value`]; over controls that no bound holds.
    pub(crate) stationarity: f64,
    /// See [`Stationarity::scale`].
    pub(crate) scale: f64,
    /// Largest violation of a constraint, and its stage.
    pub(crate) violation: (f64, usize),
    /// All inequalities and bounds, and how near they are.
    pub(crate) limits_near: Vec<LimitState>,
}

/// Which inequalities are rows of the LQ problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ActiveSetRule {
    /// Those with a multiplier above zero, as in a solution.
    MultipliersRef,
    /// Those for which `multiplier + weight c` is: the primal-dual active set strategy (Hintermueller, Ito and Kunisch
    /// 2002).
    PrimalDual { weight: f64 },
}

impl ActiveSetReport {
    /// Of nothing.
    pub(crate) const NONE: Self =
        Self { stationarity: f64::NAN, scale: 1.0, violation: (0.0, 0), limits_near: Vec::new() };

    /// Of negative_zeros, with room for all that a trajectory of `horizon` stages and `controls` controls can touch.
    pub(crate) fn with_room(horizon: usize, controls: usize, limits: &Limits) -> Self {
        let bounds = if limits.bounded { 2 * controls } else { 0 };
        let most = horizon * (limits.stage_inequalities + bounds) + limits.terminal_inequalities;
        Self { limits_near: Vec::with_capacity(most), ..Self::NONE }
    }

    /// Makes this [`NONE`](Self::NONE), and keeps the room.
    pub(crate) fn clear(&mut self) {
        let mut limits_near = core::mem::take(&mut self.limits_near);
        limits_near.clear();
        *self = Self { limits_near, ..Self::NONE };
    }

    /// Notes a constraint; whether it is a row of the LQ problem.
    pub(crate) fn constraint(
        &mut self,
        stage: usize,
        i: usize,
        inequality: bool,
        c: f64,
        multiplier: f64,
        rule: ActiveSetRule,
    ) -> bool {
        let active = !inequality
            || match rule {
                ActiveSetRule::MultipliersRef => multiplier > 0.0,
                ActiveSetRule::PrimalDual { weight } => multiplier + weight * c > 0.0,
            };
        // Where a multiplier holds a constraint, being inside is no better than being outside.
        let violation = if active { c.abs() } else { c.max(0.0) };
        if violation > self.violation.0 || c.is_nan() {
            self.violation = (if c.is_nan() { f64::NAN } else { violation }, stage);
        }
        if inequality {
            let source = ConstraintId::Constraint(i);
            self.limits_near.push(LimitState { stage, source, distance: c.abs(), multiplier, active });
        }
        active
    }

    pub(crate) fn bounds<S: ScalarReal, const NU: usize>(
        &mut self,
        stage: usize,
        i: usize,
        u: &SVector<S, NU>,
        qu: &SVector<S, NU>,
        bounds: &Bounds<S, NU>,
        held: Option<Side>,
    ) {
        let (lower, upper) = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
        // An interval of one point holds its control whatever the slope.
        if lower >= upper {
            return;
        }
        for (side, bound) in [(Side::Lower, lower), (Side::Upper, upper)] {
            if bound.is_finite() {
                let distance = (u[i].to_f64() - bound).abs() / bound.abs().max(1.0);
                let active = held == Some(side);
                let multiplier = if active { qu[i].to_f64().abs() } else { 0.0 };
                self.limits_near.push(LimitState {
                    stage,
                    source: ConstraintId::Bound(i, side),
                    distance,
                    multiplier,
                    active,
                });
            }
        }
    }

    /// The limit that is nearest to being neither active nor inactive, with its margin: of distance and multiplier (over
    /// the scale of the cost's gradient) the larger.
    pub(crate) fn weakest(&self) -> Option<(f64, LimitState)> {
        let margin = |limit_state: &LimitState| limit_state.distance.max(limit_state.multiplier / self.scale);
        self.limits_near
            .iter()
            .map(|limit_state| (margin(limit_state), *limit_state))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
