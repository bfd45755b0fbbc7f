//! Kernels of bounds, constraints and stage parameters, compared with dual numbers and with central differences through
//! the value kernels, and with the user's functions.

use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{ConstraintExpansion, ConstraintParameterTerms, Names};
use dilqr_runtime::model::{ParameterGradient, Stage, Terminal, Variation};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, NumDiff, Scalar};
use num_dual::Dual64;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Two links with every kind of limit: bounds by numbers, consts and parameters, open sides in all spellings,
/// constraints with and without the control, stage parameters.
#[dilqr_runtime::model]
pub mod reach {
    pub struct State {
        pub angle: [f64; 2],
        pub rate: [f64; 2],
    }
    pub struct Control {
        #[bounds(-p.most[0], [LIMITS[0], p.most[1] * p.most[1]])]
        pub torque: [f64; 2],
        #[bounds(0.0, None)]
        pub brake: f64,
        #[bounds(f64::NEG_INFINITY, OPEN[0])]
        pub trim: f64,
        pub free: f64,
        #[bounds([-OPEN[1], weakest(&p)], if p.most[0] < 1.0 { p.most[1] } else { 1.0 / p.most[0] })]
        pub valve: [f64; 2],
    }
    pub struct Params {
        pub most: [f64; 2],
        pub length: f64,
    }
    pub struct StageParams {
        pub wall: f64,
        pub wind: [f64; 2],
    }

    const LIMITS: [f64; 2] = [1.5, 2.5];
    const OPEN: [f64; 2] = [f64::INFINITY, f64::INFINITY];
    const DT: f64 = 0.1;

    fn weakest(p: &Params) -> f64 {
        -p.most[0].min(p.most[1]) - p.length.sqrt()
    }

    fn tip(x: &State, p: &Params) -> [f64; 2] {
        let (a, b) = (x.angle[0], x.angle[0] + x.angle[1]);
        [p.length * (a.cos() + b.cos()), p.length * (a.sin() + b.sin())]
    }

    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        let mut next = x;
        for i in 0..2 {
            let push = u.torque[i] - u.brake * x.rate[i] + s.wind[i] * x.angle[i].sin() * p.most[i];
            next.rate[i] += DT * push / p.length + DT * u.valve[i] * u.free;
            next.angle[i] += DT * x.rate[i];
        }
        next
    }

    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        let tip = tip(&x, &p);
        let control = u.torque[0].powi(2) + u.brake.powi(2) + u.trim.powi(2) + u.free.powi(2) + u.valve[0].powi(2);
        (tip[0] - s.wall).powi(2) * s.wind[0] + tip[1].powi(2) + 0.1 * control + u.free * s.wind[1].powi(2)
    }

    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        let tip = tip(&x, &p);
        10.0 * (tip[0] - s.wall * p.most[0]).powi(2) + x.rate[0].powi(2) * s.wind[1].exp()
    }

    /// The tip stays off a curved wall, the power is limited, and so is one rate.
    pub fn stage_constraints(x: State, u: Control, p: Params, s: StageParams) -> [f64; 4] {
        let tip = tip(&x, &p);
        [
            tip[0] - s.wall - 0.1 * tip[1].powi(2),
            u.torque[0] * x.rate[0] + u.torque[1] * u.torque[0] * x.rate[1] - p.most[0] * p.most[1],
            x.rate[0],
            // A control that cancels.
            x.angle[0] + u.brake - u.brake,
        ]
    }

    pub fn stage_equalities(x: &State, u: &Control, p: &Params) -> [f64; 2] {
        [u.trim - p.length * x.angle[1].sin() * u.free, u.valve[0] + u.valve[1]]
    }

    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] {
        [x.rate[0].powi(2) + x.rate[1].powi(2) - p.most[0].powi(2)]
    }

    pub fn terminal_equalities(x: State, p: Params, s: StageParams) -> [f64; 2] {
        let tip = tip(&x, &p);
        [tip[0] - s.wall, tip[1] * s.wind[0] - p.length]
    }
}

const NX: usize = 4;
const NU: usize = 7;
const NP: usize = 3;
const NS: usize = 3;
/// Constraints of a stage and of the terminal state.
const NC: usize = 6;
const NT: usize = 3;

#[derive(Clone, Copy)]
struct At<S> {
    x: SVector<S, NX>,
    u: SVector<S, NU>,
    p: SVector<S, NP>,
    s: SVector<S, NS>,
    dx: SVector<S, NX>,
    du: SVector<S, NU>,
    lower: SVector<S, NU>,
    upper: SVector<S, NU>,
    mu: [S; NC],
    dmu: [S; NC],
}

impl At<f64> {
    fn random(random: &mut StdRng) -> Self {
        let mut number = |low: f64, high: f64| random.random_range(low..high);
        Self {
            x: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            u: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            // Both sides of the branch in a bound, away from the kink.
            p: SVector::from_fn(
                |i, _| if i == 0 && number(0.0, 1.0) < 0.5 { number(0.5, 0.9) } else { number(1.1, 2.0) },
            ),
            s: SVector::from_fn(|_, _| number(0.3, 1.2)),
            dx: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            du: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            lower: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            upper: SVector::from_fn(|_, _| number(-1.5, 1.5)),
            mu: std::array::from_fn(|_| number(-1.5, 1.5)),
            dmu: std::array::from_fn(|_| number(-1.5, 1.5)),
        }
    }

    fn map<S: Scalar>(&self, to: impl Fn(f64) -> S + Copy) -> At<S> {
        At {
            x: self.x.map(to),
            u: self.u.map(to),
            p: self.p.map(to),
            s: self.s.map(to),
            dx: self.dx.map(to),
            du: self.du.map(to),
            lower: self.lower.map(to),
            upper: self.upper.map(to),
            mu: self.mu.map(to),
            dmu: self.dmu.map(to),
        }
    }
}

/// All results of the kernels of limits and stage parameters at a point, each block with its name.
fn blocks<M: Model<NX, NU, NP, NS>, S: Scalar>(model: &M, at: &At<S>) -> Vec<(&'static str, Vec<S>)> {
    fn flat<S: Scalar, const R: usize, const C: usize>(matrix: &SMatrix<S, R, C>) -> Vec<S> {
        matrix.iter().copied().collect()
    }
    fn rows<S: Scalar, const N: usize>(rows: &[SVector<S, N>]) -> Vec<S> {
        rows.iter().flat_map(|row| row.iter().copied()).collect()
    }
    fn none<S: Scalar, const R: usize, const C: usize>() -> SMatrix<S, R, C> {
        SMatrix::from_fn(|_, _| S::zero())
    }
    let At { x, u, p, s, dx, du, lower, upper, mu, dmu } = at;
    let open = |infinity: f64| SVector::from_fn(|_, _| S::from_f64(infinity));
    let (mut low, mut high) = (open(f64::NEG_INFINITY), open(f64::INFINITY));
    model.bounds(p, &mut low, &mut high);
    let mut bounds_gp = none();
    model.add_bounds_contraction(p, lower, upper, &mut bounds_gp);
    let (mut low_p, mut high_p) = (none(), none());
    model.bounds_terms(p, &mut low_p, &mut high_p);

    let (mut c, mut ct) = ([S::from_f64(f64::NAN); NC], [S::from_f64(f64::NAN); NT]);
    model.stage_constraints(Stage { x, u, p, s }, &mut c);
    model.terminal_constraints(Terminal { x, p, s }, &mut ct);
    let (mut stage, mut terminal) = (ConstraintExpansion::zeros(NC), ConstraintExpansion::zeros(NT));
    model.expand_stage_constraints(Stage { x, u, p, s }, mu, &mut stage);
    model.expand_terminal_constraints(Terminal { x, p, s }, &mu[..NT], &mut terminal);
    let (mut gp, mut gs, mut terminal_gp, mut terminal_gs) = (none(), none(), none(), none());
    model.add_stage_constraint_contraction(
        Stage { x, u, p, s },
        mu,
        Variation { dx, du },
        dmu,
        ParameterGradient::new(&mut gp, &mut gs),
    );
    let (mu_t, dmu_t) = (&mu[..NT], &dmu[..NT]);
    model.add_terminal_constraint_contraction(
        Terminal { x, p, s },
        mu_t,
        dx,
        dmu_t,
        ParameterGradient::new(&mut terminal_gp, &mut terminal_gs),
    );
    let (mut terms, mut terminal_terms) = (ConstraintParameterTerms::zeros(NC), ConstraintParameterTerms::zeros(NT));
    model.stage_constraint_terms(Stage { x, u, p, s }, mu, &mut terms);
    model.terminal_constraint_terms(Terminal { x, p, s }, mu_t, &mut terminal_terms);

    vec![
        ("lower", flat(&low)),
        ("upper", flat(&high)),
        ("bounds gp", flat(&bounds_gp)),
        ("lower p", flat(&low_p)),
        ("upper p", flat(&high_p)),
        ("c", c.to_vec()),
        ("terminal c", ct.to_vec()),
        ("expanded c", stage.c),
        ("cx", rows(&stage.cx)),
        ("cu", rows(&stage.cu)),
        ("hxx", flat(&stage.hxx)),
        ("hux", flat(&stage.hux)),
        ("huu", flat(&stage.huu)),
        ("terminal expanded c", terminal.c),
        ("terminal cx", rows(&terminal.cx)),
        ("terminal hxx", flat(&terminal.hxx)),
        ("contraction p", flat(&gp)),
        ("contraction s", flat(&gs)),
        ("terminal contraction p", flat(&terminal_gp)),
        ("terminal contraction s", flat(&terminal_gs)),
        ("cp", rows(&terms.cp)),
        ("hxp", flat(&terms.hxp)),
        ("hup", flat(&terms.hup)),
        ("terminal cp", rows(&terminal_terms.cp)),
        ("terminal hxp", flat(&terminal_terms.hxp)),
    ]
}

fn second_order(name: &str) -> bool {
    ["xx", "ux", "uu", "xp", "up", "xs", "us", "contraction"].iter().any(|part| name.contains(part))
}

#[test]
fn kernels_agree_with_dual_numbers_and_differences() {
    let mut random = StdRng::seed_from_u64(17);
    // Blocks that were nonzero at some point. A comparison of zeros alone tests nothing.
    let mut seen: Vec<&str> = Vec::new();
    for _ in 0..100 {
        let at = At::random(&mut random);
        let ours = blocks(&reach::Reach, &at);
        let dual = blocks(&AutoDiff(reach::Reach), &at);
        let differences = blocks(&NumDiff(reach::Reach), &at);
        for ((block, ours), ((_, dual), (_, differences))) in ours.iter().zip(dual.iter().zip(&differences)) {
            let finite = |scale: f64, entry: &f64| if entry.is_finite() { scale.max(entry.abs()) } else { scale };
            let scale = dual.iter().fold(1.0, finite);
            if ours.iter().any(|entry| *entry != 0.0) && !seen.contains(block) {
                seen.push(block);
            }
            for (index, ((ours, dual), differences)) in ours.iter().zip(dual).zip(differences).enumerate() {
                // Both are exact up to the rounding of some tens of operations on numbers of the size of the block.
                assert!(
                    ours == dual || (ours - dual).abs() <= 1e-12 * scale,
                    "{block}[{index}]: {ours} by the macro, {dual} by dual numbers"
                );
                // The accuracy of central differences, with room: eps^(2/3) for first, eps^(1/2) for second
                // derivatives.
                let tolerance = if second_order(block) { 1e-5 } else { 1e-8 };
                assert!(
                    ours == differences || (ours - differences).abs() <= tolerance * scale,
                    "{block}[{index}]: {ours} by the macro, {differences} by differences"
                );
            }
        }
    }
    let all: Vec<&str> = blocks(&reach::Reach, &At::random(&mut random)).iter().map(|(block, _)| *block).collect();
    assert_eq!(seen, all);
}

/// The value kernels are the user's functions and attributes.
#[test]
fn values_are_those_of_the_module() {
    let mut random = StdRng::seed_from_u64(18);
    for _ in 0..20 {
        let at = At::random(&mut random);
        let (x, u) = (reach::State::from(at.x), reach::Control::from(at.u));
        let (p, s) = (reach::Params::from(at.p), reach::StageParams::from(at.s));
        let given = blocks(&reach::Reach, &at);
        let block = |name: &str| given.iter().find(|(block, _)| *block == name).unwrap().1.clone();
        let mut stage = reach::stage_constraints(x, u, p, s).to_vec();
        stage.extend(reach::stage_equalities(&x, &u, &p));
        let mut terminal = reach::terminal_constraints(x, p).to_vec();
        terminal.extend(reach::terminal_equalities(x, p, s));
        let most = p.most;
        let open = f64::INFINITY;
        let valve = if most[0] < 1.0 { most[1] } else { 1.0 / most[0] };
        let weakest = -most[0].min(most[1]) - p.length.sqrt();
        let lower = vec![-most[0], -most[0], 0.0, -open, -open, -open, weakest];
        let upper = vec![1.5, most[1] * most[1], open, open, open, valve, valve];
        for (name, expected) in [("lower", lower), ("upper", upper), ("c", stage), ("terminal c", terminal)] {
            for (given, expected) in block(name).iter().zip(&expected) {
                // The same operations in another order.
                assert!(given == expected || (given - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{name}");
            }
        }
    }
}

#[test]
fn limits_are_counted() {
    let expected = Limits {
        bounded: true,
        stage_inequalities: 4,
        stage_equalities: 2,
        terminal_inequalities: 1,
        terminal_equalities: 2,
        depends_on_control: &[false, true, false, false, true, true],
        names: Names { states: &reach::State::NAMES, controls: &reach::Control::NAMES, design: &[] },
        ..Limits::NONE
    };
    assert_eq!(<reach::Reach as Model<NX, NU, NP, NS>>::LIMITS, expected);
}

/// Kernels for other scalars do the same operations: the real part of a dual number has the bits of `f64`, and single
/// precision differs by its rounding.
#[test]
fn generic_kernels_equal_those_for_f64() {
    let mut random = StdRng::seed_from_u64(19);
    for _ in 0..20 {
        let at = At::random(&mut random);
        let double = blocks(&reach::Reach, &at);
        let dual = blocks(&reach::Reach, &at.map(Dual64::from));
        let single = blocks(&reach::Reach, &at.map(|value| value as f32));
        for ((block, double), ((_, dual), (_, single))) in double.iter().zip(dual.iter().zip(&single)) {
            let scale =
                double.iter().filter(|entry| entry.is_finite()).fold(1.0_f64, |scale, entry| scale.max(entry.abs()));
            for ((double, dual), single) in double.iter().zip(dual).zip(single) {
                // Products and quotients of dual numbers round their real part as f64 does; a quotient is a product
                // with the reciprocal.
                assert!(
                    *double == dual.re || (double - dual.re).abs() <= 1e-14 * scale,
                    "{block}: {double} {}",
                    dual.re
                );
                // Seven digits, less two for some tens of operations.
                let single = f64::from(*single);
                assert!(*double == single || (double - single).abs() <= 1e-5 * scale, "{block}: {double} and {single}");
            }
        }
    }
}

/// A model whose bounds are all open has no limits. Constant bounds have no derivatives.
#[dilqr_runtime::model]
pub mod open {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(None, f64::INFINITY)]
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}

#[test]
fn open_bounds_are_no_limits() {
    assert_eq!(<open::Open as Model<1, 1, 1>>::LIMITS, Limits::NONE);
    let (mut lower, mut upper) = (SVector::from([-7.0]), SVector::from([7.0]));
    open::Open.bounds(&[1.0].into(), &mut lower, &mut upper);
    assert_eq!((lower[0], upper[0]), (-7.0, 7.0), "nothing is written");
}
