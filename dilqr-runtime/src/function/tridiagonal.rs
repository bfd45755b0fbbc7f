//! Tridiagonal systems, eliminated from both ends.
//!
//! Elimination from the first row gives `x_i = -upper_i x_(i+1)` where the right side is zero up to row `i`, and elimination from the
//! last row `x_i = -lower_i x_(i-1)` where it is zero from there on. So column `j` of the inverse is known from its diagonal
//! entry `inverse_j`, and an entry of a row takes one product.

use crate::scalar::Scalar;

/// A tridiagonal matrix that elimination without exchanges of rows inverts, as one with a dominant diagonal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tridiagonal<const N: usize> {
    upper: [f64; N],
    lower: [f64; N],
    /// The diagonal of the inverse.
    inverse: [f64; N],
    /// The entries before the diagonal, and the pivots of the elimination from the first row.
    before: [f64; N],
    pivots: [f64; N],
}

impl<const N: usize> Tridiagonal<N> {
    /// The matrix with these entries in each row: before the diagonal, on it, and after it. The first of the first row and the last
    /// of the last row are not read.
    pub(super) const fn new(rows: &[[f64; 3]; N]) -> Self {
        let zeros = [0.0; N];
        let mut system = Self { upper: zeros, lower: zeros, inverse: zeros, before: zeros, pivots: zeros };
        let mut i = 0;
        while i < N {
            let [before, diagonal, after] = rows[i];
            system.before[i] = if i > 0 { before } else { 0.0 };
            system.pivots[i] = if i > 0 { diagonal - before * system.upper[i - 1] } else { diagonal };
            system.upper[i] = if i + 1 < N { after / system.pivots[i] } else { 0.0 };
            i += 1;
        }
        while i > 0 {
            i -= 1;
            let [_, diagonal, after] = rows[i];
            let coupled = if i + 1 < N { after * system.lower[i + 1] } else { 0.0 };
            system.lower[i] = system.before[i] / (diagonal - coupled);
            system.inverse[i] = 1.0 / (system.pivots[i] - coupled);
        }
        system
    }

    /// The solution for a right side.
    pub(super) const fn solve(&self, right: &[f64; N]) -> [f64; N] {
        let mut x = [0.0; N];
        let mut i = 0;
        while i < N {
            let coupled = if i > 0 { self.before[i] * x[i - 1] } else { 0.0 };
            x[i] = (right[i] - coupled) / self.pivots[i];
            i += 1;
        }
        while i > 1 {
            i -= 1;
            x[i - 1] -= self.upper[i - 1] * x[i];
        }
        x
    }

    /// A row of the inverse. The row's index may differ between lanes.
    pub(super) fn row_of_inverse<S: Scalar>(&self, row: S) -> [S; N] {
        let mut entries = [S::zero(); N];
        // Products of the entries of `upper` from the row on, and of `lower` down to it.
        let mut product = S::zero();
        for j in 0..N {
            let index = S::from_f64(j as f64);
            let is_row = index.less_equal(row) & row.less_equal(index);
            product = S::select(is_row, S::one(), product);
            entries[j] = product * S::from_f64(self.inverse[j]);
            product *= S::from_f64(-self.upper[j]);
        }
        product = S::zero();
        for j in (0..N).rev() {
            let index = S::from_f64(j as f64);
            let is_row = index.less_equal(row) & row.less_equal(index);
            entries[j] = S::select(index.less(row), product * S::from_f64(self.inverse[j]), entries[j]);
            product = S::select(is_row, S::one(), product) * S::from_f64(-self.lower[j]);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::Tridiagonal;

    #[test]
    fn the_inverse_solves() {
        let rows: [[f64; 3]; 9] = core::array::from_fn(|i| {
            let (before, after) = (0.3 + (i as f64).sin().abs(), 0.2 + (2.0 * i as f64).cos().abs());
            [before, 2.1 * (before + after), after]
        });
        let system = Tridiagonal::new(&rows);
        for j in 0..9 {
            let right = core::array::from_fn(|i| f64::from(u8::from(i == j)));
            let x = system.solve(&right);
            for i in 0..9 {
                // The solution satisfies the equations, and is a column of the inverse.
                let [before, diagonal, after] = rows[i];
                let mut sum = diagonal * x[i];
                if i > 0 {
                    sum += before * x[i - 1];
                }
                if i < 8 {
                    sum += after * x[i + 1];
                }
                assert!((sum - right[i]).abs() < 1e-14, "{i} {j}: {sum}");
                let entry = system.row_of_inverse(i as f64)[j];
                assert!((entry - x[i]).abs() < 1e-15, "{i} {j}: {entry} {}", x[i]);
            }
        }
    }
}
