//! Errors: input that is wrong, and gradients that do not exist. A numerical outcome of a solve is a [`Status`], not an error.

use alloc::string::String;
use core::fmt;
use thiserror::Error;

use crate::model::rows::{Limit, Variable};
use crate::status::Status;

/// An input of the solver, as the errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// The initial state `x0`.
    InitialState,
    /// The parameters `p`.
    Params,
    /// The guess of the design variables.
    Design,
    /// The control of the stage before the first one.
    Previous,
    /// The per-stage parameters `s_t`, one vector for each of the `T + 1` stages.
    StageParams,
    /// The controls `u_t`, `T` of them.
    Controls,
    /// The states `x_t`, `T + 1` of them.
    States,
    /// The feedback gains `K_t`, `T` of them.
    Gains,
    /// The costates, `T + 1` of them.
    Costates,
    /// The multipliers of bounds, one vector for each of the `T` stages.
    BoundMultipliers,
    /// The loss gradient in the states, `T + 1` vectors.
    LossStates,
    /// The loss gradient in the controls, `T` vectors.
    LossControls,
    /// The loss gradient in the design.
    LossDesign,
    /// The multipliers of a solution.
    Multipliers,
    /// The weights of an augmented Lagrangian.
    PenaltyWeights,
    /// A direction in the problem's data.
    Direction,
    /// The loss Hessian's product in the states, `T + 1` vectors.
    LossHessianStates,
    /// The loss Hessian's product in the controls, `T` vectors.
    LossHessianControls,
    /// The loss Hessian's product in the design.
    LossHessianDesign,
    /// The loss gradients of a batch, one for each solution.
    LossGradients,
    /// The weights of a network.
    Weights,
    /// The means of the inputs of a network.
    InputMean,
    /// The scales of the inputs of a network.
    InputScale,
    /// The means of the outputs of a network.
    OutputMean,
    /// The scales of the outputs of a network.
    OutputScale,
    /// The constant output of a network.
    ConstantOutput,
    /// The unknowns of an implicit function, or a guess of them.
    Unknown,
    /// The loss gradient in the unknowns of an implicit function.
    LossUnknown,
    /// The loss Hessian's product in these unknowns.
    LossHessianUnknown,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InitialState => "the initial state",
            Self::Params => "the parameter vector",
            Self::Design => "the guess of the design",
            Self::Previous => "the previous control",
            Self::StageParams => "the list of stage parameters",
            Self::Controls => "the list of controls",
            Self::States => "the list of states",
            Self::Gains => "the list of gains",
            Self::Costates => "the list of costates",
            Self::BoundMultipliers => "the list of multipliers of bounds",
            Self::LossStates => "the loss gradient in the states",
            Self::LossControls => "the loss gradient in the controls",
            Self::LossDesign => "the loss gradient in the design",
            Self::Multipliers => "the list of multipliers",
            Self::PenaltyWeights => "the list of penalty weights",
            Self::Direction => "the direction",
            Self::LossHessianStates => "the loss Hessian's product in the states",
            Self::LossHessianControls => "the loss Hessian's product in the controls",
            Self::LossHessianDesign => "the loss Hessian's product in the design",
            Self::LossGradients => "the list of loss gradients",
            Self::Weights => "the list of weights",
            Self::InputMean => "the mean of the inputs",
            Self::InputScale => "the scale of the inputs",
            Self::OutputMean => "the mean of the outputs",
            Self::OutputScale => "the scale of the outputs",
            Self::ConstantOutput => "the constant output",
            Self::Unknown => "the vector of unknowns",
            Self::LossUnknown => "the loss gradient in the unknowns",
            Self::LossHessianUnknown => "the loss Hessian's product in the unknowns",
        })
    }
}

/// The place of a number in an input: the stage, for inputs with one vector a stage, and the entry of the vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// Stage `t`, for inputs given stage by stage.
    pub stage: Option<usize>,
    /// Index into the vector.
    pub entry: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Some(stage) => write!(f, "stage {stage}, entry {}", self.entry),
            None => write!(f, "entry {}", self.entry),
        }
    }
}

/// A variable with its name and its stage.
struct Bounded(Variable, Option<&'static str>, Option<usize>);

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(variable, name, stage) = *self;
        variable.write(name, f)?;
        stage.map_or(Ok(()), |stage| write!(f, " at stage {stage}"))
    }
}

/// The residual of the dynamics, of a problem that has some.
fn dynamics_part(residual: f64, tolerance: f64) -> String {
    if tolerance == 0.0 {
        return String::new();
    }
    format!("dynamics residual {residual:e} (at most {tolerance:e}), ")
}

/// The stage of a limit; nothing for limits of unknowns, which have no stage.
fn stage_suffix(limit: Option<&Limit>, stage: usize) -> String {
    let variable = match limit {
        Some(Limit::LowerBound { variable } | Limit::UpperBound { variable }) => Some(variable),
        _ => None,
    };
    if matches!(variable, Some(Variable::Unknown(_))) { String::new() } else { format!(" at stage {stage}") }
}

fn limit_suffix(limit: &Option<Limit>) -> String {
    limit.as_ref().map_or_else(String::new, |limit| format!(": {limit}"))
}

/// Why a solver could not be made.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A setting lies outside its range.
    #[error("setting `{name}` is {given}, expected {expected}")]
    OutOfRange {
        /// Path of the field in [`Settings`](crate::Settings).
        name: &'static str,
        /// Its value.
        given: f64,
        /// The range in words.
        expected: &'static str,
    },
    /// A horizon without a single stage.
    #[error("the horizon is 0, expected at least 1")]
    EmptyHorizon,
    /// An estimator of a model whose initial state is given.
    #[error("the initial state of the model is given, expected a free one: `initial_state = free`")]
    GivenInitialState,
    /// An estimator of a model whose initial cost is no arrival cost of its parameters `mean` and `information`.
    #[error(
        "the initial cost of the model is not `(x - mean)' information (x - mean)` times a constant, with the parameters \
         `mean` and `information`"
    )]
    ArrivalCost,
}

/// A list of numbers with the wrong length or with numbers that are not finite.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// A list of vectors has the wrong length.
    #[error("{input} has length {given}, expected {expected}")]
    WrongLength {
        /// Which list.
        input: Input,
        /// Its length.
        given: usize,
        /// The length for this horizon.
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("{input} is {given} at {position}, expected a finite number")]
    NonFinite {
        /// Which input.
        input: Input,
        /// Where.
        position: Position,
        /// The number.
        given: f64,
    },
    /// A scale of a network, or a weight of an augmented Lagrangian, is zero, negative, infinite or NaN.
    #[error("{input} is {given} at {position}, expected a positive number")]
    NotPositive {
        /// Which input.
        input: Input,
        /// Where.
        position: Position,
        /// The number.
        given: f64,
    },
    /// The model reads the control of the stage before, and the problem does not give the one before the first stage.
    #[error("the model reads the previous control, which the problem does not give: add `with_previous`")]
    PreviousMissing,
    /// The problem gives a previous control, and no function of the model reads one.
    #[error("the problem gives a previous control, but no function of the model reads one")]
    PreviousUnused,
    /// The penalty of a soft constraint is negative, infinite or NaN, at these parameters.
    #[error(
        "a factor of the penalty of the soft constraints at stage {stage} is {given}, expected a finite number >= 0"
    )]
    Penalty {
        /// The stage; that of the terminal state is the horizon.
        stage: usize,
        /// The factor.
        given: f64,
    },
    /// Both factors of the penalty of a soft constraint are zero, at these parameters: it would mean nothing, and its excess have no
    /// best value. A limit that is far away is the same.
    #[error(
        "both factors of the penalty of the soft constraints at stage {stage} are zero, expected a positive one: a soft constraint that does not count at a stage has a limit far away there"
    )]
    NoPenalty {
        /// The stage; that of the terminal state is the horizon.
        stage: usize,
    },
    /// A number of the solution that [`Problem::with_warm_start`](crate::Problem::with_warm_start) was given is NaN or infinite.
    /// A solve that has failed may leave such numbers.
    #[error("the warm start is not finite: {input} is {given} at {position}")]
    WarmStart {
        /// Which list of the solution.
        input: Input,
        /// Where.
        position: Position,
        /// The number.
        given: f64,
    },
}

impl InputError {
    /// That of a number that comes from a warm start.
    pub(crate) fn of_warm_start(self) -> Self {
        match self {
            Self::NonFinite { input, position, given } => Self::WarmStart { input, position, given },
            other => other,
        }
    }
}

/// Why a problem was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The settings or the horizon were refused. Only from [`batch`](crate::batch), which makes its own solvers.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A list of numbers was refused.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The problem's horizon is not the solver's.
    #[error("the problem has horizon {given}, the solver was made for horizon {expected}")]
    Horizon {
        /// Horizon of the problem.
        given: usize,
        /// Horizon of the solver.
        expected: usize,
    },
    /// A lower bound lies above its upper one, at these parameters. Sides that depend on design variables are not compared: such a
    /// problem is infeasible.
    #[error(
        "the bounds of {} are reversed: {lower} to {upper}, expected the lower one first",
        Bounded(*variable, *name, *stage)
    )]
    BoundsReversed {
        /// The variable.
        variable: Variable,
        /// Its name; `None` where the model gives none.
        name: Option<&'static str>,
        /// The stage; `None` where the bounds are the same at all stages.
        stage: Option<usize>,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },
    /// A bound is not a number at these parameters, or infinite on the wrong side.
    #[error("the bounds of {} are {lower} to {upper}, expected numbers", Bounded(*variable, *name, *stage))]
    UndefinedBound {
        /// The variable.
        variable: Variable,
        /// Its name; `None` where the model gives none.
        name: Option<&'static str>,
        /// The stage; `None` where the bounds are the same at all stages.
        stage: Option<usize>,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },
    /// A subproblem of an augmented Lagrangian, of a model that chooses entries of the initial state, design variables, or excesses of
    /// terminal soft constraints. All of these belong to the start, which the method keeps.
    #[error(
        "the solve chooses its start (a free initial state, design variables or terminal soft constraints), and an \
         augmented Lagrangian keeps it"
    )]
    AugmentedStart,
}

/// Why a solution has no gradient.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum GradientError {
    /// The settings or the horizon were refused. Only from [`batch`](crate::batch), which makes its own solvers.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A list of numbers was refused.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The problem to be solved first was refused.
    #[error(transparent)]
    Problem(#[from] SolveError),
    /// The trajectory is not a solution: the solver stopped early, or the solution was edited since.
    #[error(
        "the solution has not converged: status {status}, {}relative Newton step {step:e} (at most {step_tolerance:e}), \
         constraint violation {violation:e}",
        dynamics_part(*dynamics, *dynamics_tolerance)
    )]
    NotConverged {
        /// Status the solution carries.
        status: Status,
        /// The largest `|x_{t+1} - f(x_t, u_t)|` over the largest magnitude of that state on the trajectory, the initial
        /// state included.
        dynamics: f64,
        /// Its limit; 0 for implicit functions, which have no dynamics.
        dynamics_tolerance: f64,
        /// The largest change that the Newton step of the optimality conditions makes, over the largest magnitude of the
        /// changed variable on the trajectory; NaN where it was not evaluated.
        step: f64,
        /// Its limit.
        step_tolerance: f64,
        /// Largest violation of a constraint or a bound, over its magnitude, with the limit of the step; NaN where it was not
        /// evaluated. In a relaxed problem also the largest difference of a slack from the relaxation over its multiplier,
        /// over the latter, which is at most 1e-9.
        violation: f64,
    },
    /// A limit is on the edge between active and inactive: strict complementarity fails, and with it the derivative. Where the
    /// limit does not change with any of the data, the derivative exists and is given; second derivatives are not.
    #[error("{limit}{} is neither active nor inactive: its margin is {margin:e}", stage_suffix(Some(limit), *stage))]
    WeaklyActive {
        /// Stage `t`; the horizon for terminal constraints.
        stage: usize,
        /// Which limit.
        limit: Limit,
        /// The larger of its distance and its multiplier, both relative: both are nearly zero. See
        /// [`Certificate::margin`](crate::Certificate::margin).
        margin: f64,
    },
    /// The active limits are linearly dependent: multipliers are not unique, and the sensitivity does not exist or depends on
    /// them. Where a limit is the same combination of others in all data, and any multipliers give the same sensitivity, it
    /// is given; second derivatives are not.
    #[error(
        "the constraints that are active{}{} are linearly dependent{}",
        stage_suffix(limit.as_ref(), *stage),
        if stage_suffix(limit.as_ref(), *stage).is_empty() { "" } else { " and later" },
        limit_suffix(limit)
    )]
    ConstraintsDependent {
        /// Stage at which the factorization found the dependence.
        stage: usize,
        /// The limit that depends on the others, if it belongs to that stage.
        limit: Option<Limit>,
    },
    /// The second-order condition fails: `Q_uu` of the unregularized problem is not positive definite, so the point is not
    /// a strict minimum and its sensitivity does not exist.
    #[error("the reduced Hessian is not positive definite at stage {stage}: the solution is not a strict minimum")]
    NotPositiveDefinite {
        /// Stage `t`.
        stage: usize,
    },
    /// As [`NotPositiveDefinite`](Self::NotPositiveDefinite), of an implicit function: the Hessian in the unknowns that no bound
    /// holds is not positive definite.
    #[error("the Hessian in the unknowns is not positive definite: the solution is not a strict minimum")]
    NotStrictMinimum,
    /// The Jacobian of the equations of an implicit function (of `y - map(y, p)` for a map) is singular to working precision. Or it
    /// changes by a tenth within the rounding errors of the unknowns, as at a multiple root. The implicit function theorem gives no
    /// derivative there.
    #[error("the Jacobian of the equations is singular: the root is multiple or not isolated, and has no derivative")]
    Singular,
    /// An implicit function has a kink at the solution, up to rounding errors of the unknowns: the derivatives to its two sides
    /// differ. Only of functions with branches ([`Model::HAS_KINKS`](crate::Model::HAS_KINKS)). A smooth function in the place of
    /// the branch helps: `sqrt(x^2 + e^2)` for `|x|`.
    #[error(
        "the solution is at a kink of the function: the derivative of unknown {unknown} has another value on its other side"
    )]
    Kink {
        /// The unknown whose derivative differs most, relative to its terms.
        unknown: usize,
    },
    /// An estimator that has no window yet: before its second measurement.
    #[error("the estimator has no window before its second measurement")]
    NoWindow,
    /// A stage beyond the horizon.
    #[error("the stage is {given}, expected at most the horizon, {horizon}")]
    NoSuchStage {
        /// The stage.
        given: usize,
        /// The horizon.
        horizon: usize,
    },
    /// The steps that were to be unrolled do not lead to the solution, so that the derivative through them does not
    /// approximate its derivative. An outcome of `Ilqr::unrolled` and `Ilqr::truncated` alone, with the feature `dual`:
    /// the implicit derivative may well exist.
    #[error(
        "the unrolled steps do not contract: step {iteration} moved by {step:e}, the step before it by {previous:e}, and \
         ended {distance:e} from the solution"
    )]
    NotContracting {
        /// The step that does not contract, counted from 1; 0 where the trajectory to start from has no Gauss-Newton gains.
        iteration: usize,
        /// The largest change of an entry in that step, of the trajectory or of its derivative, whichever does not contract.
        /// Infinite where there is no such step: `Q_uu` of the Gauss-Newton Hessian is not positive definite, or numbers are
        /// not finite.
        step: f64,
        /// The same of the step before; NaN at the first step.
        previous: f64,
        /// The largest difference of an entry from the solution after that step. Where `step` is infinite, after the step
        /// before; NaN where there was none.
        distance: f64,
    },
    /// The model has constraints. Their multipliers change between the rounds of a solve, which unrolled steps do not
    /// follow. A relaxed problem can be unrolled if it has no equalities.
    #[error("the model has constraints: its solve cannot be unrolled, differentiate the solution implicitly")]
    UnrolledConstraints,
    /// The solve chooses entries of the initial state, or design variables. Its steps start anew from such an entry, which
    /// unrolled steps do not follow.
    #[error("the solve chooses its start: it cannot be unrolled, differentiate the solution implicitly")]
    UnrolledStart,
    /// The derivative is infinite or undefined at a sound solution, such as that of a square root at zero. Or a barrier of a
    /// relaxed problem has none there, or its weight leaves the derivative no digit.
    #[error("the derivative is not finite")]
    Undefined,
}

/// Checks the length of a list.
pub(crate) fn check_length(input: Input, given: usize, expected: usize) -> Result<(), InputError> {
    if given == expected { Ok(()) } else { Err(InputError::WrongLength { input, given, expected }) }
}

/// Checks that a vector is finite.
pub(crate) fn check_vector(input: Input, vector: &[f64]) -> Result<(), InputError> {
    match vector.iter().position(|value| !value.is_finite()) {
        Some(entry) => {
            Err(InputError::NonFinite { input, position: Position { stage: None, entry }, given: vector[entry] })
        }
        None => Ok(()),
    }
}

/// Checks that numbers are positive and finite.
pub(crate) fn check_positive(input: Input, numbers: &[f64]) -> Result<(), InputError> {
    match numbers.iter().position(|number| !(number.is_finite() && *number > 0.0)) {
        Some(entry) => {
            Err(InputError::NotPositive { input, position: Position { stage: None, entry }, given: numbers[entry] })
        }
        None => Ok(()),
    }
}

/// Checks that vectors are finite, one for each stage.
pub(crate) fn check_finite<'a>(input: Input, vectors: impl Iterator<Item = &'a [f64]>) -> Result<(), InputError> {
    for (stage, vector) in vectors.enumerate() {
        if let Some(entry) = vector.iter().position(|value| !value.is_finite()) {
            let position = Position { stage: Some(stage), entry };
            return Err(InputError::NonFinite { input, position, given: vector[entry] });
        }
    }
    Ok(())
}
