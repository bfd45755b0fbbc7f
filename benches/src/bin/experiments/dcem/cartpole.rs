//! The cart-pole of the publication as a model: rollouts and their gradients by its kernels, and optimal plans by the
//! solver.
//!
//! Equations and constants are those of mpc.pytorch (`env_dx/cartpole.py`, Amos et al. 2018), which the publication
//! names. The angle stands for its cosine and sine.

#![allow(unreachable_pub, reason = "a model, as the users of a library have it")]

use dilqr_runtime::model::{Stage, StageExpansion};
use dilqr_runtime::nalgebra::{ArrayStorage, DMatrix, SVector};
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Status};
use rand::Rng;
use rand::rngs::StdRng;

use super::cem::Objective;
use super::noise::Twister;
use crate::Failure;

/// Stages of a plan.
pub(super) const HORIZON: usize = 20;

/// The largest force \[N\].
pub(super) const LIMIT: f64 = 100.0;

#[dilqr_runtime::model]
pub(crate) mod swing {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        #[bounds(-100.0, 100.0)]
        pub force: f64,
    }
    pub struct Params {}

    const DT: f64 = 0.05;
    const GRAVITY: f64 = 9.8;
    /// Masses of the cart and the pole \[kg\], and half the pole's length \[m\].
    const CART: f64 = 1.0;
    const POLE: f64 = 0.1;
    const LENGTH: f64 = 0.5;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let push = (u.force + POLE * LENGTH * x.rate.powi(2) * sin) / (CART + POLE);
        let turn = (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - POLE * cos.powi(2) / (CART + POLE)));
        let pull = push - POLE * LENGTH * turn * cos / (CART + POLE);
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * pull,
            angle: x.angle + DT * x.rate,
            rate: x.rate + DT * turn,
        }
    }

    /// Minus the reward. The last state has none.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * x.position.powi(2) + 1e-5 * u.force.powi(2) - x.angle.cos()
    }

    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

pub(super) type Start = SVector<f64, 4>;

/// The model has no parameters.
const NONE: SVector<f64, 0> = SVector::from_array_storage(ArrayStorage([[]]));

/// The cost of a plan.
pub(super) fn cost(start: &Start, plan: &[f64]) -> f64 {
    let (mut x, mut next, mut sum) = (*start, Start::zeros(), 0.0);
    for &force in plan {
        sum += swing::Swing.step(Stage::new(&x, &[force].into(), &NONE, &NONE), &mut next);
        x = next;
    }
    sum
}

/// The gradient of the cost in the plan, by the adjoint of the dynamics.
pub(super) fn gradient(start: &Start, plan: &[f64]) -> Vec<f64> {
    let mut x = *start;
    let expand = |&force: &f64| {
        let mut stage = StageExpansion::zeros();
        swing::Swing.expand_stage(Stage::new(&x, &[force].into(), &NONE, &NONE), &mut stage);
        x = stage.f;
        stage
    };
    let stages: Vec<StageExpansion<f64, 4, 1>> = plan.iter().map(expand).collect();
    let (mut costate, mut out) = (Start::zeros(), vec![0.0; plan.len()]);
    for (out, stage) in out.iter_mut().zip(&stages).rev() {
        *out = (stage.lu + stage.fu.transpose() * costate)[0];
        costate = stage.lx + stage.fx.transpose() * costate;
    }
    out
}

/// Costs of plans from one start, a column a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plans {
    pub(super) start: Start,
}

impl Objective for Plans {
    type Pass = DMatrix<f64>;

    fn values(&self, plans: &DMatrix<f64>) -> (Vec<f64>, Self::Pass) {
        let costs = plans.column_iter().map(|plan| cost(&self.start, plan.as_slice()));
        (costs.collect(), plans.clone())
    }

    fn pull_back(&self, plans: &Self::Pass, of_values: &[f64], _weights: &mut [f64]) -> DMatrix<f64> {
        let mut out = DMatrix::zeros(plans.nrows(), plans.ncols());
        for ((mut out, plan), g) in out.column_iter_mut().zip(plans.column_iter()).zip(of_values) {
            let gradient = gradient(&self.start, plan.as_slice());
            out.iter_mut().zip(gradient).for_each(|(out, of_force)| *out = g * of_force);
        }
        out
    }
}

/// A start of the training.
pub(super) fn start(random: &mut StdRng) -> Start {
    let reach = [0.5, 0.5, std::f64::consts::PI, 1.0];
    Start::from_fn(|i, _| reach[i] * random.random_range(-1.0..1.0))
}

/// The hundred starts of the published validation: those of `torch.manual_seed(0)`, in single precision.
pub(super) fn validation_starts() -> Vec<Start> {
    let mut twister = Twister::new(0);
    let mut numbers = |least: f32, most: f32| -> Vec<f64> {
        (0..100).map(|_| f64::from(twister.uniform() * (most - least) + least)).collect()
    };
    let pi = std::f32::consts::PI;
    let columns = [numbers(-0.5, 0.5), numbers(-0.5, 0.5), numbers(-pi, pi), numbers(-1.0, 1.0)];
    (0..100).map(|k| Start::from_fn(|i, _| columns[i][k])).collect()
}

/// The cheapest of the solver's local minima.
#[derive(Clone, Debug)]
pub(super) struct Optimum {
    pub(super) cost: f64,
    pub(super) guesses: usize,
    /// Solves that ended at a local minimum, and those among them at the cheapest one.
    pub(super) converged: usize,
    pub(super) cheapest: usize,
}

/// Solves from each guess.
pub(super) fn optimum(
    solver: &mut Ilqr<swing::Swing, 4, 1, 0>,
    start: &Start,
    guesses: &[Vec<f64>],
) -> Result<Optimum, Failure> {
    let mut costs = Vec::new();
    for guess in guesses {
        let controls: Vec<SVector<f64, 1>> = guess.iter().map(|&force| SVector::from([force])).collect();
        let solution = solver.solve(&Problem::new(*start, NONE, HORIZON).with_controls(&controls))?;
        if solution.status == Status::Converged {
            costs.push(solution.cost);
        }
    }
    let cost = costs.iter().copied().fold(f64::INFINITY, f64::min);
    // Solves end within 1e-9 of each variable, which enters the cost as a square.
    let cheapest = costs.iter().filter(|other| **other < cost + 1e-9).count();
    Ok(Optimum { cost, guesses: guesses.len(), converged: costs.len(), cheapest })
}

/// A solver of the problems.
pub(super) fn solver() -> Result<Ilqr<swing::Swing, 4, 1, 0>, Failure> {
    Ok(Ilqr::new(swing::Swing, HORIZON, Settings { max_iterations: 500, ..Settings::default() })?)
}

/// Guesses for the solver: nothing, and sines of some amplitudes, frequencies and phases.
pub(super) fn guesses() -> Vec<Vec<f64>> {
    let mut all = vec![vec![0.0; HORIZON]];
    for amplitude in [10.0, 50.0] {
        for turns in [0.0, 0.5, 1.0, 1.5] {
            for phase in [0.25, 0.75] {
                let force = |t: usize| {
                    let angle = phase + turns * t as f64 / HORIZON as f64;
                    amplitude * (std::f64::consts::TAU * angle).sin()
                };
                all.push((0..HORIZON).map(force).collect());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// One stage by hand, from rest and level, where the gravity's moment on the pole is largest.
    #[test]
    fn one_stage_by_hand() {
        let x = swing::State { position: 2.0, velocity: 0.0, angle: std::f64::consts::FRAC_PI_2, rate: 0.0 };
        let next = swing::dynamics(x, swing::Control { force: 11.0 }, swing::Params {});
        // push = 11 / 1.1 = 10, turn = 9.8 / (0.5 4/3) = 14.7, and the cosine is 6e-17.
        assert!((next.rate - 0.05 * 14.7).abs() < 1e-14 && (next.velocity - 0.5).abs() < 1e-14, "{next:?}");
        let value = swing::stage_cost(x, swing::Control { force: 11.0 }, swing::Params {});
        assert!((value - (0.4 + 1.21e-3)).abs() < 1e-14, "{value}");
    }

    /// Against central differences of the cost.
    #[test]
    fn gradient_of_plans() {
        let mut random = StdRng::seed_from_u64(1);
        let start = start(&mut random);
        let mut plan: Vec<f64> = (0..HORIZON).map(|_| random.random_range(-30.0..30.0)).collect();
        let gradient = gradient(&start, &plan);
        let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        for t in 0..HORIZON {
            let mut at = |h: f64| {
                plan[t] += h;
                let cost = cost(&start, &plan);
                plan[t] -= h;
                cost
            };
            let difference = (at(1e-4) - at(-1e-4)) / 2e-4;
            // 1e-8 times third derivatives, which are below the gradient, and 1e-14 over 1e-4 of rounding.
            assert!((difference - gradient[t]).abs() < 1e-6 * largest, "{t}: {difference} and {}", gradient[t]);
        }
        // The last two forces move nothing that has a cost.
        assert!(gradient[18..].iter().zip(&plan[18..]).all(|(g, u)| (g - 2e-5 * u).abs() < 1e-15));
    }

    /// The solver's cost is that of its plan by the rollout, no plan nearby is cheaper, and its forces obey the bounds.
    #[test]
    fn optimal_plans() -> Result<(), Failure> {
        let mut random = StdRng::seed_from_u64(4);
        let start = validation_starts()[0];
        let solution = solver()?.solve(&Problem::new(start, NONE, HORIZON))?;
        assert_eq!(solution.status, Status::Converged);
        let plan: Vec<f64> = solution.controls.iter().map(|u| u[0]).collect();
        // Sums of twenty terms of the size of one.
        assert!((cost(&start, &plan) - solution.cost).abs() < 1e-13);
        assert!(plan.iter().all(|force| force.abs() <= LIMIT));
        for _ in 0..100 {
            let near: Vec<f64> =
                plan.iter().map(|u| (u + random.random_range(-0.1..0.1)).clamp(-LIMIT, LIMIT)).collect();
            assert!(cost(&start, &near) > solution.cost);
        }
        let found = optimum(&mut solver()?, &start, &guesses()[..4])?;
        assert!(found.cost <= solution.cost + 1e-9 && found.converged >= 1 && found.cheapest >= 1, "{found:?}");
        Ok(())
    }

    #[test]
    fn starts_lie_within_the_published_ranges() {
        let starts = validation_starts();
        assert_eq!(starts.len(), 100);
        // The first number of the generator is 0.4963.
        assert!((starts[0][0] + 0.0037).abs() < 1e-4);
        let reach = [0.5, 0.5, std::f64::consts::PI + 1e-6, 1.0];
        assert!(starts.iter().all(|x| (0..4).all(|i| x[i].abs() <= reach[i])));
        assert!(starts.iter().any(|x| x[2] > 3.0) && starts.iter().any(|x| x[2] < -3.0));
    }
}
