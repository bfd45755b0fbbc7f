//! PDP's backward pass (Jin et al. 2020): the derivative of the trajectory in the parameters is the trajectory of a
//! linear-quadratic problem with matrices as states and controls, the auxiliary control system.

use dilqr_runtime::LossGradient;
use dilqr_runtime::nalgebra::{SMatrix, SVector};

use super::conditions::Conditions;

/// The derivative of a trajectory in the parameters.
struct TrajectoryDerivative<const NX: usize, const NU: usize, const NP: usize> {
    states: Vec<SMatrix<f64, NX, NP>>,
    controls: Vec<SMatrix<f64, NU, NP>>,
}

/// The derivatives of all states and controls; `None` if a matrix is singular. Limits that hold stages are left out:
/// PDP has none.
fn derivative<const NX: usize, const NU: usize, const NP: usize>(
    conditions: &Conditions<NX, NU, NP>,
) -> Option<TrajectoryDerivative<NX, NU, NP>> {
    let (mut p, mut w) = (conditions.hxx, conditions.hxp);
    let mut laws = Vec::with_capacity(conditions.stages.len());
    for stage in conditions.stages.iter().rev() {
        let inverse = stage.huu.try_inverse()?;
        let (of_state, of_params) = (inverse * stage.hux, inverse * stage.hup);
        let a = stage.fx - stage.fu * of_state;
        let r = stage.fu * inverse * stage.fu.transpose();
        let m = stage.fp - stage.fu * of_params;
        let q = stage.hxx - stage.hux.transpose() * of_state;
        let n = stage.hxp - stage.hux.transpose() * of_params;
        let s = (SMatrix::identity() + p * r).try_inverse()?;
        let (state, params) = (s * p * a, s * (p * m + w));
        let gain = -(of_state + inverse * stage.fu.transpose() * state);
        let affine = -(of_params + inverse * stage.fu.transpose() * params);
        laws.push((gain, affine));
        p = q + a.transpose() * state;
        w = n + a.transpose() * params;
    }
    let mut x = SMatrix::zeros();
    let (mut states, mut controls) = (vec![x], Vec::new());
    for (stage, (gain, affine)) in conditions.stages.iter().zip(laws.into_iter().rev()) {
        let u = gain * x + affine;
        x = stage.fx * x + stage.fu * u + stage.fp;
        controls.push(u);
        states.push(x);
    }
    Some(TrajectoryDerivative { states, controls })
}

/// The gradient of a loss, by the chain rule.
pub(super) fn gradient<const NX: usize, const NU: usize, const NP: usize>(
    conditions: &Conditions<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
) -> Option<SVector<f64, NP>> {
    let TrajectoryDerivative { states, controls } = derivative(conditions)?;
    let states = states.iter().zip(&loss.states).map(|(x, loss)| x.tr_mul(loss));
    let controls = controls.iter().zip(&loss.controls).map(|(u, loss)| u.tr_mul(loss));
    Some(states.chain(controls).sum())
}
