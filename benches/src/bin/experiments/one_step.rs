//! System identification, the classical way: parameters of the dynamics from the errors of one-step predictions along
//! the demonstrated states and controls. No control problem is solved.

use std::time::Instant;

use dilqr_runtime::Model;
use dilqr_runtime::model::{ParameterTerms, Stage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::learner::{BATCH, ENOUGH, End, Outcome, PATIENCE};
use crate::optimizer::{Choice, Optimizer};
use crate::pupil::Refusals;
use crate::system::{Demonstration, System};
use crate::unknowns::Unknowns;

/// Sums over the steps of some demonstrations: squared errors, half their gradient and half their Gauss-Newton Hessian
/// in `theta`; all divided by the number of entries.
pub(crate) struct Equations<const NP: usize> {
    pub(crate) loss: f64,
    pub(crate) vector: SVector<f64, NP>,
    matrix: SMatrix<f64, NP, NP>,
}

/// Mean squared one-step errors at some parameters.
pub(crate) fn equations<'a, M, const NX: usize, const NP: usize>(
    model: &M,
    unknowns: &Unknowns<NP>,
    theta: &SVector<f64, NP>,
    demonstrations: impl Iterator<Item = &'a Demonstration<NX, NP>>,
) -> Equations<NP>
where
    M: Model<NX, 1, NP>,
{
    let params = unknowns.params(theta);
    let mut sums = Equations { loss: 0.0, vector: SVector::zeros(), matrix: SMatrix::zeros() };
    let (none, no_costate) = (SVector::zeros(), SVector::zeros());
    let mut count = 0;
    for demonstration in demonstrations {
        for (t, u) in demonstration.controls.iter().enumerate() {
            let x = &demonstration.states[t];
            let mut next = SVector::zeros();
            model.dynamics(Stage::new(x, u, &params, &none), &mut next);
            let mut terms = ParameterTerms::zeros();
            model.parameter_terms(Stage::new(x, u, &params, &none), &no_costate, &mut terms);
            let error = next - demonstration.states[t + 1];
            for i in 0..NX {
                let row = unknowns.pull_back(theta, &terms.fp.row(i).transpose());
                sums.loss += error[i] * error[i];
                sums.vector += row * error[i];
                sums.matrix += row * row.transpose();
            }
            count += NX;
        }
    }
    let scale = 1.0 / count as f64;
    sums.loss *= scale;
    sums.vector *= scale;
    sums.matrix *= scale;
    sums
}

/// Learns from one-step errors. The curve and the stopping conditions of the outcome refer to these.
pub(crate) fn identify<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    demonstrations: &[Demonstration<NX, NP>],
    unknowns: &Unknowns<NP>,
    choice: Choice,
    epochs: usize,
    seed: u64,
) -> Outcome<NP>
where
    M: Model<NX, 1, NP> + Copy,
{
    let begin = Instant::now();
    let mut random = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..demonstrations.len()).collect();
    let mut optimizer = Optimizer::new(choice);
    let mut theta = unknowns.start;
    let (mut best, mut low) = ((f64::INFINITY, theta), (f64::INFINITY, 0));
    let mut curve: Vec<f64> = Vec::new();
    let mut negative = false;
    let mut damping = 1e-3;
    let mut scale = SVector::<f64, NP>::zeros();
    let mut end = End::Epochs;
    while curve.len() < epochs {
        let all = equations(&system.model, unknowns, &theta, demonstrations.iter());
        curve.push(all.loss);
        if all.loss < best.0 {
            best = (all.loss, theta);
        }
        if all.loss < 0.99 * low.0 {
            low = (all.loss, curve.len());
        }
        // Errors of controls are some ten to a thousand times those of predictions.
        if all.loss <= 1e-6 * ENOUGH {
            end = End::Learned;
            break;
        }
        if curve.len() - low.1 >= PATIENCE {
            end = End::Plateau;
            break;
        }
        match &mut optimizer {
            Some(optimizer) => {
                order.shuffle(&mut random);
                let done = curve.len() as f64 / epochs as f64;
                for batch in order.chunks(BATCH) {
                    let batch = batch.iter().map(|&index| &demonstrations[index]);
                    let gradient = 2.0 * equations(&system.model, unknowns, &theta, batch).vector;
                    optimizer.step(&mut theta, &gradient, done);
                }
            }
            None => {
                let largest = all.matrix.diagonal().amax().max(f64::MIN_POSITIVE);
                // As for controls: the largest curvature met so far.
                scale = scale.sup(&all.matrix.diagonal().map(|entry| entry.max(1e-12 * largest)));
                let damped = all.matrix + SMatrix::from_diagonal(&(scale * damping));
                let trial = damped.cholesky().map(|factor| theta - factor.solve(&all.vector));
                let better = trial
                    .filter(|trial| equations(&system.model, unknowns, trial, demonstrations.iter()).loss < all.loss);
                match better {
                    Some(trial) => {
                        theta = trial;
                        damping = f64::max(damping / 10.0, 1e-15);
                    }
                    None => damping *= 10.0,
                }
                if damping > 1e12 {
                    end = End::Plateau;
                    break;
                }
            }
        }
        negative |= unknowns.params(&theta).rows(0, System::<M, NX, NP>::DYNAMICS).iter().any(|&p| p <= 0.0);
    }
    Outcome {
        end,
        epochs: curve.len(),
        params: unknowns.params(&best.1),
        negative,
        refusals: Refusals::default(),
        seconds: begin.elapsed().as_secs_f64(),
        seconds_to_milestone: None,
        curve,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;
    use crate::system::{cartpole, pendulum};
    use crate::unknowns::Mode;

    /// Compares the gradient with central differences, and finds the expert.
    fn check<M, const NX: usize, const NP: usize>(system: &System<M, NX, NP>) -> Result<(), Failure>
    where
        M: Model<NX, 1, NP> + Copy,
    {
        let train = system.demonstrate(2, 5, 1)?.train;
        let unknowns = Unknowns::new(system, Mode::Dynamics, true)?;
        let theta = unknowns.start;
        let at = equations(&system.model, &unknowns, &theta, train.iter());
        for i in 0..NP {
            let loss = |h: f64| {
                let mut moved = theta;
                moved[i] += h;
                equations(&system.model, &unknowns, &moved, train.iter()).loss
            };
            // A step of 1e-5 leaves 1e-10 times third derivatives and rounding of 1e-11.
            let difference = if unknowns.learned[i] { (loss(1e-5) - loss(-1e-5)) / 2e-5 } else { 0.0 };
            assert!((2.0 * at.vector[i] - difference).abs() < 1e-7, "{}: {difference}", system.names[i]);
        }
        let outcome = identify(system, &train, &unknowns, Choice::GaussNewton, 200, 0);
        let params = &outcome.params;
        let next = |params: &SVector<f64, NP>| {
            let mut next = SVector::zeros();
            system
                .model
                .dynamics(Stage::new(&train[0].states[3], &train[0].controls[3], params, &SVector::zeros()), &mut next);
            next
        };
        assert!(
            (next(params) - next(&system.expert)).amax() < 1e-8,
            "{} {:?} {:?}",
            system.name,
            outcome.end,
            outcome.curve
        );
        Ok(())
    }

    #[test]
    fn predictions() -> Result<(), Failure> {
        check(&pendulum())?;
        check(&cartpole())
    }
}
