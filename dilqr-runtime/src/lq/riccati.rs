//! The Riccati recursion: the one backward stage that the forward solve, the gradient and [`lq`](crate::lq) share.
//!
//! The LQ problem's value function at stage `t` is `1/2 dx' V dx + v' dx + const`. A stage turns `V, v` of `t + 1` into
//! those of `t`:
//!
//! ```text
//! Qxx = hxx + fx' V fx    Qux = hux + fu' V fx    Quu = huu + fu' V fu
//! Qx  = gx + fx' v        Qu  = gu + fu' v
//! K   = -Quu^-1 Qux       k   = -Quu^-1 Qu
//! V  <- Qxx + Qux' K      v  <- Qx + K' Qu
//! ```
//!
//! The short forms of the last line are exact because `Quu k = -Qu`, `Quu K = -Qux` hold with the very `Quu` that was
//! factorized: regularization enters as a proximal term `mu/2 (dx' D dx + du' E du)` of the LQ problem itself, in `hxx`
//! and `huu`, never in `Quu` alone; `D` and `E` are diagonal and carry the units of the curvature ([`Curvature`]). Three consequences are used elsewhere:
//!
//! * With `mu` large enough the stage Hessians are positive definite and the LQ problem is convex, so the recursion exists
//!   however unstable the system and however long the horizon. (Damping `Quu` alone lets `K` vanish, and `V` then grows
//!   like the open-loop system; damping `V` alone, as Tassa et al. 2012, does nothing for controls with `fu = 0`.)
//! * The step is a descent direction of the cost with slope `sum_t k' Qu`.
//! * With `g = (lx, lu)`, `v` is the closed-loop costate `lx + K' lu + (fx + fu K)' lambda`, for any `mu`: the gradient
//!   `V_x` of differential dynamic programming and the costate of the optimality conditions are one vector.
//!
//! Linear and quadratic part are separate calls, because several linear parts (the columns of a Jacobian) may share one
//! quadratic part.

use crate::linalg::products::zeros;
use nalgebra::{SMatrix, SVector};
use thiserror::Error;

use crate::linalg::ldl::Ldl;
use crate::linalg::products::{
    Columns, add_product, add_product_of, add_product_where, add_symmetric_product, add_symmetric_product_where,
    add_transposed_product, add_transposed_product_of, add_transposed_product_where, mirror, negative_zeros,
    transposed,
};
use crate::lq::proximal::Proximal;
use crate::scalar::{Mask, Scalar};

/// Which entries of a stage's `fx` and `fu` can be other than zero: constants, for the products to leave the others out.
pub(crate) trait Pattern<const NX: usize, const NU: usize> {
    /// Of `fx`, row by row.
    const FX: [[bool; NX]; NX];
    /// Of `fu`, row by row.
    const FU: [[bool; NU]; NX];
}

/// States from which on a stage's products are loops over columns, and not unrolled over single entries.
const UNROLLED: usize = 8;

/// Any entry.
pub(crate) struct Dense;

impl<const NX: usize, const NU: usize> Pattern<NX, NU> for Dense {
    const FX: [[bool; NX]; NX] = [[true; NX]; NX];
    const FU: [[bool; NU]; NX] = [[true; NU]; NX];
}

/// `Quu` is not positive definite (or not finite).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Quu is not positive definite")]
pub struct NotPositiveDefinite;

/// The quadratic part of one stage, borrowed from whichever record holds it.
#[derive(Clone, Copy, Debug)]
pub struct Quadratic<'a, S, const NX: usize, const NU: usize> {
    /// `NX x NX`.
    pub fx: &'a SMatrix<S, NX, NX>,
    /// `NX x NU`.
    pub fu: &'a SMatrix<S, NX, NU>,
    /// `NX x NX`, symmetric.
    pub hxx: &'a SMatrix<S, NX, NX>,
    /// `NU x NX`.
    pub hux: &'a SMatrix<S, NU, NX>,
    /// `NU x NU`, symmetric.
    pub huu: &'a SMatrix<S, NU, NU>,
}

/// A quadratic value function `1/2 dx' V dx + v' dx`, borrowed.
#[derive(Debug)]
pub(crate) struct ValueFunction<'a, S, const NX: usize> {
    /// `V`, `NX x NX`, symmetric.
    pub(crate) hessian: &'a mut SMatrix<S, NX, NX>,
    /// `v`, `NX`.
    pub(crate) gradient: &'a mut SVector<S, NX>,
}

/// What a stage's quadratic part leaves behind: the feedback, and the means to solve for feed-forward terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageFactor<S, const NX: usize, const NU: usize> {
    /// `K`, `NU x NX`.
    pub gain: SMatrix<S, NU, NX>,
    /// Factors of `Quu`, `NU x NU`.
    pub(crate) quu: Ldl<S, NU>,
    /// `Quu` itself; infinity on the diagonal for controls at a bound.
    pub(crate) curvature: SMatrix<S, NU, NU>,
}

/// What a stage's linear part leaves behind. `C` columns share the stage's quadratic part; usually one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedforward<S, const NU: usize, const C: usize> {
    /// `Qu`, `NU x C`.
    pub qu: SMatrix<S, NU, C>,
    /// `k`, `NU x C`.
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
    /// From a stage and the Hessian of the next stage's value function.
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
        add_product_where(&mut value_fx, value, fx, &P::FX);
        add_product_where(&mut value_fu, value, fu, &P::FU);
        add_symmetric_product_where(&mut blocks.quu, fu, &value_fu, &P::FU);
        add_transposed_product_where(&mut blocks.qux, fu, &value_fx, &P::FU);
        add_symmetric_product_where(&mut blocks.qxx, fx, &value_fx, &P::FX);
        blocks
    }
}

/// The same for many states: its products are sums of whole columns, most of them of `NX` entries, for the vector registers.
struct WideBlocks<S, const NX: usize, const NU: usize> {
    /// `Qxx`, `NX x NX`; the lower half counts.
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
        add_product_of(&mut value_fx, value, fx, fx_columns);
        add_product_of(&mut value_fu, value, fu, fu_columns);
        let value_fx = transposed(&value_fx);
        add_product_of(&mut blocks.qxx, &value_fx, fx, fx_columns);
        add_product_of(&mut blocks.qxu, &value_fx, fu, fu_columns);
        add_product_of(&mut blocks.quu, &transposed(&value_fu), fu, fu_columns);
        mirror(&mut blocks.quu);
        blocks
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> StageFactor<S, NX, NU> {
    /// Room for the factors of a stage.
    #[must_use]
    pub fn zeros() -> Self {
        Self { gain: zeros(), quu: Ldl::zeros(), curvature: zeros() }
    }

    /// The quadratic part of a backward stage: `value` holds `V` of the next stage and receives that of this one.
    ///
    /// `proximal` is added to the diagonals of `hxx` and `huu`.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`] where `Quu` is not (in a lane, where the scalar has several); `value` and the factors then
    /// hold no meaning.
    #[inline]
    pub fn quadratic(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        value: &mut SMatrix<S, NX, NX>,
    ) -> Result<(), NotPositiveDefinite> {
        if self.quadratic_where::<Dense>(stage, proximal, value).all() { Ok(()) } else { Err(NotPositiveDefinite) }
    }

    /// [`StageFactor::quadratic`] with the zeros of `fx` and `fu` left out. Says where `Quu` is positive definite.
    #[inline]
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

    /// The same for many states.
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
        add_product_of(value, &qxu, &self.gain, &Columns::ALL);
        mirror(value);
        definite
    }

    /// The linear part of a backward stage: `value` holds `v` of the next stage (already moved by an offset of the
    /// dynamics, `v + V c`, where there is one) and receives that of this one.
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

    /// [`StageFactor::linear`] with the zeros of `fx` and `fu` left out.
    #[inline]
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
            add_transposed_product_where(&mut qu, fu, value, &P::FU);
            add_transposed_product_where(&mut qx, fx, value, &P::FX);
            add_transposed_product(&mut qx, &self.gain, &qu);
        } else {
            add_transposed_product_of(&mut qu, fu, value, const { &Columns::of(&P::FU) });
            add_transposed_product_of(&mut qx, fx, value, const { &Columns::of(&P::FX) });
            add_transposed_product_of(&mut qx, &self.gain, &qu, &Columns::ALL);
        }
        *value = qx;

        let mut k = qu;
        self.quu.solve(&mut k);
        negate(&mut k);
        Feedforward { qu, k }
    }

    /// The control of the LQ problem's solution, `du = K dx + k`.
    #[inline]
    #[must_use]
    pub fn control<const C: usize>(&self, dx: &SMatrix<S, NX, C>, k: &SMatrix<S, NU, C>) -> SMatrix<S, NU, C> {
        let mut du = *k;
        add_product(&mut du, &self.gain, dx);
        du
    }
}

/// The LQ problem's next state, `fx dx + fu du + offset`.
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

/// The gradient of the value function away from its origin, `V dx + v`: the costate `dlambda`.
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
