//! Dual and hyper-dual numbers of num-dual as [`Scalar`]s.

use num_dual::{Dual, DualNum, HyperDual};

use crate::scalar::hyper_dual::HyperDualParts;
use crate::scalar::parts::Parts;
use crate::scalar::{Scalar, private};

impl<T: Scalar + DualNum> private::Sealed for Dual<T> {}

impl<T: Scalar + DualNum> private::Sealed for HyperDual<T> {}

impl<T: Scalar> HyperDualParts<T> for HyperDual<T> {
    #[inline]
    fn from_parts(value: T, first: T, second: T) -> Self {
        Self::new(value, first, second, T::zero())
    }
    #[inline]
    fn value(&self) -> T {
        self.re
    }
    #[inline]
    fn first(&self) -> T {
        self.eps1
    }
    #[inline]
    fn second(&self) -> T {
        self.eps2
    }
    #[inline]
    fn mixed(&self) -> T {
        self.eps1eps2
    }
}

/// The chain rule. Second derivatives are closures because first-order numbers do not need them.
trait Chain<T>: Sized {
    /// `f(self)` from `f`, `f'` and `f''` at the real part.
    fn unary(self, f: T, df: T, d2f: impl FnOnce() -> T) -> Self;
    /// `f(self, other)` from `f`, `[f1, f2]` and `[f11, f12, f22]` at the real parts.
    fn binary(self, other: Self, f: T, df: [T; 2], d2f: impl FnOnce() -> [T; 3]) -> Self;
}

impl<T: Scalar + DualNum> Chain<T> for Dual<T> {
    #[inline]
    fn unary(self, f: T, df: T, _: impl FnOnce() -> T) -> Self {
        Self::new(f, df * self.eps)
    }

    #[inline]
    fn binary(self, other: Self, f: T, [df1, df2]: [T; 2], _: impl FnOnce() -> [T; 3]) -> Self {
        Self::new(f, df1 * self.eps + df2 * other.eps)
    }
}

impl<T: Scalar + DualNum> Chain<T> for HyperDual<T> {
    #[inline]
    fn unary(self, f: T, df: T, d2f: impl FnOnce() -> T) -> Self {
        Self::new(f, df * self.eps1, df * self.eps2, df * self.eps1eps2 + d2f() * self.eps1 * self.eps2)
    }

    #[inline]
    fn binary(self, other: Self, f: T, [df1, df2]: [T; 2], d2f: impl FnOnce() -> [T; 3]) -> Self {
        let [d11, d12, d22] = d2f();
        Self::new(
            f,
            df1 * self.eps1 + df2 * other.eps1,
            df1 * self.eps2 + df2 * other.eps2,
            df1 * self.eps1eps2
                + df2 * other.eps1eps2
                + d11 * self.eps1 * self.eps2
                + d12 * (self.eps1 * other.eps2 + self.eps2 * other.eps1)
                + d22 * other.eps1 * other.eps2,
        )
    }
}

fn number<T: Scalar>(value: f64) -> T {
    <T as Scalar>::from_f64(value)
}

/// `factor * base^(n - by)`, and zero where the factor is zero, since the power of a zero base may be infinite.
fn powi_term<T: Scalar>(factor: f64, base: T, n: i32, by: i32) -> T {
    if factor == 0.0 {
        T::zero()
    } else {
        // Where the exponent saturates, finite results have |base| = 1, and those do not change.
        number::<T>(factor) * Scalar::powi(base, n.saturating_sub(by))
    }
}

/// `factor * base^exponent`, and zero where the factor is zero.
fn powf_term<T: Scalar>(factor: f64, base: T, exponent: f64) -> T {
    if factor == 0.0 { T::zero() } else { number::<T>(factor) * Scalar::powf(base, exponent) }
}

/// `factor * base^exponent`, and its limit, zero, where both the factor and the base are zero.
fn pow_term<T: Scalar>(factor: T, base: T, exponent: T) -> T {
    let undefined = factor.equal(T::zero()) & base.equal(T::zero());
    T::select(undefined, T::zero(), factor * Scalar::pow(base, exponent))
}

/// `base^exponent * log`, where `log` is a polynomial in the logarithm of the base. Where the base is zero and the exponent
/// positive it is the limit, zero.
fn pow_log_term<T: Scalar>(base: T, exponent: T, log: T) -> T {
    let limit = base.equal(T::zero()) & T::zero().less(exponent);
    T::select(limit, T::zero(), Scalar::pow(base, exponent) * log)
}

macro_rules! dual_scalar {
    ($dual:ident) => {
        impl<T: Scalar + DualNum> Scalar for $dual<T> {
            type Single = Self;
            type HyperDual = HyperDual<Self>;
            type Mask = <T as Scalar>::Mask;
            type Real = <T as Scalar>::Real;

            #[inline]
            fn single(self, _: usize) -> Self {
                self
            }

            #[inline]
            fn set_single(&mut self, _: usize, value: Self) {
                *self = value;
            }

            #[inline]
            fn from_f64(value: f64) -> Self {
                Self::from_re(number(value))
            }

            #[inline]
            fn from_real(real: Self::Real) -> Self {
                Self::from_re(<T as Scalar>::from_real(real))
            }

            #[inline]
            fn real(self) -> Self::Real {
                Scalar::real(self.re)
            }

            #[inline]
            fn map_real(self, function: impl Fn(f64) -> f64) -> Self::Real {
                Scalar::map_real(self.re, function)
            }

            #[inline]
            fn sin(self) -> Self {
                let (sin, cos) = Scalar::sin_cos(self.re);
                self.unary(sin, cos, || -sin)
            }

            #[inline]
            fn cos(self) -> Self {
                let (sin, cos) = Scalar::sin_cos(self.re);
                self.unary(cos, -sin, || -cos)
            }

            #[inline]
            fn sin_cos(self) -> (Self, Self) {
                let (sin, cos) = Scalar::sin_cos(self.re);
                (self.unary(sin, cos, || -sin), self.unary(cos, -sin, || -cos))
            }

            #[inline]
            fn tan(self) -> Self {
                let tan = Scalar::tan(self.re);
                let slope = T::one() + tan * tan;
                self.unary(tan, slope, || number::<T>(2.0) * tan * slope)
            }

            #[inline]
            fn asin(self) -> Self {
                let slope = inverse_sine_slope(self.re);
                self.unary(Scalar::asin(self.re), slope, || self.re * slope * slope * slope)
            }

            #[inline]
            fn acos(self) -> Self {
                let slope = inverse_sine_slope(self.re);
                self.unary(Scalar::acos(self.re), -slope, || -self.re * slope * slope * slope)
            }

            #[inline]
            fn atan(self) -> Self {
                let slope = T::one() / (T::one() + self.re * self.re);
                self.unary(Scalar::atan(self.re), slope, || number::<T>(-2.0) * self.re * slope * slope)
            }

            #[inline]
            fn atan2(self, x: Self) -> Self {
                // The derivatives exist everywhere except at the origin. Across the negative x axis the angle jumps by a constant.
                let inverse = T::one() / (x.re * x.re + self.re * self.re);
                let (by_y, by_x) = (x.re * inverse, -self.re * inverse);
                self.binary(x, Scalar::atan2(self.re, x.re), [by_y, by_x], || {
                    let two = number::<T>(2.0);
                    let yy = two * by_x * by_y;
                    [yy, (by_x + by_y) * (by_x - by_y), -yy]
                })
            }

            #[inline]
            fn sinh(self) -> Self {
                let sinh = Scalar::sinh(self.re);
                self.unary(sinh, Scalar::cosh(self.re), || sinh)
            }

            #[inline]
            fn cosh(self) -> Self {
                let cosh = Scalar::cosh(self.re);
                self.unary(cosh, Scalar::sinh(self.re), || cosh)
            }

            #[inline]
            fn tanh(self) -> Self {
                let tanh = Scalar::tanh(self.re);
                // 1 - tanh^2 cancels in the tails.
                let sech = T::one() / Scalar::cosh(self.re);
                let slope = sech * sech;
                self.unary(tanh, slope, || number::<T>(-2.0) * tanh * slope)
            }

            #[inline]
            fn exp(self) -> Self {
                let exp = Scalar::exp(self.re);
                self.unary(exp, exp, || exp)
            }

            #[inline]
            fn ln(self) -> Self {
                let slope = T::one() / self.re;
                self.unary(Scalar::ln(self.re), slope, || -slope * slope)
            }

            #[inline]
            fn sqrt(self) -> Self {
                let root = Scalar::sqrt(self.re);
                let slope = number::<T>(0.5) / root;
                self.unary(root, slope, || number::<T>(-0.5) * slope / self.re)
            }

            #[inline]
            fn cbrt(self) -> Self {
                let root = Scalar::cbrt(self.re);
                let slope = T::one() / (number::<T>(3.0) * root * root);
                self.unary(root, slope, || number::<T>(-2.0 / 3.0) * slope / self.re)
            }

            #[inline]
            fn powi(self, n: i32) -> Self {
                let factor = f64::from(n);
                self.unary(Scalar::powi(self.re, n), powi_term(factor, self.re, n, 1), || {
                    powi_term(factor * (factor - 1.0), self.re, n, 2)
                })
            }

            #[inline]
            fn powf(self, exponent: f64) -> Self {
                let slope = powf_term(exponent, self.re, exponent - 1.0);
                self.unary(Scalar::powf(self.re, exponent), slope, || {
                    powf_term(exponent * (exponent - 1.0), self.re, exponent - 2.0)
                })
            }

            #[inline]
            fn abs(self) -> Self {
                self.unary(Scalar::abs(self.re), Scalar::signum(self.re), T::zero)
            }

            #[inline]
            fn signum(self) -> Self {
                Self::from_re(Scalar::signum(self.re))
            }

            #[inline]
            fn hypot(self, other: Self) -> Self {
                let length = Scalar::hypot(self.re, other.re);
                let (a, b) = (self.re / length, other.re / length);
                self.binary(other, length, [a, b], || [b * b / length, -a * b / length, a * a / length])
            }

            #[inline]
            fn less(self, other: Self) -> Self::Mask {
                Scalar::less(self.re, other.re)
            }

            #[inline]
            fn less_equal(self, other: Self) -> Self::Mask {
                Scalar::less_equal(self.re, other.re)
            }

            #[inline]
            fn equal(self, other: Self) -> Self::Mask {
                Scalar::equal(self.re, other.re)
            }

            #[inline]
            fn same(self, other: Self) -> Self::Mask {
                self.same_parts(other)
            }

            #[inline]
            fn select(mask: Self::Mask, a: Self, b: Self) -> Self {
                Self::select_parts(mask, a, b)
            }

            #[inline]
            fn pow(self, exponent: Self) -> Self {
                let (a, b) = (self.re, exponent.re);
                let (one, two) = (T::one(), number::<T>(2.0));
                let ln = Scalar::ln(a);
                let by_base = pow_term(b, a, b - one);
                let by_exponent = pow_log_term(a, b, ln);
                self.binary(exponent, Scalar::pow(a, b), [by_base, by_exponent], || {
                    [
                        pow_term(b * (b - one), a, b - two),
                        pow_log_term(a, b - one, one + b * ln),
                        pow_log_term(a, b, ln * ln),
                    ]
                })
            }
        }
    };
}

/// `1 / sqrt(1 - x^2)`, without cancellation near one.
fn inverse_sine_slope<T: Scalar>(x: T) -> T {
    T::one() / Scalar::sqrt((T::one() - x) * (T::one() + x))
}

dual_scalar!(Dual);

dual_scalar!(HyperDual);

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of one variable, in any scalar.
    trait Function {
        fn at<S: Scalar>(&self, x: S) -> S;
    }

    /// Value, first and second derivative by a hyper-dual number, and by a dual number over dual numbers. Both must agree to
    /// the last digits.
    fn derivatives(function: &impl Function, x: f64) -> [f64; 3] {
        let hyper = function.at(HyperDual::new(x, 1.0, 1.0, 0.0));
        let nested = function.at(Dual::new(Dual::new(x, 1.0), Dual::new(1.0, 0.0)));
        let simple = function.at(Dual::new(x, 1.0));
        assert_eq!([hyper.re, hyper.eps1], [nested.re.re, hyper.eps2]);
        assert_eq!(hyper.re, simple.re);
        // Quotients of the two types round differently.
        assert_close(hyper.eps1, simple.eps, 1e-14);
        assert_close(hyper.eps1, nested.re.eps, 1e-14);
        assert_close(hyper.eps1eps2, nested.eps.eps, 1e-13);
        [hyper.re, hyper.eps1, hyper.eps1eps2]
    }

    #[track_caller]
    fn assert_close(a: f64, b: f64, relative: f64) {
        // Where a derivative vanishes, its terms of size one leave rounding errors.
        assert!((a - b).abs() <= (relative * a.abs().max(b.abs())).max(4.0 * f64::EPSILON), "{a} is not {b}");
    }

    macro_rules! functions {
        ($($test:ident: |$x:ident| $function:expr, at $points:expr, [$first:expr, $second:expr];)*) => {$(
            #[test]
            fn $test() {
                struct This;
                impl Function for This {
                    fn at<S: Scalar>(&self, $x: S) -> S { $function }
                }
                for $x in $points {
                    let [value, first, second] = derivatives(&This, $x);
                    assert_close(value, This.at($x), 1e-15);
                    // The analytic formulas differ by rounding only.
                    assert_close(first, $first, 1e-13);
                    assert_close(second, $second, 1e-12);
                }
            }
        )*};
    }

    const ANGLES: [f64; 6] = [-7.3, -1.2, 0.0, 0.4, 1.5, 3.0];
    const POSITIVE: [f64; 4] = [1e-3, 0.7, 1.0, 42.0];

    functions! {
        sin: |x| Scalar::sin(x), at ANGLES, [x.cos(), -x.sin()];
        cos: |x| Scalar::cos(x), at ANGLES, [-x.sin(), -x.cos()];
        sin_cos_first: |x| Scalar::sin_cos(x).0, at ANGLES, [x.cos(), -x.sin()];
        sin_cos_second: |x| Scalar::sin_cos(x).1, at ANGLES, [-x.sin(), -x.cos()];
        tan: |x| Scalar::tan(x), at ANGLES, [x.cos().powi(-2), 2.0 * x.sin() * x.cos().powi(-3)];
        asin: |x| Scalar::asin(x), at [-0.9, -0.2, 0.0, 0.7],
            [(1.0 - x * x).powf(-0.5), x * (1.0 - x * x).powf(-1.5)];
        acos: |x| Scalar::acos(x), at [-0.9, -0.2, 0.0, 0.7],
            [-(1.0 - x * x).powf(-0.5), -x * (1.0 - x * x).powf(-1.5)];
        atan: |x| Scalar::atan(x), at [-40.0, -0.3, 0.0, 2.0],
            [1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2)];
        sinh: |x| Scalar::sinh(x), at ANGLES, [x.cosh(), x.sinh()];
        cosh: |x| Scalar::cosh(x), at ANGLES, [x.sinh(), x.cosh()];
        tanh: |x| Scalar::tanh(x), at [-20.0, -1.0, 0.0, 0.3, 9.0],
            [x.cosh().powi(-2), -2.0 * x.sinh() * x.cosh().powi(-3)];
        exp: |x| Scalar::exp(x), at ANGLES, [x.exp(), x.exp()];
        ln: |x| Scalar::ln(x), at POSITIVE, [1.0 / x, -1.0 / (x * x)];
        sqrt: |x| Scalar::sqrt(x), at POSITIVE, [0.5 * x.powf(-0.5), -0.25 * x.powf(-1.5)];
        cbrt: |x| Scalar::cbrt(x), at POSITIVE, [x.powf(-2.0 / 3.0) / 3.0, -2.0 / 9.0 * x.powf(-5.0 / 3.0)];
        cbrt_of_negative: |x| Scalar::cbrt(x), at [-8.0, -0.1],
            [(-x).powf(-2.0 / 3.0) / 3.0, 2.0 / 9.0 * (-x).powf(-5.0 / 3.0)];
        powi_zero: |x| Scalar::powi(x, 0), at ANGLES, [0.0, 0.0];
        powi_one: |x| Scalar::powi(x, 1), at ANGLES, [1.0, 0.0];
        powi_two: |x| Scalar::powi(x, 2), at ANGLES, [2.0 * x, 2.0];
        powi_five: |x| Scalar::powi(x, 5), at ANGLES, [5.0 * x.powi(4), 20.0 * x.powi(3)];
        powi_negative: |x| Scalar::powi(x, -3), at [-2.0, 0.3], [-3.0 * x.powi(-4), 12.0 * x.powi(-5)];
        powf_zero: |x| Scalar::powf(x, 0.0), at ANGLES, [0.0, 0.0];
        powf_one: |x| Scalar::powf(x, 1.0), at ANGLES, [1.0, 0.0];
        powf_two: |x| Scalar::powf(x, 2.0), at ANGLES, [2.0 * x, 2.0];
        powf_at_zero: |x| Scalar::powf(x, 2.5), at [0.0, 0.5], [2.5 * x.powf(1.5), 3.75 * x.powf(0.5)];
        powf_negative: |x| Scalar::powf(x, -0.5), at POSITIVE, [-0.5 * x.powf(-1.5), 0.75 * x.powf(-2.5)];
        pow_of_base: |x| Scalar::pow(x, Scalar::from_f64(2.5)), at [0.0, 0.5, 3.0],
            [2.5 * x.powf(1.5), 3.75 * x.powf(0.5)];
        pow_of_exponent: |x| Scalar::pow(Scalar::from_f64(3.0), x), at ANGLES,
            [3f64.ln() * 3f64.powf(x), 3f64.ln().powi(2) * 3f64.powf(x)];
        pow_of_both: |x| Scalar::pow(x, x), at POSITIVE,
            [x.powf(x) * (1.0 + x.ln()), x.powf(x) * ((1.0 + x.ln()).powi(2) + 1.0 / x)];
        exponent_of_zero_base: |x| Scalar::pow(Scalar::from_f64(0.0), x), at [2.5, 3.0], [0.0, 0.0];
        angle_from_sine_and_cosine: |x| { let (s, c) = Scalar::sin_cos(x); Scalar::atan2(s, c) },
            at [-3.0, -1.9, -0.4, 0.2, 1.0, 2.5], [1.0, 0.0];
        // Mixed sums, products and quotients, which are num-dual's.
        rational: |x| (x * x + <_ as Scalar>::from_f64(1.0)) / (x - <_ as Scalar>::from_f64(5.0)), at ANGLES,
            [(x * x - 10.0 * x - 1.0) / (x - 5.0).powi(2), 52.0 / (x - 5.0).powi(3)];
    }

    /// `atan2` in the four quadrants and on the four half axes, in both variables.
    #[test]
    fn atan2() {
        for (y, x) in
            [(1.0, 2.0), (0.3, -2.0), (-4.0, -1.0), (-1.0, 0.5), (0.0, 1.0), (2.0, 0.0), (0.0, -3.0), (-1.0, 0.0)]
        {
            let r4: f64 = (x * x + y * y) * (x * x + y * y);
            let r2: f64 = x * x + y * y;
            let seeds = [(1.0, 0.0), (0.0, 1.0)];
            let first = [x / r2, -y / r2];
            let second = [[-2.0 * x * y / r4, (y * y - x * x) / r4], [(y * y - x * x) / r4, 2.0 * x * y / r4]];
            for (i, (y1, x1)) in seeds.into_iter().enumerate() {
                for (j, (y2, x2)) in seeds.into_iter().enumerate() {
                    let angle = Scalar::atan2(HyperDual::new(y, y1, y2, 0.0), HyperDual::new(x, x1, x2, 0.0));
                    assert_eq!(angle.re, f64::atan2(y, x));
                    assert_close(angle.eps1, first[i], 1e-14);
                    assert_close(angle.eps2, first[j], 1e-14);
                    assert_close(angle.eps1eps2, second[i][j], 1e-14);
                }
            }
        }
    }

    #[test]
    fn pow_in_both_variables() {
        let (a, b): (f64, f64) = (1.7, -0.6);
        let power = Scalar::pow(HyperDual::new(a, 1.0, 0.0, 0.0), HyperDual::new(b, 0.0, 1.0, 0.0));
        assert_close(power.eps1, b * a.powf(b - 1.0), 1e-14);
        assert_close(power.eps2, a.powf(b) * a.ln(), 1e-14);
        assert_close(power.eps1eps2, a.powf(b - 1.0) * (1.0 + b * a.ln()), 1e-14);
    }

    #[test]
    fn conversions_keep_the_real_part() {
        let constant = <HyperDual<Dual<f64>> as Scalar>::from_f64(0.1);
        assert_eq!(Scalar::real(constant), 0.1);
        assert_eq!((constant.eps1.re, constant.re.eps), (0.0, 0.0));
        assert_eq!(<Dual<f32> as Scalar>::from_f64(0.1).re, 0.1f32);
    }
}
