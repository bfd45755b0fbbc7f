//! The factorization `L D L'` of small symmetric matrices.

use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

#[cfg(feature = "lanes")]
use crate::linalg::lane_copies::copy_lane;
use crate::linalg::products::{is_finite, zeros};
#[cfg(feature = "lanes")]
use crate::scalar::lanes::Lanes;
use crate::scalar::{Mask, Scalar};

/// Whether a pivot of `L D L'` is positive and above its rounding errors. The matrix has size `n` and this entry on its
/// diagonal.
#[inline(always)]
fn is_positive<S: Scalar>(pivot: S, diagonal: S, n: usize) -> S::Mask {
    let size = pivot.real();
    let positive = S::Real::zero().less(size) & is_finite(pivot);
    // A pivot below this consists of rounding errors.
    let threshold = S::Real::from_f64(n as f64 * f64::EPSILON) * diagonal.real();
    if n > 1 { positive & threshold.less(size) } else { positive }
}

/// `L D L'` of a symmetric positive definite matrix, with a unit lower triangular `L`. It needs no square roots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ldl<S, const N: usize> {
    /// `L` below the diagonal, `N x N`. The diagonal holds `D`, the upper half is not used.
    lower: SMatrix<S, N, N>,
    /// The reciprocals of `D`, `N`.
    inverse_pivots: SVector<S, N>,
}

#[cfg(feature = "lanes")]
impl<L: Lanes, const N: usize> Ldl<L, N> {
    /// Copies a lane of other factors into a lane of these.
    pub(crate) fn copy_lane(&mut self, lane: usize, from: &Self, from_lane: usize) {
        copy_lane((&from.lower, from_lane), (&mut self.lower, lane));
        copy_lane((&from.inverse_pivots, from_lane), (&mut self.inverse_pivots, lane));
    }
}

impl<S: Scalar, const N: usize> Ldl<S, N> {
    /// Memory for the factors of a matrix.
    pub(crate) fn zeros() -> Self {
        Self { lower: zeros(), inverse_pivots: zeros() }
    }

    /// Factorizes `a`; only its lower half is read. The result is false where `a` is not positive definite, not finite, or
    /// singular to working precision. The factors are meaningless there.
    #[inline(always)]
    #[must_use]
    pub(crate) fn factor(&mut self, a: &SMatrix<S, N, N>) -> S::Mask {
        let mut definite = S::Mask::splat(true);
        for j in 0..N {
            let mut pivot = a.data.0[j][j];
            // L_jk D_k for the columns k before j.
            let mut scaled = [S::zero(); N];
            for k in 0..j {
                let entry = self.lower.data.0[k][j];
                scaled[k] = entry * self.lower.data.0[k][k];
                pivot -= entry * scaled[k];
            }
            definite = definite & is_positive(pivot, a.data.0[j][j], N);
            if !definite.any() {
                return definite;
            }
            self.lower.data.0[j][j] = pivot;
            let inverse = S::one() / pivot;
            self.inverse_pivots.data.0[0][j] = inverse;
            for i in j + 1..N {
                let mut entry = a.data.0[j][i];
                for k in 0..j {
                    entry -= self.lower.data.0[k][i] * scaled[k];
                }
                self.lower.data.0[j][i] = entry * inverse;
            }
        }
        definite
    }

    /// `b := A^-1 b`, column by column.
    #[inline(always)]
    pub(crate) fn solve<const C: usize>(&self, b: &mut SMatrix<S, N, C>) {
        for column in &mut b.data.0 {
            for j in 0..N {
                for i in j + 1..N {
                    column[i] -= self.lower.data.0[j][i] * column[j];
                }
            }
            for j in (0..N).rev() {
                let mut entry = column[j] * self.inverse_pivots.data.0[0][j];
                for i in j + 1..N {
                    entry -= self.lower.data.0[j][i] * column[i];
                }
                column[j] = entry;
            }
        }
    }

    /// `b := b A^-1`. It is [`solve`](Self::solve) for many transposed columns at once, in vector registers.
    #[inline(always)]
    pub(crate) fn solve_rows<const R: usize>(&self, b: &mut SMatrix<S, R, N>) {
        let columns = &mut b.data.0;
        for j in 0..N {
            let done = columns[j];
            for i in j + 1..N {
                let factor = -self.lower.data.0[j][i];
                for row in 0..R {
                    columns[i][row] = done[row].mul_add(factor, columns[i][row]);
                }
            }
        }
        for j in (0..N).rev() {
            let mut column = columns[j];
            for entry in &mut column {
                *entry *= self.inverse_pivots.data.0[0][j];
            }
            for i in j + 1..N {
                let factor = -self.lower.data.0[j][i];
                for row in 0..R {
                    column[row] = columns[i][row].mul_add(factor, column[row]);
                }
            }
            columns[j] = column;
        }
    }
}
