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
//! So a stage's cost has the gradient `sigma c_z` and the Hessian `sigma c_zz + kappa c_z c_z'` of the barrier. For a change `dz`
//! of the trajectory, the gradient in the parameters is that of a constraint with multiplier `sigma` whose multiplier changes
//! by `kappa c_z' dz`.
//!
//! Both bounds of a control have barriers. A solution stores `Qu`, the difference of their multipliers. As the distances
//! from both bounds add up to the interval, this determines both ([`bound_multipliers`]).

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{dot, zeros};
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::Row;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::ocp::constraints::is_enforced_at;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity::without_rounding;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::{Scalar, ScalarReal, float};

/// What a solution says of its barriers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relaxation<'a, const NU: usize> {
    /// The barrier parameter, in units of the cost.
    pub(crate) tau: f64,
    /// `Qu` without the barriers of bounds, `T` vectors; empty for models without bounds.
    pub(crate) bound_multipliers: &'a [SVector<f64, NU>],
}

/// The barriers of all inequalities and bounds, filled stage by stage during a factorization.
#[derive(Clone, Debug)]
pub(crate) struct Relaxed<S, const NX: usize, const NU: usize> {
    tau: f64,
    given: Vec<SVector<f64, NU>>,
    limits: Limits,
    horizon: usize,
    bounds: Bounds<S, NU>,
    /// One for each constraint: `sigma`, and the given multipliers of equalities.
    multipliers: Vec<S>,
    /// `c_z` of each inequality; zero for equalities.
    rows: Vec<Row<S, NX, NU>>,
    /// Of the lower and the upper bounds, `T` vectors each; zero where a side is open.
    sides: [Vec<SVector<S, NU>>; 2],
}

/// One inequality or bound at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Barrier<S> {
    /// `sigma`
    pub(super) multiplier: S,
    /// `kappa`
    pub(super) weight: S,
    /// `c + tau / sigma`, without its rounding error: how far the multiplier is from complementarity.
    pub(super) residual: f64,
}

impl<S: ScalarReal> Barrier<S> {
    /// With a multiplier at the value `c`, whose residual is known.
    fn new(tau: f64, multiplier: S, residual: f64) -> Self {
        Self { multiplier, weight: multiplier * multiplier / S::from_f64(tau), residual }
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

/// The multiplier of a barrier as a function of the value `c`: the given one at the solution, and its derivative where `c` has
/// one.
fn multiplier_at<S: ScalarReal>(tau: f64, given: f64, c: S) -> S {
    let weight = given * given / tau;
    S::from_f64(given) + S::from_f64(weight) * (c - S::from_real(c.real()))
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
        let Relaxation { tau, bound_multipliers } = relaxation;
        let count = horizon * limits.stage() + limits.terminal();
        let bounded = if limits.bounded { horizon } else { 0 };
        Self {
            tau,
            given: bound_multipliers.to_vec(),
            limits: *limits,
            horizon,
            bounds: Bounds::open(),
            multipliers: vec![S::zero(); count],
            rows: vec![Row { x: zeros(), u: zeros() }; count],
            sides: [vec![zeros(); bounded], vec![zeros(); bounded]],
        }
    }

    /// What a solution has said.
    #[cfg(feature = "dual")]
    pub(crate) fn relaxation(&self) -> Relaxation<'_, NU> {
        Relaxation { tau: self.tau, bound_multipliers: &self.given }
    }

    pub(super) fn tau(&self) -> f64 {
        self.tau
    }

    /// The multipliers of all constraints, those of equalities included.
    pub(crate) fn multipliers(&self) -> MultipliersRef<'_, S> {
        let (stage, terminal) = self.multipliers.split_at(self.horizon * self.limits.stage());
        MultipliersRef { stage, terminal }
    }

    /// `kappa` of a multiplier.
    fn weight(&self, multiplier: S) -> S {
        multiplier * multiplier / S::from_f64(self.tau)
    }

    /// The barriers of the constraints of stage `t`, of the terminal state at the horizon: index among them, row and `kappa`.
    pub(crate) fn rows(&self, t: usize) -> impl Iterator<Item = (usize, &Row<S, NX, NU>, S)> {
        let first = t * self.limits.stage();
        let terminal = t == self.horizon;
        let count = if terminal { self.limits.terminal_inequalities } else { self.limits.stage_inequalities };
        (0..count).map(move |i| (i, &self.rows[first + i], self.weight(self.multipliers[first + i])))
    }

    /// The barriers of the bounds of stage `t`: control, side, multiplier and `kappa`.
    pub(crate) fn bounds(&self, t: usize) -> impl Iterator<Item = (usize, Side, S, S)> {
        let sides = Side::BOTH.into_iter().filter(move |side| t < self.sides[*side as usize].len());
        sides.flat_map(move |side| {
            let multipliers = &self.sides[side as usize][t];
            (0..NU).map(move |i| (i, side, multipliers[i], self.weight(multipliers[i])))
        })
    }

    /// Adds the gradient of the barriers of stage `t`.
    #[cfg(feature = "dual")]
    pub(crate) fn add_gradient(&self, t: usize, gx: &mut SVector<S, NX>, gu: &mut SVector<S, NU>) {
        let first = t * self.limits.stage();
        for (i, row, _) in self.rows(t) {
            let multiplier = self.multipliers[first + i];
            for j in 0..NX {
                gx[j] += row.x[j] * multiplier;
            }
            for j in 0..NU {
                gu[j] += row.u[j] * multiplier;
            }
        }
        for (i, side, multiplier, _) in self.bounds(t) {
            gu[i] += side.direction::<S>() * multiplier;
        }
    }

    /// How the multipliers of the inequalities of stage `t` change with the trajectory.
    pub(crate) fn change(&self, t: usize, (dx, du): (&SVector<S, NX>, &SVector<S, NU>), changes: &mut [S]) {
        for (i, row, weight) in self.rows(t) {
            changes[i] = weight * (dot(&row.x, dx) + dot(&row.u, du));
        }
    }

    /// Adds how the multipliers of the bounds of stage `t` change with the control, each times the sign of its bound in
    /// `lower - u` or `u - upper`.
    pub(crate) fn add_bound_changes(
        &self,
        t: usize,
        du: &SVector<S, NU>,
        (lower, upper): (&mut SVector<S, NU>, &mut SVector<S, NU>),
    ) {
        for (i, side, _, weight) in self.bounds(t) {
            match side {
                Side::Lower => lower[i] += -(weight * du[i]),
                Side::Upper => upper[i] += -(weight * du[i]),
            }
        }
    }

    /// Adds the multipliers of the bounds of stage `t`, with the same signs.
    pub(crate) fn add_bound_multipliers(&self, t: usize, (lower, upper): (&mut SVector<S, NU>, &mut SVector<S, NU>)) {
        for (i, side, multiplier, _) in self.bounds(t) {
            match side {
                Side::Lower => lower[i] += multiplier,
                Side::Upper => upper[i] += -multiplier,
            }
        }
    }

    /// Adds what the barriers of stage `t` add to the parameter terms, given the derivatives of constraints and bounds in the
    /// parameters.
    pub(crate) fn add_parameter_terms<const NP: usize>(
        &self,
        t: usize,
        cp: &[SVector<S, NP>],
        (hxp, hup): (&mut SMatrix<S, NX, NP>, &mut SMatrix<S, NU, NP>),
    ) {
        for (i, row, weight) in self.rows(t) {
            add_outer(hxp, &row.x, &cp[i], weight);
            add_outer(hup, &row.u, &cp[i], weight);
        }
    }

    /// Adds what the barriers of the bounds of stage `t` add to `hup`, given the derivatives of both bounds.
    pub(crate) fn add_bound_terms<const NP: usize>(
        &self,
        t: usize,
        (lower, upper): (&SMatrix<S, NU, NP>, &SMatrix<S, NU, NP>),
        hup: &mut SMatrix<S, NU, NP>,
    ) {
        for (i, side, _, weight) in self.bounds(t) {
            let bound = match side {
                Side::Lower => lower,
                Side::Upper => upper,
            };
            for j in 0..NP {
                // `c_p` is `lower_p` or `-upper_p`, `c_u` the side: their product is negative either way.
                hup[(i, j)] += -(weight * bound[(i, j)]);
            }
        }
    }
}

impl<'a, S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
    TrajectoryRef<'a, S, NX, NU, NP, NS>
{
    /// With the multipliers of the barriers, where there are some. Those of dual numbers move with the trajectory.
    pub(crate) fn with_barriers(self, barriers: Option<&'a Relaxed<S, NX, NU>>) -> Self {
        Self { multipliers: barriers.map_or(self.multipliers, Relaxed::multipliers), ..self }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Relaxed<S, NX, NU> {
    /// Begins a factorization: the bounds at these parameters.
    pub(super) fn begin<M, const NP: usize, const NS: usize>(&mut self, model: &M, params: &SVector<S, NP>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.bounds = Bounds::of(model, params);
    }

    /// Sets the multipliers of the bounds of stage `t`. `visit` sees control, side and barrier.
    pub(super) fn set_bounds(&mut self, t: usize, u: &SVector<S, NU>, mut visit: impl FnMut(usize, Side, Barrier<S>)) {
        let Self { tau, given, bounds, sides, .. } = self;
        let (tau, none) = (*tau, SVector::<S, 0>::zeros());
        for (i, net) in given.get(t).into_iter().flat_map(|given| given.iter().enumerate()) {
            let interval = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
            let known = bound_multipliers(tau, *net, interval);
            for side in Side::BOTH {
                let own = &mut sides[side as usize][t][i];
                *own = S::zero();
                let bound = bounds.at(side, i);
                // A control with an interval of one point has no barrier. It is held.
                if interval.0 >= interval.1 || !bound.to_f64().is_finite() {
                    continue;
                }
                let (c, given) = (bounds.constraint(side, i, u), known[side as usize]);
                *own = multiplier_at(tau, given, c);
                let (signs, terms) = (SVector::from([S::one(), S::one()]), SVector::from([bound, u[i]]));
                let residual = without_rounding(c + S::from_f64(tau / given), (&signs, &terms), (&none, &none));
                visit(i, side, Barrier::new(tau, *own, residual.to_f64()));
            }
        }
    }

    /// Sets the multipliers of the constraints of stage `t`, of the terminal state at the horizon, and returns them.
    pub(super) fn set_multipliers<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        t: usize,
    ) -> &[S]
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { tau, limits, horizon, multipliers, .. } = self;
        let first = t * limits.stage();
        let (given, inequalities, terminal) = if t == *horizon {
            (point.multipliers.terminal, limits.terminal_inequalities, true)
        } else {
            (point.multipliers.at_stage(t, limits), limits.stage_inequalities, false)
        };
        let own = &mut multipliers[first..][..given.len()];
        if own.is_empty() {
            return own;
        }
        // First the values.
        if terminal {
            model.terminal_constraints(point.terminal(), own);
        } else {
            model.stage_constraints(point.stage(t), own);
        }
        for (i, (own, given)) in own.iter_mut().zip(given).enumerate() {
            *own = match i < inequalities {
                true if terminal || is_enforced_at(limits, t, i) => multiplier_at(*tau, given.to_f64(), *own),
                true => S::zero(),
                false => *given,
            };
        }
        own
    }

    /// Sets the row of inequality `i` of stage `t`, whose value is `c`. Returns its barrier; `None` where the row is not
    /// finite, which then has none.
    pub(super) fn set_row<const NP: usize, const NS: usize>(
        &mut self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (t, i): (usize, usize),
        c: S,
        row: Row<S, NX, NU>,
    ) -> Option<Barrier<S>> {
        let index = t * self.limits.stage() + i;
        let entries = row.x.iter().chain(row.u.iter());
        if !entries.map(|entry| entry.to_f64()).sum::<f64>().is_finite() {
            self.rows[index] = Row { x: zeros(), u: zeros() };
            return None;
        }
        let multiplier = self.multipliers[index];
        let none = zeros();
        let u = point.controls.get(t).unwrap_or(&none);
        let slack = S::from_f64(self.tau / multiplier.to_f64());
        let residual = without_rounding(c + slack, (&row.x, &point.states[t]), (&row.u, u));
        self.rows[index] = row;
        Some(Barrier::new(self.tau, multiplier, residual.to_f64()))
    }
}

/// `out += scale a b'`
fn add_outer<S: Scalar, const R: usize, const C: usize>(
    out: &mut SMatrix<S, R, C>,
    a: &SVector<S, R>,
    b: &SVector<S, C>,
    scale: S,
) {
    for j in 0..C {
        for i in 0..R {
            out[(i, j)] += scale * a[i] * b[j];
        }
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
