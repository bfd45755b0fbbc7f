//! The functions of the hidden layers of a network.

use crate::function::tanh::tanh_all;
use crate::scalar::Scalar;

/// The function of the hidden layers of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `tanh a`
    Tanh,
    /// `1 / (1 + exp(-a))`
    Sigmoid,
    /// `ln(1 + exp a)`
    Softplus,
    /// `a` for positive numbers, `exp(a) - 1` for others. Its second derivative jumps at zero.
    Elu,
    /// `a / (1 + exp(-a))`
    Silu,
    /// `sin a`
    Sin,
}

impl Activation {
    /// Replaces numbers by their values.
    pub(super) fn apply_all<S: Scalar>(self, values: &mut [S]) {
        match self {
            Self::Tanh => tanh_all(values),
            _ => values.iter_mut().for_each(|a| *a = self.value(*a)),
        }
    }

    /// Replaces numbers by their values, with slopes and second derivatives.
    pub(super) fn expand_all<S: Scalar>(self, values: &mut [S], slopes: &mut [S], curvatures: &mut [S]) {
        let derivatives = slopes.iter_mut().zip(curvatures);
        if self == Self::Tanh {
            tanh_all(values);
            for (y, (slope, curvature)) in values.iter().zip(derivatives) {
                *slope = y.neg_mul_add(*y, S::one());
                *curvature = -(S::from_f64(2.0) * *y * *slope);
            }
            return;
        }
        for (a, (slope, curvature)) in values.iter_mut().zip(derivatives) {
            [*a, *slope, *curvature] = self.expand(*a);
        }
    }

    /// The value.
    #[inline(always)]
    fn value<S: Scalar>(self, a: S) -> S {
        match self {
            Self::Tanh => a.tanh(),
            Self::Sigmoid => sigmoid(a),
            Self::Softplus => softplus(a),
            Self::Elu => S::select(S::zero().less(a), a, exp_minus_one(below(a))),
            Self::Silu => above(a) * sigmoid(a),
            Self::Sin => a.sin(),
        }
    }

    /// The value, the slope and the second derivative.
    #[inline(always)]
    fn expand<S: Scalar>(self, a: S) -> [S; 3] {
        let (one, two) = (S::one(), S::from_f64(2.0));
        match self {
            Self::Tanh => {
                let y = a.tanh();
                let slope = one - y * y;
                [y, slope, -(two * y * slope)]
            }
            Self::Sigmoid => {
                let [y, slope, tilt] = expand_sigmoid(a);
                [y, slope, slope * tilt]
            }
            Self::Softplus => {
                let [y, slope, _] = expand_sigmoid(a);
                [softplus(a), y, slope]
            }
            Self::Elu => {
                let (positive, exp) = (S::zero().less(a), below(a).exp());
                let side = |here: S| S::select(positive, here, exp);
                [S::select(positive, a, exp_minus_one(below(a))), side(one), side(S::zero())]
            }
            Self::Silu => {
                let [y, slope, tilt] = expand_sigmoid(a);
                let (a, limited) = (above(a), -above(-above(a)));
                [a * y, y + limited * slope, slope * (two + limited * tilt)]
            }
            Self::Sin => {
                let (sin, cos) = a.sin_cos();
                [sin, cos, -sin]
            }
        }
    }
}

/// `1 / (1 + exp(-a))`
#[inline(always)]
fn sigmoid<S: Scalar>(a: S) -> S {
    expand_sigmoid(a)[0]
}

/// `y = 1 / (1 + exp(-a))`, its slope `y (1 - y)`, and `1 - 2 y`. With `e = exp(-|a|)` nothing overflows, and small numbers have
/// all their digits.
#[inline(always)]
fn expand_sigmoid<S: Scalar>(a: S) -> [S; 3] {
    let positive = S::zero().less(a);
    let e = S::select(positive, -a, a).exp();
    let high = S::one() / (S::one() + e);
    let low = e * high;
    let tilt = low - high;
    [S::select(positive, high, low), low * high, S::select(positive, tilt, -tilt)]
}

/// `ln(1 + exp a)` as `max(a, 0) + ln(1 + exp(-|a|))`, which does not overflow.
#[inline(always)]
fn softplus<S: Scalar>(a: S) -> S {
    let positive = S::zero().less(a);
    let (above, size) = (S::select(positive, a, S::zero()), S::select(positive, a, -a));
    let e = (-size).exp();
    // ln(1 + e) loses digits of e below one: 2 artanh(e / (2 + e)) by its series has them. The next term is below 2e-18 of the sum.
    let q = e / (S::from_f64(2.0) + e);
    let square = q * q;
    let mut series = S::zero();
    for term in (0..17).rev() {
        series = series.mul_add(square, S::from_f64(1.0 / f64::from(2 * term + 1)));
    }
    above + S::from_f64(2.0) * q * series
}

/// `exp(a) - 1` for numbers that are not positive, as `2 t / (1 - t)` with `t = tanh(a / 2)`: small ones keep their digits.
#[inline(always)]
fn exp_minus_one<S: Scalar>(a: S) -> S {
    let t = (S::from_f64(0.5) * a).tanh();
    S::from_f64(2.0) * t / (S::one() - t)
}

/// A number that is at least -800, from where on an exponential is zero to rounding: infinity times zero would be NaN.
#[inline(always)]
fn above<S: Scalar>(a: S) -> S {
    let least = S::from_f64(-800.0);
    S::select(a.less(least), least, a)
}

/// A number where it is negative, 0 elsewhere: an exponential of it is finite.
#[inline(always)]
fn below<S: Scalar>(a: S) -> S {
    S::select(S::zero().less(a), S::zero(), a)
}

#[cfg(test)]
mod tests {
    use super::Activation;

    const ALL: [(&str, Activation); 6] = [
        ("tanh", Activation::Tanh),
        ("sigmoid", Activation::Sigmoid),
        ("softplus", Activation::Softplus),
        ("elu", Activation::Elu),
        ("silu", Activation::Silu),
        ("sin", Activation::Sin),
    ];

    /// Value, slope and second derivative of one number, in a block of equal ones.
    fn all(activation: Activation, x: f64) -> [f64; 3] {
        let (mut values, mut slopes, mut curvatures) = ([x; 9], [0.0; 9], [0.0; 9]);
        activation.expand_all(&mut values, &mut slopes, &mut curvatures);
        let mut alone = [x; 9];
        activation.apply_all(&mut alone);
        for index in 0..9 {
            assert!(alone[index] == values[index] || alone[index].is_nan(), "{activation:?} {x}");
            assert!(values[index].to_bits() == values[0].to_bits());
        }
        [values[0], slopes[0], curvatures[0]]
    }

    /// Beside 60 digits, from subnormal to large numbers.
    #[test]
    fn beside_sixty_digits() {
        let bits = |text: &str| f64::from_bits(u64::from_str_radix(text, 16).unwrap_or(0));
        let mut lines = 0;
        for line in include_str!("../../tests/reference/activations.txt").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let found = ALL.iter().find(|(name, _)| *name == words[0]);
            let (_, activation) = found.unwrap_or_else(|| unreachable!("no activation in {line}"));
            let [x, expected @ ..] = [1, 2, 3, 4].map(|index| bits(words[index]));
            let given = all(*activation, x);
            // Values in units of their last place. Below normal numbers a unit is 2^-1074, and `silu` multiplies such a number by x.
            let unit = f64::EPSILON * expected[0].abs() + f64::from_bits(1) * x.abs().clamp(1.0, 1e3);
            // Only `tanh` is our own down to the last operation; the others have some roundings after an exponential.
            let most = match activation {
                Activation::Tanh => 2.0,
                _ => 4.0,
            };
            let error = (given[0] - expected[0]).abs() / unit;
            assert!(error <= most, "{} of {x:e}: {:e} {:e}: {error} units", words[0], given[0], expected[0]);
            // Derivatives are of order one, and one minus a square has the rounding error of one.
            for order in 1..3 {
                let error = (given[order] - expected[order]).abs() / f64::EPSILON;
                assert!(error <= 4.0, "{} of {x:e}: derivative {order}: {error} units of one", words[0]);
            }
            lines += 1;
        }
        assert_eq!(lines, 6 * 2 * 182);
    }

    #[test]
    fn limits_and_numbers_that_are_none() {
        for (name, activation) in ALL {
            assert!(
                all(activation, f64::NAN).iter().all(|number| number.is_nan()) || activation == Activation::Elu,
                "{name}"
            );
            assert!(all(activation, f64::NAN)[0].is_nan(), "{name}");
            let [high, low] = [f64::INFINITY, f64::NEG_INFINITY].map(|x| all(activation, x));
            let expected = match activation {
                Activation::Tanh => ([1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]),
                Activation::Sigmoid => ([1.0, 0.0, 0.0], [0.0; 3]),
                Activation::Softplus | Activation::Silu => ([f64::INFINITY, 1.0, 0.0], [0.0; 3]),
                Activation::Elu => ([f64::INFINITY, 1.0, 0.0], [-1.0, 0.0, 0.0]),
                Activation::Sin => {
                    assert!(high[0].is_nan() && low[0].is_nan());
                    continue;
                }
            };
            assert_eq!((high, low), expected, "{name}");
            // Odd functions keep the sign of zero.
            if matches!(activation, Activation::Tanh | Activation::Sin) {
                assert!(all(activation, -0.0)[0].is_sign_negative() && all(activation, 0.0)[0].is_sign_positive());
            }
        }
    }
}
