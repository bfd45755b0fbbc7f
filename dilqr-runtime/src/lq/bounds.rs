//! Bounds of the controls, and the bounds that are active.

use nalgebra::SVector;

use crate::model::Model;
use crate::scalar::{Mask, Scalar, ScalarReal};

/// Bounds of the controls in their units, `NU` each; infinite where a side is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds<S, const NU: usize> {
    pub(crate) lower: SVector<S, NU>,
    pub(crate) upper: SVector<S, NU>,
}

/// A side of a control's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
}

impl<S: Scalar, const NU: usize> Bounds<S, NU> {
    /// No bounds.
    pub(crate) fn open() -> Self {
        let all = |value: f64| SVector::from_fn(|_, _| S::from_f64(value));
        Self { lower: all(f64::NEG_INFINITY), upper: all(f64::INFINITY) }
    }

    /// The bounds of a model at these parameters.
    pub(crate) fn of<M, const NX: usize, const NP: usize, const NS: usize>(model: &M, params: &SVector<S, NP>) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut bounds = Self::open();
        if const { M::LIMITS.bounded } {
            model.bounds(params, &mut bounds.lower, &mut bounds.upper);
        }
        bounds
    }

    /// Those that leave their control a single point.
    pub(crate) fn points(&self) -> Self {
        let mut points = Self::open();
        for i in 0..NU {
            let point = self.upper[i].less_equal(self.lower[i]);
            points.lower[i] = S::select(point, self.lower[i], points.lower[i]);
            points.upper[i] = S::select(point, self.upper[i], points.upper[i]);
        }
        points
    }

    /// The bound of control `i` on a side.
    pub(crate) fn at(&self, side: Side, i: usize) -> S {
        match side {
            Side::Lower => self.lower[i],
            Side::Upper => self.upper[i],
        }
    }

    /// The bound of control `i` on a side as an inequality `c <= 0`: `lower - u` or `u - upper`.
    #[inline(always)]
    pub(crate) fn constraint(&self, side: Side, i: usize, u: &SVector<S, NU>) -> S {
        match side {
            Side::Lower => self.lower[i] - u[i],
            Side::Upper => u[i] - self.upper[i],
        }
    }

    /// Projects `u` onto its intervals.
    #[inline(always)]
    pub(crate) fn clamp(&self, u: &mut SVector<S, NU>) {
        for i in 0..NU {
            let (below, above) = (u[i].less(self.lower[i]), self.upper[i].less(u[i]));
            u[i] = S::select(below, self.lower[i], S::select(above, self.upper[i], u[i]));
        }
    }

    /// Where the lower bound is active for entry `i` of `u`, and where the upper one is. A bound is active if the control is
    /// at it and the slope `qu` points out of the interval.
    #[inline(always)]
    fn active(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> (S::Mask, S::Mask) {
        let (at, slope, lower, upper) = (u[i], qu[i], self.lower[i], self.upper[i]);
        let zero = S::zero();
        let by_lower = at.less_equal(lower) & (zero.less(slope) | (slope.equal(zero) & upper.less_equal(lower)));
        let by_upper = upper.less_equal(at) & slope.less(zero);
        (by_lower, by_upper & !by_lower)
    }

    /// Whether an entry of `new` is at a bound at which that of `u` is not.
    #[inline]
    pub(crate) fn reached(&self, u: &SVector<S, NU>, new: &SVector<S, NU>) -> S::Mask {
        let mut reached = S::Mask::splat(false);
        for i in 0..NU {
            let at_bound = new[i].less_equal(self.lower[i]) | self.upper[i].less_equal(new[i]);
            reached = reached | (at_bound & !new[i].equal(u[i]));
        }
        reached
    }

    /// Where a bound is active for entry `i` of `u`, with the slope `qu`.
    #[inline(always)]
    pub(crate) fn holds(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> S::Mask {
        let (by_lower, by_upper) = self.active(i, u, qu);
        by_lower | by_upper
    }

    /// The active bound of entry `i` of `u`, if any.
    #[inline(always)]
    pub(crate) fn active_bound(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> Option<Side>
    where
        S: ScalarReal,
    {
        match self.active(i, u, qu) {
            (true, _) => Some(Side::Lower),
            (_, true) => Some(Side::Upper),
            _ => None,
        }
    }

    /// `qu` where a bound is active, zero elsewhere, `NU`.
    pub(crate) fn bound_multipliers(&self, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> SVector<S, NU> {
        SVector::from_fn(|i, _| S::select(self.holds(i, u, qu), qu[i], S::zero()))
    }
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Lower, Self::Upper];

    /// The active side for a multiplier `Qu` of a bound: positive at the lower bound, negative at the upper bound.
    pub(crate) fn of_multiplier(qu: f64) -> Option<Self> {
        match qu {
            qu if qu > 0.0 => Some(Self::Lower),
            qu if qu < 0.0 => Some(Self::Upper),
            _ => None,
        }
    }

    /// The derivative in the control of the bound as an inequality `c <= 0`.
    pub(crate) fn direction<S: Scalar>(self) -> S {
        match self {
            Self::Lower => -S::one(),
            Self::Upper => S::one(),
        }
    }
}

impl<const NU: usize> Bounds<f64, NU> {
    /// The sides of all intervals that are not open, but for intervals of one point: control and side.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (usize, Side)> + '_ {
        let all = (0..NU).flat_map(|i| Side::BOTH.map(|side| (i, side)));
        all.filter(|&(i, side)| !self.is_point(i) && self.at(side, i).is_finite())
    }

    /// Whether the interval of control `i` is one point.
    pub(crate) fn is_point(&self, i: usize) -> bool {
        self.lower[i] >= self.upper[i]
    }
}
