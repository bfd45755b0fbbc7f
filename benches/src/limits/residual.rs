//! The residual of the optimality conditions, by one formula for all sides.

use dilqr_runtime::model::{ConstraintExpansion, HamiltonianExpansion, Stage, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Model, Solution};

/// A residual, and which of the three it is.
#[derive(Clone, Copy, Debug)]
pub struct Residual {
    pub value: f64,
    pub part: &'static str,
}

impl Residual {
    /// Of nothing.
    pub const NONE: Self = Self { value: 0.0, part: "none" };

    /// The larger one; NaN if one of them is.
    #[must_use]
    pub fn or_larger(self, other: Self) -> Self {
        if other.value <= self.value || self.value.is_nan() { self } else { other }
    }
}

/// The largest of these:
///
/// * the gradient of the Lagrangian over the largest costate;
/// * defects of the dynamics, and violations, over the largest of the states and controls;
/// * products of multipliers and limits over the product of these two magnitudes.
///
/// Multipliers are those of the solution. `benches/peers/residual.py` is the same formula.
pub fn residual<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP, NS>,
) -> Residual
where
    M: Model<NX, NU, NP, NS>,
{
    let Solution { states, controls, costates, .. } = solution;
    let mut worst = Worst::default();
    for t in 0..solution.horizon() {
        worst.stage(model, solution, t);
    }
    worst.terminal(model, solution);
    let variable = states.iter().flatten().chain(controls.iter().flatten()).fold(0.0_f64, |top, z| top.max(z.abs()));
    let costate = costates.iter().skip(1).flatten().fold(0.0_f64, |top, entry| top.max(entry.abs()));
    let parts = [
        ("gradient", worst.gradient / costate),
        ("violation", worst.violation / variable),
        ("product", worst.product / (costate * variable)),
    ];
    parts.into_iter().map(|(part, value)| Residual { value, part }).fold(Residual::NONE, Residual::or_larger)
}

/// NaN if one of them is.
fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |top: f64, value| if value <= top { top } else { value })
}

/// The largest residuals in their units.
#[derive(Default)]
struct Worst {
    gradient: f64,
    violation: f64,
    product: f64,
}

impl Worst {
    fn stage<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
        t: usize,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let Solution { states, controls, costates, multipliers, bound_multipliers, params, stage_params, .. } =
            solution;
        let at = Stage::new(&states[t], &controls[t], params, &stage_params[t]);
        let (mut next, mut out) = (SVector::zeros(), HamiltonianExpansion::zeros());
        model.dynamics(at, &mut next);
        model.expand_hamiltonian(at, &costates[t + 1], &mut out);
        let mut in_state = out.lx + out.fx.tr_mul(&costates[t + 1]) - costates[t];
        let mut in_control = out.lu + out.fu.tr_mul(&costates[t + 1]);
        if limits.stage() > 0 {
            let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
            let mut rows = ConstraintExpansion::zeros(limits.stage());
            model.expand_stage_constraints(at, mu, &mut rows);
            for i in 0..limits.stage() {
                in_state += rows.cx[i] * mu[i];
                in_control += rows.cu[i] * mu[i];
                // Rows of the state alone do not hold at the given state.
                if t > 0 || limits.depends_on_control.get(i).copied().unwrap_or(true) {
                    self.limit(rows.c[i], mu[i], i < limits.stage_inequalities);
                }
            }
        }
        if limits.bounded {
            let (mut lower, mut upper) = (SVector::zeros(), SVector::zeros());
            model.bounds(params, &mut lower, &mut upper);
            for i in 0..NU {
                let rho = bound_multipliers[t][i];
                in_control[i] -= rho;
                self.limit(lower[i] - controls[t][i], rho.max(0.0), true);
                self.limit(controls[t][i] - upper[i], (-rho).max(0.0), true);
            }
        }
        self.violation = largest([self.violation, (next - states[t + 1]).amax()]);
        // The first state is given.
        let in_state = if t > 0 { in_state.amax() } else { 0.0 };
        self.gradient = largest([self.gradient, in_state, in_control.amax()]);
    }

    fn terminal<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let Solution { states, costates, multipliers, params, stage_params, .. } = solution;
        let end = solution.horizon();
        let at = Terminal::new(&states[end], params, &stage_params[end]);
        let mut out = TerminalExpansion::zeros();
        model.expand_terminal(at, &mut out);
        let mut in_state = out.lx - costates[end];
        if limits.terminal() > 0 {
            let mu = &multipliers.terminal;
            let mut rows = ConstraintExpansion::zeros(limits.terminal());
            model.expand_terminal_constraints(at, mu, &mut rows);
            for i in 0..limits.terminal() {
                in_state += rows.cx[i] * mu[i];
                self.limit(rows.c[i], mu[i], i < limits.terminal_inequalities);
            }
        }
        self.gradient = largest([self.gradient, in_state.amax()]);
    }

    /// `c <= 0` or `c = 0` with its multiplier.
    fn limit(&mut self, c: f64, mu: f64, inequality: bool) {
        if inequality {
            // An absent bound is infinite, and its multiplier zero.
            let product = if mu == 0.0 { 0.0 } else { (c * mu).abs() };
            self.violation = largest([self.violation, c]);
            self.product = largest([self.product, product]);
            self.gradient = largest([self.gradient, -mu]);
        } else {
            self.violation = largest([self.violation, c.abs()]);
        }
    }
}
