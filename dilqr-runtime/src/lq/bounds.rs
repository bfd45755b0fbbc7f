//! Bounds of the controls.

use nalgebra::SVector;

use crate::model::Model;
use crate::ocp::penalty::{Penalty, PenaltyValue};
use crate::scalar::{Mask, Scalar, ScalarReal};

/// Bounds of the controls, infinite where a side is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds<S, const NU: usize> {
    pub(crate) lower: SVector<S, NU>,
    pub(crate) upper: SVector<S, NU>,
}

/// The end of its interval that a control is held at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
}

impl<S: Scalar, const NU: usize> Bounds<S, NU> {
    pub(crate) fn open() -> Self {
        let all = |value: f64| SVector::from_fn(|_, _| S::from_f64(value));
        Self { lower: all(f64::NEG_INFINITY), upper: all(f64::INFINITY) }
    }

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

    /// Moves every entry of `u` into its interval.
    #[inline(always)]
    pub(crate) fn clamp(&self, u: &mut SVector<S, NU>) {
        for i in 0..NU {
            let (below, above) = (u[i].less(self.lower[i]), self.upper[i].less(u[i]));
            u[i] = S::select(below, self.lower[i], S::select(above, self.upper[i], u[i]));
        }
    }

    /// Whether a bound, the lower one or the upper one, keeps entry `i` of `u` from going downhill, where `qu` is the slope.
    #[inline(always)]
    fn hold(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> (S::Mask, S::Mask) {
        let (at, slope, lower, upper) = (u[i], qu[i], self.lower[i], self.upper[i]);
        let zero = S::zero();
        let by_lower = at.less_equal(lower) & (zero.less(slope) | (slope.equal(zero) & upper.less_equal(lower)));
        let by_upper = upper.less_equal(at) & slope.less(zero);
        (by_lower, by_upper & !by_lower)
    }

    /// Whether a bound keeps entry `i` of `u` from going downhill, where `qu` is the slope.
    #[inline(always)]
    pub(crate) fn holds(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> S::Mask {
        let (by_lower, by_upper) = self.hold(i, u, qu);
        by_lower | by_upper
    }

    /// The bound, if any, that [holds](Self::holds) entry `i` of `u`.
    #[inline(always)]
    pub(crate) fn active_bound(&self, i: usize, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> Option<Side>
    where
        S: ScalarReal,
    {
        match self.hold(i, u, qu) {
            (true, _) => Some(Side::Lower),
            (_, true) => Some(Side::Upper),
            _ => None,
        }
    }

    /// `qu` where a bound holds `u`, zero elsewhere.
    pub(crate) fn bound_multipliers(&self, u: &SVector<S, NU>, qu: &SVector<S, NU>) -> SVector<S, NU> {
        SVector::from_fn(|i, _| S::select(self.holds(i, u, qu), qu[i], S::zero()))
    }

    /// The penalties of the bounds on entry `i` of `u`, as inequalities `c <= 0`, with the side they are on. Those of open
    /// sides are zero or left out.
    pub(crate) fn penalties(
        &self,
        i: usize,
        u: &SVector<S, NU>,
        penalty: &Penalty<S>,
    ) -> impl Iterator<Item = (Side, PenaltyValue<S>)> {
        let sides = [(Side::Lower, self.lower[i] - u[i]), (Side::Upper, u[i] - self.upper[i])];
        sides.into_iter().filter_map(|(side, c)| {
            let open = c.equal(S::from_f64(f64::NEG_INFINITY));
            (!open.all()).then(|| (side, penalty.term(true, c, S::zero()).unless(open)))
        })
    }
}

impl Side {
    /// The side on which a multiplier `Qu` holds a control: positive at the lower bound, negative at the upper one.
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
