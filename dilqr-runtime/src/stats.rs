//! What a solve did, in numbers.

/// Counts of a solve, and how stationary its trajectory is. Counts, never times, so that tests can assert them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Accepted steps.
    pub iterations: usize,
    /// Trial rollouts of all line searches.
    pub line_search_steps: usize,
    /// Answers to an indefinite Hessian or to a line search without success: sweeps repeated with another Hessian, and increases
    /// of the regularization.
    pub regularizations: usize,
    /// Rounds of the augmented Lagrangian; 0 for models without constraints.
    pub multiplier_updates: usize,
    /// Newton steps on the active set; 0 for models without constraints.
    pub newton_steps: usize,
    /// `max |Q_u| / max (|l_u| + |f_u|' |lambda|)` of the returned trajectory, over controls that no bound holds: for each
    /// control the largest residual of any stage over the largest sum of the terms that cancel in it, and of these ratios
    /// the largest. NaN where no backward sweep finished. For a model with constraints `Q` is that of the Lagrangian.
    pub stationarity: f64,
    /// The largest change that the Newton step about the returned trajectory makes, relative to the largest magnitude of
    /// the changed variable on the trajectory. At most the tolerance where a solve has converged; NaN where it was not
    /// measured.
    pub step: f64,
    /// Largest violation of a constraint along the returned trajectory, in the constraint's unit; 0 where there is none.
    /// (Bounds are never violated.)
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
