//! Gradients of solutions as solves in lanes return them.

use alloc::vec::Vec;

use crate::differentiate::lanes::Gradients;
use crate::engine::SolvedGradient;
use crate::gradient::LossGradient;
use crate::model::Model;
use crate::scalar::lanes::{Lanes, Native};
use crate::settings::Settings;
use crate::solution::Solution;
use crate::solve::lockstep::Outcome;
use crate::status::Status;

/// Collects solutions with their factorizations until all lanes are full, and then differentiates them together.
pub(crate) struct SolvedGradients<'a, M, F, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    model: &'a M,
    settings: &'a Settings,
    loss: &'a F,
    gradients: Gradients<Native, NX, NU, NP, NS>,
    /// The solutions in the first lanes, with the indices of their problems.
    waiting: Vec<(usize, Solution<NX, NU, NP, NS>)>,
    done: Vec<(usize, SolvedGradient<NX, NU, NP, NS, 0>)>,
}

impl<'a, M, F, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
    SolvedGradients<'a, M, F, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
    F: Fn(usize, &Solution<NX, NU, NP, NS>) -> LossGradient<NX, NU>,
{
    pub(crate) fn new((model, settings): (&'a M, &'a Settings), horizon: usize, loss: &'a F) -> Self {
        let (waiting, done) = (Vec::with_capacity(Native::COUNT), Vec::new());
        Self { model, settings, loss, gradients: Gradients::new::<M>(horizon), waiting, done }
    }

    /// Takes a problem that has ended.
    pub(crate) fn take(&mut self, outcome: Outcome<'_, Native, NX, NU, NP, NS>) {
        let Outcome { problem, result, factors } = outcome;
        let solution = match result {
            Ok(solution) => solution,
            Err(error) => return self.done.push((problem, Err(error))),
        };
        let horizon = solution.horizon();
        let loss = match solution.status {
            Status::Converged => (self.loss)(problem, &solution),
            // Refused for its status.
            _ => LossGradient::zeros(horizon),
        };
        let Some(factors) = factors else {
            let gradient = self.gradients.vjp_alone((self.model, self.settings), &solution, &loss);
            return self.done.push((problem, Ok((solution, gradient))));
        };
        match self.gradients.load_factorized(self.waiting.len(), (&solution, &loss), factors) {
            Ok(()) => self.waiting.push((problem, solution)),
            Err(error) => self.done.push((problem, Ok((solution, Err(error))))),
        }
        if self.waiting.len() == Native::COUNT {
            self.differentiate();
        }
    }

    /// The outcomes of all problems, with their indices.
    pub(crate) fn finish(mut self) -> Vec<(usize, SolvedGradient<NX, NU, NP, NS, 0>)> {
        self.differentiate();
        self.done
    }

    /// Differentiates the solutions that wait.
    fn differentiate(&mut self) {
        let Self { model, gradients, waiting, done, .. } = self;
        if waiting.is_empty() {
            return;
        }
        let found = gradients.factorized_vjp(*model, waiting.len());
        done.extend(
            waiting.drain(..).zip(found).map(|((problem, solution), gradient)| (problem, Ok((solution, gradient)))),
        );
    }
}
