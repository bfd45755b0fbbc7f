//! First-order optimizers, step by step as PyTorch defines them.

use dilqr_runtime::nalgebra::SVector;
use serde::{Deserialize, Serialize};

use crate::adam::Adam;

/// Which optimizer; step lengths are in the unit of the learned numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Choice {
    /// RMSprop with a step length of 1e-2 and a smoothing of 0.5: the publications' choice.
    #[serde(rename = "RMSprop")]
    Rmsprop,
    /// Adam with a step length of 5e-2 that falls geometrically to 5e-7 in the last two fifths of the epochs.
    Adam,
    /// Adam with a step length of 5e-2 for half of the epochs, then Gauss-Newton steps.
    #[serde(rename = "Adam, Gauss-Newton")]
    AdamGaussNewton,
    /// Gauss-Newton steps with damping: no first-order method.
    #[serde(rename = "Gauss-Newton")]
    GaussNewton,
    /// The same, along a path of relaxed problems to that with its bounds.
    #[serde(rename = "relaxed Gauss-Newton")]
    RelaxedGaussNewton,
}

impl Choice {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rmsprop => "RMSprop",
            Self::Adam => "Adam",
            Self::AdamGaussNewton => "Adam, then Gauss-Newton",
            Self::GaussNewton => "Gauss-Newton",
            Self::RelaxedGaussNewton => "relaxed Gauss-Newton",
        }
    }
}

/// RMSprop: `v <- alpha v + (1 - alpha) g^2`, `x <- x - rate g / (sqrt(v) + 1e-8)`.
#[derive(Clone, Debug)]
pub(crate) struct Rmsprop<const N: usize> {
    rate: f64,
    alpha: f64,
    squares: SVector<f64, N>,
}

const EPSILON: f64 = 1e-8;

const ADAM_RATE: f64 = 5e-2;

impl<const N: usize> Rmsprop<N> {
    pub(crate) fn new(rate: f64, alpha: f64) -> Self {
        Self { rate, alpha, squares: SVector::zeros() }
    }

    pub(crate) fn step(&mut self, x: &mut SVector<f64, N>, gradient: &SVector<f64, N>) {
        for i in 0..N {
            self.squares[i] = self.alpha * self.squares[i] + (1.0 - self.alpha) * gradient[i].powi(2);
            x[i] -= self.rate * gradient[i] / (self.squares[i].sqrt() + EPSILON);
        }
    }
}

/// An optimizer at work on `N` numbers.
#[derive(Clone, Debug)]
pub(crate) enum Optimizer<const N: usize> {
    Rmsprop(Rmsprop<N>),
    Adam(Adam),
    AdamWithoutDecay(Adam),
}

impl<const N: usize> Optimizer<N> {
    /// `None` for methods that do not begin with first-order steps.
    pub(crate) fn new(choice: Choice) -> Option<Self> {
        match choice {
            Choice::Rmsprop => Some(Self::Rmsprop(Rmsprop::new(1e-2, 0.5))),
            Choice::Adam => Some(Self::Adam(Adam::with_epsilon(N, EPSILON))),
            Choice::AdamGaussNewton => Some(Self::AdamWithoutDecay(Adam::with_epsilon(N, EPSILON))),
            Choice::GaussNewton | Choice::RelaxedGaussNewton => None,
        }
    }

    /// One step down the gradient, after this fraction of all epochs.
    pub(crate) fn step(&mut self, x: &mut SVector<f64, N>, gradient: &SVector<f64, N>, progress: f64) {
        match self {
            Self::Rmsprop(rmsprop) => rmsprop.step(x, gradient),
            Self::AdamWithoutDecay(adam) => adam.step(x.as_mut_slice(), gradient.as_slice(), ADAM_RATE),
            Self::Adam(adam) => {
                let rate = ADAM_RATE * 1e-5_f64.powf(((progress - 0.6) / 0.4).max(0.0));
                adam.step(x.as_mut_slice(), gradient.as_slice(), rate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        // Some operations on numbers of at most 2, each rounded once.
        (a - b).abs() <= 1e-14
    }

    /// By hand, with alpha 0.5 and rate 0.01, gradients (3, 0) and (-1, 2):
    /// v = (4.5, 0), x = 1 - 0.01 3 / sqrt 4.5; v = (2.75, 2), x - 0.01 (-1) / sqrt 2.75, -0.01 2 / sqrt 2.
    #[test]
    fn rmsprop_by_hand() {
        let mut rmsprop = Rmsprop::new(0.01, 0.5);
        let mut x = SVector::from([1.0, 1.0]);
        rmsprop.step(&mut x, &SVector::from([3.0, 0.0]));
        let first = 1.0 - 0.03 / (4.5_f64.sqrt() + 1e-8);
        assert!(near(x[0], first) && x[1] == 1.0, "{x}");
        rmsprop.step(&mut x, &SVector::from([-1.0, 2.0]));
        assert!(near(x[0], first + 0.01 / (2.75_f64.sqrt() + 1e-8)), "{x}");
        assert!(near(x[1], 1.0 - 0.02 / (2.0_f64.sqrt() + 1e-8)), "{x}");
    }

    /// A bowl that is a hundred times steeper one way than the other.
    #[test]
    fn adam_with_decay_finds_the_bottom() {
        let mut optimizer = Optimizer::new(Choice::Adam).expect("it is a first-order method");
        let mut x = SVector::from([2.0, -1.0]);
        for step in 0..1000 {
            let gradient = SVector::from([100.0 * (x[0] - 0.5), x[1] - 0.25]);
            optimizer.step(&mut x, &gradient, f64::from(step) / 1000.0);
        }
        // The last steps are of 5e-7.
        assert!((x - SVector::from([0.5, 0.25])).amax() < 1e-5, "{x}");
    }
}
