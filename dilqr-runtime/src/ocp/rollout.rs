//! Rollouts: from controls, or from a feedback law, to states and cost.
//!
//! All of them use the model's `step` kernel, so that the same controls give the same states to the last bit.

use crate::linalg::products::zeros;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity;
use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::linalg::products::{add_product, is_finite};
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::OcpInstance;
use crate::ocp::stationarity::Magnitudes;
use crate::scalar::{Mask, Scalar};

/// States and controls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trajectory<S, const NX: usize, const NU: usize> {
    /// `x_t`, `T + 1` vectors.
    pub(crate) states: Vec<SVector<S, NX>>,
    /// `u_t`, `T` vectors.
    pub(crate) controls: Vec<SVector<S, NU>>,
    /// Values of the stages' constraints, stage after stage, then those of the terminal ones; empty without constraints.
    pub(crate) constraints: Vec<S>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Trajectory<S, NX, NU> {
    /// A trajectory of zeros over `horizon` stages.
    #[must_use]
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let constraints = vec![S::zero(); horizon * limits.stage() + limits.terminal()];
        Self { states: vec![zeros(); horizon + 1], controls: vec![zeros(); horizon], constraints }
    }

    /// The largest relative change to another trajectory, or some change above `bound`; see
    /// [`relative_change`](stationarity::relative_change).
    pub(crate) fn relative_change(&self, other: &Self, bound: S) -> S {
        let magnitudes = Magnitudes::of(&self.states, &self.controls);
        let (from, to) = ((&*self.states, &*self.controls), (&*other.states, &*other.controls));
        stationarity::relative_change(from, to, &magnitudes, bound)
    }

    /// Takes over another trajectory of the same horizon.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.states.copy_from_slice(&other.states);
        self.controls.copy_from_slice(&other.controls);
        self.constraints.copy_from_slice(&other.constraints);
    }
}

/// The part of a trajectory's constraints that belongs to stage `t`; the terminal part where `t` is the horizon.
#[inline(always)]
pub(crate) fn at_stage<S>(constraints: &[S], t: usize, horizon: usize, limits: &Limits) -> core::ops::Range<usize> {
    let first = t * limits.stage();
    if t < horizon { first..first + limits.stage() } else { first..constraints.len() }
}

/// The cost of a trajectory, and how precisely a sum of such terms is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost<S: Scalar> {
    /// `sum_t l(x_t, u_t) + l_T(x_T)`, and the penalties.
    pub(crate) total: S,
    /// The sum of the terms' absolute values: rounding of the total is in proportion to it.
    pub(crate) magnitude: S::Real,
}

impl<S: Scalar> Cost<S> {
    fn zero() -> Self {
        Self { total: S::zero(), magnitude: S::Real::zero() }
    }

    #[inline(always)]
    fn add(&mut self, term: S) {
        self.total += term;
        self.magnitude += term.real().abs();
    }
}

impl Cost<f64> {
    /// The rounding of a sum of `horizon + 1` terms, each good to a few units in the last place, and what rounding errors of
    /// the states add to it by way of the costates; with a margin, so that a decrease is measured to some digits.
    /// `sensitivity` is `sum_t |lambda_t|' |x_t|`: near a goal it is far above the cost.
    pub(crate) fn noise(&self, horizon: usize, sensitivity: f64) -> f64 {
        10.0 * f64::EPSILON * ((horizon + 10) as f64 * self.magnitude + sensitivity)
    }
}

/// Rolls a control law out from `x0`, within the bounds: `law` turns the control of a stage, as it stands in the
/// trajectory, into the one to apply. Returns the cost, and where all numbers are finite; as soon as that is nowhere, the
/// remaining states are what the last step gave.
#[inline(always)]
pub(crate) fn rollout<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    x0: &SVector<S, NX>,
    mut law: impl FnMut(usize, &SVector<S, NX>, &mut SVector<S, NU>),
    trajectory: &mut Trajectory<S, NX, NU>,
) -> (Cost<S>, S::Mask)
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let Trajectory { states, controls, constraints } = trajectory;
    let horizon = controls.len();
    let mut cost = Cost::zero();
    let mut finite = S::Mask::splat(true);
    let mut x = *x0;
    states[0] = x;
    for t in 0..horizon {
        let mut u = controls[t];
        law(t, &x, &mut u);
        if instance.keeps_bounds() {
            instance.bounds.clamp(&mut u);
        }
        let mut next = zeros();
        cost.add(instance.model.step(Stage::new(&x, &u, instance.params, &instance.stage_params[t]), &mut next));
        if limits.limited() {
            let range = at_stage(constraints, t, horizon, limits);
            cost.add(instance.stage_penalty(t, &x, &u, &mut constraints[range]));
        }
        controls[t] = u;
        states[t + 1] = next;
        x = next;
        // One test a stage: the sum of what the stage produced is finite only if every term is.
        let mut produced = cost.total.real();
        for i in 0..NX {
            produced += next[i].real();
        }
        finite = finite & is_finite(produced);
        if !finite.any() {
            states[t + 1..].fill(next);
            return (cost, finite);
        }
    }
    add_terminal_cost(instance, &x, constraints, &mut cost);
    (cost, finite & is_finite(cost.total))
}

/// The feedback law `u = u_t + alpha k_t + K_t (x - x_t)` about a trajectory.
pub(crate) struct FeedbackLaw<'a, S, const NX: usize, const NU: usize> {
    /// `x_t` and `u_t`.
    pub(crate) reference: &'a Trajectory<S, NX, NU>,
    /// `K_t`
    pub(crate) gains: &'a [SMatrix<S, NU, NX>],
    /// `k_t`
    pub(crate) feedforward: &'a [SVector<S, NU>],
    pub(crate) alpha: S,
}

impl<S: Scalar, const NX: usize, const NU: usize> FeedbackLaw<'_, S, NX, NU> {
    /// Rolls the law out from the first state of its reference into `trial`; see [`rollout`].
    pub(crate) fn rollout<M, const NP: usize, const NS: usize>(
        &self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trial: &mut Trajectory<S, NX, NU>,
    ) -> (Cost<S>, S::Mask)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let law = |t: usize, x: &SVector<S, NX>, u: &mut SVector<S, NU>| {
            let mut dx: SVector<S, NX> = zeros();
            for i in 0..NX {
                dx[i] = x[i] - self.reference.states[t][i];
            }
            *u = self.reference.controls[t];
            for i in 0..NU {
                u[i] += self.alpha * self.feedforward[t][i];
            }
            add_product(u, &self.gains[t], &dx);
        };
        rollout(instance, &self.reference.states[0], law, trial)
    }
}

/// The cost along states and controls that already belong together.
pub(crate) fn cost_along<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    trajectory: &mut Trajectory<S, NX, NU>,
) -> Cost<S>
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let Trajectory { states, controls, constraints } = trajectory;
    let horizon = controls.len();
    let mut cost = Cost::zero();
    for t in 0..horizon {
        let (x, u) = (&states[t], &controls[t]);
        cost.add(instance.model.stage_cost(Stage::new(x, u, instance.params, &instance.stage_params[t])));
        if limits.limited() {
            let range = at_stage(constraints, t, horizon, limits);
            cost.add(instance.stage_penalty(t, x, u, &mut constraints[range]));
        }
    }
    add_terminal_cost(instance, &states[horizon], constraints, &mut cost);
    cost
}

#[inline(always)]
fn add_terminal_cost<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    x: &SVector<S, NX>,
    constraints: &mut [S],
    cost: &mut Cost<S>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let horizon = instance.stage_params.len() - 1;
    cost.add(instance.model.terminal_cost(Terminal::new(x, instance.params, &instance.stage_params[horizon])));
    if limits.terminal() > 0 {
        let range = at_stage(constraints, horizon, horizon, limits);
        cost.add(instance.terminal_penalty(x, &mut constraints[range]));
    }
}

/// A trajectory, the data it belongs to, and its multipliers, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrajectoryRef<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) states: &'a [SVector<S, NX>],
    pub(crate) controls: &'a [SVector<S, NU>],
    pub(crate) params: &'a SVector<S, NP>,
    pub(crate) stage_params: &'a [SVector<S, NS>],
    pub(crate) multipliers: MultipliersRef<'a, S>,
}

impl<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> TrajectoryRef<'a, S, NX, NU, NP, NS> {
    /// Stage `t` as kernels read it.
    #[inline(always)]
    pub(crate) fn stage(&self, t: usize) -> Stage<'a, S, NX, NU, NP, NS> {
        Stage::new(&self.states[t], &self.controls[t], self.params, &self.stage_params[t])
    }

    /// The terminal state as kernels read it.
    #[inline(always)]
    pub(crate) fn terminal(&self) -> Terminal<'a, S, NX, NP, NS> {
        let horizon = self.controls.len();
        Terminal::new(&self.states[horizon], self.params, &self.stage_params[horizon])
    }
}
