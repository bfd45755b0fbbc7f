//! The number a kernel computes with.

#[cfg(feature = "dual")]
pub(crate) mod dual;
pub(crate) mod float;
#[cfg(feature = "lanes")]
pub mod lanes;
#[cfg(all(feature = "dual", feature = "lanes"))]
mod per_lane;

use core::fmt::Debug;
use core::ops::{Add, AddAssign, BitAnd, BitOr, Div, DivAssign, Mul, MulAssign, Neg, Not, Sub, SubAssign};

/// A real number type that generated kernels and the sweeps can run on.
///
/// `f64` is what the solver uses; `f32` and, with the feature `dual`, num-dual's `Dual` and `HyperDual`
/// numbers over any `Scalar` are there for tests, single precision and second order. The numbers of several
/// problems can be one scalar, which is why a scalar has no order: a comparison gives a
/// [mask](Scalar::Mask), and a mask selects.
/// The trait is sealed: its methods are exactly what the model language offers, and later versions may add to them.
pub trait Scalar:
    Copy
    + Debug
    + PartialEq
    + Send
    + Sync
    + 'static
    + num_traits::Zero
    + num_traits::One
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + private::Sealed
{
    /// The hyper-dual number over this scalar, with which derivatives of hand-written models are taken.
    #[cfg(feature = "dual")]
    type HyperDual: Scalar + crate::scalar::dual::HyperDualParts<Self>;

    /// What a comparison gives: `bool`, or one for each lane.
    type Mask: Mask;

    /// What decisions are made on: `f64`, or one for each lane.
    type Real: Scalar<Real = Self::Real, Mask = Self::Mask>;

    /// The nearest representable value of a constant.
    fn from_f64(value: f64) -> Self;
    /// The number whose [real part](Scalar::real) this is.
    fn from_real(real: Self::Real) -> Self;
    /// The real part, rounded to `f64`: for decisions (convergence, definiteness), never for results.
    fn real(self) -> Self::Real;
    /// A function of the [real part](Scalar::real), of each lane's.
    fn map_real(self, function: impl Fn(f64) -> f64) -> Self::Real;
    /// Sine of an angle \[rad\].
    fn sin(self) -> Self;
    /// Cosine of an angle \[rad\].
    fn cos(self) -> Self;
    /// Sine and cosine of one angle \[rad\], together.
    fn sin_cos(self) -> (Self, Self);
    /// Tangent of an angle \[rad\].
    fn tan(self) -> Self;
    /// Inverse sine \[rad\].
    fn asin(self) -> Self;
    /// Inverse cosine \[rad\].
    fn acos(self) -> Self;
    /// Inverse tangent \[rad\].
    fn atan(self) -> Self;
    /// Angle \[rad\] of the point (`x`, `self`).
    fn atan2(self, x: Self) -> Self;
    /// Hyperbolic sine.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Cube root.
    fn cbrt(self) -> Self;
    /// Integer power.
    fn powi(self, n: i32) -> Self;
    /// Power with a constant exponent.
    fn powf(self, exponent: f64) -> Self;
    /// Power with an exponent that is itself a number of this type; meant for positive bases.
    fn pow(self, exponent: Self) -> Self;

    /// Absolute value.
    fn abs(self) -> Self;
    /// 1 for positive numbers and 0.0, -1 for negative ones and -0.0.
    fn signum(self) -> Self;
    /// Length of the hypotenuse, `sqrt(self^2 + other^2)`.
    fn hypot(self, other: Self) -> Self;
    /// `self * factor + term`. Floats round it once where the build's target has an instruction for that
    /// (`target_feature = "fma"`, as with `-Ctarget-cpu=native`, and the feature `std`), and twice elsewhere.
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }
    /// `self * factor - term`, rounded as [`mul_add`](Self::mul_add) is.
    #[inline(always)]
    fn mul_sub(self, factor: Self, term: Self) -> Self {
        self * factor - term
    }
    /// `term - self * factor`, rounded as [`mul_add`](Self::mul_add) is.
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        term - self * factor
    }
    /// `self < other`, of the real parts.
    fn less(self, other: Self) -> Self::Mask;
    /// `self <= other`, of the real parts.
    fn less_equal(self, other: Self) -> Self::Mask;
    /// `self == other`, of the real parts.
    fn equal(self, other: Self) -> Self::Mask;
    /// `a` where the mask holds, `b` elsewhere.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    /// Runs a kernel on this scalar: the version compiled for `f64` where `Self` is `f64`, the generic one otherwise.
    ///
    /// The choice is made by the type alone, so it costs nothing at run time, and a model's `f64` kernels are compiled
    /// once, in the crate that defines the model.
    #[inline(always)]
    fn run<K: Kernel>(arguments: K::Arguments<'_, Self>) -> K::Value<Self> {
        K::generic(arguments)
    }
}

/// A generated kernel in its two versions; see [`Scalar::run`]. Emitted by the macro, never needed by hand.
pub trait Kernel {
    /// What the kernel reads and writes.
    type Arguments<'a, S: Scalar>;
    /// What it returns: a scalar for the costs, `()` where it writes into a record.
    type Value<S: Scalar>;
    /// For any scalar; instantiated where it is used.
    fn generic<S: Scalar>(arguments: Self::Arguments<'_, S>) -> Self::Value<S>;
    /// For `f64`; compiled with the model.
    fn f64(arguments: Self::Arguments<'_, f64>) -> Self::Value<f64>;
}

/// What a comparison of [`Scalar`]s gives: `bool`, or one for each lane.
pub trait Mask:
    Copy + Debug + Send + Sync + 'static + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// The same in every lane.
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

/// A [`Scalar`] that is a single number and not one for each of several lanes: any of the others.
pub trait ScalarReal: Scalar<Real = f64, Mask = bool> {
    /// The real part, rounded to `f64`: for decisions, never for results.
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.real()
    }
}

impl<S: Scalar<Real = f64, Mask = bool>> ScalarReal for S {}

pub(crate) mod private {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for f32 {}
    #[cfg(feature = "dual")]
    impl<T: super::Scalar + num_dual::DualNum> Sealed for num_dual::Dual<T> {}
    #[cfg(feature = "dual")]
    impl<T: super::Scalar + num_dual::DualNum> Sealed for num_dual::HyperDual<T> {}
}

macro_rules! float {
    ($float:ident, $($run:tt)*) => {
        impl Scalar for $float {
            #[cfg(feature = "dual")]
            type HyperDual = num_dual::HyperDual<$float>;

            type Mask = bool;
            type Real = f64;

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
