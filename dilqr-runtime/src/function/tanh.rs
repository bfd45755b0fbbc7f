//! The hyperbolic tangent of many numbers at once.
//!
//! The code has no branches, so the compiler turns it into vector instructions. Its error is below 2 units in the last place.
//! Rational approximations are those of the library Cephes (Moshier, *Methods and Programs for Mathematical Functions*, 1989).

use crate::scalar::{Kernel, Scalar};

/// Replaces numbers by their hyperbolic tangents: those of `f64` at once, other scalars one by one.
pub(super) fn tanh_all<S: Scalar>(values: &mut [S]) {
    S::run::<TanhAll>(values);
}

struct TanhAll;

impl Kernel for TanhAll {
    type Arguments<'a, S: Scalar> = &'a mut [S];
    type Value<S: Scalar> = ();

    #[inline(always)]
    fn generic<S: Scalar>(values: &mut [S]) {
        values.iter_mut().for_each(|value| *value = value.tanh());
    }

    #[inline(always)]
    fn f64(values: &mut [f64]) {
        let (blocks, rest) = values.as_chunks_mut::<WIDTH>();
        blocks.iter_mut().for_each(|block| *block = block.map(tanh));
        rest.iter_mut().for_each(|value| *value = tanh(*value));
    }
}

/// Numbers that are computed together.
const WIDTH: usize = 8;

/// Below this argument the function is a rational one; above, `1 - 2 / (exp(2 x) + 1)` loses no digits.
const SMALL: f64 = 0.625;

/// From this argument on the function is 1.
const LARGE: f64 = 22.0;

#[inline(always)]
fn tanh(x: f64) -> f64 {
    let size = x.abs();
    let limited = if size > LARGE { LARGE } else { size };
    let z = x * x;
    let p = (-9.643_991_794_250_522e-1 * z - 9.928_772_310_019_186e1) * z - 1.614_687_684_417_084_5e3;
    let q = ((z + 1.128_116_784_916_329_3e2) * z + 2.235_488_390_601_004_5e3) * z + 4.844_063_053_251_255e3;
    let small = x + x * z * (p / q);
    let large = 1.0 - 2.0 / (exp(2.0 * limited) + 1.0);
    (if size < SMALL { small } else { large }).copysign(x)
}

/// The exponential of a number between 0 and 44, or NaN.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // The nearest integer to x / ln 2 comes from the rounding of a sum with 1.5 2^52, plus the bias of exponents in the lowest
    // bits of that sum.
    const ROUND: f64 = 6_755_399_441_055_744.0 + 1023.0;
    // ln 2 in two parts: the first has so few digits that its products with integers are exact.
    const LN2: [f64; 2] = [6.931_457_519_531_25e-1, 1.428_606_820_309_417_2e-6];
    let sum = x * core::f64::consts::LOG2_E + ROUND;
    let n = sum - ROUND;
    let r = (x - n * LN2[0]) - n * LN2[1];
    let z = r * r;
    let p = r * ((1.261_771_930_748_105_9e-4 * z + 3.029_944_077_074_419_6e-2) * z + 1.0);
    let q = ((3.001_985_051_386_644_6e-6 * z + 2.524_483_403_496_841e-3) * z + 2.272_655_482_081_550_3e-1) * z + 2.0;
    let fraction = 1.0 + 2.0 * p / (q - p);
    fraction * f64::from_bits(sum.to_bits() << 52)
}

#[cfg(test)]
mod tests {
    use super::tanh_all;

    #[test]
    fn within_two_units_in_the_last_place() {
        let mut arguments =
            vec![0.0, -0.0, 1e-300, -1e-20, 0.6249999, 0.625, 19.0, 21.9, 22.0, 710.0, -1e300, f64::INFINITY];
        arguments.extend((0..200_000).map(|i| f64::from(i - 100_000) * 2.3e-4));
        let mut values = arguments.clone();
        tanh_all(&mut values);
        for (x, value) in arguments.iter().zip(values) {
            let exact = x.tanh();
            // The standard library has an error of its own, of about a unit: `activation` has the same test beside 60 digits.
            let unit = f64::EPSILON * exact.abs().max(f64::MIN_POSITIVE);
            assert!((value - exact).abs() <= 3.0 * unit, "{x}: {value} {exact}");
            assert_eq!(value.is_sign_negative(), x.is_sign_negative(), "{x}");
        }
        let mut nan = [f64::NAN, 1.0];
        tanh_all(&mut nan);
        assert!(nan[0].is_nan() && nan[1] < 1.0);
    }
}
