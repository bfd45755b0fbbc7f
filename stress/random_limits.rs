//! Random convex problems with limits of every kind, from a fixed seed: plants to a spectral radius of 1.6, bounds, rows on
//! states, on controls and on both, rows and equalities of the terminal state. Each is feasible by construction, or
//! infeasible by construction. The first must converge, and gradients of a sample agree with differences. The second must be
//! found infeasible.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{GradientError, Ilqr, LossGradient, Method, Problem, Settings, Solution, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

/// `x+ = A x + B u` with a diagonal cost. Rows: `g0 x <= d0`, `g1 x + h1 u <= d1`, `h2 u <= d2`; at the end
/// `g3 x <= d3` and `e x = f`.
#[dilqr_runtime::model]
pub mod random {
    pub struct State {
        pub x: [f64; 4],
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub u: [f64; 2],
    }
    pub struct Params {
        pub a: [f64; 16],
        pub b: [f64; 8],
        pub q: [f64; 4],
        pub r: [f64; 2],
        pub goal: [f64; 4],
        pub most: f64,
        pub g0: [f64; 4],
        pub g1: [f64; 4],
        pub h1: [f64; 2],
        pub h2: [f64; 2],
        pub g3: [f64; 4],
        pub e: [f64; 4],
        pub d: [f64; 5],
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = [0.0; 4];
        for i in 0..4 {
            for j in 0..4 {
                next[i] += p.a[4 * i + j] * x.x[j];
            }
            for j in 0..2 {
                next[i] += p.b[2 * i + j] * u.u[j];
            }
        }
        State { x: next }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = terminal_cost(x, p);
        for j in 0..2 {
            cost += 0.5 * p.r[j] * u.u[j] * u.u[j];
        }
        cost
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..4 {
            cost += 0.5 * p.q[i] * (x.x[i] - p.goal[i]) * (x.x[i] - p.goal[i]);
        }
        cost
    }
    fn along(g: [f64; 4], x: State) -> f64 {
        g[0] * x.x[0] + g[1] * x.x[1] + g[2] * x.x[2] + g[3] * x.x[3]
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 3] {
        [
            along(p.g0, x) - p.d[0],
            along(p.g1, x) + p.h1[0] * u.u[0] + p.h1[1] * u.u[1] - p.d[1],
            p.h2[0] * u.u[0] + p.h2[1] * u.u[1] - p.d[2],
        ]
    }
    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] {
        [along(p.g3, x) - p.d[3]]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [along(p.e, x) - p.d[4]]
    }
}

/// Where the coefficients of the equality stand.
const EQUALITY: usize = 16 + 8 + 4 + 2 + 4 + 1 + 4 + 4 + 2 + 2 + 4;
const NP: usize = EQUALITY + 4 + 5;

/// How many problems; `RANDOM_LIMITS=10000` in the environment sets another number.
const COUNT: u64 = 500;
/// Every so many problems the gradient is checked.
const SAMPLE: u64 = 18;

/// Approximately normal: the sum of twelve uniform numbers.
fn normal(rng: &mut StdRng) -> f64 {
    (0..12).map(|_| rng.random_range(-0.5..0.5)).sum()
}

fn vector<const N: usize>(rng: &mut StdRng) -> SVector<f64, N> {
    SVector::from_fn(|_, _| normal(rng))
}

struct Case {
    horizon: usize,
    problem: Problem<4, 2, NP>,
    feasible: bool,
}

impl Case {
    fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut a = SMatrix::<f64, 4, 4>::from_fn(|_, _| normal(&mut rng));
        let radius: f64 = rng.random_range(0.5..1.6);
        // A plant that multiplies a state by more than 1e4 leaves too few digits for the gradient's check.
        let most_stages = if radius > 1.0 { (1e4_f64.ln() / radius.ln()).min(50.0) } else { 50.0 };
        let horizon = rng.random_range(3..=most_stages as usize);
        let size = a.complex_eigenvalues().iter().map(|value| value.norm()).fold(0.0, f64::max);
        a *= radius / size;
        let b = SMatrix::<f64, 4, 2>::from_fn(|_, _| normal(&mut rng));
        let most = rng.random_range(0.2..2.0);
        let x0: SVector<f64, 4> = vector(&mut rng);
        // A trajectory that touches some of the limits makes the problem feasible.
        let mut states = vec![x0];
        let mut controls = Vec::new();
        for t in 0..horizon {
            let u = SVector::<f64, 2>::from_fn(|_, _| most * rng.random_range(-1.2_f64..1.2).clamp(-1.0, 1.0));
            controls.push(u);
            states.push(a * states[t] + b * u);
        }
        let absent = |rng: &mut StdRng| if rng.random_bool(0.4) { 0.0 } else { 1.0 };
        let [g0, g1, g3, e]: [SVector<f64, 4>; 4] = std::array::from_fn(|_| vector(&mut rng) * absent(&mut rng));
        let [h1, h2]: [SVector<f64, 2>; 2] = std::array::from_fn(|_| vector(&mut rng) * absent(&mut rng));
        let slack = |rng: &mut StdRng| if rng.random_bool(0.3) { 0.0 } else { rng.random_range(0.0..1.0) };
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let along = largest(&mut states[1..horizon].iter().map(|x| g0.dot(x)).chain([0.0]));
        let mixed = largest(&mut states.iter().zip(&controls).map(|(x, u)| g1.dot(x) + h1.dot(u)));
        let pushed = largest(&mut controls.iter().map(|u| h2.dot(u)));
        // A row that is zero needs room.
        let zero = |row: f64| if row == 0.0 { 1.0 } else { 0.0 };
        let mut d = [
            along + slack(&mut rng) + zero(g0.norm()),
            mixed + slack(&mut rng) + zero(g1.norm() + h1.norm()),
            pushed + slack(&mut rng) + zero(h2.norm()),
            g3.dot(&states[horizon]) + slack(&mut rng) + zero(g3.norm()),
            e.dot(&states[horizon]),
        ];
        let feasible = rng.random_bool(0.9) || e.norm() == 0.0;
        if !feasible {
            // The largest `e x_T` that the bounds allow, and more.
            let (mut reach, mut row) = (0.0, e);
            for _ in 0..horizon {
                reach += most * (b.transpose() * row).abs().sum();
                row = a.transpose() * row;
            }
            d[4] = row.dot(&x0) + 1.2 * reach + 0.1 * e.norm();
        }
        let weights = |rng: &mut StdRng| 10_f64.powf(rng.random_range(-2.0..1.0));
        let q: [f64; 4] = std::array::from_fn(|_| if rng.random_bool(0.2) { 0.0 } else { weights(&mut rng) });
        let r: [f64; 2] = std::array::from_fn(|_| weights(&mut rng));
        let goal: SVector<f64, 4> = vector(&mut rng);
        let mut params = Vec::new();
        params.extend(a.transpose().iter());
        params.extend(b.transpose().iter());
        params.extend(q.iter().chain(&r).chain(goal.iter()).chain([&most]));
        params.extend(g0.iter().chain(g1.iter()).chain(h1.iter()).chain(h2.iter()).chain(g3.iter()).chain(e.iter()));
        params.extend(d);
        let params = SVector::<f64, NP>::from_iterator(params);
        Self { horizon, problem: Problem::new(x0, params, horizon), feasible }
    }
}

fn solver(case: &Case) -> Ilqr<random::Random, 4, 2, NP> {
    let settings = Settings { method: Method::InteriorPoint, ..Settings::default() };
    Ilqr::new(random::Random, case.horizon, settings).unwrap()
}

/// Compares the derivative in one direction of parameters and initial state with a central difference. Returns whether
/// there is a gradient: where a limit is weakly active, or limits depend on one another, there may be none.
fn check_gradient(seed: u64, case: &Case, solution: &Solution<4, 2, NP>) -> bool {
    let mut rng = StdRng::seed_from_u64(!seed);
    let loss = LossGradient::new(
        (0..=case.horizon).map(|_| vector(&mut rng)).collect(),
        (0..case.horizon).map(|_| vector(&mut rng)).collect(),
    );
    let mut solver = solver(case);
    let gradient = match solver.vjp(solution, &loss) {
        Ok(gradient) => gradient,
        Err(GradientError::WeaklyActive { .. } | GradientError::ConstraintsDependent { .. }) => return false,
        Err(error) => panic!("{seed}: {error}"),
    };
    let (mut to_params, to_state): (SVector<f64, NP>, SVector<f64, 4>) = (vector(&mut rng), vector(&mut rng));
    // An equality that is zero does not apply, and has no derivative in its own coefficients.
    if case.problem.params().rows(EQUALITY, 4).amax() == 0.0 {
        to_params.rows_mut(EQUALITY, 4).fill(0.0);
        to_params[NP - 1] = 0.0;
    }
    let mut at = |by: f64| {
        let (x0, params) = (case.problem.x0() + to_state * by, case.problem.params() + to_params * by);
        let moved = solver.solve(&Problem::new(x0, params, case.horizon)).unwrap();
        let states: f64 = moved.states.iter().zip(&loss.states).map(|(x, l)| x.dot(l)).sum();
        let controls: f64 = moved.controls.iter().zip(&loss.controls).map(|(u, l)| u.dot(l)).sum();
        (moved.status == Status::Converged).then_some(states + controls)
    };
    let exact = gradient.params.dot(&to_params) + gradient.initial_state.dot(&to_state);
    let terms = gradient.params.abs().dot(&to_params.abs()) + gradient.initial_state.abs().dot(&to_state.abs());
    // Of three steps the best: a long one may change the active limits, a short one has the errors of the solves.
    let errors = [1e-5, 1e-7, 1e-5 / terms.max(1.0)].map(|step| {
        let difference = at(step).zip(at(-step)).map(|(more, less)| (more - less) / (2.0 * step));
        difference.map_or(f64::INFINITY, |difference| (difference - exact).abs())
    });
    let error = errors.into_iter().fold(f64::INFINITY, f64::min);
    assert!(error <= 1e-4 * terms, "seed {seed}: {exact:e} differs by {error:e} of {terms:e}");
    true
}

/// What a problem was and how it ended, and whether it has a gradient, where that was checked.
type Outcome = ((bool, Status), Option<bool>);

#[test]
fn feasible_problems_converge_and_others_are_found_infeasible() {
    let count = std::env::var("RANDOM_LIMITS").map_or(COUNT, |count| count.parse().unwrap());
    let outcomes: Vec<Outcome> = (0..count)
        .into_par_iter()
        .map(|seed| {
            let case = Case::draw(seed);
            let solution = solver(&case).solve(&case.problem).unwrap();
            let expected = match case.feasible {
                true => solution.status == Status::Converged,
                // Some solves in ten thousand go on until their last iteration.
                false => matches!(solution.status, Status::Infeasible | Status::IterationLimit),
            };
            assert!(expected, "seed {seed}, horizon {}: {}\n{}", case.horizon, solution.status, solution.stats);
            let sampled = case.feasible && seed.is_multiple_of(SAMPLE);
            ((case.feasible, solution.status), sampled.then(|| check_gradient(seed, &case, &solution)))
        })
        .collect();
    let count = |what: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| what(outcome)).count();
    let (given, refused) = (count(&|o| o.1 == Some(true)), count(&|o| o.1 == Some(false)));
    let (feasible, found) = (count(&|o| o.0.0), count(&|o| o.0.1 == Status::Infeasible));
    println!("{feasible} feasible, {found} found infeasible, gradients {given}, refused {refused}");
    assert!(found as f64 > 0.99 * (outcomes.len() - feasible) as f64);
    assert!(given > 4 * refused, "{given} gradients, {refused} refused");
}
