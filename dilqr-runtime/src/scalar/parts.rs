//! The parts of dual numbers.

use num_dual::{Dual, HyperDual};

use crate::scalar::Scalar;

/// What is done with every part alike.
pub(super) trait Parts<T: Scalar> {
    /// A selection, part by part.
    fn select_parts(mask: T::Mask, a: Self, b: Self) -> Self;
    /// Whether all parts are equal.
    fn same_parts(self, other: Self) -> T::Mask;
}

impl<T: Scalar> Parts<T> for Dual<T> {
    #[inline]
    fn select_parts(mask: T::Mask, a: Self, b: Self) -> Self {
        Self::new(T::select(mask, a.re, b.re), T::select(mask, a.eps, b.eps))
    }

    #[inline]
    fn same_parts(self, other: Self) -> T::Mask {
        self.re.same(other.re) & self.eps.same(other.eps)
    }
}

impl<T: Scalar> Parts<T> for HyperDual<T> {
    #[inline]
    fn select_parts(mask: T::Mask, a: Self, b: Self) -> Self {
        Self::new(
            T::select(mask, a.re, b.re),
            T::select(mask, a.eps1, b.eps1),
            T::select(mask, a.eps2, b.eps2),
            T::select(mask, a.eps1eps2, b.eps1eps2),
        )
    }

    #[inline]
    fn same_parts(self, other: Self) -> T::Mask {
        let first = self.re.same(other.re) & self.eps1.same(other.eps1);
        first & self.eps2.same(other.eps2) & self.eps1eps2.same(other.eps1eps2)
    }
}
