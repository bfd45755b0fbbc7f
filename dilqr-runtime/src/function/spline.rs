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
use crate::function::tridiagonal::Tridiagonal;
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
/// Knots that do not increase, and points that are not finite, are an error of compilation:
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
    /// The system that these solve.
    system: Tridiagonal<N>,
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

impl<const N: usize> Spline<N> {
    /// The cubic spline through the points with second derivatives of zero at both ends. Its second derivatives are continuous
    /// everywhere.
    ///
    /// # Panics
    /// For fewer than two points, for knots that do not increase, and for knots and values that are not finite, with a message
    /// that names the entry: in a const, that is an error of compilation.
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
        check(&knots, &values, kind);
        let system = system(&knots, kind);
        let second = system.solve(&right_sides(&knots, &values, kind));
        Self { knots, values, second, system, kind }
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
        let second = self.system.solve(&right_sides(&self.knots, &values, self.kind));
        self.expand(&second, &values, x)[0]
    }

    /// Value, slope and second derivative at `x`.
    fn expand<S: Scalar>(&self, second: &[f64; N], values: &[f64; N], x: S) -> [S; 3] {
        self.piece(x, |k| [values[k], values[k + 1], second[k], second[k + 1]])
    }

    /// The same for values and second derivatives at both ends of the interval after knot `k`.
    fn piece<S: Scalar>(&self, x: S, ends: impl Fn(usize) -> [f64; 4]) -> [S; 3] {
        let part = |index: usize| S::from_real(x.map_real(|x| self.polynomial(&ends, x)[index]));
        let [knot, a, b, c, e] = [0, 1, 2, 3, 4].map(part);
        let d = x - knot;
        let (two, three) = (S::from_f64(2.0), S::from_f64(3.0));
        [a + d * (b + d * (c + d * e)), b + d * (two * c + three * d * e), two * c + S::from_f64(6.0) * d * e]
    }

    /// The number of knots up to `x`, and the interval of the table at `x` or next to it.
    fn interval(&self, x: f64) -> (usize, usize) {
        let after = self.knots.partition_point(|knot| *knot <= x);
        (after, after.clamp(1, N - 1) - 1)
    }

    /// The knot `t` and the coefficients of `a + b d + c d^2 + e d^3` with `d = x - t` about `x`.
    fn polynomial(&self, ends: &impl Fn(usize) -> [f64; 4], x: f64) -> [f64; 5] {
        let Self { knots, .. } = self;
        let (after, k) = self.interval(x);
        let [left, right, m, next] = ends(k);
        let h = knots[k + 1] - knots[k];
        let rise = (right - left) / h;
        let b = rise - h * (2.0 * m + next) / 6.0;
        if after == 0 {
            return [knots[0], left, b, 0.0, 0.0];
        }
        if after == N {
            return [knots[N - 1], right, rise + h * (m + 2.0 * next) / 6.0, 0.0, 0.0];
        }
        [knots[k], left, b, 0.5 * m, (next - m) / (6.0 * h)]
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

    /// The derivatives in each value of value, slope and second derivative at `x`, and these three for the table of zeros.
    ///
    /// The second derivatives at both ends of the interval are two rows of the inverse of the system times the right side.
    fn weights<S: Scalar>(&self, x: S) -> ([[S; 3]; N], [S; 3]) {
        let unit = |own: usize| self.piece(x, |_| core::array::from_fn(|end| f64::from(u8::from(end == own))));
        let [left, right, of_first, of_second] = [0, 1, 2, 3].map(unit);
        let k = S::from_real(x.map_real(|x| self.interval(x).1 as f64));
        let [first, second] = [k, k + S::one()].map(|row| self.system.row_of_inverse(row));
        // What the right side of row `i` adds.
        let terms: [[S; 3]; N] = core::array::from_fn(|i| {
            core::array::from_fn(|order| first[i] * of_first[order] + second[i] * of_second[order])
        });
        let mut weights = [[S::zero(); 3]; N];
        let mut add = |entry: usize, factor: S, of: &[S; 3]| {
            weights[entry].iter_mut().zip(of).for_each(|(weight, part)| *weight = factor.mul_add(*part, *weight));
        };
        for i in 0..N {
            let at = S::from_f64(i as f64);
            let is = |row: S| S::select(row.less_equal(at) & at.less_equal(row), S::one(), S::zero());
            add(i, is(k), &left);
            add(i, is(k + S::one()), &right);
        }
        let mut fixed = [S::zero(); 3];
        if !matches!(self.kind, Kind::Linear) {
            for (i, term) in terms.iter().enumerate() {
                let [before, after] = sides(i, N, self.kind);
                if before {
                    let inverse = S::from_f64(1.0 / (self.knots[i] - self.knots[i - 1]));
                    add(i, -inverse, term);
                    add(i - 1, inverse, term);
                }
                if after {
                    let inverse = S::from_f64(1.0 / (self.knots[i + 1] - self.knots[i]));
                    add(i + 1, inverse, term);
                    add(i, -inverse, term);
                }
            }
        }
        if let Kind::Clamped(slopes) = self.kind {
            let [start, end] = slopes.map(S::from_f64);
            fixed = core::array::from_fn(|order| end * terms[N - 1][order] - start * terms[0][order]);
        }
        (weights, fixed)
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

/// Panics where a table has too few points, or points that are none.
const fn check<const N: usize>(knots: &[f64; N], values: &[f64; N], kind: Kind) {
    assert!(N >= 2, "a table needs at least two points");
    let mut i = 0;
    while i < N {
        if !knots[i].is_finite() {
            refuse("a knot of a table is not finite: entry ", i);
        }
        if !values[i].is_finite() {
            refuse("a value of a table is not finite: entry ", i);
        }
        // The length of an interval is finite, too.
        if i > 0 && !(knots[i - 1] < knots[i] && (knots[i] - knots[i - 1]).is_finite()) {
            refuse("each knot of a table must be greater than the one before: not so for entry ", i);
        }
        i += 1;
    }
    if let Kind::Clamped([first, last]) = kind {
        assert!(first.is_finite() && last.is_finite(), "a slope at the end of a table is not finite");
    }
}

/// Panics with a text and the number of an entry. Consts cannot format numbers.
#[expect(clippy::panic, reason = "a const that panics is a compile error")]
const fn refuse(text: &str, entry: usize) -> ! {
    let (text, mut message) = (text.as_bytes(), [0; 100]);
    let mut length = 0;
    while length < text.len() {
        message[length] = text[length];
        length += 1;
    }
    let mut unit = 1;
    while entry / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        message[length] = b'0' + (entry / unit % 10) as u8;
        length += 1;
        unit /= 10;
    }
    match core::str::from_utf8(message.split_at(length).0) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("a point of a table is not finite, or its knots do not increase"),
    }
}

/// Whether the equation of a knot reads the rise before it and the rise after it.
const fn sides(i: usize, n: usize, kind: Kind) -> [bool; 2] {
    let clamped = matches!(kind, Kind::Clamped(_));
    let end = i == 0 || i + 1 == n;
    [i > 0 && (clamped || !end), i + 1 < n && (clamped || !end)]
}

/// The system of a continuous slope for the second derivatives at the knots. Where these are zero it is the identity.
const fn system<const N: usize>(knots: &[f64; N], kind: Kind) -> Tridiagonal<N> {
    let mut rows = [[0.0, 1.0, 0.0]; N];
    let mut i = 0;
    while i < N && !matches!(kind, Kind::Linear) {
        let [reads_before, reads_after] = sides(i, N, kind);
        if reads_before || reads_after {
            let before = if reads_before { knots[i] - knots[i - 1] } else { 0.0 };
            let after = if reads_after { knots[i + 1] - knots[i] } else { 0.0 };
            rows[i] = [before / 6.0, (before + after) / 3.0, after / 6.0];
        }
        i += 1;
    }
    Tridiagonal::new(&rows)
}

/// Its right side: what the slope of straight lines jumps by at each knot, and at the ends what it differs from given slopes by.
const fn right_sides<const N: usize>(knots: &[f64; N], values: &[f64; N], kind: Kind) -> [f64; N] {
    let mut right = [0.0; N];
    let mut i = 0;
    while i < N && !matches!(kind, Kind::Linear) {
        let [reads_before, reads_after] = sides(i, N, kind);
        if reads_before {
            right[i] -= (values[i] - values[i - 1]) / (knots[i] - knots[i - 1]);
        }
        if reads_after {
            right[i] += (values[i + 1] - values[i]) / (knots[i + 1] - knots[i]);
        }
        i += 1;
    }
    if let Kind::Clamped([first, last]) = kind {
        right[0] -= first;
        right[N - 1] += last;
    }
    right
}
