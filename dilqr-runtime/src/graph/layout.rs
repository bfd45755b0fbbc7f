//! Where the numbers of blocks and factors are.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use nalgebra::SVector;

use crate::graph::error::{BlockId, FactorId};
use crate::graph::factor::Manifold;
use crate::linalg::products::zeros;
use crate::scalar::Scalar;

/// A block of a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) manifold: Manifold,
    /// The first of its numbers.
    pub(super) number: usize,
    /// The first of its local coordinates.
    pub(super) local: usize,
    /// Whether it keeps its value. It has no local coordinates then.
    pub(super) held: bool,
    /// Blocks of one class have the same units, entry by entry.
    pub(super) class: usize,
}

impl Place {
    pub(super) fn numbers(&self) -> Range<usize> {
        self.number..self.number + self.manifold.numbers()
    }

    pub(super) fn locals(&self) -> Range<usize> {
        self.local..self.local + self.dimension()
    }

    pub(super) fn dimension(&self) -> usize {
        if self.held { 0 } else { self.manifold.dimension() }
    }
}

/// All blocks and factors of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    /// The numbers of all blocks.
    pub(super) numbers: usize,
    /// The local coordinates of all blocks that are not held.
    pub(super) dimension: usize,
    /// The first parameter of each factor, and behind the last one their number.
    pub(super) params: Vec<usize>,
}

impl Layout {
    pub(super) fn factors(&self) -> usize {
        self.params.len().saturating_sub(1)
    }

    pub(super) fn param_count(&self) -> usize {
        self.params.last().copied().unwrap_or(0)
    }

    /// The block that a local coordinate belongs to.
    pub(super) fn block_of(&self, local: usize) -> BlockId {
        BlockId(self.places.partition_point(|place| place.local <= local).saturating_sub(1))
    }

    /// Local coordinates of what has `v` as its gradient in the numbers: `T' v`.
    pub(super) fn pull(&self, values: &[f64], v: &[f64], out: &mut [f64]) {
        for place in self.places.iter().filter(|place| !place.held) {
            let numbers = place.numbers();
            place.manifold.pull(&values[numbers.clone()], &v[numbers], &mut out[place.locals()]);
        }
    }

    /// The values after a step.
    pub(super) fn retract(&self, values: &[f64], step: &[f64], out: &mut [f64]) {
        for place in &self.places {
            let numbers = place.numbers();
            if place.held {
                out[numbers.clone()].copy_from_slice(&values[numbers]);
            } else {
                place.manifold.retract(&values[numbers.clone()], &step[place.locals()], &mut out[numbers]);
            }
        }
    }

    /// The magnitude of each local coordinate: that of a rotation is 1; that of another entry is the largest of its class.
    pub(super) fn magnitudes(&self, values: &[f64], out: &mut [f64]) {
        let largest = self.largest(values);
        for place in self.places.iter().filter(|place| !place.held) {
            let sizes = &largest[place.class];
            out[place.locals()].iter_mut().enumerate().for_each(|(i, out)| *out = magnitude(place, sizes, i));
        }
    }

    /// The magnitude of each number of all blocks.
    pub(super) fn number_magnitudes(&self, values: &[f64]) -> Vec<f64> {
        let largest = self.largest(values);
        let of_place = |place: &Place| {
            let (place, sizes) = (*place, &largest[place.class]);
            (0..place.manifold.numbers()).map(move |i| magnitude(&place, sizes, i))
        };
        self.places.iter().flat_map(of_place).collect()
    }

    /// The largest entries of vectors and lengths of translations, by class.
    fn largest(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let classes = self.places.iter().map(|place| place.class + 1).max().unwrap_or(0);
        let mut largest: Vec<Vec<f64>> = vec![Vec::new(); classes];
        for place in &self.places {
            let (sizes, length) = (&mut largest[place.class], place.manifold.translation());
            sizes.resize(length, 0.0);
            let translation = &values[place.number..place.number + length];
            let norm = translation.iter().map(|value| value * value).sum::<f64>().sqrt();
            for (size, value) in sizes.iter_mut().zip(translation) {
                *size = size.max(if place.manifold.is_flat() { value.abs() } else { norm });
            }
        }
        largest
    }
}

/// `T d` of some blocks: by their numbers `y`, one block after another, and the local coordinates `d` of all blocks. Blocks that are
/// held do not move.
pub(super) fn push<'a, S: Scalar, const N: usize>(
    places: impl Iterator<Item = &'a Place>,
    y: &SVector<S, N>,
    d: &[f64],
) -> SVector<S, N> {
    let mut out: SVector<S, N> = zeros();
    let mut n = 0;
    for place in places {
        let end = n + place.manifold.numbers();
        if !place.held {
            let (mut local, step) = ([S::zero(); N], &d[place.locals()]);
            local.iter_mut().zip(step).for_each(|(local, &step)| *local = S::from_f64(step));
            place.manifold.push(&y.data.0[0][n..end], &local[..step.len()], &mut out.data.0[0][n..end]);
        }
        n = end;
    }
    out
}

/// The magnitude of an entry of a block. A variable that is zero everywhere has none; 1 takes its place.
fn magnitude(place: &Place, sizes: &[f64], entry: usize) -> f64 {
    if entry >= place.manifold.translation() || sizes[entry] == 0.0 { 1.0 } else { sizes[entry] }
}

/// Numbers of all blocks: values, or the gradient of a loss in them.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockValues {
    pub(super) layout: Arc<Layout>,
    /// One block after another.
    pub values: Vec<f64>,
}

impl BlockValues {
    /// The numbers of a block, in the order of its manifold.
    ///
    /// # Panics
    /// For a block of another graph.
    #[must_use]
    pub fn block(&self, block: BlockId) -> &[f64] {
        &self.values[self.layout.places[block.0].numbers()]
    }

    /// The same, to be changed.
    ///
    /// # Panics
    /// For a block of another graph.
    pub fn block_mut(&mut self, block: BlockId) -> &mut [f64] {
        &mut self.values[self.layout.places[block.0].numbers()]
    }

    /// Zeros for the same blocks: the gradient of a loss, to be filled.
    #[must_use]
    pub fn zeros(&self) -> Self {
        Self { layout: Arc::clone(&self.layout), values: vec![0.0; self.values.len()] }
    }
}

/// Numbers of all factors: parameters, or the gradient of a loss in them.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorValues {
    pub(super) layout: Arc<Layout>,
    /// One factor after another.
    pub values: Vec<f64>,
}

impl FactorValues {
    /// The numbers of a factor, in the order of its struct `Params`.
    ///
    /// # Panics
    /// For a factor of another graph.
    #[must_use]
    pub fn factor(&self, factor: FactorId) -> &[f64] {
        &self.values[self.layout.params[factor.0]..self.layout.params[factor.0 + 1]]
    }

    /// The same, to be changed.
    ///
    /// # Panics
    /// For a factor of another graph.
    pub fn factor_mut(&mut self, factor: FactorId) -> &mut [f64] {
        let range = self.layout.params[factor.0]..self.layout.params[factor.0 + 1];
        &mut self.values[range]
    }
}
