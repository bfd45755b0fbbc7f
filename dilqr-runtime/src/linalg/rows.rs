//! Derivatives of a vector along `M` directions, row by row, and products of sparse matrices with them.
//!
//! A row is contiguous, so that a non-zero of the sparse factor costs one multiple of a row. `M` is a multiple of [`TILE`]: rows
//! end with zeros where there are fewer directions. Then loops over a row have no remainder outside of vector registers.

use nalgebra::SMatrix;

use crate::scalar::Scalar;

/// Rows have a multiple of this length.
pub(crate) const TILE: usize = 4;

/// `R` rows along `M` directions.
pub(crate) type Rows<S, const R: usize, const M: usize> = [[S; M]; R];

/// Where a matrix can be other than zero: the columns of each row, and the rows that have any.
pub(crate) struct Pattern<const R: usize, const C: usize> {
    columns: [[u16; C]; R],
    counts: [usize; R],
    rows: [u16; R],
    row_count: usize,
}

impl<const R: usize, const C: usize> Pattern<R, C> {
    pub(crate) const fn of(entries: &[[bool; C]; R]) -> Self {
        let mut pattern = Self { columns: [[0; C]; R], counts: [0; R], rows: [0; R], row_count: 0 };
        let mut row = 0;
        while row < R {
            let mut column = 0;
            while column < C {
                if entries[row][column] {
                    pattern.columns[row][pattern.counts[row]] = column as u16;
                    pattern.counts[row] += 1;
                }
                column += 1;
            }
            if pattern.counts[row] > 0 {
                pattern.rows[pattern.row_count] = row as u16;
                pattern.row_count += 1;
            }
            row += 1;
        }
        pattern
    }

    /// The rows with entries, as a list.
    #[inline(always)]
    pub(crate) fn row_list(&self) -> &[u16] {
        &self.rows[..self.row_count]
    }

    /// The rows with entries.
    #[inline(always)]
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        self.row_list().iter().map(|&row| usize::from(row))
    }

    /// The columns of a row's entries.
    #[inline(always)]
    pub(crate) fn columns(&self, row: usize) -> impl Iterator<Item = usize> {
        self.columns[row][..self.counts[row]].iter().map(|&column| usize::from(column))
    }
}

/// Zeros.
#[inline(always)]
pub(crate) fn zero_rows<S: Scalar, const R: usize, const M: usize>() -> Rows<S, R, M> {
    [[S::zero(); M]; R]
}

/// `out += factor row`
#[inline(always)]
pub(crate) fn add_multiple<S: Scalar, const M: usize>(out: &mut [S; M], factor: S, row: &[S; M]) {
    for j in 0..M {
        out[j] = factor.mul_add(row[j], out[j]);
    }
}

/// `out += a b` in one row, where `a` is zero outside of the pattern.
#[inline(always)]
pub(crate) fn add_row_of_product<S: Scalar, const R: usize, const K: usize, const L: usize, const M: usize>(
    out: &mut [S; M],
    row: usize,
    (a, pattern): (&SMatrix<S, R, K>, &Pattern<R, K>),
    b: &Rows<S, L, M>,
) {
    for k in pattern.columns(row) {
        add_multiple(out, a.data.0[k][row], &b[k]);
    }
}

/// A set of tiles of a row: bit `i % 128` is tile `i`, so that a set in a long row may hold more tiles than meant.
pub(crate) type Tiles = u128;

/// The tile of an entry.
pub(crate) const fn tile_of(entry: usize) -> Tiles {
    1 << (entry / TILE % Tiles::BITS as usize)
}

/// Adds the sum of `a_k' b_k` over these rows to the lower half of `out`, for a sum that is symmetric. Rows of `a` are zero outside
/// of their tiles.
#[inline(always)]
pub(crate) fn add_lower_product<S: Scalar, const K: usize, const L: usize, const M: usize>(
    out: &mut Rows<S, M, M>,
    (a, tiles): (&Rows<S, K, M>, &[Tiles; K]),
    b: &Rows<S, L, M>,
    rows: &[u16],
) {
    for down in 0..M / TILE {
        let (mut own, mut count) = ([0_u16; K], 0);
        for &k in rows {
            if tiles[usize::from(k)] & tile_of(TILE * down) != 0 {
                own[count] = k;
                count += 1;
            }
        }
        // Two tiles at once share the factors of the left; one remains in every second row.
        let pairs = down.div_ceil(2);
        for pair in 0..pairs {
            add_tiles::<S, K, L, M, 2>(out, (a, b), (down, 2 * pair), &own[..count]);
        }
        if 2 * pairs == down {
            add_tiles::<S, K, L, M, 1>(out, (a, b), (down, down), &own[..count]);
        }
    }
}

/// Adds to `W` tiles side by side. They stay in registers.
#[inline(always)]
fn add_tiles<S: Scalar, const K: usize, const L: usize, const M: usize, const W: usize>(
    out: &mut Rows<S, M, M>,
    (a, b): (&Rows<S, K, M>, &Rows<S, L, M>),
    (down, right): (usize, usize),
    rows: &[u16],
) {
    let mut tiles: [[[S; TILE]; W]; TILE] =
        core::array::from_fn(|i| core::array::from_fn(|w| out[TILE * down + i].as_chunks().0[right + w]));
    for &k in rows {
        let left: &[S; TILE] = &a[usize::from(k)].as_chunks().0[down];
        let chunks: &[[S; TILE]] = b[usize::from(k)].as_chunks().0;
        for i in 0..TILE {
            for w in 0..W {
                add_multiple(&mut tiles[i][w], left[i], &chunks[right + w]);
            }
        }
    }
    for i in 0..TILE {
        for w in 0..W {
            out[TILE * down + i].as_chunks_mut().0[right + w] = tiles[i][w];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The products beside their definitions, for sizes with an even and an odd number of tiles.
    fn check<const K: usize, const M: usize>() {
        let entry = |i: usize, j: usize| ((7 * i + 3 * j) as f64 * 0.37).sin();
        let entries: [[bool; K]; K] = core::array::from_fn(|i| core::array::from_fn(|j| (i * j + i) % 3 != 1));
        let pattern = Pattern::of(&entries);
        let a = SMatrix::<f64, K, K>::from_fn(|i, j| if entries[i][j] { entry(i, j) } else { 0.0 });
        // Rows of one tile each, beside dense ones.
        let tiles: [Tiles; K] = core::array::from_fn(|k| if k % 2 == 0 { tile_of(k % M) } else { Tiles::MAX });
        let b: Rows<f64, K, M> = core::array::from_fn(|k| {
            core::array::from_fn(|j| if tiles[k] & tile_of(j) == 0 { 0.0 } else { entry(k + 2, j) })
        });
        let mut product: Rows<f64, K, M> = zero_rows();
        for row in pattern.rows() {
            add_row_of_product(&mut product[row], row, (&a, &pattern), &b);
        }
        for i in 0..K {
            for j in 0..M {
                let expected: f64 = (0..K).map(|k| a[(i, k)] * b[k][j]).sum();
                assert!((product[i][j] - expected).abs() < 1e-13, "{i} {j}");
            }
        }
        // A symmetric sum.
        let weighted: Rows<f64, K, M> = core::array::from_fn(|k| b[k].map(|entry| entry * (k as f64 - 1.5)));
        let mut lower: Rows<f64, M, M> = core::array::from_fn(|i| core::array::from_fn(|j| entry(i, j)));
        let rows: [u16; K] = core::array::from_fn(|k| k as u16);
        add_lower_product(&mut lower, (&b, &tiles), &weighted, &rows);
        for i in 0..M {
            for j in 0..=i {
                let expected = entry(i, j) + (0..K).map(|k| b[k][i] * weighted[k][j]).sum::<f64>();
                assert!((lower[i][j] - expected).abs() < 1e-13, "{i} {j}");
            }
        }
    }

    #[test]
    fn products() {
        check::<5, 4>();
        check::<7, 8>();
        check::<9, 12>();
        check::<13, 28>();
    }
}
