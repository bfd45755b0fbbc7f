//! Compares every block of a model's derivatives with dual numbers and with central differences.

use dilqr_runtime::AutoDiff;
use dilqr_runtime::Model;
use dilqr_runtime::NumDiff;
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal,
    TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// All blocks of a model's derivatives at one point, flattened, each under its name.
fn blocks<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    x: &SVector<f64, NX>,
    u: &SVector<f64, NU>,
    p: &SVector<f64, NP>,
    [lambda, dx, dlambda]: &[SVector<f64, NX>; 3],
    du: &SVector<f64, NU>,
) -> Vec<(&'static str, Vec<f64>)>
where
    M: Model<NX, NU, NP>,
{
    fn flat<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> Vec<f64> {
        matrix.iter().copied().collect()
    }
    let s = SVector::<f64, 0>::zeros();
    let mut stage = StageExpansion::zeros();
    model.expand_stage(Stage::new(x, u, p, &s), &mut stage);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(x, p, &s), &mut terminal);
    let mut hessian = HamiltonianHessian::zeros();
    model.hamiltonian_hessian(Stage::new(x, u, p, &s), lambda, &mut hessian);
    let mut fused = HamiltonianExpansion::zeros();
    model.expand_hamiltonian(Stage::new(x, u, p, &s), lambda, &mut fused);
    let mut terms = ParameterTerms::zeros();
    model.parameter_terms(Stage::new(x, u, p, &s), lambda, &mut terms);
    let mut lxp = SMatrix::zeros();
    model.terminal_parameter_terms(Terminal::new(x, p, &s), &mut lxp);
    let mut gs = SVector::zeros();
    let mut hp = SVector::zeros();
    model.add_hamiltonian_parameter_gradient(Stage::new(x, u, p, &s), lambda, ParameterGradient::new(&mut hp, &mut gs));
    let mut lp = SVector::zeros();
    model.add_terminal_parameter_gradient(Terminal::new(x, p, &s), ParameterGradient::new(&mut lp, &mut gs));
    let mut contraction = SVector::zeros();
    model.add_parameter_contraction(
        Stage::new(x, u, p, &s),
        lambda,
        Variation { dx, du },
        dlambda,
        ParameterGradient::new(&mut contraction, &mut gs),
    );
    let mut terminal_contraction = SVector::zeros();
    model.add_terminal_parameter_contraction(
        Terminal::new(x, p, &s),
        dx,
        ParameterGradient::new(&mut terminal_contraction, &mut gs),
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
        ("terminal lp", flat(&lp)),
        ("contraction", flat(&contraction)),
        ("terminal contraction", flat(&terminal_contraction)),
    ]
}

fn second_order(name: &str) -> bool {
    ["xx", "ux", "uu", "xp", "up", "contraction"].iter().any(|part| name.contains(part))
}

/// The points at which derivatives are compared: random points about a center.
///
/// Steps of differences are relative to numbers of at least 1. Scale parameters with small values to about 1: the
/// equations stay the same.
#[derive(Clone, Copy, Debug)]
pub struct Points<const NX: usize, const NP: usize> {
    state: [f64; NX],
    reach: f64,
    params: [f64; NP],
    count: usize,
}

impl<const NX: usize, const NP: usize> Points<NX, NP> {
    /// Fifty points: entries of the state up to 1.5 from 0, parameters up to 30 % from `params`.
    #[must_use]
    pub fn new(params: [f64; NP]) -> Self {
        Self { state: [0.0; NX], reach: 1.5, params, count: 50 }
    }

    /// States up to `reach` from `state`, entry by entry, for models that are not defined everywhere.
    #[must_use]
    pub fn about(self, state: [f64; NX], reach: f64) -> Self {
        Self { state, reach, ..self }
    }

    /// Fewer points, for models whose kernels are long.
    #[must_use]
    pub fn count(self, count: usize) -> Self {
        Self { count, ..self }
    }
}

/// Asserts that every block of the derivatives equals dual numbers and central differences through the value kernels.
/// Asserts that the value kernels equal the functions of the module.
pub fn assert_derivatives<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    points: Points<NX, NP>,
    f: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> [f64; NX],
    l: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> f64,
    terminal: impl Fn([f64; NX], [f64; NP]) -> f64,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..points.count {
        let x = SVector::from_fn(|i, _| points.state[i] + points.reach * random.random_range(-1.0..1.0));
        let mut vector = || SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let (lambda, dx, dlambda) = (vector(), vector(), vector());
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let du = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| points.params[i] * random.random_range(0.7..1.3));
        let directions = [lambda, dx, dlambda];
        let ours = blocks(&model, &x, &u, &p, &directions, &du);
        let dual = blocks(&AutoDiff(model), &x, &u, &p, &directions, &du);
        let differences = blocks(&NumDiff(model), &x, &u, &p, &directions, &du);
        for ((block, ours), ((_, dual), (_, differences))) in ours.iter().zip(dual.iter().zip(&differences)) {
            let scale = dual.iter().fold(1.0_f64, |scale, entry| scale.max(entry.abs()));
            for ((ours, dual), differences) in ours.iter().zip(dual).zip(differences) {
                // Both are exact up to rounding: a chain of some hundred operations loses at most three digits.
                assert!(
                    (ours - dual).abs() <= 1e-11 * scale,
                    "{name} {block}: {ours} by the macro, {dual} by dual numbers"
                );
                // The accuracy of central differences, with room: eps^(2/3) for first, eps^(1/2) for second
                // derivatives.
                let tolerance = if second_order(block) { 1e-5 } else { 1e-8 };
                assert!(
                    (ours - differences).abs() <= tolerance * scale,
                    "{name} {block}: {ours} by the macro, {differences} by differences"
                );
            }
        }
        // The user's functions are the reference for the value kernels. Only the order of operations differs.
        let (xa, ua, pa) = (x.into(), u.into(), p.into());
        let mut next = SVector::zeros();
        let none = SVector::<f64, 0>::zeros();
        model.dynamics(Stage::new(&x, &u, &p, &none), &mut next);
        let own: SVector<f64, NX> = f(xa, ua, pa).into();
        assert!((next - own).amax() <= 1e-13 * own.amax().max(1.0), "{name}: {next} and {own}");
        let (cost, own) = (model.stage_cost(Stage::new(&x, &u, &p, &none)), l(xa, ua, pa));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} and {own}");
        let (cost, own) = (model.terminal_cost(Terminal::new(&x, &p, &none)), terminal(xa, pa));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} and {own}");
        let mut next_too = SVector::zeros();
        let cost_too = model.step(Stage::new(&x, &u, &p, &none), &mut next_too);
        assert!((next_too - next).amax() <= 1e-13 * next.amax().max(1.0));
        assert!((cost_too - model.stage_cost(Stage::new(&x, &u, &p, &none))).abs() <= 1e-13 * cost_too.abs().max(1.0));
    }
}

/// [`assert_derivatives`](fn@assert_derivatives) for a model whose functions take their arguments by value.
#[macro_export]
macro_rules! assert_derivatives {
    ($module:ident::$model:ident at $points:expr) => {
        $crate::assert_derivatives(
            stringify!($module),
            $module::$model,
            $points,
            |x, u, p| $module::dynamics(x.into(), u.into(), p.into()).into(),
            |x, u, p| $module::stage_cost(x.into(), u.into(), p.into()),
            |x, p| $module::terminal_cost(x.into(), p.into()),
        )
    };
}
