//! Derivatives of hand-written models: by hyper-dual numbers (what a model written by hand gets), by central
//! differences, and by hand where the formulas are short.

use dilqr_runtime::NumDiff;
use dilqr_runtime::model::{
    HamiltonianHessian, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion,
    Variation,
};
use dilqr_runtime::nalgebra::{Matrix1, Matrix1x2, Matrix2, RowVector3, SMatrix, SVector, Vector2, Vector3};
use dilqr_runtime::{AutoDiff, HyperDualParts};
use dilqr_runtime::{Model, Scalar};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const DT: f64 = 0.05;

fn number<S: Scalar>(value: f64) -> S {
    S::from_f64(value)
}

/// A pendulum: angle from upright and its rate; torque; gravity, mass, length.
#[derive(Clone, Copy)]
struct Pendulum;

impl Model<2, 1, 3> for Pendulum {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 3>, next: &mut SVector<S, 2>) {
        let ([theta, omega], [gravity, mass, length]) = ([x[0], x[1]], [p[0], p[1], p[2]]);
        let acceleration = gravity / length * theta.sin() + u[0] / (mass * length * length);
        next[1] = omega + number::<S>(DT) * acceleration;
        next[0] = theta + number::<S>(DT) * next[1];
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 3>) -> S {
        number::<S>(1.0) - x[0].cos() + number::<S>(0.1) * x[1].powi(2) + p[1] * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 2, 3>) -> S {
        p[0] * x[0] * x[0] + x[1] * x[1]
    }
}

/// A cart with a pole: position, velocity, angle, angular velocity; force; gravity, both masses, length. The terminal
/// cost takes the angle through `atan2` and depends on every parameter.
#[derive(Clone, Copy)]
struct Cartpole;

impl Model<4, 1, 4> for Cartpole {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 4>, next: &mut SVector<S, 4>) {
        let [gravity, mass_cart, mass_pole, length] = [p[0], p[1], p[2], p[3]];
        let (sin, cos) = x[2].sin_cos();
        let total = mass_cart + mass_pole;
        let push = (u[0] + mass_pole * length * x[3] * x[3] * sin) / total;
        let angular =
            (gravity * sin - cos * push) / (length * (number::<S>(4.0 / 3.0) - mass_pole * cos * cos / total));
        let linear = push - mass_pole * length * angular * cos / total;
        let dt = number::<S>(DT);
        *next = SVector::from([x[0] + dt * x[1], x[1] + dt * linear, x[2] + dt * x[3], x[3] + dt * angular]);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 4>) -> S {
        let angle = number::<S>(2.0) * (number::<S>(1.0) - x[2].cos());
        let rest = number::<S>(0.1) * (x[0] * x[0] + x[1] * x[1] + x[3] * x[3]);
        angle + rest + p[3] * number::<S>(0.001) * u[0] * u[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 4, 4>) -> S {
        let (sin, cos) = x[2].sin_cos();
        let energy = p[0] * p[2] * p[3] * cos + p[1] * x[1] * x[1];
        sin.atan2(cos).powi(2) + energy + (number::<S>(1.0) + x[3] * x[3]).sqrt() + x[0].tanh()
    }
}

/// Two states, two controls, one parameter, three stage parameters: a moving reference and a gain of the actuators.
#[derive(Clone, Copy)]
struct Tracking;

impl Model<2, 2, 1, 3> for Tracking {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 2, 1, 3>, next: &mut SVector<S, 2>) {
        next[0] = x[0] + s[2] * u[0] * x[1].cos();
        next[1] = x[1] + p[0] * (s[2] * u[1]).exp();
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 2, 1, 3>) -> S {
        (x[0] - s[0]).powi(2) * p[0] + (x[1] * s[1]).sin() + u[0] * u[1] * s[0] + u[1].cosh() * x[0]
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 1, 3>) -> S {
        p[0] * (x[0] * s[0]).sin() + (x[1] - s[1]).powi(4) + s[2].ln() * x[1]
    }
}

/// Where a model is evaluated: a stage with a costate and the directions of a contraction.
struct At<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    x: SVector<f64, NX>,
    u: SVector<f64, NU>,
    p: SVector<f64, NP>,
    s: SVector<f64, NS>,
    lambda: SVector<f64, NX>,
    dx: SVector<f64, NX>,
    du: SVector<f64, NU>,
    dlambda: SVector<f64, NX>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> At<NX, NU, NP, NS> {
    /// States, controls and costates in [-2, 2], parameters in [0.3, 1.5].
    fn random(seed: u64) -> Self {
        fn vector<const N: usize>(random: &mut StdRng, low: f64, high: f64) -> SVector<f64, N> {
            SVector::from_fn(|_, _| random.random_range(low..high))
        }
        let random = &mut StdRng::seed_from_u64(seed);
        Self {
            x: vector(random, -2.0, 2.0),
            u: vector(random, -2.0, 2.0),
            p: vector(random, 0.3, 1.5),
            s: vector(random, 0.3, 1.5),
            lambda: vector(random, -2.0, 2.0),
            dx: vector(random, -2.0, 2.0),
            du: vector(random, -2.0, 2.0),
            dlambda: vector(random, -2.0, 2.0),
        }
    }
}

/// Every derivative block of a model at one place, under its name.
struct Blocks {
    first: Vec<(&'static str, Vec<f64>)>,
    second: Vec<(&'static str, Vec<f64>)>,
}

impl Blocks {
    fn of<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        model: &impl Model<NX, NU, NP, NS>,
        at: &At<NX, NU, NP, NS>,
    ) -> Self {
        let At { x, u, p, s, lambda, dx, du, dlambda } = at;
        let mut stage = StageExpansion::zeros();
        model.expand_stage(Stage { x, u, p, s }, &mut stage);
        let mut terminal = TerminalExpansion::zeros();
        model.expand_terminal(Terminal { x, p, s }, &mut terminal);
        let mut hessian = HamiltonianHessian::zeros();
        model.hamiltonian_hessian(Stage { x, u, p, s }, lambda, &mut hessian);
        let mut terms = ParameterTerms::zeros();
        model.parameter_terms(Stage { x, u, p, s }, lambda, &mut terms);
        let mut lxp = SMatrix::zeros();
        model.terminal_parameter_terms(Terminal { x, p, s }, &mut lxp);
        // What is added to must remain: start these from ones.
        let (mut hp, mut hs) = ones();
        model.add_hamiltonian_parameter_gradient(
            Stage { x, u, p, s },
            lambda,
            ParameterGradient::new(&mut hp, &mut hs),
        );
        let (mut lp, mut ls) = ones();
        model.add_terminal_parameter_gradient(Terminal { x, p, s }, ParameterGradient::new(&mut lp, &mut ls));
        let (mut gp, mut gs) = ones();
        model.add_parameter_contraction(
            Stage { x, u, p, s },
            lambda,
            Variation { dx, du },
            dlambda,
            ParameterGradient::new(&mut gp, &mut gs),
        );
        let (mut tp, mut ts) = ones();
        model.add_terminal_parameter_contraction(Terminal { x, p, s }, dx, ParameterGradient::new(&mut tp, &mut ts));
        Self {
            first: vec![
                ("f", stage.f.as_slice().to_vec()),
                ("fx", stage.fx.as_slice().to_vec()),
                ("fu", stage.fu.as_slice().to_vec()),
                ("l", vec![stage.l]),
                ("lx", stage.lx.as_slice().to_vec()),
                ("lu", stage.lu.as_slice().to_vec()),
                ("terminal l", vec![terminal.l]),
                ("terminal lx", terminal.lx.as_slice().to_vec()),
                ("fp", terms.fp.as_slice().to_vec()),
                ("hp", hp.as_slice().to_vec()),
                ("hs", hs.as_slice().to_vec()),
                ("terminal lp", lp.as_slice().to_vec()),
                ("terminal ls", ls.as_slice().to_vec()),
            ],
            second: vec![
                ("lxx", stage.lxx.as_slice().to_vec()),
                ("lux", stage.lux.as_slice().to_vec()),
                ("luu", stage.luu.as_slice().to_vec()),
                ("terminal lxx", terminal.lxx.as_slice().to_vec()),
                ("hxx", hessian.hxx.as_slice().to_vec()),
                ("hux", hessian.hux.as_slice().to_vec()),
                ("huu", hessian.huu.as_slice().to_vec()),
                ("hxp", terms.hxp.as_slice().to_vec()),
                ("hup", terms.hup.as_slice().to_vec()),
                ("terminal lxp", lxp.as_slice().to_vec()),
                ("contraction p", gp.as_slice().to_vec()),
                ("contraction s", gs.as_slice().to_vec()),
                ("terminal contraction p", tp.as_slice().to_vec()),
                ("terminal contraction s", ts.as_slice().to_vec()),
            ],
        }
    }

    /// Equal to a tolerance for first and one for second derivatives, relative to the largest entry of all blocks.
    fn assert_close(&self, other: &Self, first: f64, second: f64) {
        let all = || self.first.iter().chain(&self.second).flat_map(|(_, block)| block);
        let scale = all().fold(1.0_f64, |largest, entry| largest.max(entry.abs()));
        for (ours, theirs, tolerance) in [(&self.first, &other.first, first), (&self.second, &other.second, second)] {
            for ((name, a), (_, b)) in ours.iter().zip(theirs) {
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    assert!((a - b).abs() <= tolerance * scale, "entry {i} of {name}: {a} is not {b}");
                }
            }
        }
    }
}

fn ones<const NP: usize, const NS: usize>() -> (SVector<f64, NP>, SVector<f64, NS>) {
    (SVector::repeat(1.0), SVector::repeat(1.0))
}

/// The documented accuracy of central differences.
fn assert_numdiff_agrees<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(model: M)
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    for seed in 0..50 {
        let at = At::random(seed);
        let exact = Blocks::of(&model, &at);
        exact.assert_close(&Blocks::of(&NumDiff(model), &at), 1e-9, 1e-5);
        exact.assert_close(&Blocks::of(&AutoDiff(model), &at), 0.0, 0.0);
    }
}

#[test]
fn pendulum_by_differences() {
    assert_numdiff_agrees(Pendulum);
}

#[test]
fn cartpole_by_differences() {
    assert_numdiff_agrees(Cartpole);
}

#[test]
fn stage_parameters_by_differences() {
    assert_numdiff_agrees(Tracking);
}

/// The pendulum's blocks, derived on paper.
fn pendulum_by_hand(at: &At<2, 1, 3, 0>) -> Blocks {
    let At { x, u, p, lambda, dx, du, dlambda, .. } = at;
    let (theta, omega, torque) = (x[0], x[1], u[0]);
    let (gravity, mass, length) = (p[0], p[1], p[2]);
    let (sin, cos) = theta.sin_cos();
    let inertia = mass * length * length;
    // Both entries of f carry the acceleration a: f = (theta + DT omega + DT^2 a, omega + DT a).
    let a = gravity / length * sin + torque / inertia;
    let ap = RowVector3::new(
        sin / length,
        -torque / (inertia * mass),
        -gravity * sin / length.powi(2) - 2.0 * torque / (inertia * length),
    );
    let weights = Vector2::new(DT * DT, DT);
    let fx = Matrix2::new(1.0, DT, 0.0, 1.0) + weights * Matrix1x2::new(gravity / length * cos, 0.0);
    let fu = weights / inertia;
    let fp = weights * ap;
    let weight = lambda.dot(&weights);
    let hxx = Matrix2::new(cos - weight * gravity / length * sin, 0.0, 0.0, 0.2);
    let atp = RowVector3::new(cos / length, 0.0, -gravity * cos / length.powi(2));
    let aup = RowVector3::new(0.0, -1.0 / (inertia * mass), -2.0 / (inertia * length));
    let hxp = Vector2::new(1.0, 0.0) * atp * weight;
    let hup = aup * weight + RowVector3::new(0.0, 2.0 * torque, 0.0);
    let lxp = SMatrix::<f64, 2, 3>::new(2.0 * theta, 0.0, 0.0, 0.0, 0.0, 0.0);
    let hp = ap.transpose() * weight + Vector3::new(0.0, torque.powi(2), 0.0);
    let contraction = hxp.transpose() * dx + hup.transpose() * du + fp.transpose() * dlambda;
    let one = Vector3::repeat(1.0);
    Blocks {
        first: vec![
            ("f", vec![theta + DT * (omega + DT * a), omega + DT * a]),
            ("fx", fx.as_slice().to_vec()),
            ("fu", fu.as_slice().to_vec()),
            ("l", vec![1.0 - cos + 0.1 * omega * omega + mass * torque * torque]),
            ("lx", vec![sin, 0.2 * omega]),
            ("lu", vec![2.0 * mass * torque]),
            ("terminal l", vec![gravity * theta * theta + omega * omega]),
            ("terminal lx", vec![2.0 * gravity * theta, 2.0 * omega]),
            ("fp", fp.as_slice().to_vec()),
            ("hp", (hp + one).as_slice().to_vec()),
            ("hs", vec![]),
            ("terminal lp", vec![1.0 + theta * theta, 1.0, 1.0]),
            ("terminal ls", vec![]),
        ],
        second: vec![
            ("lxx", vec![cos, 0.0, 0.0, 0.2]),
            ("lux", vec![0.0; 2]),
            ("luu", vec![2.0 * mass]),
            ("terminal lxx", vec![2.0 * gravity, 0.0, 0.0, 2.0]),
            ("hxx", hxx.as_slice().to_vec()),
            ("hux", vec![0.0; 2]),
            ("huu", Matrix1::new(2.0 * mass).as_slice().to_vec()),
            ("hxp", hxp.as_slice().to_vec()),
            ("hup", hup.as_slice().to_vec()),
            ("terminal lxp", lxp.as_slice().to_vec()),
            ("contraction p", (contraction + one).as_slice().to_vec()),
            ("contraction s", vec![]),
            ("terminal contraction p", (lxp.transpose() * dx + one).as_slice().to_vec()),
            ("terminal contraction s", vec![]),
        ],
    }
}

#[test]
fn pendulum_by_formulas() {
    for seed in 0..50 {
        let at = At::random(seed);
        Blocks::of(&Pendulum, &at).assert_close(&pendulum_by_hand(&at), 1e-14, 1e-14);
    }
}

/// The kernels run on other scalars: in single precision, and on hyper-dual numbers, which differentiate once more.
#[test]
fn kernels_are_generic() {
    let at = At::<2, 1, 3, 0>::random(7);
    let mut exact = StageExpansion::zeros();
    Pendulum.expand_stage(Stage::new(&at.x, &at.u, &at.p, &at.s), &mut exact);

    let mut single = StageExpansion::zeros();
    let single_of = |value: f64| value as f32;
    Pendulum.expand_stage(
        Stage::new(&at.x.map(single_of), &at.u.map(single_of), &at.p.map(single_of), &SVector::zeros()),
        &mut single,
    );
    assert!((single.fx.map(f64::from) - exact.fx).amax() < 1e-6);
    assert!((single.lxx.map(f64::from) - exact.lxx).amax() < 1e-6);

    // The derivative of lxx along theta is d3/dtheta3 (1 - cos theta) = -sin theta.
    type Hyper = <f64 as Scalar>::HyperDual;
    let mut third = StageExpansion::<Hyper, 2, 1>::zeros();
    Pendulum.expand_stage(
        Stage::new(
            &SVector::from([Hyper::from_parts(at.x[0], 1.0, 0.0), Hyper::from_f64(at.x[1])]),
            &at.u.map(Hyper::from_f64),
            &at.p.map(Hyper::from_f64),
            &SVector::from([]),
        ),
        &mut third,
    );
    assert!((third.lxx[(0, 0)].first() + at.x[0].sin()).abs() < 1e-14);
}
