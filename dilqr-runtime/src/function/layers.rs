//! The layers of a network and products with their matrices. These are given row by row; blocks of rows share the loads of
//! the vectors.

use crate::scalar::Scalar;

/// The rows of a block.
const BLOCK: usize = 4;

/// The sums in parts of which a product is made: several chains of additions, and full vector registers.
const PARTS: usize = 8;

/// One layer, `a = W h + b`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerRef<'a> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `outputs` rows of `inputs`.
    matrix: &'a [f64],
    biases: &'a [f64],
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
        for ((row, bias), out) in self.matrix.chunks_exact(self.inputs).zip(self.biases).zip(out) {
            *out = dot(row, h) + S::from_f64(*bias);
        }
    }

    /// `out = W diag(slopes) tangents`: the tangents of the layer's values, `N` columns.
    #[inline(always)]
    pub(super) fn apply_tangents<S: Scalar, const N: usize>(
        &self,
        slopes: &[S],
        tangents: &[[S; N]],
        out: &mut [[S; N]],
    ) {
        let mut rows = self.matrix.chunks_exact(self.inputs * BLOCK);
        let mut blocks = out.chunks_exact_mut(BLOCK);
        for (rows, out) in rows.by_ref().zip(blocks.by_ref()) {
            let mut sums = [[S::zero(); N]; BLOCK];
            for (j, (slope, tangent)) in slopes.iter().zip(tangents).enumerate() {
                for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(self.inputs)) {
                    let factor = S::from_f64(row[j]) * *slope;
                    for (sum, entry) in sum.iter_mut().zip(tangent) {
                        *sum = factor.mul_add(*entry, *sum);
                    }
                }
            }
            out.copy_from_slice(&sums);
        }
        for (row, out) in rows.remainder().chunks_exact(self.inputs).zip(blocks.into_remainder()) {
            let mut sum = [S::zero(); N];
            for ((weight, slope), tangent) in row.iter().zip(slopes).zip(tangents) {
                let factor = S::from_f64(*weight) * *slope;
                for (sum, entry) in sum.iter_mut().zip(tangent) {
                    *sum = factor.mul_add(*entry, *sum);
                }
            }
            *out = sum;
        }
    }

    /// The matrix as the tangents of the first layer: its inputs are the network's.
    pub(super) fn write_matrix<S: Scalar, const N: usize>(&self, out: &mut [[S; N]]) {
        for (row, out) in self.matrix.chunks_exact(N).zip(out) {
            out.iter_mut().zip(row).for_each(|(out, weight)| *out = S::from_f64(*weight));
        }
    }

    /// `out = W' g`: the adjoints of the layer's inputs.
    #[inline(always)]
    pub(super) fn apply_transposed<S: Scalar>(&self, g: &[S], out: &mut [S]) {
        out.fill(S::zero());
        let mut rows = self.matrix.chunks_exact(self.inputs * BLOCK);
        let mut adjoints = g.chunks_exact(BLOCK);
        for (rows, g) in rows.by_ref().zip(adjoints.by_ref()) {
            let mut rows = rows.chunks_exact(self.inputs);
            let (a, b, c, d) = (rows.next(), rows.next(), rows.next(), rows.next());
            let (Some(a), Some(b), Some(c), Some(d)) = (a, b, c, d) else { continue };
            for ((((a, b), c), d), out) in a.iter().zip(b).zip(c).zip(d).zip(out.iter_mut()) {
                let first = S::from_f64(*a).mul_add(g[0], S::from_f64(*b) * g[1]);
                let second = S::from_f64(*c).mul_add(g[2], S::from_f64(*d) * g[3]);
                *out += first + second;
            }
        }
        for (row, g) in rows.remainder().chunks_exact(self.inputs).zip(adjoints.remainder()) {
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

/// The product of a row with a vector of its length.
#[inline(always)]
fn dot<S: Scalar>(row: &[f64], h: &[S]) -> S {
    let (mut rows, mut parts) = (row.chunks_exact(PARTS), h.chunks_exact(PARTS));
    let mut sums = [S::zero(); PARTS];
    for (row, h) in rows.by_ref().zip(parts.by_ref()) {
        for ((sum, weight), h) in sums.iter_mut().zip(row).zip(h) {
            *sum = S::from_f64(*weight).mul_add(*h, *sum);
        }
    }
    let rest = rows.remainder().iter().zip(parts.remainder());
    let rest = rest.fold(S::zero(), |sum, (weight, h)| S::from_f64(*weight).mul_add(*h, sum));
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
}
