//! Rows in proximal form, for active limits that cannot be eliminated.
//!
//! Elimination solves a row for a control of the last stage on which it depends. Along many consecutive limits on a state
//! these controls form the inverse of the plant, which may be unstable: rounding errors grow from row to row. (The position
//! of a triple integrator, sampled, is the example: its inverse multiplies them by 3.7 a stage.) Here each row
//! `J dz + c = 0` has a weight `w` and the multiplier
//!
//! ```text
//! y <- y + w (J dz + c)
//! ```
//!
//! (the proximal method of multipliers: Rockafellar 1976; on the block recursion: Jallet et al., *ProxDDP*, 2025). One
//! factorization serves all sweeps. Each sweep solves for the residuals of the whole problem that the sweeps before have
//! left, so that it is an iterative refinement, too.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::linear::{GivenTerms, LinearTerms, Step, Visitor};
use crate::kkt::lq_record::{LqPart, LqRecord, larger_of};
use crate::linalg::products::{add_product, larger, zeros};
use crate::lq::equality_constrained::{Row, Units};
use crate::lq::initial::InitialFactor;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Dense, Quadratic, StageFactor, next_state};
use crate::scalar::{ScalarReal, float};

/// The weight of a row over the curvature of the problem: half of the digits of a number.
const WEIGHT: f64 = 1e8;

/// Sweeps of a solve. A sweep leaves `1 / (1 + WEIGHT s)` of the residual in a direction whose rows have the relative
/// compliance `s`.
const SWEEPS: usize = 40;

/// The last relative change of a solution that counts as refined. Sweeps stop where changes no longer fall, at rounding.
const REFINED: f64 = 1e-9;

/// The largest residual of a row of a solution, over the largest terms of rows. Consecutive rows depend on one another nearly, and
/// sweeps reduce their differences slowly: Robbins' problem leaves 2e-8. Next to weights that are too small 1e-2 is left.
const SATISFIED: f64 = 1e-6;

/// Whether the weights of rows in proximal form are those for variables of magnitude 1. The magnitudes of variables at rest
/// are rounding errors, and no measure for a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainUnits(pub(crate) bool);

/// The factorized problem: one factor a stage, and the weights of the rows of `T + 1` stages.
#[derive(Clone, Debug)]
pub(super) struct ProximalRows<S, const NX: usize, const NU: usize> {
    factors: Vec<StageFactor<S, NX, NU>>,
    weights: Vec<Vec<f64>>,
    /// `V_t`, `T + 1` matrices.
    value_hessians: Vec<SMatrix<S, NX, NX>>,
    /// For problems that choose entries of the initial state.
    initial: Option<InitialFactor<S, NX>>,
    /// The change of the cost a stage if every variable changes by its magnitude.
    unit: f64,
    units: Units<NX, NU>,
}

/// The right-hand side of a solve, its solution and one sweep, `T + 1` stages each.
#[derive(Clone, Debug)]
pub(super) struct RefinedLinear<S, const NX: usize, const NU: usize, const C: usize> {
    pub(super) given: Vec<LinearTerms<S, NX, NU, C>>,
    pub(super) solution: Vec<LqPart<S, NX, NU, C>>,
    pub(super) residuals: Vec<LinearTerms<S, NX, NU, C>>,
    sweep: Vec<LqPart<S, NX, NU, C>>,
    /// `v_t` and `k_t` of the recursion.
    value_gradients: Vec<SMatrix<S, NX, C>>,
    feedforward: Vec<SMatrix<S, NU, C>>,
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ProximalRows<S, NX, NU> {
    pub(super) fn new(horizon: usize) -> Self {
        Self {
            factors: vec![StageFactor::zeros(); horizon],
            weights: vec![Vec::new(); horizon + 1],
            value_hessians: vec![zeros(); horizon + 1],
            initial: None,
            unit: 1.0,
            units: Units::ONES,
        }
    }

    /// Begins a factorization. `unit` is the change of the cost a stage if every variable changes by its magnitude, one of
    /// `units`.
    pub(super) fn begin(&mut self, unit: f64, units: Units<NX, NU>) {
        (self.unit, self.units) = (unit, units);
    }

    /// Sets the weights of a stage. That of a row without entries is zero.
    fn weigh(&mut self, t: usize, rows: &[Row<S, NX, NU>]) {
        let Self { weights, unit, units, .. } = self;
        let own = |entries: &[S], units: &[f64]| -> f64 {
            entries.iter().zip(units).map(|(entry, unit)| entry.to_f64().abs() * unit).sum()
        };
        weights[t].clear();
        weights[t].extend(rows.iter().map(|row| {
            let size = own(row.x.as_slice(), &units.states) + own(row.u.as_slice(), &units.controls);
            if size > 0.0 { WEIGHT * *unit / (size * size) } else { 0.0 }
        }));
    }

    /// Sets the terminal state, which has these rows and this Hessian. Returns `V_T`.
    pub(super) fn set_terminal(&mut self, hxx: &SMatrix<S, NX, NX>, rows: &[Row<S, NX, NU>]) -> SMatrix<S, NX, NX> {
        let horizon = self.factors.len();
        self.weigh(horizon, rows);
        let mut value = *hxx;
        for (row, weight) in rows.iter().zip(&self.weights[horizon]) {
            add_outer(&mut value, &row.x, &row.x, *weight);
        }
        self.value_hessians[horizon] = value;
        value
    }

    /// Sets the initial state, of which the solve chooses some entries. The result is true where there is a minimum over
    /// these.
    pub(super) fn set_initial(&mut self, free: &[bool; NX], value: &SMatrix<S, NX, NX>) -> bool {
        self.initial.get_or_insert_with(|| InitialFactor::new(free)).factorize(value)
    }

    /// Factorizes stage `t`, which has these rows. `value` holds `V` of the next stage and receives that of this one.
    /// Returns the factors, or `None` where `Quu` is not positive definite. For large weights it is positive definite at all
    /// stages exactly if the Hessian is so in the directions that the rows leave free (Debreu 1952).
    pub(super) fn factorize_stage(
        &mut self,
        t: usize,
        quadratic: &Quadratic<'_, S, NX, NU>,
        rows: &[Row<S, NX, NU>],
        value: &mut SMatrix<S, NX, NX>,
    ) -> Option<&StageFactor<S, NX, NU>> {
        self.weigh(t, rows);
        let (mut hxx, mut hux, mut huu) = (*quadratic.hxx, *quadratic.hux, *quadratic.huu);
        for (Row { x, u }, weight) in rows.iter().zip(&self.weights[t]) {
            add_outer(&mut hxx, x, x, *weight);
            add_outer(&mut hux, u, x, *weight);
            add_outer(&mut huu, u, u, *weight);
        }
        let with_rows = Quadratic { fx: quadratic.fx, fu: quadratic.fu, hxx: &hxx, hux: &hux, huu: &huu };
        let factor = &mut self.factors[t];
        let definite = factor.quadratic_where::<Dense>(&with_rows, &Proximal::none(), value);
        self.value_hessians[t] = *value;
        definite.then_some(&self.factors[t])
    }

    /// Whether the rows are independent: whether their values can be changed at will. Any values show it, but for some of
    /// measure zero; those here have a different fraction of its size for each row.
    pub(super) fn are_independent(
        &self,
        record: &LqRecord<S, NX, NU>,
        memory: &mut RefinedLinear<S, NX, NU, 1>,
    ) -> bool {
        let mut fractions = fractions();
        memory.load(&mut |t, terms| {
            for weight in &self.weights[t] {
                let fraction = fractions.next().unwrap_or(1.0);
                let size = if *weight > 0.0 { fraction / float::f64::sqrt(*weight) } else { 0.0 };
                terms.rows.push(SVector::from_fn(|_, _| S::from_f64(size)));
            }
        });
        self.refine(record, memory)
    }

    /// Solves the problem. Where sweeps do not refine it, its numbers are NaN. Returns `dlambda_0`.
    pub(super) fn solve<const C: usize>(
        &self,
        record: &LqRecord<S, NX, NU>,
        memory: &mut RefinedLinear<S, NX, NU, C>,
        terms: GivenTerms<'_, S, NX, NU, C>,
        visit: Visitor<'_, S, NX, NU, C>,
    ) -> SMatrix<S, NX, C> {
        memory.load(terms);
        if !self.refine(record, memory) {
            memory.solution.iter_mut().for_each(LqPart::spoil);
        }
        for (t, LqPart { dx, du, rows, .. }) in memory.solution.iter().enumerate() {
            let dlambda = memory.solution.get(t + 1).map_or_else(zeros, |next| next.dlambda);
            visit(t, Step { dx, du, dlambda: &dlambda, rows, penalties: &[] });
        }
        memory.solution[0].dlambda
    }

    /// Sweeps until the solution changes no more. Returns whether its last changes are small.
    fn refine<const C: usize>(&self, record: &LqRecord<S, NX, NU>, memory: &mut RefinedLinear<S, NX, NU, C>) -> bool {
        for (part, stage) in memory.solution.iter_mut().zip(&record.stages) {
            part.clear(stage.rows.len());
        }
        // What else a number carries, a derivative for one, is not measured. It may need more sweeps than the value.
        let is_plain = size_of::<S>() == size_of::<f64>();
        let mut previous = f64::INFINITY;
        for _ in 0..SWEEPS {
            record.measure_residuals(&memory.given, &memory.solution, &mut memory.residuals);
            self.sweep(record, memory);
            for (part, change) in memory.solution.iter_mut().zip(&memory.sweep) {
                part.add(change);
            }
            let change = record.relative_change(&memory.given, &memory.solution, &memory.sweep);
            if change.is_nan() {
                return false;
            }
            let falls = change > 0.0 && change < 0.5 * previous;
            previous = change;
            if is_plain && change <= REFINED && !falls {
                break;
            }
        }
        previous <= REFINED && self.satisfies_rows(record, memory)
    }

    /// Whether a solution satisfies the rows. Where their weights are small beside the stiffness of the problem, sweeps change it
    /// little, and it is far from doing so.
    fn satisfies_rows<const C: usize>(
        &self,
        record: &LqRecord<S, NX, NU>,
        memory: &mut RefinedLinear<S, NX, NU, C>,
    ) -> bool {
        let RefinedLinear { given, solution, residuals, .. } = memory;
        record.measure_residuals(given, solution, residuals);
        (0..C).all(|j| {
            let size = |entry: S| entry.to_f64().abs();
            // A row may have one entry, whose variable is then zero: the largest values along the solution are the terms.
            let (mut dx, mut du): (SVector<f64, NX>, SVector<f64, NU>) = (zeros(), zeros());
            for part in &*solution {
                dx = larger_of(&part.dx.column(j).map(size), &dx);
                du = larger_of(&part.du.column(j).map(size), &du);
            }
            let (mut residual, mut terms) = (0.0, 0.0);
            for (t, stage) in record.stages.iter().enumerate() {
                for (index, (row, weight)) in stage.rows.iter().zip(&self.weights[t]).enumerate() {
                    let scale = float::f64::sqrt(*weight);
                    let of_variables = row.x.map(size).dot(&dx) + row.u.map(size).dot(&du);
                    terms = larger(terms, scale * (of_variables + size(given[t].rows[index][j])));
                    residual = larger(residual, scale * size(residuals[t].rows[index][j]));
                }
            }
            residual <= SATISFIED * terms
        })
    }

    /// Solves for the residuals, with weights in place of rows.
    fn sweep<const C: usize>(&self, record: &LqRecord<S, NX, NU>, memory: &mut RefinedLinear<S, NX, NU, C>) {
        let RefinedLinear { residuals, sweep, value_gradients, feedforward, .. } = memory;
        let horizon = self.factors.len();
        let mut value = zeros();
        for t in (0..=horizon).rev() {
            let (stage, residual) = (&record.stages[t], &residuals[t]);
            let (mut gx, mut gu) = (residual.gx, residual.gu);
            for ((row, weight), c) in stage.rows.iter().zip(&self.weights[t]).zip(&residual.rows) {
                row.add_times(&c.map(|c| S::from_f64(*weight) * c), (&mut gx, &mut gu));
            }
            if t == horizon {
                value = gx;
            } else {
                add_product(&mut value, &self.value_hessians[t + 1], &residual.offset);
                let linear = self.factors[t].linear_where::<Dense, C>(&stage.fx, &stage.fu, &gx, &gu, &mut value);
                feedforward[t] = linear.k;
            }
            value_gradients[t] = value;
        }
        let mut dx = self.initial.as_ref().map_or_else(zeros, |initial| initial.step(&value));
        for (t, part) in sweep.iter_mut().enumerate() {
            let (stage, residual) = (&record.stages[t], &residuals[t]);
            (part.dx, part.dlambda) = (dx, value_gradients[t]);
            add_product(&mut part.dlambda, &self.value_hessians[t], &dx);
            part.du = self.factors.get(t).map_or_else(zeros, |factor| factor.control(&dx, &feedforward[t]));
            part.rows.clear();
            for ((row, weight), c) in stage.rows.iter().zip(&self.weights[t]).zip(&residual.rows) {
                let value = row.value(c, (&part.dx, &part.du));
                part.rows.push(value.map(|value| S::from_f64(*weight) * value));
            }
            dx = next_state(&stage.fx, &stage.fu, &residual.offset, &dx, &part.du);
        }
    }
}

/// `out += weight a b'`
fn add_outer<S: ScalarReal, const R: usize, const K: usize>(
    out: &mut SMatrix<S, R, K>,
    a: &SVector<S, R>,
    b: &SVector<S, K>,
    weight: f64,
) {
    let weighted = b.map(|b| S::from_f64(weight) * b).transpose();
    add_product(out, a, &weighted);
}

/// Numbers between 0.5 and 1.5 without a pattern: fractions of multiples of the golden ratio, which spread evenly.
pub(super) fn fractions() -> impl Iterator<Item = f64> {
    (1_u32..).map(|count| 0.5 + f64::from(count.wrapping_mul(2_654_435_769)) / 4_294_967_296.0)
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> RefinedLinear<S, NX, NU, C> {
    pub(super) fn new(horizon: usize) -> Self {
        let terms = || (0..=horizon).map(|_| LinearTerms::with_capacity(0)).collect();
        Self {
            given: terms(),
            solution: vec![LqPart::zeros(); horizon + 1],
            residuals: terms(),
            sweep: vec![LqPart::zeros(); horizon + 1],
            value_gradients: vec![zeros(); horizon + 1],
            feedforward: vec![zeros(); horizon + 1],
        }
    }

    /// Stores the right-hand side, from the horizon down.
    pub(super) fn load(&mut self, terms: GivenTerms<'_, S, NX, NU, C>) {
        for (t, given) in self.given.iter_mut().enumerate().rev() {
            (given.gx, given.gu, given.offset) = (zeros(), zeros(), zeros());
            given.rows.clear();
            terms(t, given);
        }
    }
}
