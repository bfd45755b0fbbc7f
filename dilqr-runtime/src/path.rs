//! Several solutions on the way to one problem's: points of its central path, or subproblems of the augmented Lagrangian method;
//! and losses on all of them.

use alloc::vec::Vec;

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::engine::Engine;
use crate::error::{GradientError, Input, SettingsError, SolveError, check_length};
use crate::formulation::Formulation;
use crate::gradient::{Gradient, LossGradient};
use crate::ilqr::Ilqr;
use crate::problem::Problem;
use crate::settings::{PenaltySchedule, Settings};
use crate::solution::Solution;

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Ilqr<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    /// Solves a problem at one relaxation after another: with falling values points along the central path, from a smooth
    /// problem to the one with its limits ([`Settings::relaxation`]). Each solve starts from the last solution before it that
    /// has converged; without one it starts from the problem's guess. So a point that fails leaves the others as they are. Each
    /// solution is differentiated as the relaxed problem that it solves, so the gradient of a sum of losses on them is the sum
    /// of their gradients.
    ///
    /// # Errors
    /// As [`Ilqr::solve`], and for relaxations out of range.
    pub fn solve_path(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        relaxations: &[f64],
    ) -> Result<Vec<Solution<NX, NU, NP, NS, ND>>, SolveError> {
        let mut path: Vec<Solution<NX, NU, NP, NS, ND>> = Vec::with_capacity(relaxations.len());
        for &tau in relaxations {
            let settings = Settings { relaxation: Some(tau), ..*self.settings() };
            settings.validate()?;
            let mut solution = Solution::empty(self.horizon());
            // One that has failed is no start.
            let usable = path.iter().rev().find(|earlier| earlier.status.is_converged());
            let warm = usable.map(|last| problem.clone().with_warm_start(self.model(), last));
            let problem = warm.as_ref().unwrap_or(problem);
            self.engine_mut().solve(&settings, problem, |_| {}, &mut solution)?;
            path.push(solution);
        }
        Ok(path)
    }

    /// Solves the first subproblems of the augmented Lagrangian method, one for each round.
    ///
    /// The first has the multipliers of the problem's warm start, or none, and the weight [`PenaltySchedule::initial`]. After each
    /// round that has converged the multipliers become the slopes of the penalties. The weight is multiplied by
    /// [`PenaltySchedule::increase`] as long as it stays within [`PenaltySchedule::maximum`].
    ///
    /// Every subproblem is solved to [`Settings::tolerance`], from the last solution before it that has converged. Each solution is
    /// differentiated as its subproblem, with multipliers and weights held fixed. Their change from round to round is left out. It
    /// tends to zero with the violation.
    ///
    /// A network that is called between the rounds has a loss on all of them (Nguyen et al., *DEQ-MPC*, 2024):
    /// [`vjp_path`](Self::vjp_path).
    ///
    /// # Errors
    /// As [`Ilqr::solve_augmented`].
    pub fn augmented_path(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        rounds: usize,
    ) -> Result<Vec<Solution<NX, NU, NP, NS, ND>>, SolveError> {
        let PenaltySchedule { initial, increase, maximum } = self.settings().penalty;
        let mut path: Vec<Solution<NX, NU, NP, NS, ND>> = Vec::with_capacity(rounds);
        let (mut subproblem, mut weight) = (self.first_subproblem(problem, initial)?, initial);
        let mut warm = None;
        for _ in 0..rounds {
            let solution = self.solve_augmented(warm.as_ref().unwrap_or(problem), &subproblem)?;
            let factor = if weight * increase <= maximum { increase } else { 1.0 };
            weight *= factor;
            match solution.next_subproblem(factor).filter(|_| solution.status.is_converged()) {
                Some(next) => {
                    subproblem = next;
                    warm = Some(problem.clone().with_warm_start(self.model(), &solution));
                }
                None => subproblem.weights.iter_mut().for_each(|weight| *weight *= factor),
            }
            path.push(solution);
        }
        Ok(path)
    }

    /// A first subproblem of the augmented Lagrangian method: with the multipliers of the problem's warm start, or none. `weight` is
    /// a number without unit, as [`PenaltySchedule::initial`]; the unit is measured at the guess. Differences of solutions need one
    /// subproblem for all of them.
    ///
    /// # Errors
    /// As [`Ilqr::solve_augmented`]; [`SettingsError`] for a weight that is not positive.
    pub fn first_subproblem(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        weight: f64,
    ) -> Result<AugmentedLagrangian, SolveError> {
        if !(weight > 0.0 && weight.is_finite()) {
            let (name, expected) = ("weight", "a positive finite number");
            return Err(SettingsError::OutOfRange { name, given: weight, expected }.into());
        }
        let settings = *self.settings();
        self.engine_mut().first_subproblem(&settings, problem, weight)
    }

    /// Solves a subproblem of the augmented Lagrangian method: constraints are terms of the cost, with the multipliers and weights
    /// that are given, and bounds of controls stay limits. [`Settings::method`] and [`Settings::relaxation`] have no effect. The
    /// solution carries the subproblem. It is differentiated as its minimizer, with multipliers and weights held fixed;
    /// [`Ilqr::value_gradient`] is the gradient of the cost with these terms. An inequality at the value where its term begins is
    /// weakly active.
    ///
    /// # Errors
    /// As [`Ilqr::solve`]; for lists of multipliers or weights with wrong lengths or numbers; for models that choose their start.
    pub fn solve_augmented(
        &mut self,
        problem: &Problem<NX, NU, NP, NS, ND>,
        subproblem: &AugmentedLagrangian,
    ) -> Result<Solution<NX, NU, NP, NS, ND>, SolveError> {
        let mut solution = Solution::empty(self.horizon());
        let settings = *self.settings();
        self.engine_mut().solve_augmented(&settings, problem, subproblem, &mut solution)?;
        Ok(solution)
    }

    /// The gradient of a sum of losses, one on each solution of a path: of [`solve_path`](Self::solve_path), or of
    /// [`augmented_path`](Self::augmented_path). Each solution is differentiated as the problem that it solves.
    ///
    /// # Errors
    /// As [`Ilqr::vjp`], for the first solution that has no gradient; for another number of losses than solutions.
    pub fn vjp_path(
        &mut self,
        path: &[Solution<NX, NU, NP, NS, ND>],
        losses: &[LossGradient<NX, NU, ND>],
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        check_length(Input::LossGradients, losses.len(), path.len())?;
        let mut sum = Gradient::zeros(self.horizon());
        for (solution, loss) in path.iter().zip(losses) {
            sum += self.vjp(solution, loss)?;
        }
        Ok(sum)
    }
}
