//! Inverse optimal control: parameters of dynamics and cost from demonstrated trajectories, by the published gradient
//! descent from the published starts, and by Gauss and Newton's method on the exact Jacobian.

use std::time::Instant;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Model, Problem, Solution};

use super::gradients::{Method, gradient, imitation, relative};
use super::least_squares::{Equations, minimize};
use super::published::Trial;
use super::systems::{System, solve_first};
use super::{Row, is_recorded};
use crate::Failure;

/// Demonstrations, and the learner's last trajectories.
pub(super) struct Learner<'a, M, const NX: usize, const NU: usize, const NP: usize>
where
    M: Model<NX, NU, NP> + Copy,
{
    system: &'a System<M, NX, NU, NP>,
    solver: Ilqr<M, NX, NU, NP>,
    demonstrations: Vec<Solution<NX, NU, NP>>,
    last: Option<Vec<Solution<NX, NU, NP>>>,
}

/// Trajectories with their loss, and its gradients in each of them.
pub(super) struct Outcome<const NX: usize, const NU: usize, const NP: usize> {
    pub(super) solutions: Vec<Solution<NX, NU, NP>>,
    pub(super) loss: f64,
    pub(super) slopes: Vec<LossGradient<NX, NU>>,
}

impl<'a, M, const NX: usize, const NU: usize, const NP: usize> Learner<'a, M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    pub(super) fn new(system: &'a System<M, NX, NU, NP>) -> Result<Self, Failure> {
        let (solver, demonstrations) = (system.solver(system.horizon)?, system.demonstrations()?);
        Ok(Self { system, solver, demonstrations, last: None })
    }

    /// Trajectories at some parameters: each solve begins with the last trajectory; the first one, and one that fails,
    /// with the demonstration or zero controls. `None` if one does not converge.
    pub(super) fn outcome(&mut self, params: &SVector<f64, NP>) -> Result<Option<Outcome<NX, NU, NP>>, Failure> {
        let mut solutions = Vec::with_capacity(self.demonstrations.len());
        for (i, demonstration) in self.demonstrations.iter().enumerate() {
            let problem = || Problem::new(demonstration.x0, *params, self.system.horizon);
            let warm = |from| problem().with_warm_start(&self.system.model, from);
            let last = self.last.as_ref().map(|last| warm(&last[i]));
            let guesses = last.into_iter().chain([warm(demonstration), problem()]);
            let Some(found) = solve_first(&mut self.solver, guesses)? else { return Ok(None) };
            solutions.push(found);
        }
        let errors = || solutions.iter().zip(&self.demonstrations).map(|(x, y)| imitation(x, y));
        let loss = errors().map(|(loss, _)| loss).sum::<f64>() / solutions.len() as f64;
        let slopes = errors().map(|(_, slope)| slope).collect();
        self.last = Some(solutions.clone());
        Ok(Some(Outcome { solutions, loss, slopes }))
    }

    /// The gradient of the mean loss.
    pub(super) fn gradient(&mut self, method: Method, outcome: &Outcome<NX, NU, NP>) -> Option<SVector<f64, NP>> {
        let pairs = outcome.solutions.iter().zip(&outcome.slopes);
        let sum: Option<SVector<f64, NP>> =
            pairs.map(|(solution, slope)| gradient(method, &mut self.solver, solution, slope)).sum();
        sum.map(|sum| sum / outcome.solutions.len() as f64)
    }

    fn equations(&mut self, params: &SVector<f64, NP>) -> Result<Option<Equations<NP>>, Failure> {
        let Some(outcome) = self.outcome(params)? else { return Ok(None) };
        let weight = 1.0 / outcome.solutions.len() as f64;
        let mut equations = Equations::new();
        for (solution, demonstration) in outcome.solutions.iter().zip(&self.demonstrations) {
            let Ok(jacobian) = self.solver.jacobian(solution) else { return Ok(None) };
            for t in 0..self.system.horizon {
                let (x, u) = (solution.states[t + 1], solution.controls[t]);
                equations.add(&(x - demonstration.states[t + 1]), &jacobian.states[t + 1], weight);
                equations.add(&(u - demonstration.controls[t]), &jacobian.controls[t], weight);
            }
        }
        Ok(Some(equations))
    }
}

/// The rows of a trial by gradient descent, at most so many steps.
pub(super) fn descend<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &System<M, NX, NU, NP>,
    (trial, published): (usize, &Trial<NP>),
    steps: usize,
) -> Result<Vec<Row>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut learner = Learner::new(system)?;
    let mut params = SVector::from(published.start);
    let (mut rows, mut seconds) = (Vec::new(), 0.0);
    // The recorded start is the point after the first step.
    for step in 1..=steps {
        let begin = Instant::now();
        let outcome = learner.outcome(&params)?;
        let slope = outcome.as_ref().and_then(|outcome| learner.gradient(Method::Implicit, outcome));
        seconds += begin.elapsed().as_secs_f64();
        let row = Row::new(("inverse", system.name, "gradient descent"), (trial, step));
        let distance = (params - system.truth).norm();
        let (Some(outcome), Some(slope)) = (outcome, slope) else {
            rows.push(Row { distance, unsolved: 1, seconds, ..row });
            break;
        };
        if is_recorded(step, steps) {
            let mut difference =
                |method| learner.gradient(method, &outcome).map_or(f64::INFINITY, |other| relative(&other, &slope));
            rows.push(Row {
                loss: outcome.loss,
                published: published.losses.iter().find(|(at, _)| *at == step).map(|(_, loss)| *loss),
                distance,
                pdp: Some(difference(Method::AuxiliaryLqr)),
                idoc: Some(difference(Method::Schur)),
                seconds,
                ..row
            });
        }
        params -= slope * (0.5 * system.rate);
    }
    Ok(rows)
}

/// The rows of a trial by Gauss and Newton's method with damping.
pub(super) fn fit<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &System<M, NX, NU, NP>,
    (trial, published): (usize, &Trial<NP>),
    tries: usize,
) -> Result<Vec<Row>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut learner = Learner::new(system)?;
    let (mut rows, begin) = (Vec::new(), Instant::now());
    let point = |step, params: &SVector<f64, NP>, loss| {
        let row = Row::new(("inverse", system.name, "Gauss-Newton"), (trial, step + 1));
        let (distance, seconds) = ((params - system.truth).norm(), begin.elapsed().as_secs_f64());
        rows.push(Row { loss, distance, seconds, ..row });
    };
    minimize(published.start.into(), tries, |params| learner.equations(params), point)?;
    Ok(rows)
}
