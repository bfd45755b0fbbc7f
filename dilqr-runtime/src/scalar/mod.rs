//! The numbers that kernels and recursions compute with: floats, dual numbers and lanes.

#[cfg(feature = "dual")]
pub(crate) mod dual;
pub(crate) mod float;
mod float_scalar;
#[cfg(feature = "dual")]
pub(crate) mod hyper_dual;
#[cfg(feature = "lanes")]
pub mod lanes;
pub(crate) mod mask;
#[cfg(feature = "dual")]
mod parts;

use core::fmt::Debug;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

#[cfg(feature = "dual")]
use crate::scalar::hyper_dual::HyperDualParts;
pub use crate::scalar::mask::Mask;

/// A real number type that generated kernels, rollouts and recursions run on.
///
/// The solver uses `f64`. `f32` serves single precision. With the feature `dual` num-dual's `Dual` and `HyperDual`
/// numbers over any float or dual number serve tests and second derivatives. With the feature `lanes` one scalar holds
/// the numbers of several problems. Therefore a scalar has no order: a comparison gives a [mask](Scalar::Mask), and a
/// mask selects.
///
/// The trait is sealed. Its functions are those of the model language, and later versions may add to them.
///
/// ```
/// use dilqr_runtime::Scalar;
///
/// /// `x sin(x)`, with zero for a negative `x`, in any scalar.
/// fn ramp<S: Scalar>(x: S) -> S {
///     S::select(x.less(S::from_f64(0.0)), S::from_f64(0.0), x * Scalar::sin(x))
/// }
///
/// assert_eq!(ramp(-1.0_f64), 0.0);
/// assert_eq!(ramp(2.0_f32), 2.0 * 2.0_f32.sin());
/// ```
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
    /// The number in one lane: the scalar itself where there are no lanes.
    #[cfg(feature = "dual")]
    type Single: Scalar;

    /// The hyper-dual number over [`Single`](Scalar::Single). The default derivatives of hand-written models use it, lane
    /// by lane.
    #[cfg(feature = "dual")]
    type HyperDual: Scalar + HyperDualParts<Self::Single>;

    /// The result of a comparison: `bool`, or one for each lane.
    type Mask: Mask;

    /// The type of real parts, which decisions are based on: `f64`, or one for each lane.
    type Real: Scalar<Real = Self::Real, Mask = Self::Mask>;

    /// The number of lanes, 1 where there are none.
    #[cfg(feature = "dual")]
    #[doc(hidden)]
    const LANES: usize = 1;

    /// The number in a lane.
    #[cfg(feature = "dual")]
    #[doc(hidden)]
    fn single(self, lane: usize) -> Self::Single;

    /// Puts a number into a lane.
    #[cfg(feature = "dual")]
    #[doc(hidden)]
    fn set_single(&mut self, lane: usize, value: Self::Single);

    /// The nearest representable value of a constant.
    fn from_f64(value: f64) -> Self;
    /// The number whose [real part](Scalar::real) this is.
    fn from_real(real: Self::Real) -> Self;
    /// The real part, rounded to `f64`. It is for decisions (convergence, definiteness), never for results.
    fn real(self) -> Self::Real;
    /// Whether all parts of the number are zero, in all lanes. (A dual number of which the real part alone is zero moves.)
    #[inline(always)]
    fn vanishes(self) -> bool {
        self.same(Self::zero()).all()
    }
    /// A function of the [real part](Scalar::real), lane by lane.
    fn map_real(self, function: impl Fn(f64) -> f64) -> Self::Real;
    /// Sine of an angle \[rad\].
    fn sin(self) -> Self;
    /// Cosine of an angle \[rad\].
    fn cos(self) -> Self;
    /// Sine and cosine of one angle \[rad\].
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
    /// Power with a variable exponent, for positive bases.
    fn pow(self, exponent: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// 1 for positive numbers and 0.0, -1 for negative ones and -0.0.
    fn signum(self) -> Self;
    /// Length of the hypotenuse, `sqrt(self^2 + other^2)`.
    fn hypot(self, other: Self) -> Self;
    /// `self * factor + term`. Floats round it once where the target has an instruction for it (`target_feature = "fma"`,
    /// as with `-Ctarget-cpu=native`) and the feature `std` is on. Elsewhere they round twice.
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }
    /// `self * factor - term`, rounded like [`mul_add`](Self::mul_add).
    #[inline(always)]
    fn mul_sub(self, factor: Self, term: Self) -> Self {
        self * factor - term
    }
    /// `term - self * factor`, rounded like [`mul_add`](Self::mul_add).
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        term - self * factor
    }
    /// `self < other` for the real parts.
    fn less(self, other: Self) -> Self::Mask;
    /// `self <= other` for the real parts.
    fn less_equal(self, other: Self) -> Self::Mask;
    /// `self == other` for the real parts.
    fn equal(self, other: Self) -> Self::Mask;
    /// `self == other` in all parts: value and derivatives.
    fn same(self, other: Self) -> Self::Mask;
    /// `a` where the mask holds, `b` elsewhere.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    /// Runs a kernel on this scalar: its `f64` version where `Self` is `f64`, its generic version otherwise.
    ///
    /// The type alone decides, so the choice costs nothing at run time. The `f64` kernels of a model are compiled once, in
    /// the crate that defines the model.
    #[inline(always)]
    fn run<K: Kernel>(arguments: K::Arguments<'_, Self>) -> K::Value<Self> {
        K::generic(arguments)
    }
}

/// A generated kernel in its two versions; see [`Scalar::run`]. The macro emits it; models written by hand do not need it.
pub trait Kernel {
    /// The points that the kernel reads and the records that it writes.
    type Arguments<'a, S: Scalar>;
    /// Its return value: a scalar for the costs, `()` for kernels that write into a record.
    type Value<S: Scalar>;
    /// The version for any scalar, instantiated where it is used.
    fn generic<S: Scalar>(arguments: Self::Arguments<'_, S>) -> Self::Value<S>;
    /// The version for `f64`, compiled with the model.
    fn f64(arguments: Self::Arguments<'_, f64>) -> Self::Value<f64>;
}

/// A [`Scalar`] without lanes: a float or a dual number.
pub trait ScalarReal: Scalar<Real = f64, Mask = bool> {
    /// The real part, rounded to `f64`. It is for decisions, never for results.
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.real()
    }
}

impl<S: Scalar<Real = f64, Mask = bool>> ScalarReal for S {}

/// [`Scalar`] can be implemented in this crate only.
pub(crate) mod private {
    pub trait Sealed {}
}
