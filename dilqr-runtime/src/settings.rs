//! How to solve: plain data, with defaults that suit the problems of this crate's tests.

use core::fmt;

use crate::error::SettingsError;
use crate::model::limits::Limits;
use crate::status::Status;

/// How to differentiate a solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Differentiation {
    /// The total derivative of the fixed point: exact.
    #[default]
    Implicit,
    /// With the linearization `(fx, fu)` fixed: the Hessian lacks `lambda' f_zz`, as in DiffMPC (Amos et al. 2018). Exact
    /// for linear dynamics only; for comparison.
    FixedLinearization,
}

/// Checks the weight of the loss in a direct loss gradient.
#[cfg(any(feature = "dual", feature = "graph"))]
pub(crate) fn check_epsilon(epsilon: f64) -> Result<(), SettingsError> {
    if epsilon.is_finite() && epsilon != 0.0 {
        return Ok(());
    }
    let (name, expected) = ("epsilon", "a finite number other than 0");
    Err(SettingsError::OutOfRange { name, given: epsilon, expected })
}

/// Settings of [`Ilqr`](crate::Ilqr). All fields are public; [`Settings::validate`] is called by the solver.
///
/// ```
/// use dilqr_runtime::{Hessian, LineSearch, Settings};
///
/// let settings = Settings {
///     tolerance: 1e-10,
///     hessian: Hessian::GaussNewton,
///     line_search: LineSearch { max_trials: 20, ..LineSearch::default() },
///     ..Settings::default()
/// };
/// assert!(settings.validate().is_ok());
///
/// let error = Settings { tolerance: -1.0, ..settings }.validate().unwrap_err();
/// assert_eq!(error.to_string(), "setting `tolerance` is -1, expected a positive finite number");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The largest Newton step about a solution, relative: the change of each state and control over the largest magnitude
    /// of that variable on the trajectory. Changes within rounding errors do not count. Also the largest violation of a
    /// constraint, over its magnitude `|c_x| X + |c_u| U` with the magnitudes of the variables. Positive.
    pub tolerance: f64,
    /// The largest number of accepted steps; 0 evaluates only the initial trajectory. With [`Method::Auto`] an interior-point
    /// solve takes at most half of them, so that another method can follow it.
    pub max_iterations: usize,
    /// Second derivatives of the forward solve. The gradient is exact either way.
    pub hessian: Hessian,
    /// How to solve.
    pub method: Method,
    /// The proximal term against an indefinite Hessian, and against steps for which the LQ problem is a bad model.
    pub regularization: Regularization,
    /// Step lengths, and the decrease of the cost that they must reach.
    pub line_search: LineSearch,
    /// Threshold under which a limit counts as weakly active, for its [margin](crate::Certificate::margin), which has no unit;
    /// without effect on models without limits.
    pub activity: f64,
    /// The penalties of the augmented Lagrangian; without effect on models without constraints.
    pub penalty: PenaltySchedule,
    /// `Some(tau)` replaces every bound and inequality `c <= 0` by the barrier `-tau ln(-c)`; equalities stay. `tau` has the unit
    /// of the cost. The solution is the point of the central path at `tau`: the multiplier of each inequality times its slack
    /// `-c` is `tau`. It is smooth in the parameters and is differentiated exactly. As `tau` goes to 0, solution and gradient
    /// tend to those of the problem with limits, where that has a gradient.
    ///
    /// A relaxed problem is solved by the interior-point method, whatever [`method`](Self::method) says. A control whose two
    /// bounds are equal has no barrier and stays there. Without effect on models without limits.
    pub relaxation: Option<f64>,
}

impl Settings {
    /// Whether a solve begins with the interior-point method: of a model with these limits, with linear dynamics or not, where
    /// states are guessed or not.
    pub(crate) fn begins_with_interior_point(&self, (limits, linear): (&Limits, bool), guesses_states: bool) -> bool {
        let chosen = match self.method {
            Method::Auto => limits.constrained() || guesses_states || limits.bounded && linear,
            Method::InteriorPoint => true,
            Method::Ddp | Method::AugmentedLagrangian => false,
        };
        chosen || self.relaxation.is_some() && limits.limited()
    }

    /// Whether the interior-point method follows a solve by other means that ended with this status.
    pub(crate) fn continues_with_interior_point(&self, limits: &Limits, status: Status) -> bool {
        let stuck = limits.bounded && !limits.constrained() && status.found_no_step();
        stuck && self.method == Method::Auto
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tolerance: 1e-9,
            max_iterations: 500,
            hessian: Hessian::default(),
            method: Method::default(),
            regularization: Regularization::default(),
            line_search: LineSearch::default(),
            activity: 1e-6,
            penalty: PenaltySchedule::default(),
            relaxation: None,
        }
    }
}

/// How a problem is solved. The solution and its gradient do not depend on it where a problem has one solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Method {
    /// [`Ddp`](Self::Ddp) for problems without constraints. With bounds, [`InteriorPoint`](Self::InteriorPoint) from where
    /// it finds no step.
    ///
    /// [`InteriorPoint`](Self::InteriorPoint) for problems with constraints, for those with bounds and linear dynamics
    /// ([`Model::LINEAR_DYNAMICS`](crate::Model::LINEAR_DYNAMICS)), and where states are guessed. Where it does not converge,
    /// or finds the problem infeasible near its guess, [`AugmentedLagrangian`](Self::AugmentedLagrangian) or
    /// [`Ddp`](Self::Ddp) follows from the guess.
    #[default]
    Auto,
    /// Differential dynamic programming on rollouts, within bounds. A problem with constraints is solved by
    /// [`AugmentedLagrangian`](Self::AugmentedLagrangian).
    Ddp,
    /// A primal-dual interior-point method with states as variables, and at its end Newton's method on the active limits.
    /// Where it finds no step, constraints may be violated at a price that rises. If the violation does not vanish at the
    /// highest price, the status is [`Status::Infeasible`]: the violation has a local minimum there. A solve that ends
    /// otherwise returns the rollout of its last point, if that is finite.
    InteriorPoint,
    /// Differential dynamic programming with penalties and multipliers for the constraints, and at its end Newton's method
    /// on the active limits.
    AugmentedLagrangian,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Ddp => "DDP",
            Self::InteriorPoint => "interior point",
            Self::AugmentedLagrangian => "augmented Lagrangian",
        })
    }
}

/// Which second derivatives the forward solve uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Hessian {
    /// Those of `l + V_x' f`: differential dynamic programming (Jacobson and Mayne 1970; Tassa et al. 2012). Converges
    /// quadratically.
    ///
    /// Far from a solution they may be indefinite. Then the backward pass is repeated with those of
    /// [`GaussNewton`](Self::GaussNewton), which are positive definite for most costs and give longer steps. This is not
    /// done if the last such step was shortened, or if its decrease was not between half and twice the predicted one.
    /// Otherwise, and where those are indefinite too, [`Regularization`] makes them definite. Only the exact ones decide
    /// whether a solve has converged.
    #[default]
    Exact,
    /// Those of `l` alone: iLQR (Li and Todorov 2004). Cheaper a step, converges linearly, and not on every problem.
    GaussNewton,
}

impl fmt::Display for Hessian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exact => "exact",
            Self::GaussNewton => "Gauss-Newton",
        })
    }
}

/// The proximal term `mu/2 (dx_t' D_t dx_t + du_t' E_t du_t)` added to every stage of the LQ subproblem, and its schedule.
/// The diagonal matrices `D_t` and `E_t` hold the curvature of the problem, so `mu` has no unit.
///
/// `mu` is multiplied by `increase` when a backward pass meets an indefinite `Q_uu` ([`Hessian::Exact`] has another remedy
/// first) or a line search finds no step. It is divided by `decrease` after each accepted step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Regularization {
    /// Value of the first backward pass; 0 starts with the plain Newton step.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub initial: f64,
    /// The smallest value other than 0: increases begin here, and a decrease below it gives 0. Positive.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub minimum: f64,
    /// The largest value tried before giving up. At least `minimum`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub maximum: f64,
    /// Factor of an increase, at least 1.1 (so that the schedule ends).
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub increase: f64,
    /// Divisor of a decrease, at least 1.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub decrease: f64,
}

impl Default for Regularization {
    fn default() -> Self {
        // The factors matter little: over 200 swing-ups of the cart and pole from zero controls 4 and 4 took the fewest
        // iterations of ten pairs between 2 and 10, by a tenth or two.
        Self { initial: 0.0, minimum: 1e-6, maximum: 1e10, increase: 4.0, decrease: 4.0 }
    }
}

impl Regularization {
    /// The value after `mu`, if there is a larger one.
    pub(crate) fn increased(&self, mu: f64) -> Option<f64> {
        let raised = (mu * self.increase).max(self.minimum);
        (raised <= self.maximum).then_some(raised)
    }

    /// The value before `mu`.
    pub(crate) fn decreased(&self, mu: f64) -> f64 {
        let lowered = mu / self.decrease;
        if lowered < self.minimum { 0.0 } else { lowered }
    }
}

/// Backtracking on the closed-loop rollout `u = u_t + alpha k_t + K_t (x - x_t)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct LineSearch {
    /// A step is accepted when the cost falls by this fraction of `alpha` times the slope (Armijo). In (0, 1/2).
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub sufficient_decrease: f64,
    /// Factor between one trial step length and the next. In (0, 1).
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub backtracking_factor: f64,
    /// Trials, `alpha = 1` being the first. At least 1.
    pub max_trials: usize,
}

impl Default for LineSearch {
    fn default() -> Self {
        Self { sufficient_decrease: 1e-4, backtracking_factor: 0.5, max_trials: 12 }
    }
}

/// The weight of the augmented Lagrangian's penalties, a number without unit. Its unit is the cost of a stage over the
/// square of each constraint's magnitude. Both are those about the guess: how much the cost changes, to first order, if every
/// variable changes by its magnitude, and `|c_x| X + |c_u| U` with the magnitudes of the variables.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct PenaltySchedule {
    /// Weight of the first round. Positive.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub initial: f64,
    /// Factor after a round that has not lowered the violation enough. Above 1.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub increase: f64,
    /// The largest weight; a problem that is still violated there is infeasible. At least `initial`.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with"))]
    pub maximum: f64,
}

impl Default for PenaltySchedule {
    fn default() -> Self {
        Self { initial: 10.0, increase: 10.0, maximum: 1e8 }
    }
}

impl Settings {
    /// What must hold for a solver over `horizon` stages.
    pub(crate) fn check_solver(&self, horizon: usize) -> Result<(), SettingsError> {
        self.validate()?;
        if horizon == 0 { Err(SettingsError::EmptyHorizon) } else { Ok(()) }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SettingsError::OutOfRange`] names the first field that is NaN, infinite or out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let Self { tolerance, regularization, line_search, activity, penalty, relaxation, .. } = self;
        let mu = regularization;
        let checks = [
            ("tolerance", *tolerance, *tolerance > 0.0, "a positive finite number"),
            ("activity", *activity, *activity >= 0.0, "a finite number of at least 0"),
            ("regularization.initial", mu.initial, mu.initial >= 0.0, "a finite number of at least 0"),
            ("regularization.minimum", mu.minimum, mu.minimum > 0.0, "a positive finite number"),
            (
                "regularization.maximum",
                mu.maximum,
                mu.maximum >= mu.minimum.max(mu.initial),
                "a finite number of at least `regularization.minimum` and `regularization.initial`",
            ),
            ("regularization.increase", mu.increase, mu.increase >= 1.1, "a finite number of at least 1.1"),
            ("regularization.decrease", mu.decrease, mu.decrease >= 1.0, "a finite number of at least 1"),
            (
                "line_search.sufficient_decrease",
                line_search.sufficient_decrease,
                line_search.sufficient_decrease > 0.0 && line_search.sufficient_decrease < 0.5,
                "a number between 0 and 0.5, both excluded",
            ),
            (
                "line_search.backtracking_factor",
                line_search.backtracking_factor,
                line_search.backtracking_factor > 0.0 && line_search.backtracking_factor < 1.0,
                "a number between 0 and 1, both excluded",
            ),
            (
                "relaxation",
                relaxation.unwrap_or(1.0),
                relaxation.is_none_or(|tau| tau > 0.0),
                "a positive finite number, or none",
            ),
            ("penalty.initial", penalty.initial, penalty.initial > 0.0, "a positive finite number"),
            ("penalty.increase", penalty.increase, penalty.increase > 1.0, "a finite number above 1"),
            (
                "penalty.maximum",
                penalty.maximum,
                penalty.maximum >= penalty.initial,
                "a finite number of at least `penalty.initial`",
            ),
            ("line_search.max_trials", line_search.max_trials as f64, line_search.max_trials >= 1, "at least 1"),
        ];
        for (name, given, in_range, expected) in checks {
            if !(in_range && given.is_finite()) {
                return Err(SettingsError::OutOfRange { name, given, expected });
            }
        }
        Ok(())
    }
}
