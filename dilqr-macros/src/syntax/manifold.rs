//! The manifolds of a factor's blocks.

/// A manifold, by the numbers that describe its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manifold {
    /// Position in the plane and angle.
    Se2,
    /// Unit quaternion.
    So3,
    /// Position in space and unit quaternion.
    Se3,
}

impl Manifold {
    /// Their names in the attribute.
    pub(crate) const ALL: [(&str, Self); 3] = [("se2", Self::Se2), ("so3", Self::So3), ("se3", Self::Se3)];

    /// How many numbers describe a point.
    pub(crate) fn numbers(self) -> usize {
        match self {
            Self::Se2 => 3,
            Self::So3 => 4,
            Self::Se3 => 7,
        }
    }

    /// These numbers, in order.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Se2 => "3 numbers, `x`, `y` and the angle",
            Self::So3 => "4 numbers, the quaternion `w`, `x`, `y`, `z`",
            Self::Se3 => "7 numbers, the position and the quaternion `w`, `x`, `y`, `z`",
        }
    }

    /// Its variant in the runtime.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Self::Se2 => "Se2",
            Self::So3 => "So3",
            Self::Se3 => "Se3",
        }
    }
}
