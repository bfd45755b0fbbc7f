//! The cost of a stage that a window drops, with the arrival cost before it, as a quadratic form of the next state.
//!
//! ```text
//! V(x_1) = min over x_0, u_0 of  l_0(x_0) + l(x_0, u_0)    with  x_1 = f(x_0, u_0)
//! ```
//!
//! With dynamics and constraints linearized, as in an extended Kalman filter, with the Hessian `H` of the costs and the Jacobian
//! `A = (fx fu)`, the covariance is `A H^-1 A'`. An elimination of the variables one by one gives it, and finds the directions
//! without curvature. Along these the covariance is infinite, so the form has no information there.
//!
//! Controls at their bounds are held; in relaxed problems they have the curvature of the barriers. Limits of states do not count. A
//! soft constraint is a cost: beyond its limit its excess follows from the other variables, and at its limit a multiplier holds it
//! there. Below it has no curvature.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::ldl::Ldl;
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::records::{StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::solution::Solution;

/// The part of its own terms below which a slope is a rounding error of the solve.
const SLOPE: f64 = 1e-6;
/// The part of a direction that is not one of those before, below which it is a combination of them.
const COMBINED: f64 = 1e-10;
/// The part of its terms below which a sum is a rounding error of the model and of the elimination. Information without a direction
/// is singular only to rounding errors, and the next window eliminates it again.
const FLAT: f64 = 4096.0 * f64::EPSILON;

/// The form about the next state.
pub(super) struct QuadraticForm<const NX: usize> {
    /// The covariance without the directions that have no curvature.
    covariance: SMatrix<f64, NX, NX>,
    /// `NX x NX`, of which the first states count.
    pub(super) information: SMatrix<f64, NX, NX>,
    /// These directions, and the sizes of the terms of the slope along each.
    flat: Vec<(SVector<f64, NX>, f64)>,
}

impl<const NX: usize> QuadraticForm<NX> {
    /// The form in the first `states` of the next state; the others are held at their estimates, unless they are given. `None`
    /// where it does not exist.
    pub(super) fn of<M, const NU: usize, const NP: usize, const NS: usize>(
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
        states: usize,
    ) -> Option<Self>
    where
        M: Model<NX, NU, NP, NS>,
    {
        Self::after(Elimination::of(model, solution, states), states)
    }

    /// The form that is left when all variables are eliminated.
    fn after(mut elimination: Elimination<NX>, states: usize) -> Option<Self> {
        let (covariance, flat) = elimination.run()?;
        let mut regular = covariance;
        for (direction, _) in &flat {
            // Any positive multiple leaves the information as it is. One that is small beside every variance spoils no digits of it.
            let ratios = (0..states).map(|i| covariance[(i, i)] / (direction[i] * direction[i]));
            let multiple = ratios.filter(|ratio| ratio.is_finite() && *ratio > 0.0).fold(f64::INFINITY, f64::min);
            regular += direction * direction.transpose() * if multiple.is_finite() { multiple } else { 1.0 };
        }
        let whole_information = inverse_of_block(&regular, |i| i < states)?;
        let mut information = whole_information;
        for (direction, _) in &flat {
            let image = information * direction;
            let whole = direction.dot(&(whole_information * direction));
            let rest = direction.dot(&image);
            if rest > COMBINED * whole {
                information -= image * image.transpose() / rest;
            }
        }
        Some(Self { covariance, information, flat })
    }

    /// The diagonal information: of each state alone, with the others minimized over.
    pub(super) fn diagonal(&self) -> SMatrix<f64, NX, NX> {
        let flat = |i: usize| self.flat.iter().any(|(direction, _)| direction[i] != 0.0);
        SMatrix::from_fn(|i, j| match self.covariance[(i, i)] {
            variance if i == j && variance > 0.0 && !flat(i) => 1.0 / variance,
            _ => 0.0,
        })
    }

    /// The distance of the mean from the next state, whose costate is given.
    pub(super) fn mean(&self, costate: &SVector<f64, NX>) -> SVector<f64, NX> {
        self.covariance * costate
    }

    /// Whether the form lacks a slope of what was dropped.
    pub(super) fn lacks_slope(&self, costate: &SVector<f64, NX>) -> bool {
        self.flat.iter().any(|(direction, terms)| direction.dot(costate).abs() > SLOPE * terms && *terms > 0.0)
    }
}

/// A variable of the dropped stage.
#[derive(Clone, Copy)]
enum Dropped {
    State(usize),
    Control(usize),
}

impl Dropped {
    /// Its entry of vectors over states and controls.
    fn of<const NX: usize, const NU: usize>(self, (x, u): (&SVector<f64, NX>, &SVector<f64, NU>)) -> f64 {
        match self {
            Self::State(i) => x[i],
            Self::Control(i) => u[i],
        }
    }
}

/// The elimination of variables.
struct Elimination<const NX: usize> {
    /// Whether each variable is still there.
    left: Vec<bool>,
    /// The Hessian, row by row.
    hessian: Vec<Vec<f64>>,
    /// The columns of `A`, for the first states.
    columns: Vec<SVector<f64, NX>>,
    /// The sizes of the terms of the cost's slope in each variable.
    terms: Vec<f64>,
    /// The sums of the magnitudes of the terms of the Hessian's diagonal.
    curvatures: Vec<f64>,
    /// Combinations of variables that are constant, and the sums of the magnitudes of their terms.
    held: Vec<Vec<f64>>,
    held_sizes: Vec<Vec<f64>>,
}

impl<const NX: usize> Elimination<NX> {
    fn of<M, const NU: usize, const NP: usize, const NS: usize>(
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
        states: usize,
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states: x, controls, params, stage_params, bound_multipliers, .. } = solution;
        let none = SVector::zeros();
        let (x, s) = (&x[0], stage_params.first().unwrap_or(&none));
        let (mut stage, mut start) = (StageExpansion::zeros(), TerminalExpansion::zeros());
        model.expand_stage(Stage::new(x, &controls[0], params, s), &mut stage);
        if M::START.cost {
            model.expand_initial(Terminal::new(x, params, s), &mut start);
        }
        let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = stage;
        let rows = SoftRows::of(model, solution);
        let entries = (0..NX).filter(|&i| M::START.free[i]).map(Dropped::State);
        let variables: Vec<_> = entries.chain((0..NU).filter(|i| !rows.at_bound[*i]).map(Dropped::Control)).collect();
        let curvature = |a: Dropped, b: Dropped| match (a, b) {
            (Dropped::State(i), Dropped::State(j)) => lxx[(i, j)] + start.lxx[(i, j)],
            (Dropped::Control(i), Dropped::State(j)) | (Dropped::State(j), Dropped::Control(i)) => lux[(i, j)],
            (Dropped::Control(i), Dropped::Control(j)) => luu[(i, j)],
        };
        let over = |vectors: (&SVector<f64, NX>, &SVector<f64, NU>)| -> Vec<f64> {
            variables.iter().map(|variable| variable.of(vectors)).collect()
        };
        let mut hessian: Vec<Vec<f64>> =
            variables.iter().map(|&a| variables.iter().map(|&b| curvature(a, b)).collect()).collect();
        for (cx, cu, weight) in &rows.weighted {
            let row = over((cx, cu));
            for (i, line) in hessian.iter_mut().enumerate() {
                line.iter_mut().zip(&row).for_each(|(entry, other)| *entry += weight * row[i] * other);
            }
        }
        let (next_x, next_u) = (fx.transpose(), fu.transpose());
        let kept = |row: usize, value: f64| if row < states { value } else { 0.0 };
        let column = |variable: &Dropped| {
            SVector::from_fn(|row, _| kept(row, variable.of((&next_x.column(row).into(), &next_u.column(row).into()))))
        };
        let size = |x: &SVector<f64, NX>, u: &SVector<f64, NU>| over((&x.abs(), &u.abs()));
        // A model without bounds has no list of their multipliers.
        let of_bounds = bound_multipliers.first().copied().unwrap_or_else(SVector::zeros);
        let mut terms = size(&(lx.abs() + start.lx.abs()), &(lu.abs() + of_bounds.abs()));
        terms.iter_mut().zip(size(&rows.slopes.0, &rows.slopes.1)).for_each(|(term, slope)| *term += slope);
        let others = (states..NX).filter(|&i| M::START.free[i]);
        let held = others.map(|i| over((&next_x.column(i).into(), &next_u.column(i).into())));
        let held = held.chain(rows.held.iter().map(|(cx, cu)| over((cx, cu)))).collect();
        Self::new(hessian, variables.iter().map(column).collect(), terms, held)
    }

    fn new(hessian: Vec<Vec<f64>>, columns: Vec<SVector<f64, NX>>, terms: Vec<f64>, held: Vec<Vec<f64>>) -> Self {
        let curvatures = hessian.iter().enumerate().map(|(j, row)| row[j].abs()).collect();
        let held_sizes = held.iter().map(|row| row.iter().map(|entry| entry.abs()).collect()).collect();
        Self { left: vec![true; columns.len()], columns, hessian, terms, curvatures, held, held_sizes }
    }

    /// The variables that are left, without one.
    fn others(&self, j: usize) -> Vec<usize> {
        (0..self.left.len()).filter(|&k| k != j && self.left[k]).collect()
    }

    /// The variable that is left whose curvature is the largest part of its terms.
    fn most_curved(&self) -> Option<usize> {
        let part = |j: usize| if self.curvatures[j] > 0.0 { self.hessian[j][j] / self.curvatures[j] } else { 0.0 };
        (0..self.left.len()).filter(|&j| self.left[j]).max_by(|&a, &b| part(a).total_cmp(&part(b)))
    }

    /// Replaces a variable by a combination of the others, with these factors.
    fn substitute(&mut self, j: usize, factors: &[(usize, f64)]) {
        self.left[j] = false;
        let removed = self.hessian[j].clone();
        let own = removed[j];
        for &(k, a) in factors {
            for &(l, b) in factors {
                self.hessian[k][l] += a * removed[l] + b * removed[k] + a * b * own;
            }
            let column = self.columns[j] * a;
            self.columns[k] += column;
            self.terms[k] += a.abs() * self.terms[j];
            self.curvatures[k] += 2.0 * (a * removed[k]).abs() + a * a * own.abs();
            for (row, sizes) in self.held.iter_mut().zip(&mut self.held_sizes) {
                row[k] += a * row[j];
                sizes[k] += a.abs() * sizes[j];
            }
        }
    }

    /// Satisfies the combinations that are held: each determines the variable in which it is least curved. One that depends on
    /// others has only rounding errors left.
    fn hold(&mut self) {
        for r in 0..self.held.len() {
            let row = self.held[r].clone();
            let weight = |j: usize| row[j] * row[j] / self.hessian[j][j].abs();
            let chosen = (0..row.len()).filter(|&j| self.left[j] && row[j].abs() > FLAT * self.held_sizes[r][j]);
            let Some(j) = chosen.max_by(|&a, &b| weight(a).total_cmp(&weight(b))) else { continue };
            let factors: Vec<_> = self.others(j).into_iter().map(|k| (k, -row[k] / row[j])).collect();
            self.substitute(j, &factors);
        }
    }

    /// The covariance, and the directions without curvature; `None` where the Hessian is not positive semidefinite.
    #[allow(clippy::type_complexity, reason = "it is named nowhere else")]
    fn run(&mut self) -> Option<(SMatrix<f64, NX, NX>, Vec<(SVector<f64, NX>, f64)>)> {
        self.hold();
        let rounding = self.left.len() as f64 * FLAT;
        let (mut covariance, mut flat) = (SMatrix::zeros(), Vec::new());
        // The least cancelled pivot first: others would amplify rounding errors of a direction without curvature.
        while let Some(j) = self.most_curved() {
            let (pivot, others) = (self.hessian[j][j], self.others(j));
            if pivot > rounding * self.curvatures[j] {
                let column = self.columns[j];
                covariance += column * column.transpose() / pivot;
                let factors: Vec<_> = others.iter().map(|&k| (k, -self.hessian[j][k] / pivot)).collect();
                self.substitute(j, &factors);
                continue;
            }
            let is_rounding = |k: usize| {
                let entry = self.hessian[j][k] / rounding;
                entry * entry <= self.curvatures[j] * self.curvatures[k]
            };
            // Written so that NaN is refused.
            if !(pivot.abs() <= rounding * self.curvatures[j] && others.iter().all(|&k| is_rounding(k))) {
                return None;
            }
            self.left[j] = false;
            flat.push((self.columns[j], self.terms[j]));
        }
        Some((covariance, flat))
    }
}

/// What the soft constraints of a stage are for the other variables, at the solution.
struct SoftRows<const NX: usize, const NU: usize> {
    /// Whether each control is held by a bound, as the excess of a soft constraint is where that is not violated.
    at_bound: [bool; NU],
    /// Rows `c - e` that are held at zero.
    held: Vec<(SVector<f64, NX>, SVector<f64, NU>)>,
    /// Rows and bounds with the curvature of a barrier, in relaxed problems.
    weighted: Vec<(SVector<f64, NX>, SVector<f64, NU>, f64)>,
    /// The sizes of the slopes of all constraints, times their multipliers.
    slopes: (SVector<f64, NX>, SVector<f64, NU>),
}

impl<const NX: usize, const NU: usize> SoftRows<NX, NU> {
    /// Of the first stage of a solution.
    fn of<M, const NP: usize, const NS: usize>(model: &M, solution: &Solution<NX, NU, NP, NS>) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states, controls, params, stage_params, multipliers, bound_multipliers, relaxation, .. } =
            solution;
        let (limits, none) = (const { &M::LIMITS }, SVector::zeros());
        let slopes = (SVector::zeros(), SVector::zeros());
        let mut rows = Self { at_bound: [false; NU], held: Vec::new(), weighted: Vec::new(), slopes };
        if const { M::LIMITS.bounded } {
            let (mut lower, mut upper) = (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY));
            model.bounds(params, &mut lower, &mut upper);
            // Noise at a bound moves in neither direction, to second order.
            let is_held =
                |i: usize| relaxation.is_none() && bound_multipliers.first().is_some_and(|held| held[i] != 0.0);
            rows.at_bound = core::array::from_fn(|i| lower[i] == upper[i] || is_held(i));
            if let Some(barrier) = *relaxation {
                let sides = (0..NU).filter(|&i| !rows.at_bound[i]).flat_map(|i| [(i, lower[i]), (i, upper[i])]);
                let weighted = sides.filter(|(_, side)| side.is_finite()).map(|(i, side)| {
                    let unit = SVector::from_fn(|j, _| if j == i { 1.0 } else { 0.0 });
                    let distance = controls[0][i] - side;
                    (SVector::zeros(), unit, barrier / (distance * distance))
                });
                rows.weighted.extend(weighted);
            }
        }
        if const { M::LIMITS.stage() == 0 } {
            return rows;
        }
        let at = Stage::new(&states[0], &controls[0], params, stage_params.first().unwrap_or(&none));
        let mut expansion = ConstraintExpansion::zeros(limits.stage());
        model.expand_stage_constraints(at, &vec![0.0; limits.stage()], &mut expansion);
        for i in 0..limits.stage() {
            let (cx, cu, mu) = (expansion.cx[i], expansion.cu[i], multipliers.stage[i]);
            if mu != 0.0 {
                rows.slopes.0 += cx.abs() * mu.abs();
                rows.slopes.1 += cu.abs() * mu.abs();
            }
            if limits.excess_of_stage(i, NU).is_none() {
                continue;
            }
            match *relaxation {
                Some(barrier) => rows.weighted.push((cx, cu, mu * mu / barrier)),
                None if mu > 0.0 => rows.held.push((cx, cu)),
                None => {}
            }
        }
        rows
    }
}

/// `a^-1` on the entries in `kept`, zero elsewhere; `None` where `a` is not positive definite there.
fn inverse_of_block<const N: usize>(
    a: &SMatrix<f64, N, N>,
    kept: impl Fn(usize) -> bool,
) -> Option<SMatrix<f64, N, N>> {
    let diagonal = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let block = SMatrix::from_fn(|i, j| if kept(i) && kept(j) { a[(i, j)] } else { diagonal(i, j) });
    let mut factors = Ldl::zeros();
    if !factors.factor(&block) {
        return None;
    }
    let mut inverse = SMatrix::from_fn(|i, j| if kept(i) { diagonal(i, j) } else { 0.0 });
    factors.solve(&mut inverse);
    Some(inverse)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test reports by panicking")]
mod tests {
    use nalgebra::{DMatrix, Matrix2, SVector};

    use super::{Elimination, QuadraticForm};
    use crate::linalg::random::SplitMix64;

    /// Directions without curvature that are no axes, exact to rounding: the information is the limit of that with a little curvature
    /// everywhere.
    #[test]
    fn information_without_oblique_directions() {
        let mut random = SplitMix64::new(1);
        let mut entry = || random.symmetric();
        let mut tried = 0;
        for case in 0..2000 {
            let n = 3 + case % 4;
            let rows = DMatrix::from_fn(n - 1 - case % 2, n, |_, _| entry());
            let (whole, a) = (rows.transpose() * &rows, DMatrix::from_fn(2, n, |_, _| entry()));
            let with_curvature = |little: f64| {
                let hessian = &whole + DMatrix::identity(n, n) * little;
                let covariance = &a * hessian.try_inverse().unwrap() * a.transpose();
                Matrix2::from_fn(|i, j| covariance[(i, j)]).try_inverse().unwrap()
            };
            let (expected, other) = (with_curvature(1e-9), with_curvature(4e-9));
            let tolerance = 1e-4 * (1.0 + expected.amax());
            // No limit yet, where a direction has next to no curvature, or the states see next to nothing of it.
            if (expected - other).amax() > 0.1 * tolerance {
                continue;
            }
            tried += 1;
            let hessian = (0..n).map(|i| (0..n).map(|j| whole[(i, j)]).collect()).collect();
            let columns = (0..n).map(|j| SVector::from([a[(0, j)], a[(1, j)]])).collect();
            let form = QuadraticForm::after(Elimination::new(hessian, columns, vec![0.0; n], Vec::new()), 2);
            let information = form.unwrap().information;
            assert!((information - expected).amax() <= tolerance, "case {case}: {information} {expected}");
        }
        assert!(tried > 1500, "{tried}");
    }

    /// A combination that is held twice takes one freedom.
    #[test]
    fn combinations_that_depend_on_one_another() {
        let mut random = SplitMix64::new(2);
        let mut entry = || random.symmetric();
        for case in 0..500 {
            let hessian: Vec<Vec<f64>> = (0..4).map(|i| (0..4).map(|j| f64::from(i == j)).collect()).collect();
            let columns: Vec<SVector<f64, 2>> = (0..4).map(|_| SVector::from_fn(|_, _| entry())).collect();
            let row: Vec<f64> = (0..4).map(|_| entry()).collect();
            let other = row.iter().map(|value| value * 0.3).collect();
            let form = |held: Vec<Vec<f64>>| {
                QuadraticForm::after(Elimination::new(hessian.clone(), columns.clone(), vec![0.0; 4], held), 2)
            };
            let (once, twice) = (form(vec![row.clone()]), form(vec![row.clone(), other]));
            let [once, twice] = [once, twice].map(|form| form.unwrap().information);
            // Rounding, with some digits for the condition of the covariance.
            assert!((once - twice).amax() <= 1e-6 * once.amax(), "case {case}: {once} {twice}");
        }
    }
}
