//! Direct loss gradients (McAllester, Hazan and Keshet 2010, *Direct loss minimization for structured prediction*): of a problem whose
//! cost has the loss' linear terms in addition.
//!
//! Let `V(e)` be the optimal cost with `e g' z` added, for the trajectory `z` and the loss gradient `g`. Its derivative in `e` is
//! `g' z`, and so
//!
//! ```text
//! dL/dp = g' dz/dp = d2V/de dp = (V_p(e) - V_p(0)) / e + O(e)
//! ```
//!
//! `V_p` is the gradient of the optimal cost, by the envelope theorem, with the multipliers of all limits. The same holds for the initial
//! state, the stage parameters and the weights of networks.

use nalgebra::SVector;

use crate::differentiate::check::{dynamics_tolerance, step_tolerance};
use crate::error::GradientError;
use crate::gradient::LossGradient;
use crate::guess::{Feedback, Guess};
use crate::linalg::products::zeros;
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::sparsity::Sparsity;
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::model::start::Start;
use crate::model::wrapped_model::{end_functions_of_wrapped_model, forwarded};
use crate::problem::Problem;
use crate::scalar::Scalar;
use crate::settings::Settings;
use crate::solution::Solution;

/// A model with linear terms in the costs of its stages and of the terminal state.
pub(crate) struct Tilted<'a, M, const NX: usize, const NU: usize> {
    model: &'a M,
    slopes: LossGradient<NX, NU>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS>
    for Tilted<'_, M, NX, NU>
where
    M: Model<NX, NU, NP, NS>,
{
    const SPARSITY: Sparsity<NX, NU, NP> = M::SPARSITY;
    const LIMITS: Limits = M::LIMITS;
    const START: Start<NX> = M::START;
    const HAS_KINKS: bool = M::HAS_KINKS;
    const LINEAR_DYNAMICS: bool = M::LINEAR_DYNAMICS;
    const HAS_SLOPES: bool = true;

    fn slopes(&self, t: usize) -> Option<(&SVector<f64, NX>, &SVector<f64, NU>)> {
        self.slopes.states.get(t).zip(self.slopes.controls.get(t))
    }

    fn weight_count(&self) -> usize {
        self.model.weight_count()
    }

    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S {
        let mut cost = self.model.terminal_cost(at);
        for (slope, x) in self.slopes.states[self.slopes.controls.len()].iter().zip(at.x) {
            cost += S::from_f64(*slope) * *x;
        }
        cost
    }

    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        // Kernels write no structural zero.
        out.lx = zeros();
        self.model.expand_terminal(at, out);
        for (i, slope) in self.slopes.states[self.slopes.controls.len()].iter().enumerate() {
            out.l += S::from_f64(*slope) * at.x[i];
            out.lx[i] += S::from_f64(*slope);
        }
    }

    end_functions_of_wrapped_model! { model }

    forwarded! { model:
        fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>);
        fn step<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) -> S;
        fn time_step<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;
        fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;
        fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>);
        fn expand_hamiltonian<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: &mut HamiltonianExpansion<S, NX, NU>,
        );
        fn add_hamiltonian_parameter_gradient<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        );
        fn bounds<S: Scalar>(&self, p: &SVector<S, NP>, lower: &mut SVector<S, NU>, upper: &mut SVector<S, NU>);
        fn add_bounds_contraction<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &SVector<S, NU>,
            upper: &SVector<S, NU>,
            gp: &mut SVector<S, NP>,
        );
        fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, c: &mut [S]);
        fn initial_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]);
        fn expand_stage_constraints<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, NU>,
        );
        fn expand_initial_constraints<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, 0>,
        );
        fn add_stage_constraint_contraction<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            variation: Variation<'_, S, NX, NU>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        );
    }
}

impl<'a, M, const NX: usize, const NU: usize> Tilted<'a, M, NX, NU> {
    /// With the loss' linear terms times `epsilon`.
    pub(crate) fn new(model: &'a M, loss: &LossGradient<NX, NU>, epsilon: f64) -> Self {
        Self { model, slopes: loss.clone() * epsilon }
    }
}

/// The perturbed problem of a solution, which is its guess.
pub(super) fn perturbed<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
    is_start_free: bool,
) -> Problem<NX, NU, NP, NS> {
    let Solution { states, controls, gains, multipliers, x0, params, stage_params, .. } = solution;
    let mut problem = Problem::new(*x0, *params, controls.len()).with_stage_params(stage_params);
    if is_start_free {
        problem = problem.with_states(states);
    }
    let (states, controls, gains) = (states.clone(), controls.clone(), gains.clone());
    problem.guess = Guess::Feedback(Feedback { states, controls, gains });
    problem.multipliers = Some(multipliers.clone());
    problem
}

/// Why a perturbed problem has no solution to compare with.
pub(super) fn not_converged<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    settings: &Settings,
    solution: &Solution<NX, NU, NP, NS>,
) -> GradientError {
    GradientError::NotConverged {
        status: solution.status,
        dynamics: f64::NAN,
        dynamics_tolerance: dynamics_tolerance(settings),
        step: solution.stats.step,
        step_tolerance: step_tolerance(settings),
        violation: solution.stats.violation,
    }
}
