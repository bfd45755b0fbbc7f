//! Why a solve did not end as [`Status::Converged`](crate::Status::Converged), where more than the status can be said: the
//! place of a number that is not finite, or of a kink.

use core::fmt;

use crate::model::rows::Limit;

/// Where a solve failed, from [`Solution::cause`](crate::Solution::cause).
///
/// ```
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Ilqr, Model, Problem, Scalar, Settings, Status};
///
/// /// `x+ = x + u / p`, `l = u^2`, `l_T = x^2`.
/// struct Divided;
/// # impl Model<1, 1, 1> for Divided {
/// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
/// #         next[0] = at.x[0] + at.u[0] / at.p[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>) -> S {
/// #         at.u[0] * at.u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1>) -> S {
/// #         at.x[0] * at.x[0]
/// #     }
/// # }
///
/// let mut solver = Ilqr::new(Divided, 5, Settings::default())?;
/// let solution = solver.solve(&Problem::new([1.0], [0.0], 5))?;
/// assert_eq!(solution.status, Status::Diverged);
/// let cause = solution.cause.expect("a solve that diverged has a cause");
/// assert_eq!(cause.to_string(), "not finite: the dynamics at stage 0, entry 0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Cause {
    /// A function of the model is NaN or infinite on the returned trajectory. Values are searched from stage 0 on, then
    /// derivatives from the horizon back, in the order in which the solver evaluates them; the first one is named.
    NonFinite {
        /// Which function.
        function: ModelFunction,
        /// Stage `t`; the horizon for terminal functions.
        stage: usize,
        /// Index into the function's value, as [`ModelFunction`] describes it.
        entry: usize,
    },
    /// As [`NonFinite`](Self::NonFinite), for a limit that is no entry of `c` or `c_T`: its value, or a derivative of it, is NaN or
    /// infinite on the returned trajectory.
    NonFiniteLimit {
        /// Which limit.
        limit: Limit,
        /// Stage `t`; the horizon for limits of the terminal state.
        stage: usize,
    },
    /// The solve found no trajectory that satisfies the constraints ([`Status::Infeasible`](crate::Status::Infeasible)). The
    /// returned one violates this limit most, over its magnitude; [`Stats::violation`](crate::Stats::violation) says by how much.
    Violated {
        /// Which limit.
        limit: Limit,
        /// Stage `t`; the horizon for limits of the terminal state.
        stage: usize,
    },
    /// The time step of the integrator, which depends on parameters or design variables, is zero, negative or NaN on the
    /// returned trajectory. The dynamics are NaN there.
    TimeStep {
        /// Stage `t`, the first of them.
        stage: usize,
    },
    /// Every function of the model is finite on the returned trajectory. What the solver combines from them is not: a sum
    /// of costs, a penalty, a costate times a derivative.
    Overflow,
    /// The solve made no progress ([`Status::LineSearchFailed`](crate::Status::LineSearchFailed),
    /// [`Status::RegularizationLimit`](crate::Status::RegularizationLimit),
    /// [`Status::IterationLimit`](crate::Status::IterationLimit)), and the trajectory is at a kink: along the last step
    /// one-sided differences of `l + lambda' f` disagree, however short they are. Newton's method needs second derivatives,
    /// which do not exist there. A smooth function in the place of the branch helps: `sqrt(x^2 + e^2)` for `|x|`.
    ///
    /// Only of models with branches ([`Model::HAS_KINKS`](crate::Model::HAS_KINKS)).
    Kink {
        /// The stage whose differences disagree most; the horizon for terminal functions.
        stage: usize,
    },
    /// As [`NonFinite`](Self::NonFinite), for an implicit function at the returned unknowns.
    NonFiniteFunction {
        /// Which function.
        function: ModelFunction,
        /// Index into the function's value, as [`ModelFunction`] describes it.
        entry: usize,
    },
    /// As [`Kink`](Self::Kink), for an implicit function: along the last step one-sided differences of an equation, or of the
    /// objective, disagree.
    KinkOfFunction {
        /// The equation; `None` for the objective.
        equation: Option<usize>,
    },
}

/// A function of the model or one of its derivatives, as a [`Cause`] names it. `z = (x, u)`; in models that have more variables
/// the control of the stage before, the design variables and the excesses of soft constraints follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ModelFunction {
    /// `f`; the entry is that of the next state.
    Dynamics,
    /// `l`; entry 0.
    StageCost,
    /// `l_T`; entry 0.
    TerminalCost,
    /// `c`; the entry is the constraint's index.
    StageConstraints,
    /// `c_T`; the entry is the constraint's index.
    TerminalConstraints,
    /// `fx` and `fu`; the entry is the row, that is the entry of the next state.
    DynamicsJacobian,
    /// `lx` and `lu`; the entry is that of `z`.
    StageCostGradient,
    /// The second derivatives of `l + lambda' f` (of `l` alone with [`Hessian::GaussNewton`](crate::Hessian)); the entry is
    /// the row, an entry of `z`.
    StageHessian,
    /// `l_T,x`; the entry is that of the state.
    TerminalCostGradient,
    /// `l_T,xx`; the entry is the row, an entry of the state.
    TerminalCostHessian,
    /// Derivatives of `c`; the entry is the constraint's index, or the number of constraints for their second derivatives.
    StageConstraintDerivatives,
    /// Derivatives of `c_T`; the entry is as for those of `c`.
    TerminalConstraintDerivatives,
    /// The equations of an implicit function, `y - map(y, p)` for a map; the entry is that of the equation.
    Equations,
    /// Their Jacobian in the unknowns; the entry is the row, that is the equation.
    EquationsJacobian,
    /// The objective of an implicit function, or half the sum of squares of its residuals; entry 0.
    Objective,
    /// Its gradient; the entry is that of the unknown.
    ObjectiveGradient,
    /// Its Hessian; the entry is the row, that is the unknown.
    ObjectiveHessian,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite { function, stage, entry } => {
                write!(f, "not finite: {function} at stage {stage}, entry {entry}")
            }
            Self::Violated { limit, stage } => write!(f, "{limit} is violated most, at stage {stage}"),
            Self::NonFiniteLimit { limit, stage } => write!(f, "not finite: {limit} at stage {stage}"),
            Self::TimeStep { stage } => write!(f, "the time step at stage {stage} is not positive"),
            Self::Kink { stage } => write!(f, "a kink of the model at stage {stage}"),
            Self::NonFiniteFunction { function, entry } => write!(f, "not finite: {function}, entry {entry}"),
            Self::KinkOfFunction { equation: Some(equation) } => write!(f, "a kink of equation {equation}"),
            Self::KinkOfFunction { equation: None } => f.write_str("a kink of the objective"),
            Self::Overflow => f.write_str("a sum of the model's functions overflows"),
        }
    }
}

impl fmt::Display for ModelFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dynamics => "the dynamics",
            Self::StageCost => "the stage cost",
            Self::TerminalCost => "the terminal cost",
            Self::StageConstraints => "the stage constraints",
            Self::TerminalConstraints => "the terminal constraints",
            Self::DynamicsJacobian => "the Jacobian of the dynamics",
            Self::StageCostGradient => "the gradient of the stage cost",
            Self::StageHessian => "the Hessian of the stage",
            Self::TerminalCostGradient => "the gradient of the terminal cost",
            Self::TerminalCostHessian => "the Hessian of the terminal cost",
            Self::StageConstraintDerivatives => "a derivative of the stage constraints",
            Self::TerminalConstraintDerivatives => "a derivative of the terminal constraints",
            Self::Equations => "the equations",
            Self::EquationsJacobian => "the Jacobian of the equations",
            Self::Objective => "the objective",
            Self::ObjectiveGradient => "the gradient of the objective",
            Self::ObjectiveHessian => "the Hessian of the objective",
        })
    }
}
