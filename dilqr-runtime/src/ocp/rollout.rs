//! Rollouts: states and cost from controls, or from a feedback law.
//!
//! All rollouts call the model's `step` kernel, so that the same controls give the same states to the last bit.

use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::linalg::products::{add_product, is_finite, zeros};
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::OcpInstance;
use crate::scalar::{Mask, Scalar};

pub(crate) use crate::ocp::trajectory::{Trajectory, TrajectoryRef, at_stage};

/// The cost of a trajectory, and the magnitude of its terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost<S: Scalar> {
    /// `sum_t l(x_t, u_t) + l_T(x_T)` with the penalties.
    pub(crate) total: S,
    /// The sum of the absolute values of the terms. The rounding error of the total is proportional to it.
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
    /// The rounding error of the total: of a sum of `horizon + 1` terms, each accurate to a few units in the last place, and of
    /// the states through the costates. A margin lets a larger decrease be measured to some digits. `sensitivity` is
    /// `sum_t |lambda_t|' |x_t|`; near a goal it is far above the cost.
    pub(crate) fn noise(&self, horizon: usize, sensitivity: f64) -> f64 {
        10.0 * f64::EPSILON * ((horizon + 10) as f64 * self.magnitude + sensitivity)
    }
}

/// Adds up the cost of a rollout.
struct CostSum<'a, M, S: Scalar, const NU: usize, const NP: usize, const NS: usize> {
    instance: &'a OcpInstance<'a, M, S, NU, NP, NS>,
    horizon: usize,
    /// Receives the values of the constraints.
    constraints: &'a mut [S],
    cost: Cost<S>,
}

impl<'a, M, S: Scalar, const NU: usize, const NP: usize, const NS: usize> CostSum<'a, M, S, NU, NP, NS> {
    #[inline(always)]
    fn new(instance: &'a OcpInstance<'a, M, S, NU, NP, NS>, horizon: usize, constraints: &'a mut [S]) -> Self {
        Self { instance, horizon, constraints, cost: Cost::zero() }
    }

    /// Adds the cost of stage `t`, and its penalties.
    #[inline(always)]
    fn add_stage<const NX: usize>(&mut self, t: usize, x: &SVector<S, NX>, u: &SVector<S, NU>, cost: S)
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.cost.add(cost);
        let limits = const { &M::LIMITS };
        if limits.limited() {
            let range = at_stage(self.constraints, t, self.horizon, limits);
            self.cost.add(self.instance.stage_penalty(t, x, u, &mut self.constraints[range]));
        }
    }

    /// Adds the terminal cost, and its penalties.
    #[inline(always)]
    fn add_terminal<const NX: usize>(&mut self, x: &SVector<S, NX>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { instance, horizon, .. } = *self;
        let s = &instance.stage_params[horizon];
        self.cost.add(instance.model.terminal_cost(Terminal::new(x, instance.params, s)));
        let limits = const { &M::LIMITS };
        if limits.terminal() > 0 {
            let range = at_stage(self.constraints, horizon, horizon, limits);
            self.cost.add(instance.terminal_penalty(x, &mut self.constraints[range]));
        }
    }
}

/// Rolls out the controls of the trajectory from `x0`. A diverging rollout gives non-finite states.
pub(crate) fn rollout<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    x0: &SVector<S, NX>,
    trajectory: &mut Trajectory<S, NX, NU>,
) -> Cost<S>
where
    M: Model<NX, NU, NP, NS>,
{
    let Trajectory { states, controls, constraints } = trajectory;
    let horizon = controls.len();
    let mut sum = CostSum::new(instance, horizon, constraints);
    states[0] = *x0;
    for t in 0..horizon {
        let mut next = zeros();
        let at = Stage::new(&states[t], &controls[t], instance.params, &instance.stage_params[t]);
        let cost = instance.model.step(at, &mut next);
        sum.add_stage(t, &states[t], &controls[t], cost);
        states[t + 1] = next;
    }
    sum.add_terminal(&states[horizon]);
    sum.cost
}

/// The cost of states and controls that satisfy the dynamics already.
pub(crate) fn cost_along<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    trajectory: &mut Trajectory<S, NX, NU>,
) -> Cost<S>
where
    M: Model<NX, NU, NP, NS>,
{
    let Trajectory { states, controls, constraints } = trajectory;
    let horizon = controls.len();
    let mut sum = CostSum::new(instance, horizon, constraints);
    for t in 0..horizon {
        let at = Stage::new(&states[t], &controls[t], instance.params, &instance.stage_params[t]);
        let cost = instance.model.stage_cost(at);
        sum.add_stage(t, &states[t], &controls[t], cost);
    }
    sum.add_terminal(&states[horizon]);
    sum.cost
}

/// The feedback law `u = u_t + alpha k_t + K_t (x - x_t)` about a reference trajectory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeedbackLaw<'a, S, const NX: usize, const NU: usize> {
    /// `x_t` and `u_t`.
    pub(crate) reference: &'a Trajectory<S, NX, NU>,
    /// `K_t`, `T` matrices.
    pub(crate) gains: &'a [SMatrix<S, NU, NX>],
    /// `k_t`, `T` vectors.
    pub(crate) feedforward: &'a [SVector<S, NU>],
    /// The step length.
    pub(crate) alpha: S,
}

impl<S: Scalar, const NX: usize, const NU: usize> FeedbackLaw<'_, S, NX, NU> {
    /// The control at stage `t`.
    #[inline(always)]
    fn control(&self, t: usize, x: &SVector<S, NX>) -> SVector<S, NU> {
        let mut dx: SVector<S, NX> = zeros();
        for i in 0..NX {
            dx[i] = x[i] - self.reference.states[t][i];
        }
        let mut u = self.reference.controls[t];
        for i in 0..NU {
            u[i] += self.alpha * self.feedforward[t][i];
        }
        add_product(&mut u, &self.gains[t], &dx);
        u
    }
}

/// Rolls out a feedback law within the bounds, from the initial state of its reference, into `trial`.
///
/// The mask is true where all numbers are finite. The rollout stops when that is nowhere the case, with `trial` incomplete.
pub(crate) fn closed_loop_rollout<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    instance: &OcpInstance<'_, M, S, NU, NP, NS>,
    law: FeedbackLaw<'_, S, NX, NU>,
    trial: &mut Trajectory<S, NX, NU>,
) -> (Cost<S>, S::Mask)
where
    M: Model<NX, NU, NP, NS>,
{
    let Trajectory { states, controls, constraints } = trial;
    let horizon = law.reference.controls.len();
    let mut sum = CostSum::new(instance, horizon, constraints);
    let mut finite = S::Mask::splat(true);
    let mut x = law.reference.states[0];
    states[0] = x;
    for t in 0..horizon {
        let mut u = law.control(t, &x);
        if instance.keeps_bounds() {
            instance.bounds.clamp(&mut u);
        }
        let mut next = zeros();
        let cost = instance.model.step(Stage::new(&x, &u, instance.params, &instance.stage_params[t]), &mut next);
        sum.add_stage(t, &x, &u, cost);
        // One test a stage: the sum of the stage's results is finite only if every term is.
        let mut results = sum.cost.total.real();
        for i in 0..NX {
            results += next[i].real();
        }
        finite = finite & is_finite(results);
        if !finite.any() {
            return (sum.cost, finite);
        }
        controls[t] = u;
        states[t + 1] = next;
        x = next;
    }
    sum.add_terminal(&x);
    (sum.cost, finite & is_finite(sum.cost.total))
}
