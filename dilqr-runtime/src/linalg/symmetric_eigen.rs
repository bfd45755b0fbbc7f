//! Eigenvalues of small symmetric matrices, by Jacobi's method.
//!
//! nalgebra's decompositions need elementary functions that it takes from the standard library, which embedded programs do
//! not have.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use nalgebra::SMatrix;

use crate::scalar::float::f64::sqrt;

/// The eigenvalues of a stage's curvature on its free controls. A control at a bound has infinity on the diagonal.
///
/// The result is minus infinity where the recursion found a stage that is not positive definite, which minus infinity on the
/// diagonal marks. It is NaN where an entry is not finite.
pub(crate) fn eigenvalues<const NU: usize>(curvature: &SMatrix<f64, NU, NU>) -> Vec<f64> {
    eigenvalues_of(NU, curvature.as_slice())
}

/// [`eigenvalues`] of a matrix of `n` rows, column by column.
pub(crate) fn eigenvalues_of(n: usize, entries: &[f64]) -> Vec<f64> {
    let curvature = Square { n, entries: entries.to_vec() };
    let free: Vec<usize> = (0..n).filter(|&i| curvature[(i, i)] != f64::INFINITY).collect();
    if free.is_empty() {
        return Vec::new();
    }
    if free.iter().any(|&i| curvature[(i, i)] == f64::NEG_INFINITY) {
        return vec![f64::NEG_INFINITY];
    }
    if free.iter().any(|&i| free.iter().any(|&j| !curvature[(i, j)].is_finite())) {
        return vec![f64::NAN];
    }
    let rotated = diagonalized(curvature, &free);
    free.iter().map(|&i| rotated[(i, i)]).collect()
}

/// The matrix after Jacobi's method on the rows and columns of `free`. Rotations in the planes of two coordinates each make
/// one entry zero, until the entries beside the diagonal are rounding errors.
fn diagonalized(mut a: Square, free: &[usize]) -> Square {
    let scale = free.iter().flat_map(|&i| free.iter().map(move |&j| (i, j))).fold(0.0_f64, |m, ij| m.max(a[ij].abs()));
    // Convergence is quadratic: matrices of this size take five to ten sweeps.
    for _ in 0..40 {
        let mut done = true;
        for (k, &i) in free.iter().enumerate() {
            for &j in &free[k + 1..] {
                if a[(i, j)].abs() <= f64::EPSILON * f64::EPSILON * scale {
                    continue;
                }
                done = false;
                // The smaller of the two angles: t^2 + 2 slant t - 1 = 0.
                let slant = (a[(j, j)] - a[(i, i)]) / (2.0 * a[(i, j)]);
                let t = 1.0_f64.copysign(slant) / (slant.abs() + sqrt(slant * slant + 1.0));
                let c = 1.0 / sqrt(t * t + 1.0);
                let s = t * c;
                for &l in free {
                    (a[(l, i)], a[(l, j)]) = (c * a[(l, i)] - s * a[(l, j)], s * a[(l, i)] + c * a[(l, j)]);
                }
                for &l in free {
                    (a[(i, l)], a[(j, l)]) = (c * a[(i, l)] - s * a[(j, l)], s * a[(i, l)] + c * a[(j, l)]);
                }
            }
        }
        if done {
            break;
        }
    }
    a
}

/// A matrix of `n` rows and columns, column by column.
struct Square {
    n: usize,
    entries: Vec<f64>,
}

impl Index<(usize, usize)> for Square {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.entries[row + column * self.n]
    }
}

impl IndexMut<(usize, usize)> for Square {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.entries[row + column * self.n]
    }
}

/// The smaller of two numbers, and NaN if one is NaN.
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a <= b { a } else { b }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Matrix4, SMatrix};

    use super::eigenvalues;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(f64::total_cmp);
        values
    }

    /// nalgebra reduces to a tridiagonal form. Both methods are accurate to some roundings of the largest eigenvalue.
    #[test]
    fn eigenvalues_are_nalgebras() {
        let entry = |i: usize, j: usize| (1.7 * (i + j) as f64 + 0.3 * (i * j) as f64).sin();
        for (scale, shift) in [(1.0, 0.0), (1e-9, 1.0), (1e6, 1e3), (1.0, 1e8)] {
            let a: SMatrix<f64, 7, 7> = SMatrix::from_fn(|i, j| scale * entry(i, j) + if i == j { shift } else { 0.0 });
            let (found, expected) = (sorted(eigenvalues(&a)), sorted(a.symmetric_eigenvalues().as_slice().to_vec()));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-14 * a.amax().max(1e-300), "{found} is not {expected}");
            }
        }
    }

    /// Controls at a bound are left out. Repeated and zero eigenvalues are found.
    #[test]
    fn eigenvalues_of_the_free_controls() {
        let mut a = Matrix4::new(2.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 2.0);
        let near = |found: Vec<f64>, expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            assert!(sorted(found).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
        };
        near(eigenvalues(&a), &[1.0, 1.0, 3.0, 3.0]);
        a[(1, 1)] = f64::INFINITY;
        near(eigenvalues(&a), &[1.0, 2.0, 3.0]);
        near(eigenvalues(&Matrix4::zeros()), &[0.0; 4]);
    }
}
