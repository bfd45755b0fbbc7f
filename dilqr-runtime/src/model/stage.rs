//! The arguments of kernels: the variables of a stage or of the terminal stage, a direction, gradients in the parameters.

use nalgebra::SVector;

/// The variables of a stage, at which a kernel is evaluated. `NS = 0` for models without stage parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0> {
    /// State, `NX`.
    pub x: &'a SVector<S, NX>,
    /// Control, `NU`.
    pub u: &'a SVector<S, NU>,
    /// Parameters, `NP`.
    pub p: &'a SVector<S, NP>,
    /// Parameters of the stage, `NS`.
    pub s: &'a SVector<S, NS>,
}

impl<'a, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Stage<'a, S, NX, NU, NP, NS> {
    /// The stage with these variables.
    #[inline(always)]
    #[must_use]
    pub const fn new(
        x: &'a SVector<S, NX>,
        u: &'a SVector<S, NU>,
        p: &'a SVector<S, NP>,
        s: &'a SVector<S, NS>,
    ) -> Self {
        Self { x, u, p, s }
    }
}

/// The variables of the terminal stage, which has no control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terminal<'a, S, const NX: usize, const NP: usize, const NS: usize = 0> {
    /// State, `NX`.
    pub x: &'a SVector<S, NX>,
    /// Parameters, `NP`.
    pub p: &'a SVector<S, NP>,
    /// Parameters of stage T, `NS`.
    pub s: &'a SVector<S, NS>,
}

impl<'a, S, const NX: usize, const NP: usize, const NS: usize> Terminal<'a, S, NX, NP, NS> {
    /// The terminal stage with these variables.
    #[inline(always)]
    #[must_use]
    pub const fn new(x: &'a SVector<S, NX>, p: &'a SVector<S, NP>, s: &'a SVector<S, NS>) -> Self {
        Self { x, p, s }
    }
}

/// A direction in the state and the control of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation<'a, S, const NX: usize, const NU: usize> {
    /// Change of the state, `NX`.
    pub dx: &'a SVector<S, NX>,
    /// Change of the control, `NU`.
    pub du: &'a SVector<S, NU>,
}

impl<'a, S, const NX: usize, const NU: usize> Variation<'a, S, NX, NU> {
    /// The direction `(dx, du)`.
    #[inline(always)]
    #[must_use]
    pub const fn new(dx: &'a SVector<S, NX>, du: &'a SVector<S, NU>) -> Self {
        Self { dx, du }
    }
}

/// Gradients in the parameters, in the parameters of one stage and in the weights, to which kernels add.
#[derive(Debug, PartialEq)]
pub struct ParameterGradient<'a, S, const NP: usize, const NS: usize> {
    /// Gradient in `p`, `NP`.
    pub p: &'a mut SVector<S, NP>,
    /// Gradient in `s`, `NS`.
    pub s: &'a mut SVector<S, NS>,
    /// Gradient in the weights of the model's networks, one network after another; empty for models without.
    pub w: &'a mut [S],
}

impl<'a, S, const NP: usize, const NS: usize> ParameterGradient<'a, S, NP, NS> {
    /// Those of a model without networks.
    #[must_use]
    #[inline(always)]
    pub const fn new(p: &'a mut SVector<S, NP>, s: &'a mut SVector<S, NS>) -> Self {
        Self { p, s, w: &mut [] }
    }

    /// The same gradients for one more kernel.
    #[must_use]
    #[inline(always)]
    pub fn reborrow(&mut self) -> ParameterGradient<'_, S, NP, NS> {
        ParameterGradient { p: self.p, s: self.s, w: self.w }
    }

    /// The entry of parameter `j`, counted through `p` and `s`.
    pub(crate) fn entry(&mut self, j: usize) -> &mut S {
        if j < NP { &mut self.p[j] } else { &mut self.s[j - NP] }
    }
}
