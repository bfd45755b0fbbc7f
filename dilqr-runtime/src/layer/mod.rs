//! A batch of solves as one function from flat lists of numbers to flat lists of numbers, with its derivative: what a layer of
//! a learner needs, without a framework. Lists are row-major, with the batch first.
//!
//! ```
//! use dilqr_runtime::Settings;
//! use dilqr_runtime::layer::{Layer, OnNoGradient};
//! # use dilqr_runtime::model::{Stage, Terminal};
//! # use dilqr_runtime::nalgebra::SVector;
//! # use dilqr_runtime::{Model, Scalar};
//!
//! /// `x+ = x + u`, `l = 1/2 (x^2 + p u^2)`, `l_T = 1/2 x^2`.
//! #[derive(Clone, Copy)]
//! struct Push;
//! # impl Model<1, 1, 1> for Push {
//! #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
//! #         next[0] = at.x[0] + at.u[0];
//! #     }
//! #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>) -> S {
//! #         S::from_f64(0.5) * (at.x[0] * at.x[0] + at.p[0] * at.u[0] * at.u[0])
//! #     }
//! #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1>) -> S {
//! #         S::from_f64(0.5) * at.x[0] * at.x[0]
//! #     }
//! # }
//! let layer = Layer::new(Push, 1, Settings::default())?;
//!
//! // Two problems with one price of pushing: u = -x_0 / (1 + p).
//! let output = layer.forward(&[3.0, -6.0], &[2.0], &[])?;
//! assert!((output.controls[0] + 1.0).abs() < 1e-12 && (output.controls[1] - 2.0).abs() < 1e-12);
//!
//! // L = sum of the controls: du/dp = x_0 / (1 + p)^2, du/dx_0 = -1 / (1 + p).
//! let gradient = layer.backward(&output, &[0.0; 4], &[1.0; 2], OnNoGradient::Raise)?;
//! assert!((gradient.params[0] + 3.0 / 9.0).abs() < 1e-12);
//! assert!((gradient.x0[0] + 1.0 / 3.0).abs() < 1e-12);
//! # Ok::<(), dilqr_runtime::layer::LayerError>(())
//! ```

mod error;
mod output;

use alloc::vec::Vec;

use nalgebra::SVector;
use rayon::prelude::*;

use crate::batch::{self, BLOCK};
use crate::error::{GradientError, Input, SolveError, check_length, check_vector};
use crate::formulation::Formulation;
use crate::gradient::{Gradient, LossGradient};
use crate::guess::{Guess, Policy};
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::Solution;

pub use error::LayerError;
pub use output::{LayerGradient, OnNoGradient, Output};

/// The batch from which on solves and gradients use lanes. A smaller one would leave lanes empty.
#[cfg(feature = "lanes")]
const LANES_FROM: usize = 8;

/// Solves batches of problems of one model over one horizon, and differentiates them. It holds no memory of a batch, so threads
/// can share it.
///
/// Batches run on rayon's threads, from 8 problems on in lanes (feature `lanes`) where [`batch::solve_lanes`] has some. The result
/// of a problem then rounds differently from that of [`Ilqr::solve`](crate::Ilqr::solve), but depends on nothing else in the
/// batch.
#[derive(Clone, Debug)]
pub struct Layer<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    model: M,
    horizon: usize,
    settings: Settings,
    policy: Option<Policy<NX, NU>>,
    weight_count: usize,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Layer<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    /// A layer of problems over `horizon` stages. Solves begin with controls of zero.
    ///
    /// # Errors
    /// [`LayerError::Settings`] for settings out of range and for a horizon of 0.
    pub fn new(mut model: M, horizon: usize, settings: Settings) -> Result<Self, LayerError> {
        settings.check_solver(horizon)?;
        let weight_count = model.network_weights_mut().iter().map(|weights| weights.len()).sum();
        Ok(Self { model, horizon, settings, policy: None, weight_count })
    }

    /// Begins cold solves with the trajectory under the feedback law `u = policy(t, x)`. Unstable systems need such a start.
    #[must_use]
    pub fn with_policy<U>(mut self, policy: impl Fn(usize, &SVector<f64, NX>) -> U + Send + Sync + 'static) -> Self
    where
        U: Into<SVector<f64, NU>>,
    {
        self.policy = Some(Policy::new(policy));
        self
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The number of stages of each problem.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Solves `B` problems: `x0` has `B NX` numbers, `params` has `B NP`, or `NP` that serve all problems, and `stage_params`
    /// has `B (T + 1) NS`, or none for models without. Where the model chooses its initial state, `x0` is the guess.
    ///
    /// # Errors
    /// [`LayerError`] for an empty batch, a list of another length and a number that is not finite. A problem that has not
    /// converged is no error: its status says so.
    pub fn forward(
        &self,
        x0: &[f64],
        params: &[f64],
        stage_params: &[f64],
    ) -> Result<Output<NX, NU, NP, NS, ND>, LayerError> {
        self.forward_with(x0, params, stage_params, &[], None)
    }

    /// [`forward`](Self::forward) with weights for the model's networks, one network after another, in place of the model's own
    /// (an empty list keeps these), and from the solutions of a previous batch. Of these, problems that have not converged begin
    /// cold.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also for a previous output with another number of problems or another horizon.
    pub fn forward_with(
        &self,
        x0: &[f64],
        params: &[f64],
        stage_params: &[f64],
        weights: &[f64],
        previous: Option<&Output<NX, NU, NP, NS, ND>>,
    ) -> Result<Output<NX, NU, NP, NS, ND>, LayerError> {
        if x0.is_empty() {
            return Err(LayerError::EmptyBatch);
        }
        if !x0.len().is_multiple_of(NX) {
            return Err(LayerError::Rows { given: x0.len(), row: NX });
        }
        let count = x0.len() / NX;
        let shared_params = params.len() == NP;
        if !shared_params {
            check_length(Input::Params, params.len(), count * NP)?;
        }
        let stages = self.horizon + 1;
        check_length(Input::StageParams, stage_params.len(), count * stages * NS)?;
        if let Some(previous) = previous {
            if previous.batch() != count {
                return Err(LayerError::Previous { given: previous.batch(), expected: count });
            }
            check_length(Input::Controls, previous.controls.len(), count * self.horizon * NU)?;
        }
        let model = self.model_with(weights)?;
        let problem = |k: usize| {
            let params = if shared_params { params } else { &params[k * NP..][..NP] };
            let (x0, params) = (SVector::from_column_slice(&x0[k * NX..][..NX]), SVector::from_column_slice(params));
            let mut problem = Problem::new(x0, params, self.horizon);
            if NS > 0 {
                let own = stage_params[k * stages * NS..][..stages * NS].chunks_exact(NS);
                let own: Vec<SVector<f64, NS>> = own.map(SVector::from_column_slice).collect();
                problem = problem.with_stage_params(&own);
            }
            match previous.map(|output| &output.solutions[k]).filter(|solution| solution.status.is_converged()) {
                Some(solution) => problem = problem.with_warm_start(&model, solution),
                None => problem.guess = self.policy.clone().map_or(Guess::Zeros, Guess::Policy),
            }
            problem
        };
        let problems: Vec<_> = (0..count).map(problem).collect();
        let solved = solve(&model, self.horizon, &self.settings, &problems).into_iter().enumerate();
        let solutions: Result<Vec<_>, _> =
            solved.map(|(problem, solved)| solved.map_err(|error| LayerError::Problem { problem, error })).collect();
        Ok(Output::new(solutions?, (shared_params, weights)))
    }

    /// The gradient of a loss with the derivatives `d_states`, `B (T + 1) NX` numbers, and `d_controls`, `B T NU`. Each problem
    /// is differentiated at its solution, with the weights of the forward pass. Sums over the batch add up in blocks of 32
    /// problems by index, so they have the same bits for any number of threads.
    ///
    /// # Errors
    /// [`LayerError`] for a list of another length, for a number of a solution that is not finite, and with
    /// [`OnNoGradient::Raise`] where a gradient does not exist.
    pub fn backward(
        &self,
        output: &Output<NX, NU, NP, NS, ND>,
        d_states: &[f64],
        d_controls: &[f64],
        on_no_gradient: OnNoGradient,
    ) -> Result<LayerGradient, LayerError> {
        check_length(Input::LossStates, d_states.len(), output.states.len())?;
        check_length(Input::LossControls, d_controls.len(), output.controls.len())?;
        // A trajectory that diverged has a loss that is no number; it has no gradient, and must not end those of the others.
        let of_solutions = |loss: &[f64]| -> Vec<f64> {
            let problems = loss.chunks((loss.len() / output.batch()).max(1)).zip(&output.solutions);
            let counts = |solution: &Solution<NX, NU, NP, NS, ND>| solution.status.is_converged();
            problems.flat_map(|(own, solution)| own.iter().map(|d| if counts(solution) { *d } else { 0.0 })).collect()
        };
        let (d_states, d_controls) = (of_solutions(d_states), of_solutions(d_controls));
        check_vector(Input::LossStates, &d_states)?;
        check_vector(Input::LossControls, &d_controls)?;
        let model = self.model_with(&output.weights)?;
        let (states, controls) = (d_states.len() / output.batch(), d_controls.len() / output.batch());
        let loss = |k: usize| {
            let states = d_states[k * states..][..states].chunks_exact(NX).map(SVector::from_column_slice);
            let controls = d_controls[k * controls..][..controls].chunks_exact(NU).map(SVector::from_column_slice);
            LossGradient::new(states.collect(), controls.collect())
        };
        let blocks: Vec<Block> = output
            .solutions
            .par_chunks(BLOCK)
            .enumerate()
            .map(|(block, solutions)| {
                let first = block * BLOCK;
                let losses: Vec<_> = (first..first + solutions.len()).map(loss).collect();
                let mut sums = Block::new(output.shared_params, self.weight_count);
                for (gradient, solution) in
                    differentiate(&model, &self.settings, solutions, &losses).into_iter().zip(solutions)
                {
                    sums.push(gradient, (solution.states.len(), on_no_gradient));
                }
                sums
            })
            .collect();
        let mut total = Block::new(output.shared_params, self.weight_count);
        blocks.into_iter().for_each(|block| total.append(block));
        if on_no_gradient == OnNoGradient::Raise {
            let mut refused = total.gradient.refused.iter().enumerate();
            if let Some((problem, error)) = refused.find_map(|(problem, error)| Some((problem, error.as_ref()?))) {
                return Err(LayerError::NoGradient { problem, error: error.clone() });
            }
        }
        Ok(total.gradient)
    }

    /// The model with weights, or with its own where there are none.
    fn model_with(&self, weights: &[f64]) -> Result<M, LayerError> {
        let mut model = self.model.clone();
        if weights.is_empty() {
            return Ok(model);
        }
        check_length(Input::Weights, weights.len(), self.weight_count)?;
        check_vector(Input::Weights, weights)?;
        let mut rest = weights;
        for network in model.network_weights_mut() {
            let (own, others) = rest.split_at(network.len());
            network.copy_from_slice(own);
            rest = others;
        }
        Ok(model)
    }
}

/// Solves a batch, in lanes where it fills some.
#[allow(clippy::type_complexity, reason = "a solution or an error for each problem")]
fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    horizon: usize,
    settings: &Settings,
    problems: &[Problem<NX, NU, NP, NS, ND>],
) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    #[cfg(feature = "lanes")]
    if problems.len() >= LANES_FROM {
        return batch::solve_lanes(model, horizon, settings, problems);
    }
    batch::solve(model, horizon, settings, problems)
}

/// Differentiates a batch, in lanes where it fills some.
fn differentiate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: &M,
    settings: &Settings,
    solutions: &[Solution<NX, NU, NP, NS, ND>],
    losses: &[LossGradient<NX, NU, ND>],
) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    #[cfg(feature = "lanes")]
    if solutions.len() >= LANES_FROM {
        return batch::vjp_lanes(model, settings, solutions, losses);
    }
    batch::vjp(model, settings, solutions, losses)
}

/// The gradients of problems one after another, and their sums.
struct Block {
    gradient: LayerGradient,
    shared_params: bool,
}

impl Block {
    fn new(shared_params: bool, weights: usize) -> Self {
        let gradient = LayerGradient {
            x0: Vec::new(),
            params: Vec::new(),
            stage_params: Vec::new(),
            weights: vec![0.0; weights],
            refused: Vec::new(),
        };
        Self { gradient, shared_params }
    }

    /// Adds the gradient of the next problem, which has this number of states.
    fn push<const NX: usize, const NP: usize, const NS: usize>(
        &mut self,
        gradient: Result<Gradient<NX, NP, NS>, GradientError>,
        (states, on_no_gradient): (usize, OnNoGradient),
    ) {
        let fill = if on_no_gradient == OnNoGradient::Nan { f64::NAN } else { 0.0 };
        let (gradient, refused) = match gradient {
            Ok(gradient) => (gradient, None),
            Err(error) => {
                let gradient = Gradient {
                    params: SVector::repeat(fill),
                    initial_state: SVector::repeat(fill),
                    stage_params: vec![SVector::repeat(fill); states],
                    weights: vec![fill; self.gradient.weights.len()],
                };
                (gradient, Some(error))
            }
        };
        self.gradient.x0.extend_from_slice(gradient.initial_state.as_slice());
        self.gradient.stage_params.extend(gradient.stage_params.iter().flat_map(|s| s.iter().copied()));
        self.add_params(gradient.params.as_slice());
        add(&mut self.gradient.weights, &gradient.weights);
        self.gradient.refused.push(refused);
    }

    fn add_params(&mut self, params: &[f64]) {
        if self.shared_params {
            self.gradient.params.resize(params.len(), 0.0);
            add(&mut self.gradient.params, params);
        } else {
            self.gradient.params.extend_from_slice(params);
        }
    }

    fn append(&mut self, next: Self) {
        let LayerGradient { x0, params, stage_params, weights, refused } = next.gradient;
        self.gradient.x0.extend(x0);
        self.gradient.stage_params.extend(stage_params);
        self.add_params(&params);
        add(&mut self.gradient.weights, &weights);
        self.gradient.refused.extend(refused);
    }
}

fn add(sum: &mut [f64], terms: &[f64]) {
    sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}
