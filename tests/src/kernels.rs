//! All derivatives of a model at a point, block by block.

use dilqr_runtime::Model;
use dilqr_runtime::model::{
    ConstraintExpansion, ConstraintParameterTerms, HamiltonianExpansion, HamiltonianHessian, ParameterGradient,
    ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};

/// Everything that kernels read.
pub(crate) struct At<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) x: SVector<f64, NX>,
    pub(crate) u: SVector<f64, NU>,
    pub(crate) p: SVector<f64, NP>,
    pub(crate) s: SVector<f64, NS>,
    pub(crate) lambda: SVector<f64, NX>,
    pub(crate) dx: SVector<f64, NX>,
    pub(crate) du: SVector<f64, NU>,
    pub(crate) dlambda: SVector<f64, NX>,
    /// Multipliers, as many as there are constraints at any point.
    pub(crate) mu: Vec<f64>,
    pub(crate) dmu: Vec<f64>,
}

/// Derivatives at one point, flattened, each block under its name.
type Blocks = Vec<(&'static str, Vec<f64>)>;

fn flat<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> Vec<f64> {
    matrix.iter().copied().collect()
}

fn rows<const N: usize>(rows: &[SVector<f64, N>]) -> Vec<f64> {
    rows.iter().flat_map(|row| row.iter().copied()).collect()
}

/// All blocks of a model's derivatives.
pub(crate) fn blocks<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    at: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    let parts = [costs, initial_cost, bounds, stage_constraints, terminal_constraints, initial_constraints];
    parts.iter().flat_map(|part: &fn(&M, &At<NX, NU, NP, NS>) -> Blocks| part(model, at)).collect()
}

/// Dynamics and costs.
fn costs<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { x, u, p, s, lambda, dx, du, dlambda, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    let mut stage = StageExpansion::zeros();
    model.expand_stage(Stage::new(x, u, p, s), &mut stage);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(x, p, s), &mut terminal);
    let mut hessian = HamiltonianHessian::zeros();
    model.hamiltonian_hessian(Stage::new(x, u, p, s), lambda, &mut hessian);
    let mut fused = HamiltonianExpansion::zeros();
    model.expand_hamiltonian(Stage::new(x, u, p, s), lambda, &mut fused);
    let mut terms = ParameterTerms::zeros();
    model.parameter_terms(Stage::new(x, u, p, s), lambda, &mut terms);
    let mut lxp = SMatrix::zeros();
    model.terminal_parameter_terms(Terminal::new(x, p, s), &mut lxp);
    let [mut hs, mut ls, mut contraction_s, mut terminal_contraction_s] = [SVector::zeros(); 4];
    let mut hp = SVector::zeros();
    model.add_hamiltonian_parameter_gradient(Stage::new(x, u, p, s), lambda, ParameterGradient::new(&mut hp, &mut hs));
    let mut lp = SVector::zeros();
    model.add_terminal_parameter_gradient(Terminal::new(x, p, s), ParameterGradient::new(&mut lp, &mut ls));
    let mut contraction = SVector::zeros();
    model.add_parameter_contraction(
        Stage::new(x, u, p, s),
        lambda,
        Variation { dx, du },
        dlambda,
        ParameterGradient::new(&mut contraction, &mut contraction_s),
    );
    let mut terminal_contraction = SVector::zeros();
    model.add_terminal_parameter_contraction(
        Terminal::new(x, p, s),
        dx,
        ParameterGradient::new(&mut terminal_contraction, &mut terminal_contraction_s),
    );
    vec![
        ("f", flat(&stage.f)),
        ("fx", flat(&stage.fx)),
        ("fu", flat(&stage.fu)),
        ("l", vec![stage.l]),
        ("lx", flat(&stage.lx)),
        ("lu", flat(&stage.lu)),
        ("lxx", flat(&stage.lxx)),
        ("lux", flat(&stage.lux)),
        ("luu", flat(&stage.luu)),
        ("terminal l", vec![terminal.l]),
        ("terminal lx", flat(&terminal.lx)),
        ("terminal lxx", flat(&terminal.lxx)),
        ("hxx", flat(&hessian.hxx)),
        ("hux", flat(&hessian.hux)),
        ("huu", flat(&hessian.huu)),
        ("fused fx", flat(&fused.fx)),
        ("fused fu", flat(&fused.fu)),
        ("fused lx", flat(&fused.lx)),
        ("fused lu", flat(&fused.lu)),
        ("fused hxx", flat(&fused.hxx)),
        ("fused hux", flat(&fused.hux)),
        ("fused huu", flat(&fused.huu)),
        ("fp", flat(&terms.fp)),
        ("hxp", flat(&terms.hxp)),
        ("hup", flat(&terms.hup)),
        ("terminal lxp", flat(&lxp)),
        ("hp", flat(&hp)),
        ("hs", flat(&hs)),
        ("terminal lp", flat(&lp)),
        ("terminal ls", flat(&ls)),
        ("contraction", flat(&contraction)),
        ("contraction s", flat(&contraction_s)),
        ("terminal contraction", flat(&terminal_contraction)),
        ("terminal contraction s", flat(&terminal_contraction_s)),
    ]
}

/// The cost of the initial state.
fn initial_cost<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { x, p, s, dx, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    if !M::START.cost {
        return Vec::new();
    }
    let start = Terminal::new(x, p, s);
    let (mut expansion, mut terms) = (TerminalExpansion::zeros(), SMatrix::zeros());
    let [mut gp, mut contraction_p] = [SVector::zeros(); 2];
    let [mut gs, mut contraction_s] = [SVector::zeros(); 2];
    model.expand_initial(start, &mut expansion);
    model.initial_parameter_terms(start, &mut terms);
    model.add_initial_parameter_gradient(start, ParameterGradient::new(&mut gp, &mut gs));
    let out = ParameterGradient::new(&mut contraction_p, &mut contraction_s);
    model.add_initial_parameter_contraction(start, dx, out);
    vec![
        ("initial l", vec![expansion.l, model.initial_cost(start)]),
        ("initial lx", flat(&expansion.lx)),
        ("initial lxx", flat(&expansion.lxx)),
        ("initial lxp", flat(&terms)),
        ("initial lp", flat(&gp)),
        ("initial ls", flat(&gs)),
        ("initial contraction p", flat(&contraction_p)),
        ("initial contraction s", flat(&contraction_s)),
    ]
}

/// Bounds of the control.
fn bounds<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { p, du, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    if !M::LIMITS.bounded {
        return Vec::new();
    }
    let (mut lower, mut upper) = (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY));
    let (mut lower_p, mut upper_p, mut gp) = (SMatrix::zeros(), SMatrix::zeros(), SVector::zeros());
    model.bounds(p, &mut lower, &mut upper);
    model.bounds_terms(p, &mut lower_p, &mut upper_p);
    // Weights of open sides are zero.
    let weights = |side: &SVector<f64, NU>| side.zip_map(du, |side, du| if side.is_finite() { du } else { 0.0 });
    model.add_bounds_contraction(p, &weights(&lower), &weights(&upper), &mut gp);
    vec![
        ("lower", flat(&lower)),
        ("upper", flat(&upper)),
        ("lower p", flat(&lower_p)),
        ("upper p", flat(&upper_p)),
        ("bounds gp", flat(&gp)),
    ]
}

fn stage_constraints<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { x, u, p, s, dx, du, mu, dmu, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    let (at, count) = (Stage::new(x, u, p, s), M::LIMITS.stage());
    if count == 0 {
        return Vec::new();
    }
    let (mut c, mut expansion) = (vec![f64::NAN; count], ConstraintExpansion::zeros(count));
    let (mut terms, mut gp, mut gs) = (ConstraintParameterTerms::zeros(count), SVector::zeros(), SVector::zeros());
    let (mu, dmu) = (&mu[..count], &dmu[..count]);
    model.stage_constraints(at, &mut c);
    model.expand_stage_constraints(at, mu, &mut expansion);
    model.stage_constraint_terms(at, mu, &mut terms);
    let out = ParameterGradient::new(&mut gp, &mut gs);
    model.add_stage_constraint_contraction(at, mu, Variation { dx, du }, dmu, out);
    vec![
        ("c", c),
        ("expanded c", expansion.c),
        ("cx", rows(&expansion.cx)),
        ("cu", rows(&expansion.cu)),
        ("c hxx", flat(&expansion.hxx)),
        ("c hux", flat(&expansion.hux)),
        ("c huu", flat(&expansion.huu)),
        ("cp", rows(&terms.cp)),
        ("c hxp", flat(&terms.hxp)),
        ("c hup", flat(&terms.hup)),
        ("c contraction p", flat(&gp)),
        ("c contraction s", flat(&gs)),
    ]
}

fn terminal_constraints<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { x, p, s, dx, mu, dmu, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    let (at, count) = (Terminal::new(x, p, s), M::LIMITS.terminal());
    if count == 0 {
        return Vec::new();
    }
    let (mut c, mut expansion) = (vec![f64::NAN; count], ConstraintExpansion::zeros(count));
    let (mut terms, mut gp, mut gs) = (ConstraintParameterTerms::zeros(count), SVector::zeros(), SVector::zeros());
    let (mu, dmu) = (&mu[..count], &dmu[..count]);
    model.terminal_constraints(at, &mut c);
    model.expand_terminal_constraints(at, mu, &mut expansion);
    model.terminal_constraint_terms(at, mu, &mut terms);
    model.add_terminal_constraint_contraction(at, mu, dx, dmu, ParameterGradient::new(&mut gp, &mut gs));
    vec![
        ("terminal c", c),
        ("terminal expanded c", expansion.c),
        ("terminal cx", rows(&expansion.cx)),
        ("terminal c hxx", flat(&expansion.hxx)),
        ("terminal cp", rows(&terms.cp)),
        ("terminal c hxp", flat(&terms.hxp)),
        ("terminal c contraction p", flat(&gp)),
        ("terminal c contraction s", flat(&gs)),
    ]
}

fn initial_constraints<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    At { x, p, s, dx, mu, dmu, .. }: &At<NX, NU, NP, NS>,
) -> Blocks
where
    M: Model<NX, NU, NP, NS>,
{
    let (at, count) = (Terminal::new(x, p, s), M::LIMITS.initial());
    if count == 0 {
        return Vec::new();
    }
    let (mut c, mut expansion) = (vec![f64::NAN; count], ConstraintExpansion::zeros(count));
    let (mut terms, mut gp, mut gs) = (ConstraintParameterTerms::zeros(count), SVector::zeros(), SVector::zeros());
    let (mu, dmu) = (&mu[..count], &dmu[..count]);
    model.initial_constraints(at, &mut c);
    model.expand_initial_constraints(at, mu, &mut expansion);
    model.initial_constraint_terms(at, mu, &mut terms);
    model.add_initial_constraint_contraction(at, mu, dx, dmu, ParameterGradient::new(&mut gp, &mut gs));
    vec![
        ("initial c", c),
        ("initial expanded c", expansion.c),
        ("initial cx", rows(&expansion.cx)),
        ("initial c hxx", flat(&expansion.hxx)),
        ("initial cp", rows(&terms.cp)),
        ("initial c hxp", flat(&terms.hxp)),
        ("initial c contraction p", flat(&gp)),
        ("initial c contraction s", flat(&gs)),
    ]
}
