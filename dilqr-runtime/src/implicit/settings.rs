//! How to solve an implicit function.

use crate::error::SettingsError;
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
}

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
        let crate::Settings { tolerance, max_iterations, hessian, activity, .. } = StageSettings::default();
        Self { tolerance, max_iterations, hessian, activity, relaxation: None, fixed_point: FixedPoint::default() }
    }
}

impl Settings {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SettingsError::OutOfRange`] names the first field that is NaN, infinite or out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.of_minimum(Method::Auto).validate()?;
        match self.fixed_point {
            FixedPoint::Anderson { memory } if memory > MOST_MEMORY => Err(SettingsError::OutOfRange {
                name: "fixed_point.memory",
                given: memory as f64,
                expected: "at most 10 steps",
            }),
            _ => Ok(()),
        }
    }

    /// The settings of a control problem of one stage.
    pub(crate) fn of_minimum(&self, method: Method) -> StageSettings {
        let &Self { tolerance, max_iterations, hessian, activity, relaxation, .. } = self;
        StageSettings { tolerance, max_iterations, hessian, activity, relaxation, method, ..StageSettings::default() }
    }
}
