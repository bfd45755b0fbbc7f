//! Compiled models with design variables, a free initial state, a previous control, soft constraints, and bounds of states and
//! rates: solves, gradients beside central differences through re-solving, and the functions on the user's structs.

pub mod estimation;

use dilqr_runtime::model::{Limit, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    ActiveLimit, Cause, Direction, Formulation, GradientError, Ilqr, InputError, LossGradient, ModelFunction, Problem,
    Settings, Solution, SolveError, Status, batch,
};

/// The fastest way from rest to rest.
#[dilqr_runtime::model(integrator = rk4, dt = d.total / 20.0)]
pub mod fastest {
    pub struct Car {
        pub push: [[f64; 1]; 1],
        pub drag: f64,
    }
    pub struct State {
        pub place: f64,
        #[bounds(None, p.limit)]
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
    }
    pub struct Params {
        pub car: Car,
        pub limit: f64,
        pub soft: f64,
    }
    pub struct Design {
        #[bounds(0.5, 20.0)]
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: p.car.push[0][0] * u.push - p.car.drag * x.speed }
    }
    pub fn running_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.01 * u.push * u.push
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.total
    }
    #[penalty(linear = p.soft, quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.speed - 0.7]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place - 1.0, x.speed]
    }
}

/// A control whose rate is bounded and has a cost, and whose bound depends on the stage.
#[dilqr_runtime::model]
pub mod rated {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(-s.most, None)]
        #[rate_bounds(-p.rate, p.rate)]
        pub u: f64,
    }
    pub struct Params {
        pub r: f64,
        pub rate: f64,
        pub soft: f64,
    }
    pub struct StageParams {
        pub most: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u + 0.1 * x.x.sin() }
    }
    pub fn stage_cost(x: State, u: Control, previous: Control, p: Params) -> f64 {
        x.x * x.x + p.r * (u.u - previous.u).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
    #[penalty(linear = p.soft, quadratic = 1.0)]
    pub fn terminal_soft_constraints(x: State, _p: Params) -> [f64; 1] {
        [0.4 - x.x]
    }
}

/// A trajectory from measurements.
#[dilqr_runtime::model(initial_state = free)]
pub mod smoother {
    pub struct State {
        #[bounds(p.floor, None)]
        pub x: f64,
    }
    pub struct Control {
        pub noise: f64,
    }
    pub struct Params {
        pub mean: f64,
        pub information: f64,
        pub q: f64,
        pub floor: f64,
    }
    pub struct StageParams {
        pub y: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.noise }
    }
    pub fn initial_cost(x: State, p: Params) -> f64 {
        p.information * (x.x - p.mean).powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        (x.x - s.y).powi(2) + p.q * u.noise.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        (x.x - s.y).powi(2)
    }
}

/// A next state that reads everything.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.1 * d.scale)]
pub mod everything {
    pub struct State {
        pub x: [f64; 2],
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub struct Design {
        #[bounds(0.5, 2.0)]
        pub scale: f64,
        pub gain: f64,
    }
    pub struct StageParams {
        pub s: f64,
    }
    pub fn derivative(x: State, u: Control, previous: Control, p: Params, d: Design, s: StageParams) -> State {
        State { x: [x.x[1] * d.gain + s.s * previous.u, (p.p * x.x[0]).sin() + u.u * previous.u] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, d: Design) -> f64 {
        x.x[0].powi(2) + u.u.powi(2) + (d.gain - 1.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x[1].powi(2)
    }
}

/// A grid whose steps are parts of a design variable, and an integrated cost that reads the control of the stage before.
#[dilqr_runtime::model(integrator = rk4, dt = s.part * d.total)]
pub mod grid {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(-p.rate, p.rate)]
        pub u: [f64; 2],
    }
    pub struct Params {
        pub rate: f64,
        pub price: f64,
    }
    pub struct StageParams {
        pub part: f64,
    }
    pub struct Design {
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: u.u[0] + 0.5 * u.u[1] - 0.1 * x.x }
    }
    pub fn running_cost(x: State, u: Control, previous: Control, p: Params) -> f64 {
        let mut cost = (x.x - 1.0).powi(2);
        for i in 0..2 {
            cost += 0.1 * u.u[i].powi(2) + p.price * (u.u[i] - previous.u[i]).powi(2);
        }
        cost
    }
    pub fn terminal_cost(x: State, _p: Params, d: Design) -> f64 {
        10.0 * (x.x - 1.0).powi(2) + 0.1 * d.total
    }
}

/// Design variables as sides of bounds: of a state, of a control, and of its rate.
#[dilqr_runtime::model]
pub mod sized {
    pub struct State {
        #[bounds(None, d.room)]
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        #[bounds(-d.most, d.most)]
        #[rate_bounds(-p.rate * d.most, p.rate * d.most)]
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub rate: f64,
        pub price: f64,
        pub rent: f64,
    }
    pub struct Design {
        #[bounds(0.1, None)]
        pub most: f64,
        pub room: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.2 * x.v, v: x.v + 0.2 * (u.u - 0.1 * x.v * x.v) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + 0.1 * u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params, d: Design) -> f64 {
        5.0 * (x.x - p.goal).powi(2) + x.v * x.v + p.price * d.most * d.most + p.rent * d.room * d.room
    }
}

fn settings() -> Settings {
    Settings { tolerance: 1e-11, ..Settings::default() }
}

/// A loss with another weight for each state, control and design variable.
fn weights<const NX: usize, const NU: usize, const ND: usize>(horizon: usize) -> LossGradient<NX, NU, ND> {
    let mut loss = LossGradient::zeros(horizon);
    for (t, weight) in loss.states.iter_mut().enumerate() {
        *weight = SVector::from_fn(|i, _| (1.0 + t as f64 + 0.7 * i as f64).sin());
    }
    for (t, weight) in loss.controls.iter_mut().enumerate() {
        *weight = SVector::from_fn(|i, _| (2.0 + 1.3 * t as f64 + i as f64).cos());
    }
    loss.design = SVector::from_fn(|i, _| 1.0 + i as f64);
    loss
}

fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solution: &Solution<NX, NU, NP, NS, ND>,
    loss: &LossGradient<NX, NU, ND>,
) -> f64 {
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, weight)| x.dot(weight)).sum();
    let controls: f64 = solution.controls.iter().zip(&loss.controls).map(|(u, weight)| u.dot(weight)).sum();
    states + controls + solution.design.dot(&loss.design)
}

/// The gradient in the parameters beside central differences through re-solving, and second derivatives beside differences of
/// gradients; `problem` gives the problem for parameters.
fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: M,
    params: [f64; NP],
    problem: impl Fn([f64; NP]) -> Problem<NX, NU, NP, NS, ND>,
) -> Solution<NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let horizon = problem(params).horizon();
    let mut solver = Ilqr::new(model, horizon, settings()).unwrap();
    let loss = weights(horizon);
    let solution = solver.solve(&problem(params)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.cause);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let jacobian = solver.jacobian(&solution).unwrap();
    for j in (0..NP).filter(|&j| params[j].is_finite()) {
        // The error of the step is some 1e-10, that of solves to 1e-11, over twice the step, some 1e-6.
        let step = 1e-5;
        let mut moved = |change: f64| {
            let mut params = params;
            params[j] += change;
            let solution = solver.solve(&problem(params)).unwrap();
            assert_eq!(solution.status, Status::Converged, "{:?}", solution.cause);
            value(&solution, &loss)
        };
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        let given = gradient.params[j];
        assert!(
            (given - difference).abs() < 3e-6 * (1.0 + difference.abs()),
            "{j}: {given}, by differences {difference}"
        );
        let columns = jacobian.states.iter().zip(&loss.states).map(|(x, weight)| x.column(j).dot(weight)).sum::<f64>()
            + jacobian.controls.iter().zip(&loss.controls).map(|(u, weight)| u.column(j).dot(weight)).sum::<f64>()
            + jacobian.design.column(j).dot(&loss.design);
        // Forward and reverse mode share the factorization.
        assert!((given - columns).abs() < 1e-8 * (1.0 + columns.abs()), "{j}: {given}, forward {columns}");
    }
    let along = Direction::new(SVector::from_fn(|i, _| f64::from(i == 0)));
    let second = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(horizon)).unwrap().params;
    let step = 1e-5;
    let mut moved = |change: f64| {
        let mut params = params;
        params[0] += change;
        let solution = solver.solve(&problem(params)).unwrap();
        solver.vjp(&solution, &loss).unwrap().params
    };
    let difference = (moved(step) - moved(-step)) / (2.0 * step);
    // The same errors, of gradients.
    let error = (second - difference).amax();
    assert!(error < 1e-5 * (1.0 + difference.amax()), "{second}, by differences {difference}");
    solution
}

#[test]
fn design_variables_and_soft_constraints() {
    let problem = |params| Problem::new([0.0, 0.0], params, 20).with_design([3.0]);
    let solution = check(fastest::Fastest, [1.0, 0.1, 0.8, 0.05], problem);
    let fast = |solution: &Solution<2, 1, 4, 0, 1>| solution.states.iter().map(|x| x[1]).fold(0.0, f64::max);
    assert!(fast(&solution) > 0.7 + 1e-3, "the soft limit yields: {}", fast(&solution));
    // With a limit at 0.72 the bound of the state holds. Every state from x_1 on keeps it.
    let bounded = check(fastest::Fastest, [1.0, 0.1, 0.72, 0.05], problem);
    assert!((fast(&bounded) - 0.72).abs() < 1e-9, "{}", fast(&bounded));
    assert!(bounded.design[0] > solution.design[0]);
}

/// Bounds whose sides are design variables, all of them reached.
#[test]
fn bounds_over_design_variables() {
    let problem = |params| Problem::new([0.0, 0.0], params, 12).with_design([1.0, 1.0]).with_previous([0.0]);
    let solution = check(sized::Sized, [1.0, 0.8, 1.0, 2.0], problem);
    let (most, room) = (solution.design[0], solution.design[1]);
    let reached = |values: Vec<f64>, side: f64| values.into_iter().any(|value| (value - side).abs() < 1e-9);
    assert!(reached(solution.states.iter().map(|x| x[0]).collect(), room), "{room}");
    assert!(reached(solution.controls.iter().map(|u| u[0].abs()).collect(), most), "{most}");
    let rates = solution.controls.windows(2).map(|pair| (pair[1][0] - pair[0][0]).abs());
    assert!(
        reached(rates.collect(), 0.8 * most) || (solution.controls[0][0] - 0.8 * most).abs() < 1e-9,
        "{:?}",
        solution.controls
    );
    // A bound of the design variable itself.
    let small = check(sized::Sized, [1.0, 0.8, 300.0, 2.0], problem);
    assert!((small.design[0] - 0.1).abs() < 1e-9, "{}", small.design);
}

/// Batches in lanes of models with design variables, limits over them and soft constraints: those of one by one.
#[test]
fn lanes_with_limits() {
    fn compare<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
        model: M,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) where
        M: Formulation<NX, NU, NP, NS, ND> + Clone + Sync,
    {
        let horizon = problems[0].horizon();
        let mut solver = Ilqr::new(model.clone(), horizon, settings()).unwrap();
        let loss = weights(horizon);
        let lanes = batch::solve_lanes(&model, horizon, &settings(), problems);
        let solutions: Vec<_> = lanes.into_iter().map(Result::unwrap).collect();
        let gradients = batch::vjp_lanes(&model, &settings(), &solutions, &vec![loss.clone(); solutions.len()]);
        let both = batch::solve_and_vjp_lanes(&model, horizon, &settings(), problems, |_, _| loss.clone());
        for (i, (solution, gradient)) in solutions.iter().zip(gradients).enumerate() {
            assert_eq!(solution.status, Status::Converged, "{i}");
            let alone = solver.solve(&problems[i]).unwrap();
            // Two solves to 1e-11.
            assert!((solution.design - alone.design).amax() < 1e-9 * (1.0 + alone.design.amax()), "{i}");
            let expected = solver.vjp(&alone, &loss).unwrap().params;
            let (_, with_solve) = both[i].as_ref().unwrap();
            for found in [gradient.unwrap().params, with_solve.as_ref().unwrap().params] {
                let error = (found - expected).amax();
                assert!(error < 1e-7 * (1.0 + expected.amax()), "{i}: {found} {expected}");
            }
        }
    }
    let goals = (0..9).map(|i| 0.8 + 0.07 * f64::from(i));
    let sized = |goal| Problem::new([0.0, 0.0], [goal, 0.8, 1.0, 2.0], 12).with_design([1.0, 1.0]).with_previous([0.0]);
    compare(sized::Sized, &goals.map(sized).collect::<Vec<_>>());
    let softs = (0..9).map(|i| 0.03 + 0.01 * f64::from(i));
    let fastest = |soft| Problem::new([0.0, 0.0], [1.0, 0.1, 0.8, soft], 20).with_design([3.0]);
    compare(fastest::Fastest, &softs.map(fastest).collect::<Vec<_>>());
    let prices = (0..9).map(|i| 0.1 + 0.05 * f64::from(i));
    let stages = [[9.0]; 9];
    let rated = |r| Problem::new([1.0], [r, 0.2, 7.0], 8).with_previous([0.05]).with_stage_params(&stages);
    compare(rated::Rated, &prices.map(rated).collect::<Vec<_>>());
}

/// Without a limit, by an infinite parameter, the solution is the one whose limit is not reached.
#[test]
fn an_infinite_bound_of_a_state() {
    let problem = |params| Problem::new([0.0, 0.0], params, 20).with_design([3.0]);
    let open = check(fastest::Fastest, [1.0, 0.1, f64::INFINITY, 0.05], problem);
    let far = check(fastest::Fastest, [1.0, 0.1, 5.0, 0.05], problem);
    assert!((open.design[0] - far.design[0]).abs() < 1e-9, "{} {}", open.design, far.design);
}

#[test]
fn penalties_are_not_negative() {
    let mut solver = Ilqr::new(fastest::Fastest, 20, settings()).unwrap();
    for soft in [-0.05, f64::INFINITY] {
        let problem = Problem::new([0.0, 0.0], [1.0, 0.1, 0.8, soft], 20).with_design([3.0]);
        let refused = solver.solve(&problem).unwrap_err();
        let of_parameters = matches!(refused, SolveError::Input(InputError::NonFinite { .. }));
        let of_penalty = matches!(refused, SolveError::Input(InputError::Penalty { stage: 0, given }) if given == soft);
        assert!(if soft.is_finite() { of_penalty } else { of_parameters }, "{refused}");
    }
    let mut solver = Ilqr::new(rated::Rated, 8, settings()).unwrap();
    let problem = Problem::new([1.0], [0.1, 0.2, -3.0], 8).with_previous([0.0]).with_stage_params(&[[9.0]; 9]);
    let refused = solver.solve(&problem).unwrap_err();
    assert!(matches!(refused, SolveError::Input(InputError::Penalty { stage: 8, .. })), "{refused}");
}

#[test]
fn rates_and_the_previous_control() {
    let stages: Vec<[f64; 1]> = (0..9).map(|t| [if t == 3 { 0.25 } else { 9.0 }]).collect();
    let problem = |params: [f64; 3]| Problem::new([1.0], params, 8).with_previous([0.05]).with_stage_params(&stages);
    let mut solver = Ilqr::new(rated::Rated, 8, settings()).unwrap();
    let solution = solver.solve(&problem([0.1, 0.2, 7.0])).unwrap();
    let u: Vec<f64> = solution.controls.iter().map(|u| u[0]).collect();
    assert!((u[0] - (0.05 - 0.2)).abs() < 1e-9, "the first rate is at its bound: {u:?}");
    assert!(u.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.2 + 1e-9), "{u:?}");
    assert!(u[3] >= -0.25 - 1e-9, "{u:?}");
}

/// A step that is zero or negative has a cause with its stage; that of the horizon is not taken.
#[test]
fn steps_over_design_and_stages() {
    let parts: Vec<[f64; 1]> = (0..=10).map(|t| [0.05 + 0.01 * f64::from(t)]).collect();
    let with = |parts: &[[f64; 1]], params| {
        let problem = Problem::new([0.0], params, 10).with_design([2.0]).with_stage_params(parts);
        problem.with_previous([0.0, 0.0])
    };
    let solution = check(grid::Grid, [0.3, 0.05], |params| with(&parts, params));
    assert!((solution.controls[0] - SVector::from([0.3, 0.3])).norm() < 1e-9, "{}", solution.controls[0]);
    check(grid::Grid, [5.0, 0.05], |params| with(&parts, params));
    let mut solver = Ilqr::new(grid::Grid, 10, settings()).unwrap();
    for (stage, part) in [(4, 0.0), (4, -0.1), (10, 0.0)] {
        let mut parts = parts.clone();
        parts[stage] = [part];
        let solution = solver.solve(&with(&parts, [0.3, 0.05])).unwrap();
        let cause = (stage < 10).then_some(Cause::TimeStep { stage });
        assert_eq!(solution.cause, cause);
        assert_eq!(solution.status, if stage < 10 { Status::Diverged } else { Status::Converged });
    }
}

#[test]
fn terminal_soft_constraints() {
    let stages = [[9.0]; 9];
    let problem = |params| Problem::new([1.0], params, 8).with_previous([0.05]).with_stage_params(&stages);
    let solution = check(rated::Rated, [0.1, 0.2, 7.0], problem);
    // A large penalty holds the last state at its limit, a small one lets it rest nearer to zero.
    let relaxed = check(rated::Rated, [0.1, 0.2, 0.1], problem).states[8][0];
    assert!((solution.states[8][0] - 0.4).abs() < 1e-9 && relaxed < 0.3, "{} {relaxed}", solution.states[8][0]);
}

#[test]
fn a_free_initial_state() {
    let measured: Vec<[f64; 1]> = (0..=10).map(|t| [1.0 - (0.5 * f64::from(t)).cos()]).collect();
    let problem = |params| Problem::new([3.0], params, 10).with_stage_params(&measured);
    let smoothed = check(smoother::Smoother, [0.4, 0.1, 4.0, f64::NEG_INFINITY], problem);
    // A floor above x_0 holds for it, too.
    let floor = smoothed.states[0][0] + 0.02;
    let bounded = check(smoother::Smoother, [0.4, 0.1, 4.0, floor], problem);
    assert!(bounded.states.iter().all(|x| x[0] > floor - 1e-9), "{:?}", bounded.states);
    assert!((bounded.states[0][0] - floor).abs() < 1e-9);
}

#[test]
fn functions_on_the_structs() {
    use everything::{Control, Design, Linearization, Params, StageParams, State};
    let v = [0.3, -0.6, 0.4, 0.9, 1.3, 0.7, 1.1, 0.5];
    let arguments = |v: [f64; 8]| {
        let (x, u, previous) = (State { x: [v[0], v[1]] }, Control { u: v[2] }, Control { u: v[3] });
        (x, u, previous, Params { p: v[4] }, Design { scale: v[5], gain: v[6] }, StageParams { s: v[7] })
    };
    let next = |v: [f64; 8]| -> SVector<f64, 2> {
        let (x, u, previous, p, d, s) = arguments(v);
        everything::dynamics(x, u, previous, p, d, s).into()
    };
    // The midpoint rule by the user's function.
    let (x, u, previous, p, d, s) = arguments(v);
    let h = 0.1 * d.scale;
    let k = everything::derivative(x, u, previous, p, d, s);
    let half = State { x: [x.x[0] + 0.5 * h * k.x[0], x.x[1] + 0.5 * h * k.x[1]] };
    let k = everything::derivative(half, u, previous, p, d, s);
    let by_hand = [x.x[0] + h * k.x[0], x.x[1] + h * k.x[1]];
    // Sums of a few numbers of size 1.
    assert!((next(v) - SVector::from(by_hand)).norm() < 1e-15);
    let Linearization { f, fx, fu, fp, fprevious, fd } = everything::linearize(&x, &u, &previous, &p, &d, &s);
    assert!((f - next(v)).norm() < 1e-15);
    let columns =
        [fx.column(0), fx.column(1), fu.column(0), fprevious.column(0), fp.column(0), fd.column(0), fd.column(1)];
    for (entry, column) in columns.iter().enumerate() {
        let moved = |step: f64| {
            let mut v = v;
            v[entry] += step;
            next(v)
        };
        let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        // Rounding over the step and the third derivative times its square: some 1e-10.
        assert!((column - difference).norm() < 1e-9, "{entry}: {column}, by differences {difference}");
    }
    assert_eq!(Design::NAMES, ["scale", "gain"]);
    let _: everything::Problem = Problem::new(x, p, 3).with_design(d).with_previous(previous);
}

/// A bound of the speed that repeats the condition of the end: both rows are active there and depend on one another, and the
/// solution has a derivative all the same. Slacks of soft constraints are zero at all stages here.
#[dilqr_runtime::model(integrator = rk4, dt = d.total / 20.0, initial_state = free)]
pub mod lap {
    pub struct State {
        pub place: f64,
        #[bounds(0.0, p.fastest)]
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        #[rate_bounds(-0.6, 0.6)]
        pub push: f64,
    }
    pub struct Params {
        pub drag: f64,
        pub fastest: f64,
        pub soft: f64,
    }
    pub struct Design {
        #[bounds(0.5, 20.0)]
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: u.push - p.drag * x.speed }
    }
    pub fn stage_cost(_x: State, u: Control, previous: Control, _p: Params) -> f64 {
        0.01 * (u.push.powi(2) + (u.push - previous.push).powi(2))
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.total
    }
    pub fn initial_cost(x: State, _p: Params) -> f64 {
        x.speed.powi(2)
    }
    pub fn initial_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place]
    }
    #[penalty(linear = p.soft, quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.speed - 0.7]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place - 1.0, x.speed]
    }
}

#[test]
fn a_bound_that_repeats_an_end_condition() -> Result<(), Box<dyn std::error::Error>> {
    let problem = |drag: f64, guess: f64| {
        Problem::new([0.0, 0.1], [drag, 0.9, 0.2], 20).with_design([guess]).with_previous([0.0])
    };
    let mut solver = lap::Solver::new(lap::Lap, 20, Settings::default())?;
    for guess in [1.0, 2.0, 3.0, 6.0] {
        let solution = solver.solve(&problem(0.1, guess))?;
        assert_eq!(solution.status, Status::Converged, "{guess}");
        let gradient = solver.value_gradient(&solution)?;
        let mut loss = LossGradient::zeros(20);
        (loss.design[0], loss.controls[4][0]) = (1.0, 0.3);
        let by_loss = solver.vjp(&solution, &loss)?;
        let (h, mut ends) = (1e-5, Vec::new());
        for drag in [0.1 - h, 0.1 + h] {
            let moved = solver.solve(&problem(drag, guess))?;
            ends.push((moved.cost, moved.design[0] + 0.3 * moved.controls[4][0]));
        }
        let slope = |of: fn(&(f64, f64)) -> f64| (of(&ends[1]) - of(&ends[0])) / (2.0 * h);
        // Differences of a step of 1e-5 are accurate to 1e-10 and 1e-9 / 1e-5.
        assert!((gradient.params[0] - slope(|end| end.0)).abs() < 1e-6);
        assert!((by_loss.params[0] - slope(|end| end.1)).abs() < 1e-4, "{by_loss:?}");
    }
    Ok(())
}

/// The active limits of a solution, by the data of the solve. Those of a factorization are the same.
fn active<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS, ND>,
    solution: &Solution<NX, NU, NP, NS, ND>,
) -> Vec<ActiveLimit>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let sorted = |mut limits: Vec<ActiveLimit>| {
        limits.sort_by_key(|active| (active.stage, active.limit.to_string()));
        limits
    };
    let places = |limits: &[ActiveLimit]| limits.iter().map(|active| (active.stage, active.limit)).collect::<Vec<_>>();
    let found = sorted(solution.certificate().active);
    let factorized = sorted(solver.differentiate(solution).unwrap().certificate().active);
    assert_eq!(places(&found), places(&factorized));
    found
}

/// The certificate names what the user has written, not rows of the model underneath: each limit that it calls active holds
/// with equality, by the trajectory.
#[test]
fn active_limits_have_names() {
    let problem = Problem::new([0.0, 0.0], [1.0, 0.1, 0.72, 0.05], 20).with_design([3.0]);
    let mut solver = Ilqr::new(fastest::Fastest, 20, settings()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    let speed = |t: usize| solution.states[t][1];
    let mut counts = [0; 6];
    for ActiveLimit { stage, limit, .. } in active(&mut solver, &solution) {
        let (kind, holds) = match limit {
            Limit::UpperBound { variable: Variable::StateEntry(1) } => (0, (speed(stage) - 0.72).abs() < 1e-9),
            Limit::UpperBound { variable: Variable::ControlEntry(0) } => (1, solution.controls[stage][0] > 1.0 - 1e-9),
            Limit::LowerBound { variable: Variable::ControlEntry(0) } => (2, solution.controls[stage][0] < -1.0 + 1e-9),
            Limit::SoftConstraint { index: 0 } => (3, speed(stage) > 0.7 - 1e-9 && stage < 20),
            Limit::Excess { index: 0 } => (4, speed(stage) < 0.7 + 1e-9 && stage < 20),
            Limit::Constraint { index } => {
                (5, stage == 20 && [solution.states[20][0] - 1.0, speed(20)][index].abs() < 1e-9)
            }
            other => panic!("{other} at stage {stage}"),
        };
        assert!(holds, "{limit} at stage {stage}: {} {}", solution.states[stage], solution.design);
        counts[kind] += 1;
    }
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");

    let stages: Vec<[f64; 1]> = (0..9).map(|t| [if t == 3 { 0.25 } else { 9.0 }]).collect();
    let problem = Problem::new([1.0], [0.1, 0.2, 7.0], 8).with_previous([0.05]).with_stage_params(&stages);
    let mut solver = Ilqr::new(rated::Rated, 8, settings()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    let names: Vec<(usize, String)> =
        active(&mut solver, &solution).iter().map(|active| (active.stage, active.limit.to_string())).collect();
    let has = |stage: usize, name: &str| names.contains(&(stage, name.to_owned()));
    assert!(has(0, "the lower bound of the rate of control 0"), "{names:?}");
    let last = solution.states[8][0] - 0.4;
    assert!(has(8, "soft constraint 0") || last > 1e-9, "{names:?}");
    assert_eq!(has(3, "the lower bound of control 0"), solution.controls[3][0] < -0.25 + 1e-9, "{names:?}");
    // A penalty that is small is paid; one that is large holds the constraint at its limit.
    let problem = Problem::new([1.0], [0.1, 0.2, 0.1], 8).with_previous([0.05]).with_stage_params(&[[9.0]; 9]);
    let solution = solver.solve(&problem).unwrap();
    let limits: Vec<Limit> =
        active(&mut solver, &solution).iter().filter(|active| active.stage == 8).map(|active| active.limit).collect();
    assert_eq!(limits, [Limit::SoftConstraint { index: 0 }]);
    // From the other side the soft constraint holds, and its excess is at its bound.
    let problem = Problem::new([9.0], [0.1, 0.2, 0.1], 8).with_previous([0.05]).with_stage_params(&[[9.0]; 9]);
    let solution = solver.solve(&problem).unwrap();
    let limits: Vec<Limit> =
        active(&mut solver, &solution).iter().filter(|active| active.stage == 8).map(|active| active.limit).collect();
    assert_eq!(limits, [Limit::Excess { index: 0 }]);
}

/// `x_1 = u`, with the least cost at `x_1 = 1/2` and `d = 1`.
#[dilqr_runtime::model]
pub mod touch {
    pub struct State {
        #[bounds(None, p.top)]
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(p.slow, None)]
        pub u: f64,
    }
    pub struct Params {
        pub top: f64,
        pub slow: f64,
        pub most: f64,
    }
    pub struct Design {
        #[bounds(None, p.most)]
        pub d: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params, d: Design) -> f64 {
        0.5 * u.u * u.u + (d.d - 1.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.5 * (x.x - 1.0).powi(2)
    }
}

/// Errors name what the user has written, too.
#[test]
fn weakly_active_limits_have_names() {
    let mut solver = Ilqr::new(touch::Touch, 1, settings()).unwrap();
    let cases = [
        ([0.5, -9.0, 9.0], "the upper bound of state 0 at stage 1 is neither active nor inactive"),
        ([9.0, 0.25, 9.0], "the lower bound of the rate of control 0 at stage 0 is neither active nor inactive"),
        ([9.0, -9.0, 1.0], "the upper bound of design variable 0 at stage 0 is neither active nor inactive"),
    ];
    for (params, expected) in cases {
        let problem = Problem::new([0.0], params, 1).with_previous([0.25]);
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let error = solver.vjp(&solution, &weights(1)).unwrap_err();
        assert!(
            matches!(error, GradientError::WeaklyActive { .. }) && error.to_string().starts_with(expected),
            "{error}"
        );
        let weakest = solution.certificate().weakest.map(|(stage, limit)| format!("{limit} at stage {stage}"));
        assert!(weakest.is_some_and(|weakest| expected.starts_with(&weakest)));
    }
}

/// Functions that are not defined everywhere: constraints, a soft one, and a bound over the design.
#[dilqr_runtime::model]
pub mod domains {
    pub struct State {
        #[bounds(None, 9.0 + d.size.ln())]
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub shift: f64,
    }
    pub struct Design {
        pub size: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, d: Design) -> f64 {
        x.x.powi(2) + u.u.powi(2) + (d.size - 1.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
    #[penalty(quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, p: Params) -> [f64; 2] {
        [x.x - 5.0, (x.x + p.shift).sqrt() - 3.0]
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [-(x.x + 0.5 * p.shift).sqrt()]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [(x.x + 2.0 * p.shift).sqrt() - 1.0]
    }
}

/// A cost whose slope is infinite where its second control is -1.
#[dilqr_runtime::model]
pub mod rooted {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub free: f64,
        pub root: f64,
    }
    pub struct Params {
        pub price: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.free }
    }
    pub fn stage_cost(_x: State, u: Control, previous: Control, p: Params) -> f64 {
        u.free.powi(2) + (u.free - previous.free).powi(2) + u.root.powi(2) + p.price * (u.root + 1.0).sqrt()
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
}

/// The place of a number that is not finite is given in what the user has written, too.
#[test]
fn causes_have_names() {
    let mut solver = Ilqr::new(domains::Domains, 3, settings()).unwrap();
    let mut cause = |x: f64, shift: f64, size: f64| {
        let solution = solver.solve(&Problem::new([x], [shift], 3).with_design([size])).unwrap();
        assert_eq!(solution.status, Status::Diverged);
        solution.cause.unwrap()
    };
    let limit = |limit, stage| Cause::NonFiniteLimit { limit, stage };
    // The bound begins at stage 1, a soft constraint at stage 0.
    assert_eq!(cause(1.0, 4.0, -1.0), limit(Limit::UpperBound { variable: Variable::StateEntry(0) }, 1));
    assert_eq!(cause(-3.0, 2.0, 1.0), limit(Limit::SoftConstraint { index: 1 }, 0));
    assert_eq!(cause(-3.0, 2.0, 1.0).to_string(), "not finite: soft constraint 1 at stage 0");
    // At stage 0 a constraint on the state alone does not count, since the state is given.
    let constraint = Cause::NonFinite { function: ModelFunction::StageConstraints, stage: 1, entry: 0 };
    assert_eq!(cause(-1.5, 2.0, 1.0), constraint);

    let mut solver = Ilqr::new(rooted::Rooted, 3, settings()).unwrap();
    let problem = Problem::new([1.0], [1.0], 3).with_previous([0.0, 0.0]).with_controls(&[[0.0, -1.0]; 3]);
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Diverged);
    // Entry 2 of (x, free, root).
    let slope = Cause::NonFinite { function: ModelFunction::StageCostGradient, stage: 2, entry: 2 };
    assert_eq!(solution.cause, Some(slope));
}
