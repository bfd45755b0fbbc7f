//! What a layer returns: flat lists of numbers, and for each problem how it ended.

use alloc::vec::Vec;

use crate::cause::Cause;
use crate::error::GradientError;
use crate::solution::Solution;
use crate::status::Status;

/// The solutions of a batch of `B` problems over `T` stages. Lists are row-major, with the batch first.
///
/// It carries all that [`Layer::backward`](crate::layer::Layer::backward) needs, so a layer may solve other batches in between.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    /// `B (T + 1) NX` numbers.
    pub states: Vec<f64>,
    /// `B T NU` numbers.
    pub controls: Vec<f64>,
    /// The design variables, `B ND` numbers.
    pub design: Vec<f64>,
    /// The cost of each problem, `B` numbers.
    pub cost: Vec<f64>,
    /// The outcome of each problem. The trajectory of one that has not converged is the last iterate.
    pub status: Vec<Status>,
    /// The cause of the outcome, where there is one.
    pub cause: Vec<Option<Cause>>,
    pub(super) solutions: Vec<Solution<NX, NU, NP, NS, ND>>,
    /// Whether one list of parameters served all problems.
    pub(super) shared_params: bool,
    /// The weights that were given, or none.
    pub(super) weights: Vec<f64>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Output<NX, NU, NP, NS, ND> {
    pub(super) fn new(solutions: Vec<Solution<NX, NU, NP, NS, ND>>, (shared_params, weights): (bool, &[f64])) -> Self {
        let mut output = Self {
            states: Vec::new(),
            controls: Vec::new(),
            design: Vec::new(),
            cost: Vec::with_capacity(solutions.len()),
            status: Vec::with_capacity(solutions.len()),
            cause: Vec::with_capacity(solutions.len()),
            solutions: Vec::new(),
            shared_params,
            weights: weights.to_vec(),
        };
        for solution in &solutions {
            output.states.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
            output.controls.extend(solution.controls.iter().flat_map(|u| u.iter().copied()));
            output.design.extend(solution.design.iter().copied());
            output.cost.push(solution.cost);
            output.status.push(solution.status);
            output.cause.push(solution.cause);
        }
        output.solutions = solutions;
        output
    }

    /// The number of problems.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.solutions.len()
    }

    /// The solutions themselves, with gains, multipliers and statistics.
    #[must_use]
    pub fn solutions(&self) -> &[Solution<NX, NU, NP, NS, ND>] {
        &self.solutions
    }
}

/// The gradient of a loss on an [`Output`]. Lists have the lengths of the inputs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerGradient {
    /// With respect to the initial states, `B NX` numbers; zero where the solve chooses them.
    pub x0: Vec<f64>,
    /// With respect to the parameters: `B NP` numbers, or `NP` where one list served all problems.
    pub params: Vec<f64>,
    /// With respect to the stage parameters, `B (T + 1) NS` numbers.
    pub stage_params: Vec<f64>,
    /// With respect to the weights of the model's networks, summed over the batch.
    pub weights: Vec<f64>,
    /// Why a problem has no gradient, `B` entries; `None` for those that have one.
    pub refused: Vec<Option<GradientError>>,
}

/// What stands for a gradient that does not exist: that of a problem that has not converged, or whose solution has no derivative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum OnNoGradient {
    /// An error, for the first such problem of the batch.
    #[default]
    Raise,
    /// Zeros: the problem has no part in a training step.
    Zero,
    /// NaN, also in the sums over the batch.
    Nan,
}
