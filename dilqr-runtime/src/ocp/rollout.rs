//! Rollouts: states and cost from a control law.
//!
//! All rollouts call the model's `step` kernel, so that the same controls give the same states to the last bit.

use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::linalg::products::{add_product, is_finite, zeros};
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::OcpInstance;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::scalar::{Mask, Scalar};

/// The cost of a trajectory, and the magnitude of its terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost<S: Scalar> {
    /// `sum_t l(x_t, u_t) + l_T(x_T)` with the penalties.
    pub(crate) total: S,
    /// The sum of the absolute values of the terms. The rounding error of the total is proportional to it.
    pub(crate) magnitude: S::Real,
}

impl<S: Scalar> Cost<S> {
    pub(crate) fn zero() -> Self {
        Self { total: S::zero(), magnitude: S::Real::zero() }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, term: S) {
        self.total += term;
        self.magnitude += term.real().abs();
    }
}

impl Cost<f64> {
    /// The rounding error of the total. It has two parts: that of the sum of `horizon + 1` terms, each accurate to a few units
    /// in the last place, and that of the states, weighted by the costates. It includes a margin, so a decrease above it is
    /// accurate to some digits.
    /// `sensitivity` is `sum_t |lambda_t|' |x_t|`; near a goal it is far above the cost.
    pub(crate) fn noise(&self, horizon: usize, sensitivity: f64) -> f64 {
        10.0 * f64::EPSILON * ((horizon + 10) as f64 * self.magnitude + sensitivity)
    }
}

/// A model with its data, from an initial state on.
pub(crate) struct Simulation<'a, M, S, const NX: usize, const NP: usize, const NS: usize> {
    pub(crate) model: &'a M,
    pub(crate) x0: &'a SVector<S, NX>,
    pub(crate) params: &'a SVector<S, NP>,
    /// `s_t`, or none.
    pub(crate) stage_params: &'a [SVector<S, NS>],
}

impl<M, S: Scalar, const NX: usize, const NP: usize, const NS: usize> Simulation<'_, M, S, NX, NP, NS> {
    /// Simulates the model under a control law. `law` receives the stage, its state and the control in `controls`, and
    /// replaces the control. `visit` receives each stage and returns a further term of its cost, if it has one.
    ///
    /// Returns the cost of the stages, and a mask that is true where all numbers are finite. The simulation stops when that
    /// is nowhere the case; the remaining states then equal the last one.
    #[inline(always)]
    pub(crate) fn run<const NU: usize>(
        &self,
        mut law: impl FnMut(usize, &SVector<S, NX>, &mut SVector<S, NU>),
        mut visit: impl FnMut(usize, Stage<'_, S, NX, NU, NP, NS>) -> Option<S>,
        (states, controls): (&mut [SVector<S, NX>], &mut [SVector<S, NU>]),
    ) -> (Cost<S>, S::Mask)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let none = zeros();
        let mut cost = Cost::zero();
        let mut finite = S::Mask::splat(true);
        let mut x = *self.x0;
        states[0] = x;
        for t in 0..controls.len() {
            let mut u = controls[t];
            law(t, &x, &mut u);
            let at = Stage::new(&x, &u, self.params, self.stage_params.get(t).unwrap_or(&none));
            let mut next = zeros();
            cost.add(stage_functions::step((self.model, t), at, &mut next));
            if let Some(more) = visit(t, at) {
                cost.add(more);
            }
            controls[t] = u;
            states[t + 1] = next;
            x = next;
            // One test a stage: the sum of the stage's results is finite only if every term is.
            let mut results = cost.total.real();
            for i in 0..NX {
                results += next[i].real();
            }
            finite = finite & is_finite(results);
            if !finite.any() {
                states[t + 1..].fill(next);
                break;
            }
        }
        (cost, finite)
    }
}

/// Rolls out a control law from `x0`, within the bounds, and evaluates constraints and penalties. See
/// [`Simulation::run`] for the law and the mask.
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
    let OcpInstance { model, params, stage_params, .. } = *instance;
    let Trajectory { states, controls, constraints } = trajectory;
    let horizon = controls.len();
    let bounded = |t: usize, x: &SVector<S, NX>, u: &mut SVector<S, NU>| {
        law(t, x, u);
        if instance.keeps_bounds() {
            instance.bounds.clamp(u);
        }
    };
    let penalty = |t: usize, Stage { x, u, .. }: Stage<'_, S, NX, NU, NP, NS>| {
        if !limits.limited() {
            return None;
        }
        let range = at_stage(constraints, t, horizon, limits);
        Some(instance.stage_penalty(t, x, u, &mut constraints[range]))
    };
    let simulation = Simulation { model, x0, params, stage_params };
    let (mut cost, finite) = simulation.run(bounded, penalty, (states, controls));
    if finite.any() {
        add_terminal_cost(instance, &states[horizon], constraints, &mut cost);
    }
    (cost, finite & is_finite(cost.total))
}

/// The feedback law `u = u_t + alpha k_t + K_t (x - x_t)` about a reference trajectory.
pub(crate) struct FeedbackLaw<'a, S, const NX: usize, const NU: usize> {
    /// `x_t` and `u_t`.
    pub(crate) reference: &'a Trajectory<S, NX, NU>,
    /// `K_t`, `T` matrices.
    pub(crate) gains: &'a [SMatrix<S, NU, NX>],
    /// `k_t`, `T` vectors.
    pub(crate) feedforward: &'a [SVector<S, NU>],
    /// Step length.
    pub(crate) alpha: S,
}

impl<S: Scalar, const NX: usize, const NU: usize> FeedbackLaw<'_, S, NX, NU> {
    /// Rolls out the law from the initial state of its reference into `trial`; see [`rollout`].
    pub(crate) fn rollout<M, const NP: usize, const NS: usize>(
        &self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trial: &mut Trajectory<S, NX, NU>,
    ) -> (Cost<S>, S::Mask)
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.rollout_from(&self.reference.states[0], instance, trial)
    }

    /// [`rollout`](Self::rollout) from another initial state.
    #[inline(always)]
    pub(crate) fn rollout_from<M, const NP: usize, const NS: usize>(
        &self,
        x0: &SVector<S, NX>,
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
        rollout(instance, x0, law, trial)
    }
}

/// The cost of states and controls that satisfy the dynamics already.
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
        let at = Stage::new(x, u, instance.params, &instance.stage_params[t]);
        cost.add(stage_functions::stage_cost((instance.model, t), at));
        if limits.limited() {
            let range = at_stage(constraints, t, horizon, limits);
            cost.add(instance.stage_penalty(t, x, u, &mut constraints[range]));
        }
    }
    add_terminal_cost(instance, &states[horizon], constraints, &mut cost);
    cost
}

/// Adds the terminal cost with its penalties.
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
