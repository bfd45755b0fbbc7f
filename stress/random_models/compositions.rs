//! Random compositions of networks, tables, functions of the user's own, equations of algebraic variables and integrators. They are one
//! crate with the other random models. Every kernel is compared with dual numbers through the tree that the model was printed from,
//! in parameters and weights, to both orders. So it is on hyper-dual numbers and in lanes. Gradients of solves stand beside
//! differences.

use dilqr_runtime::lanes::{F64x4, Lanes};
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal,
    TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Gradient, HyperDualParts, Ilqr, LossGradient, Model, Problem, Scalar, Settings, Solution, Status, batch,
};
use num_dual::HyperDual;

use super::composition::{Composition, PARAMS};
use super::composition_oracle::{Data, stage, terminal_cost};
use super::random::Stream;

include!(concat!(env!("OUT_DIR"), "/compositions.rs"));

// The user's function of all compositions, `(sin(k z_0) z_1, z_0 + k z_1^2)`.

fn own_value<S: Scalar>(k: f64, &[a, b]: &[S; 2]) -> [S; 2] {
    let k = S::from_f64(k);
    [(k * a).sin() * b, a + k * b * b]
}

fn own_jacobian<S: Scalar>(k: f64, &[a, b]: &[S; 2]) -> [[S; 2]; 2] {
    let k = S::from_f64(k);
    let (sin, cos) = (k * a).sin_cos();
    [[k * cos * b, sin], [S::one(), S::from_f64(2.0) * k * b]]
}

fn own_contraction<S: Scalar>(k: f64, &[a, b]: &[S; 2], mu: &[S; 2]) -> [[S; 2]; 2] {
    let k = S::from_f64(k);
    let (sin, cos) = (k * a).sin_cos();
    let mixed = mu[0] * k * cos;
    [[-(mu[0] * k * k * sin * b), mixed], [mixed, S::from_f64(2.0) * mu[1] * k]]
}

/// Entries of `z`: state, control, parameters.
const N: usize = 3 + PARAMS;

/// A point and the directions that kernels read there.
#[derive(Clone)]
struct Point<S> {
    x: [S; 2],
    u: S,
    p: [S; PARAMS],
    lambda: [S; 2],
    dx: [S; 2],
    du: S,
    dlambda: [S; 2],
}

impl Point<f64> {
    fn random(stream: &mut Stream) -> Self {
        let mut number = || stream.between(-0.8, 0.8);
        let p = [1.0 + number(), number(), number(), number(), number(), 0.1 + 0.05 * number()];
        let (x, u) = ([number(), number()], number());
        let (lambda, dx, du) = ([number(), number()], [number(), number()], number());
        Self { x, u, p, lambda, dx, du, dlambda: [number(), number()] }
    }
}

impl<T: Copy> Point<T> {
    /// The point with each number and a direction of its own replaced.
    fn map<S: Scalar>(&self, number: impl Fn(T, f64) -> S) -> Point<S> {
        let along = |entry: usize| (1.3 * entry as f64).cos();
        let Self { x, u, p, lambda, dx, du, dlambda } = self;
        let two = |v: &[T; 2], entry| [number(v[0], along(entry)), number(v[1], along(entry + 1))];
        Point {
            x: two(x, 0),
            u: number(*u, along(2)),
            // The time step is in other units.
            p: std::array::from_fn(|i| number(p[i], along(3 + i) * if i + 1 == PARAMS { 0.1 } else { 1.0 })),
            lambda: two(lambda, 9),
            dx: two(dx, 11),
            du: number(*du, along(13)),
            dlambda: two(dlambda, 14),
        }
    }
}

/// Named lists of numbers.
type Blocks<S> = Vec<(&'static str, Vec<S>)>;

/// All results of a model's kernels at a point.
fn computed<S: Scalar, M: Model<2, 1, PARAMS>>(model: &M, at: &Point<S>) -> Blocks<S> {
    let s = SVector::<S, 0>::from_fn(|_, _| S::zero());
    let (x, u, p) = (SVector::from(at.x), SVector::from([at.u]), SVector::from(at.p));
    let (lambda, dx, du) = (SVector::from(at.lambda), SVector::from(at.dx), SVector::from([at.du]));
    let (here, end) = (|| Stage::new(&x, &u, &p, &s), || Terminal::new(&x, &p, &s));
    let mut next: [SVector<S, 2>; 2] = [SVector::from([S::zero(); 2]); 2];
    model.dynamics(here(), &mut next[0]);
    let cost = model.step(here(), &mut next[1]);
    let (mut of_stage, mut of_end) = (StageExpansion::zeros(), TerminalExpansion::zeros());
    model.expand_stage(here(), &mut of_stage);
    model.expand_terminal(end(), &mut of_end);
    let (mut second, mut fused) = (HamiltonianHessian::zeros(), HamiltonianExpansion::zeros());
    model.hamiltonian_hessian(here(), &lambda, &mut second);
    model.expand_hamiltonian(here(), &lambda, &mut fused);
    let (mut terms, mut lxp) = (ParameterTerms::zeros(), SMatrixOfEnd::from_fn(|_, _| S::zero()));
    model.parameter_terms(here(), &lambda, &mut terms);
    model.terminal_parameter_terms(end(), &mut lxp);
    let gradient = |add: &dyn Fn(ParameterGradient<'_, S, PARAMS, 0>)| {
        let (mut of_p, mut of_s) = (SVector::<S, PARAMS>::from_fn(|_, _| S::zero()), s);
        let mut w = vec![S::zero(); model.weight_count()];
        add(ParameterGradient { p: &mut of_p, s: &mut of_s, w: &mut w });
        of_p.iter().copied().chain(w).collect::<Vec<S>>()
    };
    let along = || Variation { dx: &dx, du: &du };
    let dlambda = SVector::from(at.dlambda);
    let list = |parts: &[&[S]]| parts.concat();
    vec![
        ("dynamics", next[0].as_slice().to_vec()),
        ("step", list(&[next[1].as_slice(), &[cost]])),
        ("stage_cost", vec![model.stage_cost(here())]),
        ("f, l", list(&[of_stage.f.as_slice(), &[of_stage.l]])),
        (
            "fx, fu, lx, lu",
            list(&[of_stage.fx.as_slice(), of_stage.fu.as_slice(), of_stage.lx.as_slice(), of_stage.lu.as_slice()]),
        ),
        ("lxx, lux, luu", list(&[of_stage.lxx.as_slice(), of_stage.lux.as_slice(), of_stage.luu.as_slice()])),
        (
            "fused fx, fu, lx, lu",
            list(&[fused.fx.as_slice(), fused.fu.as_slice(), fused.lx.as_slice(), fused.lu.as_slice()]),
        ),
        ("fused hxx, hux, huu", list(&[fused.hxx.as_slice(), fused.hux.as_slice(), fused.huu.as_slice()])),
        ("hxx, hux, huu", list(&[second.hxx.as_slice(), second.hux.as_slice(), second.huu.as_slice()])),
        ("fp, hxp, hup", list(&[terms.fp.as_slice(), terms.hxp.as_slice(), terms.hup.as_slice()])),
        ("terminal_cost", vec![model.terminal_cost(end()), of_end.l]),
        ("terminal lx, lxx, lxp", list(&[of_end.lx.as_slice(), of_end.lxx.as_slice(), lxp.as_slice()])),
        ("gradient", gradient(&|out| model.add_hamiltonian_parameter_gradient(here(), &lambda, out))),
        ("contraction", gradient(&|out| model.add_parameter_contraction(here(), &lambda, along(), &dlambda, out))),
        ("terminal gradient", gradient(&|out| model.add_terminal_parameter_gradient(end(), out))),
        ("terminal contraction", gradient(&|out| model.add_terminal_parameter_contraction(end(), &dx, out))),
    ]
}

type SMatrixOfEnd<S> = dilqr_runtime::nalgebra::SMatrix<S, 2, PARAMS>;

/// Next state, stage cost and terminal cost, with derivatives in all entries of `z`.
struct Oracle {
    value: [f64; 4],
    gradient: [[f64; N]; 4],
    hessian: [[[f64; N]; N]; 4],
    /// The entries of gradient and contraction in each weight, of the stage and of the end.
    of_weights: Vec<[f64; 4]>,
}

type Dual = HyperDual<f64>;

/// State, control and parameters of a list.
fn data<'a>(z: &[Dual; N], weights: &'a [Dual]) -> Data<'a, Dual> {
    Data { x: [z[0], z[1]], u: z[2], p: std::array::from_fn(|i| z[3 + i]), weights }
}

impl Oracle {
    fn new(composition: &Composition, point: &Point<f64>, weights: &[f64]) -> Self {
        let z: [f64; N] = std::array::from_fn(|i| match i {
            0 | 1 => point.x[i],
            2 => point.u,
            _ => point.p[i - 3],
        });
        let fixed: Vec<Dual> = weights.iter().map(|weight| Dual::from(*weight)).collect();
        let mut oracle =
            Self { value: [0.0; 4], gradient: [[0.0; N]; 4], hessian: [[[0.0; N]; N]; 4], of_weights: Vec::new() };
        for i in 0..N {
            for j in 0..=i {
                let unit = |k: usize, of: usize| f64::from(u8::from(k == of));
                let moved = std::array::from_fn(|k| Dual::new(z[k], unit(k, i), unit(k, j), 0.0));
                let data = data(&moved, &fixed);
                let ([a, b, cost], end) = (stage(composition, &data), terminal_cost(composition, &data));
                for (k, output) in [a, b, cost, end].iter().enumerate() {
                    oracle.value[k] = output.re;
                    oracle.gradient[k][i] = output.eps1;
                    (oracle.hessian[k][i][j], oracle.hessian[k][j][i]) = (output.eps1eps2, output.eps1eps2);
                }
            }
        }
        // One weight along the first direction, state and control along the second.
        let along: [f64; N] = std::array::from_fn(|i| match i {
            0 | 1 => point.dx[i],
            2 => point.du,
            _ => 0.0,
        });
        let at_end: [f64; N] = std::array::from_fn(|i| if i < 2 { point.dx[i] } else { 0.0 });
        let (lambda, dlambda) = (point.lambda, point.dlambda);
        for weight in 0..weights.len() {
            let mut moved = fixed.clone();
            moved[weight].eps1 = 1.0;
            let moved_z = |along: &[f64; N]| std::array::from_fn(|i| Dual::new(z[i], 0.0, along[i], 0.0));
            let [a, b, cost] = stage(composition, &data(&moved_z(&along), &moved));
            let end = terminal_cost(composition, &data(&moved_z(&at_end), &moved));
            let hamiltonian = cost + a * lambda[0] + b * lambda[1];
            let contraction = hamiltonian.eps1eps2 + dlambda[0] * a.eps1 + dlambda[1] * b.eps1;
            oracle.of_weights.push([hamiltonian.eps1, contraction, end.eps1, end.eps1eps2]);
        }
        oracle
    }

    /// The blocks of [`computed`].
    fn blocks(&self, point: &Point<f64>) -> Blocks<f64> {
        let (g, h) = (&self.gradient, &self.hessian);
        let (lambda, dx, dlambda) = (point.lambda, point.dx, point.dlambda);
        let of_lagrangian = |i: usize, j: usize| h[2][i][j] + lambda[0] * h[0][i][j] + lambda[1] * h[1][i][j];
        // Matrices are lists of columns.
        let matrix = |rows: &[usize], columns: core::ops::Range<usize>, entry: &dyn Fn(usize, usize) -> f64| {
            columns.flat_map(|j| rows.iter().map(move |i| entry(*i, j))).collect::<Vec<f64>>()
        };
        let (states, params) = ([0, 1], 3..N);
        let first = [
            matrix(&states, 0..2, &|i, j| g[i][j]),
            matrix(&states, 2..3, &|i, j| g[i][j]),
            matrix(&states, 0..1, &|i, _| g[2][i]),
            vec![g[2][2]],
        ]
        .concat();
        let blocks_of = |entry: &dyn Fn(usize, usize) -> f64| {
            [matrix(&states, 0..2, entry), matrix(&[2], 0..2, entry), matrix(&[2], 2..3, entry)].concat()
        };
        let second = blocks_of(&of_lagrangian);
        let terms = [
            matrix(&states, params.clone(), &|i, j| g[i][j]),
            matrix(&states, params.clone(), &of_lagrangian),
            matrix(&[2], params.clone(), &of_lagrangian),
        ];
        let of_end = [
            matrix(&states, 0..1, &|i, _| g[3][i]),
            matrix(&states, 0..2, &|i, j| h[3][i][j]),
            matrix(&states, params.clone(), &|i, j| h[3][i][j]),
        ];
        let gradient = |entry: &dyn Fn(usize) -> f64, weight: usize| {
            params.clone().map(entry).chain(self.of_weights.iter().map(|of| of[weight])).collect::<Vec<f64>>()
        };
        let contraction = |i: usize| {
            let along = dx[0] * of_lagrangian(0, i) + dx[1] * of_lagrangian(1, i) + point.du * of_lagrangian(2, i);
            along + dlambda[0] * g[0][i] + dlambda[1] * g[1][i]
        };
        let [a, b, cost, end] = self.value;
        vec![
            ("dynamics", vec![a, b]),
            ("step", vec![a, b, cost]),
            ("stage_cost", vec![cost]),
            ("f, l", vec![a, b, cost]),
            ("fx, fu, lx, lu", first.clone()),
            ("lxx, lux, luu", blocks_of(&|i, j| h[2][i][j])),
            ("fused fx, fu, lx, lu", first),
            ("fused hxx, hux, huu", second.clone()),
            ("hxx, hux, huu", second),
            ("fp, hxp, hup", terms.concat()),
            ("terminal_cost", vec![end, end]),
            ("terminal lx, lxx, lxp", of_end.concat()),
            ("gradient", gradient(&|i| g[2][i] + lambda[0] * g[0][i] + lambda[1] * g[1][i], 0)),
            ("contraction", gradient(&contraction, 1)),
            ("terminal gradient", gradient(&|i| g[3][i], 2)),
            ("terminal contraction", gradient(&|i| dx[0] * h[3][0][i] + dx[1] * h[3][1][i], 3)),
        ]
    }
}

/// Compares lists block by block; errors are relative to the largest entry of a block, at least 1.
fn close(index: u64, what: &str, given: &Blocks<f64>, expected: &Blocks<f64>, tolerance: f64) {
    assert_eq!(given.len(), expected.len());
    for ((name, given), (other, expected)) in given.iter().zip(expected) {
        assert_eq!((name, given.len()), (other, expected.len()), "{what}");
        let size = expected.iter().fold(1.0_f64, |size, entry| size.max(entry.abs()));
        for (entry, (a, b)) in given.iter().zip(expected).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * size,
                "{what}: {name}, entry {entry}: {a}, expected {b}, of composition {index}\n{}",
                Composition::numbered(index).source("case")
            );
        }
    }
}

fn part<S>(blocks: &Blocks<S>, of: impl Fn(&S) -> f64) -> Blocks<f64> {
    blocks.iter().map(|(name, list)| (*name, list.iter().map(&of).collect())).collect()
}

/// `(a - b) / width`
fn difference(above: &Blocks<f64>, below: &Blocks<f64>, width: f64) -> Blocks<f64> {
    let lists = above.iter().zip(below);
    lists.map(|((name, a), (_, b))| (*name, a.iter().zip(b).map(|(a, b)| (a - b) / width).collect())).collect()
}

/// The kernels of a composition at a point: on numbers beside the oracle, on hyper-dual numbers beside differences, in lanes beside
/// numbers.
fn kernels<M: Model<2, 1, PARAMS>>(index: u64, model: &M, weights: &[f64], point: &Point<f64>) {
    type Hyper = <f64 as Scalar>::HyperDual;
    let oracle = Oracle::new(&Composition::numbered(index), point, weights);
    // Equations are solved to rounding, sixty substeps add up their roundings, and inverses of Jacobians multiply them: the worst
    // differ by 1e-12.
    close(index, "numbers", &computed(model, point), &oracle.blocks(point), 1e-10);

    // Along the first direction beside differences of numbers, along the second one in addition beside differences of these.
    let hyper = |second: f64| move |value: f64, along: f64| Hyper::from_parts(value, along, second * along.sin());
    const WIDTH: f64 = 1e-5;
    let at = |by: f64| point.map(|value, along| value + by * along);
    let of_numbers = difference(&computed(model, &at(WIDTH)), &computed(model, &at(-WIDTH)), 2.0 * WIDTH);
    let given = computed(model, &point.map(hyper(1.0)));
    close(index, "values of hyper-dual numbers", &part(&given, Hyper::value), &computed(model, point), 1e-11);
    // The error of the differences is the rounding error over the width, and its square times third derivatives.
    close(index, "first parts", &part(&given, Hyper::first), &of_numbers, 1e-7);
    let firsts = |by: f64| {
        let moved = point.map(|value, along| value + by * along.sin());
        // The first direction is that of the point itself.
        part(&computed(model, &moved.map(hyper(0.0))), Hyper::first)
    };
    let of_firsts = difference(&firsts(WIDTH), &firsts(-WIDTH), 2.0 * WIDTH);
    close(index, "mixed parts", &part(&given, Hyper::mixed), &of_firsts, 1e-6);

    let shift = |lane: usize, value: f64| value * (1.0 + 0.03 * lane as f64);
    let lanes = computed(model, &point.map(|value, _| F64x4::from_lanes(|lane| shift(lane, value))));
    for lane in [1, 3] {
        let alone = computed(model, &point.map(|value, _| shift(lane, value)));
        close(index, "lanes", &part(&lanes, |entry| entry.lane(lane)), &alone, 1e-11);
    }
}

const T: usize = 2;

fn loss() -> LossGradient<2, 1> {
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for t in 0..=T {
        loss.states[t] = [(1.0 + t as f64).sin(), (2.0 * t as f64).cos()].into();
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = (3.0 * t as f64).cos());
    loss
}

fn value(solution: &Solution<2, 1, PARAMS>) -> f64 {
    let loss = loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

/// A solve: its gradients along a direction in initial state, parameters and all weights beside differences of solves, its second
/// derivatives beside differences of gradients, and lanes beside both. `false` where it does not converge.
fn solve<M: Model<2, 1, PARAMS> + Clone + Sync>(
    make: &dyn Fn(&[f64]) -> M,
    weights: &[f64],
    point: &Point<f64>,
) -> bool {
    let settings = Settings { tolerance: 1e-12, ..Settings::default() };
    let along_weight = |i: usize| (0.7 * i as f64).sin();
    // Parameters and state along the direction of `map`.
    let at = |by: f64, of_weights: f64| {
        let moved = point.map(|value, along| value + by * along);
        let weights: Vec<f64> = weights.iter().enumerate().map(|(i, w)| w + of_weights * along_weight(i)).collect();
        let mut solver = Ilqr::new(make(&weights), T, settings).expect("the settings are in range");
        let solution = solver.solve(&Problem::new(moved.x, moved.p, T)).expect("the problem is one");
        (solver, solution)
    };
    let (mut solver, solution) = at(0.0, 0.0);
    if solution.status != Status::Converged {
        return false;
    }
    let gradient: Gradient<2, PARAMS> = solver.vjp(&solution, &loss()).expect("a converged solution has a gradient");
    const WIDTH: f64 = 1e-5;
    let direction = point.map(|_, along| along);
    let (dp, dx0) = (SVector::from(direction.p), SVector::from(direction.x));
    let of_weights: f64 = gradient.weights.iter().enumerate().map(|(i, g)| g * along_weight(i)).sum();
    let given = gradient.params.dot(&dp) + gradient.initial_state.dot(&dx0) + of_weights;
    let slope = (value(&at(WIDTH, WIDTH).1) - value(&at(-WIDTH, -WIDTH).1)) / (2.0 * WIDTH);
    // Solves to 1e-12 over the width, and the square of the width.
    assert!((given - slope).abs() < 1e-6 * (1.0 + slope.abs()), "gradient: {given} {slope}");

    // The loss is linear.
    let along = Direction::new(dp).with_initial_state(dx0);
    let given = solver.hvp(&solution, &loss(), &along, |_, _| LossGradient::zeros(T)).expect("there is a gradient");
    let moved = |by: f64| {
        let (mut solver, solution) = at(by, 0.0);
        solver.vjp(&solution, &loss()).expect("a solution nearby has a gradient")
    };
    let slopes = (moved(WIDTH) + moved(-WIDTH) * -1.0) * (0.5 / WIDTH);
    let list = |gradient: &Gradient<2, PARAMS>| {
        gradient.params.iter().chain(&gradient.initial_state).chain(&gradient.weights).copied().collect::<Vec<f64>>()
    };
    let size = list(&slopes).iter().fold(1.0_f64, |size, entry| size.max(entry.abs()));
    for (a, b) in list(&given).iter().zip(list(&slopes)) {
        assert!((a - b).abs() < 1e-5 * size, "second derivatives: {a} {b} of {size}");
    }
    let lanes = batch::vjp_lanes(&make(weights), &settings, std::slice::from_ref(&solution), &[loss()]).remove(0);
    for (a, b) in list(&lanes.expect("there is a gradient")).iter().zip(list(&gradient)) {
        assert!((a - b).abs() < 1e-8 * size, "lanes: {a} {b} of {size}");
    }
    true
}

/// Composition `index`; whether its problem was solved.
fn check<M: Model<2, 1, PARAMS> + Clone + Sync>(index: u64, make: impl Fn(&[f64]) -> M) -> bool {
    let mut stream = Stream(index);
    let count = Composition::numbered(index).weights();
    let weights: Vec<f64> = (0..count).map(|_| stream.between(-0.8, 0.8)).collect();
    let model = make(&weights);
    assert_eq!(model.weight_count(), count);
    let point = Point::random(&mut stream);
    kernels(index, &model, &weights, &point);
    solve(&make, &weights, &point)
}

#[test]
fn every_kernel_of_every_composition() {
    let (mut tried, mut solved) = (0, 0);
    macro_rules! check {
        ($index:expr, $make:expr) => {
            tried += 1;
            solved += usize::from(check($index, $make));
        };
    }
    for_each_composition!(check);
    println!("{solved} of {tried} problems solved");
    // Costs are random, and few problems may have no minimum.
    assert!(10 * solved >= 8 * tried, "{solved} of {tried} problems solved");
}
