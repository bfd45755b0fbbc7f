//! The factorization `L D L'` of a sparse symmetric matrix, by faer.

use alloc::vec::Vec;
use core::fmt;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::ldlt::factor::{LdltError, LdltRegularization};
use faer::sparse::linalg::cholesky::supernodal::SupernodalLdltRef;
use faer::sparse::linalg::cholesky::{
    LdltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering, factorize_symbolic_cholesky,
};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, MatMut, Par, Side, Spec};

use crate::graph::pattern::Pattern;

/// A matrix that is not positive definite, at this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Indefinite {
    pub(super) row: usize,
    /// Whether the pivot consists of rounding errors.
    pub(super) singular: bool,
}

/// `L D L'` of matrices of one pattern. It needs no square roots, so a matrix times a power of two has the same `L`.
pub(super) struct Cholesky {
    matrix: SymbolicSparseColMat<usize>,
    symbolic: SymbolicCholesky<usize>,
    factors: Vec<f64>,
    memory: MemBuffer,
    /// The row of the matrix behind each pivot.
    order: Vec<usize>,
    /// The terms that were subtracted from each pivot.
    terms: Vec<usize>,
}

impl fmt::Debug for Cholesky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cholesky").field("order", &self.order.len()).finish_non_exhaustive()
    }
}

impl Cholesky {
    /// Orders the matrix and finds the pattern of its factors. `None` where memory does not suffice.
    pub(super) fn new(pattern: &Pattern) -> Option<Self> {
        let n = pattern.diagonal.len();
        let matrix = SymbolicSparseColMat::new_checked(n, n, pattern.columns.clone(), None, pattern.rows.clone());
        let ordering = SymmetricOrdering::Amd;
        let symbolic = factorize_symbolic_cholesky(matrix.as_ref(), Side::Lower, ordering, Default::default()).ok()?;
        let scratch = symbolic
            .factorize_numeric_ldlt_scratch::<f64>(Par::Seq, Spec::default())
            .or(symbolic.solve_in_place_scratch::<f64>(1, Par::Seq));
        let memory = MemBuffer::try_new(scratch).ok()?;
        let order = symbolic.perm().map_or_else(|| (0..n).collect(), |order| order.arrays().0.to_vec());
        let (factors, terms) = (vec![0.0; symbolic.len_val()], terms(&symbolic));
        Some(Self { matrix, symbolic, factors, memory, order, terms })
    }

    /// Factorizes a matrix of the pattern.
    pub(super) fn factorize(&mut self, pattern: &Pattern, matrix: &[f64]) -> Result<(), Indefinite> {
        let Self { matrix: of, symbolic, factors, memory, .. } = self;
        let matrix_ref = SparseColMatRef::new(of.as_ref(), matrix);
        let done = symbolic.factorize_numeric_ldlt(
            factors,
            matrix_ref,
            Side::Lower,
            LdltRegularization::default(),
            Par::Seq,
            MemStack::new(memory),
            Spec::default(),
        );
        if let Err(LdltError::ZeroPivot { index }) = done {
            // Faer counts from one in one of its algorithms, from zero in the other.
            let counted_from = match symbolic.raw() {
                SymbolicCholeskyRaw::Simplicial(_) => 1,
                SymbolicCholeskyRaw::Supernodal(_) => 0,
            };
            let row = self.order.get(usize::saturating_sub(index, counted_from)).copied().unwrap_or(0);
            return Err(Indefinite { row, singular: true });
        }
        self.check(pattern, matrix)
    }

    /// Whether all pivots are positive and above their rounding errors: the first one that is not.
    fn check(&self, pattern: &Pattern, matrix: &[f64]) -> Result<(), Indefinite> {
        let of_pivot = |k: usize, pivot: f64| {
            let row = self.order[k];
            let rounding = self.terms[k] as f64 * f64::EPSILON * matrix[pattern.diagonal[row]];
            if pivot > rounding && pivot.is_finite() {
                return Ok(());
            }
            Err(Indefinite { row, singular: pivot >= -rounding })
        };
        match self.symbolic.raw() {
            SymbolicCholeskyRaw::Simplicial(symbolic) => symbolic
                .col_ptr()
                .iter()
                .take(self.order.len())
                .enumerate()
                .try_for_each(|(k, &first)| of_pivot(k, self.factors[first])),
            SymbolicCholeskyRaw::Supernodal(symbolic) => {
                let factors = SupernodalLdltRef::new(symbolic, &self.factors);
                (0..symbolic.n_supernodes()).try_for_each(|s| {
                    let node = factors.supernode(s);
                    (0..node.val().ncols()).try_for_each(|k| of_pivot(node.start() + k, node.val()[(k, k)]))
                })
            }
        }
    }

    /// `b := A^-1 b`, with the last matrix that was factorized.
    pub(super) fn solve(&mut self, b: &mut [f64]) {
        let n = b.len();
        let factors = LdltRef::new(&self.symbolic, &self.factors);
        let right = MatMut::from_column_major_slice_mut(b, n, 1);
        factors.solve_in_place_with_conj(Conj::No, right, Par::Seq, MemStack::new(&mut self.memory));
    }
}

/// The entries in each row of `L`, the diagonal included.
fn terms(symbolic: &SymbolicCholesky<usize>) -> Vec<usize> {
    let mut terms = vec![0; symbolic.nrows()];
    match symbolic.raw() {
        SymbolicCholeskyRaw::Simplicial(symbolic) => {
            symbolic.row_idx().iter().for_each(|&row| terms[row] += 1);
        }
        SymbolicCholeskyRaw::Supernodal(symbolic) => {
            for s in 0..symbolic.n_supernodes() {
                let (start, end) = (symbolic.supernode_begin()[s], symbolic.supernode_end()[s]);
                for column in start..end {
                    (column..end).for_each(|row| terms[row] += 1);
                }
                let node = symbolic.supernode(s);
                node.pattern().iter().for_each(|&row| terms[row] += end - start);
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use faer::sparse::linalg::cholesky::SymbolicCholeskyRaw;

    use super::{Cholesky, Indefinite};
    use crate::graph::factor::Manifold;
    use crate::graph::layout::{Layout, Place};
    use crate::graph::pattern::Pattern;

    /// Differences of the numbers of blocks that make factors dense.
    const MANY: [usize; 70] = {
        let (mut many, mut i) = ([0; 70], 0);
        while i < 70 {
            many[i] = i + 1;
            i += 1;
        }
        many
    };

    /// Blocks of two numbers, and the pairs `(i, j)` with `j < i` and `i - j` among the offsets. The matrix is diagonally dominant.
    fn matrix(blocks: usize, offsets: &[usize]) -> (Pattern, Vec<f64>) {
        let manifold = Manifold::Vector { length: 2 };
        let place = |i: usize| Place { manifold, number: 2 * i, local: 2 * i, held: false, class: 0 };
        let layout = Layout { places: (0..blocks).map(place).collect(), ..Layout::default() };
        let pair = |i: usize| {
            let others = offsets.iter().filter(move |offset| **offset <= i).map(move |offset| (i - offset, i));
            core::iter::once((i, i)).chain(others)
        };
        let pattern = Pattern::new(&layout, (0..blocks).flat_map(pair).collect());
        let mut values: Vec<f64> = (0..pattern.rows.len()).map(|i| (1.3 * i as f64).sin()).collect();
        for column in 0..2 * blocks {
            values[pattern.diagonal[column]] = 6.0 * offsets.len() as f64 + 3.0 + column as f64 / blocks as f64;
        }
        (pattern, values)
    }

    /// A matrix of few fill-ins and one of many, by either algorithm of faer: `A x` of a solution is the right-hand side.
    #[test]
    fn solutions_satisfy_the_equations() {
        let mut kinds = Vec::new();
        for (blocks, offsets) in [(1, &[][..]), (40, &[1]), (140, &MANY)] {
            let (pattern, values) = matrix(blocks, offsets);
            let mut cholesky = Cholesky::new(&pattern).expect("memory");
            kinds.push(matches!(cholesky.symbolic.raw(), SymbolicCholeskyRaw::Supernodal(_)));
            assert_eq!(cholesky.factorize(&pattern, &values), Ok(()));
            let b: Vec<f64> = (0..2 * blocks).map(|i| (0.7 * i as f64).cos()).collect();
            let (mut x, mut product) = (b.clone(), b.clone());
            cholesky.solve(&mut x);
            pattern.multiply(&values, &x, &mut product);
            assert!(product.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-13));
        }
        assert!(kinds.contains(&true) && kinds.contains(&false), "{kinds:?}");
    }

    /// One column the negative or the copy of another one.
    #[test]
    fn matrices_that_are_not_positive_definite_are_found() {
        for (blocks, offsets) in [(40, &[1][..]), (140, &MANY)] {
            let (pattern, mut values) = matrix(blocks, offsets);
            let mut cholesky = Cholesky::new(&pattern).expect("memory");
            let diagonal = pattern.diagonal[7];
            values[diagonal] = -3.0;
            let found = cholesky.factorize(&pattern, &values);
            assert!(matches!(found, Err(Indefinite { singular: false, .. })), "{found:?}");
            // The row of one number without any other: its pivot is the number itself.
            let (pattern, mut values) = matrix(blocks, offsets);
            for column in 0..2 * blocks {
                for entry in pattern.columns[column]..pattern.columns[column + 1] {
                    if column == 7 || pattern.rows[entry] == 7 {
                        values[entry] = 0.0;
                    }
                }
            }
            let found = cholesky.factorize(&pattern, &values);
            assert_eq!(found, Err(Indefinite { row: 7, singular: true }));
        }
    }

    /// Powers of two scale factors and solutions without rounding.
    #[test]
    fn powers_of_two_change_no_bit() {
        let (pattern, values) = matrix(140, &MANY);
        let mut cholesky = Cholesky::new(&pattern).expect("memory");
        let solved = |cholesky: &mut Cholesky, values: &[f64]| {
            assert_eq!(cholesky.factorize(&pattern, values), Ok(()));
            let mut x: Vec<f64> = (0..280).map(|i| (0.7 * i as f64).cos()).collect();
            cholesky.solve(&mut x);
            x
        };
        let one = solved(&mut cholesky, &values);
        let scaled: Vec<f64> = values.iter().map(|value| 0.125 * value).collect();
        let eight = solved(&mut cholesky, &scaled);
        assert!(one.iter().zip(&eight).all(|(a, b)| 8.0 * a == *b));
    }
}
