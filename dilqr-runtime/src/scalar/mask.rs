//! Results of comparisons, one for each lane.

use core::fmt::Debug;
use core::ops::{BitAnd, BitOr, Not};

/// The result of a comparison of [scalars](crate::Scalar): `bool`, or one for each lane.
pub trait Mask:
    Copy + Debug + Send + Sync + 'static + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// The same value in every lane.
    fn splat(value: bool) -> Self;
    /// Whether it holds in at least one lane.
    fn any(self) -> bool;
    /// Whether it holds in every lane.
    fn all(self) -> bool;
}

impl Mask for bool {
    #[inline(always)]
    fn splat(value: bool) -> Self {
        value
    }
    #[inline(always)]
    fn any(self) -> bool {
        self
    }
    #[inline(always)]
    fn all(self) -> bool {
        self
    }
}
