//! The demonstrated problems, solved at a learner's parameters: losses and their derivatives.

use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Differentiation, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status};

use crate::Failure;
use crate::system::{Demonstration, HORIZON, System, settings};
use crate::unknowns::Unknowns;

/// Counts of failures. These problems are left out of gradients and losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    /// Solves.
    pub(crate) solves: usize,
    /// Solves that did not converge, or whose parameters were not finite.
    pub(crate) unsolved: usize,
    /// Solutions without a gradient (weakly active bounds).
    pub(crate) undifferentiable: usize,
}

/// Problems of a set of demonstrations, each with the learner's last solution.
pub(crate) struct Pupil<'a, M, const NX: usize, const NP: usize>
where
    M: Model<NX, 1, NP>,
{
    model: M,
    solver: Ilqr<M, NX, 1, NP>,
    pub(crate) demonstrations: &'a [Demonstration<NX, NP>],
    pub(crate) last: Vec<Option<Solution<NX, 1, NP>>>,
    pub(crate) refusals: Refusals,
}

impl<'a, M, const NX: usize, const NP: usize> Pupil<'a, M, NX, NP>
where
    M: Model<NX, 1, NP> + Copy,
{
    pub(crate) fn new(
        system: &System<M, NX, NP>,
        demonstrations: &'a [Demonstration<NX, NP>],
    ) -> Result<Self, Failure> {
        let (model, solver) = (system.model, system.solver(HORIZON)?);
        let last = vec![None; demonstrations.len()];
        Ok(Self { model, solver, demonstrations, last, refusals: Refusals::default() })
    }

    /// From now on every problem is solved with this relaxation, the first time from the demonstrated controls again.
    pub(crate) fn relax(&mut self, relaxation: Option<f64>) -> Result<(), Failure> {
        self.solver = Ilqr::new(self.model, HORIZON, Settings { relaxation, ..settings() })?;
        self.forget();
        Ok(())
    }

    /// Solves every problem from the demonstrated controls again, to leave minima other than the expert's.
    pub(crate) fn forget(&mut self) {
        self.last.fill(None);
    }

    /// Solves the problem of a demonstration at some parameters. Returns whether it converged.
    fn solve(&mut self, index: usize, params: &SVector<f64, NP>) -> bool {
        let expert = &self.demonstrations[index];
        let problem = Problem::new(expert.x0, *params, HORIZON);
        if let Some(last) = &self.last[index] {
            let problem = problem.clone().with_warm_start(&self.model, last);
            if self.attempt(index, &problem) {
                return true;
            }
        }
        self.attempt(index, &problem.clone().with_controls(&expert.controls)) || self.attempt(index, &problem)
    }

    fn attempt(&mut self, index: usize, problem: &Problem<NX, 1, NP>) -> bool {
        self.refusals.solves += 1;
        match self.solver.solve(problem) {
            Ok(solution) if solution.status == Status::Converged => {
                self.last[index] = Some(solution);
                true
            }
            _ => {
                self.refusals.unsolved += 1;
                false
            }
        }
    }

    /// Controls of the learner minus the expert's.
    fn errors(&self, index: usize) -> impl Iterator<Item = f64> + '_ {
        let own = self.last[index].as_ref().map_or(&[][..], |solution| &solution.controls);
        own.iter().zip(&self.demonstrations[index].controls).map(|(own, expert)| own[0] - expert[0])
    }

    /// The mean squared error over some demonstrations, and its gradient in the parameters. `None` where no problem has
    /// a gradient; those that have none are left out of both.
    pub(crate) fn gradient(
        &mut self,
        params: &SVector<f64, NP>,
        batch: &[usize],
        differentiation: Differentiation,
    ) -> Option<(f64, SVector<f64, NP>)> {
        let (mut loss, mut gradient, mut count) = (0.0, SVector::zeros(), 0);
        for &index in batch {
            if !self.solve(index, params) {
                continue;
            }
            let mut slope = LossGradient::zeros(HORIZON);
            let mut own = 0.0;
            for (slope, error) in slope.controls.iter_mut().zip(self.errors(index)) {
                slope[0] = 2.0 * error;
                own += error * error;
            }
            let Some(solution) = &self.last[index] else { continue };
            match self.solver.vjp_with(solution, &slope, differentiation) {
                Ok(more) => {
                    gradient += more.params;
                    loss += own;
                    count += 1;
                }
                Err(_) => self.refusals.undifferentiable += 1,
            }
        }
        let scale = (count * HORIZON) as f64;
        (count > 0).then(|| (loss / scale, gradient / scale))
    }

    /// The mean squared error over all demonstrations; `None` where a problem has no solution.
    pub(crate) fn loss(&mut self, params: &SVector<f64, NP>) -> Option<f64> {
        let mut loss = 0.0;
        for index in 0..self.demonstrations.len() {
            if !self.solve(index, params) {
                return None;
            }
            loss += self.errors(index).map(|error| error * error).sum::<f64>();
        }
        Some(loss / (self.demonstrations.len() * HORIZON) as f64)
    }

    /// The mean squared error over those that have a gradient, half its gradient and half its Gauss-Newton Hessian in
    /// `theta`.
    pub(crate) fn normal_equations(
        &mut self,
        unknowns: &Unknowns<NP>,
        theta: &SVector<f64, NP>,
    ) -> Option<(SMatrix<f64, NP, NP>, SVector<f64, NP>)> {
        let (mut matrix, mut vector, mut count) = (SMatrix::zeros(), SVector::zeros(), 0);
        for index in 0..self.demonstrations.len() {
            let Some(solution) = &self.last[index] else { continue };
            let Ok(jacobian) = self.solver.jacobian(solution) else {
                self.refusals.undifferentiable += 1;
                continue;
            };
            for (row, error) in jacobian.controls.iter().zip(self.errors(index)) {
                let row = unknowns.pull_back(theta, &row.transpose());
                matrix += row * row.transpose();
                vector += row * error;
            }
            count += 1;
        }
        let scale = (count * HORIZON) as f64;
        (count > 0).then(|| (matrix / scale, vector / scale))
    }
}

/// The loss by solves from zero controls, as for the expert, and the number of failed solves. The loss is `None` if all
/// failed.
pub(crate) fn judge<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    demonstrations: &[Demonstration<NX, NP>],
    params: &SVector<f64, NP>,
) -> Result<(Option<f64>, usize), Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let mut solver = system.solver(HORIZON)?;
    let (mut sum, mut solved) = (0.0, 0);
    for expert in demonstrations {
        match solver.solve(&Problem::new(expert.x0, *params, HORIZON)) {
            Ok(solution) if solution.status == Status::Converged => {
                sum += solution.controls.iter().zip(&expert.controls).map(|(a, b)| (a - b).norm_squared()).sum::<f64>();
                solved += 1;
            }
            _ => {}
        }
    }
    Ok(((solved > 0).then(|| sum / (solved * HORIZON) as f64), demonstrations.len() - solved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{cartpole, pendulum};
    use crate::unknowns::Mode;

    /// The gradient of the loss in what is learned, by a batch of all demonstrations, against central differences of
    /// the loss; exact for the exact method, and inexact for the others.
    fn check<M, const NX: usize, const NP: usize>(system: &System<M, NX, NP>, mode: Mode) -> Result<(), Failure>
    where
        M: Model<NX, 1, NP> + Copy,
    {
        let demonstrations = system.demonstrate(3, 4, 1)?;
        let unknowns = Unknowns::new(system, mode, false)?;
        let mut pupil = Pupil::new(system, &demonstrations.train)?;
        // Differences need more digits than learning does.
        pupil.solver = Ilqr::new(system.model, HORIZON, Settings { tolerance: 1e-12, ..settings() })?;
        // Dynamics near the expert's: where learning starts bounds hold nearly every control of the pendulum.
        let dynamics = System::<M, NX, NP>::DYNAMICS;
        let theta = SVector::from_fn(|i, _| match (unknowns.learned[i], i < dynamics) {
            (true, true) => 1.1 * system.expert[i],
            (true, false) => unknowns.start[i] + 0.2 * (1.0 + i as f64).sin(),
            (false, _) => unknowns.start[i],
        });
        let params = unknowns.params(&theta);
        let all = [0, 1, 2, 3];
        let by = |pupil: &mut Pupil<'_, M, NX, NP>, method| {
            pupil.gradient(&params, &all, method).map(|(loss, gradient)| (loss, unknowns.pull_back(&theta, &gradient)))
        };
        let (loss, gradient) = by(&mut pupil, Differentiation::Implicit).ok_or("no gradient")?;
        let own = pupil.loss(&params).ok_or("no loss")?;
        assert!((loss - own).abs() <= 1e-9 * own, "{loss} and {own}");
        let (matrix, half) = pupil.normal_equations(&unknowns, &theta).ok_or("no equations")?;
        assert!((2.0 * half - gradient).amax() <= 1e-6 * gradient.amax(), "two ways to the gradient");
        // A sum of squares: no direction has a negative one.
        assert!((gradient.transpose() * matrix * gradient)[0] > 0.0 && matrix.diagonal().min() >= 0.0);
        let mut differences = SVector::<f64, NP>::zeros();
        for i in (0..NP).filter(|&i| unknowns.learned[i]) {
            let mut value = |h: f64| {
                let mut moved = theta;
                moved[i] += h;
                pupil.loss(&unknowns.params(&moved)).ok_or("no loss")
            };
            // A step of 1e-4 leaves 1e-8 times third derivatives, and of the solves' 1e-12 a part of 1e-8.
            differences[i] = (value(1e-4)? - value(-1e-4)?) / 2e-4;
        }
        let error = (gradient - differences).amax() / differences.amax();
        assert!(error < 1e-4, "{} {}: {error:e}", system.name, mode.name());
        assert!(pupil.refusals.solves >= 8 && pupil.refusals.unsolved == 0);
        let (_, fixed) = by(&mut pupil, Differentiation::FixedLinearization).ok_or("no gradient")?;
        let fixed = (fixed - differences).amax() / differences.amax();
        // The pendulum has bounds active on so many controls that the linearization hardly changes.
        assert!(system.name == "pendulum" || fixed > 10.0 * error, "{}: {fixed:e} and {error:e}", mode.name());
        Ok(())
    }

    #[test]
    fn gradients_of_the_loss() -> Result<(), Failure> {
        for mode in Mode::ALL {
            check(&pendulum(), mode)?;
            check(&cartpole(), mode)?;
        }
        Ok(())
    }
}
