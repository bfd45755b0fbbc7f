//! The problems on which other solvers were measured, with their answers: the pendulum and the cart-pole of mpc.pytorch
//! (`env_dx`, without the limits on the controls) in minimal coordinates, and the quadrotor of
//! [`quadrotor`](crate::quadrotor), at horizons 10, 30 and 100.
//!
//! A problem is its model, parameters, initial state and first guess (a rollout under linear feedback: from zero
//! controls the pole falls), together with a loss on the solution whose gradient is wanted. The answers in
//! `reference/peers.json` come from a Newton method on the whole KKT system, to 1e-15; those of the quadrotor from
//! acados, with exact Hessians to 1e-8, confirmed by central differences through solves.

use std::collections::BTreeMap;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status};
use serde::Deserialize;

use crate::casadi::quadrotor_euler::QuadrotorEuler;
use crate::quadrotor::quadrotor_rk4::QuadrotorRk4;

/// The horizons for which there are answers.
pub const HORIZONS: [usize; 3] = [10, 30, 100];

/// A rod on a hinge, upright, with a motor at the hinge.
#[dilqr_runtime::model]
pub mod pendulum {
    /// Angle from upright \[rad\] and its rate \[rad/s\].
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }

    /// Torque at the hinge \[N m\].
    pub struct Control {
        pub torque: f64,
    }

    /// In \[m/s^2\], \[kg\] and \[m\].
    pub struct Params {
        pub gravity: f64,
        pub mass: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;

    /// Semi-implicit Euler.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.theta.sin();
        let drive = 3.0 * u.torque / (p.mass * p.length * p.length);
        let omega = x.omega + DT * (fall + drive);
        State { theta: x.theta + DT * omega, omega }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.05 * x.omega * x.omega - x.theta.cos()
    }
}

/// A pole hinged on a cart that a force pushes along a rail.
#[dilqr_runtime::model]
pub mod cartpole {
    /// Of the cart \[m\], \[m/s\], and of the pole from upright \[rad\], \[rad/s\].
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub rate: f64,
    }

    /// Force on the cart \[N\].
    pub struct Control {
        pub force: f64,
    }

    /// In \[m/s^2\], \[kg\], \[kg\] and \[m\] (half the pole).
    pub struct Params {
        pub gravity: f64,
        pub mass_cart: f64,
        pub mass_pole: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;

    /// Explicit Euler.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let mass = p.mass_cart + p.mass_pole;
        let lever = p.mass_pole * p.length;
        let push = (u.force + lever * x.rate * x.rate * sin) / mass;
        let angular = (p.gravity * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos * cos / mass));
        let linear = push - lever * angular * cos / mass;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * linear,
            angle: x.angle + DT * x.rate,
            rate: x.rate + DT * angular,
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.force * u.force
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.05 * x.position * x.position + 0.05 * x.velocity * x.velocity - x.angle.cos() + 0.05 * x.rate * x.rate
    }
}

/// A problem with its answers.
#[derive(Clone, Debug)]
pub struct Case<M, const NX: usize, const NU: usize, const NP: usize> {
    pub name: String,
    pub model: M,
    pub problem: Problem<NX, NU, NP>,
    /// Index of the angular rate in the state, for the loss.
    pub rate: usize,
    /// Missing if no other solver gave an answer.
    pub golden: Option<Golden>,
}

/// The answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Golden {
    /// Optimal cost.
    pub cost: f64,
    /// Optimal controls, stage after stage.
    pub controls: Option<Vec<f64>>,
    /// The loss there.
    pub loss: Option<f64>,
    /// Gradient of the loss in the parameters.
    pub gradient: Vec<f64>,
}

/// The answers for a system over one of the [`HORIZONS`]. There are none for others.
fn golden(system: &str, horizon: usize) -> Option<Golden> {
    if !HORIZONS.contains(&horizon) {
        return None;
    }
    let all: BTreeMap<String, Golden> =
        serde_json::from_str(include_str!("../reference/peers.json")).expect("the reference file is well-formed");
    Some(all.get(&format!("{system}_T{horizon}")).expect("the reference file has this case").clone())
}

/// The pendulum from 1 rad.
#[must_use]
pub fn pendulum(horizon: usize) -> Case<pendulum::Pendulum, 2, 1, 3> {
    let model = pendulum::Pendulum;
    let law = |_, x: &SVector<f64, 2>| [-(8.0 * x[0] + 2.0 * x[1])];
    let problem = Problem::new([1.0, 0.0], [10.0, 1.0, 1.0], horizon).with_policy(&model, law);
    let golden = golden("pendulum", horizon);
    Case { name: format!("pendulum T={horizon}"), model, problem, rate: 1, golden }
}

/// The cart-pole from 0.5 rad.
#[must_use]
pub fn cartpole(horizon: usize) -> Case<cartpole::Cartpole, 4, 1, 4> {
    let model = cartpole::Cartpole;
    let problem = off_upright(&model, 0.5, horizon);
    let golden = golden("cartpole", horizon);
    Case { name: format!("cartpole T={horizon}"), model, problem, rate: 3, golden }
}

/// The cart-pole from another angle \[rad\].
#[must_use]
pub fn off_upright(model: &cartpole::Cartpole, angle: f64, horizon: usize) -> Problem<4, 1, 4> {
    let law = |_, x: &SVector<f64, 4>| [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]];
    Problem::new([0.0, 0.0, angle, 0.0], [9.8, 1.0, 0.1, 0.5], horizon).with_policy(model, law)
}

/// Cart-poles from different angles.
#[must_use]
pub fn batch_of_poles(model: &cartpole::Cartpole, problems: usize, horizon: usize) -> Vec<Problem<4, 1, 4>> {
    let angle = |i| -0.5 + i as f64 / (problems - 1) as f64;
    (0..problems).map(|i| off_upright(model, angle(i), horizon)).collect()
}

/// Asserts that a solution from lanes equals that of a single solve. Lanes round differently, so the difference may be
/// the tolerance over the smallest curvature, and a margin.
///
/// # Panics
/// If they differ by more.
pub fn assert_same<const NX: usize, const NU: usize, const NP: usize>(
    in_lanes: &Solution<NX, NU, NP>,
    alone: &Solution<NX, NU, NP>,
    settings: &Settings,
) {
    assert_eq!(in_lanes.status, alone.status);
    let allowed = 10.0 * settings.tolerance / alone.certificate().smallest_eigenvalue;
    assert!(in_lanes.states.iter().zip(&alone.states).all(|(a, b)| (a - b).amax() <= allowed));
    assert!(in_lanes.controls.iter().zip(&alone.controls).all(|(a, b)| (a - b).amax() <= allowed));
}

/// Initial state, parameters and guess of the quadrotors: hovering.
fn off_hover(horizon: usize) -> Problem<12, 4, 6> {
    let start = [0.5, -0.4, 0.6, 0.1, -0.1, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let hover = SVector::<f64, 4>::repeat(0.5 * 9.81 / 4.0);
    Problem::new(start, [0.5, 0.0023, 0.0023, 0.004, 0.175, 0.0245], horizon).with_controls(&vec![hover; horizon])
}

/// The quadrotor half a metre off its goal, by Runge-Kutta steps.
#[must_use]
pub fn quadrotor(horizon: usize) -> Case<QuadrotorRk4, 12, 4, 6> {
    let golden = golden("quadrotor", horizon);
    Case { name: format!("quadrotor T={horizon}"), model: QuadrotorRk4, problem: off_hover(horizon), rate: 9, golden }
}

/// The same by Euler steps, without answers.
#[must_use]
pub fn quadrotor_euler(horizon: usize) -> Case<QuadrotorEuler, 12, 4, 6> {
    let name = format!("quadrotor, Euler T={horizon}");
    Case { name, model: QuadrotorEuler, problem: off_hover(horizon), rate: 9, golden: None }
}

impl<M, const NX: usize, const NU: usize, const NP: usize> Case<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Clone,
{
    /// A solver for it.
    ///
    /// # Panics
    /// If the settings are out of range.
    #[must_use]
    pub fn solver(&self, settings: Settings) -> Ilqr<M, NX, NU, NP> {
        Ilqr::new(self.model.clone(), self.problem.horizon(), settings).expect("the settings are in range")
    }

    /// Solves it, asserts the answers, and gives solver, solution and loss gradient.
    ///
    /// # Panics
    /// If an answer differs from the known one.
    #[must_use]
    pub fn solved(&self, settings: Settings) -> (Ilqr<M, NX, NU, NP>, Solution<NX, NU, NP>, LossGradient<NX, NU>) {
        let mut solver = self.solver(settings);
        let solution = solver.solve(&self.problem).expect("the problem is one");
        assert_eq!(solution.status, Status::Converged, "{}", self.name);
        let losses = self.loss_gradient(&solution);
        let found = solver.vjp(&solution, &losses).expect("the solution is a strict minimum");
        let Some(Golden { cost, controls, loss, gradient }) = &self.golden else { return (solver, solution, losses) };
        near(&[solution.cost], &[*cost], 1e-10);
        if let Some(controls) = controls {
            // Stationary to 1e-9 of a cost whose curvature in the controls is 1e-3.
            near(&solution.controls.iter().flatten().copied().collect::<Vec<_>>(), controls, 1e-7);
        }
        if let Some(loss) = loss {
            near(&[self.loss(&solution)], &[*loss], 1e-7);
        }
        near(found.params.as_slice(), gradient, 1e-7);
        (solver, solution, losses)
    }

    /// `1/2 sum_t |u_t|^2 + 1/2 sum_{t >= 1} w_t^2`, `w` the angular rate.
    fn loss(&self, solution: &Solution<NX, NU, NP>) -> f64 {
        let controls: f64 = solution.controls.iter().map(|u| u.norm_squared()).sum();
        let rates: f64 = solution.states[1..].iter().map(|x| x[self.rate] * x[self.rate]).sum();
        0.5 * (controls + rates)
    }

    /// Its gradient.
    fn loss_gradient(&self, solution: &Solution<NX, NU, NP>) -> LossGradient<NX, NU> {
        let mut gradient = LossGradient::zeros(solution.horizon());
        gradient.controls.copy_from_slice(&solution.controls);
        for t in 1..=solution.horizon() {
            gradient.states[t][self.rate] = solution.states[t][self.rate];
        }
        gradient
    }
}

/// Asserts that two lists agree, relative to the larger of 1 and the largest entry.
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * scale, "{a} is not {b}");
    }
}

/// The default: second-order steps.
#[must_use]
pub fn exact() -> Settings {
    Settings::default()
}

/// Gauss-Newton steps.
#[must_use]
pub fn gauss_newton() -> Settings {
    Settings { hessian: Hessian::GaussNewton, ..Settings::default() }
}

/// Many small steps to the same solution: the proximal weight never falls.
#[must_use]
pub fn many_small_steps(weight: f64) -> Settings {
    let mut settings = Settings::default();
    settings.regularization.initial = weight;
    settings.regularization.decrease = 1.0;
    settings
}

#[cfg(test)]
mod tests {
    use super::{HORIZONS, cartpole, exact, gauss_newton, pendulum, quadrotor, quadrotor_euler};

    #[test]
    fn answers_are_the_known_ones() {
        for horizon in HORIZONS {
            for settings in [exact(), gauss_newton()] {
                let _ = pendulum(horizon).solved(settings);
                let _ = cartpole(horizon).solved(settings);
                let _ = quadrotor(horizon).solved(settings);
                let _ = quadrotor_euler(horizon).solved(settings);
            }
        }
    }
}
