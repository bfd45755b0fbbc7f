//! Directions in the weights of networks, along which limits that are no rows are measured.
//!
//! A limit whose gradient in the weights is other than zero changes along almost every direction. So a few random ones tell what
//! a column for each weight would, and their derivatives have the same magnitudes beside which a change is zero.

use nalgebra::SVector;

use crate::linalg::random::SplitMix64;

/// The number of directions. One that is orthogonal to a gradient by chance is not met by the others, too.
pub(super) const DIRECTIONS: usize = 3;

/// The derivatives along the directions, from a gradient in the weights.
pub(super) fn along(gradient: &[f64]) -> SVector<f64, DIRECTIONS> {
    let mut random = SplitMix64::new(0);
    gradient.iter().fold(SVector::zeros(), |sum, entry| sum + SVector::from_fn(|_, _| entry * random.symmetric()))
}
