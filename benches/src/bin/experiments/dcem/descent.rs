//! The outer training of both tasks: Adam on clipped gradients, with a rate that is halved where a check stops
//! improving.

use crate::adam::Adam;

/// The relative fall of a check that counts as an improvement, as in PyTorch's `ReduceLROnPlateau`.
const IMPROVEMENT: f64 = 1e-4;

#[derive(Clone, Debug)]
pub(super) struct Descent {
    adam: Adam,
    pub(super) rate: f64,
    best: f64,
    /// Checks without improvement in a row, and the largest number of them at one rate.
    stale: usize,
    patience: usize,
}

impl Descent {
    pub(super) fn new(weights: usize, rate: f64, patience: usize) -> Self {
        // The epsilon is PyTorch's.
        Self { adam: Adam::with_epsilon(weights, 1e-8), rate, best: f64::INFINITY, stale: 0, patience }
    }

    /// A step down the gradient, which is shortened to a length of one first.
    pub(super) fn step(&mut self, weights: &mut [f64], gradient: &mut [f64]) {
        let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        if length > 1.0 {
            gradient.iter_mut().for_each(|g| *g /= length);
        }
        self.adam.step(weights, gradient, self.rate);
    }

    /// Takes the value of a check.
    pub(super) fn check(&mut self, value: f64) {
        // Before the first check everything is better.
        if self.best.is_infinite() || value < self.best - IMPROVEMENT * self.best.abs() {
            self.best = value;
            self.stale = 0;
            return;
        }
        self.stale += 1;
        if self.stale > self.patience {
            self.rate *= 0.5;
            self.stale = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_on_plateaus() {
        let mut descent = Descent::new(1, 0.4, 2);
        // Costs may be negative. The fourth value is no improvement, since it is less than a ten thousandth of the best
        // one.
        for (value, rate) in [(-1.0, 0.4), (-2.0, 0.4), (-1.0, 0.4), (-2.0001, 0.4), (-1.5, 0.2), (-3.0, 0.2)] {
            descent.check(value);
            assert_eq!(descent.rate, rate, "{value}");
        }
    }

    /// Adam's first step is the rate, whatever the length of the gradient.
    #[test]
    fn gradients_are_clipped() {
        let (mut weights, mut gradient) = ([0.0, 0.0], [30.0, -40.0]);
        Descent::new(2, 0.1, 1).step(&mut weights, &mut gradient);
        assert!((gradient[0] - 0.6).abs() < 1e-15 && (gradient[1] + 0.8).abs() < 1e-15);
        // Adam's epsilon is 1e-8 beside a gradient of the size of one.
        assert!((weights[0] + 0.1).abs() < 1e-8 && (weights[1] - 0.1).abs() < 1e-8, "{weights:?}");
    }
}
