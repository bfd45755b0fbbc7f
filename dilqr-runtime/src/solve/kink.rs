//! Where a kink stops a solve: the stage at which one-sided differences disagree along the last step.
//!
//! A smooth function's differences to both sides of a point differ by its curvature times the step, and a tenth of the step
//! leaves a tenth of that. At a kink they differ by the jump of the slope, however short the step. The functions compared are
//! the stages' Hamiltonians `l + lambda' f`, penalties included: a kink of the dynamics counts at its own stage, not at
//! those whose costs it changes.

use nalgebra::SVector;

use crate::cause::Cause;
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::OcpInstance;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::scalar::float;
use crate::solve::backward_pass::Policy;

/// Step lengths, a decade apart: from steps as large as the controls down to a relative length of 1e-10.
const LENGTHS: usize = 11;

/// Lengths in a row over which the difference must not fall.
const CONSTANT_LENGTHS: usize = 3;

/// The least disagreement, over the sum of the two differences' magnitudes.
const DISAGREEMENT: f64 = 1e-3;

/// The rounding error of a Hamiltonian, over the magnitudes of its terms; with a margin, since terms may cancel inside of
/// the model.
const ROUNDING: f64 = 1e3 * f64::EPSILON;

/// Step lengths to look at, from the longest one down.
pub(crate) fn lengths(longest: f64) -> [f64; LENGTHS] {
    core::array::from_fn(|k| longest * float::f64::powi(0.1, k as i32))
}

/// The jump of a function's slope along a line, from one-sided differences over shorter and shorter lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jump {
    last: f64,
    in_a_row: usize,
    /// The largest jump that has not fallen; 0 where the function looks smooth.
    pub(crate) largest: f64,
}

impl Jump {
    pub(crate) const NONE: Self = Self { last: 0.0, in_a_row: 1, largest: 0.0 };

    /// Adds a length: the differences ahead and behind, and the sum of the magnitudes of the terms of the three values.
    pub(crate) fn add(&mut self, (forward, backward): (f64, f64), magnitude: f64, length: f64) {
        let jump = forward - backward;
        let clear = jump.abs() > ROUNDING * magnitude && jump.abs() >= DISAGREEMENT * (forward.abs() + backward.abs());
        let jump = if clear { jump / length } else { 0.0 };
        let same = jump * self.last > 0.0 && jump.abs() >= 0.5 * self.last.abs();
        self.in_a_row = if same { self.in_a_row + 1 } else { 1 };
        if self.in_a_row >= CONSTANT_LENGTHS {
            self.largest = f64::max(self.largest, jump.abs());
        }
        self.last = jump;
    }
}

/// One value of a stage's Hamiltonian.
#[derive(Clone, Copy, Debug)]
struct Hamiltonian<const NX: usize> {
    value: f64,
    /// The sum of the magnitudes of its terms.
    magnitude: f64,
    next: SVector<f64, NX>,
}

/// The search for the stage of a kink.
pub(crate) struct KinkSearch<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) instance: OcpInstance<'a, M, f64, NU, NP, NS>,
    pub(crate) trajectory: &'a Trajectory<f64, NX, NU>,
    /// The backward pass about the trajectory.
    pub(crate) policy: &'a Policy<f64, NX, NU>,
    /// Memory for values of the constraints.
    pub(crate) constraints: &'a mut [f64],
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> KinkSearch<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// The stage where the differences disagree most, if they do anywhere.
    pub(crate) fn find(mut self) -> Option<Cause> {
        let horizon = self.trajectory.controls.len();
        let longest = self.longest_step();
        let lengths = lengths(longest);
        // The change of the state along the step, over its length.
        let mut changes = [SVector::zeros(); LENGTHS];
        let mut worst = (0.0, None);
        for t in 0..=horizon {
            let disagreement = self.disagreement_at(t, &lengths, &mut changes);
            if disagreement > worst.0 {
                worst = (disagreement, Some(Cause::Kink { stage: t }));
            }
        }
        worst.1
    }

    /// The length at which the step changes a control by its largest magnitude, at least the whole step.
    fn longest_step(&self) -> f64 {
        let mut longest: f64 = 1.0;
        for j in 0..NU {
            let largest = |controls: &[SVector<f64, NU>]| controls.iter().map(|u| u[j].abs()).fold(0.0, f64::max);
            let length = largest(&self.trajectory.controls) / largest(&self.policy.feedforward);
            if length.is_finite() {
                longest = longest.max(length);
            }
        }
        longest
    }

    /// By how much one-sided differences of the Hamiltonian of stage `t` disagree; 0 where it looks smooth. Moves the
    /// changes of the state on to the next stage.
    fn disagreement_at(
        &mut self,
        t: usize,
        lengths: &[f64; LENGTHS],
        changes: &mut [SVector<f64, NX>; LENGTHS],
    ) -> f64 {
        let here = self.hamiltonian(t, &SVector::zeros(), &SVector::zeros());
        let mut jump = Jump::NONE;
        for k in 0..LENGTHS {
            let (length, dx) = (lengths[k], changes[k]);
            let du = match self.policy.feedforward.get(t) {
                Some(step) => step + self.policy.gains[t] * dx,
                None => SVector::zeros(),
            };
            let ahead = self.hamiltonian(t, &(dx * length), &(du * length));
            let behind = self.hamiltonian(t, &(dx * -length), &(du * -length));
            changes[k] = (ahead.next - behind.next) / (2.0 * length);
            let differences = (ahead.value - here.value, here.value - behind.value);
            jump.add(differences, ahead.magnitude + here.magnitude + behind.magnitude, length);
        }
        jump.largest
    }

    /// `l + lambda' f` of stage `t` with its penalties, or the terminal cost with its own, beside the trajectory.
    fn hamiltonian(&mut self, t: usize, dx: &SVector<f64, NX>, du: &SVector<f64, NU>) -> Hamiltonian<NX> {
        let OcpInstance { model, params, stage_params, .. } = self.instance;
        let Trajectory { states, controls, .. } = self.trajectory;
        let (horizon, limits) = (controls.len(), const { &M::LIMITS });
        let range = at_stage(self.constraints, t, horizon, limits);
        let c = &mut self.constraints[range];
        let x = states[t] + dx;
        if t == horizon {
            let cost = model.terminal_cost(Terminal::new(&x, params, &stage_params[t]));
            let penalty = self.instance.terminal_penalty(&x, c);
            return Hamiltonian { value: cost + penalty, magnitude: cost.abs() + penalty.abs(), next: x };
        }
        // A bound is no kink: the step may cross it here.
        let u = controls[t] + du;
        let mut next = SVector::zeros();
        let cost = stage_functions::step((model, t), Stage::new(&x, &u, params, &stage_params[t]), &mut next);
        let penalty = self.instance.stage_penalty(t, &x, &u, c);
        let lambda = &self.policy.costates[t + 1];
        Hamiltonian {
            value: cost + penalty + lambda.dot(&next),
            magnitude: cost.abs() + penalty.abs() + lambda.abs().dot(&next.abs()),
            next,
        }
    }
}
