//! Derivatives of a solution by the paper's fixed-point formula over the whole trajectory at once: dense matrices of
//! `T NX` and `T NU` rows, in place of sweeps over the stages.
//!
//! With the states `X = (x_1 .. x_T)` and the controls `U` stacked, one iteration is `X = F(X, U, p)`, `U = G(X, U,
//! p)`. At a fixed point, with `M = (I - F_X)^-1` and `K = I - G_U`,
//!
//! ```text
//! dU/dp = (K - G_X M F_U)^-1 (G_X M F_p + G_p),    dX/dp = M (F_p + F_U dU/dp)
//! ```
//!
//! `F` is the dynamics, stage by stage; `G` is `u - (huu + 1)^-1 (lu + fu' lambda)` with the costates along the closed
//! loop of the solution's gains. (Prefactor and gains are constants, since their factor vanishes at a solution.) A
//! control at an active bound has `G = bound`.

use dilqr_runtime::model::{HamiltonianExpansion, ParameterTerms, Stage, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::{DMatrix, SMatrix, SVector};
use dilqr_runtime::{Model, Solution};

/// The meaning of `F_p` and `F_U` in the formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Derivatives {
    /// Partial derivatives, as in the formula.
    Partial,
    /// Total derivatives along the rollout, `M F_p` and `M F_U`: what a recursion over the stages, or automatic
    /// differentiation of a rollout, gives. `M` then counts the change of earlier states twice. This is how the
    /// published code computes the gradient.
    Total,
}

/// `dX/dp` (`T NX` rows) and `dU/dp` (`T NU` rows), the derivatives of bounds left out; `None` if a matrix is singular.
pub(crate) fn jacobian<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP>,
    derivatives: Derivatives,
) -> Option<(DMatrix<f64>, DMatrix<f64>)>
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

    // First columns of a state and of a control; x_0 has none.
    let (x_of, u_of) = (|t: usize| (t - 1) * NX, |t: usize| t * NU);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(&solution.states[horizon], p, &none), &mut terminal);
    let mut lxp = SMatrix::zeros();
    model.terminal_parameter_terms(Terminal::new(&solution.states[horizon], p, &none), &mut lxp);
    let mut lambda = terminal.lx;
    // Derivatives of the costate in all of X, U and p.
    let mut lambda_x = DMatrix::zeros(NX, nx);
    let mut lambda_u = DMatrix::zeros(NX, nu);
    let mut lambda_p = DMatrix::from_column_slice(NX, NP, lxp.as_slice());
    lambda_x.view_mut((0, x_of(horizon)), (NX, NX)).copy_from(&terminal.lxx);

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

        // r = lu + fu' lambda.
        let mut r_x = h.fu.transpose() * &lambda_x;
        let mut r_u = h.fu.transpose() * &lambda_u;
        let r_p = terms.hup + h.fu.transpose() * &lambda_p;
        if t > 0 {
            let mut view = r_x.view_mut((0, x_of(t)), (NU, NX));
            view += &h.hux;
        }
        let mut view = r_u.view_mut((0, u_of(t)), (NU, NU));
        view += &h.huu;
        let prefactor = (h.huu + SMatrix::identity()).try_inverse()?;
        let (steps_x, steps_u, steps_p) = (prefactor * &r_x, prefactor * &r_u, prefactor * r_p);
        for i in 0..NU {
            let row = u_of(t) + i;
            if solution.bound_multipliers.get(t).is_some_and(|multipliers| multipliers[i] != 0.0) {
                g_u[(row, row)] = 0.0;
                continue;
            }
            let mut into = g_x.row_mut(row);
            into -= steps_x.row(i);
            let mut into = g_u.row_mut(row);
            into -= steps_u.row(i);
            let mut into = g_p.row_mut(row);
            into -= steps_p.row(i);
        }

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

    let m = (DMatrix::identity(nx, nx) - &f_x).lu();
    if derivatives == Derivatives::Total {
        f_p = m.solve(&f_p)?;
        f_u = m.solve(&f_u)?;
    }
    let (m_f_p, m_f_u) = (m.solve(&f_p)?, m.solve(&f_u)?);
    let k = DMatrix::identity(nu, nu) - &g_u;
    let du = (k - &g_x * &m_f_u).lu().solve(&(&g_x * &m_f_p + &g_p))?;
    let dx = m_f_p + m_f_u * &du;
    Some((dx, du))
}
