//! The gradient of a loss on a solution in three ways.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Model, Solution};

use super::conditions::Conditions;
use super::{active_schur, auxiliary_lqr, schur};

/// How a solution is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// This library's `vjp`: a check of the solution, one factorization, one pass.
    Implicit,
    /// PDP's auxiliary control system, and the chain rule.
    AuxiliaryLqr,
    /// IDOC's Schur complement, with active limits as rows.
    Schur,
}

/// The gradient; `None` where the method has none.
pub(super) fn gradient<M, const NX: usize, const NU: usize, const NP: usize>(
    method: Method,
    solver: &mut Ilqr<M, NX, NU, NP>,
    solution: &Solution<NX, NU, NP>,
    loss: &LossGradient<NX, NU>,
) -> Option<SVector<f64, NP>>
where
    M: Model<NX, NU, NP>,
{
    match method {
        Method::Implicit => solver.vjp(solution, loss).ok().map(|gradient| gradient.params),
        Method::AuxiliaryLqr => auxiliary_lqr::gradient(&Conditions::about(solver.model(), solution), loss),
        Method::Schur => {
            let conditions = Conditions::about(solver.model(), solution).shifted();
            if conditions.stages.iter().all(|stage| stage.rows.is_empty()) {
                schur::gradient(&conditions, loss)
            } else {
                active_schur::gradient(&conditions, loss)
            }
        }
    }
}

/// The sum of squared errors of a trajectory, and its gradient.
pub(super) fn imitation<const NX: usize, const NU: usize, const NP: usize>(
    solution: &Solution<NX, NU, NP>,
    demonstration: &Solution<NX, NU, NP>,
) -> (f64, LossGradient<NX, NU>) {
    let states: Vec<_> = solution.states.iter().zip(&demonstration.states).map(|(x, y)| x - y).collect();
    let controls: Vec<_> = solution.controls.iter().zip(&demonstration.controls).map(|(x, y)| x - y).collect();
    let loss =
        states.iter().map(|e| e.norm_squared()).sum::<f64>() + controls.iter().map(|e| e.norm_squared()).sum::<f64>();
    let states = states.into_iter().map(|e| 2.0 * e).collect();
    let controls = controls.into_iter().map(|e| 2.0 * e).collect();
    (loss, LossGradient::new(states, controls))
}

/// The length of the difference over the length of the second.
pub(super) fn relative<const N: usize>(a: &SVector<f64, N>, b: &SVector<f64, N>) -> f64 {
    (a - b).norm() / b.norm()
}
