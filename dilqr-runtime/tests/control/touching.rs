//! Limits that a trajectory at rest just touches: all terms of the cost's slopes vanish there, and the multiplier is zero
//! but for rounding errors. The derivative is one-sided and must not be given.

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{GradientError, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Status};

/// A point that is pushed at a price, from where it may stay: it ends below `p_0`, and all along below `p_1`. The fields are the
/// units of cost and state, and the effect of a push.
#[derive(Clone, Copy)]
struct AtRest {
    cost: f64,
    state: f64,
    push: f64,
}

impl Model<1, 1, 2> for AtRest {
    const LIMITS: Limits =
        Limits { stage_inequalities: 1, terminal_inequalities: 1, depends_on_control: &[false], ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 2>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + S::from_f64(self.state * self.push) * u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 2>) -> S {
        S::from_f64(0.5 * self.cost) * u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 2>) -> S {
        S::zero()
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 1, 1, 2>, c: &mut [S]) {
        c[0] = x[0] - p[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 2>, c: &mut [S]) {
        c[0] = x[0] - p[0];
    }
}

#[test]
fn a_touched_limit_has_no_derivative() -> Result<(), Box<dyn std::error::Error>> {
    let horizon = 5;
    for (cost, state, push) in [(1.0, 1.0, 1.0), (1e-8, 1.0, 1.0), (1e6, 1e-5, 1.0), (1.0, 3e7, 0.01), (0.3, 1.0, 0.1)]
    {
        for x0 in [1.0, 0.1, -0.7, 1.0 / 3.0] {
            let at = x0 * state;
            let mut solver = Ilqr::new(AtRest { cost, state, push }, horizon, Settings::default())?;
            for p in [[at, 3.0 * state], [3.0 * state, at], [at, at]] {
                for guess in [0.0, 0.3, -2.0] {
                    let problem = Problem::new([at], p, horizon).with_controls(&[[guess]; 5]);
                    let solution = solver.solve(&problem)?;
                    assert_eq!(solution.status, Status::Converged, "{}", solution.stats);
                    assert!(solution.controls.iter().all(|u| u[0].abs() < 1e-6), "{:?}", solution.controls);
                    let mut loss: LossGradient<1, 1> = LossGradient::zeros(horizon);
                    loss.controls[1][0] = 1.0;
                    let refused = solver.vjp(&solution, &loss);
                    assert!(
                        matches!(refused, Err(GradientError::WeaklyActive { .. })),
                        "{cost} {state} {push} {x0} {p:?} {guess}: {refused:?} {:?} {:?}",
                        solution.controls,
                        solution.multipliers
                    );
                }
            }
            // Away from the limits, and with one that pushes, it exists: the end of `x_0 + 5 push u = p_0` is shared evenly.
            let solution = solver.solve(&Problem::new([at], [at - 0.5 * state, 3.0 * state], horizon))?;
            let jacobian = solver.jacobian(&solution)?;
            let expected = 1.0 / (state * push * horizon as f64);
            assert!((jacobian.controls[1][(0, 0)] - expected).abs() < 1e-9 * expected, "{}", jacobian.controls[1]);
            let solution = solver.solve(&Problem::new([at], [at + 2.0 * state, 3.0 * state], horizon))?;
            assert!(solver.jacobian(&solution)?.controls[1].amax() < 1e-9);
        }
    }
    Ok(())
}
