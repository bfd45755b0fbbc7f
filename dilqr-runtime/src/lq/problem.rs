//! The LQ problem, its solution and its KKT residual.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use thiserror::Error;

use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Quadratic, StageFactor, costate, next_state};
use crate::scalar::{Scalar, ScalarReal};

/// One stage of an [`LqProblem`]. Symmetric matrices have both halves filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LqStage<S, const NX: usize, const NU: usize> {
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Offset of the dynamics, `NX`. It is zero about a trajectory that satisfies its dynamics.
    pub offset: SVector<S, NX>,
    /// Hessian in the state, `NX x NX`, symmetric.
    pub hxx: SMatrix<S, NX, NX>,
    /// Mixed block of the Hessian, `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// Hessian in the control, `NU x NU`, symmetric.
    pub huu: SMatrix<S, NU, NU>,
    /// Gradient in the state, `NX`.
    pub gx: SVector<S, NX>,
    /// Gradient in the control, `NU`.
    pub gu: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> LqStage<S, NX, NU> {
    /// A stage of zeros.
    #[must_use]
    pub fn zeros() -> Self {
        Self {
            fx: zeros(),
            fu: zeros(),
            offset: zeros(),
            hxx: zeros(),
            hux: zeros(),
            huu: zeros(),
            gx: zeros(),
            gu: zeros(),
        }
    }
}

/// An LQ problem. Its horizon is the number of stages.
#[derive(Clone, Debug, PartialEq)]
pub struct LqProblem<S, const NX: usize, const NU: usize> {
    /// `dx_0`, `NX`.
    pub initial_state: SVector<S, NX>,
    /// Stages `0 .. T-1`.
    pub stages: Vec<LqStage<S, NX, NU>>,
    /// `hxx_T`, `NX x NX`, symmetric.
    pub terminal_hxx: SMatrix<S, NX, NX>,
    /// `gx_T`, `NX`.
    pub terminal_gx: SVector<S, NX>,
}

/// Primal and dual solution of an [`LqProblem`], with its feedback law.
#[derive(Clone, Debug, PartialEq)]
pub struct LqSolution<S, const NX: usize, const NU: usize> {
    /// `dx_t`, `T + 1` vectors.
    pub states: Vec<SVector<S, NX>>,
    /// `du_t`, `T` vectors.
    pub controls: Vec<SVector<S, NU>>,
    /// `dlambda_t = V_t dx_t + v_t`, `T + 1` vectors.
    pub costates: Vec<SVector<S, NX>>,
    /// `K_t`, `T` matrices.
    pub gains: Vec<SMatrix<S, NU, NX>>,
}

/// `Quu` is not positive definite at a stage: the problem has no unique minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the reduced Hessian is not positive definite at stage {stage}")]
pub struct NoMinimum {
    /// Stage `t`.
    pub stage: usize,
}

/// The largest absolute residuals of the optimality conditions, over all stages and entries.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct KktResidual {
    /// Residual of the dynamics and the initial state.
    pub dynamics: f64,
    /// Residual of `hxx dx + hux' du + gx + fx' dlambda_{t+1} - dlambda_t`, and of the terminal condition.
    pub states: f64,
    /// Residual of `hux dx + huu du + gu + fu' dlambda_{t+1}`.
    pub controls: f64,
}

impl KktResidual {
    /// The largest of the three, and NaN if one is NaN.
    #[must_use]
    pub fn max(&self) -> f64 {
        [self.dynamics, self.states, self.controls].into_iter().fold(0.0, larger)
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> LqProblem<S, NX, NU> {
    /// Solves the problem by the Riccati recursion, without regularization.
    ///
    /// # Errors
    /// [`NoMinimum`] if `Quu` is not positive definite at a stage.
    pub fn solve(&self) -> Result<LqSolution<S, NX, NU>, NoMinimum> {
        let horizon = self.stages.len();
        let mut factors = vec![StageFactor::zeros(); horizon];
        let mut feedforward = vec![zeros(); horizon];
        let mut values = vec![(self.terminal_hxx, self.terminal_gx); horizon + 1];
        let (mut hessian, mut gradient) = values[horizon];
        for t in (0..horizon).rev() {
            let stage = &self.stages[t];
            // v + V c: the gradient of the value function at the offset.
            add_product(&mut gradient, &hessian, &stage.offset);
            factors[t]
                .quadratic(&stage.quadratic(), &Proximal::none(), &mut hessian)
                .map_err(|_| NoMinimum { stage: t })?;
            feedforward[t] = factors[t].linear(&stage.fx, &stage.fu, &stage.gx, &stage.gu, &mut gradient).k;
            values[t] = (hessian, gradient);
        }

        let mut solution = LqSolution {
            states: Vec::with_capacity(horizon + 1),
            controls: Vec::with_capacity(horizon),
            costates: Vec::with_capacity(horizon + 1),
            gains: factors.iter().map(|factor| factor.gain).collect(),
        };
        let mut dx = self.initial_state;
        for t in 0..horizon {
            let stage = &self.stages[t];
            let du = factors[t].control(&dx, &feedforward[t]);
            solution.costates.push(costate(&values[t].0, &values[t].1, &dx));
            solution.states.push(dx);
            solution.controls.push(du);
            dx = next_state(&stage.fx, &stage.fu, &stage.offset, &dx, &du);
        }
        solution.costates.push(costate(&self.terminal_hxx, &self.terminal_gx, &dx));
        solution.states.push(dx);
        Ok(solution)
    }

    /// The residual of the first-order optimality conditions. All entries are NaN if the lengths of `solution` do not fit.
    #[must_use]
    pub fn kkt_residual(&self, solution: &LqSolution<S, NX, NU>) -> KktResidual
    where
        S: ScalarReal,
    {
        let LqSolution { states, controls, costates, .. } = solution;
        let horizon = self.stages.len();
        if states.len() != horizon + 1 || controls.len() != horizon || costates.len() != horizon + 1 {
            return KktResidual { dynamics: f64::NAN, states: f64::NAN, controls: f64::NAN };
        }
        let mut residual = KktResidual {
            dynamics: distance(&states[0], &self.initial_state),
            states: distance(&costates[horizon], &costate(&self.terminal_hxx, &self.terminal_gx, &states[horizon])),
            controls: 0.0,
        };
        for (t, stage) in self.stages.iter().enumerate() {
            let (dx, du, dlambda) = (&states[t], &controls[t], &costates[t + 1]);
            let next = next_state(&stage.fx, &stage.fu, &stage.offset, dx, du);
            residual.dynamics = larger(residual.dynamics, distance(&next, &states[t + 1]));

            let mut in_state = stage.gx;
            add_product(&mut in_state, &stage.hxx, dx);
            add_transposed_product(&mut in_state, &stage.hux, du);
            add_transposed_product(&mut in_state, &stage.fx, dlambda);
            residual.states = larger(residual.states, distance(&in_state, &costates[t]));

            let mut in_control = stage.gu;
            add_product(&mut in_control, &stage.hux, dx);
            add_product(&mut in_control, &stage.huu, du);
            add_transposed_product(&mut in_control, &stage.fu, dlambda);
            residual.controls = larger(residual.controls, distance(&in_control, &zeros()));
        }
        residual
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> LqStage<S, NX, NU> {
    /// The quadratic part.
    fn quadratic(&self) -> Quadratic<'_, S, NX, NU> {
        Quadratic { fx: &self.fx, fu: &self.fu, hxx: &self.hxx, hux: &self.hux, huu: &self.huu }
    }
}

/// The largest absolute difference of two vectors, and NaN if an entry is NaN.
fn distance<S: ScalarReal, const N: usize>(a: &SVector<S, N>, b: &SVector<S, N>) -> f64 {
    (0..N).map(|i| (a[i] - b[i]).to_f64().abs()).fold(0.0, larger)
}
