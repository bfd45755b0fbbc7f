//! The Riccati recursion: the backward stage that the forward solve, the gradient and [`lq`](crate::lq) share.
//!
//! The value function of the LQ problem at stage `t` is `1/2 dx' V dx + v' dx + const`. A stage turns `V, v` of `t + 1` into
//! those of `t`:
//!
//! ```text
//! Qxx = hxx + fx' V fx    Qux = hux + fu' V fx    Quu = huu + fu' V fu
//! Qx  = gx + fx' v        Qu  = gu + fu' v
//! K   = -Quu^-1 Qux       k   = -Quu^-1 Qu
//! V  <- Qxx + Qux' K      v  <- Qx + K' Qu
//! ```
//!
//! The short forms of the last line are exact because `Quu k = -Qu` and `Quu K = -Qux` hold with the `Quu` that was
//! factorized. Regularization is a proximal term `mu/2 (dx' D dx + du' E du)` of the LQ problem itself. It enters `hxx` and
//! `huu`, never `Quu` alone. `D` and `E` are diagonal and have the units of the curvature
//! ([`Curvature`](crate::lq::curvature::Curvature)). Three consequences are used elsewhere:
//!
//! * For large `mu` the stage Hessians are positive definite and the LQ problem is convex. So the recursion exists for every
//!   unstable system and every horizon. (If `Quu` alone is damped, `K` vanishes and `V` grows like the open-loop system. If
//!   `V` alone is damped, as in Tassa et al. 2012, controls with `fu = 0` are not regularized.)
//! * The step is a descent direction of the cost with slope `sum_t k' Qu`.
//! * With `g = (lx, lu)`, `v` is the closed-loop costate `lx + K' lu + (fx + fu K)' lambda`, for any `mu`. The gradient `V_x`
//!   of differential dynamic programming and the costate of the optimality conditions are one vector.
//!
//! The linear and the quadratic part are separate functions, because several linear parts (the columns of a Jacobian) share
//! one quadratic part.

use nalgebra::{SMatrix, SVector};
use thiserror::Error;

#[cfg(feature = "lanes")]
use crate::linalg::lane_copies::copy_lane;
use crate::linalg::ldl::Ldl;
use crate::linalg::products::{
    Columns, add_lower_product_columns, add_product, add_product_columns, add_product_masked, add_symmetric_product,
    add_symmetric_product_masked, add_transposed_product, add_transposed_product_columns,
    add_transposed_product_masked, mirror, negative_zeros, transposed, zeros,
};
use crate::lq::proximal::Proximal;
#[cfg(feature = "lanes")]
use crate::scalar::lanes::Lanes;
use crate::scalar::{Mask, Scalar};

/// The entries of `fx` and `fu` that can be non-zero. They are constants, so that products skip the others.
pub(crate) trait Pattern<const NX: usize, const NU: usize> {
    /// Pattern of `fx`, row by row.
    const FX: [[bool; NX]; NX];
    /// Pattern of `fu`, row by row.
    const FU: [[bool; NU]; NX];
}

/// From this number of states on, products are loops over columns. Below it they are unrolled over single entries.
const UNROLLED: usize = 8;

/// The pattern without zeros.
pub(crate) struct Dense;

impl<const NX: usize, const NU: usize> Pattern<NX, NU> for Dense {
    const FX: [[bool; NX]; NX] = [[true; NX]; NX];
    const FU: [[bool; NU]; NX] = [[true; NU]; NX];
}

/// `Quu` is not positive definite (or not finite).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Quu is not positive definite")]
pub struct NotPositiveDefinite;

/// The quadratic part of one stage, borrowed from a record.
#[derive(Clone, Copy, Debug)]
pub struct Quadratic<'a, S, const NX: usize, const NU: usize> {
    /// `df/dx`, `NX x NX`.
    pub fx: &'a SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: &'a SMatrix<S, NX, NU>,
    /// Hessian in the state, `NX x NX`, symmetric.
    pub hxx: &'a SMatrix<S, NX, NX>,
    /// Mixed block of the Hessian, `NU x NX`.
    pub hux: &'a SMatrix<S, NU, NX>,
    /// Hessian in the control, `NU x NU`, symmetric.
    pub huu: &'a SMatrix<S, NU, NU>,
}

/// The derivatives of a quadratic value function `1/2 dx' V dx + v' dx`. A backward stage replaces those of the next stage
/// by its own.
#[derive(Debug)]
pub(crate) struct ValueFunction<'a, S, const NX: usize> {
    /// `V`, `NX x NX`, symmetric.
    pub(crate) hessian: &'a mut SMatrix<S, NX, NX>,
    /// `v`, `NX`.
    pub(crate) gradient: &'a mut SVector<S, NX>,
}

/// The result of a stage's quadratic part: the feedback gain, and the factors to solve for feed-forward terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageFactor<S, const NX: usize, const NU: usize> {
    /// Feedback gain `K`, `NU x NX`.
    pub gain: SMatrix<S, NU, NX>,
    /// Factors of `Quu`, `NU x NU`.
    pub(crate) quu: Ldl<S, NU>,
    /// `Quu`, `NU x NU`, with infinity on the diagonal for controls at a bound.
    pub(crate) curvature: SMatrix<S, NU, NU>,
}

#[cfg(feature = "lanes")]
impl<L: Lanes, const NX: usize, const NU: usize> StageFactor<L, NX, NU> {
    /// Copies a lane of another factor into a lane of this one.
    pub(crate) fn copy_lane(&mut self, lane: usize, from: &Self, from_lane: usize) {
        copy_lane((&from.gain, from_lane), (&mut self.gain, lane));
        self.quu.copy_lane(lane, &from.quu, from_lane);
        copy_lane((&from.curvature, from_lane), (&mut self.curvature, lane));
    }
}

/// The result of a stage's linear part. `C` columns share the quadratic part; usually `C = 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Feedforward<S, const NU: usize, const C: usize> {
    /// Gradient `Qu` of the Q-function, `NU x C`.
    pub qu: SMatrix<S, NU, C>,
    /// Feed-forward term `k`, `NU x C`.
    pub k: SMatrix<S, NU, C>,
}

/// The blocks of a stage's Q-function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks<S, const NX: usize, const NU: usize> {
    /// `Qxx`, `NX x NX`, symmetric.
    pub(crate) qxx: SMatrix<S, NX, NX>,
    /// `Qux`, `NU x NX`.
    pub(crate) qux: SMatrix<S, NU, NX>,
    /// `Quu`, `NU x NU`, symmetric.
    pub(crate) quu: SMatrix<S, NU, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Blocks<S, NX, NU> {
    /// The blocks from a stage and `V` of the next stage.
    #[inline(always)]
    pub(crate) fn of<P: Pattern<NX, NU>>(
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &SMatrix<S, NX, NX>,
    ) -> Self {
        if const { NX >= UNROLLED } {
            let WideBlocks { mut qxx, qxu, quu } = WideBlocks::of::<P>(stage, proximal, value);
            mirror(&mut qxx);
            return Self { qxx, qux: transposed(&qxu), quu };
        }
        let Quadratic { fx, fu, hxx, hux, huu } = *stage;
        let mut blocks = Self { qxx: *hxx, qux: *hux, quu: *huu };
        proximal.add_to(&mut blocks.qxx, &mut blocks.quu);
        let mut value_fx = negative_zeros();
        let mut value_fu = negative_zeros();
        add_product_masked(&mut value_fx, value, fx, &P::FX);
        add_product_masked(&mut value_fu, value, fu, &P::FU);
        add_symmetric_product_masked(&mut blocks.quu, fu, &value_fu, &P::FU);
        add_transposed_product_masked(&mut blocks.qux, fu, &value_fx, &P::FU);
        add_symmetric_product_masked(&mut blocks.qxx, fx, &value_fx, &P::FX);
        blocks
    }
}

/// [`Blocks`] for many states. Its products are sums of whole columns, mostly of `NX` entries, for the vector registers.
struct WideBlocks<S, const NX: usize, const NU: usize> {
    /// `Qxx`, `NX x NX`; only the lower half is valid.
    qxx: SMatrix<S, NX, NX>,
    /// `Qux'`, `NX x NU`.
    qxu: SMatrix<S, NX, NU>,
    /// `Quu`, `NU x NU`, symmetric.
    quu: SMatrix<S, NU, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> WideBlocks<S, NX, NU> {
    #[inline(always)]
    fn of<P: Pattern<NX, NU>>(
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &SMatrix<S, NX, NX>,
    ) -> Self {
        let Quadratic { fx, fu, hxx, hux, huu } = *stage;
        let (fx_columns, fu_columns) = const { (&Columns::of(&P::FX), &Columns::of(&P::FU)) };
        let mut blocks = Self { qxx: *hxx, qxu: transposed(hux), quu: *huu };
        proximal.add_to(&mut blocks.qxx, &mut blocks.quu);
        let mut value_fx = negative_zeros();
        let mut value_fu = negative_zeros();
        add_product_columns(&mut value_fx, value, fx, fx_columns);
        add_product_columns(&mut value_fu, value, fu, fu_columns);
        let value_fx = transposed(&value_fx);
        add_lower_product_columns(&mut blocks.qxx, &value_fx, fx, fx_columns);
        add_product_columns(&mut blocks.qxu, &value_fx, fu, fu_columns);
        add_product_columns(&mut blocks.quu, &transposed(&value_fu), fu, fu_columns);
        mirror(&mut blocks.quu);
        blocks
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> StageFactor<S, NX, NU> {
    /// Memory for the factors of a stage.
    #[must_use]
    pub fn zeros() -> Self {
        Self { gain: zeros(), quu: Ldl::zeros(), curvature: zeros() }
    }

    /// The quadratic part of a backward stage. `value` holds `V` of the next stage, `NX x NX`, and receives `V` of this stage.
    ///
    /// `proximal` is added to the diagonals of `hxx` and `huu`.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`] if `Quu` is not positive definite or not finite, in any lane. `value` and the factors are
    /// meaningless then.
    #[inline]
    pub fn quadratic(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &mut SMatrix<S, NX, NX>,
    ) -> Result<(), NotPositiveDefinite> {
        if self.quadratic_where::<Dense>(stage, proximal, value).all() { Ok(()) } else { Err(NotPositiveDefinite) }
    }

    /// [`StageFactor::quadratic`] without the zeros of `fx` and `fu`. The result is true where `Quu` is positive definite.
    #[inline(always)]
    #[must_use]
    pub(crate) fn quadratic_where<P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &mut SMatrix<S, NX, NX>,
    ) -> S::Mask {
        if const { NX >= UNROLLED } {
            return self.quadratic_of_many::<P>(stage, proximal, value);
        }
        let Blocks { qxx, qux, quu } = Blocks::of::<P>(stage, proximal, value);
        let definite = self.quu.factor(&quu);
        if !definite.any() {
            return definite;
        }
        self.curvature = quu;
        self.gain = qux;
        self.quu.solve(&mut self.gain);
        negate(&mut self.gain);

        *value = qxx;
        add_symmetric_product(value, &qux, &self.gain);
        definite
    }

    /// [`quadratic_where`](Self::quadratic_where) for many states.
    #[inline(always)]
    fn quadratic_of_many<P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &mut SMatrix<S, NX, NX>,
    ) -> S::Mask {
        let WideBlocks { qxx, qxu, quu } = WideBlocks::of::<P>(stage, proximal, value);
        let definite = self.quu.factor(&quu);
        if !definite.any() {
            return definite;
        }
        self.curvature = quu;
        let mut gain = qxu;
        self.quu.solve_rows(&mut gain);
        negate(&mut gain);
        self.gain = transposed(&gain);

        *value = qxx;
        add_lower_product_columns(value, &qxu, &self.gain, &Columns::ALL);
        mirror(value);
        definite
    }

    /// The linear part of a backward stage, after [`quadratic`](Self::quadratic). `value` holds `v` of the next stage,
    /// `NX x C`, and receives `v` of this stage. With an offset `c` of the dynamics it holds `v + V c`.
    ///
    /// `gx` (`NX x C`) and `gu` (`NU x C`) are the gradients of the stage's cost.
    #[inline]
    pub fn linear<const C: usize>(
        &self,
        fx: &SMatrix<S, NX, NX>,
        fu: &SMatrix<S, NX, NU>,
        gx: &SMatrix<S, NX, C>,
        gu: &SMatrix<S, NU, C>,
        value: &mut SMatrix<S, NX, C>,
    ) -> Feedforward<S, NU, C> {
        self.linear_where::<Dense, C>(fx, fu, gx, gu, value)
    }

    /// [`StageFactor::linear`] without the zeros of `fx` and `fu`.
    #[inline(always)]
    pub(crate) fn linear_where<P: Pattern<NX, NU>, const C: usize>(
        &self,
        fx: &SMatrix<S, NX, NX>,
        fu: &SMatrix<S, NX, NU>,
        gx: &SMatrix<S, NX, C>,
        gu: &SMatrix<S, NU, C>,
        value: &mut SMatrix<S, NX, C>,
    ) -> Feedforward<S, NU, C> {
        let mut qu = *gu;
        let mut qx = *gx;
        if const { NX < UNROLLED } {
            add_transposed_product_masked(&mut qu, fu, value, &P::FU);
            add_transposed_product_masked(&mut qx, fx, value, &P::FX);
            add_transposed_product(&mut qx, &self.gain, &qu);
        } else {
            add_transposed_product_columns(&mut qu, fu, value, const { &Columns::of(&P::FU) });
            add_transposed_product_columns(&mut qx, fx, value, const { &Columns::of(&P::FX) });
            add_transposed_product_columns(&mut qx, &self.gain, &qu, &Columns::ALL);
        }
        *value = qx;

        let mut k = qu;
        self.quu.solve(&mut k);
        negate(&mut k);
        Feedforward { qu, k }
    }

    /// The control `du = K dx + k` of the LQ problem's solution, `NU x C`.
    #[inline]
    #[must_use]
    pub fn control<const C: usize>(&self, dx: &SMatrix<S, NX, C>, k: &SMatrix<S, NU, C>) -> SMatrix<S, NU, C> {
        let mut du = *k;
        add_product(&mut du, &self.gain, dx);
        du
    }
}

/// The next state `fx dx + fu du + offset` of the LQ problem, `NX x C`.
#[inline]
#[must_use]
pub fn next_state<S: Scalar, const NX: usize, const NU: usize, const C: usize>(
    fx: &SMatrix<S, NX, NX>,
    fu: &SMatrix<S, NX, NU>,
    offset: &SMatrix<S, NX, C>,
    dx: &SMatrix<S, NX, C>,
    du: &SMatrix<S, NU, C>,
) -> SMatrix<S, NX, C> {
    let mut next = *offset;
    add_product(&mut next, fx, dx);
    add_product(&mut next, fu, du);
    next
}

/// The gradient of the value function at `dx`: the costate `dlambda = V dx + v`, `NX`.
#[inline]
#[must_use]
pub fn costate<S: Scalar, const NX: usize>(
    hessian: &SMatrix<S, NX, NX>,
    gradient: &SVector<S, NX>,
    dx: &SVector<S, NX>,
) -> SVector<S, NX> {
    let mut costate = *gradient;
    add_product(&mut costate, hessian, dx);
    costate
}

#[inline(always)]
fn negate<S: Scalar, const R: usize, const C: usize>(a: &mut SMatrix<S, R, C>) {
    for column in &mut a.data.0 {
        for entry in column {
            *entry = -*entry;
        }
    }
}
