//! The pattern of the Hessian: a block for each pair of blocks that a factor holds.

use alloc::vec::Vec;

use crate::graph::layout::{Layout, Place};

/// Where the entries of a pair of blocks are: entry `(r, c)` at `first + c stride + r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) first: usize,
    pub(super) stride: usize,
}

/// The lower half of a symmetric matrix, column by column. Blocks on the diagonal are stored as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    /// The first entry of each column, and behind the last one their number.
    pub(super) columns: Vec<usize>,
    pub(super) rows: Vec<usize>,
    /// The entry on the diagonal of each column.
    pub(super) diagonal: Vec<usize>,
    /// Pairs of blocks: the column's, the row's and the first row within the column, in order.
    pairs: Vec<(usize, usize, usize)>,
}

impl Pattern {
    /// The pattern of pairs `(column, row)` of blocks with `column <= row`, which may repeat.
    pub(super) fn new(layout: &Layout, mut pairs: Vec<(usize, usize)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut this =
            Self { columns: vec![0], rows: Vec::new(), diagonal: Vec::new(), pairs: Vec::with_capacity(pairs.len()) };
        let mut next = 0;
        while let Some(&(column, _)) = pairs.get(next) {
            let count = pairs[next..].iter().take_while(|pair| pair.0 == column).count();
            let mut height = 0;
            for &(_, row) in &pairs[next..next + count] {
                this.pairs.push((column, row, height));
                height += layout.places[row].dimension();
            }
            for inner in 0..layout.places[column].dimension() {
                this.diagonal.push(this.rows.len() + inner);
                for &(_, row) in &pairs[next..next + count] {
                    this.rows.extend(layout.places[row].locals());
                }
                this.columns.push(this.rows.len());
            }
            next += count;
        }
        this
    }

    /// The entries of a pair of blocks, if neither is held. The block with the first local coordinates is the column.
    pub(super) fn slot(&self, layout: &Layout, a: usize, b: usize) -> Option<Slot> {
        let (column, row) = if a <= b { (a, b) } else { (b, a) };
        let Place { held, local, .. } = layout.places[column];
        if held || layout.places[row].held {
            return None;
        }
        let found = self.pairs.binary_search_by_key(&(column, row), |&(column, row, _)| (column, row)).ok()?;
        let stride = self.columns[local + 1] - self.columns[local];
        Some(Slot { first: self.columns[local] + self.pairs[found].2, stride })
    }

    /// `out = A x`
    pub(super) fn multiply(&self, matrix: &[f64], x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for column in 0..self.diagonal.len() {
            let range = self.columns[column]..self.columns[column + 1];
            for (&row, &entry) in self.rows[range.clone()].iter().zip(&matrix[range]) {
                if row >= column {
                    out[row] += entry * x[column];
                }
                if row > column {
                    out[column] += entry * x[row];
                }
            }
        }
    }
}
