//! Compares every block of a model's derivatives with dual numbers and with central differences.

use dilqr_runtime::__private::{Lift, LiftedEngine};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::Model;
use dilqr_runtime::NumDiff;
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::kernels::{At, blocks};

fn second_order(name: &str) -> bool {
    ["xx", "ux", "uu", "xp", "up", "contraction"].iter().any(|part| name.contains(part))
}

/// The points at which derivatives are compared: random points about a center.
///
/// Steps of differences are relative to numbers of at least 1. Scale parameters with small values to about 1: the
/// equations stay the same.
#[derive(Clone, Copy, Debug)]
pub struct Points<const NX: usize, const NP: usize, const NS: usize = 0> {
    state: [f64; NX],
    reach: f64,
    params: [f64; NP],
    stage_params: [f64; NS],
    count: usize,
    steepness: f64,
}

impl<const NX: usize, const NP: usize> Points<NX, NP> {
    /// Fifty points: entries of the state up to 1.5 from 0, parameters up to 30 % from `params`.
    #[must_use]
    pub fn new(params: [f64; NP]) -> Self {
        Self { state: [0.0; NX], reach: 1.5, params, stage_params: [], count: 50, steepness: 1.0 }
    }

    /// With parameters of the stage, up to 30 % from these.
    #[must_use]
    pub fn with_stage<const NS: usize>(self, stage_params: [f64; NS]) -> Points<NX, NP, NS> {
        let Self { state, reach, params, stage_params: _, count, steepness } = self;
        Points { state, reach, params, stage_params, count, steepness }
    }
}

impl<const NX: usize, const NP: usize, const NS: usize> Points<NX, NP, NS> {
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

    /// Differences that are less accurate by this factor, for functions that change over much less than 1.
    #[must_use]
    pub fn steep(self, steepness: f64) -> Self {
        Self { steepness, ..self }
    }

    fn draw<const NU: usize>(&self, random: &mut StdRng, constraints: usize) -> At<NX, NU, NP, NS> {
        let x = SVector::from_fn(|i, _| self.state[i] + self.reach * random.random_range(-1.0..1.0));
        let mut vector = || SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let (lambda, dx, dlambda) = (vector(), vector(), vector());
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let du = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| self.params[i] * random.random_range(0.7..1.3));
        let s = SVector::from_fn(|i, _| self.stage_params[i] * random.random_range(0.7..1.3));
        let mut list = || (0..constraints).map(|_| random.random_range(-1.5..1.5)).collect();
        let (mu, dmu) = (list(), list());
        At { x, u, p, s, lambda, dx, du, dlambda, mu, dmu }
    }
}

/// The functions of a module on the vectors of its kernels.
#[derive(Clone, Copy, Debug)]
pub struct Functions<F, L, T> {
    /// Next state, or the first entries of it.
    pub dynamics: F,
    /// Stage cost.
    pub stage_cost: L,
    /// Terminal cost.
    pub terminal_cost: T,
}

/// Asserts that every block of the derivatives equals dual numbers and central differences through the value kernels.
/// Asserts that the value kernels equal the functions of the module.
pub fn assert_derivatives<M, F, L, T, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    name: &str,
    model: M,
    points: Points<NX, NP, NS>,
    functions: Functions<F, L, T>,
) where
    M: Model<NX, NU, NP, NS> + Copy,
    F: Fn([f64; NX], [f64; NU], [f64; NP], [f64; NS]) -> Vec<f64>,
    L: Fn([f64; NX], [f64; NU], [f64; NP], [f64; NS]) -> f64,
    T: Fn([f64; NX], [f64; NP], [f64; NS]) -> f64,
{
    let mut random = StdRng::seed_from_u64(7);
    let limits = M::LIMITS;
    let constraints = limits.stage().max(limits.terminal()).max(limits.initial());
    for _ in 0..points.count {
        let at = points.draw(&mut random, constraints);
        let ours = blocks(&model, &at);
        let dual = blocks(&AutoDiff(model), &at);
        let differences = blocks(&NumDiff(model), &at);
        assert_eq!(ours.len(), dual.len());
        for ((block, ours), ((_, dual), (_, differences))) in ours.iter().zip(dual.iter().zip(&differences)) {
            let largest = |scale: f64, entry: &f64| if entry.is_finite() { scale.max(entry.abs()) } else { scale };
            let scale = dual.iter().fold(1.0_f64, largest);
            for ((ours, dual), differences) in ours.iter().zip(dual).zip(differences) {
                // Both are exact up to rounding: a chain of some hundred operations loses at most three digits. Open sides
                // of bounds are infinite.
                assert!(
                    ours == dual || (ours - dual).abs() <= 1e-11 * scale,
                    "{name} {block}: {ours} by the macro, {dual} by dual numbers"
                );
                // The accuracy of central differences, with room: eps^(2/3) for first, eps^(1/2) for second
                // derivatives.
                let tolerance = points.steepness * if second_order(block) { 1e-5 } else { 1e-8 };
                assert!(
                    ours == differences || (ours - differences).abs() <= tolerance * scale,
                    "{name} {block}: {ours} by the macro, {differences} by differences"
                );
            }
        }
        assert_values((name, &model), &at, &functions);
    }
}

/// The user's functions are the reference for the value kernels. Only the order of operations differs.
fn assert_values<M, F, L, T, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (name, model): (&str, &M),
    At { x, u, p, s, .. }: &At<NX, NU, NP, NS>,
    functions: &Functions<F, L, T>,
) where
    M: Model<NX, NU, NP, NS>,
    F: Fn([f64; NX], [f64; NU], [f64; NP], [f64; NS]) -> Vec<f64>,
    L: Fn([f64; NX], [f64; NU], [f64; NP], [f64; NS]) -> f64,
    T: Fn([f64; NX], [f64; NP], [f64; NS]) -> f64,
{
    let (xa, ua, pa, sa) = ((*x).into(), (*u).into(), (*p).into(), (*s).into());
    let mut next = SVector::zeros();
    model.dynamics(Stage::new(x, u, p, s), &mut next);
    let own = (functions.dynamics)(xa, ua, pa, sa);
    let scale = own.iter().fold(1.0_f64, |scale, entry| scale.max(entry.abs()));
    assert!(!own.is_empty() && own.len() <= NX);
    for (next, own) in next.iter().zip(&own) {
        assert!((next - own).abs() <= 1e-13 * scale, "{name}: {next} and {own}");
    }
    let (cost, own) = (model.stage_cost(Stage::new(x, u, p, s)), (functions.stage_cost)(xa, ua, pa, sa));
    assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} and {own}");
    let (end, own) = (model.terminal_cost(Terminal::new(x, p, s)), (functions.terminal_cost)(xa, pa, sa));
    assert!((end - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {end} and {own}");
    let mut next_too = SVector::zeros();
    let cost_too = model.step(Stage::new(x, u, p, s), &mut next_too);
    assert!((next_too - next).amax() <= 1e-13 * next.amax().max(1.0));
    assert!((cost_too - cost).abs() <= 1e-13 * cost_too.abs().max(1.0));
}

/// The model underneath one with design variables, soft constraints or a previous control, by the engine that solves it.
pub fn underneath<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    _engine: &LiftedEngine<C, NX, NU, NP, NS, ND, NZ, NW>,
    model: C::Model,
) -> C
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    C::new(model)
}

/// [`assert_derivatives`](fn@assert_derivatives) for a model whose functions take their arguments by value.
#[macro_export]
macro_rules! assert_derivatives {
    ($module:ident::$model:ident at $points:expr) => {
        $crate::assert_derivatives(
            stringify!($module),
            $module::$model,
            $points,
            $crate::Functions {
                dynamics: |x: [f64; $module::State::NAMES.len()],
                           u: [f64; $module::Control::NAMES.len()],
                           p: [f64; $module::Params::NAMES.len()],
                           _: [f64; 0]| {
                    <[f64; $module::State::NAMES.len()]>::from($module::dynamics(x.into(), u.into(), p.into())).to_vec()
                },
                stage_cost: |x: [f64; $module::State::NAMES.len()],
                             u: [f64; $module::Control::NAMES.len()],
                             p: [f64; $module::Params::NAMES.len()],
                             _: [f64; 0]| $module::stage_cost(x.into(), u.into(), p.into()),
                terminal_cost: |x: [f64; $module::State::NAMES.len()],
                                p: [f64; $module::Params::NAMES.len()],
                                _: [f64; 0]| $module::terminal_cost(x.into(), p.into()),
            },
        )
    };
}
