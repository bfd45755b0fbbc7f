//! Constructs of the model language that unroll, assign and choose. Each is compared with dual numbers through the
//! value kernel, and with the function as Rust runs it.

#![allow(clippy::neg_cmp_op_on_partial_ord, clippy::manual_clamp, reason = "the constructs are what is tested")]
#![allow(clippy::type_complexity, reason = "a closure over the three records")]

use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{HamiltonianExpansion, ParameterTerms, Stage, StageExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{LossGradient, Model, Settings, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    f: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> [f64; NX],
    l: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> f64,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut random = StdRng::seed_from_u64(11);
    let s = SVector::<f64, 0>::zeros();
    for _ in 0..200 {
        let x = SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let u = SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let p = SVector::from_fn(|_, _| random.random_range(0.5..1.5));
        let lambda = SVector::from_fn(|_, _| random.random_range(-1.5..1.5));
        let mut next = SVector::zeros();
        model.dynamics(Stage::new(&x, &u, &p, &s), &mut next);
        let own: SVector<f64, NX> = f(x.into(), u.into(), p.into()).into();
        // The same operations in another order.
        assert!((next - own).amax() <= 1e-13 * own.amax().max(1.0), "{name}: {next} instead of {own}");
        let (cost, own) = (model.stage_cost(Stage::new(&x, &u, &p, &s)), l(x.into(), u.into(), p.into()));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} instead of {own}");

        let numbers = |model: &dyn Fn(
            &mut StageExpansion<f64, NX, NU>,
            &mut HamiltonianExpansion<f64, NX, NU>,
            &mut ParameterTerms<f64, NX, NU, NP>,
        )| {
            let (mut a, mut b, mut c) =
                (StageExpansion::zeros(), HamiltonianExpansion::zeros(), ParameterTerms::zeros());
            model(&mut a, &mut b, &mut c);
            let first = a.fx.iter().chain(&a.fu).chain(&a.lx).chain(&a.lu).chain(&a.lxx).chain(&a.lux).chain(&a.luu);
            let second = b.hxx.iter().chain(&b.hux).chain(&b.huu).chain(&c.fp).chain(&c.hxp).chain(&c.hup);
            first.chain(second).copied().collect::<Vec<f64>>()
        };
        let ours = numbers(&|a, b, c| {
            model.expand_stage(Stage::new(&x, &u, &p, &s), a);
            model.expand_hamiltonian(Stage::new(&x, &u, &p, &s), &lambda, b);
            model.parameter_terms(Stage::new(&x, &u, &p, &s), &lambda, c);
        });
        let dual = numbers(&|a, b, c| {
            AutoDiff(model).expand_stage(Stage::new(&x, &u, &p, &s), a);
            AutoDiff(model).expand_hamiltonian(Stage::new(&x, &u, &p, &s), &lambda, b);
            AutoDiff(model).parameter_terms(Stage::new(&x, &u, &p, &s), &lambda, c);
        });
        for (index, (ours, dual)) in ours.iter().zip(&dual).enumerate() {
            // Both are exact up to rounding.
            assert!(
                (ours - dual).abs() <= 1e-10 * dual.abs().max(1.0),
                "{name} at {x} {u}: number {index} is {ours}, by dual numbers {dual}"
            );
        }
    }
}

macro_rules! languages {
    ($($test:ident: $module:ident :: $model:ident;)*) => {$(
        #[test]
        fn $test() {
            check(
                stringify!($module),
                $module::$model,
                |x, u, p| $module::dynamics(x.into(), u.into(), p.into()).into(),
                |x, u, p| $module::stage_cost(x.into(), u.into(), p.into()),
            );
        }
    )*};
}

languages! {
    loops_and_assignment: chain::Chain;
    branches: piecewise::Piecewise;
    branches_that_do_not_run: domains::Domains;
    patterns_and_helper_structs: patterns::Patterns;
}

/// Loops over arrays, nested arrays, assignment, integer arithmetic.
#[dilqr_runtime::model]
pub mod chain {
    pub struct State {
        pub x: [f64; N],
        pub v: [f64; N],
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub stiffness: [f64; 2],
        pub mass: f64,
    }

    const N: usize = 4;
    const DT: f64 = 0.1;
    const WEIGHTS: [[f64; 2]; 2] = [[1.0, 0.5], [0.5, 2.0]];

    fn stretch(x: [f64; N], i: usize) -> f64 {
        if i == 0 { x[0] } else { x[i] - x[i - 1] }
    }

    fn matrix(p: &Params) -> [[f64; 2]; 2] {
        let mut m = [[0.0; 2]; 2];
        for i in 0..2 {
            for j in 0..=i {
                m[i][j] = WEIGHTS[i][j] * p.stiffness[i] * p.stiffness[j];
                m[j][i] = m[i][j];
            }
        }
        m
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = x;
        for i in 0..N {
            let mut force = -p.stiffness[i % 2] * stretch(x.x, i).powi(i as i32 + 1);
            if i + 1 < N {
                force += p.stiffness[(i + 1) % 2] * stretch(x.x, i + 1);
            } else {
                force += u.force;
            }
            next.v[i] += DT * force / p.mass;
        }
        for i in (0..N).rev() {
            next.x[i] += DT * next.v[i];
            next.x[i] *= 1.0 - 0.01 * i as f64;
        }
        next
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut sum = 0.0;
        let m = matrix(&p);
        for i in 0..2 {
            for j in 0..2 {
                sum += x.x[i] * m[i][j] * x.x[j];
            }
        }
        let mut scale = 1.0;
        for v in 0..N {
            scale /= 2.0;
            sum -= -scale * x.v[v] * x.v[v];
        }
        sum + u.force * u.force
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        x.x[0] * p.mass
    }
}

/// Run-time conditions: selects of scalars, of struct fields, in loops, nested; comparisons and logic; min, max, clamp.
#[dilqr_runtime::model]
pub mod piecewise {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
        pub q: f64,
    }

    fn friction(v: f64, p: f64) -> f64 {
        if v > 0.3 {
            p * v * v
        } else if v < -0.3 {
            -p * v * v
        } else {
            let slope = 0.3 * p;
            slope * v
        }
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = State { a: x.a + 0.1 * x.b, b: x.b };
        let pushing = u.u > 0.0 && x.b <= 1.0 || !(x.a < 0.5);
        if pushing {
            next.b += 0.1 * u.u * p.q;
            if x.a >= 0.0 {
                next.a = next.b * x.a;
            }
        } else {
            next.b -= 0.1 * u.u.abs() * p.p;
        }
        let mut total = 0.0;
        for i in 0..3 {
            let level = i as f64 / 2.0 - 0.5;
            if x.b > level {
                total += (x.b - level) * (x.b - level);
            }
        }
        next.a += 0.01 * total;
        next.b -= 0.1 * friction(x.b, p.p);
        next
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let capped = (x.a * p.p).min(0.7).max(-0.4);
        let limited = u.u.clamp(-0.8, p.q);
        let sign = x.b.signum();
        capped * capped + 0.5 * limited * limited * limited + sign * x.b * x.a + if x.a != x.b { x.a } else { 0.0 }
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.a.max(x.b)
    }
}

/// Branches that have no value, or no derivative, where they do not run.
#[dilqr_runtime::model]
pub mod domains {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    fn root(v: f64) -> f64 {
        if v > 0.0 { v.sqrt() * v.ln() } else { v * v }
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let ratio = if x.b < 0.0 { x.a / (p.p - 2.0 * x.b).ln() } else { 1.0 };
        let mut a = root(x.a * p.p) + ratio;
        if u.u >= 0.1 {
            let y = x.a * u.u;
            if y > 0.0 {
                a += y.powf(1.5) * (x.b / u.u.sqrt());
            }
        }
        State { a, b: x.b + root(u.u - x.a) }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let r = x.a * x.a + x.b * x.b;
        let cost = if r > 1.0 { (r - 1.0).sqrt().powi(3) / p.p } else { r * r };
        cost + u.u * u.u + if x.a > 0.0 { x.a.powf(p.p + 2.0) } else { 0.0 }
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        x.a * p.p
    }
}

/// Patterns of every kind, helper structs, arrays of structs, tuples, casts, bool helpers.
#[dilqr_runtime::model]
pub mod patterns {
    pub struct State {
        pub r: [f64; 2],
        pub h: f64,
    }
    pub struct Control {
        pub thrust: [f64; 2],
    }
    pub struct Params {
        pub mass: f64,
    }
    struct Wrench {
        force: [f64; 2],
        torque: f64,
    }

    fn wrench([left, right]: [f64; 2], heading: f64) -> Wrench {
        let (s, c) = heading.sin_cos();
        Wrench { force: [(left + right) * c, (left + right) * s], torque: right - left }
    }
    fn fast(v: f64, limit: f64) -> bool {
        v * v > limit
    }
    fn add(a: Wrench, Wrench { force: [fx, fy], torque }: Wrench) -> Wrench {
        let mut sum = a;
        sum.force[0] += fx;
        sum.force[1] += fy;
        sum.torque += torque;
        sum
    }

    pub fn dynamics(x: State, u: Control, Params { mass }: Params) -> State {
        let State { r: [rx, ry], h } = x;
        let all = [wrench(u.thrust, h), wrench([0.1, 0.2], 2.0 * h), Wrench { force: [0.0; 2], torque: rx * ry }];
        let mut total = Wrench { force: [0.0, 0.0], torque: 0.0 };
        for i in 0..3 {
            total = add(total, all[i]);
        }
        let mut pair = (rx, [ry, 0.0]);
        pair.0 += 0.1 * total.force[0] / mass;
        pair.1[0] += 0.1 * total.force[1] / mass;
        pair.1[1] = if fast(total.torque, 0.2) { 0.5 * total.torque } else { total.torque };
        let (next_x, [next_y, turn]) = pair;
        State { r: [next_x, next_y], h: h + 0.1 * turn }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..2 {
            cost += (i + 1) as f64 * x.r[i] * x.r[i] + u.thrust[i] * u.thrust[i] * p.mass;
        }
        {
            let extra = x.h.cos();
            cost -= extra;
        }
        cost
    }

    pub fn terminal_cost(x: &State, _: &Params) -> f64 {
        x.h
    }
}

macro_rules! swing {
    ($module:ident, $($arguments:tt)*) => {
        #[dilqr_runtime::model($($arguments)*)]
        #[allow(deprecated, reason = "some of the models below leave `p.dt` unused")]
        pub mod $module {
            pub struct State {
                pub angle: f64,
                pub rate: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {
                pub gravity: f64,
                pub dt: f64,
            }
            #[allow(dead_code, reason = "some of the models below name their step otherwise")]
            const DT: f64 = 0.1;

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                State { angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque - 0.1 * x.rate * x.rate * x.rate }
            }
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                x.angle * x.angle + u.torque * u.torque
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.angle * x.angle
            }
        }
    };
}

swing!(swing_euler, integrator = euler, dt = 0.1);
swing!(swing_semi_implicit, integrator = semi_implicit_euler, dt = DT);
swing!(swing_midpoint, integrator = midpoint, dt = p.dt);
swing!(swing_rk4, integrator = rk4, dt = p.dt * 0.5, substeps = 2);

/// The integrators in textbook form, on arrays.
mod textbook {
    pub(super) type Rate<'a> = &'a dyn Fn([f64; 2]) -> [f64; 2];

    fn moved(x: [f64; 2], h: f64, k: [f64; 2]) -> [f64; 2] {
        [x[0] + h * k[0], x[1] + h * k[1]]
    }
    pub(super) fn euler(x: [f64; 2], h: f64, f: Rate<'_>) -> [f64; 2] {
        moved(x, h, f(x))
    }
    pub(super) fn semi_implicit_euler(x: [f64; 2], h: f64, f: Rate<'_>) -> [f64; 2] {
        let rate = x[1] + h * f(x)[1];
        [x[0] + h * rate, rate]
    }
    pub(super) fn midpoint(x: [f64; 2], h: f64, f: Rate<'_>) -> [f64; 2] {
        moved(x, h, f(moved(x, h / 2.0, f(x))))
    }
    pub(super) fn rk4(x: [f64; 2], h: f64, f: Rate<'_>) -> [f64; 2] {
        let k1 = f(x);
        let k2 = f(moved(x, h / 2.0, k1));
        let k3 = f(moved(x, h / 2.0, k2));
        let k4 = f(moved(x, h, k3));
        let sum = |i: usize| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i];
        moved(x, h / 6.0, [sum(0), sum(1)])
    }
}

macro_rules! integrators {
    ($($module:ident::$model:ident is $integrator:ident of $steps:literal steps of $dt:expr;)*) => {$(
        #[test]
        fn $module() {
            check(
                stringify!($module),
                $module::$model,
                |x, u, p| {
                    let rate = |x: [f64; 2]| $module::derivative(x.into(), u.into(), p.into()).into();
                    let by_hand = (0..$steps).fold(x, |x, _| textbook::$integrator(x, $dt(p), &rate));
                    // The function that the macro adds to the module is the kernel.
                    let added: [f64; 2] = $module::dynamics(x.into(), u.into(), p.into()).into();
                    assert!((added[0] - by_hand[0]).abs() < 1e-13 && (added[1] - by_hand[1]).abs() < 1e-13);
                    by_hand
                },
                |x, u, p| $module::stage_cost(x.into(), u.into(), p.into()),
            );
        }
    )*};
}

integrators! {
    swing_euler::SwingEuler is euler of 1 steps of |_: [f64; 2]| 0.1;
    swing_semi_implicit::SwingSemiImplicit is semi_implicit_euler of 1 steps of |_: [f64; 2]| 0.1;
    swing_midpoint::SwingMidpoint is midpoint of 1 steps of |p: [f64; 2]| p[1];
    swing_rk4::SwingRk4 is rk4 of 2 steps of |p: [f64; 2]| p[1] * 0.25;
}

/// Tracking: a reference for every stage, and a wind that helper functions read.
#[dilqr_runtime::model]
pub mod tracking {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub mass: f64,
    }
    pub struct StageParams {
        pub target: f64,
        pub wind: [f64; 2],
    }

    fn push(u: Control, s: &StageParams) -> f64 {
        u.force + s.wind[0] - s.wind[1] * s.wind[1]
    }
    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        let acceleration = (push(u, &s) - 0.3 * x.velocity.tanh()) / p.mass;
        State { position: x.position + 0.1 * x.velocity, velocity: x.velocity + 0.1 * acceleration }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        let miss = x.position - s.target;
        miss * miss + 0.1 * u.force * u.force
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        let miss = x.position - s.target;
        10.0 * miss * miss + x.velocity * x.velocity
    }
}

#[test]
fn stage_parameters() {
    const T: usize = 12;
    let stage_params = |shift: &dyn Fn(usize, usize) -> f64| -> Vec<tracking::StageParams> {
        let entry = |t: usize, i: usize| (0.3 * (t + 5 * i) as f64).sin() + shift(t, i);
        (0..=T).map(|t| [entry(t, 0), entry(t, 1), entry(t, 2)].into()).collect()
    };
    let mut solver = tracking::Solver::new(tracking::Tracking, T, Settings::default()).unwrap();
    let problem = |shift: &dyn Fn(usize, usize) -> f64| {
        tracking::Problem::new([0.2, -0.1], [1.3], T).with_stage_params(&stage_params(shift))
    };
    // A loss with a gradient that differs from stage to stage: sum of w_t x_t + v_t u_t.
    let (w, v) = (|t: usize| 1.0 + 0.1 * t as f64, |t: usize| 0.5 - 0.05 * t as f64);
    let mut loss = LossGradient::zeros(T);
    for t in 0..=T {
        loss.states[t][0] = w(t);
    }
    for t in 0..T {
        loss.controls[t][0] = v(t);
    }
    let mut evaluate = |shift: &dyn Fn(usize, usize) -> f64| {
        let solution = solver.solve(&problem(shift)).unwrap();
        assert_eq!(solution.status, Status::Converged);
        (0..=T).map(|t| w(t) * solution.states[t][0]).sum::<f64>()
            + (0..T).map(|t| v(t) * solution.controls[t][0]).sum::<f64>()
    };
    let mut differences = Vec::new();
    let h = 1e-5;
    for t in 0..=T {
        for i in 0..3 {
            let by = |size: f64| move |at: usize, entry: usize| if (at, entry) == (t, i) { size } else { 0.0 };
            differences.push((evaluate(&by(h)) - evaluate(&by(-h))) / (2.0 * h));
        }
    }
    let solution = solver.solve(&problem(&|_, _| 0.0)).unwrap();
    let gradient = solver.vjp(&solution, &loss).unwrap();
    for (t, gradient) in gradient.stage_params.iter().enumerate() {
        for i in 0..3 {
            let expected = differences[3 * t + i];
            // Central differences of a solve to 1e-9: h^2 and 1e-9 / h.
            assert!(
                (gradient[i] - expected).abs() < 2e-4 * expected.abs().max(1.0),
                "stage {t} entry {i}: {} instead of {expected}",
                gradient[i]
            );
        }
    }
    assert!(differences.iter().any(|number| number.abs() > 0.1), "the loss depends on the stage parameters");
    let here = tracking::linearize(&[0.1, 0.2].into(), &[0.3].into(), &[2.0].into(), &[0.0, 1.0, 0.5].into());
    assert!((here.f[1] - (0.2 + 0.1 * (0.3 + 1.0 - 0.25 - 0.3 * 0.2_f64.tanh()) / 2.0)).abs() < 1e-15);
}

/// Limits of every kind. The cost pulls the state below 0 and `w` to 4.
#[dilqr_runtime::model]
pub mod limited {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(-LIMIT, p.most)]
        pub u: [f64; 2],
        #[bounds(None, 3.0)]
        pub w: f64,
    }
    pub struct Params {
        pub most: f64,
    }
    const LIMIT: f64 = 2.0;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.2 * (u.u[0] + u.u[1] * u.w) }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.x + 1.0).powi(2) + 0.1 * (u.u[0] * u.u[0] + u.u[1] * u.u[1]) + (u.w - 4.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 2] {
        [x.x - p.most, -x.x]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [x.x - p.most]
    }
}

/// By hand, for `most = 1`: `w` stays at its bound; the state goes to 0 at once and stays there; the last step, with
/// everything at its bound, covers 0.8, so that the one before has to cover 0.2. A step of `d` at `w = 3` costs least
/// with `u = (d / 2, 3 d / 2)`.
#[test]
fn limits_are_kept() {
    const T: usize = 5;
    let mut solver = limited::Solver::new(limited::Limited, T, Settings::default()).unwrap();
    let solution = solver.solve(&limited::Problem::new([0.2], [1.0], T)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    let near = |given: f64, expected: f64, what: &str| {
        // The trajectory is stationary to 1e-9, with curvatures from 0.2 on.
        assert!((given - expected).abs() < 1e-7, "{what}: {given} instead of {expected}");
    };
    for (x, expected) in solution.states.iter().zip([0.2, 0.0, 0.0, 0.0, 0.2, 1.0]) {
        near(x[0], expected, "state");
    }
    let expected = [[-0.1, -0.3], [0.0, 0.0], [0.0, 0.0], [0.1, 0.3], [1.0, 1.0]];
    for (u, expected) in solution.controls.iter().zip(expected) {
        near(u[0], expected[0], "first control");
        near(u[1], expected[1], "second control");
        near(u[2], 3.0, "third control");
    }
    // From `0.2 u + 0.2 lambda = 0` at the free controls and `lambda = 2 (x + 1) - mu + lambda'`.
    let expected = [[0.0, 0.0], [0.0, 1.9], [0.0, 2.0], [0.0, 1.9], [0.0, 0.0]];
    for (given, expected) in solution.multipliers.stage.iter().zip(expected.as_flattened()) {
        near(*given, *expected, "multiplier");
    }
    near(solution.multipliers.terminal[0], -4.5, "terminal multiplier");
    near(solution.bound_multipliers[T - 1][0], 0.2 - 0.2 * 2.5, "multiplier of the first control");

    // The limits move with their parameter, and the trajectory with them.
    let jacobian = solver.jacobian(&solution).unwrap();
    for (dx, expected) in jacobian.states.iter().zip([0.0, 0.0, 0.0, 0.0, 0.2, 1.0]) {
        near(dx[0], expected, "dx/dp");
    }
    for (du, expected) in jacobian.controls.iter().zip([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.1, 0.3], [1.0, 1.0]]) {
        near(du[0], expected[0], "derivative of the first control");
        near(du[1], expected[1], "derivative of the second control");
        near(du[2], 0.0, "derivative of the third control");
    }
}
