//! A network inside the equations of algebraic variables, which an implicit integrator solves at its own stages.
#![deny(warnings)]

#[dilqr_runtime::model(integrator = radau, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gain: f64,
    }

    #[network(layers = [2, 8, 1], activation = tanh)]
    pub struct Residual;

    pub struct Algebraic {
        pub force: f64,
    }

    pub fn algebraic(x: State, z: Algebraic, _u: Control, _p: Params, residual: &Residual) -> [f64; 1] {
        [z.force - residual.evaluate([x.angle, z.force])[0]]
    }

    pub fn derivative(x: State, z: Algebraic, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: p.gain * u.torque + z.force }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {
    let residual = pendulum::Residual::xavier(3);
    let x = pendulum::State { angle: 0.4, rate: -0.2 };
    let next = pendulum::dynamics(x, pendulum::Control { torque: 0.1 }, pendulum::Params { gain: 2.0 }, &residual);
    assert!(next.angle.is_finite() && next.rate.is_finite());
    // A solve of the model with its network, and the gradient in the weights.
    let model = pendulum::Pendulum::new(residual);
    let mut solver = pendulum::Solver::new(model, 5, dilqr_runtime::Settings::default()).unwrap();
    let solution = solver.solve(&pendulum::Problem::new(x, pendulum::Params { gain: 2.0 }, 5)).unwrap();
    let gradient = solver.vjp(&solution, &dilqr_runtime::LossGradient::zeros(5)).unwrap();
    assert_eq!(gradient.weights.len(), pendulum::Residual::LEN);
}
