//! Compares a compiled model with its own functions. The cases that must compile call this when they run.

use dilqr_runtime::Model;
use dilqr_runtime::NumDiff;
use dilqr_runtime::model::{Stage, StageExpansion, Terminal};
use dilqr_runtime::nalgebra::SVector;

/// Asserts that the kernels of `model` compute what the functions of its module do, and that the first derivatives are
/// those of these functions, at seeded points whose entries lie between 0.2 and 0.9 (inside the domain of every
/// function of the language).
pub fn assert_agrees<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    dynamics: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> [f64; NX],
    stage_cost: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> f64,
    terminal_cost: impl Fn([f64; NX], [f64; NP]) -> f64,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut seed = 1_u64;
    let mut entry = || {
        // Knuth's MMIX generator; the high bits are good enough for test points.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        0.2 + 0.7 * ((seed >> 11) as f64 / (1_u64 << 53) as f64)
    };
    let s = SVector::<f64, 0>::zeros();
    for _ in 0..10 {
        let x = SVector::from_fn(|_, _| entry());
        let u = SVector::from_fn(|_, _| entry());
        let p = SVector::from_fn(|_, _| entry());
        let mut next = SVector::zeros();
        model.dynamics(Stage::new(&x, &u, &p, &s), &mut next);
        let wanted: SVector<f64, NX> = dynamics(x.into(), u.into(), p.into()).into();
        for (ours, wanted) in next.iter().zip(&wanted) {
            close("next state", *ours, *wanted, 1e-13);
        }
        close(
            "stage cost",
            model.stage_cost(Stage::new(&x, &u, &p, &s)),
            stage_cost(x.into(), u.into(), p.into()),
            1e-13,
        );
        close(
            "terminal cost",
            model.terminal_cost(Terminal::new(&x, &p, &s)),
            terminal_cost(x.into(), p.into()),
            1e-13,
        );

        let (mut ours, mut differences) = (StageExpansion::zeros(), StageExpansion::zeros());
        model.expand_stage(Stage::new(&x, &u, &p, &s), &mut ours);
        NumDiff(model).expand_stage(Stage::new(&x, &u, &p, &s), &mut differences);
        let ours = ours.fx.iter().chain(&ours.fu).chain(&ours.lx).chain(&ours.lu);
        let differences = differences.fx.iter().chain(&differences.fu).chain(&differences.lx).chain(&differences.lu);
        for (ours, differences) in ours.zip(differences) {
            // The accuracy of central differences, with room: eps^(2/3).
            close("first derivative", *ours, *differences, 1e-7);
        }
    }
}

/// Asserts that two numbers agree to `tolerance`, relative to 1 or to the second where that is larger.
#[track_caller]
fn close(what: &str, ours: f64, wanted: f64, tolerance: f64) {
    assert!((ours - wanted).abs() <= tolerance * wanted.abs().max(1.0), "{what}: {ours} instead of {wanted}");
}

/// [`assert_agrees`](fn@assert_agrees) for a model whose functions take their arguments by value.
#[macro_export]
macro_rules! assert_agrees {
    ($module:ident :: $model:ident) => {
        $crate::assert_agrees(
            $module::$model,
            |x, u, p| $module::dynamics(x.into(), u.into(), p.into()).into(),
            |x, u, p| $module::stage_cost(x.into(), u.into(), p.into()),
            |x, p| $module::terminal_cost(x.into(), p.into()),
        )
    };
}

/// `x+ = x + u`, with a price on the control and on the last state: what [`without_limits!`] forwards to.
#[dilqr_runtime::model]
pub mod plain {
    pub struct State {
        pub x: f64,
    }

    pub struct Control {
        pub u: f64,
    }

    pub struct Params {
        pub price: f64,
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }

    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.price * u.u * u.u
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}

/// The methods that a `Model<1, 1, 1>` written by hand must have whatever its limits, for cases that are about limits.
#[macro_export]
macro_rules! without_limits {
    () => {
        $crate::without_limits! {
            dynamics(at: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) -> ();
            stage_cost(at: Stage<'_, S, 1, 1, 1>) -> S;
            terminal_cost(at: Terminal<'_, S, 1, 1>) -> S;
            expand_stage(at: Stage<'_, S, 1, 1, 1>, out: &mut StageExpansion<S, 1, 1>) -> ();
            expand_terminal(at: Terminal<'_, S, 1, 1>, out: &mut TerminalExpansion<S, 1>) -> ();
            expand_hamiltonian(
                at: Stage<'_, S, 1, 1, 1>, lambda: &SVector<S, 1>, out: &mut HamiltonianExpansion<S, 1, 1>,
            ) -> ();
            add_hamiltonian_parameter_gradient(
                at: Stage<'_, S, 1, 1, 1>, lambda: &SVector<S, 1>, out: ParameterGradient<'_, S, 1, 0>,
            ) -> ();
            add_terminal_parameter_gradient(
                at: Terminal<'_, S, 1, 1>, out: ParameterGradient<'_, S, 1, 0>,
            ) -> ();
            add_parameter_contraction(
                at: Stage<'_, S, 1, 1, 1>,
                lambda: &SVector<S, 1>,
                variation: Variation<'_, S, 1, 1>,
                dlambda: &SVector<S, 1>,
                out: ParameterGradient<'_, S, 1, 0>,
            ) -> ();
            add_terminal_parameter_contraction(
                at: Terminal<'_, S, 1, 1>, dx: &SVector<S, 1>, out: ParameterGradient<'_, S, 1, 0>,
            ) -> ();
            parameter_terms(
                at: Stage<'_, S, 1, 1, 1>, lambda: &SVector<S, 1>, out: &mut ParameterTerms<S, 1, 1, 1>,
            ) -> ();
            terminal_parameter_terms(at: Terminal<'_, S, 1, 1>, out: &mut SMatrix<S, 1, 1>) -> ();
        }
    };
    ($($name:ident($($argument:ident: $kind:ty),* $(,)?) -> $result:ty;)*) => {$(
        fn $name<S: Scalar>(&self, $($argument: $kind),*) -> $result {
            Model::$name(&$crate::plain::Plain, $($argument),*)
        }
    )*};
}
