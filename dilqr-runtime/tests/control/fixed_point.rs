//! The Jacobian against the dense fixed-point formula of the paper.

use crate::support::{Cart4, Cartpole, Lqr, Pendulum, Reference, assert_close, cart_feedback, solve, tight};
use dilqr_runtime::model::{HamiltonianExpansion, ParameterTerms, Stage, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::{DMatrix, SMatrix, SVector};
use dilqr_runtime::{Ilqr, Model, Problem, Solution};

/// The fixed-point formula of the paper (DiLQR, arXiv 2506.17473), dense. One Newton-type step about a trajectory
/// (X, U) is `X = F(X, U, p)`, `U = G(X, U, p)`; then with M = (I - F_X)^-1, K = I - G_U:
///
/// dU/dp = (K - G_X M F_U)^-1 (G_X M F_p + G_p),  dX/dp = M (F_p + F_U dU/dp)
///
/// F is the dynamics stage by stage. G is `u - Quu^-1 (lu + fu' lambda)` with the costates of the closed loop for any
/// fixed gains; the prefactor and the gains are constants, since what they multiply vanishes at the solution.
fn fixed_point_jacobian<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP>,
) -> (DMatrix<f64>, DMatrix<f64>)
where
    M: Model<NX, NU, NP>,
{
    let horizon = solution.horizon();
    let (nx, nu) = (horizon * NX, horizon * NU);
    let (p, none) = (&solution.params, SVector::zeros());
    let mut f_x = DMatrix::zeros(nx, nx);
    let mut f_u = DMatrix::zeros(nx, nu);
    let mut f_p = DMatrix::zeros(nx, NP);
    let mut g_x = DMatrix::zeros(nu, nx);
    let mut g_u = DMatrix::identity(nu, nu);
    let mut g_p = DMatrix::zeros(nu, NP);

    // X holds x_1 .. x_T, U holds u_0 .. u_{T-1}. Rows of `lambda_*`: the costate's own total derivative.
    let (x_of, u_of) = (|t: usize| (t - 1) * NX, |t: usize| t * NU);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(&solution.states[horizon], p, &none), &mut terminal);
    let mut lambda = terminal.lx;
    let mut lambda_x = DMatrix::zeros(NX, nx);
    let mut lambda_u = DMatrix::zeros(NX, nu);
    let mut lambda_p = DMatrix::zeros(NX, NP);
    let mut lxp = SMatrix::zeros();
    model.terminal_parameter_terms(Terminal::new(&solution.states[horizon], p, &none), &mut lxp);
    lambda_x.view_mut((0, x_of(horizon)), (NX, NX)).copy_from(&terminal.lxx);
    lambda_p.copy_from(&lxp);

    for t in (0..horizon).rev() {
        let (x, u) = (&solution.states[t], &solution.controls[t]);
        let mut h = HamiltonianExpansion::zeros();
        let mut terms = ParameterTerms::zeros();
        model.expand_hamiltonian(Stage::new(x, u, p, &none), &lambda, &mut h);
        model.parameter_terms(Stage::new(x, u, p, &none), &lambda, &mut terms);
        if t > 0 {
            f_x.view_mut((x_of(t + 1), x_of(t)), (NX, NX)).copy_from(&h.fx);
        }
        f_u.view_mut((x_of(t + 1), u_of(t)), (NX, NU)).copy_from(&h.fu);
        f_p.view_mut((x_of(t + 1), 0), (NX, NP)).copy_from(&terms.fp);

        // r = lu + fu' lambda and its derivative; huu stands in for Quu, any regular matrix gives the same answer.
        let scale = (h.huu + SMatrix::identity()).try_inverse().unwrap();
        let mut r_x = h.fu.transpose() * &lambda_x;
        let mut r_u = h.fu.transpose() * &lambda_u;
        let r_p = terms.hup + h.fu.transpose() * &lambda_p;
        if t > 0 {
            let mut view = r_x.view_mut((0, x_of(t)), (NU, NX));
            view += &h.hux;
        }
        let mut view = r_u.view_mut((0, u_of(t)), (NU, NU));
        view += &h.huu;
        let mut rows = g_x.rows_mut(u_of(t), NU);
        rows -= scale * &r_x;
        let mut rows = g_u.rows_mut(u_of(t), NU);
        rows -= scale * &r_u;
        let mut rows = g_p.rows_mut(u_of(t), NU);
        rows -= scale * r_p;

        // lambda_t = lx + fx' lambda + K' r.
        let gain = solution.gains[t].transpose();
        let mut next_x = h.fx.transpose() * &lambda_x + gain * &r_x;
        let mut next_u = h.fx.transpose() * &lambda_u + gain * &r_u;
        if t > 0 {
            let mut view = next_x.view_mut((0, x_of(t)), (NX, NX));
            view += &h.hxx;
        }
        let mut view = next_u.view_mut((0, u_of(t)), (NX, NU));
        view += &h.hux.transpose();
        let next_p = terms.hxp + h.fx.transpose() * &lambda_p + gain * r_p;
        lambda_p = DMatrix::from_column_slice(NX, NP, next_p.as_slice());
        lambda_x = DMatrix::from_column_slice(NX, nx, next_x.as_slice());
        lambda_u = DMatrix::from_column_slice(NX, nu, next_u.as_slice());
        lambda = h.lx + h.fx.transpose() * lambda + gain * (h.lu + h.fu.transpose() * lambda);
    }

    let m = (DMatrix::identity(nx, nx) - &f_x).try_inverse().unwrap();
    let k = DMatrix::identity(nu, nu) - &g_u;
    let du = (k - &g_x * &m * &f_u).lu().solve(&(&g_x * &m * &f_p + &g_p)).unwrap();
    let dx = &m * (&f_p + &f_u * &du);
    (dx, du)
}

fn check_fixed_point<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    problem: &Problem<NX, NU, NP>,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let solution = solve(&mut solver, problem);
    let jacobian = solver.jacobian(&solution).unwrap();
    let (dx, du) = fixed_point_jacobian(&model, &solution);
    let stacked = |from: &DMatrix<f64>, t: usize| SMatrix::<f64, NX, NP>::from_fn(|i, j| from[(t * NX + i, j)]);
    let states: Vec<_> = (0..problem.horizon()).map(|t| stacked(&dx, t)).collect();
    let controls: Vec<SMatrix<f64, NU, NP>> =
        (0..problem.horizon()).map(|t| SMatrix::from_fn(|i, j| du[(t * NU + i, j)])).collect();
    // Dense inverses of unstable dynamics over 20 stages lose up to five of sixteen digits.
    assert_close(name, &jacobian.states[1..], &states, 1e-9);
    assert_close(name, &jacobian.controls, &controls, 1e-9);
}

#[test]
fn the_dense_formula_of_the_paper() {
    check_fixed_point("pendulum", Pendulum, &Reference::read("pendulum").problem());
    check_fixed_point("lqr", Lqr, &Reference::read("lqr").problem());
    check_fixed_point("one stage", Pendulum, &Problem::new([0.4, 0.1], [10.0, 1.0, 1.0], 1));
    for horizon in [5, 20] {
        check_fixed_point("cart4", Cart4, &Cart4::problem(horizon));
        let problem = Problem::new([0.5, 0.0, 0.4, -0.2], Cart4::PARAMS, horizon).with_policy(&Cartpole, cart_feedback);
        check_fixed_point("cartpole", Cartpole, &problem);
    }
}
