//! The terms of a Newton step of the barrier problem: weights and bases of the LQ problem, and the step of slacks, excess
//! and multipliers.
//!
//! An inequality has the slack `s` and the multiplier `y`. In an elastic problem each constraint has an excess `p` above its
//! limit, an equality also `n` below, at the price `rho`:
//!
//! ```text
//! c + s - p = 0      s y = mu      p (rho - y) = mu
//! e - p + n = 0      p (rho - y) = mu      n (rho + y) = mu
//! ```
//!
//! A Newton step eliminates `s`, `p` and `n`. With the residual `r` of a constraint and its row `J` there remains
//! `y + dy = b + w J dz`, where
//!
//! ```text
//! 1 / w = s / y + p / (rho - y) [+ n / (rho + y)]
//! b = y + w (r + (mu / y - s) - (mu / (rho - y) - p) [+ mu / (rho + y) - n])
//! ```
//!
//! without the terms that do not apply. A problem that is not elastic has no `p` and `n`, and its equalities have a proximal
//! term, `w = 1 / delta` and `b = y + w r`: the method of multipliers on top of Newton's (Jallet et al., *ProxDDP*, 2025).

use crate::kkt::weighted_rows::{Bases, Weights};
use crate::linalg::products::zeros;
use crate::ocp::barrier_point::{BarrierPoint, BarrierStep};
use crate::ocp::constraints::ConstraintKind;
use crate::solve::interior_point::barriers::Barriers;

impl<const NX: usize, const NU: usize> Barriers<'_, NX, NU> {
    /// The weights about a point; `equality` is that of an equality over the square of its magnitude.
    pub(super) fn weigh(&self, point: &BarrierPoint<NX, NU>, equality: f64, weights: &mut Weights<NX, NU>) {
        for (index, weight) in weights.rows.iter_mut().enumerate() {
            let (s, y) = (point.slacks[index], point.duals.constraints[index]);
            let [p, n] = [point.excess[0][index], point.excess[1][index]];
            let price = self.price(index);
            *weight = match (self.kinds[index], self.elastic.is_some()) {
                (ConstraintKind::Absent, _) => 0.0,
                (ConstraintKind::Inequality, false) => y / s,
                (ConstraintKind::Inequality, true) => 1.0 / (s / y + p / (price - y)),
                (ConstraintKind::Equality, false) => equality / (self.scales.rows[index] * self.scales.rows[index]),
                (ConstraintKind::Equality, true) => 1.0 / (p / (price - y) + n / (price + y)),
            };
        }
        for (t, weights) in weights.controls.iter_mut().enumerate() {
            *weights = zeros();
            for &(i, side) in self.sides {
                let distance = -self.bounds.constraint(side, i, &point.trajectory.controls[t]);
                weights[i] += point.duals.bounds(side)[t][i] / distance;
            }
        }
    }

    /// The linear part of a step for the barrier parameter `mu`. On entry the rows of `bases` are the residuals.
    pub(super) fn set_bases(
        &self,
        point: &BarrierPoint<NX, NU>,
        weights: &Weights<NX, NU>,
        mu: f64,
        bases: &mut Bases<NX, NU>,
    ) {
        for (index, base) in bases.rows.iter_mut().enumerate() {
            let (s, y, w) = (point.slacks[index], point.duals.constraints[index], weights.rows[index]);
            let [p, n] = [point.excess[0][index], point.excess[1][index]];
            let (price, residual) = (self.price(index), *base);
            *base = match (self.kinds[index], self.elastic.is_some()) {
                (ConstraintKind::Absent, _) => 0.0,
                (ConstraintKind::Inequality, false) => mu / s + w * residual,
                (ConstraintKind::Equality, false) => y + w * residual,
                (ConstraintKind::Inequality, true) => y + w * (residual + (mu / y - s) - (mu / (price - y) - p)),
                (ConstraintKind::Equality, true) => {
                    y + w * (residual - (mu / (price - y) - p) + (mu / (price + y) - n))
                }
            };
        }
        for (t, slopes) in bases.controls.iter_mut().enumerate() {
            *slopes = zeros();
            for &(i, side) in self.sides {
                let distance = -self.bounds.constraint(side, i, &point.trajectory.controls[t]);
                slopes[i] += side.direction::<f64>() * mu / distance;
            }
        }
    }

    /// The step of slacks, excess and multipliers, from that of controls and from `J dz`, which is `along`. `residuals` are
    /// those of the step.
    pub(super) fn recover(
        &self,
        point: &BarrierPoint<NX, NU>,
        (weights, bases): (&Weights<NX, NU>, &Bases<NX, NU>),
        (mu, along, residuals): (f64, &[f64], &[f64]),
        step: &mut BarrierStep<NX, NU>,
    ) {
        for (index, kind) in self.kinds.iter().enumerate().filter(|(_, kind)| **kind != ConstraintKind::Absent) {
            let y = point.duals.constraints[index];
            let new = bases.rows[index] + weights.rows[index] * along[index];
            step.duals.constraints[index] = new;
            let [p, n] = [point.excess[0][index], point.excess[1][index]];
            let price = self.price(index);
            let mut above = 0.0;
            if self.elastic.is_some() {
                above = mu / (price - y) - p + p / (price - y) * (new - y);
                step.dexcess[0][index] = above;
                if *kind == ConstraintKind::Equality {
                    step.dexcess[1][index] = mu / (price + y) - n - n / (price + y) * (new - y);
                }
            }
            if *kind == ConstraintKind::Inequality {
                step.ds[index] = above - residuals[index] - along[index];
            }
        }
        for t in 0..self.horizon {
            let u = &point.trajectory.controls[t];
            for &(i, side) in self.sides {
                let distance = -self.bounds.constraint(side, i, u);
                let (y, change) = (point.duals.bounds(side)[t][i], -side.direction::<f64>() * step.du[t][i]);
                step.duals.bounds_mut(side)[t][i] = mu / distance - y / distance * change;
            }
        }
    }
}
