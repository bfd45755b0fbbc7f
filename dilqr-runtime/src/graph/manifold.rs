//! The manifolds of blocks: numbers, local coordinates, retractions and their derivatives.
//!
//! A point is given by numbers, `y`; a step by local coordinates, `d`. The retraction `y(d)` leads from a point along a step, and
//! `y(0) = y`. A function `f(y)` is compiled over the numbers. Its derivatives in local coordinates follow from `T = dy/dd` and the second
//! derivatives of `y(d)`, both at `d = 0`:
//!
//! ```text
//! f_d = T' f_y        f_dd = T' f_yy T + sum_k f_y,k y_k,dd
//! ```
//!
//! Both are exact, though the function is also defined for numbers off the manifold: only values on it enter the sums.
//!
//! | manifold | numbers | local coordinates | retraction |
//! |---|---|---|---|
//! | vector | `v` | `dv` | `v + dv` |
//! | SE(2) | `t` (2), angle `a` | `dt` (2), `da` | `t + R(a) dt`, `a + da` |
//! | SO(3) | unit quaternion `q = (w, x, y, z)` | `w` (3) | `q (1, w / 2)`, of unit length |
//! | SE(3) | `t` (3), `q` (4) | `dt` (3), `w` (3) | `t + R(q) dt`, `q (1, w / 2)`, of unit length |
//!
//! Translations are along the axes of the body, so that steps do not depend on the axes of the world. The retraction of rotations
//! agrees with the exponential map to second order (Absil, Mahony and Sepulchre 2008, *Optimization Algorithms on Matrix Manifolds*,
//! section 4.1), and has neither branches nor a square root of zero.

use crate::graph::factor::Manifold;
use crate::scalar::Scalar;

/// The largest difference of the length of a quaternion from 1. Quaternions from files have six digits or more.
const UNIT: f64 = 1e-4;

impl Manifold {
    /// Whether the numbers are their own local coordinates.
    pub(super) const fn is_flat(self) -> bool {
        matches!(self, Self::Vector { .. })
    }

    /// The length of the translation, in numbers and in local coordinates: rotations follow.
    pub(super) const fn translation(self) -> usize {
        match self {
            Self::Vector { length } => length,
            Self::Se2 => 2,
            Self::So3 => 0,
            Self::Se3 => 3,
        }
    }

    /// The quaternion of a point, if it has one.
    fn quaternion(self, y: &[f64]) -> Option<&[f64]> {
        matches!(self, Self::So3 | Self::Se3).then(|| &y[self.translation()..])
    }

    /// The length of the quaternion, if it is not 1.
    pub(super) fn wrong_length(self, y: &[f64]) -> Option<f64> {
        let length = norm(self.quaternion(y)?);
        ((length - 1.0).abs() > UNIT).then_some(length)
    }

    /// Makes the quaternion as long as rounding allows.
    pub(super) fn normalize(self, y: &mut [f64]) {
        if let Some(length) = self.quaternion(y).map(norm) {
            y[self.translation()..].iter_mut().for_each(|entry| *entry /= length);
        }
    }

    /// `y(d)`, by numbers.
    pub(super) fn retract<S: Scalar>(self, y: &[S], d: &[S], out: &mut [S]) {
        let n = self.translation();
        match self {
            Self::Vector { .. } => {
                for i in 0..n {
                    out[i] = y[i] + d[i];
                }
            }
            Self::Se2 => {
                self.push(y, d, out);
                for i in 0..3 {
                    out[i] += y[i];
                }
            }
            Self::So3 | Self::Se3 => {
                self.push(y, d, out);
                for i in 0..n + 4 {
                    out[i] += y[i];
                }
                let square = (n..n + 4).fold(S::zero(), |sum, i| sum + out[i] * out[i]);
                let inverse = S::one() / square.sqrt();
                for entry in &mut out[n..n + 4] {
                    *entry *= inverse;
                }
            }
        }
    }

    /// `T d`, by numbers.
    pub(super) fn push<S: Scalar>(self, y: &[S], d: &[S], out: &mut [S]) {
        match self {
            Self::Vector { length } => out[..length].copy_from_slice(&d[..length]),
            Self::Se2 => {
                let (sin, cos) = y[2].sin_cos();
                out[0] = cos * d[0] - sin * d[1];
                out[1] = sin * d[0] + cos * d[1];
                out[2] = d[2];
            }
            Self::So3 => push_rotation(y, d, out),
            Self::Se3 => {
                let rotation = rotation(&y[3..]);
                for i in 0..3 {
                    out[i] = rotation[i][0] * d[0] + rotation[i][1] * d[1] + rotation[i][2] * d[2];
                }
                push_rotation(&y[3..], &d[3..], &mut out[3..]);
            }
        }
    }

    /// `T' v`, by local coordinates.
    pub(super) fn pull<S: Scalar>(self, y: &[S], v: &[S], out: &mut [S]) {
        match self {
            Self::Vector { length } => out[..length].copy_from_slice(&v[..length]),
            Self::Se2 => {
                let (sin, cos) = y[2].sin_cos();
                out[0] = cos * v[0] + sin * v[1];
                out[1] = cos * v[1] - sin * v[0];
                out[2] = v[2];
            }
            Self::So3 => pull_rotation(y, v, out),
            Self::Se3 => {
                let rotation = rotation(&y[3..]);
                for j in 0..3 {
                    out[j] = rotation[0][j] * v[0] + rotation[1][j] * v[1] + rotation[2][j] * v[2];
                }
                pull_rotation(&y[3..], &v[3..], &mut out[3..]);
            }
        }
    }

    /// `sum_k f_y,k y_k,dd`, a multiple of the unit matrix in the local coordinates of a rotation in space and zero elsewhere: the
    /// first of these coordinates, and the factor.
    pub(super) fn curvature(self, y: &[f64], fy: &[f64]) -> Option<(usize, f64)> {
        let n = self.translation();
        // q (1, w / 2) / |(1, w / 2)| = q (1 - |w|^2 / 8, w / 2) + O(|w|^3)
        self.quaternion(y).map(|q| (n, -0.25 * q.iter().zip(&fy[n..]).map(|(q, f)| q * f).sum::<f64>()))
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|entry| entry * entry).sum::<f64>().sqrt()
}

/// The matrix of a unit quaternion, row by row.
fn rotation<S: Scalar>(q: &[S]) -> [[S; 3]; 3] {
    let two = S::from_f64(2.0);
    let (w, x, y, z) = (q[0], q[1], q[2], q[3]);
    [
        [S::one() - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y)],
        [two * (x * y + w * z), S::one() - two * (x * x + z * z), two * (y * z - w * x)],
        [two * (x * z - w * y), two * (y * z + w * x), S::one() - two * (x * x + y * y)],
    ]
}

/// `q (0, w / 2)`
fn push_rotation<S: Scalar>(q: &[S], w: &[S], out: &mut [S]) {
    let half = S::from_f64(0.5);
    out[0] = -half * (q[1] * w[0] + q[2] * w[1] + q[3] * w[2]);
    out[1] = half * (q[0] * w[0] + q[2] * w[2] - q[3] * w[1]);
    out[2] = half * (q[0] * w[1] + q[3] * w[0] - q[1] * w[2]);
    out[3] = half * (q[0] * w[2] + q[1] * w[1] - q[2] * w[0]);
}

/// Its transpose.
fn pull_rotation<S: Scalar>(q: &[S], v: &[S], out: &mut [S]) {
    let half = S::from_f64(0.5);
    out[0] = half * (q[0] * v[1] + q[3] * v[2] - q[1] * v[0] - q[2] * v[3]);
    out[1] = half * (q[0] * v[2] + q[1] * v[3] - q[2] * v[0] - q[3] * v[1]);
    out[2] = half * (q[0] * v[3] + q[2] * v[1] - q[3] * v[0] - q[1] * v[2]);
}

#[cfg(test)]
mod tests {
    use super::Manifold;

    const POINTS: [(Manifold, &[f64]); 4] = [
        (Manifold::Vector { length: 2 }, &[0.3, -1.0]),
        (Manifold::Se2, &[0.3, -1.0, 2.0]),
        (Manifold::So3, &[0.5, -0.5, 0.7, 0.1]),
        (Manifold::Se3, &[0.3, -1.0, 2.0, 0.5, -0.5, 0.7, 0.1]),
    ];

    fn at(manifold: Manifold, y: &[f64], d: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; manifold.numbers()];
        manifold.retract(y, d, &mut out);
        out
    }

    /// First and second central differences of `v' y(d)` beside `T'`, `T` and the curvature. The errors of the differences with steps of
    /// 1e-4 are about 1e-8 (truncation) and 1e-8 (rounding over the squared step).
    #[test]
    fn derivatives_of_retractions_are_those_of_differences() {
        for (manifold, point) in POINTS {
            let (n, m) = (manifold.numbers(), manifold.dimension());
            let mut y = point.to_vec();
            manifold.normalize(&mut y);
            let v: Vec<f64> = (0..n).map(|i| 0.7 - 0.3 * i as f64).collect();
            let value = |d: &[f64]| -> f64 { at(manifold, &y, d).iter().zip(&v).map(|(y, v)| y * v).sum() };
            let mut pulled = vec![0.0; m];
            manifold.pull(&y, &v, &mut pulled);
            let curvature = manifold.curvature(&y, &v);
            let step = 1e-4;
            for i in 0..m {
                let along = |i: usize, by: f64, j: usize, bj: f64| {
                    let mut d = vec![0.0; m];
                    d[i] += by;
                    d[j] += bj;
                    value(&d)
                };
                let first = (along(i, step, i, 0.0) - along(i, -step, i, 0.0)) / (2.0 * step);
                assert!((first - pulled[i]).abs() < 1e-7, "{manifold:?} {i}: {first} {}", pulled[i]);
                let (mut unit, mut pushed) = (vec![0.0; m], vec![0.0; n]);
                unit[i] = 1.0;
                manifold.push(&y, &unit, &mut pushed);
                let pushed: f64 = pushed.iter().zip(&v).map(|(a, b)| a * b).sum();
                assert!((pushed - pulled[i]).abs() < 1e-14);
                for j in 0..m {
                    let signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];
                    let sum: f64 = signs.iter().map(|(a, b)| a * b * along(i, a * step, j, b * step)).sum();
                    let expected =
                        curvature.filter(|(first, _)| i == j && i >= *first).map_or(0.0, |(_, factor)| factor);
                    let second = sum / (4.0 * step * step);
                    assert!((second - expected).abs() < 1e-6, "{manifold:?} {i} {j}: {second} {expected}");
                }
            }
        }
    }

    #[test]
    fn points_stay_on_their_manifold() {
        for (manifold, point) in POINTS {
            let mut y = point.to_vec();
            manifold.normalize(&mut y);
            let d = vec![3.0; manifold.dimension()];
            assert!(manifold.wrong_length(&at(manifold, &y, &d)).is_none());
        }
        assert_eq!(Manifold::So3.wrong_length(&[2.0, 0.0, 0.0, 0.0]), Some(2.0));
    }
}
