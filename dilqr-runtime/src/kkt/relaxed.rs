//! The barriers of a relaxed problem to first order about a point of its central path.
//!
//! A relaxed problem minimizes `l - tau sum ln(-c)` over its inequalities and bounds, and keeps its equalities. At its
//! solution the multiplier of an inequality is `sigma = tau / (-c)`. The multiplier is a variable of its own, because `c` has
//! few digits where it is small beside its terms. From the multiplier follow the slack `tau / sigma` and the derivative
//!
//! ```text
//! dsigma = kappa dc      kappa = sigma^2 / tau
//! ```
//!
//! So a stage's cost has the gradient `sigma c_z` and the Hessian `sigma c_zz + kappa c_z c_z'` of the barrier. A solve with a
//! relaxed problem has the change of every multiplier as a variable beside the trajectory's (see
//! [`refinement`](crate::kkt::refinement)), and the gradient in the parameters is that of constraints whose multipliers change so.
//!
//! Both bounds of a control have barriers. A solution stores `Qu`, the difference of their multipliers. As the distances
//! from both bounds add up to the interval, this determines both ([`bound_multipliers`]).

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::Row;
use crate::model::limits::Limits;
use crate::model::records::HamiltonianExpansion;
use crate::ocp::stationarity::without_rounding;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::{Scalar, ScalarReal, float};
use crate::solution::Solution;

/// What a solution says of its barriers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relaxation<'a, const NU: usize> {
    /// The barrier parameter, in units of the cost.
    pub(crate) tau: f64,
    /// `Qu` without the barriers of bounds, `T` vectors; empty for models without bounds.
    pub(crate) bound_multipliers: &'a [SVector<f64, NU>],
}

impl<'a, const NU: usize> Relaxation<'a, NU> {
    /// That of a solution, if it is one of a relaxed problem.
    pub(crate) fn of<const NX: usize, const NP: usize, const NS: usize>(
        solution: &'a Solution<NX, NU, NP, NS>,
    ) -> Option<Self> {
        let Solution { relaxation, bound_multipliers, .. } = solution;
        relaxation.map(|tau| Self { tau, bound_multipliers })
    }
}

/// The barriers of all inequalities and bounds, filled stage by stage during a factorization.
///
/// The barriers of a stage are those of its constraints, then those of its bounds: the lower and the upper one of each control.
#[derive(Clone, Debug)]
pub(crate) struct Relaxed<S, const NX: usize, const NU: usize> {
    tau: f64,
    net: Vec<SVector<f64, NU>>,
    limits: Limits,
    horizon: usize,
    bounds: Bounds<S, NU>,
    /// One for each constraint, those of equalities with weight 0.
    constraints: Vec<Barrier<S>>,
    /// `c_z` of each constraint.
    rows: Vec<Row<S, NX, NU>>,
    /// Of the lower and the upper bounds, `T` lists each; of weight 0 where a side is open.
    sides: [Vec<[Barrier<S>; NU]>; 2],
    /// How the multipliers of bounds move: zero but for dual numbers.
    motion: [Vec<SVector<S, NU>>; 2],
    /// The Hessians of the stages without barriers, that of the terminal state last.
    pub(super) hessians: Vec<HamiltonianExpansion<S, NX, NU>>,
}

/// One inequality or bound at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Barrier<S> {
    /// `sigma`
    pub(super) multiplier: S,
    /// `kappa`
    pub(super) weight: S,
    /// `c` without its real part: zero but for dual numbers.
    #[cfg(feature = "dual")]
    motion: S,
    /// `c + tau / sigma`, without its rounding error: how far the multiplier is from complementarity.
    pub(super) residual: f64,
}

impl<S: Scalar> Barrier<S> {
    /// That of an open side, of an equality or of a row without a derivative.
    fn none() -> Self {
        Self {
            multiplier: S::zero(),
            weight: S::zero(),
            #[cfg(feature = "dual")]
            motion: S::zero(),
            residual: 0.0,
        }
    }
}

impl<S: ScalarReal> Barrier<S> {
    /// With a multiplier at the value `c`, which is the sum of terms.
    fn new<const N: usize>(tau: f64, multiplier: S, c: S, (a, b): (&SVector<S, N>, &SVector<S, N>)) -> Self {
        let none = SVector::<S, 0>::zeros();
        let slack = S::from_f64(tau / multiplier.to_f64());
        let residual = without_rounding(c + slack, (a, b), (&none, &none));
        Self {
            multiplier,
            weight: multiplier * multiplier / S::from_f64(tau),
            #[cfg(feature = "dual")]
            motion: c - S::from_real(c.real()),
            residual: residual.to_f64(),
        }
    }

    /// The multiplier that a Newton step sets if no variable moves.
    pub(super) fn base(&self) -> S {
        self.multiplier + self.weight * S::from_f64(self.residual)
    }

    /// The residual over the slack `tau / sigma`; infinite for a multiplier that is not positive.
    pub(super) fn complementarity(&self, tau: f64) -> f64 {
        let multiplier = self.multiplier.to_f64();
        let relative = self.residual.abs() * multiplier / tau;
        if multiplier > 0.0 { relative } else { f64::INFINITY }
    }
}

/// The multipliers of the lower and the upper bound, from their difference `net` and the interval. That of an open side is
/// zero, and one whose sign is wrong is not positive.
///
/// With the distances `a` and `b`, `a + b = width` and `tau / a - tau / b = net`. The distance from the bound with the larger
/// multiplier is the smaller root of a quadratic equation, in a form without cancellation.
pub(crate) fn bound_multipliers(tau: f64, net: f64, (lower, upper): (f64, f64)) -> [f64; 2] {
    match (lower.is_finite(), upper.is_finite()) {
        (false, false) => [0.0, 0.0],
        (true, false) => [net, 0.0],
        (false, true) => [0.0, -net],
        (true, true) => {
            let width = upper - lower;
            let pull = net.abs() * width;
            let near = (pull + 2.0 * tau + float::f64::sqrt(pull * pull + 4.0 * tau * tau)) / (2.0 * width);
            let far = tau / (width - tau / near);
            if net >= 0.0 { [near, far] } else { [far, near] }
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> Relaxed<S, NX, NU> {
    pub(crate) fn new(relaxation: Relaxation<'_, NU>, horizon: usize, limits: &Limits) -> Self {
        let count = horizon * limits.listed() + limits.terminal();
        let bounded = if limits.bounded { horizon } else { 0 };
        let mut relaxed = Self {
            tau: relaxation.tau,
            net: vec![SVector::zeros(); bounded],
            limits: *limits,
            horizon,
            bounds: Bounds::open(),
            constraints: vec![Barrier::none(); count],
            rows: vec![Row { x: zeros(), u: zeros() }; count],
            sides: [vec![[Barrier::none(); NU]; bounded], vec![[Barrier::none(); NU]; bounded]],
            motion: [vec![zeros(); bounded], vec![zeros(); bounded]],
            hessians: vec![HamiltonianExpansion::zeros(); horizon + 1],
        };
        relaxed.renew(relaxation);
        relaxed
    }

    /// Replaces what a solution has said.
    pub(crate) fn renew(&mut self, Relaxation { tau, bound_multipliers }: Relaxation<'_, NU>) {
        self.tau = tau;
        self.net.iter_mut().zip(bound_multipliers).for_each(|(own, given)| *own = *given);
    }

    /// What a solution has said.
    #[cfg(feature = "dual")]
    pub(crate) fn relaxation(&self) -> Relaxation<'_, NU> {
        Relaxation { tau: self.tau, bound_multipliers: &self.net }
    }

    pub(super) fn tau(&self) -> f64 {
        self.tau
    }

    /// The number of barriers of stage `t`, of the terminal state at the horizon.
    pub(crate) fn count(&self, t: usize) -> usize {
        self.constraints(t) + if t < self.sides[0].len() { 2 * NU } else { 0 }
    }

    /// The number of barriers of constraints of stage `t`. Each constraint of a stage has one; that of an equality has no
    /// weight.
    fn constraints(&self, t: usize) -> usize {
        if t == self.horizon { self.limits.terminal_inequalities } else { self.limits.listed() }
    }

    /// The row of constraint `i` of stage `t`.
    pub(super) fn row(&self, t: usize, i: usize) -> &Row<S, NX, NU> {
        &self.rows[t * self.limits.listed() + i]
    }

    /// The barriers of stage `t` that there are: index, barrier and row.
    pub(super) fn barriers(&self, t: usize) -> impl Iterator<Item = (usize, &Barrier<S>, Row<S, NX, NU>)> {
        let (first, count) = (t * self.limits.listed(), self.constraints(t));
        let constraints = (0..count).map(move |i| (i, &self.constraints[first + i], self.rows[first + i]));
        let bounds = self.bounds(t).map(move |(i, side, barrier)| {
            let u = SVector::from_fn(|j, _| if i == j { side.direction() } else { S::zero() });
            (count + 2 * i + side as usize, barrier, Row { x: zeros(), u })
        });
        constraints.chain(bounds).filter(|(_, barrier, _)| !barrier.weight.is_zero())
    }

    /// The barriers of the bounds of stage `t`: control, side and barrier.
    fn bounds(&self, t: usize) -> impl Iterator<Item = (usize, Side, &Barrier<S>)> {
        let sides = Side::BOTH.into_iter().filter(move |side| t < self.sides[*side as usize].len());
        sides.flat_map(move |side| (0..NU).map(move |i| (i, side, &self.sides[side as usize][t][i])))
    }

    /// Adds the gradient of the barriers of stage `t`.
    #[cfg(feature = "dual")]
    pub(crate) fn add_gradient(&self, t: usize, gx: &mut SVector<S, NX>, gu: &mut SVector<S, NU>) {
        for (_, barrier, row) in self.barriers(t) {
            for j in 0..NX {
                gx[j] += row.x[j] * barrier.multiplier;
            }
            for j in 0..NU {
                gu[j] += row.u[j] * barrier.multiplier;
            }
        }
    }

    /// How the values of the barriers of stage `t` move while the trajectory stays: zero but for dual numbers.
    #[cfg(feature = "dual")]
    pub(crate) fn motion(&self, t: usize) -> impl Iterator<Item = SVector<S, 1>> {
        let mut motion = vec![zeros(); self.count(t)];
        self.barriers(t).for_each(|(index, barrier, _)| motion[index] = SVector::from_fn(|_, _| barrier.motion));
        motion.into_iter()
    }

    /// Sets how the multipliers of the bounds of stage `t` move, from those of its barriers.
    #[cfg(feature = "dual")]
    pub(crate) fn move_bounds(&mut self, t: usize, motion: &[SVector<S, 1>]) {
        let first = self.constraints(t);
        for (k, motion) in motion.iter().enumerate().skip(first) {
            let moved = motion[0] - S::from_real(motion[0].real());
            self.motion[(k - first) % 2][t][(k - first) / 2] = moved;
        }
    }

    /// The multipliers of the constraints of stage `t` among those of its barriers, then those of its bounds.
    pub(crate) fn split<'b, T>(&self, t: usize, multipliers: &'b [T]) -> (&'b [T], &'b [T]) {
        multipliers.split_at(self.constraints(t).min(multipliers.len()))
    }

    /// Adds the multipliers of the bounds of stage `t`, each times the sign of its bound in `lower - u` or `u - upper`.
    pub(crate) fn add_bound_multipliers(&self, t: usize, (lower, upper): (&mut SVector<S, NU>, &mut SVector<S, NU>)) {
        for (i, side, barrier) in self.bounds(t) {
            match side {
                Side::Lower => lower[i] += barrier.multiplier,
                Side::Upper => upper[i] += -barrier.multiplier,
            }
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Relaxed<S, NX, NU> {
    /// Begins a factorization with these bounds.
    pub(super) fn begin(&mut self, bounds: Bounds<S, NU>) {
        self.bounds = bounds;
    }

    /// Sets the barriers of the bounds of stage `t`. `visit` sees control, side and barrier.
    pub(super) fn set_bounds(&mut self, t: usize, u: &SVector<S, NU>, mut visit: impl FnMut(usize, Side, Barrier<S>)) {
        let Self { tau, net, bounds, sides, motion, .. } = self;
        let signs = SVector::from([S::one(), S::one()]);
        for (i, net) in net.get(t).into_iter().flat_map(|net| net.iter().enumerate()) {
            let interval = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
            let known = bound_multipliers(*tau, *net, interval);
            for side in Side::BOTH {
                let own = &mut sides[side as usize][t][i];
                *own = Barrier::none();
                let bound = bounds.at(side, i);
                // A control with an interval of one point has no barrier. It is held.
                if interval.0 < interval.1 && bound.to_f64().is_finite() {
                    let multiplier = S::from_f64(known[side as usize]) + motion[side as usize][t][i];
                    let terms = SVector::from([bound, u[i]]);
                    *own = Barrier::new(*tau, multiplier, bounds.constraint(side, i, u), (&signs, &terms));
                    visit(i, side, *own);
                }
            }
        }
    }

    /// Sets the row of constraint `i` of stage `t`.
    pub(super) fn set_row(&mut self, (t, i): (usize, usize), row: Row<S, NX, NU>) {
        self.rows[t * self.limits.listed() + i] = row;
    }

    /// Removes the barrier of inequality `i` of stage `t`, whose limit is infinite.
    pub(super) fn open(&mut self, (t, i): (usize, usize)) {
        self.constraints[t * self.limits.listed() + i] = Barrier::none();
    }

    /// Sets the barrier of inequality `i` of stage `t`, whose value is `c`, and its row. `None` where the row is not finite, which
    /// then has none.
    pub(super) fn set_barrier<const NP: usize, const NS: usize>(
        &mut self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (t, i): (usize, usize),
        c: S,
        row: Row<S, NX, NU>,
    ) -> Option<Barrier<S>> {
        let index = t * self.limits.listed() + i;
        self.constraints[index] = Barrier::none();
        let entries = row.x.iter().chain(row.u.iter());
        if !entries.map(|entry| entry.to_f64()).sum::<f64>().is_finite() {
            return None;
        }
        let given = point.multipliers;
        let multiplier = if t == self.horizon { given.terminal[i] } else { given.stage[index] };
        let terms = row.x.component_mul(&point.states[t]);
        let none = zeros();
        let of_control = row.u.component_mul(point.controls.get(t).unwrap_or(&none));
        let size = terms.iter().chain(of_control.iter()).map(|term| term.to_f64().abs()).sum::<f64>();
        let (one, size) = (SVector::from([S::one()]), SVector::from([S::from_f64(size)]));
        self.rows[index] = row;
        self.constraints[index] = Barrier::new(self.tau, multiplier, c, (&one, &size));
        Some(self.constraints[index])
    }
}

#[cfg(test)]
mod tests {
    use super::bound_multipliers;

    /// Both multipliers give distances that add up to the interval, also where one is 1e16 times the other.
    #[test]
    fn the_difference_of_the_multipliers_determines_both() {
        for tau in [1e3, 1e-1, 1e-8] {
            for net in [0.0, 1e-9, 0.3, -0.3, 7.0, -1e8] {
                let (lower, upper) = (-0.25, 1.75);
                let [below, above] = bound_multipliers(tau, net, (lower, upper));
                // A few roundings of each term.
                assert!((below - above - net).abs() <= 4.0 * f64::EPSILON * (below + above), "{tau} {net}");
                assert!((tau / below + tau / above - 2.0).abs() <= 8.0 * f64::EPSILON, "{tau} {net}");
                assert!(below > 0.0 && above > 0.0);
            }
        }
        assert_eq!(bound_multipliers(0.1, 2.0, (0.0, f64::INFINITY)), [2.0, 0.0]);
        assert_eq!(bound_multipliers(0.1, -2.0, (f64::NEG_INFINITY, 0.0)), [0.0, 2.0]);
    }
}
