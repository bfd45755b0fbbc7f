//! Which entries of a model's derivatives can be other than zero.

/// Which entries of a model's derivatives can be other than zero, row by row; `true` where something may stand.
///
/// The macro knows these at compile time; a model written by hand keeps [`Sparsity::DENSE`].
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
    /// Nothing is known to be zero.
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
