//! Rollouts: from controls, or from a feedback law, to states and cost.
//!
//! All of them use the model's `step` kernel, so that the same controls give the same states to the last bit.

use nalgebra::{SMatrix, SVector};

use crate::dense::{add_product, zeros};
use crate::model::Model;
use crate::scalar::Scalar;

/// States and controls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trajectory<S, const NX: usize, const NU: usize> {
    /// `x_t`, `T + 1` vectors.
    pub(crate) states: Vec<SVector<S, NX>>,
    /// `u_t`, `T` vectors.
    pub(crate) controls: Vec<SVector<S, NU>>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Trajectory<S, NX, NU> {
    /// A trajectory of zeros over `horizon` stages.
    #[must_use]
    pub(crate) fn zeros(horizon: usize) -> Self {
        Self { states: vec![zeros(); horizon + 1], controls: vec![zeros(); horizon] }
    }
}

/// The cost of a trajectory, and how precisely a sum of such terms is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost<S> {
    /// `sum_t l(x_t, u_t) + l_T(x_T)`.
    pub(crate) total: S,
    /// `sum_t |l(x_t, u_t)| + |l_T(x_T)|`: rounding of the total is in proportion to it.
    pub(crate) magnitude: f64,
}

impl<S: Scalar> Cost<S> {
    const fn new(total: S) -> Self {
        Self { total, magnitude: 0.0 }
    }

    #[inline(always)]
    fn add(&mut self, term: S) {
        self.total += term;
        self.magnitude += term.to_f64().abs();
    }
}

/// Rolls `controls` out from `x0`. `stage_params` holds one vector a stage, `T + 1` of them; `states` receives `T + 1`
/// states, from whatever arithmetic gives (a diverging rollout fills up with non-finite numbers).
pub(crate) fn rollout<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    x0: &SVector<S, NX>,
    params: &SVector<S, NP>,
    stage_params: &[SVector<S, NS>],
    trajectory: &mut Trajectory<S, NX, NU>,
) -> Cost<S>
where
    M: Model<NX, NU, NP, NS>,
{
    let Trajectory { states, controls } = trajectory;
    let horizon = controls.len();
    let mut cost = Cost::new(S::zero());
    states[0] = *x0;
    for t in 0..horizon {
        let mut next = zeros();
        cost.add(model.step(&states[t], &controls[t], params, &stage_params[t], &mut next));
        states[t + 1] = next;
    }
    cost.add(model.terminal_cost(&states[horizon], params, &stage_params[horizon]));
    cost
}

/// The cost along states and controls that already belong together.
pub(crate) fn cost_along<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    params: &SVector<S, NP>,
    stage_params: &[SVector<S, NS>],
    trajectory: &Trajectory<S, NX, NU>,
) -> Cost<S>
where
    M: Model<NX, NU, NP, NS>,
{
    let Trajectory { states, controls } = trajectory;
    let horizon = controls.len();
    let mut cost = Cost::new(S::zero());
    for t in 0..horizon {
        cost.add(model.stage_cost(&states[t], &controls[t], params, &stage_params[t]));
    }
    cost.add(model.terminal_cost(&states[horizon], params, &stage_params[horizon]));
    cost
}

/// Rolls the law `u = u_t + alpha k_t + K_t (x - x_t)` about `reference` out into `trial`. `None`, with `trial` filled in
/// part, as soon as a number is not finite.
pub(crate) fn closed_loop_rollout<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    params: &SVector<S, NP>,
    stage_params: &[SVector<S, NS>],
    reference: &Trajectory<S, NX, NU>,
    gains: &[SMatrix<S, NU, NX>],
    feedforward: &[SVector<S, NU>],
    alpha: S,
    trial: &mut Trajectory<S, NX, NU>,
) -> Option<Cost<S>>
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = reference.controls.len();
    let mut cost = Cost::new(S::zero());
    let mut x = reference.states[0];
    trial.states[0] = x;
    for t in 0..horizon {
        let mut dx: SVector<S, NX> = zeros();
        for i in 0..NX {
            dx[i] = x[i] - reference.states[t][i];
        }
        let mut u = reference.controls[t];
        for i in 0..NU {
            u[i] += alpha * feedforward[t][i];
        }
        add_product(&mut u, &gains[t], &dx);
        let mut next = zeros();
        cost.add(model.step(&x, &u, params, &stage_params[t], &mut next));
        // One test a stage: the sum of what the stage produced is finite only if every term is.
        let mut produced = cost.total.to_f64();
        for i in 0..NX {
            produced += next[i].to_f64();
        }
        if !produced.is_finite() {
            return None;
        }
        trial.controls[t] = u;
        trial.states[t + 1] = next;
        x = next;
    }
    cost.add(model.terminal_cost(&x, params, &stage_params[horizon]));
    cost.total.to_f64().is_finite().then_some(cost)
}
