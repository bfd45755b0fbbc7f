//! A subproblem of the augmented Lagrangian method, with its multipliers and its weights.

use alloc::vec::Vec;

use crate::error::{Input, InputError, check_length, check_positive};
use crate::model::limits::Limits;
use crate::multipliers::Multipliers;

/// A subproblem of the augmented Lagrangian method. Its cost has a term for every constraint `c`, with a multiplier `m` and a weight
/// `w` that are constants:
///
/// ```text
/// equality      m c + w/2 c^2
/// inequality    (max(0, m + w c)^2 - m^2) / (2 w)
/// ```
///
/// Bounds of controls stay limits (Hestenes 1969, Powell 1969, Rockafellar 1973). The minimizer violates constraints as far as the
/// price allows. [`Ilqr::solve_augmented`](crate::Ilqr::solve_augmented) finds it, and its derivatives hold multipliers and weights
/// fixed.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct AugmentedLagrangian {
    /// `m`, one for each constraint, as in [`Solution::multipliers`](crate::Solution::multipliers).
    pub multipliers: Multipliers,
    /// `w`, positive, in units of the cost over the square of the constraint's. One for each constraint of a stage, which is that
    /// of all stages; then one for each terminal constraint.
    #[cfg_attr(feature = "serde", serde(with = "crate::linalg::serde_with::list"))]
    pub weights: Vec<f64>,
}

impl AugmentedLagrangian {
    /// How far an inequality with the value `c` and the slope `sigma` is from the kink at which its term begins: in its value, and in
    /// its slope. Next to a large weight `m + w c` has no digits, so a term that has begun is measured by its slope.
    pub(crate) fn distance_of_kink((m, w): (f64, f64), sigma: f64, c: f64) -> [f64; 2] {
        if sigma > 0.0 { [sigma / w, sigma] } else { [(c + m / w).abs(), 0.0] }
    }

    /// The multiplier and the weight of constraint `i` of stage `t`; the horizon for terminal constraints.
    pub(crate) fn constants(&self, (t, i): (usize, usize), horizon: usize, limits: &Limits) -> (f64, f64) {
        match t == horizon {
            true => (self.multipliers.terminal[i], self.weights[limits.listed() + i]),
            false => (self.multipliers.stage[t * limits.listed() + i], self.weights[i]),
        }
    }

    /// Checks lengths and numbers, for a solver over `horizon` stages.
    pub(crate) fn check(&self, horizon: usize, limits: &Limits) -> Result<(), InputError> {
        let Self { multipliers, weights } = self;
        multipliers.check_lengths(horizon, limits)?;
        check_length(Input::PenaltyWeights, weights.len(), limits.listed() + limits.terminal())?;
        multipliers.check_finite()?;
        check_positive(Input::PenaltyWeights, weights)
    }
}
