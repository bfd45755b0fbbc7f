//! IDOC's vector-Jacobian product (Xu et al. 2023, arXiv 2310.14468) for problems without limits: multipliers are
//! eliminated from the derivative of the optimality conditions, and the Schur complement `A H^-1 A'` is a block
//! tridiagonal matrix.
//!
//! With the stages `(x_t, u_t)` and the rows `x_{t+1} - f` of `A`, the gradient is `-(w' B + y' C)`, where
//!
//! ```text
//! A H^-1 A' y = A H^-1 v,    w = H^-1 (v - A' y)
//! ```
//!
//! and `v` is the gradient of the loss in the trajectory. `x_0` is given, so it is no variable.

use dilqr_runtime::LossGradient;
use dilqr_runtime::nalgebra::{SMatrix, SVector};

use super::conditions::{Conditions, StageConditions};

/// The inverse of a stage's Hessian, by its Schur complement on the controls.
struct Inverse<const NX: usize, const NU: usize> {
    /// The block of the states.
    y: SMatrix<f64, NX, NX>,
    /// `huu^-1 hux`.
    g: SMatrix<f64, NU, NX>,
    huu: SMatrix<f64, NU, NU>,
}

impl<const NX: usize, const NU: usize> Inverse<NX, NU> {
    fn of<const NP: usize>(stage: &StageConditions<NX, NU, NP>, has_state: bool) -> Option<Self> {
        let huu = stage.huu.try_inverse()?;
        let g = huu * stage.hux;
        let complement = stage.hxx - stage.hux.transpose() * g;
        let y = if has_state { complement.try_inverse()? } else { SMatrix::zeros() };
        Some(Self { y, g, huu })
    }

    /// Its product with columns `(a, b)`.
    fn times<const N: usize>(
        &self,
        a: &SMatrix<f64, NX, N>,
        b: &SMatrix<f64, NU, N>,
    ) -> (SMatrix<f64, NX, N>, SMatrix<f64, NU, N>) {
        let x = self.y * (a - self.g.transpose() * b);
        (x, self.huu * b - self.g * x)
    }
}

/// The gradient of a loss; `None` if a matrix is singular.
pub(super) fn gradient<const NX: usize, const NU: usize, const NP: usize>(
    conditions: &Conditions<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
) -> Option<SVector<f64, NP>> {
    let stages = &conditions.stages;
    let horizon = stages.len();
    let inverses: Vec<_> =
        stages.iter().enumerate().map(|(t, stage)| Inverse::of(stage, t > 0)).collect::<Option<_>>()?;
    let terminal = conditions.hxx.try_inverse()?;

    // Blocks of the Schur complement and of its right-hand side, row by row; the block above the diagonal is minus
    // `above`.
    let mut diagonal = vec![SMatrix::zeros(); horizon];
    let mut above = vec![SMatrix::zeros(); horizon];
    let mut y = vec![SVector::zeros(); horizon];
    for (t, (stage, inverse)) in stages.iter().zip(&inverses).enumerate() {
        let (x, u) = inverse.times(&stage.fx.transpose(), &stage.fu.transpose());
        let (vx, vu) = inverse.times(&loss.states[t], &loss.controls[t]);
        diagonal[t] += stage.fx * x + stage.fu * u;
        y[t] -= stage.fx * vx + stage.fu * vu;
        if let Some(before) = t.checked_sub(1) {
            diagonal[before] += inverse.y;
            y[before] += vx;
            above[before] = x;
        }
    }
    diagonal[horizon - 1] += terminal;
    y[horizon - 1] += terminal * loss.states[horizon];

    // Thomas' algorithm.
    let mut factor: SMatrix<f64, NX, NX> = SMatrix::zeros();
    for t in 0..horizon {
        if t > 0 {
            // The block below the diagonal is minus the transpose of `above`.
            let lower = above[t - 1].transpose() * factor;
            let (block, right) = (lower * above[t - 1], lower * y[t - 1]);
            diagonal[t] -= block;
            y[t] += right;
        }
        factor = diagonal[t].try_inverse()?;
        diagonal[t] = factor;
    }
    for t in (0..horizon).rev() {
        if t + 1 < horizon {
            let next = above[t] * y[t + 1];
            y[t] += next;
        }
        y[t] = diagonal[t] * y[t];
    }

    let mut gradient = SVector::zeros();
    for (t, (stage, inverse)) in stages.iter().zip(&inverses).enumerate() {
        let before = t.checked_sub(1).map_or_else(SVector::zeros, |before| y[before]);
        let x = loss.states[t] - before + stage.fx.tr_mul(&y[t]);
        let u = loss.controls[t] + stage.fu.tr_mul(&y[t]);
        let (wx, wu) = inverse.times(&x, &u);
        gradient += stage.fp.tr_mul(&y[t]) - stage.hxp.tr_mul(&wx) - stage.hup.tr_mul(&wu);
    }
    let w = terminal * (loss.states[horizon] - y[horizon - 1]);
    Some(gradient - conditions.hxp.tr_mul(&w))
}
