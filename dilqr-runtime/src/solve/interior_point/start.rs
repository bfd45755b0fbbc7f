//! The first point of the interior-point method.

use nalgebra::SVector;

use crate::kkt::weighted_rows::WeightedRows;
use crate::lq::proximal::Proximal;
use crate::model::Model;
use crate::ocp::barrier_point::{BarrierPoint, Duals};
use crate::ocp::constraints::{ConstraintKind, ConstraintPlace, is_open};
use crate::ocp::stationarity::Magnitudes;
use crate::scalar::float;
use crate::settings::Hessian;
use crate::solve::interior_point::iterate::{evaluate, place_inside, take_step};
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::interior_point::touching::join_touching;
use crate::solve::interior_point::{ElasticStart, IDENTIFICATION, Progress};
use crate::solve::workspace::Solve;
use crate::status::Status;

/// The barrier parameter of the first iteration, over the scale of the cost a stage.
const FIRST_BARRIER: f64 = 0.1;

/// The first slack of a violated inequality, over the magnitude of its row.
const FIRST_SLACK: f64 = 0.1;

/// The weight of an equality in the first step, over the stiffness of the problem along its row.
const FIRST_WEIGHT: f64 = 1e3;

/// The parts of a first step that are tried where the model is not finite at its end.
const SHORTER: [f64; 3] = [0.1, 0.01, 1e-3];

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// The first point: the guess with controls inside their bounds, slacks and multipliers.
    ///
    /// # Errors
    /// [`Status::Diverged`] where it is not finite, [`Status::RegularizationLimit`] where no step about it exists.
    pub(super) fn begin(&mut self, memory: &mut InteriorPoint<NX, NU>) -> Result<Progress, Status> {
        let point = &mut memory.point;
        point.trajectory.copy_from(&self.memory.current.trajectory);
        if let Some((first, later)) = self.states.split_first() {
            point.trajectory.states[1..].copy_from_slice(later);
            for i in (0..NX).filter(|&i| M::START.free[i]) {
                point.trajectory.states[0][i] = first[i];
            }
        }
        self.begin_about_point(memory)
    }

    /// The first point about the trajectory in the memory.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_about_point(&mut self, memory: &mut InteriorPoint<NX, NU>) -> Result<Progress, Status> {
        let limits = const { &M::LIMITS };
        let instance = self.instance();
        let InteriorPoint { kinds, point, step, correction, active_rows, active_bounds, .. } = memory;
        // Nothing is carried over from the solve before.
        active_rows.fill(false);
        active_bounds.fill([None; NU]);
        // Bounds that were there in the solve before may be open now.
        [&mut point.duals, &mut step.duals, &mut correction.duals].into_iter().for_each(Duals::clear);
        for excess in point.excess.iter_mut().chain(&mut step.dexcess).chain(&mut correction.dexcess) {
            excess.fill(0.0);
        }
        if !evaluate(&instance, point) {
            return Err(Status::Diverged);
        }
        // Limits that were there in the solve before may be infinite now.
        for (index, kind) in kinds.iter_mut().enumerate() {
            let place = ConstraintPlace::of(limits, point.horizon(), index);
            let open = is_open(place.inequality, point.trajectory.constraints[index]);
            *kind = if open { ConstraintKind::Absent } else { place.kind() };
        }
        if self.settings.relaxation.is_none() {
            join_touching(&self.instance(), kinds, &mut memory.along);
        }
        if !self.first_step(memory) {
            return Err(Status::RegularizationLimit);
        }
        if !self.is_meaningful(memory) {
            memory.step.clear();
        }
        let InteriorPoint { system, point, step, scales, kinds, filter, .. } = memory;
        scales.measure(point, step, system, (instance.bounds, limits));
        point.duals.costates.copy_from_slice(&step.duals.costates);
        place_inside(&instance, point, scales);
        if !evaluate(&instance, point) {
            return Err(Status::Diverged);
        }
        for (index, kind) in kinds.iter().enumerate() {
            point.slacks[index] = (-point.trajectory.constraints[index]).max(FIRST_SLACK * scales.rows[index]);
            if *kind == ConstraintKind::Equality {
                point.duals.constraints[index] = step.duals.constraints[index];
            }
        }
        let barriers = self.barriers((kinds, scales), None);
        let count = barriers.count();
        let first = FIRST_BARRIER * scales.cost / point.horizon() as f64;
        let mu = self.settings.relaxation.map_or(first, |tau| tau.max(first));
        barriers.set_multipliers(point, |distance, _| mu / distance);
        filter.begin(scales.violation(point, kinds), scales.cost);
        Ok(Progress {
            mu,
            first,
            elastic: None,
            regularization: 0.0,
            damping: 0.0,
            alpha: 0.0,
            barriers: count > 0,
            identification: IDENTIFICATION,
        })
    }

    /// Measures the magnitudes about the current trajectory; all are 1 where that is not possible. Returns the unit of the
    /// cost: the change of the cost a stage if every variable changes by its magnitude.
    pub(crate) fn measure_scales(&mut self, memory: &mut InteriorPoint<NX, NU>) -> f64 {
        if self.begin(memory).is_err() {
            memory.scales.reset();
        }
        memory.scales.cost / self.memory.horizon() as f64
    }

    /// The step of the problem without inequalities and bounds about the first point, which gives the magnitudes of the
    /// variables. Equalities have weights that are large beside the stiffness of the problem along their rows. Returns
    /// whether the step exists.
    fn first_step(&self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let instance = self.instance();
        let InteriorPoint { system, point, step, weights, bases, along, kinds, .. } = memory;
        weights.clear();
        let mut regularization = 0.0;
        while system.factorize(&instance, point, Hessian::GaussNewton, weights).is_err() {
            regularization = f64::max(1e-6, 10.0 * regularization);
            if regularization > 1e6 {
                return false;
            }
            weights.proximal = regularize(system, point, (regularization, &M::START.free));
        }
        bases.defects.copy_from_slice(&point.defects);
        bases.controls.fill(SVector::zeros());
        bases.rows.fill(0.0);
        if kinds.contains(&ConstraintKind::Equality) {
            system.compliance::<M, NP, NS>(along);
            for (index, kind) in kinds.iter().enumerate() {
                let stiff = *kind == ConstraintKind::Equality && along[index] > 0.0;
                let weight = if stiff { FIRST_WEIGHT / along[index] } else { 0.0 };
                weights.rows[index] = if weight.is_finite() { weight } else { 0.0 };
                // An infinite limit has no weight.
                bases.rows[index] = if stiff { weights.rows[index] * point.trajectory.constraints[index] } else { 0.0 };
            }
            if system.factorize(&instance, point, Hessian::GaussNewton, weights).is_err() {
                return false;
            }
        }
        system.step::<M, NP, NS>(bases, along, step);
        system.set_costates(step);
        for (index, multiplier) in step.duals.constraints.iter_mut().enumerate() {
            *multiplier = bases.rows[index] + weights.rows[index] * along[index];
        }
        true
    }

    /// Whether the first step has a meaning: the model is finite at its end, or the dynamics are near enough to linear along a part
    /// of it, [`SHORTER`]. There states miss them by less than they have moved, or than before. An unstable linearization can
    /// extrapolate a guess, and multipliers with it, to where no function is finite.
    fn is_meaningful(&self, memory: &mut InteriorPoint<NX, NU>) -> bool {
        let InteriorPoint { kinds, point, step, trial, .. } = memory;
        let instance = self.instance();
        take_step(kinds, point, step, (1.0, 0.0), trial);
        if evaluate(&instance, trial) {
            return true;
        }
        let largest = |vectors: &[SVector<f64, NX>]| Magnitudes::<f64, NX, NU>::of(vectors, &[]).states;
        let (before, moved) = (largest(&point.defects), largest(&step.dx));
        SHORTER.into_iter().any(|length| {
            take_step(kinds, point, step, (length, 0.0), trial);
            let finite = evaluate(&instance, trial);
            let after = largest(&trial.defects);
            // An entry that rests has no motion to compare with.
            let is_near =
                |i: usize| after[i] <= before[i].max(length * moved[i]) || before[i] == 0.0 && moved[i] == 0.0;
            finite && (0..NX).all(is_near)
        })
    }

    /// Makes the constraints elastic, at a price: slacks, excess and multipliers are those of the central path about the
    /// start. Returns whether that is finite.
    pub(super) fn begin_elastic(
        &mut self,
        memory: &mut InteriorPoint<NX, NU>,
        progress: &mut Progress,
        (price, start): (f64, ElasticStart),
    ) -> bool {
        if start == ElasticStart::Guess && self.begin(memory).is_err() {
            return false;
        }
        let InteriorPoint { point, scales, kinds, filter, .. } = memory;
        if !evaluate(&self.instance(), point) {
            return false;
        }
        let mu = progress.first;
        *progress = Progress {
            mu,
            elastic: Some(price * scales.cost),
            regularization: 0.0,
            damping: 0.0,
            alpha: 0.0,
            barriers: true,
            identification: IDENTIFICATION,
            ..*progress
        };
        let barriers = self.barriers((kinds, scales), progress.elastic);
        for (index, kind) in kinds.iter().enumerate() {
            let (c, price) = (point.trajectory.constraints[index], barriers.price(index));
            let BarrierPoint { slacks, excess: [above, below], duals, .. } = point;
            let multiplier = &mut duals.constraints[index];
            match kind {
                ConstraintKind::Inequality => {
                    // s y = mu, p (price - y) = mu, c + s - p = 0
                    let root = float::f64::sqrt(4.0 * mu * mu + price * price * c * c);
                    let shifted = if c > 0.0 { 4.0 * mu * mu / (root + price * c) } else { root - price * c };
                    slacks[index] = (2.0 * mu + shifted) / (2.0 * price);
                    *multiplier = mu / slacks[index];
                    above[index] = mu / (price - *multiplier);
                }
                ConstraintKind::Equality => {
                    // p (price - y) = mu, n (price + y) = mu, c - p + n = 0
                    let half = (mu - price * c.abs()) / (2.0 * price);
                    let smaller = half + float::f64::sqrt(half * half + mu * c.abs() / (2.0 * price));
                    let larger = c.abs() + smaller;
                    let size = price - mu / larger;
                    (above[index], below[index], *multiplier) =
                        if c >= 0.0 { (larger, smaller, size) } else { (smaller, larger, -size) };
                }
                ConstraintKind::Absent => {}
            }
        }
        barriers.set_multipliers(point, |distance, _| mu / distance);
        filter.begin(scales.violation(point, kinds), price * scales.cost);
        true
    }
}

/// The proximal term of a first step about a point: a part of the mean curvature of each variable. For a variable with a slope
/// and no curvature, as a final time, the term limits the step to the variable's size. Of the rest, controls and chosen entries
/// of the initial state have a term.
fn regularize<const NX: usize, const NU: usize>(
    system: &WeightedRows<NX, NU>,
    point: &BarrierPoint<NX, NU>,
    (regularization, free): (f64, &[bool; NX]),
) -> Proximal<f64, NX, NU> {
    let horizon = point.horizon() as f64;
    let (states, controls) = &system.curvature;
    let sizes = Magnitudes::of(&point.trajectory.states, &point.trajectory.controls);
    let term = |sum: f64, slope: f64, size: f64| match sum > 0.0 {
        true => Some(regularization * sum / horizon),
        false => (slope > 0.0 && size > 0.0).then(|| slope / (horizon * size)),
    };
    let state = |i: usize, _| {
        let slope = system.gx.iter().map(|g| g[i].abs()).sum();
        term(states[i], slope, sizes.states[i]).unwrap_or(if free[i] { regularization } else { 0.0 })
    };
    let control = |i: usize, _| {
        let slope = system.gu.iter().map(|g| g[i].abs()).sum();
        term(controls[i], slope, sizes.controls[i]).unwrap_or(regularization)
    };
    Proximal { states: SVector::from_fn(state), controls: SVector::from_fn(control) }
}
