//! The shortest complete use: annotate a model, solve its optimal control problem, differentiate the solution.
use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings};

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
        pub length: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let acceleration = 9.81 / p.length * x.theta.sin() + u.torque / (p.mass * p.length.powi(2));
        let omega = x.omega + 0.05 * acceleration;
        State { theta: x.theta + 0.05 * omega, omega }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.theta.powi(2) + 0.1 * x.omega.powi(2) + 0.01 * u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * x.theta.powi(2) + x.omega.powi(2)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut solver = Ilqr::new(pendulum::Pendulum, 40, Settings::default())?;
    let solution = solver.solve(&Problem::new([0.5, 0.0], [1.0, 1.0], 40))?;
    let mut loss = LossGradient::zeros(40);
    loss.controls[0][0] = 1.0; // the "loss" is the first torque itself
    let gradient = solver.vjp(&solution, &loss)?;
    println!("{}, first torque {:.6}", solution.status, solution.controls[0][0]);
    println!("its derivatives in mass and length {:.6?}", gradient.params.as_slice());
    Ok(())
}
