//! What the tests and examples of all integrations share: a model with every kind of input, and demonstrations to learn from.
//!
//! The kernels of the model are vendored, so nothing here needs Symbolica. After a change of the model renew them:
//! `DILQR_VENDOR=follower cargo build --features dilqr-runtime/symbolica`, in this folder.
#![warn(missing_docs)]

mod batch;
mod demonstrations;
mod follower;

use dilqr_runtime::Settings;
use dilqr_runtime::layer::Layer;

pub use batch::{Batch, INPUTS};
pub use demonstrations::Demonstrations;
pub use follower::*;

/// The layer of the model.
pub type FollowerLayer = Layer<Follower, 2, 1, 2, 1>;

/// The number of stages of [`layer`].
pub const HORIZON: usize = 15;

/// The layer of the model, with some friction.
///
/// # Panics
/// Never: the settings are the default ones.
#[must_use]
pub fn layer() -> FollowerLayer {
    layer_with(Settings::default())
}

/// The layer with other settings.
///
/// # Panics
/// For settings out of range.
#[must_use]
pub fn layer_with(settings: Settings) -> FollowerLayer {
    let layer = Layer::new(Follower::new(Friction::xavier(1)), HORIZON, settings).expect("the settings are in range");
    // The upright rod is unstable: controls of zero are no guess.
    layer.with_policy(|_, x| [-15.0 * x[0] - 4.0 * x[1]])
}

/// Number `k` of a sequence that fills the interval `[-1, 1]` evenly, one of several sequences: the fractional parts of multiples
/// of an irrational number.
#[must_use]
pub fn spread(sequence: usize, k: usize) -> f64 {
    let root = ([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0_f64][sequence % 8]).sqrt();
    2.0 * ((k + 1) as f64 * root).fract() - 1.0
}
