//! Adam, on any number of weights.

/// The decay of the mean gradient, and of the mean square.
const DECAY: [f64; 2] = [0.9, 0.999];

/// Adam (Kingma and Ba 2015), with the step length of each step given.
#[derive(Clone, Debug)]
pub(crate) struct Adam {
    epsilon: f64,
    steps: i32,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Adam {
    /// For so many weights.
    pub(crate) fn new(weights: usize) -> Self {
        Self::with_epsilon(weights, 1e-12)
    }

    /// `epsilon` is added to the roots of the mean squares, in the unit of the gradient.
    pub(crate) fn with_epsilon(weights: usize, epsilon: f64) -> Self {
        Self { epsilon, steps: 0, means: vec![0.0; weights], squares: vec![0.0; weights] }
    }

    /// A step of this length down the gradient.
    pub(crate) fn step(&mut self, weights: &mut [f64], gradient: &[f64], rate: f64) {
        let [of_mean, of_square] = DECAY;
        self.steps = self.steps.saturating_add(1);
        let (unbiased, unbiased_square) = (1.0 - of_mean.powi(self.steps), 1.0 - of_square.powi(self.steps));
        let averages = self.means.iter_mut().zip(&mut self.squares);
        for ((weight, g), (mean, square)) in weights.iter_mut().zip(gradient).zip(averages) {
            *mean = of_mean * *mean + (1.0 - of_mean) * g;
            *square = of_square * *square + (1.0 - of_square) * g.powi(2);
            *weight -= rate * (*mean / unbiased) / ((*square / unbiased_square).sqrt() + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the first step is the rate against the gradient's sign, whatever the gradient's size; the second of gradients 2
    /// and -1 is rate (0.08 / 0.19) / sqrt(0.004996 / 0.001999), since 0.9 0.1 2 - 0.1 = 0.08, 1 - 0.9^2 = 0.19,
    /// 0.999 0.001 4 + 0.001 = 0.004996 and 1 - 0.999^2 = 0.001999.
    #[test]
    fn by_hand() {
        for epsilon in [1e-8, 1e-12] {
            let (mut adam, mut x) = (Adam::with_epsilon(1, epsilon), [1.0]);
            adam.step(&mut x, &[2.0], 0.1);
            // Some operations on numbers of at most 2, each rounded once.
            assert!((x[0] - (1.0 - 0.1 * 2.0 / (2.0 + epsilon))).abs() <= 1e-14, "{x:?}");
            let before = x[0];
            adam.step(&mut x, &[-1.0], 0.5);
            // The hand's numbers are exact to about 1e-12, the cancellations in 1 - 0.999^k.
            let by_hand = 0.5 * (0.08 / 0.19) / ((0.004_996_f64 / 0.001_999).sqrt() + epsilon);
            assert!((before - x[0] - by_hand).abs() <= 1e-12, "{x:?}");
        }
    }
}
