//! Tables: cubic splines and broken lines through points.
//!
//! On the interval from knot `t_k` to `t_(k+1)`, of length `h`, with `d = x - t_k` and second derivatives `m` at the knots,
//!
//! ```text
//! y = v_k + d ((v_(k+1) - v_k) / h - h (2 m_k + m_(k+1)) / 6 + d (m_k / 2 + d (m_(k+1) - m_k) / (6 h)))
//! ```
//!
//! and `m` solves the tridiagonal system of a continuous slope (de Boor, *A Practical Guide to Splines*, 1978).

use crate::function::VectorFunction;
use crate::function::node::Node;
use crate::scalar::Scalar;

/// A table of `N` values at increasing knots, as a function of one number. Outside of the knots it continues as a straight line.
///
/// A model has tables as consts, and evaluates them by [`at`](Self::at); with [`at_values`](Self::at_values) the values come from
/// parameters, and the gradient in these is that of a learned table.
///
/// ```
/// use dilqr_runtime::Spline;
///
/// const LIFT: Spline<4> = Spline::natural([0.0, 1.0, 2.0, 4.0], [0.0, 0.8, 1.1, 1.0]);
/// assert_eq!(LIFT.at(1.0), 0.8);
/// assert!((LIFT.at(-1.0) + LIFT.slope(0.0)).abs() < 1e-15, "a straight line outside");
/// // Other values at the same knots.
/// assert!((LIFT.at_values([0.0, 1.6, 2.2, 2.0], 1.3) - 2.0 * LIFT.at(1.3)).abs() < 1e-15);
/// ```
///
/// Knots that do not increase are an error of compilation:
///
/// ```compile_fail
/// # use dilqr_runtime::Spline;
/// const WRONG: Spline<3> = Spline::natural([0.0, 1.0, 1.0], [0.0, 0.8, 1.1]);
/// # println!("{}", WRONG.at(0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spline<const N: usize> {
    knots: [f64; N],
    values: [f64; N],
    /// The second derivatives at the knots.
    second: [f64; N],
    kind: Kind,
}

/// What determines a table between its points.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Second derivatives of zero at both ends.
    Natural,
    /// Slopes at both ends.
    Clamped([f64; 2]),
    /// Straight lines.
    Linear,
}

impl Kind {
    /// The slopes at both ends, of zero where they are not given.
    const fn slopes(self) -> [f64; 2] {
        match self {
            Self::Clamped(slopes) => slopes,
            Self::Natural | Self::Linear => [0.0; 2],
        }
    }
}

impl<const N: usize> Spline<N> {
    /// The cubic spline through the points with second derivatives of zero at both ends. Its second derivatives are continuous
    /// everywhere.
    ///
    /// # Panics
    /// For fewer than two points, and where the knots do not increase: in a const, that is an error of compilation.
    #[must_use]
    pub const fn natural(knots: [f64; N], values: [f64; N]) -> Self {
        Self::new(knots, values, Kind::Natural)
    }

    /// The cubic spline through the points with these slopes at both ends. Its second derivatives jump at the ends.
    ///
    /// # Panics
    /// As [`natural`](Self::natural).
    #[must_use]
    pub const fn clamped(knots: [f64; N], values: [f64; N], slopes: [f64; 2]) -> Self {
        Self::new(knots, values, Kind::Clamped(slopes))
    }

    /// Straight lines between the points. The slope jumps at the knots: a solve may end there as at the kink of a branch
    /// ([`Cause::Kink`](crate::Cause::Kink)).
    ///
    /// # Panics
    /// As [`natural`](Self::natural).
    #[must_use]
    pub const fn linear(knots: [f64; N], values: [f64; N]) -> Self {
        Self::new(knots, values, Kind::Linear)
    }

    const fn new(knots: [f64; N], values: [f64; N], kind: Kind) -> Self {
        assert!(N >= 2, "a table has at least two points");
        let mut i = 0;
        while i + 1 < N {
            assert!(knots[i] < knots[i + 1], "the knots of a table increase");
            i += 1;
        }
        let second = second_derivatives(&knots, &values, kind.slopes(), kind);
        Self { knots, values, second, kind }
    }

    /// The value at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.expand(&self.second, &self.values, x)[0]
    }

    /// The slope at `x`; at a knot of straight lines that of the line to the right.
    #[must_use]
    pub fn slope(&self, x: f64) -> f64 {
        self.expand(&self.second, &self.values, x)[1]
    }

    /// The value at `x` of the table with other values at the same knots.
    #[must_use]
    pub fn at_values(&self, values: [f64; N], x: f64) -> f64 {
        let second = second_derivatives(&self.knots, &values, self.kind.slopes(), self.kind);
        self.expand(&second, &values, x)[0]
    }

    /// Value, slope and second derivative at `x`.
    fn expand<S: Scalar>(&self, second: &[f64; N], values: &[f64; N], x: S) -> [S; 3] {
        let part = |index: usize| S::from_real(x.map_real(|x| self.polynomial(second, values, x)[index]));
        let [knot, a, b, c, e] = [0, 1, 2, 3, 4].map(part);
        let d = x - knot;
        let (two, three) = (S::from_f64(2.0), S::from_f64(3.0));
        [a + d * (b + d * (c + d * e)), b + d * (two * c + three * d * e), two * c + S::from_f64(6.0) * d * e]
    }

    /// The knot `t` and the coefficients of `a + b d + c d^2 + e d^3` with `d = x - t` about `x`.
    fn polynomial(&self, second: &[f64; N], values: &[f64; N], x: f64) -> [f64; 5] {
        let Self { knots, .. } = self;
        let after = knots.partition_point(|knot| *knot <= x);
        let k = after.clamp(1, N - 1) - 1;
        let h = knots[k + 1] - knots[k];
        let rise = (values[k + 1] - values[k]) / h;
        let b = rise - h * (2.0 * second[k] + second[k + 1]) / 6.0;
        if after == 0 {
            return [knots[0], values[0], b, 0.0, 0.0];
        }
        if after == N {
            return [knots[N - 1], values[N - 1], rise + h * (second[k] + 2.0 * second[k + 1]) / 6.0, 0.0, 0.0];
        }
        [knots[k], values[k], b, 0.5 * second[k], (second[k + 1] - second[k]) / (6.0 * h)]
    }
}

/// The table as a function of its values and of `x`, for generated code: `P = N + 1`.
impl<const N: usize> Spline<N> {
    /// `y`, linear in the values.
    #[doc(hidden)]
    pub fn __value_of<S: Scalar, const P: usize>(&self, z: &[S; P]) -> [S; 1] {
        let (weights, fixed) = self.weights(z[N]);
        [weights.iter().zip(z).fold(fixed[0], |sum, (weight, value)| weight[0].mul_add(*value, sum))]
    }

    /// `dy/dz`
    #[doc(hidden)]
    pub fn __jacobian_of<S: Scalar, const P: usize>(&self, z: &[S; P]) -> [[S; P]; 1] {
        let (weights, fixed) = self.weights(z[N]);
        let slope = weights.iter().zip(z).fold(fixed[1], |sum, (weight, value)| weight[1].mul_add(*value, sum));
        [core::array::from_fn(|i| if i < N { weights[i][0] } else { slope })]
    }

    /// Writes `mu d2 y/dz2`, `P` rows.
    #[doc(hidden)]
    pub fn __contract<S: Scalar, const P: usize>(&self, z: &[S; P], mu: &[S; 1], c: &mut [[S; P]]) {
        let (weights, fixed) = self.weights(z[N]);
        let curvature = weights.iter().zip(z).fold(fixed[2], |sum, (weight, value)| weight[2].mul_add(*value, sum));
        c.fill([S::zero(); P]);
        for (i, weight) in weights.iter().enumerate() {
            (c[i][N], c[N][i]) = (mu[0] * weight[1], mu[0] * weight[1]);
        }
        c[N][N] = mu[0] * curvature;
    }

    /// Value, slope and second derivative of the table of one value 1 and others 0, for each; and those of the table of zeros.
    fn weights<S: Scalar>(&self, x: S) -> ([[S; 3]; N], [S; 3]) {
        let unit = |i: usize| {
            let mut values = [0.0; N];
            values[i] = 1.0;
            self.expand(&second_derivatives(&self.knots, &values, [0.0; 2], self.kind), &values, x)
        };
        let zeros = [0.0; N];
        let fixed = second_derivatives(&self.knots, &zeros, self.kind.slopes(), self.kind);
        (core::array::from_fn(unit), self.expand(&fixed, &zeros, x))
    }
}

impl<const N: usize> VectorFunction<1, 1> for Spline<N> {
    fn value<S: Scalar>(&self, &[x]: &[S; 1]) -> [S; 1] {
        [self.expand(&self.second, &self.values, x)[0]]
    }

    fn jacobian<S: Scalar>(&self, &[x]: &[S; 1]) -> [[S; 1]; 1] {
        [[self.expand(&self.second, &self.values, x)[1]]]
    }

    fn contraction<S: Scalar>(&self, &[x]: &[S; 1], &[mu]: &[S; 1]) -> [[S; 1]; 1] {
        [[mu * self.expand(&self.second, &self.values, x)[2]]]
    }
}

impl<const N: usize> Node<1, 1, 1> for Spline<N> {
    type Memory<S: Scalar> = ();
    fn memory<S: Scalar>() {}
}

/// The second derivatives at the knots, by elimination from the first to the last. Ends with given slopes take these.
const fn second_derivatives<const N: usize>(
    knots: &[f64; N],
    values: &[f64; N],
    slopes: [f64; 2],
    kind: Kind,
) -> [f64; N] {
    let mut second = [0.0; N];
    if matches!(kind, Kind::Linear) {
        return second;
    }
    let clamped = matches!(kind, Kind::Clamped(_));
    // Row i: lower m_(i-1) + diagonal m_i + upper m_(i+1) = right. After elimination `upper` and `second` are those of a unit
    // diagonal.
    let mut upper = [0.0; N];
    let mut i = 0;
    while i < N {
        let before = if i > 0 { knots[i] - knots[i - 1] } else { 0.0 };
        let after = if i + 1 < N { knots[i + 1] - knots[i] } else { 0.0 };
        let rise_before = if i > 0 { (values[i] - values[i - 1]) / before } else { slopes[0] };
        let rise_after = if i + 1 < N { (values[i + 1] - values[i]) / after } else { slopes[1] };
        let end = i == 0 || i + 1 == N;
        let (lower, diagonal, next, right) = if end && !clamped {
            (0.0, 1.0, 0.0, 0.0)
        } else {
            (before / 6.0, (before + after) / 3.0, after / 6.0, rise_after - rise_before)
        };
        let pivot = if i > 0 { diagonal - lower * upper[i - 1] } else { diagonal };
        upper[i] = next / pivot;
        second[i] = if i > 0 { (right - lower * second[i - 1]) / pivot } else { right / pivot };
        i += 1;
    }
    while i > 1 {
        i -= 1;
        second[i - 1] -= upper[i - 1] * second[i];
    }
    second
}
