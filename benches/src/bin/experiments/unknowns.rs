//! The unknowns: unconstrained numbers `theta`, and the map to the parameters of the problem.
//!
//! For parameters of the dynamics, `theta` is the value, or (with positivity) the value is the softplus of `theta`. For
//! those of the cost, as in mpc.pytorch's imitation: logits of the weights, `q = 1 / (1 + exp(-theta))`, and `phat`
//! with the linear terms `sqrt(q) phat`. Parameters that are not learned have the expert's values.

use dilqr_runtime::Model;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::transform::{Transform, Transforms};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::system::System;

/// The learned parameters; the publications' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// The dynamics'.
    #[serde(rename = "dx")]
    Dynamics,
    /// The cost's.
    #[serde(rename = "dcost")]
    Cost,
    /// Both.
    #[serde(rename = "dcost+dx")]
    Both,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Dynamics, Self::Cost, Self::Both];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dynamics => "dx",
            Self::Cost => "dcost",
            Self::Both => "dcost+dx",
        }
    }

    pub(crate) fn learns_dynamics(self) -> bool {
        self != Self::Cost
    }

    pub(crate) fn learns_cost(self) -> bool {
        self != Self::Dynamics
    }
}

/// The map from `theta` to the parameters, both of `NP` numbers.
#[derive(Clone, Debug)]
pub(crate) struct Unknowns<const NP: usize> {
    transforms: Transforms<NP>,
    /// The initial value.
    pub(crate) start: SVector<f64, NP>,
    /// The learned entries.
    pub(crate) learned: [bool; NP],
    /// First index and number of the weights; the linear terms follow them. `None` if the cost is not learned.
    cost: Option<(usize, usize)>,
}

impl<const NP: usize> Unknowns<NP> {
    pub(crate) fn new<M, const NX: usize>(
        system: &System<M, NX, NP>,
        mode: Mode,
        positive: bool,
    ) -> Result<Self, Failure>
    where
        M: Model<NX, 1, NP> + Copy,
    {
        let dynamics = System::<M, NX, NP>::DYNAMICS;
        let mut transforms = Transforms::new(system.names);
        let mut params = if mode.learns_dynamics() { system.start() } else { system.expert };
        let mut learned = [false; NP];
        if mode.learns_dynamics() {
            learned[..dynamics].fill(true);
            if positive {
                for name in &system.names[..dynamics] {
                    transforms = transforms.with(name, Transform::Positive)?;
                }
            }
        }
        let cost = mode.learns_cost().then_some((dynamics, NX + 1));
        if let Some((first, count)) = cost {
            transforms = transforms.with("weight", Transform::Interval { lower: 0.0, upper: 1.0 })?;
            learned[first..first + 2 * count].fill(true);
            // Logits and phat of zero.
            params.rows_mut(first, count).fill(0.5);
            params.rows_mut(first + count, count).fill(0.0);
        }
        Ok(Self { start: transforms.inverse(&params)?, transforms, learned, cost })
    }

    /// The problem's parameters.
    pub(crate) fn params(&self, theta: &SVector<f64, NP>) -> SVector<f64, NP> {
        let mut params = self.transforms.apply(theta);
        if let Some((first, count)) = self.cost {
            for i in first..first + count {
                params[i + count] *= params[i].sqrt();
            }
        }
        params
    }

    /// The gradient in `theta`, zero for what is not learned, from that in the parameters: the chain rule.
    pub(crate) fn pull_back(&self, theta: &SVector<f64, NP>, gradient: &SVector<f64, NP>) -> SVector<f64, NP> {
        let mut gradient = *gradient;
        if let Some((first, count)) = self.cost {
            let values = self.transforms.apply(theta);
            for i in first..first + count {
                let root = values[i].sqrt();
                gradient[i] += gradient[i + count] * values[i + count] / (2.0 * root);
                gradient[i + count] *= root;
            }
        }
        let gradient = self.transforms.pull_back(theta, &gradient);
        SVector::from_fn(|i, _| if self.learned[i] { gradient[i] } else { 0.0 })
    }

    /// Mean squared error of the learned parameters.
    pub(crate) fn error(&self, params: &SVector<f64, NP>, expert: &SVector<f64, NP>) -> f64 {
        let squares = (0..NP).filter(|&i| self.learned[i]).map(|i| (params[i] - expert[i]).powi(2));
        squares.sum::<f64>() / self.learned.iter().filter(|&&learned| learned).count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{cartpole, pendulum};

    fn check<M, const NX: usize, const NP: usize>(system: &System<M, NX, NP>) -> Result<(), Failure>
    where
        M: Model<NX, 1, NP> + Copy,
    {
        for (mode, positive) in
            [(Mode::Dynamics, false), (Mode::Dynamics, true), (Mode::Cost, false), (Mode::Both, true)]
        {
            let unknowns = Unknowns::new(system, mode, positive)?;
            // The publications' start.
            let params = unknowns.params(&unknowns.start);
            let dynamics = System::<M, NX, NP>::DYNAMICS;
            let expected = if mode.learns_dynamics() { system.start() } else { system.expert };
            for i in 0..dynamics {
                assert!((params[i] - expected[i]).abs() < 1e-12, "{mode:?}");
            }
            let cost = params.rows(dynamics, NP - dynamics - 1).into_owned();
            for (i, &value) in cost.iter().enumerate() {
                let start = if i <= NX { 0.5 } else { 0.0 };
                let expected = if mode.learns_cost() { start } else { system.expert[dynamics + i] };
                assert_eq!(value, expected, "{mode:?}");
            }
            assert_eq!(params[NP - 1], system.expert[NP - 1], "the limit is known");

            // The chain rule against central differences of a random linear function: a step of 1e-6 leaves 1e-12 times
            // third derivatives and rounding of 1e-10.
            let theta = SVector::from_fn(|i, _| unknowns.start[i] + 0.3 * (i as f64).sin());
            let slope = SVector::<f64, NP>::from_fn(|i, _| (1.7 * i as f64 + 0.4).cos());
            let given = unknowns.pull_back(&theta, &slope);
            for i in 0..NP {
                let mut moved = [theta; 2];
                moved[0][i] += 1e-6;
                moved[1][i] -= 1e-6;
                let [up, down] = moved.map(|theta| slope.dot(&unknowns.params(&theta)));
                let difference = if unknowns.learned[i] { (up - down) / 2e-6 } else { 0.0 };
                assert!((given[i] - difference).abs() < 1e-8, "{mode:?} {i}: {} and {difference}", given[i]);
            }
        }
        Ok(())
    }

    #[test]
    fn starts_and_slopes() -> Result<(), Failure> {
        check(&pendulum())?;
        check(&cartpole())
    }

    #[test]
    fn errors_are_over_what_is_learned() -> Result<(), Failure> {
        let system = pendulum();
        let unknowns = Unknowns::new(&system, Mode::Dynamics, false)?;
        let mut params = system.start();
        params[5] += 7.0;
        // (5^2 + 2^2 + 0.5^2) / 3
        assert!((unknowns.error(&params, &system.expert) - 29.25 / 3.0).abs() < 1e-12);
        Ok(())
    }
}
