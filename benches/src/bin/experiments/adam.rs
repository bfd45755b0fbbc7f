//! Adam on any number of weights, as for networks. (`optimizer` has the optimizers of the few parameters of a control problem.)

/// Adam (Kingma and Ba 2015).
#[derive(Clone, Debug)]
pub(crate) struct Adam {
    steps: i32,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Adam {
    /// For so many weights.
    pub(crate) fn new(weights: usize) -> Self {
        Self { steps: 0, means: vec![0.0; weights], squares: vec![0.0; weights] }
    }

    /// A step of this length down the gradient.
    pub(crate) fn step(&mut self, weights: &mut [f64], gradient: &[f64], rate: f64) {
        self.steps = self.steps.saturating_add(1);
        let correction = |decay: f64| 1.0 - decay.powi(self.steps);
        let (means, squares) = (correction(0.9), correction(0.999));
        for ((weight, g), (mean, square)) in
            weights.iter_mut().zip(gradient).zip(self.means.iter_mut().zip(&mut self.squares))
        {
            *mean = 0.9 * *mean + 0.1 * g;
            *square = 0.999 * *square + 0.001 * g * g;
            *weight -= rate * (*mean / means) / ((*square / squares).sqrt() + 1e-12);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first step is the rate against the sign of the gradient. The second, of gradients 2 and -1, is
    /// rate (0.08 / 0.19) / sqrt(0.004996 / 0.001999): 0.9 0.1 2 - 0.1 = 0.08, 1 - 0.9^2 = 0.19,
    /// 0.999 0.001 4 + 0.001 = 0.004996 and 1 - 0.999^2 = 0.001999.
    #[test]
    fn by_hand() {
        let (mut adam, mut x) = (Adam::new(1), [1.0]);
        adam.step(&mut x, &[2.0], 0.1);
        assert!((x[0] - 0.9).abs() < 1e-12, "{x:?}");
        let before = x[0];
        adam.step(&mut x, &[-1.0], 0.5);
        // The hand's numbers are exact to about 1e-12, the cancellations in 1 - 0.999^k.
        let by_hand = 0.5 * (0.08 / 0.19) / (0.004_996_f64 / 0.001_999).sqrt();
        assert!((before - x[0] - by_hand).abs() < 1e-11, "{x:?}");
    }
}
