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
            Self::Silu => a * sigmoid(a),
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
                [a * y, y + a * slope, slope * (two + a * tilt)]
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
    // ln(1 + e) loses the digits of a small e: 2 artanh(e / (2 + e)) by its series has them.
    let q = e / (S::from_f64(2.0) + e);
    let square = q * q;
    let series = S::from_f64(1.0 / 3.0) + square * S::from_f64(0.2);
    let small = S::from_f64(2.0) * q * (S::one() + square * series);
    above + S::select(e.less(S::from_f64(1e-3)), small, (S::one() + e).ln())
}

/// `exp(a) - 1` for numbers that are not positive, as `2 t / (1 - t)` with `t = tanh(a / 2)`: small ones keep their digits.
#[inline(always)]
fn exp_minus_one<S: Scalar>(a: S) -> S {
    let t = (S::from_f64(0.5) * a).tanh();
    S::from_f64(2.0) * t / (S::one() - t)
}

/// A number where it is negative, 0 elsewhere: an exponential of it is finite.
#[inline(always)]
fn below<S: Scalar>(a: S) -> S {
    S::select(S::zero().less(a), S::zero(), a)
}
