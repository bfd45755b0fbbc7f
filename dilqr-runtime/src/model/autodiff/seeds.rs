//! Hyper-dual numbers at a point, one lane at a time.

use nalgebra::SVector;

use crate::model::point::StagePoint;
use crate::scalar::Scalar;
use crate::scalar::hyper_dual::HyperDualParts;

/// A point in one lane. It makes hyper-dual points for evaluations, and stores derivatives into the lane.
pub(crate) struct Seeds<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    lane: usize,
    at: StagePoint<S::Single, NX, NU, NP, NS>,
}

/// A direction at a point in one lane.
pub(crate) type Direction<S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> =
    StagePoint<<S as Scalar>::Single, NX, NU, NP, NS>;

/// A point with hyper-dual numbers.
pub(crate) type HyperDualPoint<S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> =
    StagePoint<<S as Scalar>::HyperDual, NX, NU, NP, NS>;

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Seeds<S, NX, NU, NP, NS> {
    /// The lanes of a point, one after the other.
    pub(super) fn lanes(at: impl Into<StagePoint<S, NX, NU, NP, NS>>) -> impl Iterator<Item = Self> {
        let at = at.into();
        (0..S::LANES).map(move |lane| Self { lane, at: single(&at, lane) })
    }

    /// The lane of a direction.
    pub(super) fn direction(&self, direction: &StagePoint<S, NX, NU, NP, NS>) -> Direction<S, NX, NU, NP, NS> {
        single(direction, self.lane)
    }

    /// The point with derivatives in two directions.
    pub(super) fn along(
        &self,
        first: &Direction<S, NX, NU, NP, NS>,
        second: &Direction<S, NX, NU, NP, NS>,
    ) -> HyperDualPoint<S, NX, NU, NP, NS> {
        fn seed<S: Scalar, const N: usize>(
            at: &SVector<S::Single, N>,
            first: &SVector<S::Single, N>,
            second: &SVector<S::Single, N>,
        ) -> SVector<S::HyperDual, N> {
            SVector::from_fn(|i, _| S::HyperDual::from_parts(at[i], first[i], second[i]))
        }
        StagePoint {
            x: seed::<S, NX>(&self.at.x, &first.x, &second.x),
            u: seed::<S, NU>(&self.at.u, &first.u, &second.u),
            p: seed::<S, NP>(&self.at.p, &first.p, &second.p),
            s: seed::<S, NS>(&self.at.s, &first.s, &second.s),
        }
    }

    /// The point with derivatives in variable `i` and in variable `j`, counted through `x`, `u`, `p`, `s`.
    pub(super) fn along_units(&self, i: usize, j: usize) -> HyperDualPoint<S, NX, NU, NP, NS> {
        self.along(&StagePoint::unit(i), &StagePoint::unit(j))
    }

    /// The point with derivatives in variable `i` alone.
    pub(super) fn along_unit(&self, i: usize) -> HyperDualPoint<S, NX, NU, NP, NS> {
        self.along(&StagePoint::unit(i), &StagePoint::zero())
    }

    /// Stores a number of this lane.
    pub(super) fn set(&self, entry: &mut S, value: S::Single) {
        entry.set_single(self.lane, value);
    }

    /// Adds to the number of this lane.
    pub(super) fn add(&self, entry: &mut S, value: S::Single) {
        entry.set_single(self.lane, entry.single(self.lane) + value);
    }

    /// `weights' values` in this lane. A value without a weight does not count, even if it is not finite.
    pub(super) fn contract(&self, weights: &[S], value: impl Fn(usize) -> S::Single) -> S::Single {
        let weights = weights.iter().map(|weight| weight.single(self.lane)).enumerate();
        let zero = <S::Single as num_traits::Zero>::zero();
        weights.filter(|(_, weight)| !weight.vanishes()).fold(zero, |sum, (i, weight)| sum + weight * value(i))
    }
}

/// One lane of a point.
fn single<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    lane: usize,
) -> StagePoint<S::Single, NX, NU, NP, NS> {
    StagePoint {
        x: at.x.map(|entry| entry.single(lane)),
        u: at.u.map(|entry| entry.single(lane)),
        p: at.p.map(|entry| entry.single(lane)),
        s: at.s.map(|entry| entry.single(lane)),
    }
}
