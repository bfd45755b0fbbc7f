//! Errors: graphs that are wrong, and gradients that do not exist.

use core::fmt;

use thiserror::Error;

use crate::error::SettingsError;
use crate::graph::factor::Manifold;
use crate::status::Status;

/// A block of a graph, by the order in which blocks were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub(super) usize);

/// A factor of a graph, by the order in which factors were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactorId(pub(super) usize);

impl BlockId {
    /// How many blocks were added before it.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl FactorId {
    /// How many factors were added before it.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}", self.0)
    }
}

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "factor {}", self.0)
    }
}

/// A list of numbers that a graph or its solver was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphInput {
    /// The value of a block.
    Block(BlockId),
    /// The parameters of a factor.
    Params(FactorId),
    /// The gradient of a loss in the numbers of all blocks.
    Loss,
    /// The values of all blocks.
    Values,
    /// The parameters of all factors.
    AllParams,
}

impl fmt::Display for GraphInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => write!(f, "the value of {block}"),
            Self::Params(factor) => write!(f, "the parameter vector of {factor}"),
            Self::Loss => f.write_str("the loss gradient in the blocks"),
            Self::Values => f.write_str("the list of values of all blocks"),
            Self::AllParams => f.write_str("the list of parameters of all factors"),
        }
    }
}

impl fmt::Display for Manifold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vector { length: 1 } => f.write_str("a vector of 1 number"),
            Self::Vector { length } => write!(f, "a vector of {length} numbers"),
            Self::Se2 => f.write_str("SE(2)"),
            Self::So3 => f.write_str("SO(3)"),
            Self::Se3 => f.write_str("SE(3)"),
        }
    }
}

/// Why a graph was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A setting lies outside its range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The factors of the Hessian do not fit into memory.
    #[error("the factorization of the Hessian does not fit into memory")]
    OutOfMemory,
    /// A graph without a factor, or without a block that is not held.
    #[error("the graph has {blocks} blocks that are not held and {factors} factors, expected at least one of each")]
    Empty {
        /// The blocks that are not held.
        blocks: usize,
        /// The factors.
        factors: usize,
    },
    /// Nothing determines a block.
    #[error("no factor holds {block}, {manifold}: add a factor, or leave the block out")]
    UnusedBlock {
        /// The block.
        block: BlockId,
        /// Where its values are.
        manifold: Manifold,
    },
    /// A block of another graph.
    #[error("{block} is not in this graph, which has {blocks} blocks")]
    NoSuchBlock {
        /// The block.
        block: BlockId,
        /// The blocks of this graph.
        blocks: usize,
    },
    /// A factor of another graph.
    #[error("{factor} is not in this graph, which has {factors} factors")]
    NoSuchFactor {
        /// The factor.
        factor: FactorId,
        /// The factors of this graph.
        factors: usize,
    },
    /// Too many blocks for a factor, or too few.
    #[error("a factor `{kind}` holds {expected} blocks, given {given}")]
    BlockCount {
        /// The kind of the factor.
        kind: &'static str,
        /// The blocks given.
        given: usize,
        /// The blocks that the kind holds.
        expected: usize,
    },
    /// A factor that holds a block twice.
    #[error("a factor `{kind}` was given {block} twice, expected different blocks")]
    RepeatedBlock {
        /// The kind of the factor.
        kind: &'static str,
        /// The block.
        block: BlockId,
    },
    /// A block on another manifold than that of the factor's argument.
    #[error("the argument `{argument}` of a factor `{kind}` is {expected}, given {block}, {given}")]
    WrongManifold {
        /// The kind of the factor.
        kind: &'static str,
        /// The argument.
        argument: &'static str,
        /// The block.
        block: BlockId,
        /// Its manifold.
        given: Manifold,
        /// The manifold of the argument.
        expected: Manifold,
    },
    /// A list of the wrong length.
    #[error("{input} has length {given}, expected {expected}")]
    WrongLength {
        /// Which list.
        input: GraphInput,
        /// Its length.
        given: usize,
        /// The length expected.
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("{input} is {given} at entry {entry}, expected a finite number")]
    NonFinite {
        /// Which list.
        input: GraphInput,
        /// Index into it.
        entry: usize,
        /// The number.
        given: f64,
    },
    /// A quaternion that is no rotation.
    #[error("the quaternion of {block} has length {given}, expected 1: divide it by its length")]
    NotUnit {
        /// The block.
        block: BlockId,
        /// The length.
        given: f64,
    },
    /// A threshold that is not positive.
    #[error("the threshold of the loss of a factor `{kind}` is {given}, expected a positive finite number")]
    Threshold {
        /// The kind of the factor.
        kind: &'static str,
        /// The threshold.
        given: f64,
    },
}

/// Why a solution of a graph has no gradient.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DerivativeError {
    /// An input was refused.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The values are no solution: the solver stopped early, or they were edited since.
    #[error(
        "the solution has not converged: status {status}, relative Newton step {step:e} (at most {step_tolerance:e})"
    )]
    NotConverged {
        /// Status the solution carries.
        status: Status,
        /// The largest relative change that the Newton step makes; NaN where it was not evaluated.
        step: f64,
        /// Its limit.
        step_tolerance: f64,
    },
    /// The Hessian is singular to working precision: factors leave a direction free, which many minima have in common. A graph whose
    /// factors compare blocks with one another is free as a whole, for example.
    #[error(
        "the Hessian is singular at {block}: factors leave a direction free, as that of all blocks together; hold a block, or add a factor that ties one to its place"
    )]
    Singular {
        /// The block at which the factorization found it.
        block: BlockId,
    },
    /// The Hessian is not positive definite.
    #[error("the Hessian is not positive definite, first at {block}: the solution is not a strict minimum")]
    NotStrictMinimum {
        /// The block at which the factorization found it.
        block: BlockId,
    },
    /// Second derivatives jump at the solution: at a branch of the residuals, or where a residual is as large as the threshold of its
    /// loss.
    #[error("the solution is at a kink of {factor}: its second derivatives have other values on the other side")]
    Kink {
        /// The factor.
        factor: FactorId,
    },
    /// A mode that perturbs the problem or iterates did not come to an end.
    #[error("the perturbed problem was not solved: status {status}")]
    Perturbed {
        /// How its solve ended.
        status: Status,
    },
    /// The steps that were to be unrolled do not lead to the solution, so that their derivative does not approximate its derivative.
    #[error("the unrolled steps end at the relative distance {distance:e} from the solution, expected at most 0.1")]
    NotReached {
        /// The largest difference of a number over its magnitude; NaN where a step is not finite.
        distance: f64,
    },
    /// The gradient is NaN or infinite.
    #[error("the gradient is not finite")]
    Undefined,
}
