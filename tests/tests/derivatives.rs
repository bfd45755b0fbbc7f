//! Every block of every model's derivatives against two other answers: dual numbers through the value kernels, and
//! central differences.

use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterTerms, StageExpansion, TerminalExpansion,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::numdiff::NumDiff;
use dilqr_runtime::{Model, Scalar};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The value kernels of a model under the derivatives that dual numbers give.
struct ByDual<M>(M);

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for ByDual<M>
where
    M: Model<NX, NU, NP, NS>,
{
    fn dynamics<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        next: &mut SVector<S, NX>,
    ) {
        self.0.dynamics(x, u, p, s, next);
    }
    fn stage_cost<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
    ) -> S {
        self.0.stage_cost(x, u, p, s)
    }
    fn terminal_cost<S: Scalar>(&self, x: &SVector<S, NX>, p: &SVector<S, NP>, s: &SVector<S, NS>) -> S {
        self.0.terminal_cost(x, p, s)
    }
}

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
    model.expand_stage(x, u, p, &s, &mut stage);
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(x, p, &s, &mut terminal);
    let mut hessian = HamiltonianHessian::zeros();
    model.hamiltonian_hessian(x, u, p, &s, lambda, &mut hessian);
    let mut fused = HamiltonianExpansion::zeros();
    model.expand_hamiltonian(x, u, p, &s, lambda, &mut fused);
    let mut terms = ParameterTerms::zeros();
    model.parameter_terms(x, u, p, &s, lambda, &mut terms);
    let mut lxp = SMatrix::zeros();
    model.terminal_parameter_terms(x, p, &s, &mut lxp);
    let mut gs = SVector::zeros();
    let mut hp = SVector::zeros();
    model.add_hamiltonian_parameter_gradient(x, u, p, &s, lambda, &mut hp, &mut gs);
    let mut lp = SVector::zeros();
    model.add_terminal_parameter_gradient(x, p, &s, &mut lp, &mut gs);
    let mut contraction = SVector::zeros();
    model.add_parameter_contraction(x, u, p, &s, lambda, dx, du, dlambda, &mut contraction, &mut gs);
    let mut terminal_contraction = SVector::zeros();
    model.add_terminal_parameter_contraction(x, p, &s, dx, &mut terminal_contraction, &mut gs);
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

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    center: [f64; NP],
    f: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> [f64; NX],
    l: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> f64,
    terminal: impl Fn([f64; NX], [f64; NP]) -> f64,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..50 {
        let mut vector = || SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let (x, lambda, dx, dlambda) = (vector(), vector(), vector(), vector());
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let du = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| center[i] * random.random_range(0.7..1.3));
        let directions = [lambda, dx, dlambda];
        let ours = blocks(&model, &x, &u, &p, &directions, &du);
        let dual = blocks(&ByDual(model), &x, &u, &p, &directions, &du);
        let differences = blocks(&NumDiff(model), &x, &u, &p, &directions, &du);
        for ((block, ours), ((_, dual), (_, differences))) in ours.iter().zip(dual.iter().zip(&differences)) {
            let scale = dual.iter().fold(1.0_f64, |scale, entry| scale.max(entry.abs()));
            for ((ours, dual), differences) in ours.iter().zip(dual).zip(differences) {
                // Both are exact up to rounding; a model's chain of some hundred operations loses three digits at most.
                assert!(
                    (ours - dual).abs() <= 1e-11 * scale,
                    "{name} {block}: {ours} by the macro, {dual} by dual numbers"
                );
                // What central differences can give: eps^(2/3) for first, eps^(1/2) for second derivatives, with room.
                let tolerance = if second_order(block) { 1e-5 } else { 1e-8 };
                assert!(
                    (ours - differences).abs() <= tolerance * scale,
                    "{name} {block}: {ours} by the macro, {differences} by differences"
                );
            }
        }
        // The user's own functions are the reference of the value kernels; they differ in the order of operations only.
        let (xa, ua, pa) = (x.into(), u.into(), p.into());
        let mut next = SVector::zeros();
        let none = SVector::<f64, 0>::zeros();
        model.dynamics(&x, &u, &p, &none, &mut next);
        let own: SVector<f64, NX> = f(xa, ua, pa).into();
        assert!((next - own).amax() <= 1e-13 * own.amax().max(1.0), "{name}: {next} and {own}");
        let (cost, own) = (model.stage_cost(&x, &u, &p, &none), l(xa, ua, pa));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} and {own}");
        let (cost, own) = (model.terminal_cost(&x, &p, &none), terminal(xa, pa));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} and {own}");
        let mut next_too = SVector::zeros();
        let cost_too = model.step(&x, &u, &p, &none, &mut next_too);
        assert!((next_too - next).amax() <= 1e-13 * next.amax().max(1.0));
        assert!((cost_too - model.stage_cost(&x, &u, &p, &none)).abs() <= 1e-13 * cost_too.abs().max(1.0));
    }
}

macro_rules! models {
    ($($name:ident: $module:ident::$model:ident at $center:expr;)*) => {$(
        #[test]
        fn $name() {
            check(
                stringify!($name),
                $module::$model,
                $center,
                |x, u, p| $module::dynamics(x.into(), u.into(), p.into()).into(),
                |x, u, p| $module::stage_cost(x.into(), u.into(), p.into()),
                |x, p| $module::terminal_cost(x.into(), p.into()),
            );
        }
    )*};
}

models! {
    pendulum: pendulum::Pendulum at [10.0, 1.0, 1.0];
    cartpole: cartpole::Cartpole at [9.8, 1.0, 0.1, 0.5];
    lqr: lqr::Lqr at [0.9; 25];
}

/// What the macro adds to a module beside the kernels: conversions, names, `linearize`, the pattern of zeros, and kernels
/// for other scalars.
fn check_surface<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    center: [f64; NP],
    linearize: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> (SVector<f64, NX>, [Vec<f64>; 3]),
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut random = StdRng::seed_from_u64(8);
    let none = SVector::<f64, 0>::zeros();
    // Entries that were not zero at some point, in the order of the fields of `Sparsity`.
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut stage = StageExpansion::zeros();
    let mut hessian = HamiltonianHessian::zeros();
    let mut terms = ParameterTerms::zeros();
    for _ in 0..20 {
        let (x, lambda) = (SVector::from_fn(|_, _| random.random_range(-1.5..1.5)), SVector::repeat(1.0));
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| center[i] * random.random_range(0.7..1.3));
        // Into records that the same kernel filled elsewhere: nothing of that may remain.
        model.expand_stage(&x, &u, &p, &none, &mut stage);
        model.hamiltonian_hessian(&x, &u, &p, &none, &lambda, &mut hessian);
        model.parameter_terms(&x, &u, &p, &none, &lambda, &mut terms);
        let mut fresh = StageExpansion::zeros();
        model.expand_stage(&x, &u, &p, &none, &mut fresh);
        assert_eq!(fresh, stage, "{name}");

        let (f, jacobians) = linearize(x.into(), u.into(), p.into());
        let kernels = [stage.fx.as_slice(), stage.fu.as_slice(), terms.fp.as_slice()];
        // Two kernels that share other subexpressions: some units in the last place of a sum of terms up to 1e2.
        assert!((f - stage.f).amax() <= 1e-13 * f.amax().max(1.0), "{name}");
        for (given, kernel) in jacobians.iter().zip(kernels) {
            assert!(given.iter().zip(kernel).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0)), "{name}");
        }

        let blocks: [&[f64]; 8] = [
            stage.fx.as_slice(),
            stage.fu.as_slice(),
            terms.fp.as_slice(),
            hessian.hxx.as_slice(),
            hessian.hux.as_slice(),
            hessian.huu.as_slice(),
            terms.hxp.as_slice(),
            terms.hup.as_slice(),
        ];
        seen.resize(8, Vec::new());
        for (seen, block) in seen.iter_mut().zip(blocks) {
            seen.resize(block.len(), false);
            seen.iter_mut().zip(block).for_each(|(seen, entry)| *seen |= *entry != 0.0);
        }

        // Single precision: as many digits as it has, less two for some hundred operations.
        let (xs, us, ps) = (x.map(|v| v as f32), u.map(|v| v as f32), p.map(|v| v as f32));
        let mut single = StageExpansion::<f32, NX, NU>::zeros();
        model.expand_stage(&xs, &us, &ps, &SVector::zeros(), &mut single);
        let error = (single.fx.map(f64::from) - stage.fx).amax() / stage.fx.amax();
        assert!(error <= 1e-5, "{name}: fx in single precision is off by {error:e}");
    }
    // Column by column, as nalgebra stores its matrices.
    fn pattern<const R: usize, const C: usize>(rows: [[bool; C]; R]) -> Vec<bool> {
        (0..C).flat_map(|j| rows.map(|row| row[j])).collect()
    }
    let zeros = M::SPARSITY;
    let patterns = [
        pattern(zeros.fx),
        pattern(zeros.fu),
        pattern(zeros.fp),
        pattern(zeros.hxx),
        pattern(zeros.hux),
        pattern(zeros.huu),
        pattern(zeros.hxp),
        pattern(zeros.hup),
    ];
    // Exactly: an entry that is never other than zero is known to be.
    assert_eq!(patterns.to_vec(), seen, "{name}");
}

macro_rules! surfaces {
    ($($name:ident: $module:ident::$model:ident at $center:expr, $names:expr;)*) => {$(
        #[test]
        fn $name() {
            check_surface(stringify!($module), $module::$model, $center, |x, u, p| {
                let $module::Linearization { f, fx, fu, fp } = $module::linearize(&x.into(), &u.into(), &p.into());
                (f, [fx.as_slice().to_vec(), fu.as_slice().to_vec(), fp.as_slice().to_vec()])
            });
            let names = [
                $module::State::NAMES.as_slice(),
                $module::Control::NAMES.as_slice(),
                $module::Params::NAMES.as_slice(),
            ];
            assert_eq!(names.concat().join(" "), $names);
            // There and back again, by array and by vector.
            let params = $module::Params::default();
            let array: [f64; $module::Params::NAMES.len()] = params.into();
            assert_eq!($module::Params::from(array), params);
            let vector: SVector<f64, { $module::Params::NAMES.len() }> = params.into();
            assert_eq!(<[f64; $module::Params::NAMES.len()]>::from(vector), array);
            assert_eq!($module::Params::from(vector), params);
        }
    )*};
}

surfaces! {
    pendulum_surface: pendulum::Pendulum at [10.0, 1.0, 1.0], "theta omega torque gravity mass length";
    cartpole_surface: cartpole::Cartpole at [9.8, 1.0, 0.1, 0.5],
        "position velocity angle angular_velocity force gravity mass_cart mass_pole length";
    lqr_surface: lqr::Lqr at [0.9; 25],
        "x[0] x[1] x[2] x[3] u[0] u[1] a[0] a[1] a[2] a[3] a[4] a[5] a[6] a[7] a[8] a[9] a[10] a[11] a[12] a[13] a[14] \
         a[15] b[0] b[1] b[2] b[3] b[4] b[5] b[6] b[7] r";
}
