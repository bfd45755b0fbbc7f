//! Networks inside implicit steps, inside the equations of algebraic variables and inside loops over steps, beside the same models
//! with the network written out and its weights as parameters.
#![allow(deprecated, reason = "the models with a step of constant length have a parameter `dt` that they do not read")]

use dilqr_runtime::lanes::{F64x4, Lanes};
use dilqr_runtime::model::{HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, Terminal, Variation};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Gradient, HyperDualParts, LossGradient, Model, Problem, Scalar, Settings, Solution, Status, batch,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The weights of the network with 2 inputs, 3 hidden units and 2 outputs.
const WEIGHTS: usize = 17;
/// The parameters besides.
const OWN: usize = 3;

/// A model with a network, and the same with the network written out.
macro_rules! pair {
    ($body:ident $held:ident $written:ident [$($attribute:tt)*]) => {
        $body! {
            $held [$($attribute)*]
            [
                #[network(layers = [2, 3, 2], activation = tanh)]
                pub struct Net;
                fn call(z: [f64; 2], _p: Params, net: &Net) -> [f64; 2] { net.evaluate(z) }
            ]
            [, net: &Net] [, net] []
        }
        $body! {
            $written [$($attribute)*]
            [
                fn call(z: [f64; 2], p: Params) -> [f64; 2] {
                    let w = p.w;
                    let mut y = [w[15], w[16]];
                    for unit in 0..3 {
                        let h = (w[2 * unit] * z[0] + w[2 * unit + 1] * z[1] + w[6 + unit]).tanh();
                        y[0] += w[9 + unit] * h;
                        y[1] += w[12 + unit] * h;
                    }
                    y
                }
            ]
            [] [] [pub w: [f64; 17]]
        }
    };
}

/// A pendulum: the network is part of the derivative and of the running cost.
macro_rules! pendulum {
    ($module:ident [$($attribute:tt)*] [$($item:tt)*] [$($take:tt)*] [$($pass:tt)*] [$($field:tt)*]) => {
        #[dilqr_runtime::model($($attribute)*)]
        pub mod $module {
            pub struct State { pub angle: f64, pub rate: f64 }
            pub struct Control { pub torque: f64 }
            pub struct Params { pub gravity: f64, pub drag: f64, pub dt: f64, $($field)* }
            $($item)*
            pub fn derivative(x: State, u: Control, p: Params $($take)*) -> State {
                let [push, turn] = call([x.angle + 0.3 * u.torque, p.drag * x.rate], p $($pass)*);
                State { angle: x.rate + 0.2 * turn, rate: p.gravity * x.angle.sin() + push * (1.0 + turn) + u.torque }
            }
            pub fn running_cost(x: State, u: Control, p: Params $($take)*) -> f64 {
                let [rough, _] = call([x.rate, x.angle], p $($pass)*);
                x.angle * x.angle + 0.3 * x.rate * x.rate + 0.2 * u.torque * u.torque + 0.1 * rough * rough
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 { x.angle * x.angle + x.rate * x.rate }
        }
    };
}

/// The same with algebraic variables: the network is part of their equations and, outside of them, of the derivative.
macro_rules! algebraic {
    ($module:ident [$($attribute:tt)*] [$($item:tt)*] [$($take:tt)*] [$($pass:tt)*] [$($field:tt)*]) => {
        #[dilqr_runtime::model($($attribute)*)]
        pub mod $module {
            pub struct State { pub angle: f64, pub rate: f64 }
            pub struct Control { pub torque: f64 }
            pub struct Algebraic { pub a: f64, #[guess(0.1)] pub b: f64 }
            pub struct Params { pub gravity: f64, pub drag: f64, pub dt: f64, $($field)* }
            $($item)*
            pub fn algebraic(x: State, z: Algebraic, u: Control, p: Params $($take)*) -> [f64; 2] {
                let [push, turn] = call([0.4 * z.a + x.angle, z.b - p.drag * x.rate], p $($pass)*);
                [z.a + 0.1 * z.a * z.a * z.a - 0.6 * push - u.torque, z.b + 0.3 * z.a - 0.5 * turn]
            }
            pub fn derivative(x: State, z: Algebraic, u: Control, p: Params $($take)*) -> State {
                let [_, turn] = call([x.rate, z.b], p $($pass)*);
                State { angle: x.rate + 0.2 * turn, rate: p.gravity * x.angle.sin() + z.a + 0.1 * u.torque }
            }
            pub fn running_cost(x: State, z: Algebraic, u: Control, _p: Params) -> f64 {
                x.angle * x.angle + 0.3 * x.rate * x.rate + 0.2 * u.torque * u.torque + 0.1 * z.b * z.b
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 { x.angle * x.angle + x.rate * x.rate }
        }
    };
}

pair!(pendulum euler_held euler_written [integrator = implicit_euler, dt = p.dt]);
pair!(pendulum trapezoid_held trapezoid_written [integrator = trapezoid, dt = p.dt]);
pair!(pendulum gauss_held gauss_written [integrator = gauss_legendre, dt = p.dt, substeps = 2]);
pair!(algebraic dae_held dae_written [integrator = midpoint, dt = p.dt]);
pair!(algebraic radau_held radau_written [integrator = radau, dt = p.dt]);
// So many substeps are loops: from 1,600 nodes of the graph on.
pair!(pendulum loop_held loop_written [integrator = rk4, dt = p.dt, substeps = 10]);
pair!(pendulum constant_held constant_written [integrator = rk4, dt = 0.1, substeps = 10]);
pair!(algebraic dae_loop_held dae_loop_written [integrator = rk4, dt = p.dt, substeps = 20]);
pair!(algebraic dae_midpoint_held dae_midpoint_written [integrator = midpoint, dt = p.dt, substeps = 45]);

/// A point and directions for all kernels.
struct Point<S, const NP: usize> {
    x: SVector<S, 2>,
    u: SVector<S, 1>,
    p: SVector<S, NP>,
    lambda: SVector<S, 2>,
    dx: SVector<S, 2>,
    du: SVector<S, 1>,
    dlambda: SVector<S, 2>,
}

impl<const NP: usize> Point<f64, NP> {
    fn random(random: &mut StdRng, weights: &[f64]) -> Self {
        let mut number = || random.random_range(-1.0..1.0);
        let own = [2.0 + number(), 0.5 + 0.2 * number(), 0.1 + 0.05 * number()];
        Self {
            x: SVector::from_fn(|_, _| number()),
            u: SVector::from_fn(|_, _| number()),
            p: SVector::from_fn(|i, _| if i < OWN { own[i] } else { weights[i - OWN] }),
            lambda: SVector::from_fn(|_, _| number()),
            dx: SVector::from_fn(|_, _| number()),
            du: SVector::from_fn(|_, _| number()),
            dlambda: SVector::from_fn(|_, _| number()),
        }
    }

    fn map<S: Scalar>(&self, number: impl Fn(f64, usize) -> S) -> Point<S, NP> {
        fn of<S: Scalar, const N: usize>(v: &SVector<f64, N>, number: impl Fn(f64, usize) -> S) -> SVector<S, N> {
            SVector::from_fn(|i, _| number(v[i], i))
        }
        let Self { x, u, p, lambda, dx, du, dlambda } = self;
        Point {
            x: of(x, &number),
            u: of(u, &number),
            // Weights are numbers of the network.
            p: of(p, |value, i| if i < OWN { number(value, i) } else { S::from_f64(value) }),
            lambda: of(lambda, &number),
            dx: of(dx, &number),
            du: of(du, &number),
            dlambda: of(dlambda, &number),
        }
    }

    /// The same point without weights.
    fn own(&self) -> Point<f64, OWN> {
        let &Self { x, u, p, lambda, dx, du, dlambda } = self;
        Point { x, u, p: SVector::from_fn(|i, _| p[i]), lambda, dx, du, dlambda }
    }
}

/// The results of all kernels of a stage; gradients in weights, or in the parameters that stand for them, come last.
fn answers<S: Scalar, M, const NP: usize>(model: &M, at: &Point<S, NP>) -> Vec<S>
where
    M: Model<2, 1, NP>,
{
    let s = SVector::<S, 0>::from_fn(|_, _| S::zero());
    let stage = || Stage::new(&at.x, &at.u, &at.p, &s);
    let zero = || SVector::<S, 2>::from_fn(|_, _| S::zero());
    let mut next = zero();
    let mut answers = vec![model.step(stage(), &mut next)];
    let (mut hamiltonian, mut terms) = (HamiltonianExpansion::zeros(), ParameterTerms::zeros());
    model.expand_hamiltonian(stage(), &at.lambda, &mut hamiltonian);
    model.parameter_terms(stage(), &at.lambda, &mut terms);
    let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = hamiltonian;
    let lists: [&[S]; 8] = [
        next.as_slice(),
        fx.as_slice(),
        fu.as_slice(),
        lx.as_slice(),
        lu.as_slice(),
        hxx.as_slice(),
        hux.as_slice(),
        huu.as_slice(),
    ];
    answers.extend(lists.into_iter().flatten());
    let ParameterTerms { fp, hxp, hup } = &terms;
    for entry in 0..OWN {
        answers.extend(fp.column(entry).iter().chain(&hxp.column(entry)).chain(&hup.column(entry)));
    }
    let mut gradients = Vec::new();
    for second in [false, true] {
        let (mut gp, mut gs) = (SVector::<S, NP>::from_fn(|_, _| S::zero()), s);
        let mut w = vec![S::zero(); model.weight_count()];
        let out = ParameterGradient { p: &mut gp, s: &mut gs, w: &mut w };
        match second {
            false => model.add_hamiltonian_parameter_gradient(stage(), &at.lambda, out),
            true => {
                let along = Variation { dx: &at.dx, du: &at.du };
                model.add_parameter_contraction(stage(), &at.lambda, along, &at.dlambda, out);
            }
        }
        answers.extend(gp.iter().take(OWN));
        gradients.extend(gp.iter().skip(OWN).copied().chain(w));
    }
    assert_eq!(gradients.len(), 2 * WEIGHTS);
    answers.extend(gradients);
    let end = model.terminal_cost(Terminal::new(&at.x, &at.p, &s));
    answers.push(end);
    answers
}

fn weights(random: &mut StdRng) -> [f64; WEIGHTS] {
    std::array::from_fn(|_| random.random_range(-0.8..0.8))
}

/// Errors relative to the largest answer: some answers are small differences of others.
fn close(name: &str, given: &[f64], expected: &[f64], tolerance: f64) {
    let size = expected.iter().fold(1.0_f64, |size, entry| size.max(entry.abs()));
    assert_eq!(given.len(), expected.len());
    for (index, (a, b)) in given.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance * size, "{name}: {index}: {a} {b}");
    }
}

/// All kernels at random points, on numbers, in lanes and on hyper-dual numbers.
fn kernels<H, W>(name: &str, points: usize, held: impl Fn(&[f64]) -> H, written: &W)
where
    H: Model<2, 1, OWN>,
    W: Model<2, 1, 20>,
{
    type Hyper = <f64 as Scalar>::HyperDual;
    let mut random = StdRng::seed_from_u64(17);
    for _ in 0..points {
        let weights = weights(&mut random);
        let model = held(&weights);
        let point: Point<f64, 20> = Point::random(&mut random, &weights);
        // Equations are solved to rounding, and substeps add up their roundings.
        let expected = answers(written, &point);
        close(name, &answers(&model, &point.own()), &expected, 1e-12);
        let hyper = |value: f64, i: usize| Hyper::from_parts(value, (i as f64).cos(), 0.5 - 0.3 * i as f64);
        let (given, expected) = (answers(&model, &point.own().map(hyper)), answers(written, &point.map(hyper)));
        for part in [Hyper::value, Hyper::first, Hyper::second, Hyper::mixed] {
            let list = |list: &[Hyper]| list.iter().map(part).collect::<Vec<f64>>();
            close(name, &list(&given), &list(&expected), 1e-11);
        }
        let shift = |lane: usize, value: f64| value * (1.0 + 0.01 * lane as f64);
        let lanes = answers(&model, &point.own().map(|value, _| F64x4::from_lanes(|lane| shift(lane, value))));
        for lane in 0..4 {
            let given: Vec<f64> = lanes.iter().map(|entry| entry.lane(lane)).collect();
            let expected = answers(&model, &point.own().map(|value, _| shift(lane, value)));
            close(name, &given, &expected, 1e-12);
        }
    }
}

/// Kernels of the pairs.
macro_rules! compare {
    ($points:literal: $($held:ident $Held:ident $written:ident $Written:ident),* $(,)?) => {$(
        kernels(
            stringify!($held),
            $points,
            |weights| $held::$Held::new($held::Net::from_weights(weights).unwrap()),
            &$written::$Written,
        );
    )*};
}

#[test]
fn kernels_of_implicit_steps() {
    compare!(
        10: euler_held EulerHeld euler_written EulerWritten,
        trapezoid_held TrapezoidHeld trapezoid_written TrapezoidWritten,
        gauss_held GaussHeld gauss_written GaussWritten,
    );
}

#[test]
fn kernels_of_algebraic_variables() {
    compare!(
        10: dae_held DaeHeld dae_written DaeWritten,
        radau_held RadauHeld radau_written RadauWritten,
    );
}

#[test]
fn kernels_of_loops() {
    compare!(
        2: loop_held LoopHeld loop_written LoopWritten,
        constant_held ConstantHeld constant_written ConstantWritten,
        dae_loop_held DaeLoopHeld dae_loop_written DaeLoopWritten,
        dae_midpoint_held DaeMidpointHeld dae_midpoint_written DaeMidpointWritten,
    );
}

const T: usize = 4;

fn loss() -> LossGradient<2, 1> {
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for t in 0..=T {
        loss.states[t] = [(t as f64).sin(), (2.0 * t as f64).cos()].into();
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = (3.0 * t as f64).sin());
    loss
}

fn value<const NP: usize>(solution: &Solution<2, 1, NP>) -> f64 {
    let loss = loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

const X0: [f64; 2] = [0.7, -0.3];

/// Gradients and second derivatives of solves: of the weights and of the parameters beside the model written out, and of some
/// weights beside differences.
macro_rules! solves {
    ($name:ident $held:ident $Held:ident $written:ident $Written:ident) => {
        #[test]
        fn $name() {
            let settings = Settings { tolerance: 1e-11, ..Settings::default() };
            let mut random = StdRng::seed_from_u64(5);
            let weights = weights(&mut random);
            let own = [2.0, 0.6, 0.12];
            let model = |weights: &[f64]| $held::$Held::new($held::Net::from_weights(weights).unwrap());
            let mut written = $written::Solver::new($written::$Written, T, settings).unwrap();
            let mut held = $held::Solver::new(model(&weights), T, settings).unwrap();
            let all: SVector<f64, 20> = SVector::from_fn(|i, _| if i < OWN { own[i] } else { weights[i - OWN] });
            let expected = written.solve(&Problem::new(X0, all, T)).unwrap();
            let problem = Problem::new(X0, own, T);
            let solution = held.solve(&problem).unwrap();
            assert_eq!((solution.status, expected.status), (Status::Converged, Status::Converged));
            let list = |gradient: &Gradient<2, OWN>| {
                gradient.params.iter().chain(&gradient.weights).copied().collect::<Vec<f64>>()
            };
            let (given, reference) = (held.vjp(&solution, &loss()).unwrap(), written.vjp(&expected, &loss()).unwrap());
            // Solutions agree to the tolerance of the solves times derivatives of order 100.
            close("gradient", &list(&given), reference.params.as_slice(), 1e-8);
            close("initial state", given.initial_state.as_slice(), reference.initial_state.as_slice(), 1e-8);
            let along: SVector<f64, OWN> = [0.4, -0.3, 0.05].into();
            let given = held.hvp(&solution, &loss(), &Direction::new(along), |_, _| LossGradient::zeros(T)).unwrap();
            let direction: SVector<f64, 20> = SVector::from_fn(|i, _| if i < OWN { along[i] } else { 0.0 });
            let reference =
                written.hvp(&expected, &loss(), &Direction::new(direction), |_, _| LossGradient::zeros(T)).unwrap();
            close("second derivatives", &list(&given), reference.params.as_slice(), 1e-7);
            let lanes =
                batch::vjp_lanes(&model(&weights), &settings, core::slice::from_ref(&solution), &[loss()]).remove(0);
            let alone = held.vjp(&solution, &loss()).unwrap();
            close("lanes", &list(&lanes.unwrap()), &list(&alone), 1e-9);
            for weight in [0, 8, 16] {
                let at = |by: f64| {
                    let mut moved = weights;
                    moved[weight] += by;
                    let mut solver = $held::Solver::new(model(&moved), T, settings).unwrap();
                    value(&solver.solve(&problem).unwrap())
                };
                // Solves to 1e-11 with steps of 1e-5 have errors of 1e-6.
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                close("differences", &[alone.weights[weight]], &[difference], 2e-6);
            }
        }
    };
}

solves!(solves_with_implicit_steps gauss_held GaussHeld gauss_written GaussWritten);
solves!(solves_with_algebraic_variables radau_held RadauHeld radau_written RadauWritten);
solves!(solves_with_loops dae_loop_held DaeLoopHeld dae_loop_written DaeLoopWritten);
