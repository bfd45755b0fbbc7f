//! Lanes of any scalar, one by one: the hyper-dual numbers of problems in lanes.

use crate::scalar::lanes::Lanes;
use crate::scalar::lanes::{F64x4, F64x8};
use crate::scalar::private;
use core::array::from_fn;
use core::ops::{Add, AddAssign, BitAnd, BitOr, Div, DivAssign, Mul, MulAssign, Neg, Not, Sub, SubAssign};
use num_dual::{DualNum, HyperDual};

use crate::scalar::dual::HyperDualParts;
use crate::scalar::{Mask, Scalar, ScalarReal};

/// `N` scalars, one a lane, computed one after the other. Derivatives of models written by hand are taken on it where
/// their problems are solved in lanes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerLane<T, const N: usize>([T; N]);

/// What a comparison of [`PerLane`] gives.
#[derive(Clone, Copy, Debug)]
pub struct EachMask<const N: usize>([bool; N]);

impl<T: Copy, const N: usize> PerLane<T, N> {
    #[inline]
    fn map<R>(self, function: impl Fn(T) -> R) -> PerLane<R, N> {
        PerLane(self.0.map(function))
    }

    #[inline]
    fn zip<R>(self, other: Self, function: impl Fn(T, T) -> R) -> [R; N] {
        from_fn(|lane| function(self.0[lane], other.0[lane]))
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident, $assign:ident, $method_assign:ident) => {
        impl<T: Scalar, const N: usize> $operator for PerLane<T, N> {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self(self.zip(other, $operator::$method))
            }
        }

        impl<T: Scalar, const N: usize> $assign for PerLane<T, N> {
            #[inline]
            fn $method_assign(&mut self, other: Self) {
                *self = $operator::$method(*self, other);
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign);

operator!(Sub, sub, SubAssign, sub_assign);

operator!(Mul, mul, MulAssign, mul_assign);

operator!(Div, div, DivAssign, div_assign);

impl<T: Scalar, const N: usize> Neg for PerLane<T, N> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        self.map(Neg::neg)
    }
}

impl<T: Scalar, const N: usize> num_traits::Zero for PerLane<T, N> {
    fn zero() -> Self {
        Self([T::zero(); N])
    }
    fn is_zero(&self) -> bool {
        self.0.iter().all(T::is_zero)
    }
}

impl<T: Scalar, const N: usize> num_traits::One for PerLane<T, N> {
    fn one() -> Self {
        Self([T::one(); N])
    }
}

/// A single number that hyper-dual numbers are there for, and for these, and so on.
pub trait NestedDual: ScalarReal + Scalar<HyperDual = <Self as NestedDual>::Next> {
    /// Its hyper-dual number.
    type Next: NestedDual + HyperDualParts<Self>;
}

impl NestedDual for f64 {
    type Next = HyperDual<f64>;
}

impl<T: NestedDual + DualNum> NestedDual for HyperDual<T> {
    type Next = HyperDual<Self>;
}

impl<T: ScalarReal, const N: usize> private::Sealed for PerLane<T, N> {}

macro_rules! one_by_one {
    ($($function:ident)*) => {
        $(
            #[inline]
            fn $function(self) -> Self {
                self.map(Scalar::$function)
            }
        )*
    };
}

impl<T: NestedDual, const N: usize> Scalar for PerLane<T, N> {
    type HyperDual = PerLane<T::Next, N>;
    type Mask = EachMask<N>;
    type Real = PerLane<f64, N>;

    one_by_one!(sin cos tan asin acos atan sinh cosh tanh exp ln sqrt cbrt abs signum);

    fn from_f64(value: f64) -> Self {
        Self([T::from_f64(value); N])
    }
    fn from_real(real: PerLane<f64, N>) -> Self {
        Self(real.0.map(T::from_real))
    }
    fn real(self) -> PerLane<f64, N> {
        self.map(T::real)
    }
    fn map_real(self, function: impl Fn(f64) -> f64) -> PerLane<f64, N> {
        self.map(|number| number.map_real(&function))
    }
    #[inline]
    fn sin_cos(self) -> (Self, Self) {
        let both = self.map(T::sin_cos);
        (both.map(|(sin, _)| sin), both.map(|(_, cos)| cos))
    }
    #[inline]
    fn atan2(self, x: Self) -> Self {
        Self(self.zip(x, T::atan2))
    }
    #[inline]
    fn powi(self, n: i32) -> Self {
        self.map(|base| base.powi(n))
    }
    #[inline]
    fn powf(self, exponent: f64) -> Self {
        self.map(|base| base.powf(exponent))
    }
    #[inline]
    fn pow(self, exponent: Self) -> Self {
        Self(self.zip(exponent, T::pow))
    }
    #[inline]
    fn hypot(self, other: Self) -> Self {
        Self(self.zip(other, T::hypot))
    }
    #[inline]
    fn less(self, other: Self) -> EachMask<N> {
        EachMask(self.zip(other, T::less))
    }
    #[inline]
    fn less_equal(self, other: Self) -> EachMask<N> {
        EachMask(self.zip(other, T::less_equal))
    }
    #[inline]
    fn equal(self, other: Self) -> EachMask<N> {
        EachMask(self.zip(other, T::equal))
    }
    #[inline]
    fn select(mask: EachMask<N>, a: Self, b: Self) -> Self {
        Self(from_fn(|lane| if mask.0[lane] { a.0[lane] } else { b.0[lane] }))
    }
}

impl<const N: usize> BitAnd for EachMask<N> {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] & other.0[lane]))
    }
}

impl<const N: usize> BitOr for EachMask<N> {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] | other.0[lane]))
    }
}

impl<const N: usize> Not for EachMask<N> {
    type Output = Self;
    fn not(self) -> Self {
        Self(self.0.map(Not::not))
    }
}

impl<const N: usize> Mask for EachMask<N> {
    fn splat(value: bool) -> Self {
        Self([value; N])
    }
    fn any(self) -> bool {
        self.0.contains(&true)
    }
    fn all(self) -> bool {
        !self.0.contains(&false)
    }
}

impl<T: NestedDual, const N: usize> HyperDualParts<PerLane<T, N>> for PerLane<T::HyperDual, N> {
    fn from_parts(value: PerLane<T, N>, first: PerLane<T, N>, second: PerLane<T, N>) -> Self {
        Self(from_fn(|lane| T::HyperDual::from_parts(value.0[lane], first.0[lane], second.0[lane])))
    }
    fn value(&self) -> PerLane<T, N> {
        self.map(|number| number.value())
    }
    fn first(&self) -> PerLane<T, N> {
        self.map(|number| number.first())
    }
    fn second(&self) -> PerLane<T, N> {
        self.map(|number| number.second())
    }
    fn mixed(&self) -> PerLane<T, N> {
        self.map(|number| number.mixed())
    }
}

macro_rules! hyper_dual {
    ($lanes:ident, $count:literal) => {
        impl HyperDualParts<$lanes> for PerLane<HyperDual<f64>, $count> {
            fn from_parts(value: $lanes, first: $lanes, second: $lanes) -> Self {
                Self(from_fn(|lane| HyperDual::from_parts(value.lane(lane), first.lane(lane), second.lane(lane))))
            }
            fn value(&self) -> $lanes {
                $lanes::from_lanes(|lane| self.0[lane].re)
            }
            fn first(&self) -> $lanes {
                $lanes::from_lanes(|lane| self.0[lane].eps1)
            }
            fn second(&self) -> $lanes {
                $lanes::from_lanes(|lane| self.0[lane].eps2)
            }
            fn mixed(&self) -> $lanes {
                $lanes::from_lanes(|lane| self.0[lane].eps1eps2)
            }
        }
    };
}

hyper_dual!(F64x4, 4);

hyper_dual!(F64x8, 8);
