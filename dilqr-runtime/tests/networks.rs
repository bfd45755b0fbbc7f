//! Models with networks and with functions of the user's own.

use dilqr_runtime::{Gradient, LossGradient, Problem, Settings, Status, check_function};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A pendulum with a torque that a network gives.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub weight: f64,
    }

    #[network(layers = [3, 7, 5, 1], activation = tanh)]
    pub struct Residual;

    pub fn derivative(x: State, u: Control, p: Params, residual: &Residual) -> State {
        let [push] = residual.evaluate([x.angle.sin(), x.rate, u.torque]);
        State { angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque + 0.5 * push * push + push }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.05 * (p.weight * (x.angle * x.angle + 0.1 * x.rate * x.rate) + 0.05 * u.torque * u.torque)
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * p.weight * (x.angle * x.angle + x.rate * x.rate)
    }
}

const T: usize = 12;

fn model(seed: u64) -> pendulum::Pendulum {
    pendulum::Pendulum::new(pendulum::Residual::xavier(seed))
}

fn problem() -> pendulum::Problem {
    Problem::new([0.6, -0.2], [3.0, 1.0], T)
}

fn loss() -> LossGradient<2, 1> {
    let mut random = StdRng::seed_from_u64(3);
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for x in &mut loss.states {
        x.iter_mut().for_each(|x| *x = random.random_range(-1.0..1.0));
    }
    loss.controls.iter_mut().for_each(|u| u[0] = random.random_range(-1.0..1.0));
    loss
}

/// The loss of the solution of a model.
fn value(model: pendulum::Pendulum, problem: &pendulum::Problem) -> f64 {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = pendulum::Solver::new(model, T, settings).unwrap();
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let loss = loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

#[test]
fn derivatives_of_networks() {
    let function = pendulum::Residual::xavier(5);
    let check = check_function(&function, &[0.3, -0.7, 1.1]);
    assert!(check.largest() < 1e-8, "{check:?}");
    assert_eq!(pendulum::Residual::LEN, 4 * 7 + 8 * 5 + 6);
}

#[test]
fn gradients_in_parameters_and_weights() {
    let problem = problem();
    let mut solver = pendulum::Solver::new(model(1), T, Settings::default()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let gradient: Gradient<2, 2> = solver.vjp(&solution, &loss()).unwrap();
    assert_eq!(gradient.weights.len(), pendulum::Residual::LEN);
    // Central differences of solves to 1e-11 with steps of 1e-5 have errors of 1e-6.
    let step = 1e-5;
    for weight in 0..pendulum::Residual::LEN {
        let moved = |sign: f64| {
            let mut model = model(1);
            model.residual_mut().weights_mut()[weight] += sign * step;
            value(model, &problem)
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        let error = (gradient.weights[weight] - difference).abs();
        assert!(error < 2e-6 * (1.0 + difference.abs()), "{weight}: {} {difference}", gradient.weights[weight]);
    }
    for entry in 0..2 {
        let moved = |sign: f64| {
            let mut p = [3.0, 1.0];
            p[entry] += sign * step;
            value(model(1), &Problem::new([0.6, -0.2], p, T))
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        assert!((gradient.params[entry] - difference).abs() < 2e-6, "{} {difference}", gradient.params[entry]);
    }
}
