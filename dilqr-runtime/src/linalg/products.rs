//! Products of small matrices of fixed size, and reductions of vectors, for any [`Scalar`].
//!
//! The crate has its own products because they are faster than nalgebra's. With them the recursion of a dense LQ problem
//! takes 0.50 to 0.67 of the time (benches/README, "The backward stage by size"). Loops have constant bounds and run along
//! the columns, as the matrices are stored. Structural zeros are skipped.
//!
//! A product comes in up to three variants:
//!
//! | suffix | zeros of one factor | for |
//! |---|---|---|
//! | none | not skipped | dense factors |
//! | `_masked` | skipped by a constant pattern | small sizes, whose loops the compiler unrolls: a zero costs nothing |
//! | `_columns` | skipped by lists of rows, column by column | larger sizes, whose loops remain loops |

use nalgebra::{ArrayStorage, SMatrix, SVector};

use crate::scalar::Scalar;

/// The zero matrix.
#[inline(always)]
pub(crate) fn zeros<S: Scalar, const R: usize, const C: usize>() -> SMatrix<S, R, C> {
    SMatrix::from_array_storage(ArrayStorage([[S::zero(); R]; C]))
}

/// `-0.0` in every entry: the neutral element of addition. A sum that starts from it needs no operation for its first term.
/// (`0.0` is not neutral: `0.0 + -0.0` is `0.0`, so the compiler keeps that addition.)
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
    add_product_masked(out, a, b, &const { [[true; C]; K] });
}

/// `out += a b`, where `b` is zero outside of `pattern`. In loops that are not unrolled a zero saves the work on a column.
#[inline(always)]
pub(crate) fn add_product_masked<S: Scalar, const R: usize, const K: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SMatrix<S, R, K>,
    b: &SMatrix<S, K, C>,
    pattern: &[[bool; C]; K],
) {
    for j in 0..C {
        // A copy stays in registers, whoever else can see `out`.
        let mut column = out.data.0[j];
        for k in 0..K {
            if pattern[k][j] {
                let factor = b.data.0[j][k];
                for i in 0..R {
                    column[i] += a.data.0[k][i] * factor;
                }
            }
        }
        out.data.0[j] = column;
    }
}

/// The rows of a pattern's non-zeros, column by column.
pub(crate) struct Columns<const R: usize, const C: usize> {
    /// The rows of each column; the first `counts` entries are used.
    rows: [[u16; R]; C],
    counts: [usize; C],
}

impl<const R: usize, const C: usize> Columns<R, C> {
    /// The columns of a matrix without zeros.
    pub(crate) const ALL: Self = Self::of(&[[true; C]; R]);

    /// The columns of a pattern, which is given row by row.
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

/// `out += a b`, where `b` is zero outside of `columns`.
#[inline(always)]
pub(crate) fn add_product_columns<S: Scalar, const R: usize, const K: usize, const C: usize>(
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

/// `out += a b` for factors whose product is symmetric, where `b` is zero outside of `columns`. Only the lower half of the
/// result is valid.
#[inline(always)]
pub(crate) fn add_lower_product_columns<S: Scalar, const R: usize, const K: usize>(
    out: &mut SMatrix<S, R, R>,
    a: &SMatrix<S, R, K>,
    b: &SMatrix<S, K, R>,
    columns: &Columns<K, R>,
) {
    for j in 0..R {
        // Two lengths that are constants keep the loops over rows in vector registers.
        let mut column = out.data.0[j];
        for &k in &columns.rows[j][..columns.counts[j]] {
            let factor = b.data.0[j][usize::from(k)];
            let left = &a.data.0[usize::from(k)];
            if j < R / 2 {
                for i in 0..R {
                    column[i] = left[i].mul_add(factor, column[i]);
                }
            } else {
                for i in R / 2..R {
                    column[i] = left[i].mul_add(factor, column[i]);
                }
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
    add_transposed_product_masked(out, a, b, &const { [[true; R]; K] });
}

/// `out += a' b`, where `a` is zero outside of `pattern`.
#[inline(always)]
pub(crate) fn add_transposed_product_masked<S: Scalar, const R: usize, const K: usize, const C: usize>(
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

/// `out += a' b`, where `a` is zero outside of `columns`.
#[inline(always)]
pub(crate) fn add_transposed_product_columns<S: Scalar, const R: usize, const K: usize, const C: usize>(
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

/// `out += a' b` for factors whose product is symmetric. The lower half is computed and mirrored, so that the result is
/// symmetric to the last bit.
#[inline(always)]
pub(crate) fn add_symmetric_product<S: Scalar, const R: usize, const K: usize>(
    out: &mut SMatrix<S, R, R>,
    a: &SMatrix<S, K, R>,
    b: &SMatrix<S, K, R>,
) {
    add_symmetric_product_masked(out, a, b, &const { [[true; R]; K] });
}

/// [`add_symmetric_product`], where `a` is zero outside of `pattern`.
#[inline(always)]
pub(crate) fn add_symmetric_product_masked<S: Scalar, const R: usize, const K: usize>(
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

/// The larger of two numbers, and NaN if one is NaN. (`f64::max` would hide a NaN.)
#[inline(always)]
pub(crate) fn larger<S: Scalar>(a: S, b: S) -> S {
    S::select(b.less_equal(a) | !a.equal(a), a, b)
}

/// Whether the real part is neither infinite nor NaN.
#[inline(always)]
pub(crate) fn is_finite<S: Scalar>(a: S) -> S::Mask {
    a.real().abs().less_equal(S::Real::from_f64(f64::MAX))
}
