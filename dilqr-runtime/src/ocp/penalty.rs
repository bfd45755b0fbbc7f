//! Penalties: terms of the cost in place of limits.
//!
//! An augmented Lagrangian replaces constraints while a problem is solved. Barriers replace the inequalities of a relaxed problem
//! where its steps are unrolled.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::lq::bounds::{Bounds, Side};
use crate::model::limits::Limits;
use crate::scalar::{Mask, Scalar, float};

/// The kind of penalty, and a multiplier for each constraint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Penalty<S> {
    pub(crate) kind: PenaltyKind,
    /// Multipliers of the stage constraints, stage after stage.
    pub(crate) stage: Vec<S>,
    /// Multipliers of the terminal constraints.
    pub(crate) terminal: Vec<S>,
    /// The weight of each constraint in an augmented Lagrangian, those of a stage before those of the terminal state.
    pub(crate) weights: Vec<f64>,
}

/// The kind of penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PenaltyKind {
    /// `(max(0, m + weight c)^2 - m^2) / (2 weight)` for an inequality with multiplier `m`, without the `max` for an
    /// equality (Hestenes 1969, Powell 1969, Rockafellar 1973). Bounds are not penalized; the Riccati stage enforces them.
    Augmented,
    /// `-tau ln(-c)` for an inequality, bounds included, continued as a parabola from `c = -from` on (Feller and Ebenbauer,
    /// *Relaxed logarithmic barrier function based model predictive control*, 2017).
    #[cfg_attr(not(feature = "dual"), allow(dead_code, reason = "only unrolled steps have it"))]
    Barrier { tau: f64, from: f64 },
}

/// The value and the derivatives of a penalty at a value of its constraint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PenaltyValue<S> {
    pub(crate) value: S,
    /// First derivative: the multiplier that corresponds to the penalty.
    pub(crate) slope: S,
    /// Second derivative.
    pub(crate) curvature: S,
}

impl<S: Scalar> PenaltyValue<S> {
    /// Zero where the mask is true.
    pub(crate) fn unless(self, mask: S::Mask) -> Self {
        let keep = |part| S::select(mask, S::zero(), part);
        Self { value: keep(self.value), slope: keep(self.slope), curvature: keep(self.curvature) }
    }

    /// `a` where the mask is true, `b` elsewhere.
    fn select(mask: S::Mask, a: Self, b: Self) -> Self {
        Self {
            value: S::select(mask, a.value, b.value),
            slope: S::select(mask, a.slope, b.slope),
            curvature: S::select(mask, a.curvature, b.curvature),
        }
    }
}

/// The weights of constraints with these magnitudes: `weight`, in units of the cost, over their squares.
pub(crate) fn set_weights(weights: &mut [f64], weight: f64, magnitudes: &[f64]) {
    for (own, size) in weights.iter_mut().zip(magnitudes) {
        *own = weight / (size * size);
    }
}

impl<S: Scalar> Penalty<S> {
    /// A penalty with zero multipliers over `horizon` stages.
    pub(crate) fn new(kind: PenaltyKind, horizon: usize, limits: &Limits) -> Self {
        let (stage, terminal) = (limits.listed(), limits.terminal());
        Self {
            kind,
            stage: vec![S::zero(); horizon * stage],
            terminal: vec![S::zero(); terminal],
            weights: vec![1.0; stage + terminal],
        }
    }

    /// Whether all multipliers are zero.
    pub(crate) fn is_free(&self) -> bool {
        self.stage.iter().chain(&self.terminal).all(|multiplier| multiplier.is_zero())
    }

    /// Whether bounds are penalized.
    pub(crate) fn covers_bounds(&self) -> bool {
        matches!(self.kind, PenaltyKind::Barrier { .. })
    }

    /// The multiplier of the constraint at `index` of a list of all constraints.
    pub(crate) fn at_mut(&mut self, index: usize) -> &mut S {
        match index.checked_sub(self.stage.len()) {
            Some(i) => &mut self.terminal[i],
            None => &mut self.stage[index],
        }
    }

    /// The multipliers of stage `t`.
    #[inline(always)]
    pub(crate) fn at_stage(&self, t: usize, limits: &Limits) -> &[S] {
        &self.stage[t * limits.listed()..][..limits.listed()]
    }

    /// The penalty of a constraint with the value `c`. `row` is its index among the weights.
    #[inline]
    pub(crate) fn term(&self, row: usize, inequality: bool, c: S, multiplier: S) -> PenaltyValue<S> {
        let half = S::from_f64(0.5);
        match self.kind {
            PenaltyKind::Barrier { tau, from } if inequality => barrier(S::from_f64(tau), from, c),
            _ => {
                let weight = S::from_f64(self.weights[row]);
                let slope = multiplier + weight * c;
                let active = S::Mask::splat(!inequality) | S::zero().less(slope);
                let (slope, curvature) = (S::select(active, slope, S::zero()), S::select(active, weight, S::zero()));
                PenaltyValue { value: half * (slope * slope - multiplier * multiplier) / weight, slope, curvature }
            }
        }
    }

    /// The penalties of the bounds on entry `i` of `u` as inequalities `c <= 0`, each with its side. Open sides give zero or
    /// no penalty.
    pub(crate) fn of_bounds<const NU: usize>(
        &self,
        bounds: &Bounds<S, NU>,
        i: usize,
        u: &SVector<S, NU>,
    ) -> impl Iterator<Item = (Side, PenaltyValue<S>)> {
        Side::BOTH.into_iter().filter_map(move |side| {
            let c = bounds.constraint(side, i, u);
            let open = c.equal(S::from_f64(f64::NEG_INFINITY));
            (!open.all()).then(|| (side, self.term(0, true, c, S::zero()).unless(open)))
        })
    }
}

/// `-tau ln(-c)`, continued as a parabola from `c = -from` on, with the value, slope and curvature that the logarithm has there.
fn barrier<S: Scalar>(tau: S, from: f64, c: S) -> PenaltyValue<S> {
    let (logarithm, from) = (S::from_f64(float::f64::ln(from)), S::from_f64(from));
    let distance = -c;
    let inner = || {
        let slope = tau / distance;
        PenaltyValue { value: -tau * distance.ln(), slope, curvature: slope / distance }
    };
    let parabola = || {
        let beyond = (c + from) / from;
        let value = tau * (beyond + S::from_f64(0.5) * beyond * beyond - logarithm);
        let slope = tau / from;
        PenaltyValue { value, slope: slope + slope * beyond, curvature: slope / from }
    };
    let inside = from.less(distance);
    if inside.all() {
        inner()
    } else if inside.any() {
        PenaltyValue::select(inside, inner(), parabola())
    } else {
        parabola()
    }
}

/// Multipliers of the constraints, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MultipliersRef<'a, S> {
    /// Stage after stage.
    pub(crate) stage: &'a [S],
    pub(crate) terminal: &'a [S],
}

impl<'a, S> MultipliersRef<'a, S> {
    /// The multipliers of a model without constraints.
    #[cfg(feature = "lanes")]
    pub(crate) const NONE: Self = Self { stage: &[], terminal: &[] };

    /// The multipliers of stage `t`.
    #[inline(always)]
    pub(crate) fn at_stage(&self, t: usize, limits: &Limits) -> &'a [S] {
        &self.stage[t * limits.listed()..][..limits.listed()]
    }
}

#[cfg(test)]
mod tests {
    use super::{Penalty, PenaltyKind};

    fn penalty(kind: PenaltyKind) -> Penalty<f64> {
        Penalty { kind, stage: Vec::new(), terminal: Vec::new(), weights: vec![7.0] }
    }

    /// Slope and curvature against central differences of value and slope. Away from the kinks of the second derivative the
    /// error of the differences is the square of the step, 1e-10, over the penalty's scale of 0.1.
    #[test]
    fn derivatives_are_those_of_the_value() {
        let h = 1e-5;
        for kind in [PenaltyKind::Augmented, PenaltyKind::Barrier { tau: 0.1, from: 0.05 }] {
            let penalty = penalty(kind);
            for inequality in [true, false] {
                for (c, multiplier) in [(-1.3, 0.4), (-0.2, 2.0), (-0.03, 0.5), (0.0, 0.3), (0.7, 0.0), (0.2, -0.9)] {
                    let [before, here, after] =
                        [-h, 0.0, h].map(|step| penalty.term(0, inequality, c + step, multiplier));
                    assert!((here.slope - (after.value - before.value) / (2.0 * h)).abs() < 1e-6, "{kind:?} at {c}");
                    assert!(
                        (here.curvature - (after.slope - before.slope) / (2.0 * h)).abs() < 1e-6,
                        "{kind:?} at {c}"
                    );
                }
            }
        }
    }

    /// The two pieces of the barrier meet in value, slope and curvature.
    #[test]
    fn the_barrier_is_smooth_where_its_pieces_meet() {
        let barrier = penalty(PenaltyKind::Barrier { tau: 0.1, from: 0.05 });
        let (inside, outside) = (barrier.term(0, true, -0.05 - 1e-12, 0.0), barrier.term(0, true, -0.05 + 1e-12, 0.0));
        // The differences are the step of 1e-12 times a curvature of 40 and a third derivative of 1,600.
        assert!((inside.value - outside.value).abs() < 1e-11);
        assert!((inside.slope - outside.slope).abs() < 2e-10);
        assert!((inside.curvature - outside.curvature).abs() < 1e-8);
    }
}
