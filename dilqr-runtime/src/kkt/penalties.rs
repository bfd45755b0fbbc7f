//! Limits that are terms of the cost, to first order about a solution of such a problem.
//!
//! There are two such problems. A relaxed one minimizes `l - tau sum ln(-c)` over its inequalities and bounds, and keeps its
//! equalities. At its solution the multiplier of an inequality is `sigma = tau / (-c)`. The multiplier is a variable of its own,
//! because `c` has few digits where it is small beside its terms. From the multiplier follow the slack `tau / sigma` and the
//! derivative
//!
//! ```text
//! dsigma = kappa dc      kappa = sigma^2 / tau
//! ```
//!
//! A subproblem of an augmented Lagrangian has terms for all constraints, and keeps its bounds. With its multiplier `m` and its
//! weight `w`, both constants, `sigma = m + w c` and `kappa = w`; an inequality with `m + w c <= 0` has no term.
//!
//! In both a stage's cost has the gradient `sigma c_z` and the Hessian `sigma c_zz + kappa c_z c_z'` of its terms. A solve has
//! the change of every multiplier as a variable beside the trajectory's (see [`refinement`](crate::kkt::refinement)), and the
//! gradient in the parameters is that of constraints whose multipliers change so.
//!
//! Both bounds of a control have barriers. A solution stores `Qu`, the difference of their multipliers. As the distances
//! from both bounds add up to the interval, this determines both ([`bound_multipliers`]).

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::Row;
use crate::model::limits::Limits;
use crate::model::records::HamiltonianExpansion;
use crate::ocp::stationarity::without_rounding;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::{Scalar, ScalarReal, float};
use crate::solution::Solution;

/// What a solution says of the limits that are terms of its cost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PenaltyLaw<'a, const NU: usize> {
    /// Of a relaxed problem.
    Barriers {
        /// The barrier parameter, in units of the cost.
        tau: f64,
        /// `Qu` without the barriers of bounds, `T` vectors; empty for models without bounds.
        bound_multipliers: &'a [SVector<f64, NU>],
    },
    /// Of a subproblem of an augmented Lagrangian.
    Augmented(&'a AugmentedLagrangian),
}

impl<'a, const NU: usize> PenaltyLaw<'a, NU> {
    /// That of a solution, if its limits are terms of the cost.
    pub(crate) fn of<const NX: usize, const NP: usize, const NS: usize>(
        solution: &'a Solution<NX, NU, NP, NS>,
    ) -> Option<Self> {
        let Solution { relaxation, augmented_lagrangian, bound_multipliers, .. } = solution;
        let augmented = augmented_lagrangian.as_ref().map(Self::Augmented);
        augmented.or(relaxation.map(|tau| Self::Barriers { tau, bound_multipliers }))
    }
}

/// The constants of the terms.
#[derive(Clone, Debug)]
enum Constants {
    Barriers { tau: f64 },
    Augmented(AugmentedLagrangian),
}

/// The terms of all limits, filled stage by stage during a factorization.
///
/// The terms of a stage are those of its constraints, then those of its bounds: the lower and the upper one of each control.
#[derive(Clone, Debug)]
pub(crate) struct Penalties<S, const NX: usize, const NU: usize> {
    constants: Constants,
    net: Vec<SVector<f64, NU>>,
    limits: Limits,
    horizon: usize,
    bounds: Bounds<S, NU>,
    /// One for each constraint, those of equalities that are rows with weight 0.
    constraints: Vec<PenaltyTerm<S>>,
    /// `c_z` of each constraint.
    rows: Vec<Row<S, NX, NU>>,
    /// Of the lower and the upper bounds, `T` lists each; of weight 0 where a side is open. Empty where bounds are rows.
    sides: [Vec<[PenaltyTerm<S>; NU]>; 2],
    /// How the multipliers of bounds move: zero but for dual numbers.
    motion: [Vec<SVector<S, NU>>; 2],
    /// The Hessians of the stages without the weights, that of the terminal state last.
    pub(super) hessians: Vec<HamiltonianExpansion<S, NX, NU>>,
}

/// One limit at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct PenaltyTerm<S> {
    /// `sigma`
    pub(super) multiplier: S,
    /// `kappa`
    pub(super) weight: S,
    /// `c` without its real part: zero but for dual numbers.
    #[cfg(feature = "dual")]
    motion: S,
    /// How far the multiplier is from its equation, in units of `c` and without the rounding error of `c`: `c + tau / sigma`, or
    /// `c + (m - sigma) / w`.
    residual: f64,
    /// Of a barrier, the same over the slack `tau / sigma`. Infinite for a multiplier whose sign is wrong.
    pub(super) complementarity: f64,
    /// Of an inequality in an augmented Lagrangian: how far the kink is.
    pub(super) kink: Option<[f64; 2]>,
}

impl<S: Scalar> PenaltyTerm<S> {
    /// That of an open side, of a row, or of a row without a derivative.
    fn none() -> Self {
        Self {
            multiplier: S::zero(),
            weight: S::zero(),
            #[cfg(feature = "dual")]
            motion: S::zero(),
            residual: 0.0,
            complementarity: 0.0,
            kink: None,
        }
    }
}

impl<S: ScalarReal> PenaltyTerm<S> {
    /// A barrier with a multiplier at the value `c`, which is the sum of terms.
    fn barrier<const N: usize>(tau: f64, multiplier: S, c: S, (a, b): (&SVector<S, N>, &SVector<S, N>)) -> Self {
        let none = SVector::<S, 0>::zeros();
        let sigma = multiplier.to_f64();
        let residual = without_rounding(c + S::from_f64(tau / sigma), (a, b), (&none, &none)).to_f64();
        Self {
            multiplier,
            weight: multiplier * multiplier / S::from_f64(tau),
            #[cfg(feature = "dual")]
            motion: c - S::from_real(c.real()),
            residual,
            complementarity: if sigma > 0.0 { residual.abs() * sigma / tau } else { f64::INFINITY },
            kink: None,
        }
    }

    /// That of an augmented Lagrangian with multiplier `m` and weight `w`, for a constraint with the value `c`, the sum of terms of
    /// this size. `multiplier` is `m + w c`, or zero for an inequality without a term.
    fn augmented((m, w): (f64, f64), multiplier: S, (c, size): (S, f64), inequality: bool) -> Self {
        let (sigma, value) = (multiplier.to_f64(), c.to_f64());
        let terms = SVector::from([size.max(value.abs()), m.abs() / w, sigma.abs() / w]);
        let (none, one) = (SVector::<f64, 0>::zeros(), SVector::repeat(1.0));
        let residual = without_rounding(value + (m - sigma) / w, (&one, &terms), (&none, &none));
        let absent = inequality && sigma <= 0.0;
        Self {
            multiplier,
            weight: if absent { S::zero() } else { S::from_f64(w) },
            #[cfg(feature = "dual")]
            motion: c - S::from_real(c.real()),
            residual: if absent { 0.0 } else { residual },
            // The Newton step shows a multiplier that is not `m + w c`.
            complementarity: if inequality && sigma < 0.0 { f64::INFINITY } else { 0.0 },
            kink: inequality.then(|| AugmentedLagrangian::distance_of_kink((m, w), sigma, value)),
        }
    }

    /// The multiplier that a Newton step sets if no variable moves.
    pub(super) fn base(&self) -> S {
        self.multiplier + self.weight * S::from_f64(self.residual)
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

impl<S: Scalar, const NX: usize, const NU: usize> Penalties<S, NX, NU> {
    pub(crate) fn new(law: PenaltyLaw<'_, NU>, horizon: usize, limits: &Limits) -> Self {
        let count = horizon * limits.listed() + limits.terminal();
        let (constants, has_sides) = match law {
            PenaltyLaw::Barriers { tau, .. } => (Constants::Barriers { tau }, limits.bounded),
            PenaltyLaw::Augmented(given) => (Constants::Augmented(given.clone()), false),
        };
        let bounded = if has_sides { horizon } else { 0 };
        let mut penalties = Self {
            constants,
            net: vec![SVector::zeros(); bounded],
            limits: *limits,
            horizon,
            bounds: Bounds::open(),
            constraints: vec![PenaltyTerm::none(); count],
            rows: vec![Row { x: zeros(), u: zeros() }; count],
            sides: [vec![[PenaltyTerm::none(); NU]; bounded], vec![[PenaltyTerm::none(); NU]; bounded]],
            motion: [vec![zeros(); bounded], vec![zeros(); bounded]],
            hessians: vec![HamiltonianExpansion::zeros(); horizon + 1],
        };
        if let PenaltyLaw::Barriers { tau, bound_multipliers } = law {
            penalties.renew_barriers(tau, bound_multipliers);
        }
        penalties
    }

    /// Replaces what a relaxed solution has said.
    pub(crate) fn renew_barriers(&mut self, tau: f64, bound_multipliers: &[SVector<f64, NU>]) {
        self.constants = Constants::Barriers { tau };
        self.net.iter_mut().zip(bound_multipliers).for_each(|(own, given)| *own = *given);
    }

    /// What a solution has said.
    #[cfg(feature = "dual")]
    pub(crate) fn law(&self) -> PenaltyLaw<'_, NU> {
        match &self.constants {
            Constants::Barriers { tau } => PenaltyLaw::Barriers { tau: *tau, bound_multipliers: &self.net },
            Constants::Augmented(given) => PenaltyLaw::Augmented(given),
        }
    }

    /// Whether all constraints are terms, equalities too, and no bound is one.
    pub(crate) fn is_augmented(&self) -> bool {
        matches!(self.constants, Constants::Augmented(_))
    }

    /// Whether stage `t` has a term.
    pub(crate) fn has_terms(&self, t: usize) -> bool {
        self.terms(t).next().is_some()
    }

    /// Whether a constraint is a term. Otherwise it is a row.
    pub(crate) fn takes(&self, inequality: bool) -> bool {
        inequality || self.is_augmented()
    }

    /// The number of terms of stage `t`, of the terminal state at the horizon.
    pub(crate) fn count(&self, t: usize) -> usize {
        self.constraints(t) + if t < self.sides[0].len() { 2 * NU } else { 0 }
    }

    /// The number of terms of constraints of stage `t`. Each constraint of a stage has one; that of a row has no weight.
    fn constraints(&self, t: usize) -> usize {
        match t == self.horizon {
            true if self.is_augmented() => self.limits.terminal(),
            true => self.limits.terminal_inequalities,
            false => self.limits.listed(),
        }
    }

    /// The row of constraint `i` of stage `t`.
    pub(super) fn row(&self, t: usize, i: usize) -> &Row<S, NX, NU> {
        &self.rows[t * self.limits.listed() + i]
    }

    /// The terms of stage `t` that there are: index, term and row.
    pub(super) fn terms(&self, t: usize) -> impl Iterator<Item = (usize, &PenaltyTerm<S>, Row<S, NX, NU>)> {
        let (first, count) = (t * self.limits.listed(), self.constraints(t));
        let constraints = (0..count).map(move |i| (i, &self.constraints[first + i], self.rows[first + i]));
        let bounds = self.bounds(t).map(move |(i, side, term)| {
            let u = SVector::from_fn(|j, _| if i == j { side.direction() } else { S::zero() });
            (count + 2 * i + side as usize, term, Row { x: zeros(), u })
        });
        constraints.chain(bounds).filter(|(_, term, _)| !term.weight.is_zero())
    }

    /// The terms of the bounds of stage `t`: control, side and term.
    fn bounds(&self, t: usize) -> impl Iterator<Item = (usize, Side, &PenaltyTerm<S>)> {
        let sides = Side::BOTH.into_iter().filter(move |side| t < self.sides[*side as usize].len());
        sides.flat_map(move |side| (0..NU).map(move |i| (i, side, &self.sides[side as usize][t][i])))
    }

    /// Adds the gradient of the terms of stage `t`.
    #[cfg(feature = "dual")]
    pub(crate) fn add_gradient(&self, t: usize, gx: &mut SVector<S, NX>, gu: &mut SVector<S, NU>) {
        for (_, term, row) in self.terms(t) {
            for j in 0..NX {
                gx[j] += row.x[j] * term.multiplier;
            }
            for j in 0..NU {
                gu[j] += row.u[j] * term.multiplier;
            }
        }
    }

    /// How the values of the limits of stage `t` move while the trajectory stays: zero but for dual numbers.
    #[cfg(feature = "dual")]
    pub(crate) fn motion(&self, t: usize) -> impl Iterator<Item = SVector<S, 1>> {
        let mut motion = vec![zeros(); self.count(t)];
        self.terms(t).for_each(|(index, term, _)| motion[index] = SVector::from_fn(|_, _| term.motion));
        motion.into_iter()
    }

    /// Sets how the multipliers of the bounds of stage `t` move, from those of its terms.
    #[cfg(feature = "dual")]
    pub(crate) fn move_bounds(&mut self, t: usize, motion: &[SVector<S, 1>]) {
        let first = self.constraints(t);
        for (k, motion) in motion.iter().enumerate().skip(first) {
            let moved = motion[0] - S::from_real(motion[0].real());
            self.motion[(k - first) % 2][t][(k - first) / 2] = moved;
        }
    }

    /// The multipliers of the constraints of stage `t` among those of its terms, then those of its bounds.
    pub(crate) fn split<'b, T>(&self, t: usize, multipliers: &'b [T]) -> (&'b [T], &'b [T]) {
        multipliers.split_at(self.constraints(t).min(multipliers.len()))
    }

    /// Adds the multipliers of the bounds of stage `t`, each times the sign of its bound in `lower - u` or `u - upper`.
    pub(crate) fn add_bound_multipliers(&self, t: usize, (lower, upper): (&mut SVector<S, NU>, &mut SVector<S, NU>)) {
        for (i, side, term) in self.bounds(t) {
            match side {
                Side::Lower => lower[i] += term.multiplier,
                Side::Upper => upper[i] += -term.multiplier,
            }
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Penalties<S, NX, NU> {
    /// Begins a factorization with these bounds.
    pub(super) fn begin(&mut self, bounds: Bounds<S, NU>) {
        self.bounds = bounds;
    }

    /// Sets the terms of the bounds of stage `t`. `visit` sees control, side and term.
    pub(super) fn set_bounds(
        &mut self,
        t: usize,
        u: &SVector<S, NU>,
        mut visit: impl FnMut(usize, Side, PenaltyTerm<S>),
    ) {
        let Self { constants: Constants::Barriers { tau }, net, bounds, sides, motion, .. } = self else { return };
        let signs = SVector::from([S::one(), S::one()]);
        for (i, net) in net.get(t).into_iter().flat_map(|net| net.iter().enumerate()) {
            let interval = (bounds.lower[i].to_f64(), bounds.upper[i].to_f64());
            let known = bound_multipliers(*tau, *net, interval);
            for side in Side::BOTH {
                let own = &mut sides[side as usize][t][i];
                *own = PenaltyTerm::none();
                let bound = bounds.at(side, i);
                // A control with an interval of one point has no barrier. It is held.
                if interval.0 < interval.1 && bound.to_f64().is_finite() {
                    let multiplier = S::from_f64(known[side as usize]) + motion[side as usize][t][i];
                    let terms = SVector::from([bound, u[i]]);
                    *own = PenaltyTerm::barrier(*tau, multiplier, bounds.constraint(side, i, u), (&signs, &terms));
                    visit(i, side, *own);
                }
            }
        }
    }

    /// Sets the row of constraint `i` of stage `t`.
    pub(super) fn set_row(&mut self, (t, i): (usize, usize), row: Row<S, NX, NU>) {
        self.rows[t * self.limits.listed() + i] = row;
    }

    /// Removes the term of inequality `i` of stage `t`, whose limit is infinite.
    pub(super) fn open(&mut self, (t, i): (usize, usize)) {
        self.constraints[t * self.limits.listed() + i] = PenaltyTerm::none();
    }

    /// Sets the term of constraint `i` of stage `t`, whose value is `c`, and its row. `None` where it has a term, and the row is not
    /// finite; it then has none.
    pub(super) fn set_term<const NP: usize, const NS: usize>(
        &mut self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (t, i): (usize, usize),
        c: S,
        row: Row<S, NX, NU>,
    ) -> Option<PenaltyTerm<S>> {
        let index = t * self.limits.listed() + i;
        self.constraints[index] = PenaltyTerm::none();
        let terminal = t == self.horizon;
        let given = point.multipliers;
        let multiplier = if terminal { given.terminal[i] } else { given.stage[index] };
        let terms = row.x.component_mul(&point.states[t]);
        let none = zeros();
        let of_control = row.u.component_mul(point.controls.get(t).unwrap_or(&none));
        let size = terms.iter().chain(of_control.iter()).map(|term| term.to_f64().abs()).sum::<f64>();
        let term = match &self.constants {
            Constants::Barriers { tau } => {
                let (one, size) = (SVector::from([S::one()]), SVector::from([S::from_f64(size)]));
                PenaltyTerm::barrier(*tau, multiplier, c, (&one, &size))
            }
            Constants::Augmented(given) => {
                let inequality = match terminal {
                    true => i < self.limits.terminal_inequalities,
                    false => self.limits.is_inequality(i),
                };
                // An inequality without a term may have no derivative here.
                let size = if size.is_finite() { size } else { 0.0 };
                let constants = given.constants((t, i), self.horizon, &self.limits);
                PenaltyTerm::augmented(constants, multiplier, (c, size), inequality)
            }
        };
        if !term.weight.is_zero() && !row.is_finite() {
            return None;
        }
        self.rows[index] = row;
        self.constraints[index] = term;
        Some(term)
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
