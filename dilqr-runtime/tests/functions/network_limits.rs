//! Gradients in the weights of networks where limits are weakly active or depend on one another.

use dilqr_runtime::{Gradient, GradientError, LossGradient, Problem, Settings, Solution, Status, batch};

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

/// Both limits are one at these weights, and at others of the second network they are two: which of them is active depends on
/// these weights, and nothing else moves the one along the other.
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
