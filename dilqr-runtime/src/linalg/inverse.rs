//! The inverse of a small dense matrix, for any [`Scalar`].

use nalgebra::SMatrix;
use num_traits::Zero;

use crate::linalg::products::{larger, zeros};
use crate::scalar::{Mask, Scalar};

/// The inverse by elimination. Rows are exchanged where the pivot is larger, lane by lane. A singular matrix gives numbers that are
/// not finite.
pub(crate) fn inverse<S: Scalar, const N: usize>(matrix: &SMatrix<S, N, N>) -> SMatrix<S, N, N> {
    let mut a = *matrix;
    let mut inverse: SMatrix<S, N, N> = zeros();
    for i in 0..N {
        // Rows of different units are comparable as pivots after they are scaled.
        let largest = (0..N).fold(S::Real::zero(), |largest, j| larger(largest, a[(i, j)].real().abs()));
        let scale = S::from_real(S::Real::from_f64(1.0) / largest);
        for j in 0..N {
            a[(i, j)] *= scale;
        }
        inverse[(i, i)] = scale;
    }
    for k in 0..N {
        for i in k + 1..N {
            let larger = a[(k, k)].real().abs().less(a[(i, k)].real().abs());
            if larger.any() {
                for rows in [&mut a, &mut inverse] {
                    for j in 0..N {
                        let (upper, lower) = (rows[(k, j)], rows[(i, j)]);
                        rows[(k, j)] = S::select(larger, lower, upper);
                        rows[(i, j)] = S::select(larger, upper, lower);
                    }
                }
            }
        }
        let pivot = S::one() / a[(k, k)];
        for rows in [&mut a, &mut inverse] {
            for j in 0..N {
                rows[(k, j)] *= pivot;
            }
        }
        for i in (0..N).filter(|&i| i != k) {
            let factor = a[(i, k)];
            for rows in [&mut a, &mut inverse] {
                for j in 0..N {
                    let entry = rows[(k, j)];
                    rows[(i, j)] = factor.neg_mul_add(entry, rows[(i, j)]);
                }
            }
        }
    }
    inverse
}
