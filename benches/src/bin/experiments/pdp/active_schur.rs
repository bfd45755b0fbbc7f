//! IDOC's vector-Jacobian product for problems with limits: those that hold a stage are rows of `A` beside the
//! dynamics, so blocks of the Schur complement have sizes of their own. [`schur`](super::schur) has the formulas.

use dilqr_runtime::LossGradient;
use dilqr_runtime::nalgebra::{DMatrix, DVector, SVector};

use super::conditions::{Conditions, StageConditions};

/// A stage with its limits, in matrices of any size.
struct Block {
    /// Rows of `A` that begin at this stage: the dynamics, then the limits.
    a: DMatrix<f64>,
    /// The inverse Hessian of the stage. The state of stage 0 is given: its rows and columns are zero.
    inverse: DMatrix<f64>,
    b: DMatrix<f64>,
    c: DMatrix<f64>,
}

impl Block {
    fn of<const NX: usize, const NU: usize, const NP: usize>(
        stage: &StageConditions<NX, NU, NP>,
        has_state: bool,
    ) -> Option<Self> {
        let rows = NX + stage.rows.len();
        let mut a = DMatrix::zeros(rows, NX + NU);
        let mut c = DMatrix::zeros(rows, NP);
        a.view_mut((0, 0), (NX, NX)).copy_from(&-stage.fx);
        a.view_mut((0, NX), (NX, NU)).copy_from(&-stage.fu);
        c.view_mut((0, 0), (NX, NP)).copy_from(&-stage.fp);
        for (i, row) in stage.rows.iter().enumerate() {
            a.view_mut((NX + i, 0), (1, NX)).copy_from(&row.cx.transpose());
            a.view_mut((NX + i, NX), (1, NU)).copy_from(&row.cu.transpose());
            c.view_mut((NX + i, 0), (1, NP)).copy_from(&row.cp.transpose());
        }
        let mut h = DMatrix::zeros(NX + NU, NX + NU);
        h.view_mut((0, 0), (NX, NX)).copy_from(&stage.hxx);
        h.view_mut((NX, 0), (NU, NX)).copy_from(&stage.hux);
        h.view_mut((0, NX), (NX, NU)).copy_from(&stage.hux.transpose());
        h.view_mut((NX, NX), (NU, NU)).copy_from(&stage.huu);
        let inverse = if has_state {
            h.try_inverse()?
        } else {
            let mut inverse = DMatrix::zeros(NX + NU, NX + NU);
            inverse.view_mut((NX, NX), (NU, NU)).copy_from(&stage.huu.try_inverse()?);
            inverse
        };
        let mut b = DMatrix::zeros(NX + NU, NP);
        b.view_mut((0, 0), (NX, NP)).copy_from(&stage.hxp);
        b.view_mut((NX, 0), (NU, NP)).copy_from(&stage.hup);
        Some(Self { a, inverse, b, c })
    }
}

/// The gradient of a loss; `None` if a matrix is singular.
pub(super) fn gradient<const NX: usize, const NU: usize, const NP: usize>(
    conditions: &Conditions<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
) -> Option<SVector<f64, NP>> {
    let horizon = conditions.stages.len();
    let blocks = conditions.stages.iter().enumerate().map(|(t, stage)| Block::of(stage, t > 0));
    let blocks: Vec<Block> = blocks.collect::<Option<_>>()?;
    let terminal = conditions.hxx.try_inverse()?;
    let v = |t: usize| {
        let (x, u) = (&loss.states[t], &loss.controls[t]);
        DVector::from_iterator(NX + NU, x.iter().chain(u.iter()).copied())
    };

    let mut diagonal: Vec<DMatrix<f64>> = Vec::with_capacity(horizon);
    let mut above: Vec<DMatrix<f64>> = Vec::with_capacity(horizon);
    let mut y: Vec<DVector<f64>> = Vec::with_capacity(horizon);
    for (t, block) in blocks.iter().enumerate() {
        let product = &block.inverse * block.a.transpose();
        let solved = &block.inverse * v(t);
        diagonal.push(&block.a * &product);
        y.push(&block.a * &solved);
        if let Some(before) = t.checked_sub(1) {
            let mut corner = diagonal[before].view_mut((0, 0), (NX, NX));
            corner += block.inverse.view((0, 0), (NX, NX));
            let mut head = y[before].rows_mut(0, NX);
            head += solved.rows(0, NX);
            let mut upper = DMatrix::zeros(diagonal[before].nrows(), block.a.nrows());
            upper.rows_mut(0, NX).copy_from(&product.rows(0, NX));
            above.push(upper);
        }
    }
    let mut corner = diagonal[horizon - 1].view_mut((0, 0), (NX, NX));
    corner += terminal;
    let mut head = y[horizon - 1].rows_mut(0, NX);
    head += terminal * loss.states[horizon];
    eliminate(&mut diagonal, &above, &mut y)?;

    let mut gradient = SVector::zeros();
    for (t, block) in blocks.iter().enumerate() {
        let mut right = v(t) - block.a.transpose() * &y[t];
        if let Some(before) = t.checked_sub(1) {
            let mut head = right.rows_mut(0, NX);
            head -= y[before].rows(0, NX);
        }
        gradient -= block.b.tr_mul(&(&block.inverse * right)) + block.c.tr_mul(&y[t]);
    }
    let last = SVector::<f64, NX>::from_iterator(y[horizon - 1].iter().copied().take(NX));
    Some(gradient - conditions.hxp.tr_mul(&(terminal * (loss.states[horizon] - last))))
}

/// Thomas' algorithm: solves the symmetric block tridiagonal system in place of the right-hand side.
fn eliminate(diagonal: &mut [DMatrix<f64>], above: &[DMatrix<f64>], y: &mut [DVector<f64>]) -> Option<()> {
    for t in 0..diagonal.len() {
        if let Some(before) = t.checked_sub(1) {
            let lower = above[before].transpose() * &diagonal[before];
            let (block, right) = (&lower * &above[before], &lower * &y[before]);
            diagonal[t] -= block;
            y[t] -= right;
        }
        diagonal[t] = diagonal[t].clone().try_inverse()?;
    }
    for t in (0..diagonal.len()).rev() {
        if t + 1 < diagonal.len() {
            let next = &above[t] * &y[t + 1];
            y[t] -= next;
        }
        y[t] = &diagonal[t] * &y[t];
    }
    Some(())
}
