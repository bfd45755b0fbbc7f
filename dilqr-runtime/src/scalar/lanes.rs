//! The numbers of several problems as one [`Scalar`], in the vector registers of one core.
//!
//! Each lane is computed independently: its bits do not depend on the other lanes or on their order. So a batch gives the
//! same results for every assignment of its problems to lanes and threads.
//!
//! * Sums, products, quotients, square roots and [`Scalar::mul_add`] are those of `f64`, bit by bit.
//! * Powers and hypotenuses are computed in `f64`, lane by lane. So are arguments that the vector functions do not support.
//! * The other functions come from the crate `wide`. They differ from those of `f64` by at most 5 units in the last place.
//!   Sines and cosines differ by at most 2 units, or by 1e-26 near their zeros.
//!
//! A model without functions of the last kind is solved with the bits of `f64`.
//!
//! [`batch::solve_lanes`](crate::batch::solve_lanes) and [`batch::vjp_lanes`](crate::batch::vjp_lanes) put problems into
//! lanes. The types are public for kernels and for [`lq`](crate::lq), which run on them as on any scalar.
//!
//! ```
//! use dilqr_runtime::Scalar;
//! use dilqr_runtime::lanes::{F64x4, Lanes};
//!
//! let x = F64x4::from_lanes(|lane| lane as f64);
//! let y = Scalar::sqrt(x * x);
//! assert_eq!(y.lane(3), 3.0);
//! ```

use core::ops::{Add, AddAssign, BitAnd, BitOr, Div, DivAssign, Mul, MulAssign, Neg, Not, Sub, SubAssign};

use crate::scalar::{Mask, Scalar, private};

/// A [`Scalar`] with one `f64` in each of several lanes.
pub trait Lanes: Scalar<Real = Self> {
    /// The number of lanes.
    const COUNT: usize;

    /// The number in a lane.
    fn lane(&self, lane: usize) -> f64;
    /// Puts a number into a lane.
    fn set_lane(&mut self, lane: usize, value: f64);
    /// The lanes `value(0)`, `value(1)`, ...
    #[must_use]
    fn from_lanes(value: impl FnMut(usize) -> f64) -> Self;
    /// The mask that is true where `holds(lane)` is.
    fn mask(mut holds: impl FnMut(usize) -> bool) -> Self::Mask {
        Self::zero().less(Self::from_lanes(|lane| f64::from(u8::from(holds(lane)))))
    }
    /// Whether a mask is true in a lane.
    fn holds(mask: Self::Mask, lane: usize) -> bool {
        Self::select(mask, Self::one(), Self::zero()).lane(lane) == 1.0
    }
}

/// Sines and cosines of larger angles \[rad\] are computed in `f64`: the reduction to a quadrant in `wide` loses digits there.
const LARGEST_ANGLE: f64 = 1e5;

macro_rules! operator {
    ($lanes:ident, $operator:ident, $method:ident, $assign:ident, $method_assign:ident) => {
        impl $operator for $lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self($operator::$method(self.0, other.0))
            }
        }

        impl $assign for $lanes {
            #[inline(always)]
            fn $method_assign(&mut self, other: Self) {
                *self = $operator::$method(*self, other);
            }
        }
    };
}

macro_rules! lanes {
    ($(#[$doc:meta])* $lanes:ident($wide:ident), $mask:ident, $count:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[repr(transparent)]
        pub struct $lanes(wide::$wide);

        operator!($lanes, Add, add, AddAssign, add_assign);
        operator!($lanes, Sub, sub, SubAssign, sub_assign);
        operator!($lanes, Mul, mul, MulAssign, mul_assign);
        operator!($lanes, Div, div, DivAssign, div_assign);

        impl Neg for $lanes {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl num_traits::Zero for $lanes {
            #[inline(always)]
            fn zero() -> Self {
                Self::from_f64(0.0)
            }
            #[inline(always)]
            fn is_zero(&self) -> bool {
                self.equal(Self::zero()).all()
            }
        }

        impl num_traits::One for $lanes {
            #[inline(always)]
            fn one() -> Self {
                Self::from_f64(1.0)
            }
        }

        impl private::Sealed for $lanes {}

        impl $lanes {
            /// A function of `f64` on every lane.
            #[inline(always)]
            fn each(self, function: impl Fn(f64) -> f64) -> Self {
                Self(wide::$wide::new(self.0.to_array().map(function)))
            }

            /// A function of `f64` on the lanes where the mask is true.
            #[cold]
            fn replace(self, mask: $mask, function: fn(f64) -> f64, at: Self) -> Self {
                Self::from_lanes(|lane| if Self::holds(mask, lane) { function(at.lane(lane)) } else { self.lane(lane) })
            }
        }

        impl Lanes for $lanes {
            const COUNT: usize = $count;

            #[inline(always)]
            fn lane(&self, lane: usize) -> f64 {
                self.0.as_array()[lane]
            }
            #[inline(always)]
            fn set_lane(&mut self, lane: usize, value: f64) {
                self.0.as_mut_array()[lane] = value;
            }
            #[inline(always)]
            fn from_lanes(value: impl FnMut(usize) -> f64) -> Self {
                Self(wide::$wide::new(core::array::from_fn(value)))
            }
        }

        impl Scalar for $lanes {
            #[cfg(feature = "dual")]
            type Single = f64;
            #[cfg(feature = "dual")]
            type HyperDual = num_dual::HyperDual<f64>;
            type Mask = $mask;
            type Real = Self;

            #[cfg(feature = "dual")]
            const LANES: usize = $count;

            #[cfg(feature = "dual")]
            #[inline(always)]
            fn single(self, lane: usize) -> f64 {
                self.0.as_array()[lane]
            }
            #[cfg(feature = "dual")]
            #[inline(always)]
            fn set_single(&mut self, lane: usize, value: f64) {
                self.0.as_mut_array()[lane] = value;
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                Self(wide::$wide::splat(value))
            }
            #[inline(always)]
            fn from_real(real: Self) -> Self {
                real
            }
            #[inline(always)]
            fn real(self) -> Self {
                self
            }
            #[inline(always)]
            fn map_real(self, function: impl Fn(f64) -> f64) -> Self {
                self.each(function)
            }
            #[inline]
            fn sin(self) -> Self {
                let large = Self::from_f64(LARGEST_ANGLE).less(Scalar::abs(self));
                let sin = Self(self.0.sin());
                if large.any() { sin.replace(large, f64::sin, self) } else { sin }
            }
            #[inline]
            fn cos(self) -> Self {
                let large = Self::from_f64(LARGEST_ANGLE).less(Scalar::abs(self));
                let cos = Self(self.0.cos());
                if large.any() { cos.replace(large, f64::cos, self) } else { cos }
            }
            #[inline]
            fn sin_cos(self) -> (Self, Self) {
                let large = Self::from_f64(LARGEST_ANGLE).less(Scalar::abs(self));
                let (sin, cos) = self.0.sin_cos();
                let (sin, cos) = (Self(sin), Self(cos));
                if large.any() {
                    (sin.replace(large, f64::sin, self), cos.replace(large, f64::cos, self))
                } else {
                    (sin, cos)
                }
            }
            #[inline]
            fn tan(self) -> Self {
                let (sin, cos) = Scalar::sin_cos(self);
                sin / cos
            }
            #[inline]
            fn asin(self) -> Self {
                Self(self.0.asin())
            }
            #[inline]
            fn acos(self) -> Self {
                Self(self.0.acos())
            }
            #[inline]
            fn atan(self) -> Self {
                Self(self.0.atan())
            }
            #[inline]
            fn atan2(self, x: Self) -> Self {
                // `wide` ignores the signs of zeros.
                let (zero, y) = (Self::from_f64(0.0), self);
                let axis = y.equal(zero) | x.equal(zero);
                let angle = Self(y.0.atan2(x.0));
                if axis.any() {
                    Self::from_lanes(|i| if Self::holds(axis, i) { y.lane(i).atan2(x.lane(i)) } else { angle.lane(i) })
                } else {
                    angle
                }
            }
            #[inline]
            fn sinh(self) -> Self {
                Self(self.0.sinh())
            }
            #[inline]
            fn cosh(self) -> Self {
                Self(self.0.cosh())
            }
            #[inline]
            fn tanh(self) -> Self {
                Self(self.0.tanh())
            }
            #[inline]
            fn exp(self) -> Self {
                Self(self.0.exp())
            }
            #[inline]
            fn ln(self) -> Self {
                // The logarithm of `wide` does not support subnormal numbers.
                let small = self.less(Self::from_f64(f64::MIN_POSITIVE));
                let ln = Self(self.0.ln());
                if small.any() { ln.replace(small, f64::ln, self) } else { ln }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.sqrt())
            }
            #[inline]
            fn cbrt(self) -> Self {
                Self(self.0.cbrt())
            }
            #[inline]
            fn powi(self, n: i32) -> Self {
                let (mut power, mut square, mut rest) = (Self::from_f64(1.0), self, n.unsigned_abs());
                loop {
                    if rest % 2 == 1 {
                        power *= square;
                    }
                    rest /= 2;
                    if rest == 0 {
                        break;
                    }
                    square *= square;
                }
                if n < 0 { Self::from_f64(1.0) / power } else { power }
            }
            #[inline]
            fn powf(self, exponent: f64) -> Self {
                self.each(|base| base.powf(exponent))
            }
            #[inline]
            fn pow(self, exponent: Self) -> Self {
                Self::from_lanes(|lane| self.lane(lane).powf(exponent.lane(lane)))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.abs())
            }
            #[inline]
            fn signum(self) -> Self {
                Self::select(self.equal(self), Self(wide::$wide::splat(1.0).copysign(self.0)), self)
            }
            #[inline]
            fn hypot(self, other: Self) -> Self {
                Self::from_lanes(|lane| self.lane(lane).hypot(other.lane(lane)))
            }
            #[cfg(target_feature = "fma")]
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                Self(self.0.mul_add(factor.0, term.0))
            }
            #[cfg(target_feature = "fma")]
            #[inline(always)]
            fn mul_sub(self, factor: Self, term: Self) -> Self {
                Self(self.0.mul_sub(factor.0, term.0))
            }
            #[cfg(target_feature = "fma")]
            #[inline(always)]
            fn neg_mul_add(self, factor: Self, term: Self) -> Self {
                Self(self.0.mul_neg_add(factor.0, term.0))
            }
            #[inline(always)]
            fn less(self, other: Self) -> $mask {
                $mask(self.0.simd_lt(other.0))
            }
            #[inline(always)]
            fn less_equal(self, other: Self) -> $mask {
                $mask(self.0.simd_le(other.0))
            }
            #[inline(always)]
            fn equal(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0))
            }
            #[inline(always)]
            fn same(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0))
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(mask.0.select(a.0, b.0))
            }
        }

        /// The result of a comparison of these lanes.
        #[derive(Clone, Copy, Debug)]
        #[repr(transparent)]
        pub struct $mask(wide::$wide);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }

        impl Mask for $mask {
            #[inline(always)]
            fn splat(value: bool) -> Self {
                let zero = wide::$wide::splat(0.0);
                if value { Self(zero.simd_eq(zero)) } else { Self(zero) }
            }
            #[inline(always)]
            fn any(self) -> bool {
                self.0.any()
            }
            #[inline(always)]
            fn all(self) -> bool {
                self.0.all()
            }
        }
    };
}

lanes!(
    /// Four lanes: one register with AVX, two with the x86-64 baseline or NEON.
    F64x4(f64x4),
    Mask4,
    4
);

lanes!(
    /// Eight lanes: one register with AVX-512, two with AVX, four with the x86-64 baseline.
    F64x8(f64x8),
    Mask8,
    8
);

/// The lanes for the target: as many as its widest registers hold, or 4 where these hold 2.
#[cfg(target_feature = "avx512f")]
pub type Native = F64x8;

/// The lanes for the target: as many as its widest registers hold, or 4 where these hold 2.
#[cfg(not(target_feature = "avx512f"))]
pub type Native = F64x4;
