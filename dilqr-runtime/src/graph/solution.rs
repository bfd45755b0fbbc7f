//! What a solve of a graph returns.

use alloc::vec::Vec;
use core::fmt;

use crate::graph::error::{BlockId, FactorId};
use crate::graph::layout::{BlockValues, FactorValues};
use crate::stats::Stats;
use crate::status::Status;

/// The values of a graph's blocks, with everything needed to differentiate them. A solution that was edited is recognized and
/// refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// How the solve ended.
    pub status: Status,
    /// Why it did not end as [`Status::Converged`], where more than the status can be said.
    pub cause: Option<GraphCause>,
    /// The values of all blocks.
    pub blocks: BlockValues,
    /// The parameters of all factors.
    pub params: FactorValues,
    /// The sum of all factors.
    pub objective: f64,
    /// Counts. `line_search_steps` counts trial steps, `regularizations` increases of the damping.
    pub stats: Stats,
}

/// Where a solve of a graph failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphCause {
    /// The residual of a factor, or a derivative of it, is NaN or infinite.
    NonFinite {
        /// The first such factor.
        factor: FactorId,
    },
    /// Factors leave a direction free: the values are stationary, and not the only minimum.
    Singular {
        /// The block at which the factorization found it.
        block: BlockId,
    },
    /// The values are stationary, and a saddle or a maximum.
    NotStrictMinimum {
        /// The block at which the factorization found it.
        block: BlockId,
    },
}

impl fmt::Display for GraphCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite { factor } => write!(f, "not finite: the residual of {factor} or a derivative of it"),
            Self::Singular { block } => write!(f, "factors leave a direction free, found at {block}"),
            Self::NotStrictMinimum { block } => write!(f, "the values are no minimum, found at {block}"),
        }
    }
}

/// The gradient of a loss on the blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// In the parameters of all factors.
    pub params: FactorValues,
    /// In the thresholds of the losses of all factors, one after another; zero for those without.
    pub thresholds: Vec<f64>,
    /// In the weights of the networks of all kinds of factors, in the order in which the kinds were added.
    pub weights: Vec<f64>,
}
