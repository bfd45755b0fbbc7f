//! The functions of the hidden layers of a network.

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
    /// The value.
    #[inline(always)]
    pub(super) fn value<S: Scalar>(self, a: S) -> S {
        match self {
            Self::Tanh => a.tanh(),
            Self::Sigmoid => sigmoid(a),
            Self::Softplus => softplus(a),
            Self::Elu => S::select(S::zero().less(a), a, below(a).exp() - S::one()),
            Self::Silu => a * sigmoid(a),
            Self::Sin => a.sin(),
        }
    }

    /// The value, the slope and the second derivative.
    #[inline(always)]
    pub(super) fn expand<S: Scalar>(self, a: S) -> [S; 3] {
        let (one, two) = (S::one(), S::from_f64(2.0));
        match self {
            Self::Tanh => {
                let y = a.tanh();
                let slope = one - y * y;
                [y, slope, -(two * y * slope)]
            }
            Self::Sigmoid => {
                let y = sigmoid(a);
                let slope = y * (one - y);
                [y, slope, slope * (one - two * y)]
            }
            Self::Softplus => {
                let slope = sigmoid(a);
                [softplus(a), slope, slope * (one - slope)]
            }
            Self::Elu => {
                let (positive, exp) = (S::zero().less(a), below(a).exp());
                let side = |here: S| S::select(positive, here, exp);
                [S::select(positive, a, exp - one), side(one), side(S::zero())]
            }
            Self::Silu => {
                let y = sigmoid(a);
                let slope = y * (one - y);
                [a * y, y + a * slope, slope * (two + a * (one - two * y))]
            }
            Self::Sin => {
                let (sin, cos) = a.sin_cos();
                [sin, cos, -sin]
            }
        }
    }
}

/// `1 / (1 + exp(-a))` as `(1 + tanh(a / 2)) / 2`, which does not overflow.
#[inline(always)]
fn sigmoid<S: Scalar>(a: S) -> S {
    let half = S::from_f64(0.5);
    half + half * (half * a).tanh()
}

/// `ln(1 + exp a)` as `max(a, 0) + ln(1 + exp(-|a|))`, which does not overflow.
#[inline(always)]
fn softplus<S: Scalar>(a: S) -> S {
    let positive = S::zero().less(a);
    let (above, size) = (S::select(positive, a, S::zero()), S::select(positive, a, -a));
    let e = (-size).exp();
    // ln(1 + e) loses the digits of a small e: 2 artanh(e / (2 + e)) by its series has them.
    let q = e / (S::from_f64(2.0) + e);
    let small = S::from_f64(2.0) * (q + q * q * q * S::from_f64(1.0 / 3.0));
    above + S::select(e.less(S::from_f64(1e-3)), small, (S::one() + e).ln())
}

/// A number where it is negative, 0 elsewhere: an exponential of it is finite.
#[inline(always)]
fn below<S: Scalar>(a: S) -> S {
    S::select(S::zero().less(a), S::zero(), a)
}
