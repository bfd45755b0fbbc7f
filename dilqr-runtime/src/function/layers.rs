//! The layers of a network, and products with their matrices, which are given row by row.

use crate::function::registers::{PARTS, Sums};
use crate::scalar::{Kernel, Scalar};

/// One layer, `a = W h + b`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerRef<'a> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `outputs` rows of `inputs`.
    pub(super) matrix: &'a [f64],
    pub(super) biases: &'a [f64],
}

/// The number of weights of layers of these sizes.
pub(super) const fn weight_count(sizes: &[usize]) -> usize {
    let (mut count, mut layer) = (0, 0);
    while layer + 1 < sizes.len() {
        count += (sizes[layer] + 1) * sizes[layer + 1];
        layer += 1;
    }
    count
}

impl<'a> LayerRef<'a> {
    /// Layer `index` of a network with layers of these sizes. `weights` holds `W` row by row and then `b`, layer by layer.
    pub(super) fn of(sizes: &[usize], weights: &'a [f64], index: usize) -> Self {
        let (inputs, outputs) = (sizes[index], sizes[index + 1]);
        let own = &weights[weight_count(&sizes[..=index])..weight_count(&sizes[..index + 2])];
        let (matrix, biases) = own.split_at(inputs * outputs);
        Self { inputs, outputs, matrix, biases }
    }

    /// `out = W h + b`
    #[inline(always)]
    pub(super) fn apply<S: Scalar>(&self, h: &[S], out: &mut [S]) {
        self.apply_with(h, |row, value| out[row] = value);
    }

    /// The same: `write(row, value)` gets each entry.
    #[inline(always)]
    pub(super) fn apply_with<S: Scalar>(&self, h: &[S], mut write: impl FnMut(usize, S)) {
        let mut write = |row: usize, value: S| write(row, value + S::from_f64(self.biases[row]));
        if self.inputs < PARTS {
            self.short_products(h, write);
        } else {
            self.products(1, |_| h, |_, row, value| write(row, value));
        }
    }

    /// The products of `W` with one short column: `write(row, value)` gets each entry. Rows fill no register, so many of them are
    /// summed at a time; the order of each sum is that of [`products`](Self::products).
    #[inline(always)]
    fn short_products<S: Scalar>(&self, h: &[S], mut write: impl FnMut(usize, S)) {
        let mut rows = self.matrix.chunks_exact(self.inputs * PARTS);
        let mut first = 0;
        for block in rows.by_ref() {
            let mut sums = [S::zero(); PARTS];
            for (j, h) in h.iter().enumerate() {
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum = S::from_f64(block[row * self.inputs + j]).mul_add(*h, *sum);
                }
            }
            sums.into_iter().enumerate().for_each(|(row, sum)| write(first + row, sum));
            first += PARTS;
        }
        for (row, weights) in rows.remainder().chunks_exact(self.inputs).enumerate() {
            let sum = weights.iter().zip(h).fold(S::zero(), |sum, (w, h)| S::from_f64(*w).mul_add(*h, sum));
            write(first + row, sum);
        }
    }

    /// The products of `W` with `count` columns, and the first with `b` added: `write(column, row, value)` gets each entry.
    #[inline(always)]
    pub(super) fn apply_columns<'h, S: Scalar + 'h>(
        &self,
        count: usize,
        column: impl Fn(usize) -> &'h [S],
        mut write: impl FnMut(usize, usize, S),
    ) {
        self.products(count, column, |column, row, value| {
            let bias = if column == 0 { S::from_f64(self.biases[row]) } else { S::zero() };
            write(column, row, value + bias);
        });
    }

    /// Two rows at a time and up to three columns: they share loads, and there are enough sums for the latency of an addition.
    #[inline(always)]
    fn products<'h, S: Scalar + 'h>(
        &self,
        count: usize,
        column: impl Fn(usize) -> &'h [S],
        mut write: impl FnMut(usize, usize, S),
    ) {
        for first in (0..self.outputs).step_by(2) {
            let row = |index: usize| &self.matrix[index * self.inputs..][..self.inputs];
            let (a, two) = (row(first), first + 1 < self.outputs);
            // The second row of a single one is not written.
            let b = if two { row(first + 1) } else { a };
            let mut start = 0;
            while start < count {
                let group = (count - start).min(3);
                let last = first + usize::from(two);
                match group {
                    1 => put(products([a, b], [column(start)]), (start, first..=last), &mut write),
                    2 => put(products([a, b], [start, start + 1].map(&column)), (start, first..=last), &mut write),
                    _ => put(
                        products([a, b], [start, start + 1, start + 2].map(&column)),
                        (start, first..=last),
                        &mut write,
                    ),
                }
                start += group;
            }
        }
    }

    /// The matrix, column by column: `write(column, row, value)`.
    #[inline(always)]
    pub(super) fn matrix<S: Scalar>(&self, mut write: impl FnMut(usize, usize, S)) {
        for column in 0..self.inputs {
            for row in 0..self.outputs {
                write(column, row, S::from_f64(self.matrix[row * self.inputs + column]));
            }
        }
    }

    /// `out = W' g`: the adjoints of the layer's inputs.
    #[inline(always)]
    pub(super) fn apply_transposed<S: Scalar>(&self, g: &[S], out: &mut [S]) {
        /// The rows of a block: they share the loads of `out`.
        const BLOCK: usize = 4;
        out.fill(S::zero());
        let mut rows = self.matrix.chunks_exact(self.inputs * BLOCK);
        let (adjoints, last) = g.as_chunks::<BLOCK>();
        for (rows, g) in rows.by_ref().zip(adjoints) {
            let [a, b, c, d] = core::array::from_fn(|row| &rows[row * self.inputs..][..out.len()]);
            for (j, out) in out.iter_mut().enumerate() {
                let first = S::from_f64(a[j]).mul_add(g[0], S::from_f64(b[j]) * g[1]);
                let second = S::from_f64(c[j]).mul_add(g[2], S::from_f64(d[j]) * g[3]);
                *out += first + second;
            }
        }
        for (row, g) in rows.remainder().chunks_exact(self.inputs).zip(last) {
            for (weight, out) in row.iter().zip(out.iter_mut()) {
                *out = S::from_f64(*weight).mul_add(*g, *out);
            }
        }
    }
}

/// The part of a list of weights, or of a gradient in them, that belongs to layer `index`: matrix and biases.
pub(super) fn layer_mut<'a, S>(sizes: &[usize], list: &'a mut [S], index: usize) -> (&'a mut [S], &'a mut [S]) {
    let own = &mut list[weight_count(&sizes[..=index])..weight_count(&sizes[..index + 2])];
    own.split_at_mut(sizes[index] * sizes[index + 1])
}

/// Writes the products of rows with columns from `start` on.
#[inline(always)]
fn put<S: Copy, const G: usize>(
    products: [[S; G]; 2],
    (start, rows): (usize, core::ops::RangeInclusive<usize>),
    write: &mut impl FnMut(usize, usize, S),
) {
    for (row, values) in rows.zip(products) {
        for (index, value) in values.into_iter().enumerate() {
            write(start + index, row, value);
        }
    }
}

/// The products of two rows with up to three columns of one length.
#[inline(always)]
fn products<S: Scalar, const G: usize>(rows: [&[f64]; 2], columns: [&[S]; G]) -> [[S; G]; 2] {
    S::run::<RowProducts<G>>((rows, columns))
}

/// [`products`]: sums in vector registers for plain floats. Other scalars fill registers on their own.
struct RowProducts<const G: usize>;

impl<const G: usize> Kernel for RowProducts<G> {
    type Arguments<'a, S: Scalar> = ([&'a [f64]; 2], [&'a [S]; G]);
    type Value<S: Scalar> = [[S; G]; 2];

    #[inline(always)]
    fn generic<S: Scalar>((rows, columns): Self::Arguments<'_, S>) -> [[S; G]; 2] {
        let mut sums = [[S::zero(); G]; 2];
        for j in 0..columns[0].len() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                for g in 0..G {
                    sums[g] = S::from_f64(row[j]).mul_add(columns[g][j], sums[g]);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn f64((rows, columns): Self::Arguments<'_, f64>) -> [[f64; G]; 2] {
        let ([(a, _), (b, _)], blocks) =
            (rows.map(<[f64]>::as_chunks::<PARTS>), columns.map(|column| column.as_chunks().0));
        let count = blocks[0].len();
        let (a, b, blocks) = (&a[..count], &b[..count], blocks.map(|column: &[[f64; PARTS]]| &column[..count]));
        let mut parts = [(Sums::zeros(), Sums::zeros()); G];
        for block in 0..count {
            for g in 0..G {
                parts[g].0.add(&a[block], &blocks[g][block]);
                parts[g].1.add(&b[block], &blocks[g][block]);
            }
        }
        let mut sums = [parts.map(|(a, _)| a.total()), parts.map(|(_, b)| b.total())];
        for j in count * PARTS..columns[0].len() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                for g in 0..G {
                    sums[g] = Scalar::mul_add(row[j], columns[g][j], sums[g]);
                }
            }
        }
        sums
    }
}

/// The product of two vectors of one length.
#[inline(always)]
pub(super) fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    S::run::<Dot>((a, b))
}

struct Dot;

impl Kernel for Dot {
    type Arguments<'a, S: Scalar> = (&'a [S], &'a [S]);
    type Value<S: Scalar> = S;

    #[inline(always)]
    fn generic<S: Scalar>((a, b): Self::Arguments<'_, S>) -> S {
        a.iter().zip(b).fold(S::zero(), |sum, (a, b)| a.mul_add(*b, sum))
    }

    #[inline(always)]
    fn f64((a, b): Self::Arguments<'_, f64>) -> f64 {
        let ((a, rest_a), (b, rest_b)) = (a.as_chunks(), b.as_chunks());
        let mut sums = Sums::zeros();
        a.iter().zip(b).for_each(|(a, b)| sums.add(a, b));
        rest_a.iter().zip(rest_b).fold(sums.total(), |sum, (a, b)| Scalar::mul_add(*a, *b, sum))
    }
}
