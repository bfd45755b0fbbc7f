//! Networks in models with limits. Gradients in the weights where limits are weakly active or depend on one another. One model through
//! solves, gradients, second derivatives, batches, lanes and a controller.

use dilqr_runtime::model::{Limit, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Gradient, GradientError, LossGradient, Mpc, Problem, Scalar, Settings, Solution, Status, VectorFunction,
    batch, check_function,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const T: usize = 8;

fn settings() -> Settings {
    Settings { tolerance: 1e-11, ..Settings::default() }
}

/// A heater with a loss that a network gives. The room reads no control of the last stage, which rests at its bound.
#[dilqr_runtime::model]
pub mod heater {
    pub struct State {
        pub warm: f64,
        pub room: f64,
    }
    pub struct Control {
        #[bounds(0.0, None)]
        pub power: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    #[network(layers = [2, 4, 1], activation = tanh)]
    pub struct Loss;

    pub fn dynamics(x: State, u: Control, _p: Params, loss: &Loss) -> State {
        let [lost] = loss.evaluate([x.warm, x.room]);
        State { warm: x.warm + 0.3 * u.power - 0.1 * lost, room: x.room + 0.5 * (x.warm - x.room) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.room - p.goal).powi(2) + 0.1 * u.power * u.power
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.room - p.goal).powi(2)
    }
}

/// A cart that stops at a wall. The place of the wall is a network's value, and the wall is there twice.
#[dilqr_runtime::model]
pub mod wall {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub other: f64,
    }
    #[network(layers = [1, 3, 1], activation = sigmoid)]
    pub struct Place;
    #[network(layers = [1, 3, 1], activation = tanh)]
    pub struct Other;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { place: x.place + 0.2 * x.speed, speed: x.speed + 0.2 * u.force }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.2 * ((x.place - p.goal).powi(2) + 0.1 * x.speed * x.speed + 0.1 * u.force * u.force)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        2.0 * (x.place - p.goal).powi(2) + x.speed * x.speed
    }
    pub fn terminal_constraints(x: State, p: Params, place: &Place, other: &Other) -> [f64; 2] {
        let [a] = place.evaluate([x.speed]);
        let [b] = other.evaluate([x.speed]);
        [x.place - a, 3.0 * (x.place - a) + p.other * b]
    }
}

/// A valve that is as open as a network says, and its bound is there.
#[dilqr_runtime::model]
pub mod valve {
    pub struct State {
        pub level: f64,
    }
    pub struct Control {
        #[bounds(None, 0.25)]
        pub opening: f64,
    }
    pub struct Params {
        pub decay: f64,
    }
    #[network(layers = [1, 2, 1], activation = tanh)]
    pub struct Setting;

    pub fn dynamics(x: State, _u: Control, p: Params) -> State {
        State { level: p.decay * x.level }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params, setting: &Setting) -> f64 {
        let [best] = setting.evaluate([0.7]);
        (u.opening - best).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.level * x.level
    }
}

fn loss<const NX: usize>() -> LossGradient<NX, 1> {
    let mut loss: LossGradient<NX, 1> = LossGradient::zeros(T);
    for (t, x) in loss.states.iter_mut().enumerate() {
        x.iter_mut().enumerate().for_each(|(i, x)| *x = 0.3 + 0.1 * (t as f64) - 0.5 * (i as f64));
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = 0.4 - 0.1 * t as f64);
    loss
}

fn value<const NX: usize, const NP: usize>(solution: &Solution<NX, 1, NP>) -> f64 {
    let loss = loss::<NX>();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

/// One-sided differences in a weight, from both sides, extrapolated from two steps: a derivative from one side only is no
/// answer.
fn check(name: &str, given: f64, moved: impl Fn(f64) -> f64) {
    // The error of the differences is the square of the step, and that of solves to 1e-11 over the step.
    let step = 1e-4;
    for sign in [1.0, -1.0] {
        let (zero, one, two) = (moved(0.0), moved(sign * step), moved(2.0 * sign * step));
        let slope = (4.0 * one - 3.0 * zero - two) / (2.0 * sign * step);
        assert!((given - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{name}, {sign}: {given} {slope}");
    }
}

#[test]
fn a_control_without_effect() {
    let problem = Problem::new([0.2, 0.1], [1.0], T);
    let network = || heater::Loss::xavier(3);
    let solve = |loss: heater::Loss| {
        let mut solver = heater::Solver::new(heater::Heater::new(loss), T, settings()).unwrap();
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        (solver, solution)
    };
    let (mut solver, solution) = solve(network());
    assert!(solution.controls[T - 1][0].abs() < 1e-12, "{}", solution.controls[T - 1]);
    let gradient: Gradient<2, 1> = solver.vjp(&solution, &loss()).unwrap();
    assert!(gradient.weights.iter().any(|weight| weight.abs() > 1e-2));
    for weight in 0..heater::Loss::LEN {
        let moved = |by: f64| {
            let mut network = network();
            network.weights_mut()[weight] += by;
            value(&solve(network).1)
        };
        check("heater", gradient.weights[weight], moved);
    }
    let lanes = batch::vjp_lanes(solver.model(), &settings(), &[solution], &[loss()]).remove(0);
    assert_eq!(lanes, Ok(gradient));
}

/// The solution of a problem whose wall is near 0.5, with these weights of its network. The other network is zero, whatever its
/// inputs are.
fn at_wall(weights: &[f64], other: f64) -> (wall::Solver, Solution<2, 1, 2>) {
    let networks = (wall::Place::from_weights(weights).unwrap(), wall::Other::from_weights(&[0.0; 10]).unwrap());
    let mut solver = wall::Solver::new(wall::Wall::new(networks.0, networks.1), T, settings()).unwrap();
    let solution = solver.solve(&Problem::new([0.0, 0.1], [1.0, other], T)).unwrap();
    assert_eq!(solution.status, Status::Converged);
    (solver, solution)
}

const WALL: [f64; 10] = [0.3, -0.2, 0.4, 0.1, 0.2, -0.3, 0.4, 0.3, 0.2, 0.05];

#[test]
fn a_limit_twice() {
    let (mut solver, solution) = at_wall(&WALL, 0.0);
    let gradient: Gradient<2, 2> = solver.vjp(&solution, &loss()).unwrap();
    let of_cost = solver.value_gradient(&solution).unwrap();
    let size = gradient.weights.iter().fold(0.0, |size: f64, weight| size.max(weight.abs()));
    assert!(size > 1e-2, "{size}");
    for weight in 0..wall::Place::LEN {
        let moved = |by: f64| {
            let mut weights = WALL;
            weights[weight] += by;
            at_wall(&weights, 0.0).1
        };
        check("wall", gradient.weights[weight], |by| value(&moved(by)));
        check("cost at the wall", of_cost.weights[weight], |by| moved(by).cost);
    }
    // The other network has no effect.
    assert!(gradient.weights[wall::Place::LEN..].iter().all(|weight| weight.abs() <= 1e-12 * size));
    let lanes = batch::vjp_lanes(solver.model(), &settings(), &[solution], &[loss()]).remove(0);
    assert_eq!(lanes, Ok(gradient));
}

/// Both limits are one at these weights, and two at others of the second network. Which of them is active depends on these weights,
/// and nothing else moves the one along the other.
#[test]
fn a_limit_that_only_weights_move() {
    let (mut solver, solution) = at_wall(&WALL, 1.0);
    let error = solver.vjp(&solution, &loss()).unwrap_err();
    assert!(matches!(error, GradientError::ConstraintsDependent { stage: T, limit: Some(_) }), "{error}");
}

/// The best control is the bound itself. More is not possible, less is: the derivative in the weights is one from below and
/// zero from above.
#[test]
fn a_weak_limit_that_only_weights_move() {
    let problem: valve::Problem = Problem::new([0.5], [0.9], T);
    let solve = |bias: f64| {
        let setting = valve::Setting::from_weights(&[0.2, 0.3, 0.1, -0.1, 0.0, 0.0, bias]).unwrap();
        let mut solver = valve::Solver::new(valve::Valve::new(setting), T, settings()).unwrap();
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let gradient = solver.vjp(&solution, &loss());
        (solution, gradient)
    };
    let error = solve(0.25).1.unwrap_err();
    assert!(matches!(error, GradientError::WeaklyActive { .. }), "{error}");
    // Beside it the derivative exists, on either side.
    let sum: f64 = loss::<1>().controls.iter().map(|u| u[0]).sum();
    for (bias, slope) in [(0.2, sum), (0.3, 0.0)] {
        let gradient = solve(bias).1.unwrap();
        assert!((gradient.weights[6] - slope).abs() < 1e-12, "{} {slope}", gradient.weights[6]);
    }
}

/// A cart on rough ground. Its derivative has a network, and so has its limit of the speed. Its cost has a table and a function of the
/// user's own. Force and place have bounds.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod rover {
    pub struct State {
        #[bounds(p.floor, None)]
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub force: f64,
    }
    pub struct Params {
        pub floor: f64,
        pub most: f64,
        pub goal: f64,
        pub fastest: f64,
    }

    const FUEL: dilqr_runtime::Spline<4> = dilqr_runtime::Spline::natural([-2.0, -0.5, 0.7, 2.0], [1.5, 0.2, 0.3, 1.4]);

    #[network(layers = [3, 12, 12, 1], activation = tanh)]
    pub struct Ground;
    #[network(layers = [2, 6, 1], activation = silu)]
    pub struct Limit;
    #[function(inputs = 2, outputs = 1)]
    pub struct Wear {
        pub rate: f64,
    }

    pub fn derivative(x: State, u: Control, _p: Params, ground: &Ground) -> State {
        let [push] = ground.evaluate([x.place, x.speed, u.force]);
        State { place: x.speed, speed: u.force + 0.4 * push }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, wear: &Wear) -> f64 {
        let [worn] = wear.evaluate([x.speed, u.force]);
        0.1 * ((x.place - p.goal).powi(2)
            + 0.1 * x.speed.powi(2)
            + 0.05 * FUEL.at(u.force)
            + 0.05 * u.force.powi(2)
            + worn)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        2.0 * (x.place - p.goal).powi(2) + x.speed.powi(2)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params, limit: &Limit) -> [f64; 1] {
        let [rough] = limit.evaluate([x.place, x.speed]);
        [-x.speed - p.fastest + 0.1 * rough]
    }
}

/// `rate v^2 f^2`
impl VectorFunction<2, 1> for rover::Wear {
    fn value<S: Scalar>(&self, &[v, f]: &[S; 2]) -> [S; 1] {
        [S::from_f64(self.rate) * v * v * f * f]
    }
    fn jacobian<S: Scalar>(&self, &[v, f]: &[S; 2]) -> [[S; 2]; 1] {
        let twice = S::from_f64(2.0 * self.rate) * v * f;
        [[twice * f, twice * v]]
    }
    fn contraction<S: Scalar>(&self, &[v, f]: &[S; 2], &[mu]: &[S; 1]) -> [[S; 2]; 2] {
        let twice = mu * S::from_f64(2.0 * self.rate);
        let mixed = S::from_f64(2.0) * twice * v * f;
        [[twice * f * f, mixed], [mixed, twice * v * v]]
    }
}

const LONG: usize = 20;
const ROVER: [f64; 4] = [0.05, 1.5, -0.1, 0.6];

/// The model with its weights moved along one of them.
fn rover_model(weight: usize, by: f64) -> rover::Rover {
    let (mut ground, mut limit) = (rover::Ground::xavier(4), rover::Limit::xavier(5));
    match weight.checked_sub(rover::Ground::LEN) {
        None => ground.weights_mut()[weight] += by,
        Some(weight) => limit.weights_mut()[weight] += by,
    }
    rover::Rover::new(ground, limit, rover::Wear { rate: 0.3 })
}

fn rover_loss() -> LossGradient<2, 1> {
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(LONG);
    for (t, x) in loss.states.iter_mut().enumerate() {
        *x = [(0.4 * t as f64).cos(), (0.9 * t as f64).sin()].into();
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = 0.2 * (0.6 * t as f64).sin());
    loss
}

/// The solution, the solver, and the loss.
fn rover_solve(model: rover::Rover, x0: [f64; 2], p: [f64; 4]) -> (rover::Solver, Solution<2, 1, 4>, f64) {
    let mut solver = rover::Solver::new(model, LONG, settings()).unwrap();
    let solution = solver.solve(&Problem::new(x0, p, LONG)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?} {:?}", solution.cause, solution.stats);
    let loss = rover_loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    let value = states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>();
    (solver, solution, value)
}

fn with(mut list: [f64; 4], entry: usize, by: f64) -> [f64; 4] {
    list[entry] += by;
    list
}

/// Derivatives of the loss and of the cost beside central differences. Their errors are the square of the step, and that of solves
/// to 1e-11 over the step.
fn near(name: &str, given: [f64; 2], moved: impl Fn(f64) -> (rover::Solver, Solution<2, 1, 4>, f64)) {
    let step = 1e-5;
    let at = |by: f64| {
        let (_, solution, value) = moved(by);
        [value, solution.cost]
    };
    let (above, below) = (at(step), at(-step));
    for (index, given) in given.into_iter().enumerate() {
        let difference = (above[index] - below[index]) / (2.0 * step);
        assert!((given - difference).abs() < 1e-5 * (1.0 + difference.abs()), "{name}, {index}: {given} {difference}");
    }
}

/// Twenty weights of both networks.
fn some_weights() -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(20);
    let all = rover::Ground::LEN + rover::Limit::LEN;
    let mut weights: Vec<usize> = (0..12).map(|_| random.random_range(0..rover::Ground::LEN)).collect();
    weights.extend((0..8).map(|_| random.random_range(rover::Ground::LEN..all)));
    weights
}

/// A neural model through the whole chain. Bounds of force and place are active, and so is a limit that a network sets. Gradients of
/// solutions and costs in weights, parameters and the initial state; Jacobians and second derivatives.
#[test]
fn a_neural_model_with_limits() {
    let x0 = [0.85, 0.0];
    let check = check_function(&rover::Wear { rate: 0.3 }, &[0.7, -1.1]);
    assert!(check.largest() < 1e-7, "{check:?}");
    let (mut solver, solution, _) = rover_solve(rover_model(0, 0.0), x0, ROVER);
    let certificate = solution.certificate();
    let active = |is: fn(&Limit) -> bool| certificate.active.iter().filter(|active| is(&active.limit)).count();
    assert!(
        active(|limit| matches!(limit, Limit::LowerBound { variable: Variable::ControlEntry(0) })) > 0,
        "{certificate}"
    );
    assert!(
        active(|limit| matches!(limit, Limit::LowerBound { variable: Variable::StateEntry(0) })) > 0,
        "{certificate}"
    );
    assert!(active(|limit| matches!(limit, Limit::Constraint { .. })) > 1, "{certificate}");

    let gradient: Gradient<2, 4> = solver.vjp(&solution, &rover_loss()).unwrap();
    let of_cost = solver.value_gradient(&solution).unwrap();
    let weights = some_weights();
    for &weight in &weights {
        let given = [&gradient, &of_cost].map(|gradient| gradient.weights[weight]);
        near("weight", given, |by| rover_solve(rover_model(weight, by), x0, ROVER));
    }
    // Three digits above the tolerance, in either network.
    let large = |weight: &usize| gradient.weights[*weight].abs() > 1e-2;
    assert!(weights[..12].iter().any(large) && weights[12..].iter().any(large));
    for entry in 0..4 {
        let given = [&gradient, &of_cost].map(|gradient| gradient.params[entry]);
        near("parameter", given, |by| rover_solve(rover_model(0, 0.0), x0, with(ROVER, entry, by)));
    }
    for entry in 0..2 {
        let given = [&gradient, &of_cost].map(|gradient| gradient.initial_state[entry]);
        near("initial state", given, |by| {
            let mut x0 = x0;
            x0[entry] += by;
            rover_solve(rover_model(0, 0.0), x0, ROVER)
        });
    }

    // The same by forward mode.
    let jacobian = solver.jacobian(&solution).unwrap();
    let loss = rover_loss();
    let states: SVector<f64, 4> = jacobian.states.iter().zip(&loss.states).map(|(j, g)| j.tr_mul(g)).sum();
    let controls: SVector<f64, 4> = jacobian.controls.iter().zip(&loss.controls).map(|(j, g)| j.tr_mul(g)).sum();
    assert!((states + controls - gradient.params).amax() < 1e-9 * (1.0 + gradient.params.amax()));

    // Second derivatives, the gradient in the weights included. The loss is linear.
    let (dp, dx0) = ([0.02, 0.3, -0.2, 0.05], [0.4, -0.3]);
    let moved = |by: f64| {
        let p = std::array::from_fn(|i| ROVER[i] + by * dp[i]);
        let (mut solver, solution, _) = rover_solve(rover_model(0, 0.0), [x0[0] + by * dx0[0], x0[1] + by * dx0[1]], p);
        solver.vjp(&solution, &loss).unwrap()
    };
    let step = 1e-5;
    let slopes = (moved(step) + moved(-step) * -1.0) * (0.5 / step);
    let along = Direction::new(dp).with_initial_state(dx0);
    let product = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(LONG)).unwrap();
    let list = |gradient: &Gradient<2, 4>| {
        gradient.params.iter().chain(&gradient.initial_state).chain(&gradient.weights).copied().collect::<Vec<f64>>()
    };
    let size = list(&slopes).iter().fold(0.0, |size: f64, entry| size.max(entry.abs()));
    assert!(size > 1e-2, "{size}");
    for (given, slope) in list(&product).into_iter().zip(list(&slopes)) {
        assert!((given - slope).abs() < 1e-4 * size, "{given} {slope} of {size}");
    }
}

/// The same model in batches, in lanes and under a controller: the bits, or the numbers, of single solves.
#[test]
fn a_neural_model_in_batches_and_a_controller() {
    let model = rover_model(0, 0.0);
    let starts: Vec<[f64; 2]> = (0..6).map(|i| [0.7 + 0.05 * f64::from(i), 0.05 * f64::from(i)]).collect();
    let problems: Vec<rover::Problem> = starts.iter().map(|x0| Problem::new(*x0, ROVER, LONG)).collect();
    let loss = |_: usize, _: &_| rover_loss();
    let batch = batch::solve_and_vjp(&model, LONG, &settings(), &problems, loss);
    let lanes = batch::solve_and_vjp_lanes(&model, LONG, &settings(), &problems, loss);
    let mut sum = Gradient::<2, 4>::zeros(0);
    for ((x0, given), lane) in starts.iter().zip(batch).zip(lanes) {
        let (mut solver, solution, _) = rover_solve(model.clone(), *x0, ROVER);
        let gradient = solver.vjp(&solution, &rover_loss()).unwrap();
        let (in_batch, of_batch) = given.unwrap();
        assert_eq!((&in_batch.controls, of_batch.unwrap()), (&solution.controls, gradient.clone()));
        let (in_lane, of_lane) = lane.unwrap();
        let of_lane = of_lane.unwrap();
        // Two solves to 1e-11, with gradients whose condition is some thousand.
        assert!(in_lane.controls.iter().zip(&solution.controls).all(|(a, b)| (a - b).amax() < 1e-9));
        let size = gradient.weights.iter().fold(gradient.params.amax(), |size, weight| size.max(weight.abs()));
        assert!((of_lane.params - gradient.params).amax() < 1e-7 * size);
        assert!(of_lane.weights.iter().zip(&gradient.weights).all(|(a, b)| (a - b).abs() < 1e-7 * size));
        sum += gradient;
    }
    let solutions: Vec<_> =
        batch::solve(&model, LONG, &settings(), &problems).into_iter().map(Result::unwrap).collect();
    let summed = batch::vjp_sum(&model, &settings(), &solutions, &vec![rover_loss(); solutions.len()]);
    assert!(summed.refused.is_empty() && summed.gradient == sum);

    // A controller on the plant of its model: each plan is the solution from the state, and its gradient is that of its problem.
    let mut mpc = Mpc::new(model, ROVER, LONG, settings()).unwrap();
    let mut x = SVector::from([0.85, 0.0]);
    for t in 0..25 {
        let step = mpc.step(&x).unwrap();
        assert_eq!(step.status, Status::Converged, "step {t}");
        let plan = mpc.plan().unwrap().clone();
        if t % 3 == 0 {
            let (_, alone, _) = rover_solve(rover_model(0, 0.0), x.into(), ROVER);
            // Both to 1e-11, over curvatures of 1e-2.
            assert!(
                (alone.controls[0] - step.control).amax() < 1e-8,
                "step {t}: {} {}",
                alone.controls[0],
                step.control
            );
        }
        if t == 3 {
            let mut solver = rover::Solver::new(rover_model(0, 0.0), LONG, settings()).unwrap();
            let gradient = solver.vjp(&plan, &rover_loss()).unwrap();
            let of_cost = solver.value_gradient(&plan).unwrap();
            for weight in some_weights().into_iter().step_by(4) {
                let given = [&gradient, &of_cost].map(|gradient| gradient.weights[weight]);
                near("weight of a plan", given, |by| rover_solve(rover_model(weight, by), x.into(), ROVER));
            }
        }
        x = plan.states[1];
    }
    // It rests at the floor, before its goal.
    assert!((x[0] - ROVER[0]).abs() < 1e-2 && x[1].abs() < 2e-2, "{:?}", x.as_slice());
}
