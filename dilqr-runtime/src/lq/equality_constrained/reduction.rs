//! Gauss-Jordan elimination of the rows of a stage. Entries are compared times the magnitudes of their variables, so that
//! no pivot depends on units.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::scalar::{Scalar, ScalarReal, float};

/// Entries below this, relative to the size of their row, are rounding errors of the elimination.
const DEPENDENT: f64 = 1e-9;

/// What may be left of a row that is taken for an exact combination of others. A row that is left out must not differ from
/// the combination: above this the difference is hardly one of rounding, and below [`DEPENDENT`] it cannot be resolved.
pub(super) const EXACT: f64 = 1e-12;

/// The least share of a row in a combination, over the largest one, with which it is left out. The others must take over
/// its multiplier, divided by its share.
const SHARE: f64 = 1e-3;

/// One row `x' dx + u' du + c = 0`. The constant `c` belongs to the linear part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<S, const NX: usize, const NU: usize> {
    pub(crate) x: SVector<S, NX>,
    pub(crate) u: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Row<S, NX, NU> {
    /// `x' dx + u' du + c`, for `C` solutions at once.
    pub(crate) fn value<const C: usize>(
        &self,
        c: &SVector<S, C>,
        (dx, du): (&SMatrix<S, NX, C>, &SMatrix<S, NU, C>),
    ) -> SVector<S, C> {
        let mut value = *c;
        add_transposed_product(&mut value, dx, &self.x);
        add_transposed_product(&mut value, du, &self.u);
        value
    }

    /// Adds the row times its multiplier to gradients in the state and the control, for `C` solutions at once.
    pub(crate) fn add_times<const C: usize>(
        &self,
        multiplier: &SVector<S, C>,
        (gx, gu): (&mut SMatrix<S, NX, C>, &mut SMatrix<S, NU, C>),
    ) {
        let multiplier = multiplier.transpose();
        add_product(gx, &self.x, &multiplier);
        add_product(gu, &self.u, &multiplier);
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Row<S, NX, NU> {
    /// Whether all entries are finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.x.iter().chain(self.u.iter()).all(|entry| entry.to_f64().is_finite())
    }
}

/// Rows and their reduced form.
///
/// After [`reduce`](Self::reduce) the rows are in their final form and order: the rows that were solved for a control come
/// first, then those to propagate.
#[derive(Clone, Debug)]
pub(super) struct RowReduction<S, const NX: usize, const NU: usize> {
    rows: Vec<Row<S, NX, NU>>,
    /// The controls for which the first rows were solved.
    pivots: Vec<usize>,
    /// Row `i` of the final rows is `sum_j transform[i][j] row_j` of the original ones; row by row.
    transform: Vec<S>,
    /// The largest entry of each row before the elimination, times the magnitude of its variable: in the order of the
    /// rows, then in their original order.
    sizes: Vec<f64>,
    /// The magnitudes of the variables.
    units: Units<NX, NU>,
    /// The rows before the elimination; empty where no row may be left out.
    originals: Vec<Row<S, NX, NU>>,
}

/// A row that depends on the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dependence {
    /// Its place among the final rows.
    pub(super) row: usize,
    /// What is left of it, relative to its size.
    residual: f64,
}

impl Dependence {
    /// Whether nothing but rounding errors is left.
    pub(super) fn is_exact(&self) -> bool {
        self.residual <= EXACT
    }
}

/// The magnitudes of states and controls, above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units<const NX: usize, const NU: usize> {
    pub(crate) states: [f64; NX],
    pub(crate) controls: [f64; NU],
}

impl<const NX: usize, const NU: usize> Units<NX, NU> {
    /// All are one.
    pub(crate) const ONES: Self = Self { states: [1.0; NX], controls: [1.0; NU] };
}

impl<S: ScalarReal, const NX: usize, const NU: usize> RowReduction<S, NX, NU> {
    /// Memory for the rows of a stage, `rows` of its own and `NX` that the next stage propagates. At most `NX + NU` of them
    /// can be independent.
    pub(super) fn with_room(rows: usize) -> Self {
        let most = NX + NU;
        Self {
            rows: Vec::with_capacity(rows + NX),
            pivots: Vec::with_capacity(NU),
            transform: Vec::with_capacity(most * most),
            sizes: Vec::with_capacity(2 * most),
            units: Units::ONES,
            originals: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.originals.clear();
    }

    pub(super) fn push(&mut self, row: Row<S, NX, NU>) {
        self.rows.push(row);
    }

    /// The rows as they were given, before their reduction.
    pub(super) fn given(&self) -> &[Row<S, NX, NU>] {
        &self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that were solved for a control, each with its control.
    pub(super) fn solved(&self) -> impl Iterator<Item = (&Row<S, NX, NU>, usize)> {
        self.rows.iter().zip(self.pivots.iter().copied())
    }

    /// The control for which final row `i` was solved, if any.
    pub(super) fn pivot(&self, i: usize) -> Option<usize> {
        self.pivots.get(i).copied()
    }

    /// The number of rows that were solved for a control.
    pub(super) fn solved_count(&self) -> usize {
        self.pivots.len()
    }

    /// Whether a row was solved for control `j`.
    pub(super) fn determines(&self, j: usize) -> bool {
        self.pivots.contains(&j)
    }

    /// The rows to propagate to the stage before.
    pub(super) fn propagated(&self) -> impl Iterator<Item = &SVector<S, NX>> {
        self.rows[self.pivots.len()..].iter().map(|row| &row.x)
    }

    /// The weight of original row `j` in final row `i`.
    #[inline]
    pub(super) fn weight(&self, i: usize, j: usize) -> S {
        self.transform[i * self.rows.len() + j]
    }

    /// Solves as many rows as possible for controls and scales the others.
    ///
    /// # Errors
    /// A row that depends on the others.
    pub(super) fn reduce(&mut self, units: &Units<NX, NU>) -> Result<(), Dependence> {
        self.units = *units;
        // There is no room for more, but where rows may be left out.
        if self.rows.len() > NX + NU && self.originals.is_empty() {
            self.transform.clear();
            return Err(Dependence { row: NX + NU, residual: f64::INFINITY });
        }
        self.prepare();
        while let Some((row, pivot)) = self.best_pivot() {
            self.eliminate(row, pivot);
        }
        let solved = self.pivots.len();
        for i in solved..self.rows.len() {
            let Row { x, u } = &self.rows[i];
            let left = size(x, &self.units.states);
            let independent = left > DEPENDENT * self.sizes[i];
            if !independent {
                // A propagated row of zeros is reached by no step.
                let residual = left.max(size(u, &self.units.controls));
                let residual = if residual == 0.0 { 0.0 } else { residual / self.sizes[i] };
                return Err(Dependence { row: i, residual });
            }
            self.scale_row(i, S::from_f64(1.0 / left));
            self.rows[i].u = zeros();
        }
        match first_dependent(self.propagated(), &self.units.states) {
            Some((index, residual)) => {
                self.combine(solved, solved + index);
                Err(Dependence { row: solved + index, residual })
            }
            None => Ok(()),
        }
    }

    /// Eliminates the states from final row `last`, which depends on the rows from `first` on, so that its weights are those
    /// of a combination of original rows that is zero.
    fn combine(&mut self, first: usize, last: usize) {
        let mut pivots = [false; NX];
        for k in first..last {
            let entry = |j: usize| self.rows[k].x[j].to_f64().abs() * self.units.states[j];
            let free = (0..NX).filter(|&j| !pivots[j]);
            let Some(pivot) = free.max_by(|&a, &b| entry(a).total_cmp(&entry(b))) else { return };
            pivots[pivot] = true;
            let inverse = S::one() / self.rows[k].x[pivot];
            for other in k + 1..=last {
                let factor = self.rows[other].x[pivot] * inverse;
                self.subtract_row(other, k, factor);
            }
        }
    }

    /// Keeps the rows as they are now, so that [`leave_out`](Self::leave_out) can return to them.
    pub(super) fn keep(&mut self) {
        self.originals.clear();
        self.originals.extend_from_slice(&self.rows);
    }

    /// Returns to the rows that were kept, without the original row `j`.
    pub(super) fn leave_out(&mut self, j: usize) {
        self.originals.remove(j);
        self.rows.clear();
        self.rows.extend_from_slice(&self.originals);
    }

    /// Begins with the identity as the transform, and without solved rows.
    fn prepare(&mut self) {
        let count = self.rows.len();
        self.transform.clear();
        self.transform.resize(count * count, S::zero());
        self.pivots.clear();
        self.sizes.clear();
        for (i, row) in self.rows.iter().enumerate() {
            self.transform[i * count + i] = S::one();
            self.sizes.push(size(&row.x, &self.units.states).max(size(&row.u, &self.units.controls)));
        }
        self.sizes.extend_from_within(..);
    }

    /// The row and the control of the largest entry that is left, relative to its row.
    fn best_pivot(&self) -> Option<(usize, usize)> {
        let mut best = (DEPENDENT, None);
        for i in self.pivots.len()..self.rows.len() {
            for j in (0..NU).filter(|j| !self.pivots.contains(j)) {
                let entry = self.rows[i].u[j].to_f64().abs() * self.units.controls[j] / self.sizes[i];
                if entry > best.0 {
                    best = (entry, Some((i, j)));
                }
            }
        }
        best.1
    }

    /// Solves a row for a control, and eliminates the control from all other rows.
    fn eliminate(&mut self, row: usize, pivot: usize) {
        let (count, done) = (self.rows.len(), self.pivots.len());
        self.rows.swap(done, row);
        self.sizes.swap(done, row);
        for column in 0..count {
            self.transform.swap(done * count + column, row * count + column);
        }
        let inverse = S::one() / self.rows[done].u[pivot];
        self.scale_row(done, inverse);
        for other in (0..count).filter(|&other| other != done) {
            let factor = self.rows[other].u[pivot];
            self.subtract_row(other, done, factor);
            self.rows[other].u[pivot] = S::zero();
        }
        self.pivots.push(pivot);
    }

    /// The size of original row `j`.
    pub(super) fn original_size(&self, j: usize) -> f64 {
        self.sizes.get(self.rows.len() + j).copied().unwrap_or(0.0)
    }

    /// The one of the first `own` original rows that has the largest share in a dependent row; `None` where the shares of
    /// other rows are far larger.
    pub(super) fn largest_share(&self, dependence: Dependence, own: usize) -> Option<usize> {
        let count = self.rows.len();
        if self.transform.is_empty() {
            return (dependence.row < own).then_some(dependence.row);
        }
        let share = |j: usize| self.weight(dependence.row, j).to_f64().abs() * self.original_size(j);
        let largest = (0..count).map(share).fold(0.0, f64::max);
        let best = (0..own).max_by(|&a, &b| share(a).total_cmp(&share(b)))?;
        (share(best) > SHARE * largest).then_some(best)
    }

    fn scale_row(&mut self, i: usize, factor: S) {
        let count = self.rows.len();
        let Row { x, u } = &mut self.rows[i];
        x.iter_mut().chain(u.iter_mut()).for_each(|entry| *entry *= factor);
        self.transform[i * count..][..count].iter_mut().for_each(|entry| *entry *= factor);
    }

    /// `row_i -= factor row_k`
    fn subtract_row(&mut self, i: usize, k: usize, factor: S) {
        let count = self.rows.len();
        let from = self.rows[k];
        let Row { x, u } = &mut self.rows[i];
        x.iter_mut().zip(from.x.iter()).for_each(|(entry, &from)| *entry -= factor * from);
        u.iter_mut().zip(from.u.iter()).for_each(|(entry, &from)| *entry -= factor * from);
        for column in 0..count {
            let from = self.transform[k * count + column];
            self.transform[i * count + column] -= factor * from;
        }
    }
}

/// The largest magnitude of the entries, each times the magnitude of its variable.
pub(super) fn size<S: ScalarReal, const N: usize>(v: &SVector<S, N>, units: &[f64; N]) -> f64 {
    v.iter().zip(units).map(|(entry, unit)| entry.to_f64().abs() * unit).fold(0.0, f64::max)
}

/// The first vector that is a linear combination of those before it, to [`DEPENDENT`] of its size, and
/// what is left of it, relative to its size.
pub(super) fn first_dependent<'a, S: ScalarReal, const N: usize>(
    vectors: impl Iterator<Item = &'a SVector<S, N>>,
    units: &[f64; N],
) -> Option<(usize, f64)> {
    let mut vectors = vectors.peekable();
    vectors.peek()?;
    let mut basis = [[0.0; N]; N];
    for (index, vector) in vectors.enumerate() {
        let mut rest: [f64; N] = core::array::from_fn(|i| vector[i].to_f64() * units[i]);
        let length = |v: &[f64; N]| float::f64::sqrt(v.iter().map(|entry| entry * entry).sum());
        let before = length(&rest);
        // Twice: one pass leaves rounding errors of nearly parallel vectors.
        for _ in 0..2 {
            for direction in &basis[..index.min(N)] {
                let along: f64 = rest.iter().zip(direction).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(direction).for_each(|(a, b)| *a -= along * b);
            }
        }
        let after = length(&rest);
        let independent = index < N && after > DEPENDENT * before;
        if !independent {
            return Some((index, after / before));
        }
        basis[index] = rest.map(|entry| entry / after);
    }
    None
}
