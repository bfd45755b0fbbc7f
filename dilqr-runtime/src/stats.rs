//! What a solve did, in numbers.

use core::fmt;

/// Counts of a solve, and how stationary its trajectory is. Counts, never times, so that tests can assert them.
///
/// Prints as a report, a line for each number; those of constraints only where there were some.
///
/// ```
/// let mut stats = dilqr_runtime::Stats::default();
/// stats.iterations = 5;
/// stats.line_search_steps = 6;
/// stats.stationarity = 3.1e-16;
/// stats.step = 1.2e-11;
/// let report = [
///     "iterations                   5",
///     "line search steps            6",
///     "regularizations              0",
///     "stationarity           3.1e-16",
///     "relative Newton step   1.2e-11",
/// ];
/// assert_eq!(stats.to_string(), report.join("\n"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Stats {
    /// Accepted steps.
    pub iterations: usize,
    /// Trial rollouts of all line searches.
    pub line_search_steps: usize,
    /// Remedies for an indefinite Hessian or a line search without success: backward passes with another Hessian, and
    /// increases of the regularization.
    pub regularizations: usize,
    /// Rounds of the augmented Lagrangian; 0 for models without constraints.
    pub multiplier_updates: usize,
    /// Newton steps on the active set; 0 for models without constraints.
    pub newton_steps: usize,
    /// The residual of stationarity of the returned trajectory, relative to its terms. For each control it is
    /// `max |Q_u| / max (|l_u| + |f_u|' |lambda|)`, with both maxima over the stages at which no bound holds that control;
    /// the field is the largest of these ratios. NaN where no backward pass finished. For a model with constraints `Q` is
    /// that of the Lagrangian.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub stationarity: f64,
    /// The largest change that the Newton step about the returned trajectory makes, relative to the largest magnitude of
    /// the changed variable on the trajectory. At most the tolerance where a solve has converged; NaN where it was not
    /// measured.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub step: f64,
    /// Largest violation of a constraint along the returned trajectory, in the constraint's unit; 0 where there is none. Of
    /// several constraints it is the one whose violation is largest over its magnitude. (Bounds are never violated.)
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub violation: f64,
    /// The stage of the largest violation.
    pub violation_stage: Option<usize>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            iterations: 0,
            line_search_steps: 0,
            regularizations: 0,
            multiplier_updates: 0,
            newton_steps: 0,
            stationarity: f64::NAN,
            step: f64::NAN,
            violation: 0.0,
            violation_stage: None,
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "iterations          {:>10}", self.iterations)?;
        writeln!(f, "line search steps   {:>10}", self.line_search_steps)?;
        writeln!(f, "regularizations     {:>10}", self.regularizations)?;
        let constrained = self.multiplier_updates + self.newton_steps > 0 || self.violation != 0.0;
        if constrained {
            writeln!(f, "multiplier updates  {:>10}", self.multiplier_updates)?;
            writeln!(f, "Newton steps        {:>10}", self.newton_steps)?;
        }
        writeln!(f, "stationarity        {:>10.1e}", self.stationarity)?;
        write!(f, "relative Newton step{:>10.1e}", self.step)?;
        if constrained {
            write!(f, "\nviolation           {:>10.1e}", self.violation)?;
            if let Some(stage) = self.violation_stage {
                write!(f, " at stage {stage}")?;
            }
        }
        Ok(())
    }
}
