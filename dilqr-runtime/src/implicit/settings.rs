//! How to solve an implicit function.

use crate::error::SettingsError;
use crate::ocp::stationarity::STEP_MARGIN;
use crate::settings::{Hessian, Method, Settings as StageSettings};

/// Settings of [`Solver`](crate::implicit::Solver). All fields are public.
///
/// ```
/// use dilqr_runtime::implicit::Settings;
///
/// let settings = Settings { tolerance: 1e-10, ..Settings::default() };
/// assert!(settings.validate().is_ok());
/// assert!(Settings { tolerance: 0.0, ..settings }.validate().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The largest Newton step at a solution, relative: the change of each unknown over its magnitude. Changes within rounding
    /// errors do not count. Positive.
    pub tolerance: f64,
    /// The largest number of accepted steps.
    pub max_iterations: usize,
    /// Second derivatives of the way to a minimum; the gradient is exact either way. Those of
    /// [`GaussNewton`](Hessian::GaussNewton) leave out second derivatives of residuals. Either is damped where a step does not
    /// lower the objective, which makes the method that of Levenberg and Marquardt. Without effect on equations.
    pub hessian: Hessian,
    /// Threshold under which a bound counts as weakly active; see [`Settings::activity`](crate::Settings::activity).
    pub activity: f64,
    /// `Some(tau)` replaces bounds by barriers; see [`Settings::relaxation`](crate::Settings::relaxation).
    pub relaxation: Option<f64>,
    /// How to find the fixed point of a `map`. Without effect on other functions.
    pub fixed_point: FixedPoint,
    /// How the linear equations of [`vjp`](crate::implicit::Solver::vjp), [`gradient`](crate::implicit::Solver::gradient) and
    /// [`jvp`](crate::implicit::Solver::jvp) are solved. Without effect on solves, Jacobians and second derivatives, which factorize.
    pub linear_solver: LinearSolver,
}

/// How to solve the linear equations of a derivative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum LinearSolver {
    /// [`ConjugateGradients`](Self::ConjugateGradients) with the tolerance 1e-12 from 128 unknowns on, where at most an eighth of
    /// the matrix can be non-zero; [`Dense`](Self::Dense) otherwise.
    #[default]
    Auto,
    /// A factorization, `N^3` operations for `N` unknowns.
    Dense,
    /// Conjugate gradients on the Hessian of a minimum in the unknowns that no bound holds, and on the normal equations of a root:
    /// three to five solves, each with a product or two per step in as many operations as the matrix can have non-zeros. The matrix is
    /// stored. A negative curvature is refused as no minimum.
    ///
    /// A factorization follows where the iteration does not reach the tolerance in ten steps per unknown, and where the check of the
    /// solution is not clear: bounds that are nearly active, relaxed bounds, functions with branches, nearly multiple roots.
    ConjugateGradients {
        /// The residual over the right-hand side at the end of a solve. The error of a derivative is at most this times the condition
        /// of the matrix, whose rows and columns are scaled. Between 0 and 1.
        tolerance: f64,
    },
}

/// How to iterate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iteration {
    /// The relative residual of a solve.
    pub(crate) tolerance: f64,
    /// The largest relative Newton step at a solution.
    pub(crate) step: f64,
}

/// The tolerance of [`LinearSolver::Auto`].
const AUTO_TOLERANCE: f64 = 1e-12;

/// From so many unknowns on it may iterate: a tridiagonal Hessian takes 0.3 to 0.7 of the time of a factorization there, and 0.9 to 1.9 at
/// 96 unknowns, for conditions of 5 and 120.
const MANY: usize = 128;

/// The least number of entries for each one that can be non-zero.
const SPARSE: usize = 8;

/// How to find the fixed point of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FixedPoint {
    /// Newton's method on `y - map(y, p) = 0`.
    #[default]
    Newton,
    /// Anderson acceleration of `y <- map(y, p)` with so many earlier steps (Walker and Ni 2011), for maps whose Jacobian is
    /// expensive. Newton's method takes over near the fixed point, or where the iteration does not converge.
    Anderson {
        /// The number of earlier steps, 1 to 10; the plain iteration with 0.
        memory: usize,
    },
}

/// The most steps that Anderson acceleration combines.
pub(crate) const MOST_MEMORY: usize = 10;

impl Default for Settings {
    fn default() -> Self {
        let StageSettings { tolerance, max_iterations, hessian, activity, .. } = StageSettings::default();
        Self {
            tolerance,
            max_iterations,
            hessian,
            activity,
            relaxation: None,
            fixed_point: FixedPoint::default(),
            linear_solver: LinearSolver::default(),
        }
    }
}

impl Settings {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SettingsError::OutOfRange`] names the first field that is NaN, infinite or out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.of_minimum(Method::Auto).validate()?;
        if let LinearSolver::ConjugateGradients { tolerance: given } = self.linear_solver
            && !(given > 0.0 && given < 1.0)
        {
            let (name, expected) = ("linear_solver.tolerance", "above 0 and below 1");
            return Err(SettingsError::OutOfRange { name, given, expected });
        }
        match self.fixed_point {
            FixedPoint::Anderson { memory } if memory > MOST_MEMORY => Err(SettingsError::OutOfRange {
                name: "fixed_point.memory",
                given: memory as f64,
                expected: "at most 10 steps",
            }),
            _ => Ok(()),
        }
    }

    /// How to iterate for so many unknowns, and so many entries of the matrix that can be non-zero; `None` to factorize.
    pub(crate) fn iteration(&self, unknowns: usize, non_zeros: usize) -> Option<Iteration> {
        let step = STEP_MARGIN * self.tolerance;
        match self.linear_solver {
            LinearSolver::Auto if unknowns >= MANY && SPARSE * non_zeros <= unknowns * unknowns => {
                Some(Iteration { tolerance: AUTO_TOLERANCE, step })
            }
            LinearSolver::ConjugateGradients { tolerance } => Some(Iteration { tolerance, step }),
            LinearSolver::Auto | LinearSolver::Dense => None,
        }
    }

    /// The settings of a control problem of one stage.
    pub(crate) fn of_minimum(&self, method: Method) -> StageSettings {
        let &Self { tolerance, max_iterations, hessian, activity, relaxation, .. } = self;
        StageSettings { tolerance, max_iterations, hessian, activity, relaxation, method, ..StageSettings::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::{LinearSolver, Settings};

    #[test]
    fn the_size_and_the_pattern_choose_the_linear_solver() {
        let auto = Settings::default();
        assert!(auto.iteration(127, 127 * 3).is_none());
        assert!(auto.iteration(128, 128 * 3).is_some());
        assert!(auto.iteration(128, 128 * 16).is_some());
        assert!(auto.iteration(128, 128 * 17).is_none());
        let dense = Settings { linear_solver: LinearSolver::Dense, ..auto };
        assert!(dense.iteration(1000, 1000).is_none());
        let chosen = LinearSolver::ConjugateGradients { tolerance: 1e-6 };
        let chosen = Settings { linear_solver: chosen, ..auto }.iteration(2, 4).expect("the user's choice");
        assert_eq!((chosen.tolerance, chosen.step), (1e-6, 100.0 * auto.tolerance));
    }
}
