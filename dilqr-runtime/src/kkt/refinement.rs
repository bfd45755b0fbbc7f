//! Solves with limits that are terms of the cost, refined.
//!
//! A term has the weight `kappa` in the factorized Hessian: `sigma^2 / tau` for a barrier. Next to a weight of 1e8 a curvature of 1
//! has half of its digits. So the change `m` of a term's multiplier is a variable beside the trajectory, as multipliers of active rows
//! are. With a constant `b` it satisfies
//!
//! ```text
//! c_z dz + b - m / kappa = 0
//! ```
//!
//! The residuals of these equations and of all others have every digit. Each further solve with them corrects the solution
//! (iterative refinement: Wilkinson 1963; Higham, *Accuracy and Stability of Numerical Algorithms*, chapter 12).

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{GivenTerms, KktSystem, LinearTerms, Step, Visitor};
use crate::kkt::penalties::Penalties;
use crate::kkt::units::ratio;
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::equality_constrained::{ConstraintId, Row};
use crate::lq::riccati::next_state;
use crate::scalar::ScalarReal;

/// The least and the largest number of corrections. Each leaves a part of the error: the rounding error of a number, times the
/// largest weight over the curvature.
const CORRECTIONS: (usize, usize) = (3, 12);

/// The last correction, over the solution, from which on no other is needed.
const SETTLED: f64 = 1e-12;

/// The largest last correction, over the solution. Beyond it the equations have no digits.
const CORRECTED: f64 = 1e-6;

/// A stage of a solution.
#[derive(Clone, Debug)]
struct StageSolution<S, const NX: usize, const NU: usize, const C: usize> {
    dx: SMatrix<S, NX, C>,
    du: SMatrix<S, NU, C>,
    /// `dlambda_t`, of this stage.
    dlambda: SMatrix<S, NX, C>,
    rows: Vec<SVector<S, C>>,
    /// Changes of the multipliers of terms.
    slopes: Vec<SVector<S, C>>,
}

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// [`solve`](KktSystem::solve) of a problem with such limits.
    pub(super) fn solve_refined<const C: usize>(
        &self,
        penalties: &Penalties<S, NX, NU>,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        terms: GivenTerms<'_, S, NX, NU, C>,
        visit: Visitor<'_, S, NX, NU, C>,
    ) -> SMatrix<S, NX, C> {
        let horizon = self.horizon();
        let mut given = vec![LinearTerms::with_capacity(0); horizon + 1];
        for (t, given) in given.iter_mut().enumerate().rev() {
            terms(t, given);
            given.penalties.resize(penalties.count(t), zeros());
        }
        let none = |t: usize| StageSolution {
            dx: zeros(),
            du: zeros(),
            dlambda: zeros(),
            rows: vec![zeros(); given[t].rows.len()],
            slopes: vec![zeros(); given[t].penalties.len()],
        };
        let mut solution: Vec<_> = (0..=horizon).map(none).collect();
        let mut progress = [Progress::default(); C];
        for count in 0..=CORRECTIONS.1 {
            if count > CORRECTIONS.0 && progress.iter().all(|column| column.left() <= SETTLED) {
                break;
            }
            let residuals: Vec<_> =
                (0..=horizon).map(|t| self.residual(penalties, (&given[t], &solution), t)).collect();
            let correction = self.correction(penalties, memory, &residuals);
            for (j, column) in progress.iter_mut().enumerate() {
                column.add(self.sizes(&correction, j));
            }
            solution.iter_mut().zip(&correction).for_each(|(solution, correction)| solution.add(correction));
        }
        for j in (0..C).filter(|&j| progress[j].left() > CORRECTED) {
            // No digit is right. What follows is no number either.
            solution.iter_mut().for_each(|stage| stage.spoil(j));
        }
        for (t, StageSolution { dx, du, rows, slopes, .. }) in solution.iter().enumerate() {
            let dlambda = solution.get(t + 1).map_or_else(zeros, |next| next.dlambda);
            visit(t, Step { dx, du, dlambda: &dlambda, rows, penalties: slopes });
        }
        solution[0].dlambda
    }

    /// Loads a linear part into the memory, where a refined solve has left that of its last correction.
    pub(crate) fn load_linear_part<const C: usize>(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        given: GivenTerms<'_, S, NX, NU, C>,
    ) {
        let Some(penalties) = &self.penalties else { return };
        self.backward(memory, &mut |t, terms| {
            given(t, terms);
            add_weighted_constants(penalties, t, terms);
        });
    }

    /// What the equations of stage `t` lack at a solution.
    fn residual<const C: usize>(
        &self,
        penalties: &Penalties<S, NX, NU>,
        (given, solution): (&LinearTerms<S, NX, NU, C>, &[StageSolution<S, NX, NU, C>]),
        t: usize,
    ) -> LinearTerms<S, NX, NU, C> {
        let StageSolution { dx, du, dlambda, rows, slopes } = &solution[t];
        let mut terms = given.clone();
        let hessian = &penalties.hessians[t];
        terms.gx -= dlambda;
        add_product(&mut terms.gx, &hessian.hxx, dx);
        if let (Some(next), Some(stage)) = (solution.get(t + 1), self.stages.get(t)) {
            add_transposed_product(&mut terms.gx, &hessian.hux, du);
            add_transposed_product(&mut terms.gx, &stage.fx, &next.dlambda);
            add_product(&mut terms.gu, &hessian.hux, dx);
            add_product(&mut terms.gu, &hessian.huu, du);
            add_transposed_product(&mut terms.gu, &stage.fu, &next.dlambda);
            terms.offset = next_state(&stage.fx, &stage.fu, &given.offset, dx, du) - next.dx;
        }
        for (index, term, row) in penalties.terms(t) {
            row.add_times(&slopes[index], (&mut terms.gx, &mut terms.gu));
            let constant = &mut terms.penalties[index];
            *constant = row.value(constant, (dx, du));
            constant.iter_mut().zip(&slopes[index]).for_each(|(c, m)| *c -= *m / term.weight);
        }
        let terminal = if t == self.horizon() { self.terminal.sources.as_slice() } else { &[] };
        let sources = self.rows(t).iter().copied().chain(terminal.iter().copied().map(ConstraintId::Constraint));
        for (index, source) in sources.enumerate() {
            let row = match source {
                ConstraintId::Constraint(i) => *penalties.row(t, i),
                ConstraintId::Bound(i, side) => {
                    Row { x: zeros(), u: SVector::from_fn(|j, _| if i == j { side.direction() } else { S::zero() }) }
                }
            };
            row.add_times(&rows[index], (&mut terms.gx, &mut terms.gu));
            terms.rows[index] = row.value(&terms.rows[index], (dx, du));
        }
        terms
    }

    /// One solve with the factorized problem.
    fn correction<const C: usize>(
        &self,
        penalties: &Penalties<S, NX, NU>,
        memory: &mut ActiveSetLinear<S, NX, NU, C>,
        residuals: &[LinearTerms<S, NX, NU, C>],
    ) -> Vec<StageSolution<S, NX, NU, C>> {
        let end = self.backward(memory, &mut |t, terms| {
            terms.clone_from(&residuals[t]);
            add_weighted_constants(penalties, t, terms);
        });
        let mut solution = Vec::with_capacity(residuals.len());
        let mut costate = memory.initial_costate(&end);
        self.forward(memory, &end, &mut |t, Step { dx, du, dlambda, rows, .. }| {
            let mut slopes = residuals[t].penalties.clone();
            for (index, term, row) in penalties.terms(t) {
                slopes[index] = row.value(&slopes[index], (dx, du)) * term.weight;
            }
            solution.push(StageSolution { dx: *dx, du: *du, dlambda: costate, rows: rows.to_vec(), slopes });
            costate = *dlambda;
        });
        solution
    }

    /// The largest entry of column `j`: of the trajectory, over the magnitude of its variable, and of the costates, times it.
    fn sizes<const C: usize>(&self, solution: &[StageSolution<S, NX, NU, C>], j: usize) -> [f64; 2] {
        let (states, controls) = (&self.row_units.states, &self.row_units.controls);
        // An excess at rest has no unit, and does not count.
        let ratio = |(entry, unit): (&S, &f64)| if *unit > 0.0 { entry.to_f64().abs() / unit } else { 0.0 };
        let product = |(entry, unit): (&S, &f64)| entry.to_f64().abs() * unit;
        solution.iter().fold([0.0, 0.0], |[trajectory, costates], StageSolution { dx, du, dlambda, .. }| {
            let trajectory = dx.column(j).iter().zip(states).map(ratio).fold(trajectory, larger);
            let trajectory = du.column(j).iter().zip(controls).map(ratio).fold(trajectory, larger);
            [trajectory, dlambda.column(j).iter().zip(states).map(product).fold(costates, larger)]
        })
    }
}

/// Adds the constants of the terms of stage `t`, times their weights, to the gradients. An empty list stands for zeros.
fn add_weighted_constants<S: ScalarReal, const NX: usize, const NU: usize, const C: usize>(
    penalties: &Penalties<S, NX, NU>,
    t: usize,
    terms: &mut LinearTerms<S, NX, NU, C>,
) {
    let LinearTerms { gx, gu, penalties: constants, .. } = terms;
    for (index, term, row) in penalties.terms(t) {
        if let Some(constant) = constants.get(index) {
            row.add_times(&(constant * term.weight), (&mut *gx, &mut *gu));
        }
    }
}

/// The largest and the last solve for a column: sizes of trajectory and costates.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    largest: [f64; 2],
    last: [f64; 2],
}

impl Progress {
    fn add(&mut self, sizes: [f64; 2]) {
        self.last = sizes;
        self.largest = [0, 1].map(|k| larger(self.largest[k], sizes[k]));
    }

    /// The last solve over the largest one. One of the two parts may be rounding errors from the first solve on, as the real
    /// part of a trajectory's derivative is.
    fn left(&self) -> f64 {
        let [trajectory, costates] = [0, 1].map(|k| ratio(self.last[k], self.largest[k]));
        if trajectory.is_nan() || costates.is_nan() { f64::INFINITY } else { trajectory.min(costates) }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> StageSolution<S, NX, NU, C> {
    fn add(&mut self, other: &Self) {
        self.dx += other.dx;
        self.du += other.du;
        self.dlambda += other.dlambda;
        self.rows.iter_mut().zip(&other.rows).for_each(|(own, other)| *own += other);
        self.slopes.iter_mut().zip(&other.slopes).for_each(|(own, other)| *own += other);
    }

    /// Makes column `j` no number.
    fn spoil(&mut self, j: usize) {
        // All parts of the number.
        let nan = S::from_f64(f64::NAN);
        self.dx.column_mut(j).iter_mut().for_each(|entry| *entry *= nan);
        self.du.column_mut(j).iter_mut().for_each(|entry| *entry *= nan);
        self.dlambda.column_mut(j).iter_mut().for_each(|entry| *entry *= nan);
        self.slopes.iter_mut().for_each(|term| term[j] *= nan);
    }
}
