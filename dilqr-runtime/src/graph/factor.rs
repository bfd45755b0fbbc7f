//! What a factor is, and what it holds.

use crate::model::Model;

/// A kind of factors: half the sum of squares of residuals over blocks of a graph. The attribute `factor` implements it.
///
/// It is a [`Model`] of one stage without a state, as a minimum in [`implicit`](mod@crate::implicit) is. The numbers of its blocks, one block
/// after another, are the control (`N`), and half the sum of squares is the stage cost. The kernels are those of `residuals` there: the
/// value, the gradient, Gauss and Newton's Hessian, the exact one, and the contraction of the parameters' second derivatives.
pub trait Factor<const N: usize, const NP: usize>: Model<0, N, NP> {
    /// The name of the kind, for messages: that of its module.
    const NAME: &'static str;

    /// The blocks that a factor of this kind holds, in order.
    const BLOCKS: &'static [FactorBlock];
}

/// A block, as a kind of factors sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorBlock {
    /// The name of the argument.
    pub name: &'static str,
    /// Where its values are.
    pub manifold: Manifold,
}

/// Where the values of a block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manifold {
    /// Vectors of this length.
    Vector {
        /// Its number of entries.
        length: usize,
    },
    /// Positions and angles in the plane: `x`, `y`, angle in radians.
    Se2,
    /// Rotations in space, as unit quaternions `w`, `x`, `y`, `z`. Opposite quaternions are the same rotation.
    So3,
    /// Positions and rotations in space: `x`, `y`, `z`, and the quaternion.
    Se3,
}

impl Manifold {
    /// The quantity of numbers of a point.
    #[must_use]
    pub const fn numbers(self) -> usize {
        match self {
            Self::Vector { length } => length,
            Self::Se2 => 3,
            Self::So3 => 4,
            Self::Se3 => 7,
        }
    }

    /// The quantity of local coordinates.
    #[must_use]
    pub const fn dimension(self) -> usize {
        match self {
            Self::Vector { length } => length,
            Self::Se2 | Self::So3 => 3,
            Self::Se3 => 6,
        }
    }
}
