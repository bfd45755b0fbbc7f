//! The scaling of the inputs or the outputs of a network.

use alloc::boxed::Box;

use crate::error::{Input, InputError, check_positive, check_vector};
use crate::scalar::Scalar;

/// A mean and a scale for each of `K` numbers, both in the units of that number: `(z - mean) / scale` is near one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scaling<const K: usize>(Option<Box<Parts<K>>>);

#[derive(Clone, Debug, PartialEq)]
struct Parts<const K: usize> {
    mean: [f64; K],
    scale: [f64; K],
}

impl<const K: usize> Scaling<K> {
    /// Means of zero and scales of one.
    pub(super) const NONE: Self = Self(None);

    pub(super) fn new((mean, scale): ([f64; K], [f64; K]), names: [Input; 2]) -> Result<Self, InputError> {
        check_vector(names[0], &mean)?;
        check_positive(names[1], &scale)?;
        Ok(Self::of(mean, scale))
    }

    /// Means that are finite and scales that are positive.
    pub(super) fn of(mean: [f64; K], scale: [f64; K]) -> Self {
        Self(Some(Box::new(Parts { mean, scale })))
    }

    /// Mean and scale, where there are any.
    #[inline(always)]
    pub(super) fn parts(&self) -> Option<(&[f64; K], &[f64; K])> {
        self.0.as_ref().map(|parts| (&parts.mean, &parts.scale))
    }

    /// `(z - mean) / scale`
    #[inline(always)]
    pub(super) fn normalized<S: Scalar>(&self, z: &[S; K]) -> [S; K] {
        let Some((mean, scale)) = self.parts() else { return *z };
        core::array::from_fn(|i| (z[i] - S::from_f64(mean[i])) / S::from_f64(scale[i]))
    }

    /// `dz / scale`: the change of normalized numbers, and the adjoints of numbers that are normalized.
    #[inline(always)]
    pub(super) fn shrunk<S: Scalar>(&self, dz: &[S; K]) -> [S; K] {
        let Some((_, scale)) = self.parts() else { return *dz };
        core::array::from_fn(|i| dz[i] / S::from_f64(scale[i]))
    }

    /// A weight of the number at `index`, as a weight of that number without normalization.
    #[inline(always)]
    pub(super) fn shrink_weight<S: Scalar>(&self, index: usize, weight: S) -> S {
        self.parts().map_or(weight, |(_, scale)| weight / S::from_f64(scale[index]))
    }

    /// `mean + scale y`, in place.
    #[inline(always)]
    pub(super) fn denormalize<S: Scalar>(&self, y: &mut [S; K]) {
        let Some((mean, scale)) = self.parts() else { return };
        for i in 0..K {
            y[i] = S::from_f64(scale[i]).mul_add(y[i], S::from_f64(mean[i]));
        }
    }

    /// `scale mu`: the adjoints of normalized numbers, from those of the numbers.
    #[inline(always)]
    pub(super) fn stretched<S: Scalar>(&self, mu: &[S; K]) -> [S; K] {
        let Some((_, scale)) = self.parts() else { return *mu };
        core::array::from_fn(|i| mu[i] * S::from_f64(scale[i]))
    }

    /// Multiplies the rows of a Jacobian of normalized numbers by their scales.
    #[inline(always)]
    pub(super) fn stretch_rows<S: Scalar, const C: usize>(&self, jacobian: &mut [[S; C]]) {
        let Some((_, scale)) = self.parts() else { return };
        for (row, scale) in jacobian.iter_mut().zip(scale) {
            row.iter_mut().for_each(|entry| *entry *= S::from_f64(*scale));
        }
    }
}
