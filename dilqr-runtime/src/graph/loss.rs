//! The loss of a factor: how its residuals enter the objective.

#[cfg(feature = "dual")]
use crate::scalar::Scalar;

/// How the residuals `r` of a factor enter the objective, by their norm `n = |r|`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// `n^2 / 2`
    #[default]
    Squares,
    /// `n^2 / 2` up to the threshold, and `threshold (n - threshold / 2)` from there on (Huber 1964, *Robust estimation of a location
    /// parameter*): far residuals count by their size, not by its square.
    Huber {
        /// In the unit of the residuals. Positive.
        threshold: f64,
    },
}

/// A loss as a function of half the sum of squares, `c`, with first and second derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LossValue {
    pub(super) value: f64,
    pub(super) first: f64,
    pub(super) second: f64,
    /// Derivatives of the value and of the first derivative in the threshold.
    pub(super) value_by_threshold: f64,
    pub(super) first_by_threshold: f64,
}

/// How near a residual is to its threshold, relatively, where the second derivative is one of two: beyond the rounding errors of
/// residuals that are differences of numbers a thousand times as large.
const AT_THRESHOLD: f64 = 1e-12;

impl Loss {
    /// The threshold, if it is none.
    pub(super) fn wrong_threshold(self) -> Option<f64> {
        match self {
            Self::Squares => None,
            Self::Huber { threshold } => (!(threshold.is_finite() && threshold > 0.0)).then_some(threshold),
        }
    }

    pub(super) fn at(self, c: f64) -> LossValue {
        match self {
            Self::Huber { threshold } if 2.0 * c > threshold * threshold => {
                let norm = (2.0 * c).sqrt();
                let first = threshold / norm;
                LossValue {
                    value: threshold * (norm - 0.5 * threshold),
                    first,
                    second: -first / (norm * norm),
                    value_by_threshold: norm - threshold,
                    first_by_threshold: 1.0 / norm,
                }
            }
            _ => LossValue { value: c, first: 1.0, second: 0.0, value_by_threshold: 0.0, first_by_threshold: 0.0 },
        }
    }

    /// The first derivative at a dual number.
    #[cfg(feature = "dual")]
    pub(super) fn first<S: Scalar>(self, c: S) -> S {
        match self {
            Self::Squares => S::one(),
            Self::Huber { threshold } => {
                let square = c + c;
                let is_far = S::Real::from_f64(threshold * threshold).less(square.real());
                S::select(is_far, S::from_f64(threshold) / square.sqrt(), S::one())
            }
        }
    }

    /// Whether the second derivative jumps here.
    pub(super) fn is_at_kink(self, c: f64) -> bool {
        match self {
            Self::Squares => false,
            Self::Huber { threshold } => ((2.0 * c).sqrt() / threshold - 1.0).abs() <= AT_THRESHOLD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Loss;

    /// Central differences; their errors with steps of 1e-5 are about 1e-10.
    #[test]
    fn derivatives_are_those_of_differences() {
        let loss = Loss::Huber { threshold: 0.5 };
        for c in [0.05, 0.3, 4.0] {
            let (here, step) = (loss.at(c), 1e-5);
            let (above, below) = (loss.at(c + step), loss.at(c - step));
            assert!((here.first - (above.value - below.value) / (2.0 * step)).abs() < 1e-8);
            assert!((here.second - (above.first - below.first) / (2.0 * step)).abs() < 1e-8);
            let [above, below] = [0.5 + step, 0.5 - step].map(|threshold| Loss::Huber { threshold }.at(c));
            assert!((here.value_by_threshold - (above.value - below.value) / (2.0 * step)).abs() < 1e-8);
            assert!((here.first_by_threshold - (above.first - below.first) / (2.0 * step)).abs() < 1e-8);
        }
        assert!(loss.is_at_kink(0.125) && !loss.is_at_kink(0.1251));
        assert_eq!(loss.at(0.125).value, loss.at(0.125 + 1e-17).value);
    }
}
