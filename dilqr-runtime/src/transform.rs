//! Learned parameters that must stay positive or inside an interval: a learner changes unconstrained numbers `theta`, and
//! the parameters of the problem are `p = p(theta)`.
//!
//! ```
//! use dilqr_runtime::nalgebra::SVector;
//! use dilqr_runtime::transform::{Transform, Transforms};
//!
//! const NAMES: [&str; 3] = ["gravity", "mass", "friction"];      // a model's `Params::NAMES`
//! let transforms = Transforms::new(NAMES)
//!     .with("mass", Transform::Positive)?
//!     .with("friction", Transform::Interval { lower: 0.0, upper: 1.0 })?;
//! let mut theta = transforms.inverse(&SVector::from([9.8, 1.0, 0.3]))?;
//! let p = transforms.apply(&theta);                                // the problem's parameters
//! let gradient = SVector::from([0.1, 1e6, -2.0]);                  // dL/dp, from `vjp`
//! theta -= transforms.pull_back(&theta, &gradient) * 1e-2;         // any step of any learner
//! assert!(transforms.apply(&theta)[1] > 0.0);                      // the mass is still positive
//! # assert!((p[1] - 1.0).abs() < 1e-12);
//! # Ok::<(), dilqr_runtime::transform::TransformError>(())
//! ```

use crate::scalar::float::f64::{exp, exp_m1, ln, ln_1p};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use nalgebra::SVector;
use thiserror::Error;

/// The transform of one parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Transform {
    /// `p = theta`.
    #[default]
    Identity,
    /// `p = ln(1 + exp(theta))`, the softplus: above zero, and nearly `theta` for large values.
    Positive,
    /// `p = exp(theta)`: above zero; steps in `theta` are relative ones in `p`.
    Exponential,
    /// `p = lower + (upper - lower) / (1 + exp(-theta))`, the logistic sigmoid: strictly between the two.
    Interval {
        /// The lower end.
        lower: f64,
        /// The upper end.
        upper: f64,
    },
    /// `p` is the projection of `theta` onto the closed interval. Outside, the gradient is zero where a step would lead
    /// further out, and unchanged where it leads back (projected gradient descent).
    Projection {
        /// The lower end, which may be minus infinity.
        lower: f64,
        /// The upper end, which may be infinity.
        upper: f64,
    },
}

/// A transform for each of `NP` parameters, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Transforms<const NP: usize> {
    names: [&'static str; NP],
    transforms: [Transform; NP],
}

/// Why a transform or a value was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TransformError {
    /// No parameter has this name.
    #[error("there is no parameter `{given}`, expected one of {}", known.join(", "))]
    UnknownName {
        /// The name.
        given: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// An interval that is reversed or empty, or has an end that is NaN.
    #[error("the interval of `{name}` is {lower} to {upper}, expected the lower end first")]
    Interval {
        /// Which parameter.
        name: &'static str,
        /// The lower end.
        lower: f64,
        /// The upper end.
        upper: f64,
    },
    /// A value that the transform never takes.
    #[error("`{name}` is {given}, expected {expected}")]
    OutOfRange {
        /// Which parameter.
        name: &'static str,
        /// Its value.
        given: f64,
        /// The range in words.
        expected: &'static str,
    },
}

impl<const NP: usize> Transforms<NP> {
    /// The identity for every parameter; `names` are a model's `Params::NAMES`.
    #[must_use]
    pub fn new(names: [&'static str; NP]) -> Self {
        Self { names, transforms: [Transform::Identity; NP] }
    }

    /// Sets the transform of the parameter of that name; the name of an array field stands for all of its entries.
    ///
    /// # Errors
    /// [`TransformError`] for an unknown name, and for an interval that is reversed or empty.
    pub fn with(mut self, name: &str, transform: Transform) -> Result<Self, TransformError> {
        let named = |known: &str| known == name || known.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        let mut found = false;
        for (known, own) in self.names.iter().zip(&mut self.transforms) {
            if !named(known) {
                continue;
            }
            found = true;
            let sound = match transform {
                Transform::Interval { lower, upper } => lower < upper && (upper - lower).is_finite(),
                Transform::Projection { lower, upper } => lower <= upper,
                Transform::Identity | Transform::Positive | Transform::Exponential => true,
            };
            if let (false, Transform::Interval { lower, upper } | Transform::Projection { lower, upper }) =
                (sound, transform)
            {
                return Err(TransformError::Interval { name: known, lower, upper });
            }
            *own = transform;
        }
        if found {
            Ok(self)
        } else {
            Err(TransformError::UnknownName { given: name.to_owned(), known: self.names.to_vec() })
        }
    }

    /// `p(theta)`.
    #[must_use]
    pub fn apply(&self, theta: &SVector<f64, NP>) -> SVector<f64, NP> {
        SVector::from_fn(|i, _| self.transforms[i].apply(theta[i]))
    }

    /// The `theta` that gives `p`.
    ///
    /// # Errors
    /// [`TransformError::OutOfRange`] for a value that the parameter's transform never takes, and one that is not finite.
    pub fn inverse(&self, p: &SVector<f64, NP>) -> Result<SVector<f64, NP>, TransformError> {
        let mut theta = *p;
        for i in 0..NP {
            theta[i] = self.transforms[i].inverse(p[i]).map_err(|expected| TransformError::OutOfRange {
                name: self.names[i],
                given: p[i],
                expected,
            })?;
        }
        Ok(theta)
    }

    /// `dL/dtheta` from `dL/dp`: the chain rule.
    #[must_use]
    pub fn pull_back(&self, theta: &SVector<f64, NP>, gradient: &SVector<f64, NP>) -> SVector<f64, NP> {
        SVector::from_fn(|i, _| self.transforms[i].pull_back(theta[i], gradient[i]))
    }

    /// The names with the entries of a vector over the parameters: values, or a gradient.
    pub fn named<'a>(&'a self, vector: &'a SVector<f64, NP>) -> impl Iterator<Item = (&'static str, f64)> + 'a {
        self.names.iter().copied().zip(vector.iter().copied())
    }
}

/// `1 / (1 + exp(-x))`, without overflow.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + exp(-x))
    } else {
        let small = exp(x);
        small / (1.0 + small)
    }
}

impl Transform {
    fn apply(self, theta: f64) -> f64 {
        // The range is open: where a result would round to its end, the neighboring number is returned.
        match self {
            Self::Identity => theta,
            Self::Positive => (theta.max(0.0) + ln_1p(exp(-theta.abs()))).max(f64::MIN_POSITIVE),
            Self::Exponential => exp(theta).clamp(f64::MIN_POSITIVE, f64::MAX),
            Self::Interval { lower, upper } => {
                (lower + (upper - lower) * sigmoid(theta)).clamp(lower.next_up(), upper.next_down())
            }
            Self::Projection { lower, upper } => theta.clamp(lower, upper),
        }
    }

    /// The inverse, or the range in words.
    fn inverse(self, p: f64) -> Result<f64, &'static str> {
        if !p.is_finite() {
            return Err("a finite number");
        }
        match self {
            Self::Identity => Ok(p),
            // ln(exp(p) - 1), without overflow for large and without cancellation for small values.
            Self::Positive if p > 0.0 => Ok(p + ln(-exp_m1(-p))),
            Self::Exponential if p > 0.0 => Ok(ln(p)),
            Self::Positive | Self::Exponential => Err("a positive number"),
            Self::Interval { lower, upper } if p > lower && p < upper => Ok(ln((p - lower) / (upper - p))),
            Self::Interval { .. } => Err("a number strictly inside its interval"),
            Self::Projection { lower, upper } if p >= lower && p <= upper => Ok(p),
            Self::Projection { .. } => Err("a number inside its interval"),
        }
    }

    fn pull_back(self, theta: f64, gradient: f64) -> f64 {
        match self {
            Self::Identity => gradient,
            Self::Positive => gradient * sigmoid(theta),
            Self::Exponential => gradient * self.apply(theta),
            Self::Interval { lower, upper } => gradient * (upper - lower) * sigmoid(theta) * sigmoid(-theta),
            Self::Projection { lower, upper } => {
                // A step against the gradient from beyond an end must not lead further out.
                let outwards = (theta <= lower && gradient > 0.0) || (theta >= upper && gradient < 0.0);
                if outwards { 0.0 } else { gradient }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMOOTH: [Transform; 4] = [
        Transform::Identity,
        Transform::Positive,
        Transform::Exponential,
        Transform::Interval { lower: -2.0, upper: 5.0 },
    ];

    /// Against central differences: a step of 1e-6 leaves 1e-12 times third derivatives and rounding of 1e-10.
    #[test]
    fn the_chain_rule() {
        for transform in SMOOTH {
            for theta in [-8.0, -1.3, -0.1, 0.0, 0.4, 3.0, 9.0] {
                let h = 1e-6;
                let difference = (transform.apply(theta + h) - transform.apply(theta - h)) / (2.0 * h);
                let given = transform.pull_back(theta, 1.0);
                assert!((given - difference).abs() <= 1e-8 * difference.abs().max(1.0), "{transform:?} at {theta}");
            }
        }
    }

    #[test]
    fn inverses() {
        for transform in SMOOTH {
            for theta in [-20.0, -1.3, 0.0, 0.4, 12.0] {
                let p = transform.apply(theta);
                let back = transform.inverse(p).expect("it is in range");
                // The precision of the inverse: the rounding of p over its slope.
                let known = 4.0 * f64::EPSILON * p.abs().max(1.0) / transform.pull_back(theta, 1.0);
                assert!((back - theta).abs() <= known.max(1e-12), "{transform:?} at {theta}: {back}");
            }
        }
        assert!(Transform::Positive.inverse(0.0).is_err() && Transform::Exponential.inverse(-1.0).is_err());
        assert!(Transform::Positive.inverse(f64::INFINITY).is_err() && Transform::Identity.inverse(f64::NAN).is_err());
        assert_eq!(Transform::Positive.inverse(800.0), Ok(800.0));
    }

    /// A positive parameter stays positive for any `theta`.
    #[test]
    fn ranges_are_kept() {
        for theta in [-1e300, -1e4, -750.0, -40.0, 40.0, 750.0, 1e4, 1e300] {
            for transform in [Transform::Positive, Transform::Exponential] {
                let p = transform.apply(theta);
                assert!(p > 0.0 && p.is_finite(), "{transform:?} at {theta}: {p}");
                assert!(transform.pull_back(theta, 1.0).is_finite());
            }
            let p = Transform::Interval { lower: 0.0, upper: 1.0 }.apply(theta);
            assert!(p > 0.0 && p < 1.0, "{theta}: {p}");
            let held = Transform::Projection { lower: 0.1, upper: f64::INFINITY };
            assert!(held.apply(theta) >= 0.1);
        }
        let held = Transform::Projection { lower: 0.1, upper: 2.0 };
        assert_eq!([held.pull_back(0.0, 3.0), held.pull_back(0.0, -3.0), held.pull_back(1.0, 3.0)], [0.0, -3.0, 3.0]);
    }

    #[test]
    fn names() {
        let transforms = Transforms::new(["mass", "arm[0]", "arm[1]"]);
        let both = transforms.clone().with("arm", Transform::Positive).expect("the array is there");
        assert_eq!(both.transforms, [Transform::Identity, Transform::Positive, Transform::Positive]);
        let one = transforms.clone().with("arm[1]", Transform::Positive).expect("the entry is there");
        assert_eq!(one.transforms[1], Transform::Identity);
        let error = transforms.clone().with("weight", Transform::Positive).expect_err("it is refused");
        assert_eq!(error.to_string(), "there is no parameter `weight`, expected one of mass, arm[0], arm[1]");
        let error =
            transforms.clone().with("mass", Transform::Interval { lower: 1.0, upper: 1.0 }).expect_err("it is refused");
        assert_eq!(error.to_string(), "the interval of `mass` is 1 to 1, expected the lower end first");
        let error = both.inverse(&SVector::from([1.0, 1.0, -1.0])).expect_err("it is refused");
        assert_eq!(error.to_string(), "`arm[1]` is -1, expected a positive number");
        let given: Vec<_> = both.named(&SVector::from([1.0, 2.0, 3.0])).collect();
        assert_eq!(given, [("mass", 1.0), ("arm[0]", 2.0), ("arm[1]", 3.0)]);
    }
}
