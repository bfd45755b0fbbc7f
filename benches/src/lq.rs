//! Random LQ problems, and their backward recursion in two versions: the runtime's loops, and nalgebra's products.

use dilqr_runtime::Scalar;
use dilqr_runtime::lanes::{Lanes, Native};
use dilqr_runtime::lq::{LqProblem, LqStage};
use dilqr_runtime::lq::{Proximal, Quadratic, StageFactor};
use dilqr_runtime::nalgebra::{Cholesky, SMatrix, SVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The result of the backward recursion.
#[derive(Clone, Debug)]
pub struct Policy<S, const NX: usize, const NU: usize> {
    /// `K_t`.
    pub gains: Vec<SMatrix<S, NU, NX>>,
    /// `k_t`.
    pub feedforward: Vec<SVector<S, NU>>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Policy<S, NX, NU> {
    /// A policy of zeros for `horizon` stages.
    #[must_use]
    pub fn zeros(horizon: usize) -> Self {
        Self { gains: vec![SMatrix::zeros(); horizon], feedforward: vec![SVector::zeros(); horizon] }
    }
}

/// A seeded strictly convex problem about a mildly unstable plant.
#[must_use]
pub fn random<const NX: usize, const NU: usize>(horizon: usize) -> LqProblem<f64, NX, NU> {
    let mut rng = StdRng::seed_from_u64(5);
    let mut entry = move |scale: f64| scale * rng.random_range(-1.0..1.0);
    let coupling = 1.0 / NX as f64;
    let mut stage = || {
        let mut stage = LqStage::zeros();
        stage.fx = SMatrix::from_fn(|i, j| if i == j { 1.0 } else { 0.0 } + entry(0.3 * coupling));
        stage.fu = SMatrix::from_fn(|_, _| entry(1.0));
        let half: SMatrix<f64, NX, NX> = SMatrix::from_fn(|_, _| entry(coupling));
        stage.hxx = SMatrix::identity() + half + half.transpose();
        stage.hux = SMatrix::from_fn(|_, _| entry(0.1 * coupling));
        stage.huu = SMatrix::identity();
        stage.gx = SVector::from_fn(|_, _| entry(1.0));
        stage.gu = SVector::from_fn(|_, _| entry(1.0));
        stage
    };
    LqProblem {
        stages: (0..horizon).map(|_| stage()).collect(),
        initial_state: SVector::repeat(1.0),
        terminal_hxx: SMatrix::identity(),
        terminal_gx: SVector::repeat(0.1),
    }
}

/// One problem for each lane: this one, with different terminal costs.
#[must_use]
pub fn in_lanes<L: Lanes, const NX: usize, const NU: usize>(problem: &LqProblem<f64, NX, NU>) -> LqProblem<L, NX, NU> {
    fn all<L: Lanes, const R: usize, const C: usize>(a: &SMatrix<f64, R, C>) -> SMatrix<L, R, C> {
        SMatrix::from_fn(|i, j| L::from_f64(a[(i, j)]))
    }
    let weight = L::from_lanes(|lane| 1.0 + lane as f64);
    LqProblem {
        initial_state: all(&problem.initial_state),
        stages: problem
            .stages
            .iter()
            .map(|stage| LqStage {
                fx: all(&stage.fx),
                fu: all(&stage.fu),
                offset: all(&stage.offset),
                hxx: all(&stage.hxx),
                hux: all(&stage.hux),
                huu: all(&stage.huu),
                gx: all(&stage.gx),
                gu: all(&stage.gu),
            })
            .collect(),
        terminal_hxx: SMatrix::from_fn(|i, j| weight * L::from_f64(problem.terminal_hxx[(i, j)])),
        terminal_gx: all(&problem.terminal_gx),
    }
}

/// The backward recursion of the runtime. False if a stage is not positive definite.
pub fn backward<S: Scalar, const NX: usize, const NU: usize>(
    problem: &LqProblem<S, NX, NU>,
    policy: &mut Policy<S, NX, NU>,
) -> bool {
    let mut factor = StageFactor::zeros();
    let (mut hessian, mut gradient) = (problem.terminal_hxx, problem.terminal_gx);
    for (t, stage) in problem.stages.iter().enumerate().rev() {
        let LqStage { fx, fu, hxx, hux, huu, gx, gu, .. } = stage;
        if factor.quadratic(&Quadratic { fx, fu, hxx, hux, huu }, &Proximal::none(), &mut hessian).is_err() {
            return false;
        }
        policy.feedforward[t] = factor.linear(fx, fu, gx, gu, &mut gradient).k;
        policy.gains[t] = factor.gain;
    }
    true
}

/// The same recursion with nalgebra's operators.
pub fn backward_nalgebra<const NX: usize, const NU: usize>(
    problem: &LqProblem<f64, NX, NU>,
    policy: &mut Policy<f64, NX, NU>,
) -> bool {
    let (mut hessian, mut gradient) = (problem.terminal_hxx, problem.terminal_gx);
    for (t, stage) in problem.stages.iter().enumerate().rev() {
        let value_fx = hessian * stage.fx;
        let qxx = stage.hxx + stage.fx.tr_mul(&value_fx);
        let qux = stage.hux + stage.fu.tr_mul(&value_fx);
        let quu = stage.huu + stage.fu.tr_mul(&(hessian * stage.fu));
        let qx = stage.gx + stage.fx.tr_mul(&gradient);
        let qu = stage.gu + stage.fu.tr_mul(&gradient);
        let Some(cholesky) = Cholesky::new(quu) else { return false };
        let gain = -cholesky.solve(&qux);
        policy.feedforward[t] = -cholesky.solve(&qu);
        policy.gains[t] = gain;
        hessian = qxx + qux.tr_mul(&gain);
        hessian = 0.5 * (hessian + hessian.transpose());
        gradient = qx + gain.tr_mul(&qu);
    }
    true
}

/// Asserts that both recursions find the same policy, and that it solves the problem.
///
/// # Panics
/// If they do not.
pub fn check<const NX: usize, const NU: usize>(problem: &LqProblem<f64, NX, NU>) {
    let horizon = problem.stages.len();
    let (mut ours, mut theirs) = (Policy::zeros(horizon), Policy::zeros(horizon));
    assert!(backward(problem, &mut ours) && backward_nalgebra(problem, &mut theirs));
    for t in 0..horizon {
        assert!((ours.gains[t] - theirs.gains[t]).amax() < 1e-12, "K of stage {t}");
        assert!((ours.feedforward[t] - theirs.feedforward[t]).amax() < 1e-12, "k of stage {t}");
    }
    let solution = problem.solve().expect("the problem is convex");
    assert!(problem.kkt_residual(&solution).max() < 1e-10);
    // The first lane holds the problem itself: the same bits.
    let mut lanes = Policy::zeros(horizon);
    assert!(backward(&in_lanes::<Native, NX, NU>(problem), &mut lanes));
    for t in 0..horizon {
        assert_eq!(lanes.gains[t].map(|entry| entry.lane(0)), ours.gains[t], "K of stage {t} in a lane");
        assert_eq!(lanes.feedforward[t].map(|entry| entry.lane(0)), ours.feedforward[t], "k of stage {t} in a lane");
    }
}

#[cfg(test)]
mod tests {
    use super::{check, random};

    #[test]
    fn both_recursions_agree() {
        check(&random::<2, 1>(100));
        check(&random::<4, 1>(100));
        check(&random::<6, 2>(100));
        check(&random::<12, 4>(100));
        check(&random::<14, 7>(100));
        check(&random::<30, 10>(100));
    }
}
