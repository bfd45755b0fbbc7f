//! Constructs of the model language that unroll, assign and choose, each against dual numbers through the value kernel
//! and against the function as Rust runs it.

use dilqr_runtime::dual::AutoDiff;
use dilqr_runtime::model::{HamiltonianExpansion, ParameterTerms, StageExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::Model;
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
        model.dynamics(&x, &u, &p, &s, &mut next);
        let own: SVector<f64, NX> = f(x.into(), u.into(), p.into()).into();
        // The same operations in another order.
        assert!((next - own).amax() <= 1e-13 * own.amax().max(1.0), "{name}: {next} instead of {own}");
        let (cost, own) = (model.stage_cost(&x, &u, &p, &s), l(x.into(), u.into(), p.into()));
        assert!((cost - own).abs() <= 1e-13 * own.abs().max(1.0), "{name}: {cost} instead of {own}");

        let numbers = |model: &dyn Fn(&mut StageExpansion<f64, NX, NU>, &mut HamiltonianExpansion<f64, NX, NU>, &mut ParameterTerms<f64, NX, NU, NP>)| {
            let (mut a, mut b, mut c) = (StageExpansion::zeros(), HamiltonianExpansion::zeros(), ParameterTerms::zeros());
            model(&mut a, &mut b, &mut c);
            let first = a.fx.iter().chain(&a.fu).chain(&a.lx).chain(&a.lu).chain(&a.lxx).chain(&a.lux).chain(&a.luu);
            let second = b.hxx.iter().chain(&b.hux).chain(&b.huu).chain(&c.fp).chain(&c.hxp).chain(&c.hup);
            first.chain(second).copied().collect::<Vec<f64>>()
        };
        let ours = numbers(&|a, b, c| {
            model.expand_stage(&x, &u, &p, &s, a);
            model.expand_hamiltonian(&x, &u, &p, &s, &lambda, b);
            model.parameter_terms(&x, &u, &p, &s, &lambda, c);
        });
        let dual = numbers(&|a, b, c| {
            AutoDiff(model).expand_stage(&x, &u, &p, &s, a);
            AutoDiff(model).expand_hamiltonian(&x, &u, &p, &s, &lambda, b);
            AutoDiff(model).parameter_terms(&x, &u, &p, &s, &lambda, c);
        });
        for (index, (ours, dual)) in ours.iter().zip(&dual).enumerate() {
            // Both are exact up to rounding.
            assert!((ours - dual).abs() <= 1e-10 * dual.abs().max(1.0), "{name} at {x} {u}: number {index} is {ours}, by dual numbers {dual}");
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

/// Branches whose other side has no value, or no derivative, where it does not run.
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
