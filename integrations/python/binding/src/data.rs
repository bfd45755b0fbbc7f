//! What goes into a solver and comes out of it, without the sizes of a model in the types. Lists are row-major, with the batch
//! first: `B` problems over `T` stages.

use std::sync::Arc;

use dilqr_runtime::{GradientError, Settings};

use crate::error::Failure;
use crate::trajectory::Trajectory;

/// A solution of any model.
pub(crate) type Solved = Arc<dyn Trajectory>;

/// The sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) nx: usize,
    pub(crate) nu: usize,
    pub(crate) np: usize,
    pub(crate) ns: usize,
    pub(crate) nd: usize,
}

/// The data of `B` problems. Lists that are `None` are not given.
#[derive(Clone, Default)]
pub(crate) struct Problems {
    /// `B NX`.
    pub(crate) x0: Vec<f64>,
    /// `B NP`.
    pub(crate) params: Vec<f64>,
    /// `B (T + 1) NS`.
    pub(crate) stage_params: Vec<f64>,
    /// Controls to start from, `B T NU`.
    pub(crate) controls: Option<Vec<f64>>,
    /// States to start from, `B (T + 1) NX`.
    pub(crate) states: Option<Vec<f64>>,
    /// Feedback of the start, `NU NX`: it is the rollout under `u = u_t + gain x`.
    pub(crate) gain: Option<Vec<f64>>,
    /// Design variables to start from, `B ND`.
    pub(crate) design: Option<Vec<f64>>,
    /// The controls before the first stage, `B NU`.
    pub(crate) previous: Option<Vec<f64>>,
    /// Solutions to start from, `B` of them.
    pub(crate) start: Option<Vec<Solved>>,
}

/// The gradients of `B` losses in the trajectories.
#[derive(Clone, Default)]
pub(crate) struct Losses {
    /// `B (T + 1) NX`.
    pub(crate) states: Vec<f64>,
    /// `B T NU`.
    pub(crate) controls: Vec<f64>,
    /// `B ND`, or empty for zeros.
    pub(crate) design: Vec<f64>,
    /// Of the optimal costs, `B`, or empty for zeros.
    pub(crate) value: Vec<f64>,
}

/// A direction in the data of each of `B` problems, or a gradient in them.
#[derive(Clone, Default)]
pub(crate) struct DataVectors {
    /// `B NX`.
    pub(crate) x0: Vec<f64>,
    /// `B NP`.
    pub(crate) params: Vec<f64>,
    /// `B (T + 1) NS`.
    pub(crate) stage_params: Vec<f64>,
}

/// The gradient of one problem, or why there is none.
pub(crate) type OneGradient = Result<DataVectors, GradientError>;

/// The second derivative of a loss that is linear in the trajectory, along a direction: the change of its gradient, and that of
/// the trajectory.
pub(crate) struct Second {
    pub(crate) gradient: DataVectors,
    /// `(T + 1) NX`.
    pub(crate) states: Vec<f64>,
    /// `T NU`.
    pub(crate) controls: Vec<f64>,
}

/// The derivative of a trajectory in parameters.
pub(crate) struct FlatJacobian {
    /// `(T + 1) NX N`.
    pub(crate) states: Vec<f64>,
    /// `T NU N`.
    pub(crate) controls: Vec<f64>,
    /// `ND N`.
    pub(crate) design: Vec<f64>,
}

/// Problems of one model over one horizon.
pub(crate) trait AnySolver: Send + Sync {
    fn horizon(&self) -> usize;
    fn settings(&self) -> &Settings;
    /// Solves one problem, on this thread.
    fn solve(&self, problem: &Problems) -> Result<Solved, Failure>;
    /// Solves all, on the threads of the pool that this is called in.
    fn solve_batch(&self, problems: &Problems) -> Result<Vec<Solved>, Failure>;
    /// The gradients of losses with these derivatives, on the threads of the pool that this is called in; of one on this thread.
    fn vjp(&self, solutions: &[Solved], losses: &Losses) -> Result<Vec<OneGradient>, Failure>;
    /// The second derivatives of losses that are linear.
    fn hvp(
        &self,
        solutions: &[Solved],
        losses: &Losses,
        directions: &DataVectors,
    ) -> Result<Vec<Result<Second, GradientError>>, Failure>;
    /// The derivative of the trajectory in the parameters, or in those of a stage.
    fn jacobian(&self, solution: &Solved, stage: Option<usize>) -> Result<FlatJacobian, Failure>;
    /// The gradient of the optimal cost.
    fn value_gradient(&self, solution: &Solved) -> Result<DataVectors, Failure>;
}
