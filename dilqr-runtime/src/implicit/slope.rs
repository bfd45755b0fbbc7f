//! The slope of an objective about a point: the equations of a minimum.

use alloc::boxed::Box;
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::implicit::certificate::BoundState;
use crate::implicit::conditions::Conditions;
use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::model::Model;
use crate::model::records::{HamiltonianExpansion, ParameterTerms};
use crate::model::stage::Stage;

/// The slope of an objective at parameters, with those of the barriers of a relaxed problem.
pub(super) struct Slope<'a, F, const NX: usize, const NY: usize, const NP: usize> {
    function: &'a F,
    params: &'a SVector<f64, NP>,
    relaxation: Option<f64>,
    bounds: Bounds<f64, NY>,
    memory: Box<HamiltonianExpansion<f64, NX, NY>>,
}

impl<'a, F, const NX: usize, const NY: usize, const NP: usize> Slope<'a, F, NX, NY, NP>
where
    F: Model<NX, NY, NP>,
{
    pub(super) fn new(function: &'a F, params: &'a SVector<f64, NP>, relaxation: Option<f64>) -> Self {
        let bounds = Bounds::of(function, params);
        Self { function, params, relaxation, bounds, memory: Box::new(HamiltonianExpansion::zeros()) }
    }

    /// The derivatives of the bounds in the parameters, lower and upper ones; zero for open sides.
    pub(super) fn bound_terms(&self) -> [SMatrix<f64, NY, NP>; 2] {
        let (mut lower, mut upper) = (zeros(), zeros());
        if const { F::LIMITS.bounded } {
            self.function.bounds_terms(self.params, &mut lower, &mut upper);
        }
        [lower, upper]
    }

    /// The unknowns that bounds hold: those with a multiplier, and those whose bounds are one point.
    pub(super) fn held(&self, multipliers: &SVector<f64, NY>) -> [Option<Side>; NY] {
        if self.relaxation.is_some() {
            return [None; NY];
        }
        core::array::from_fn(|i| {
            let point = self.bounds.lower[i] >= self.bounds.upper[i];
            Side::of_multiplier(multipliers[i]).or(point.then_some(Side::Lower))
        })
    }

    /// The bounds at `y` with this slope and Hessian, but for intervals of one point and relaxed ones.
    pub(super) fn bound_states(
        &self,
        y: &SVector<f64, NY>,
        (slope, hessian): (&SVector<f64, NY>, &SMatrix<f64, NY, NY>),
    ) -> Vec<BoundState> {
        if self.relaxation.is_some() {
            return Vec::new();
        }
        let state = |(i, side): (usize, Side)| {
            let size = if y[i] == 0.0 { 1.0 } else { y[i].abs() };
            let terms: f64 = (0..NY).map(|j| (hessian[(i, j)] * y[j]).abs()).sum::<f64>() + slope[i].abs();
            let held = self.bounds.active_bound(i, y, slope) == Some(side);
            let multiplier = held.then(|| slope[i].abs());
            let distance = (y[i] - self.bounds.at(side, i)).abs() / size;
            let margin = multiplier.map_or(distance, |multiplier| distance.max(multiplier / terms));
            BoundState { unknown: i, side, multiplier, margin }
        };
        self.bounds.sides().map(state).collect()
    }

    /// The bounds that hold unknowns; `None` where a bound is violated, or neither active nor inactive: with a margin of at most
    /// `activity`.
    pub(super) fn clear_sides(
        &self,
        y: &SVector<f64, NY>,
        at: (&SVector<f64, NY>, &SMatrix<f64, NY, NY>),
        activity: f64,
    ) -> Option<[Option<Side>; NY]> {
        let beyond = |i: usize| y[i] < self.bounds.lower[i] || y[i] > self.bounds.upper[i];
        let states = self.bound_states(y, at);
        if (0..NY).any(beyond) || states.iter().any(|state| state.margin <= activity) {
            return None;
        }
        let mut sides = core::array::from_fn(|i| self.bounds.is_point(i).then_some(Side::Lower));
        for state in states.iter().filter(|state| state.multiplier.is_some()) {
            sides[state.unknown] = Some(state.side);
        }
        Some(sides)
    }

    /// The slope of the barriers `-tau ln(y - lower) - tau ln(upper - y)` of unknown `i`.
    fn barrier(&self, i: usize, y: f64) -> f64 {
        let (lower, upper) = (self.bounds.lower[i], self.bounds.upper[i]);
        self.relaxation.filter(|_| lower < upper).map_or(0.0, |tau| tau / (upper - y) - tau / (y - lower))
    }

    /// Their curvatures, of the lower and the upper one.
    fn curvatures(&self, i: usize, y: f64) -> [f64; 2] {
        let (lower, upper) = (self.bounds.lower[i], self.bounds.upper[i]);
        let of = |distance: f64| self.relaxation.filter(|_| lower < upper).map_or(0.0, |tau| tau / distance / distance);
        [of(y - lower), of(upper - y)]
    }
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Conditions<NY, NP> for Slope<'_, F, NX, NY, NP>
where
    F: Model<NX, NY, NP>,
{
    fn at(&mut self, y: &SVector<f64, NY>) -> (SVector<f64, NY>, SMatrix<f64, NY, NY>) {
        let (x, s) = (zeros(), zeros());
        self.function.expand_hamiltonian(Stage::new(&x, y, self.params, &s), &x, &mut self.memory);
        let (mut slope, mut hessian) = (self.memory.lu, self.memory.huu);
        for i in 0..NY {
            slope[i] += self.barrier(i, y[i]);
            hessian[(i, i)] += self.curvatures(i, y[i]).iter().sum::<f64>();
        }
        (slope, hessian)
    }

    fn params(&mut self, y: &SVector<f64, NY>) -> SMatrix<f64, NY, NP> {
        let mut terms = ParameterTerms::zeros();
        self.function.parameter_terms(Stage::new(&zeros(), y, self.params, &zeros()), &zeros(), &mut terms);
        let [lower, upper] = self.bound_terms();
        SMatrix::from_fn(|i, j| {
            let [of_lower, of_upper] = self.curvatures(i, y[i]);
            terms.hup[(i, j)] - of_lower * lower[(i, j)] - of_upper * upper[(i, j)]
        })
    }
}
