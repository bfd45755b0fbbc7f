//! Products and a factorization of small matrices of fixed size, for any [`Scalar`].
//!
//! nalgebra's own are not used because they ask more of a number than a [`Scalar`] offers. All loops have constant bounds
//! and run down the columns, as the matrices are stored.

use nalgebra::{ArrayStorage, SMatrix, SVector};

use crate::scalar::Scalar;

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
