//! The patterns of zeros in a model's derivatives.

/// The entries of a model's derivatives that can be non-zero: `true`, row by row.
///
/// The macro computes them at compile time. A model written by hand may use [`Sparsity::DENSE`], or leave out entries that
/// are zero for all arguments: recursions then skip them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparsity<const NX: usize, const NU: usize, const NP: usize> {
    /// Pattern of `df/dx`.
    pub fx: [[bool; NX]; NX],
    /// Pattern of `df/du`.
    pub fu: [[bool; NU]; NX],
    /// Pattern of `df/dp`.
    pub fp: [[bool; NP]; NX],
    /// Pattern of `d2H/dx2`.
    pub hxx: [[bool; NX]; NX],
    /// Pattern of `d2H/du dx`.
    pub hux: [[bool; NX]; NU],
    /// Pattern of `d2H/du2`.
    pub huu: [[bool; NU]; NU],
    /// Pattern of `d2H/dx dp`.
    pub hxp: [[bool; NP]; NX],
    /// Pattern of `d2H/du dp`.
    pub hup: [[bool; NP]; NU],
}

impl<const NX: usize, const NU: usize, const NP: usize> Sparsity<NX, NU, NP> {
    /// Every entry can be non-zero.
    pub const DENSE: Self = Self {
        fx: [[true; NX]; NX],
        fu: [[true; NU]; NX],
        fp: [[true; NP]; NX],
        hxx: [[true; NX]; NX],
        hux: [[true; NX]; NU],
        huu: [[true; NU]; NU],
        hxp: [[true; NP]; NX],
        hup: [[true; NP]; NU],
    };
}
