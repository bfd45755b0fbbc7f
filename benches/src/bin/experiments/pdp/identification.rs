//! Identification: parameters of the dynamics from recorded controls and states. The loss is the mean squared error of
//! rollouts. PDP propagates the derivative of the state forward, as a matrix; the adjoint propagates that of the loss
//! backward, as a vector.

use std::time::Instant;

use dilqr_runtime::Model;
use dilqr_runtime::model::{ParameterGradient, ParameterTerms, Stage, StageExpansion, Variation};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::gradients::relative;
use super::least_squares::{Equations, minimize};
use super::models::arm::Arm;
use super::models::fast_cart_pole::FastCartPole;
use super::models::quadrotor::Quadrotor;
use super::models::slow_rocket::SlowRocket;
use super::systems::{self, body, tilted};
use super::times::{Blocks, rows};
use super::{Row, TimeRow, is_recorded};
use crate::Failure;
use crate::normal::normal;
use crate::timing::medians;

/// A model of which the first parameters are unknown.
#[derive(Clone, Debug)]
pub(super) struct Plant<M, const NX: usize, const NU: usize, const NP: usize> {
    pub(super) name: &'static str,
    pub(super) model: M,
    pub(super) truth: SVector<f64, NP>,
    /// Parameters of the dynamics, which come first.
    pub(super) unknown: usize,
    /// The initial state of all recordings; normal numbers without one.
    pub(super) start: Option<SVector<f64, NX>>,
    pub(super) recordings: usize,
    pub(super) horizon: usize,
    /// The largest control.
    pub(super) most: f64,
    /// The width of the uniform errors of the learner's start.
    pub(super) width: f64,
    /// Step length on half the gradient, as published.
    pub(super) rate: f64,
    pub(super) steps: usize,
}

pub(super) fn cart_pole() -> Plant<FastCartPole, 4, 1, 7> {
    Plant {
        name: "cart-pole",
        model: FastCartPole,
        truth: [1.0; 7].into(),
        unknown: 3,
        start: None,
        recordings: 3,
        horizon: 20,
        most: 10.0,
        width: 2.0,
        // The published script has 1e-4, the published results were made with 1e-3.
        rate: 1e-3,
        steps: 10_000,
    }
}

pub(super) fn arm() -> Plant<Arm, 4, 2, 8> {
    Plant {
        name: "arm",
        model: Arm,
        truth: systems::arm().truth,
        unknown: 4,
        start: None,
        recordings: 3,
        horizon: 10,
        most: 5.0,
        width: 0.8,
        rate: 1e-4,
        steps: 10_000,
    }
}

pub(super) fn quadrotor() -> Plant<Quadrotor, 13, 4, 9> {
    Plant {
        name: "quadrotor",
        model: Quadrotor,
        truth: systems::quadrotor().truth,
        unknown: 5,
        start: Some(body([-8.0, -6.0, 9.0], [1.0, 0.0, 0.0, 0.0])),
        recordings: 3,
        horizon: 10,
        most: 10.0,
        width: 0.6,
        rate: 1e-4,
        steps: 20_000,
    }
}

pub(super) fn rocket() -> Plant<SlowRocket, 13, 3, 10> {
    Plant {
        name: "rocket",
        model: SlowRocket,
        truth: systems::rocket().truth,
        unknown: 5,
        start: Some(body([10.0, -8.0, 5.0], tilted(0.5))),
        recordings: 2,
        horizon: 10,
        most: 10.0,
        width: 0.6,
        rate: 1e-4,
        steps: 2000,
    }
}

/// Controls, and the states that they lead to.
#[derive(Clone, Debug)]
pub(super) struct Recording<const NX: usize, const NU: usize> {
    controls: Vec<SVector<f64, NU>>,
    states: Vec<SVector<f64, NX>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize> Plant<M, NX, NU, NP>
where
    M: Model<NX, NU, NP>,
{
    /// Rollouts of random controls.
    pub(super) fn record(&self, random: &mut StdRng) -> Vec<Recording<NX, NU>> {
        let one = |_| {
            let start = self.start.unwrap_or_else(|| SVector::from_fn(|_, _| normal(random)));
            let mut control = || SVector::from_fn(|_, _| self.most * random.random_range(-1.0..1.0));
            let controls: Vec<_> = (0..self.horizon).map(|_| control()).collect();
            Recording { states: self.roll_out(&start, &controls, &self.truth), controls }
        };
        (0..self.recordings).map(one).collect()
    }

    fn roll_out(
        &self,
        start: &SVector<f64, NX>,
        controls: &[SVector<f64, NU>],
        params: &SVector<f64, NP>,
    ) -> Vec<SVector<f64, NX>> {
        let (mut x, none) = (*start, SVector::zeros());
        let next = |u: &SVector<f64, NU>| {
            let mut next = SVector::zeros();
            self.model.dynamics(Stage::new(&x, u, params, &none), &mut next);
            x = next;
            x
        };
        core::iter::once(*start).chain(controls.iter().map(next)).collect()
    }

    /// The derivatives of the states of a rollout, as PDP propagates them.
    fn forward(
        &self,
        states: &[SVector<f64, NX>],
        controls: &[SVector<f64, NU>],
        params: &SVector<f64, NP>,
    ) -> Vec<SMatrix<f64, NX, NP>> {
        let (none, zero) = (SVector::zeros(), SVector::zeros());
        let (mut expansion, mut terms) = (StageExpansion::zeros(), ParameterTerms::zeros());
        let mut slopes = vec![SMatrix::zeros(); states.len()];
        for (t, u) in controls.iter().enumerate() {
            let at = Stage::new(&states[t], u, params, &none);
            self.model.expand_stage(at, &mut expansion);
            self.model.parameter_terms(at, &zero, &mut terms);
            slopes[t + 1] = expansion.fx * slopes[t] + terms.fp;
        }
        slopes
    }

    /// The mean loss, and its gradient by forward propagation.
    pub(super) fn by_forward(
        &self,
        recordings: &[Recording<NX, NU>],
        params: &SVector<f64, NP>,
    ) -> (f64, SVector<f64, NP>) {
        let (mut loss, mut gradient) = (0.0, SVector::zeros());
        for Recording { controls, states } in recordings {
            let rollout = self.roll_out(&states[0], controls, params);
            let slopes = self.forward(&rollout, controls, params);
            for ((x, slope), recorded) in rollout.iter().zip(slopes).zip(states) {
                loss += (x - recorded).norm_squared();
                gradient += slope.tr_mul(&(x - recorded)) * 2.0;
            }
        }
        let count = recordings.len() as f64;
        (loss / count, gradient / count)
    }

    /// The same by the adjoint.
    pub(super) fn by_adjoint(
        &self,
        recordings: &[Recording<NX, NU>],
        params: &SVector<f64, NP>,
    ) -> (f64, SVector<f64, NP>) {
        let (none, zero, no_control) = (SVector::zeros(), SVector::zeros(), SVector::zeros());
        let (mut loss, mut gradient) = (0.0, SVector::zeros());
        let mut expansion = StageExpansion::zeros();
        for Recording { controls, states } in recordings {
            let rollout = self.roll_out(&states[0], controls, params);
            let mut lambda = SVector::<f64, NX>::zeros();
            for (t, u) in controls.iter().enumerate().rev() {
                let error = rollout[t + 1] - states[t + 1];
                loss += error.norm_squared();
                lambda += 2.0 * error;
                let at = Stage::new(&rollout[t], u, params, &none);
                let variation = Variation::new(&zero, &no_control);
                let mut of_stage = SVector::zeros();
                let out = ParameterGradient::new(&mut gradient, &mut of_stage);
                self.model.add_parameter_contraction(at, &zero, variation, &lambda, out);
                self.model.expand_stage(at, &mut expansion);
                lambda = expansion.fx.tr_mul(&lambda);
            }
        }
        let count = recordings.len() as f64;
        (loss / count, gradient / count)
    }

    fn equations(&self, recordings: &[Recording<NX, NU>], params: &SVector<f64, NP>) -> Option<Equations<NP>> {
        let mut equations = Equations::new();
        for Recording { controls, states } in recordings {
            let rollout = self.roll_out(&states[0], controls, params);
            let slopes = self.forward(&rollout, controls, params);
            for ((x, slope), recorded) in rollout.iter().zip(&slopes).zip(states) {
                equations.add(&(x - recorded), slope, 1.0 / recordings.len() as f64);
            }
        }
        equations.loss.is_finite().then_some(equations)
    }

    /// The start of a learner.
    pub(super) fn start_of(&self, random: &mut StdRng) -> SVector<f64, NP> {
        let mut start = self.truth;
        for entry in start.iter_mut().take(self.unknown) {
            *entry += self.width * random.random_range(-0.5..0.5);
        }
        start
    }

    /// Times of a gradient by both propagations at a start.
    pub(super) fn times(&self, (blocks, length): Blocks) -> Vec<TimeRow> {
        let mut random = StdRng::seed_from_u64(0);
        let (recordings, start) = (self.record(&mut random), self.start_of(&mut random));
        let mut operations: [Box<dyn FnMut() + '_>; 2] = [
            Box::new(|| {
                std::hint::black_box(self.by_adjoint(&recordings, &start));
            }),
            Box::new(|| {
                std::hint::black_box(self.by_forward(&recordings, &start));
            }),
        ];
        let seconds = medians(blocks, length, &mut operations);
        rows((self.name, "identification", self.horizon), &["adjoint", "PDP"], &seconds)
    }

    /// The rows of a trial: gradient descent by the adjoint, and Gauss and Newton's method from the same start.
    pub(super) fn learn(&self, trial: usize, (steps, tries): (usize, usize)) -> Result<Vec<Row>, Failure> {
        let mut random = StdRng::seed_from_u64(trial as u64);
        let (recordings, start) = (self.record(&mut random), self.start_of(&mut random));
        let mut rows = Vec::new();
        let (mut params, mut seconds) = (start, 0.0);
        for step in 0..=steps {
            let begin = Instant::now();
            let (loss, gradient) = self.by_adjoint(&recordings, &params);
            seconds += begin.elapsed().as_secs_f64();
            let lost = !(loss.is_finite() && gradient.iter().all(|entry| entry.is_finite()));
            if lost || step == 0 || is_recorded(step, steps) {
                let (_, forward) = self.by_forward(&recordings, &params);
                let row = Row::new(("identification", self.name, "gradient descent"), (trial, step));
                let (distance, unsolved) = ((params - self.truth).norm(), usize::from(lost));
                rows.push(Row { loss, distance, pdp: Some(relative(&forward, &gradient)), unsolved, seconds, ..row });
            }
            if lost {
                break;
            }
            params -= gradient * (0.5 * self.rate);
        }
        let begin = Instant::now();
        let point = |step, params: &SVector<f64, NP>, loss| {
            let row = Row::new(("identification", self.name, "Gauss-Newton"), (trial, step));
            let (distance, seconds) = ((params - self.truth).norm(), begin.elapsed().as_secs_f64());
            rows.push(Row { loss, distance, seconds, ..row });
        };
        minimize(start, tries, |params| Ok(self.equations(&recordings, params)), point)?;
        Ok(rows)
    }
}
