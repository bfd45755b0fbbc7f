//! The words of implicit functions in the place of those of control: a minimum is found as a control problem of one stage, whose
//! errors name a stage, controls and dynamics.

use crate::cause::{Cause, ModelFunction};
use crate::error::{GradientError, SolveError};
use crate::implicit::settings::Settings;
use crate::implicit::solution::Solution;
use crate::model::rows::{Limit, Variable};
use crate::ocp::stationarity::STEP_MARGIN;

/// What is no solution: its Newton step is too long.
pub(super) fn not_converged<const NY: usize, const NP: usize>(
    settings: &Settings,
    solution: &Solution<NY, NP>,
    step: f64,
) -> GradientError {
    GradientError::NotConverged {
        status: solution.status,
        dynamics: 0.0,
        dynamics_tolerance: 0.0,
        step,
        step_tolerance: STEP_MARGIN * settings.tolerance,
        violation: 0.0,
    }
}

fn of_variable(variable: Variable) -> Variable {
    match variable {
        Variable::ControlEntry(index) => Variable::Unknown(index),
        other => other,
    }
}

/// A limit of the unknowns.
pub(super) fn of_limit(limit: Limit) -> Limit {
    match limit {
        Limit::LowerBound { variable } => Limit::LowerBound { variable: of_variable(variable) },
        Limit::UpperBound { variable } => Limit::UpperBound { variable: of_variable(variable) },
        other => other,
    }
}

pub(super) fn of_solve_error(error: SolveError) -> SolveError {
    match error {
        SolveError::BoundsReversed { variable, name, stage, lower, upper } => {
            SolveError::BoundsReversed { variable: of_variable(variable), name, stage, lower, upper }
        }
        SolveError::UndefinedBound { variable, name, stage, lower, upper } => {
            SolveError::UndefinedBound { variable: of_variable(variable), name, stage, lower, upper }
        }
        other => other,
    }
}

pub(super) fn of_gradient_error(error: GradientError) -> GradientError {
    match error {
        GradientError::Problem(error) => GradientError::Problem(of_solve_error(error)),
        GradientError::NotPositiveDefinite { .. } => GradientError::NotStrictMinimum,
        GradientError::WeaklyActive { stage, limit, margin } => {
            GradientError::WeaklyActive { stage, limit: of_limit(limit), margin }
        }
        GradientError::ConstraintsDependent { stage, limit } => {
            GradientError::ConstraintsDependent { stage, limit: limit.map(of_limit) }
        }
        GradientError::NotConverged { status, step, step_tolerance, violation, .. } => {
            let (dynamics, dynamics_tolerance) = (0.0, 0.0);
            GradientError::NotConverged { status, dynamics, dynamics_tolerance, step, step_tolerance, violation }
        }
        other => other,
    }
}

pub(super) fn of_cause(cause: Cause) -> Cause {
    let of_function = |function| match function {
        ModelFunction::StageCost | ModelFunction::TerminalCost => ModelFunction::Objective,
        ModelFunction::StageCostGradient => ModelFunction::ObjectiveGradient,
        ModelFunction::StageHessian => ModelFunction::ObjectiveHessian,
        other => other,
    };
    match cause {
        Cause::NonFinite { function, entry, .. } => Cause::NonFiniteFunction { function: of_function(function), entry },
        Cause::Kink { .. } => Cause::KinkOfFunction { equation: None },
        other => other,
    }
}
