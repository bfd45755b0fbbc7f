//! The scalars of lanes: the functions of `f64`, in every lane for itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use dilqr_runtime::lanes::{F64x4, F64x8, Lanes};
use dilqr_runtime::lq::{LqProblem, LqStage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Mask, Scalar};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Random points for a function in one interval. The long form of this test is part of the package `stress`.
const POINTS: usize = if cfg!(feature = "long") { 4000 } else { 400 };
/// One of so many multiples of a right angle.
const STEP: usize = if cfg!(feature = "long") { 7 } else { 71 };

const SPECIAL: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -3.0,
    1e-310,
    -1e-310,
    1e300,
    -1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
];

/// How many units in the last place of `b` lie between the two; the same zero, infinity or NaN is 0.
fn ulps(a: f64, b: f64) -> f64 {
    if a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() {
        return 0.0;
    }
    if !(a.is_finite() && b.is_finite()) {
        return f64::INFINITY;
    }
    (a - b).abs() / (b.abs().next_up() - b.abs())
}

/// `function` in lanes against `expected` at `count` points, each with other companions in another lane again: the same
/// bits.
fn compare<L: Lanes>(
    points: impl Iterator<Item = f64>,
    function: impl Fn(L) -> L,
    expected: impl Fn(f64) -> f64,
    error: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut worst = 0.0;
    for (i, x) in points.enumerate() {
        let (here, there) = (i % L::COUNT, (i / L::COUNT + 1) % L::COUNT);
        let company = [0.3, -7.0, 2e6, f64::NAN, 0.0, 1e-310, f64::INFINITY, 40.0];
        let found = function(L::from_lanes(|lane| if lane == here { x } else { 0.7 })).lane(here);
        let moved = function(L::from_lanes(|lane| if lane == there { x } else { company[(i + lane) % 8] })).lane(there);
        assert!(found.to_bits() == moved.to_bits() || found.is_nan() && moved.is_nan(), "{x}: {found} or {moved}");
        worst = f64::max(worst, error(found, expected(x)));
    }
    worst
}

fn random(seed: u64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..POINTS).map(move |_| rng.random_range(low..high))
}

/// The vector functions against those of the standard library, which are good to a unit in the last place. The bounds are
/// those that the module's documentation states.
fn functions_are_those_of_f64<L: Lanes>() {
    macro_rules! check {
        ($name:ident in $($low:literal..$high:literal),* within $bound:literal) => {
            $(
                let worst = compare::<L>(random(1, $low, $high), |x| x.$name(), f64::$name, ulps);
                assert!(worst <= $bound, "{} in {}..{}: {worst}", stringify!($name), $low, $high);
            )*
            let worst = compare::<L>(SPECIAL.into_iter(), |x| x.$name(), f64::$name, ulps);
            assert!(worst <= $bound, "{} at a special point: {worst}", stringify!($name));
        };
    }
    check!(sin in -4.0..4.0, -1e3..1e3, -1e5..1e5, -1e9..1e9 within 2.0);
    check!(cos in -4.0..4.0, -1e3..1e3, -1e5..1e5, -1e9..1e9 within 2.0);
    check!(tan in -1.5..1.5, -1e3..1e3 within 5.0);
    check!(asin in -1.0..1.0, -1e-8..1e-8 within 5.0);
    check!(acos in -1.0..1.0 within 5.0);
    check!(atan in -2.0..2.0, -1e5..1e5 within 5.0);
    check!(sinh in -1.0..1.0, -30.0..30.0, -1e-8..1e-8 within 5.0);
    check!(cosh in -1.0..1.0, -30.0..30.0 within 5.0);
    check!(tanh in -1.0..1.0, -30.0..30.0, -1e-8..1e-8 within 5.0);
    check!(exp in -1.0..1.0, -700.0..700.0, -760.0..-700.0 within 5.0);
    check!(ln in 0.5..2.0, 1e-300..1e-3, 1.0..1e300, 0.0..1e-308 within 5.0);
    check!(cbrt in -2.0..2.0, -1e100..1e100 within 5.0);
    check!(sqrt in 0.0..2.0, 0.0..1e300 within 0.0);
    check!(abs in -2.0..2.0 within 0.0);
    check!(signum in -2.0..2.0 within 0.0);
    for n in [-3, -2, -1, 0, 1, 2, 3, 4, 7, 12] {
        // Multiplications in an order of one's own.
        let worst = compare::<L>(random(2, -3.0, 3.0), |x| x.powi(n), |x| x.powi(n), ulps);
        assert!(worst <= 2.0, "power {n}: {worst}");
    }
    for exponent in [-1.5, 0.0, 0.5, 2.0, 3.7] {
        let points = || random(3, 0.0, 50.0).chain(SPECIAL);
        let power = |x: f64| x.powf(exponent);
        assert_eq!(compare::<L>(points(), |x| x.powf(exponent), power, ulps), 0.0);
        assert_eq!(compare::<L>(points(), |x| x.pow(L::from_f64(exponent)), power, ulps), 0.0);
    }
    for other in [0.0, -0.0, 2.0, -0.3, 1e-200, f64::INFINITY, f64::NEG_INFINITY] {
        let points = || random(4, -5.0, 5.0).chain(SPECIAL);
        let worst = compare::<L>(points(), |y| y.atan2(L::from_f64(other)), |y| y.atan2(other), ulps);
        assert!(worst <= 5.0, "atan2 over {other}: {worst}");
        assert_eq!(compare::<L>(points(), |y| y.hypot(L::from_f64(other)), |y| y.hypot(other), ulps), 0.0);
    }
}

/// Next to a zero of the sine or the cosine: the doubles about the multiples of a right angle.
fn zeros_of_sine_and_cosine<L: Lanes>() {
    let points = || {
        (1..60_000).step_by(STEP).flat_map(|k| {
            let x = f64::from(k) * core::f64::consts::FRAC_PI_2;
            [x.next_down(), x, x.next_up()]
        })
    };
    let error = |a: f64, b: f64| if (a - b).abs() < 1e-26 { 0.0 } else { ulps(a, b) };
    assert!(compare::<L>(points(), |x| x.sin_cos().0, f64::sin, error) <= 2.0);
    assert!(compare::<L>(points(), |x| x.sin_cos().1, f64::cos, error) <= 2.0);
    assert_eq!(compare::<L>(points(), |x| x.sin_cos().0, |x| L::from_f64(x).sin().lane(0), ulps), 0.0);
    assert_eq!(compare::<L>(points(), |x| x.sin_cos().1, |x| L::from_f64(x).cos().lane(0), ulps), 0.0);
}

/// Arithmetic, to the last bit.
fn arithmetic_is_that_of_f64<L: Lanes>() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut numbers = || L::from_lanes(|_| rng.random_range(-4.0..4.0));
    for _ in 0..500 {
        let (a, b, c) = (numbers(), numbers(), numbers());
        let mut assigned = [a; 4];
        assigned[0] += b;
        assigned[1] -= b;
        assigned[2] *= b;
        assigned[3] /= b;
        let (less, equal) = (L::select(a.less(b), a, c), L::select(a.equal(a) & b.less_equal(a), a, c));
        for lane in 0..L::COUNT {
            let [x, y, z] = [a, b, c].map(|number| number.lane(lane));
            assert_eq!(assigned.map(|number| number.lane(lane)), [x + y, x - y, x * y, x / y]);
            assert_eq!([a + b, a - b, a * b, a / b].map(|number| number.lane(lane)), [x + y, x - y, x * y, x / y]);
            let fused = [a.mul_add(b, c), a.mul_sub(b, c), a.neg_mul_add(b, c)].map(|number| number.lane(lane));
            assert_eq!(fused, [Scalar::mul_add(x, y, z), Scalar::mul_sub(x, y, z), Scalar::neg_mul_add(x, y, z)]);
            assert_eq!((-a).lane(lane), -x);
            assert_eq!(less.lane(lane), if x < y { x } else { z });
            assert_eq!(equal.lane(lane), if y <= x { x } else { z });
            assert_eq!(a.map_real(|x| x + 1.0).lane(lane), x + 1.0);
        }
    }
    assert_eq!((L::zero().lane(0), L::one().lane(L::COUNT - 1)), (0.0, 1.0));
}

/// Masks hold where they are told to.
fn masks<L: Lanes>() {
    let odd = L::mask(|lane| lane % 2 == 1);
    let first = L::mask(|lane| lane == 0);
    for lane in 0..L::COUNT {
        assert_eq!(L::holds(odd, lane), lane % 2 == 1);
        assert_eq!(L::holds(!odd, lane), lane % 2 == 0);
        assert_eq!(L::holds(odd | first, lane), lane % 2 == 1 || lane == 0);
        assert!(!L::holds(odd & first, lane));
    }
    assert!(odd.any() && !odd.all() && !(odd & first).any() && (odd | !odd).all());
    assert!(<L::Mask as Mask>::splat(true).all() && !<L::Mask as Mask>::splat(false).any());
    // Nothing holds of NaN.
    let nan = L::from_f64(f64::NAN);
    assert!(!(nan.less(nan) | nan.less_equal(nan) | nan.equal(nan)).any());
}

fn riccati<L: Lanes>() {
    lq_problems::<L, 3, 2>();
    lq_problems::<L, 9, 2>();
}

/// A different LQ problem in every lane: to the last bit the solutions of each alone.
fn lq_problems<L: Lanes, const NX: usize, const NU: usize>() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut entry = |scale: f64| L::from_lanes(|_| scale * rng.random_range(-1.0..1.0));
    let mut problem = LqProblem::<L, NX, NU> {
        initial_state: SVector::from_fn(|_, _| entry(1.0)),
        stages: vec![LqStage::zeros(); 20],
        terminal_hxx: SMatrix::from_fn(|i, j| L::from_f64(f64::from(u8::from(i == j)))),
        terminal_gx: SVector::from_fn(|_, _| entry(1.0)),
    };
    for stage in &mut problem.stages {
        stage.fx = SMatrix::from_fn(|_, _| entry(2.4 / NX as f64));
        stage.fu = SMatrix::from_fn(|_, _| entry(1.0));
        for i in 0..NX {
            stage.hxx[(i, i)] = L::one() + entry(0.5);
        }
        for i in 0..NU {
            stage.huu[(i, i)] = L::one() + entry(0.5);
        }
        stage.hux = SMatrix::from_fn(|_, _| entry(0.1));
        stage.gx = SVector::from_fn(|_, _| entry(1.0));
        stage.gu = SVector::from_fn(|_, _| entry(1.0));
        stage.offset = SVector::from_fn(|_, _| entry(0.2));
    }
    let solution = problem.solve().unwrap();
    for lane in 0..L::COUNT {
        fn of<L: Lanes, const R: usize, const C: usize>(a: &SMatrix<L, R, C>, lane: usize) -> SMatrix<f64, R, C> {
            SMatrix::from_fn(|i, j| a[(i, j)].lane(lane))
        }
        let alone = LqProblem::<f64, NX, NU> {
            initial_state: of(&problem.initial_state, lane),
            stages: problem
                .stages
                .iter()
                .map(|stage| LqStage {
                    fx: of(&stage.fx, lane),
                    fu: of(&stage.fu, lane),
                    offset: of(&stage.offset, lane),
                    hxx: of(&stage.hxx, lane),
                    hux: of(&stage.hux, lane),
                    huu: of(&stage.huu, lane),
                    gx: of(&stage.gx, lane),
                    gu: of(&stage.gu, lane),
                })
                .collect(),
            terminal_hxx: of(&problem.terminal_hxx, lane),
            terminal_gx: of(&problem.terminal_gx, lane),
        };
        let expected = alone.solve().unwrap();
        assert!(alone.kkt_residual(&expected).max() < 1e-12);
        for t in 0..20 {
            assert_eq!(of(&solution.gains[t], lane), expected.gains[t]);
            assert_eq!(of(&solution.controls[t], lane), expected.controls[t]);
            assert_eq!(of(&solution.states[t + 1], lane), expected.states[t + 1]);
            assert_eq!(of(&solution.costates[t], lane), expected.costates[t]);
        }
    }
    // One lane without a minimum is an error of the whole.
    problem.stages[4].huu[(1, 1)].set_lane(1, -50.0);
    assert!(problem.solve().is_err());
}

macro_rules! both {
    ($($test:ident)*) => {
        mod four {
            $(#[test] fn $test() { super::$test::<super::F64x4>(); })*
        }
        mod eight {
            $(#[test] fn $test() { super::$test::<super::F64x8>(); })*
        }
    };
}

both!(functions_are_those_of_f64 zeros_of_sine_and_cosine arithmetic_is_that_of_f64 masks riccati);
