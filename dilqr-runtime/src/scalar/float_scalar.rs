//! `f64` and `f32` as [`Scalar`]s.

use crate::scalar::{Kernel, Scalar, float, private};

macro_rules! float {
    ($float:ident, $($run:tt)*) => {
        impl private::Sealed for $float {}

        impl Scalar for $float {
            #[cfg(feature = "dual")]
            type Single = Self;
            #[cfg(feature = "dual")]
            type HyperDual = num_dual::HyperDual<$float>;
            type Mask = bool;
            type Real = f64;

            #[cfg(feature = "dual")]
            #[inline(always)]
            fn single(self, _: usize) -> Self { self }
            #[cfg(feature = "dual")]
            #[inline(always)]
            fn set_single(&mut self, _: usize, value: Self) { *self = value; }
            #[inline(always)]
            fn from_f64(value: f64) -> Self { value as $float }
            #[inline(always)]
            fn from_real(real: f64) -> Self { real as $float }
            #[inline(always)]
            fn real(self) -> f64 { self as f64 }
            #[inline(always)]
            fn map_real(self, function: impl Fn(f64) -> f64) -> f64 { function(self as f64) }
            #[inline(always)]
            fn sin(self) -> Self { float::$float::sin(self) }
            #[inline(always)]
            fn cos(self) -> Self { float::$float::cos(self) }
            #[inline(always)]
            fn sin_cos(self) -> (Self, Self) { float::$float::sin_cos(self) }
            #[inline(always)]
            fn tan(self) -> Self { float::$float::tan(self) }
            #[inline(always)]
            fn asin(self) -> Self { float::$float::asin(self) }
            #[inline(always)]
            fn acos(self) -> Self { float::$float::acos(self) }
            #[inline(always)]
            fn atan(self) -> Self { float::$float::atan(self) }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self { float::$float::atan2(self, x) }
            #[inline(always)]
            fn sinh(self) -> Self { float::$float::sinh(self) }
            #[inline(always)]
            fn cosh(self) -> Self { float::$float::cosh(self) }
            #[inline(always)]
            fn tanh(self) -> Self { float::$float::tanh(self) }
            #[inline(always)]
            fn exp(self) -> Self { float::$float::exp(self) }
            #[inline(always)]
            fn ln(self) -> Self { float::$float::ln(self) }
            #[inline(always)]
            fn sqrt(self) -> Self { float::$float::sqrt(self) }
            #[inline(always)]
            fn cbrt(self) -> Self { float::$float::cbrt(self) }
            #[inline(always)]
            fn powi(self, n: i32) -> Self { float::$float::powi(self, n) }
            #[inline(always)]
            fn powf(self, exponent: f64) -> Self { float::$float::powf(self, exponent as $float) }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self { float::$float::powf(self, exponent) }
            #[inline(always)]
            fn abs(self) -> Self { <$float>::abs(self) }
            #[inline(always)]
            fn signum(self) -> Self { <$float>::signum(self) }
            #[inline(always)]
            fn hypot(self, other: Self) -> Self { float::$float::hypot(self, other) }
            #[cfg(all(feature = "std", target_feature = "fma"))]
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self { <$float>::mul_add(self, factor, term) }
            #[cfg(all(feature = "std", target_feature = "fma"))]
            #[inline(always)]
            fn mul_sub(self, factor: Self, term: Self) -> Self { <$float>::mul_add(self, factor, -term) }
            #[cfg(all(feature = "std", target_feature = "fma"))]
            #[inline(always)]
            fn neg_mul_add(self, factor: Self, term: Self) -> Self { <$float>::mul_add(-self, factor, term) }
            #[inline(always)]
            fn less(self, other: Self) -> bool { self < other }
            #[inline(always)]
            fn less_equal(self, other: Self) -> bool { self <= other }
            #[inline(always)]
            fn equal(self, other: Self) -> bool { self == other }
            #[inline(always)]
            fn same(self, other: Self) -> bool { self == other }
            #[inline(always)]
            fn select(mask: bool, a: Self, b: Self) -> Self { if mask { a } else { b } }
            $($run)*
        }
    };
}

float!(
    f64,
    #[inline(always)]
    fn run<K: Kernel>(arguments: K::Arguments<'_, Self>) -> K::Value<Self> {
        K::f64(arguments)
    }
);

float!(f32,);
