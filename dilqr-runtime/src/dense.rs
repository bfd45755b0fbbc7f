//! Products and a factorization of small matrices of fixed size, for any [`Scalar`].
//!
//! nalgebra's own are not used because they ask more of a number than a [`Scalar`] offers. All loops have constant bounds
//! and run down the columns, as the matrices are stored.

use nalgebra::{ArrayStorage, SMatrix, SVector};
use num_traits::Zero;

use crate::scalar::{Mask, Scalar};

/// The zero matrix.
#[inline(always)]
pub(crate) fn zeros<S: Scalar, const R: usize, const C: usize>() -> SMatrix<S, R, C> {
    SMatrix::from_array_storage(ArrayStorage([[S::zero(); R]; C]))
}

/// The neutral element of addition, in every entry. That is `-0.0`, not `0.0`: the compiler knows that adding to it does
/// negative_zeros, so that a sum that starts from it costs no operation. (`0.0 + -0.0` is `0.0`: adding to `0.0` does something.)
#[inline(always)]
pub(crate) fn negative_zeros<S: Scalar, const R: usize, const C: usize>() -> SMatrix<S, R, C> {
    SMatrix::from_array_storage(ArrayStorage([[-S::zero(); R]; C]))
}

/// `out += a b`.
#[inline(always)]
pub(crate) fn add_product<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, R, K>,
    b: &SMatrix<S, K, C>,
) {
    add_product_where(out, a, b, &const { [[true; C]; K] });
}

/// `out += a b`, where `b` is zero outside of `pattern`.
///
/// Where the pattern is a constant and the loops are unrolled, which small sizes are, a zero costs nothing; otherwise it
/// saves the work on a column.
#[inline(always)]
pub(crate) fn add_product_where<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, R, K>,
    b: &SMatrix<S, K, C>,
    pattern: &[[bool; C]; K],
) {
    for j in 0..C {
        let column = &mut out.data.0[j];
        for k in 0..K {
            if pattern[k][j] {
                let factor = b.data.0[j][k];
                for i in 0..R {
                    column[i] += a.data.0[k][i] * factor;
                }
            }
        }
    }
}

/// The places of a pattern's non-zeros, column by column.
pub(crate) struct Columns<const R: usize, const C: usize> {
    /// Of each column the rows, as many as `counts` says.
    rows: [[u16; R]; C],
    counts: [usize; C],
}

impl<const R: usize, const C: usize> Columns<R, C> {
    /// Of a matrix without zeros.
    pub(crate) const ALL: Self = Self::of(&[[true; C]; R]);

    pub(crate) const fn of(pattern: &[[bool; C]; R]) -> Self {
        let mut columns = Self { rows: [[0; R]; C], counts: [0; C] };
        let mut j = 0;
        while j < C {
            let mut i = 0;
            while i < R {
                if pattern[i][j] {
                    columns.rows[j][columns.counts[j]] = i as u16;
                    columns.counts[j] += 1;
                }
                i += 1;
            }
            j += 1;
        }
        columns
    }
}

/// `out += a b`, where `b` is zero outside of `columns`: for sizes whose loops are not unrolled.
#[inline(always)]
pub(crate) fn add_product_of<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, R, K>,
    b: &SMatrix<S, K, C>,
    columns: &Columns<K, C>,
) {
    for j in 0..C {
        let mut column = out.data.0[j];
        for &k in &columns.rows[j][..columns.counts[j]] {
            let factor = b.data.0[j][usize::from(k)];
            let left = &a.data.0[usize::from(k)];
            for i in 0..R {
                column[i] = left[i].mul_add(factor, column[i]);
            }
        }
        out.data.0[j] = column;
    }
}

/// `a'`.
#[inline(always)]
pub(crate) fn transposed<S: Scalar, const R: usize, const C: usize>(a: &SMatrix<S, R, C>) -> SMatrix<S, C, R> {
    let mut out = zeros();
    for j in 0..C {
        for i in 0..R {
            out.data.0[i][j] = a.data.0[j][i];
        }
    }
    out
}

/// Copies the lower half onto the upper one.
#[inline(always)]
pub(crate) fn mirror<S: Scalar, const N: usize>(a: &mut SMatrix<S, N, N>) {
    for j in 0..N {
        for i in j + 1..N {
            a.data.0[i][j] = a.data.0[j][i];
        }
    }
}

/// `out += a' b`.
#[inline(always)]
pub(crate) fn add_transposed_product<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, C>,
) {
    add_transposed_product_where(out, a, b, &const { [[true; R]; K] });
}

/// `out += a' b`, where `a` is zero outside of `pattern`.
#[inline(always)]
pub(crate) fn add_transposed_product_where<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, C>,
    pattern: &[[bool; R]; K],
) {
    for j in 0..C {
        for i in 0..R {
            let mut sum = out.data.0[j][i];
            for k in 0..K {
                if pattern[k][i] {
                    sum += a.data.0[i][k] * b.data.0[j][k];
                }
            }
            out.data.0[j][i] = sum;
        }
    }
}

/// `out += a' b`, where `a` is zero outside of `columns`: for sizes whose loops are not unrolled.
#[inline(always)]
pub(crate) fn add_transposed_product_of<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, C>,
    columns: &Columns<K, R>,
) {
    for j in 0..C {
        for i in 0..R {
            let mut sum = out.data.0[j][i];
            for &k in &columns.rows[i][..columns.counts[i]] {
                let k = usize::from(k);
                sum = a.data.0[i][k].mul_add(b.data.0[j][k], sum);
            }
            out.data.0[j][i] = sum;
        }
    }
}

/// `out += a' b` where the result is known to be symmetric: the lower half is computed and mirrored, so that rounding
/// cannot make it unsymmetric.
#[inline(always)]
pub(crate) fn add_symmetric_product<S: Scalar, const R: usize, const K: usize>(
    out: &mut SMatrix<S, R, R>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, R>,
) {
    add_symmetric_product_where(out, a, b, &const { [[true; R]; K] });
}

/// As [`add_symmetric_product`], where `a` is zero outside of `pattern`.
#[inline(always)]
pub(crate) fn add_symmetric_product_where<S: Scalar, const R: usize, const K: usize>(
    out: &mut SMatrix<S, R, R>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, R>,
    pattern: &[[bool; R]; K],
) {
    for j in 0..R {
        for i in j..R {
            let mut sum = out.data.0[j][i];
            for k in 0..K {
                if pattern[k][i] {
                    sum += a.data.0[i][k] * b.data.0[j][k];
                }
            }
            out.data.0[j][i] = sum;
            out.data.0[i][j] = sum;
        }
    }
}

/// `sum_i a_i b_i`.
#[inline(always)]
pub(crate) fn dot<S: Scalar, const N: usize>(a: &SVector<S, N>, b: &SVector<S, N>) -> S {
    let mut sum = S::zero();
    for i in 0..N {
        sum += a.data.0[0][i] * b.data.0[0][i];
    }
    sum
}

/// The larger of two numbers, NaN if one is: `f64::max` would hide it.
#[inline(always)]
pub(crate) fn larger<S: Scalar>(a: S, b: S) -> S {
    S::select(b.less_equal(a) | !a.equal(a), a, b)
}

/// Whether the real part is neither infinite nor NaN.
#[inline(always)]
pub(crate) fn is_finite<S: Scalar>(a: S) -> S::Mask {
    a.real().abs().less_equal(S::Real::from_f64(f64::MAX))
}

/// Whether a pivot of `L D L'` says that the matrix, of size `n` and with this entry on its diagonal, is positive definite so
/// far, and not singular to working precision.
#[inline(always)]
pub(crate) fn is_positive<S: Scalar>(pivot: S, diagonal: S, n: usize) -> S::Mask {
    let size = pivot.real();
    let positive = S::Real::zero().less(size) & is_finite(pivot);
    // Below this a pivot is what is left of rounding errors.
    let threshold = S::Real::from_f64(n as f64 * f64::EPSILON) * diagonal.real();
    if n > 1 { positive & threshold.less(size) } else { positive }
}

/// `L D L'` of a symmetric positive definite matrix, `L` unit lower triangular: no square roots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ldl<S, const N: usize> {
    /// `L` below the diagonal; the rest is not used.
    lower: SMatrix<S, N, N>,
    /// The reciprocals of `D`.
    inverse_pivots: SVector<S, N>,
}

impl<S: Scalar, const N: usize> Ldl<S, N> {
    /// Of nothing yet.
    pub(crate) fn zeros() -> Self {
        Self { lower: zeros(), inverse_pivots: zeros() }
    }

    /// Factorizes `a`, of which the lower half is read. False where `a` is not positive definite, not finite, or
    /// singular to working precision; the factors then hold no meaning.
    #[inline(always)]
    #[must_use]
    pub(crate) fn factor(&mut self, a: &SMatrix<S, N, N>) -> S::Mask {
        let mut definite = S::Mask::splat(true);
        for j in 0..N {
            let mut pivot = a.data.0[j][j];
            // c_k = L_jk D_k of the columns done before.
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

    /// `b := b A^-1`, all rows together: [`solve`](Self::solve) of many transposed columns, for the vector registers.
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
