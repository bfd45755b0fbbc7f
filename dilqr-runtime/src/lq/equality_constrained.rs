//! The LQ problem with equality constraints, stage by stage: the Riccati recursion on what the active limits leave free.
//!
//! A stage brings rows `cx dx + cu du + c = 0`, and the next stage what it could not satisfy itself, `H dx' + h = 0`
//! (a constraint on the state alone must be kept by earlier controls). Gauss-Jordan elimination with complete pivoting
//! solves as many of the rows as possible for controls; the remaining ones, which no control of the stage can influence,
//! are the `H` and `h` of this stage (Laine and Tomlin, *Efficient computation of feedback control for equality-constrained
//! LQR*, ICRA 2019, with elimination in place of their singular value decomposition). With
//!
//! ```text
//! du = Z w + Y dx + y        w: the controls that are left free
//! K  = Y - Z M^-1 Z' (Qux + Quu Y)     k = y - Z M^-1 Z' (qu + Quu y)     M = Z' Quu Z
//! V <- Qxx + Qux' K + K' (Qux + Quu K)     v <- qx + Qux' k + K' (qu + Quu k)
//! ```
//!
//! `M` is positive definite at every stage exactly if the problem's Hessian is on the null space of its constraints, and
//! the recursion ends with rows left over at stage 0, where the state is given, exactly if the constraints are linearly
//! dependent. Multipliers follow on the way forward: a row that was solved for control `j` carries what is missing from
//! `(Quu du + Qux dx + qu)_j = 0`, a row that was handed on carries the multiplier of its heir.

use crate::scalar::float;
use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::linalg::ldl::Ldl;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::lq::bounds::Side;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Blocks, Dense, Quadratic};
use crate::scalar::ScalarReal;

/// Relative to the size of its row, what is left of an entry that elimination should have made zero.
const DEPENDENT: f64 = 1e-9;

/// What holds a trajectory: which limit a row of the LQ problem stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintId {
    /// A constraint of the stage, by its index.
    Constraint(usize),
    /// A bound of a control.
    Bound(usize, Side),
}

/// One row `x' dx + u' du + c = 0`; the constant is the linear part's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<S, const NX: usize, const NU: usize> {
    pub(crate) x: SVector<S, NX>,
    pub(crate) u: SVector<S, NU>,
}

/// Why the recursion cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Singular {
    /// `M` is not positive definite.
    Indefinite,
    /// A row says no more than the others; one of this stage's where it is known which.
    Dependent(Option<ConstraintId>),
}

/// One stage of the recursion, factorized.
#[derive(Clone, Debug)]
pub(crate) struct ActiveStage<S, const NX: usize, const NU: usize> {
    pub(crate) fx: SMatrix<S, NX, NX>,
    pub(crate) fu: SMatrix<S, NX, NU>,
    blocks: Blocks<S, NX, NU>,
    /// `K`
    pub(crate) gain: SMatrix<S, NU, NX>,
    /// `Z`, with a column of zeros for each control that is not free.
    null: SMatrix<S, NU, NU>,
    /// `M`, with infinity on the diagonal for the controls that are not free.
    pub(crate) curvature: SMatrix<S, NU, NU>,
    /// Factors of `M`, with ones for the controls that are not free.
    pub(crate) reduced: Ldl<S, NU>,
    /// What the stage's own rows stand for.
    pub(crate) sources: Vec<ConstraintId>,
    /// The own rows, then those that came from the next stage; from [`eliminate`](Self::eliminate) on, in their final form
    /// and order: first those that were solved for a control.
    rows: Vec<Row<S, NX, NU>>,
    /// The controls they were solved for.
    pivots: Vec<usize>,
    /// Row `i` of the final rows is `sum_j transform[i][j] row_j` of the original ones; row after row.
    transform: Vec<S>,
    /// Largest entry of each row before elimination.
    sizes: Vec<f64>,
}

/// The terminal state's rows, made independent.
#[derive(Clone, Debug)]
pub(crate) struct ActiveTerminal<S, const NX: usize> {
    /// What they stand for.
    pub(crate) sources: Vec<usize>,
    /// `H`, row by row.
    pub(crate) rows: Vec<SVector<S, NX>>,
    /// What each original row was divided by.
    scales: Vec<S>,
}

/// The linear part of a stage with `C` columns: what depends on the right-hand side.
#[derive(Clone, Debug)]
pub(crate) struct ActiveLinear<S, const NX: usize, const NU: usize, const C: usize> {
    /// `k`
    pub(crate) k: SMatrix<S, NU, C>,
    qu: SMatrix<S, NU, C>,
    /// `v`
    pub(crate) v: SMatrix<S, NX, C>,
    /// `h`, a row each.
    pub(crate) h: Vec<SVector<S, C>>,
}

fn size<S: ScalarReal, const N: usize>(v: &SVector<S, N>) -> f64 {
    v.iter().map(|entry| entry.to_f64().abs()).fold(0.0, f64::max)
}

impl<S: ScalarReal, const NX: usize> ActiveTerminal<S, NX> {
    /// With room for as many rows as can be independent.
    pub(crate) fn new() -> Self {
        Self { sources: Vec::with_capacity(NX), rows: Vec::with_capacity(NX), scales: Vec::with_capacity(NX) }
    }

    pub(crate) fn clear(&mut self) {
        self.sources.clear();
        self.rows.clear();
    }

    /// Scales the rows.
    ///
    /// # Errors
    /// The first that depends on those before it.
    pub(crate) fn prepare(&mut self) -> Result<(), ConstraintId> {
        self.scales.clear();
        for row in &mut self.rows {
            let scale = size(row);
            let scale = S::from_f64(if scale > 0.0 { scale } else { 1.0 });
            row.iter_mut().for_each(|entry| *entry /= scale);
            self.scales.push(scale);
        }
        match first_dependent(self.rows.iter()) {
            Some(index) => Err(ConstraintId::Constraint(self.sources[index])),
            None => Ok(()),
        }
    }

    /// `h` for these constants of the original rows.
    pub(crate) fn constants<const C: usize>(&self, c: &[SVector<S, C>], h: &mut Vec<SVector<S, C>>) {
        h.clear();
        h.extend(c.iter().zip(&self.scales).map(|(&c, &scale)| {
            let mut c = c;
            c.iter_mut().for_each(|entry| *entry /= scale);
            c
        }));
    }

    /// Multipliers of the original rows from those of `H`.
    pub(crate) fn multipliers<const C: usize>(&self, nu: &[SVector<S, C>], row_multipliers: &mut Vec<SVector<S, C>>) {
        self.constants(nu, row_multipliers);
    }
}

/// The first vector that is a combination of those before it, to [`DEPENDENT`] of its own size.
fn first_dependent<'a, S: ScalarReal, const N: usize>(
    vectors: impl Iterator<Item = &'a SVector<S, N>>,
) -> Option<usize> {
    let mut basis = [[0.0; N]; N];
    for (index, vector) in vectors.enumerate() {
        let mut rest: [f64; N] = core::array::from_fn(|i| vector[i].to_f64());
        let length = |v: &[f64; N]| float::f64::sqrt(v.iter().map(|entry| entry * entry).sum());
        let before = length(&rest);
        // Twice, since once leaves what rounding makes of nearly parallel vectors.
        for _ in 0..2 {
            for direction in &basis[..index.min(N)] {
                let along: f64 = rest.iter().zip(direction).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(direction).for_each(|(a, b)| *a -= along * b);
            }
        }
        let after = length(&rest);
        let independent = index < N && after > DEPENDENT * before;
        if !independent {
            return Some(index);
        }
        basis[index] = rest.map(|entry| entry / after);
    }
    None
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveStage<S, NX, NU> {
    /// With room for as many rows as can be independent.
    pub(crate) fn new() -> Self {
        let most = NX + NU;
        Self {
            fx: zeros(),
            fu: zeros(),
            blocks: Blocks { qxx: zeros(), qux: zeros(), quu: zeros() },
            gain: zeros(),
            null: zeros(),
            curvature: zeros(),
            reduced: Ldl::zeros(),
            sources: Vec::with_capacity(most),
            rows: Vec::with_capacity(most),
            pivots: Vec::with_capacity(NU),
            transform: Vec::with_capacity(most * most),
            sizes: Vec::with_capacity(most),
        }
    }

    /// Begins a stage without rows.
    pub(crate) fn clear(&mut self) {
        self.sources.clear();
        self.rows.clear();
    }

    /// Adds a row of the stage's own.
    pub(crate) fn push(&mut self, source: ConstraintId, row: Row<S, NX, NU>) {
        self.sources.push(source);
        self.rows.push(row);
    }

    /// The rows that this stage hands to the one before.
    pub(crate) fn propagated_rows(&self) -> impl Iterator<Item = &SVector<S, NX>> {
        self.rows[self.pivots.len()..].iter().map(|row| &row.x)
    }

    /// The quadratic part: `value` holds `V` of the next stage and receives this one's, `next` are the rows that the next
    /// stage hands on.
    pub(crate) fn eliminate<'a>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        next: impl Iterator<Item = &'a SVector<S, NX>>,
        value: &mut SMatrix<S, NX, NX>,
    ) -> Result<(), Singular> {
        self.fx = *stage.fx;
        self.fu = *stage.fu;
        for h in next {
            let mut row = Row { x: zeros(), u: zeros() };
            add_transposed_product(&mut row.x, &self.fx, h);
            add_transposed_product(&mut row.u, &self.fu, h);
            self.rows.push(row);
        }
        self.blocks = Blocks::of::<Dense>(stage, &Proximal::none(), value);
        self.solve_rows()?;

        // du = Z w + Y dx + y
        self.null = zeros();
        let mut shift: SMatrix<S, NU, NX> = zeros();
        let free: [bool; NU] = core::array::from_fn(|j| !self.pivots.contains(&j));
        for j in 0..NU {
            if free[j] {
                self.null[(j, j)] = S::one();
            }
        }
        for (row, &pivot) in self.rows.iter().zip(&self.pivots) {
            for j in 0..NU {
                if free[j] {
                    self.null[(pivot, j)] = -row.u[j];
                }
            }
            for i in 0..NX {
                shift[(pivot, i)] = -row.x[i];
            }
        }

        let Blocks { qxx, qux, quu } = &self.blocks;
        let mut curved: SMatrix<S, NU, NU> = zeros();
        add_product(&mut curved, quu, &self.null);
        let mut reduced: SMatrix<S, NU, NU> = zeros();
        add_transposed_product(&mut reduced, &self.null, &curved);
        self.curvature = reduced;
        for j in 0..NU {
            if !free[j] {
                reduced[(j, j)] = S::one();
                self.curvature[(j, j)] = S::from_f64(f64::INFINITY);
            }
        }
        if !self.reduced.factor(&reduced) {
            return Err(Singular::Indefinite);
        }
        self.gain = self.feed(&shift, qux);

        let mut pulled = *qux;
        add_product(&mut pulled, quu, &self.gain);
        let mut next = *qxx;
        add_transposed_product(&mut next, qux, &self.gain);
        add_transposed_product(&mut next, &self.gain, &pulled);
        // Symmetric but for rounding.
        for i in 0..NX {
            for j in 0..i {
                let mean = S::from_f64(0.5) * (next[(i, j)] + next[(j, i)]);
                next[(i, j)] = mean;
                next[(j, i)] = mean;
            }
        }
        *value = next;
        Ok(())
    }

    /// `shift - Z M^-1 Z' (force + Quu shift)`: the controls that minimize, once those that rows determine are `shift`.
    fn feed<const C: usize>(&self, shift: &SMatrix<S, NU, C>, force: &SMatrix<S, NU, C>) -> SMatrix<S, NU, C> {
        let mut force = *force;
        add_product(&mut force, &self.blocks.quu, shift);
        let mut reduced: SMatrix<S, NU, C> = zeros();
        add_transposed_product(&mut reduced, &self.null, &force);
        self.reduced.solve(&mut reduced);
        let mut controls: SMatrix<S, NU, C> = zeros();
        add_product(&mut controls, &self.null, &reduced);
        for (control, shift) in controls.iter_mut().zip(shift.iter()) {
            *control = *shift - *control;
        }
        controls
    }

    /// Solves rows for controls, as many as there are entries to solve for, and scales the others.
    fn solve_rows(&mut self) -> Result<(), Singular> {
        let count = self.rows.len();
        self.transform.clear();
        self.transform.resize(count * count, S::zero());
        self.pivots.clear();
        self.sizes.clear();
        for (i, row) in self.rows.iter().enumerate() {
            self.transform[i * count + i] = S::one();
            self.sizes.push(size(&row.x).max(size(&row.u)));
        }
        while self.pivots.len() < count.min(NU) {
            let done = self.pivots.len();
            let mut best = (DEPENDENT, None);
            for i in done..count {
                for j in (0..NU).filter(|j| !self.pivots.contains(j)) {
                    let entry = self.rows[i].u[j].to_f64().abs() / self.sizes[i];
                    if entry > best.0 {
                        best = (entry, Some((i, j)));
                    }
                }
            }
            let Some((i, pivot)) = best.1 else { break };
            self.rows.swap(done, i);
            self.sizes.swap(done, i);
            for column in 0..count {
                self.transform.swap(done * count + column, i * count + column);
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
        for i in self.pivots.len()..count {
            let left = size(&self.rows[i].x);
            let independent = left > DEPENDENT * self.sizes[i];
            if !independent {
                return Err(Singular::Dependent(self.owner(i)));
            }
            self.scale_row(i, S::from_f64(1.0 / left));
            self.rows[i].u = zeros();
        }
        match first_dependent(self.propagated_rows()) {
            Some(index) => Err(Singular::Dependent(self.owner(self.pivots.len() + index))),
            None => Ok(()),
        }
    }

    /// The stage's own row that takes the largest part in a final one.
    fn owner(&self, row: usize) -> Option<ConstraintId> {
        let count = self.rows.len();
        let weight = |j: usize| self.transform[row * count + j].to_f64().abs();
        let largest = (0..count).max_by(|&a, &b| weight(a).total_cmp(&weight(b)))?;
        self.sources.get(largest).copied()
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

    /// The linear part: `value` and `next` hold `v` and `h` of the next stage, with what an offset of the dynamics adds to
    /// them already there (`v + V offset`, `h + H offset`); `own` are the constants of the stage's own rows.
    pub(crate) fn linear<const C: usize>(
        &self,
        gx: &SMatrix<S, NX, C>,
        gu: &SMatrix<S, NU, C>,
        own: &[SVector<S, C>],
        value: &SMatrix<S, NX, C>,
        next: &[SVector<S, C>],
        out: &mut ActiveLinear<S, NX, NU, C>,
    ) {
        let Blocks { qux, quu, .. } = &self.blocks;
        let mut qx = *gx;
        add_transposed_product(&mut qx, &self.fx, value);
        let mut qu = *gu;
        add_transposed_product(&mut qu, &self.fu, value);

        let count = self.rows.len();
        let mut shift: SMatrix<S, NU, C> = zeros();
        out.h.clear();
        for i in 0..count {
            let mut constant: SVector<S, C> = zeros();
            for (j, original) in own.iter().chain(next).enumerate() {
                let weight = self.transform[i * count + j];
                constant.iter_mut().zip(original.iter()).for_each(|(sum, &c)| *sum += weight * c);
            }
            match self.pivots.get(i) {
                Some(&pivot) => (0..C).for_each(|column| shift[(pivot, column)] = -constant[column]),
                None => out.h.push(constant),
            }
        }
        out.k = self.feed(&shift, &qu);
        out.qu = qu;

        let mut pulled = qu;
        add_product(&mut pulled, quu, &out.k);
        add_transposed_product(&mut qx, qux, &out.k);
        add_transposed_product(&mut qx, &self.gain, &pulled);
        out.v = qx;
    }

    /// The control of the solution.
    pub(crate) fn control<const C: usize>(
        &self,
        dx: &SMatrix<S, NX, C>,
        linear: &ActiveLinear<S, NX, NU, C>,
    ) -> SMatrix<S, NU, C> {
        let mut du = linear.k;
        add_product(&mut du, &self.gain, dx);
        du
    }

    /// Multipliers of the original rows, the stage's own first, from those of the rows it handed on.
    pub(crate) fn multipliers<const C: usize>(
        &self,
        dx: &SMatrix<S, NX, C>,
        du: &SMatrix<S, NU, C>,
        linear: &ActiveLinear<S, NX, NU, C>,
        propagated_rows: &[SVector<S, C>],
        row_multipliers: &mut Vec<SVector<S, C>>,
    ) {
        let mut missing = linear.qu;
        add_product(&mut missing, &self.blocks.quu, du);
        add_product(&mut missing, &self.blocks.qux, dx);
        let count = self.rows.len();
        row_multipliers.clear();
        row_multipliers.resize(count, zeros());
        for i in 0..count {
            let last: SVector<S, C> = match self.pivots.get(i) {
                Some(&pivot) => SVector::from_fn(|column, _| -missing[(pivot, column)]),
                None => propagated_rows[i - self.pivots.len()],
            };
            for (j, row_multipliers) in row_multipliers.iter_mut().enumerate() {
                let weight = self.transform[i * count + j];
                row_multipliers.iter_mut().zip(last.iter()).for_each(|(sum, &last)| *sum += weight * last);
            }
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> ActiveLinear<S, NX, NU, C> {
    pub(crate) fn new() -> Self {
        Self { k: zeros(), qu: zeros(), v: zeros(), h: Vec::with_capacity(NX) }
    }
}
