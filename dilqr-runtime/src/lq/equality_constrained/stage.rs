//! One stage of the recursion with active limits.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::ldl::Ldl;
use crate::linalg::products::{add_product, add_transposed_product, transposed, zeros};
use crate::lq::bounds::Side;
use crate::lq::equality_constrained::reduction::{Dependence, Row, RowReduction, Units};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Blocks, Pattern, Quadratic};
use crate::scalar::ScalarReal;

/// The limit that a row of the LQ problem belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintId {
    /// A constraint of the stage, by its index.
    Constraint(usize),
    /// A bound of a control.
    Bound(usize, Side),
}

/// The reason why the recursion stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Singular {
    /// `M` is not positive definite.
    Indefinite,
    /// A row depends linearly on the others: a row of this stage, where one is known.
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
    /// `Z`, with a column of zeros for each determined control.
    null: SMatrix<S, NU, NU>,
    /// `M`, with infinity on the diagonal for determined controls.
    pub(crate) curvature: SMatrix<S, NU, NU>,
    /// Factors of `M`, with ones for determined controls.
    pub(crate) reduced: Ldl<S, NU>,
    /// The limits of the own rows.
    pub(crate) sources: Vec<ConstraintId>,
    /// The own rows, then those that the next stage propagates.
    rows: RowReduction<S, NX, NU>,
    /// The row with which the elimination has ended, if it has not succeeded.
    dependence: Option<Dependence>,
    /// The own rows that the last elimination has left out, each with its place at that time.
    pub(crate) left_out: Vec<(usize, ConstraintId)>,
}

/// The linear part of a stage: the terms that depend on the right-hand side, in `C` columns.
#[derive(Clone, Debug)]
pub(crate) struct ActiveLinear<S, const NX: usize, const NU: usize, const C: usize> {
    /// `k`
    pub(crate) k: SMatrix<S, NU, C>,
    qu: SMatrix<S, NU, C>,
    /// `v`
    pub(crate) v: SMatrix<S, NX, C>,
    /// `h`, one entry a row.
    pub(crate) h: Vec<SVector<S, C>>,
}

/// The linear part of the next stage, moved by an offset of the dynamics where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextLinear<'a, S, const NX: usize, const C: usize> {
    /// `v + V offset`, `NX x C`.
    pub(crate) v: &'a SMatrix<S, NX, C>,
    /// `h + H offset`, one entry a row.
    pub(crate) h: &'a [SVector<S, C>],
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveStage<S, NX, NU> {
    /// Memory for this many rows of the stage's own.
    pub(crate) fn with_room(rows: usize) -> Self {
        Self {
            fx: zeros(),
            fu: zeros(),
            blocks: Blocks { qxx: zeros(), qux: zeros(), quu: zeros() },
            gain: zeros(),
            null: zeros(),
            curvature: zeros(),
            reduced: Ldl::zeros(),
            sources: Vec::with_capacity(rows),
            rows: RowReduction::with_room(rows),
            dependence: None,
            left_out: Vec::new(),
        }
    }

    /// Begins a stage without rows.
    pub(crate) fn clear(&mut self) {
        self.sources.clear();
        self.rows.clear();
        self.left_out.clear();
    }

    /// Adds a row of the stage's own.
    pub(crate) fn push(&mut self, source: ConstraintId, row: Row<S, NX, NU>) {
        self.sources.push(source);
        self.rows.push(row);
    }

    /// The stage's own rows, before their elimination.
    pub(crate) fn own_rows(&self) -> &[Row<S, NX, NU>] {
        self.rows.given()
    }

    /// The rows that this stage propagates to the stage before.
    pub(crate) fn propagated_rows(&self) -> impl Iterator<Item = &SVector<S, NX>> {
        self.rows.propagated()
    }

    /// The quadratic part. `value` holds `V` of the next stage and receives `V` of this stage. `next` are the rows that the
    /// next stage propagates. `units` are the magnitudes of the variables. `drops`: own rows that are combinations of the
    /// others are left out.
    ///
    /// # Errors
    /// [`Singular`] where `M` is not positive definite or rows are dependent. `value` and the factors are meaningless then.
    pub(crate) fn eliminate<'a, P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        next: impl Iterator<Item = &'a SVector<S, NX>>,
        value: &mut SMatrix<S, NX, NX>,
        (units, drops): (&Units<NX, NU>, bool),
    ) -> Result<(), Singular> {
        self.fx = *stage.fx;
        self.fu = *stage.fu;
        for h in next {
            let mut row = Row { x: zeros(), u: zeros() };
            add_transposed_product(&mut row.x, &self.fx, h);
            add_transposed_product(&mut row.u, &self.fu, h);
            self.rows.push(row);
        }
        self.blocks = Blocks::of::<P>(stage, &Proximal::none(), value);
        self.reduce(units, drops)?;
        let shift = self.parametrize();
        self.factorize()?;
        self.gain = self.feed(&shift, &self.blocks.qux);
        *value = self.value();
        Ok(())
    }

    /// Reduces the rows.
    fn reduce(&mut self, units: &Units<NX, NU>, drops: bool) -> Result<(), Singular> {
        if drops {
            self.rows.keep();
        }
        loop {
            self.dependence = self.rows.reduce(units).err();
            let Some(dependence) = self.dependence else { return Ok(()) };
            match self.rows.largest_share(dependence, self.sources.len()) {
                Some(own) if drops && dependence.is_exact() => {
                    self.left_out.push((own, self.sources.remove(own)));
                    self.rows.leave_out(own);
                }
                own => return Err(Singular::Dependent(own.map(|own| self.sources[own]))),
            }
        }
    }

    /// The weights of the own rows and of the rows that the next stage propagates in a combination of them that is zero;
    /// `None` where the elimination has not found one.
    pub(crate) fn dependence(&self) -> Option<Vec<f64>> {
        let dependence = self.dependence.filter(Dependence::is_exact)?;
        Some((0..self.rows.len()).map(|j| self.rows.weight(dependence.row, j).to_f64()).collect())
    }

    /// The weights of the own rows and of the rows that the next stage propagates, from the `weights` of the rows that this
    /// stage propagates.
    pub(crate) fn original_weights(&self, weights: &[f64]) -> Vec<f64> {
        let solved = self.rows.solved_count();
        let weight = |j| weights.iter().enumerate().map(|(i, w)| w * self.rows.weight(solved + i, j).to_f64()).sum();
        (0..self.rows.len()).map(weight).collect()
    }

    pub(super) fn blocks(&self) -> &Blocks<S, NX, NU> {
        &self.blocks
    }

    pub(super) fn rows(&self) -> &RowReduction<S, NX, NU> {
        &self.rows
    }

    /// `Z`
    pub(super) fn null(&self) -> &SMatrix<S, NU, NU> {
        &self.null
    }

    /// The largest entry of an own row, times the magnitude of its variable.
    pub(crate) fn row_size(&self, own: usize) -> f64 {
        self.rows.original_size(own)
    }

    /// Sets `Z` and returns `Y`, `NU x NX`.
    fn parametrize(&mut self) -> SMatrix<S, NU, NX> {
        let free: [bool; NU] = core::array::from_fn(|j| !self.rows.determines(j));
        let mut shift: SMatrix<S, NU, NX> = zeros();
        self.null = zeros();
        for j in 0..NU {
            if free[j] {
                self.null[(j, j)] = S::one();
            }
        }
        for (row, pivot) in self.rows.solved() {
            for j in 0..NU {
                if free[j] {
                    self.null[(pivot, j)] = -row.u[j];
                }
            }
            for i in 0..NX {
                shift[(pivot, i)] = -row.x[i];
            }
        }
        shift
    }

    /// Computes `M` and factorizes it.
    fn factorize(&mut self) -> Result<(), Singular> {
        let mut reduced = self.blocks.quu;
        if self.rows.solved_count() > 0 {
            let mut curved: SMatrix<S, NU, NU> = zeros();
            add_product(&mut curved, &self.blocks.quu, &self.null);
            reduced = zeros();
            add_transposed_product(&mut reduced, &self.null, &curved);
        }
        self.curvature = reduced;
        for j in 0..NU {
            if self.rows.determines(j) {
                reduced[(j, j)] = S::one();
                self.curvature[(j, j)] = S::from_f64(f64::INFINITY);
            }
        }
        if self.reduced.factor(&reduced) { Ok(()) } else { Err(Singular::Indefinite) }
    }

    /// `Qxx + Qux' K + K' (Qux + Quu K)`, `NX x NX`, symmetric.
    fn value(&self) -> SMatrix<S, NX, NX> {
        let Blocks { qxx, qux, quu } = &self.blocks;
        let mut pulled = *qux;
        add_product(&mut pulled, quu, &self.gain);
        let mut value = *qxx;
        // Sums of whole columns, for the vector registers.
        add_product(&mut value, &transposed(qux), &self.gain);
        add_product(&mut value, &transposed(&self.gain), &pulled);
        // Rounding makes it slightly unsymmetric.
        for i in 0..NX {
            for j in 0..i {
                let mean = S::from_f64(0.5) * (value[(i, j)] + value[(j, i)]);
                value[(i, j)] = mean;
                value[(j, i)] = mean;
            }
        }
        value
    }

    /// `shift - Z M^-1 Z' (force + Quu shift)`, `NU x C`: the minimizing controls, where rows determine `shift`.
    fn feed<const C: usize>(&self, shift: &SMatrix<S, NU, C>, force: &SMatrix<S, NU, C>) -> SMatrix<S, NU, C> {
        let mut controls = *force;
        if self.rows.solved_count() == 0 {
            // `Z` is the identity.
            self.reduced.solve(&mut controls);
        } else {
            let mut force = *force;
            add_product(&mut force, &self.blocks.quu, shift);
            let mut reduced: SMatrix<S, NU, C> = zeros();
            add_transposed_product(&mut reduced, &self.null, &force);
            self.reduced.solve(&mut reduced);
            controls = zeros();
            add_product(&mut controls, &self.null, &reduced);
        }
        for (control, shift) in controls.iter_mut().zip(shift.iter()) {
            *control = *shift - *control;
        }
        controls
    }

    /// The linear part for the gradients `gx` (`NX x C`) and `gu` (`NU x C`) of the stage's cost. `own` are the constants of the stage's own rows.
    pub(crate) fn linear<const C: usize>(
        &self,
        (gx, gu): (&SMatrix<S, NX, C>, &SMatrix<S, NU, C>),
        own: &[SVector<S, C>],
        next: NextLinear<'_, S, NX, C>,
        out: &mut ActiveLinear<S, NX, NU, C>,
    ) {
        let Blocks { qux, quu, .. } = &self.blocks;
        let mut qx = *gx;
        add_transposed_product(&mut qx, &self.fx, next.v);
        let mut qu = *gu;
        add_transposed_product(&mut qu, &self.fu, next.v);

        let mut shift: SMatrix<S, NU, C> = zeros();
        out.h.clear();
        for i in 0..self.rows.len() {
            let mut constant: SVector<S, C> = zeros();
            for (j, original) in own.iter().chain(next.h).enumerate() {
                let weight = self.rows.weight(i, j);
                constant.iter_mut().zip(original.iter()).for_each(|(sum, &c)| *sum += weight * c);
            }
            match self.rows.pivot(i) {
                Some(pivot) => (0..C).for_each(|column| shift[(pivot, column)] = -constant[column]),
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

    /// The control `K dx + k` of the solution, `NU x C`.
    pub(crate) fn control<const C: usize>(
        &self,
        dx: &SMatrix<S, NX, C>,
        linear: &ActiveLinear<S, NX, NU, C>,
    ) -> SMatrix<S, NU, C> {
        let mut du = linear.k;
        add_product(&mut du, &self.gain, dx);
        du
    }

    /// Multipliers of the original rows, the own rows first, from the multipliers of the propagated rows.
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
        row_multipliers.clear();
        row_multipliers.resize(self.rows.len(), zeros());
        for i in 0..self.rows.len() {
            let last: SVector<S, C> = match self.rows.pivot(i) {
                Some(pivot) => SVector::from_fn(|column, _| -missing[(pivot, column)]),
                None => propagated_rows[i - self.rows.solved_count()],
            };
            for (j, row_multipliers) in row_multipliers.iter_mut().enumerate() {
                let weight = self.rows.weight(i, j);
                row_multipliers.iter_mut().zip(last.iter()).for_each(|(sum, &last)| *sum += weight * last);
            }
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> ActiveLinear<S, NX, NU, C> {
    /// Memory for a stage.
    pub(crate) fn new() -> Self {
        Self { k: zeros(), qu: zeros(), v: zeros(), h: Vec::with_capacity(NX) }
    }

    /// `qu`
    pub(super) fn force(&self) -> &SMatrix<S, NU, C> {
        &self.qu
    }
}
