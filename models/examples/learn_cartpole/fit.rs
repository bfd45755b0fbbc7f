//! Levenberg-Marquardt on the mean squared force error (Levenberg 1944; Marquardt 1963).
//!
//! The forces solve an optimal control problem. Their derivatives in the parameters are exact, so the fit converges
//! quadratically if the expert solved the same problem.

use dilqr_models::cartpole::{Cartpole, Control, Params, Problem, Solver, State};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{GradientError, Settings, SettingsError, SolveError, Status, batch};

use crate::demonstrations::Demonstration;

const NP: usize = Params::NAMES.len();
pub(crate) type Solution = dilqr_runtime::Solution<4, 1, NP>;

/// Relative change of a parameter below which the fit has converged.
const STILL: f64 = 1e-10;

/// Errors of evaluating demonstrations at some parameters.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FitError {
    #[error("no solver")]
    NoSolver(#[from] SettingsError),
    #[error("trajectory {trajectory} cannot be solved")]
    Refused { trajectory: usize, source: SolveError },
    #[error("trajectory {trajectory} was not solved: {status}")]
    Unsolved { trajectory: usize, status: Status },
    #[error("trajectory {trajectory} cannot be differentiated")]
    NotDifferentiable { trajectory: usize, source: GradientError },
}

/// The feedback law of the initial rollout. It keeps the pole upright at all relevant parameters. From zero forces the
/// pole falls, and solves end in other minima than the expert's.
fn feedback(_: usize, x: &SVector<f64, 4>) -> Control {
    let x = State::from(*x);
    Control { force: 2.0 * x.position + 4.0 * x.velocity + 40.0 * x.angle + 8.0 * x.angular_velocity }
}

/// Number of forces of a trajectory, the same in all.
fn horizon(demonstrations: &[Demonstration]) -> usize {
    demonstrations.first().map_or(0, |demonstration| demonstration.forces.len())
}

/// The demonstrated problems, solved at some parameters.
#[derive(Clone)]
pub(crate) struct Evaluation {
    pub(crate) params: Params,
    pub(crate) solutions: Vec<Solution>,
    /// Mean squared difference of the optimal and the expert's forces \[N^2\].
    pub(crate) loss: f64,
}

impl Evaluation {
    /// Solves the problem of every demonstration from its rollout, on all cores.
    pub(crate) fn new(demonstrations: &[Demonstration], params: Params) -> Result<Self, FitError> {
        let horizon = horizon(demonstrations);
        let problem = |demonstration: &Demonstration| {
            Problem::new(demonstration.states[0], params, horizon).with_policy(&Cartpole, feedback)
        };
        let problems: Vec<_> = demonstrations.iter().map(problem).collect();
        let mut solutions = Vec::with_capacity(problems.len());
        let results = batch::solve(&Cartpole, horizon, &Settings::default(), &problems);
        for (result, &Demonstration { trajectory, .. }) in results.into_iter().zip(demonstrations) {
            let solution = result.map_err(|source| FitError::Refused { trajectory, source })?;
            if solution.status != Status::Converged {
                return Err(FitError::Unsolved { trajectory, status: solution.status });
            }
            solutions.push(solution);
        }
        let errors = solutions.iter().zip(demonstrations).flat_map(|(solution, expert)| errors(solution, expert));
        let loss = errors.map(|error| error.powi(2)).sum::<f64>() / (horizon * solutions.len()) as f64;
        Ok(Self { params, solutions, loss })
    }
}

/// The optimal forces minus the expert's \[N\], step by step.
fn errors(solution: &Solution, expert: &Demonstration) -> impl Iterator<Item = f64> {
    solution.controls.iter().zip(&expert.forces).map(|(u, force)| u[0] - force)
}

/// The sum of squared errors to second order about some parameters, by Gauss and Newton: with `J` the Jacobian of the
/// errors `e`, the matrix `J' J` and the vector `J' e`.
struct NormalEquations {
    matrix: SMatrix<f64, NP, NP>,
    vector: SVector<f64, NP>,
}

impl NormalEquations {
    fn new(solver: &mut Solver, demonstrations: &[Demonstration], at: &Evaluation) -> Result<Self, FitError> {
        let mut sums = Self { matrix: SMatrix::zeros(), vector: SVector::zeros() };
        for (solution, expert) in at.solutions.iter().zip(demonstrations) {
            let jacobian = solver
                .jacobian(solution)
                .map_err(|source| FitError::NotDifferentiable { trajectory: expert.trajectory, source })?;
            for (row, error) in jacobian.controls.iter().zip(errors(solution, expert)) {
                sums.matrix += row.transpose() * row;
                sums.vector += row.transpose() * error;
            }
        }
        Ok(sums)
    }

    /// The minimum of the model plus `damping` times the squares of the scaled changes; `None` if there is none.
    fn step(&self, damping: f64) -> Option<SVector<f64, NP>> {
        let damped = self.matrix + SMatrix::from_diagonal(&(self.matrix.diagonal() * damping));
        Some(damped.cholesky()?.solve(&-self.vector))
    }
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The loss fell.
    Accepted,
    /// The loss did not fall, a problem was not solved, or a parameter was not positive: only the damping changed.
    Rejected,
    /// The step no longer changes the parameters.
    Converged,
}

/// A fit in progress.
pub(crate) struct Fit<'a> {
    demonstrations: &'a [Demonstration],
    solver: Solver,
    current: Evaluation,
    equations: NormalEquations,
    damping: f64,
}

impl<'a> Fit<'a> {
    /// Starts at `start`, where every problem must have a solution.
    pub(crate) fn new(demonstrations: &'a [Demonstration], start: Params) -> Result<Self, FitError> {
        let current = Evaluation::new(demonstrations, start)?;
        let mut solver = Solver::new(Cartpole, horizon(demonstrations), Settings::default())?;
        let equations = NormalEquations::new(&mut solver, demonstrations, &current)?;
        // Small enough for nearly full steps from a sensible start, large enough to matter when a step was rejected.
        Ok(Self { demonstrations, solver, current, equations, damping: 1e-3 })
    }

    /// The best parameters so far, with their evaluation.
    pub(crate) fn current(&self) -> &Evaluation {
        &self.current
    }

    /// The damping of the next step, relative to the diagonal of `J' J`.
    pub(crate) fn damping(&self) -> f64 {
        self.damping
    }

    /// Makes one step. A success decreases the damping of the next one, a failure increases it.
    pub(crate) fn step(&mut self) -> Outcome {
        let params = SVector::from(self.current.params);
        let trial = self.equations.step(self.damping).map(|step| params + step);
        if trial.is_some_and(|trial| (trial - params).iter().zip(&params).all(|(step, p)| step.abs() <= STILL * p)) {
            return Outcome::Converged;
        }
        match trial.and_then(|trial| self.improvement(trial)) {
            Some((evaluation, equations)) => {
                (self.current, self.equations) = (evaluation, equations);
                self.damping /= 10.0;
                Outcome::Accepted
            }
            None => {
                self.damping *= 10.0;
                Outcome::Rejected
            }
        }
    }

    /// The evaluation at `params`, if the loss falls there.
    fn improvement(&mut self, params: SVector<f64, NP>) -> Option<(Evaluation, NormalEquations)> {
        if !params.iter().all(|&p| p > 0.0 && p.is_finite()) {
            return None;
        }
        let evaluation = Evaluation::new(self.demonstrations, params.into()).ok()?;
        if evaluation.loss >= self.current.loss {
            return None;
        }
        let equations = NormalEquations::new(&mut self.solver, self.demonstrations, &evaluation).ok()?;
        Some((evaluation, equations))
    }
}
