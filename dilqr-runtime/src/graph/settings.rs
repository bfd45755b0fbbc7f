//! How to solve a graph.

use crate::error::SettingsError;
use crate::settings::{Hessian, Settings as StageSettings};

/// Settings of [`Solver`](crate::graph::Solver). All fields are public.
///
/// ```
/// use dilqr_runtime::graph::Settings;
///
/// let settings = Settings { tolerance: 1e-10, ..Settings::default() };
/// assert!(settings.validate().is_ok());
/// assert!(Settings { tolerance: f64::NAN, ..settings }.validate().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The largest Newton step at a solution, relative: the change of each local coordinate over its magnitude. That of a rotation is one
    /// radian. That of another entry is the largest of this entry in all blocks that the same arguments of factors hold. Changes within
    /// rounding errors do not count. Positive.
    pub tolerance: f64,
    /// The largest number of accepted steps.
    pub max_iterations: usize,
    /// Second derivatives of the way to a solution; the gradient is exact either way. Those of
    /// [`GaussNewton`](Hessian::GaussNewton), the default, leave out second derivatives of residuals. Near a solution the exact ones are
    /// used, which decide whether it is one.
    pub hessian: Hessian,
    /// How to find steps.
    pub method: Method,
}

/// How to find steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Full steps, which are halved where they do not lower the objective.
    GaussNewton,
    /// Steps of the Hessian with a multiple of its diagonal added (Levenberg 1944, Marquardt 1963), which follows the decrease of the
    /// objective by Nielsen's rule (Madsen, Nielsen and Tingleff 2004, *Methods for Non-Linear Least Squares Problems*, section 3.2).
    #[default]
    LevenbergMarquardt,
}

impl Default for Settings {
    fn default() -> Self {
        let StageSettings { tolerance, max_iterations, .. } = StageSettings::default();
        Self { tolerance, max_iterations, hessian: Hessian::GaussNewton, method: Method::default() }
    }
}

impl Settings {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SettingsError::OutOfRange`] names the first field that is NaN, infinite or out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let &Self { tolerance, max_iterations, .. } = self;
        StageSettings { tolerance, max_iterations, ..StageSettings::default() }.validate()
    }
}
