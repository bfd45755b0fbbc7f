//! Problems and a loss on their solutions, by the runtime alone: what tests compare a framework's gradients with.

use crate::{FollowerLayer, Friction, HORIZON, layer, spread};

/// The inputs of a layer, in the order of [`Batch::lists`].
pub const INPUTS: [&str; 4] = ["x0", "params", "stage params", "weights"];

/// A batch of problems, and a loss that is linear in their states and controls.
#[derive(Clone, Debug)]
pub struct Batch {
    layer: FollowerLayer,
    /// The initial states, `B x 2`; the parameters, `B x 2` or `1 x 2`; the references, `B x (T + 1) x 1`; the weights.
    pub lists: [Vec<f64>; 4],
    /// The derivative of the loss in the states, `B x (T + 1) x 2`.
    pub d_states: Vec<f64>,
    /// The derivative of the loss in the controls, `B x T x 1`.
    pub d_controls: Vec<f64>,
}

impl Batch {
    /// Problems with parameters of their own, or with parameters that all of them share.
    #[must_use]
    pub fn new(count: usize, shared: bool) -> Self {
        let list = |sequence, count: usize, (center, width)| {
            (0..count).map(|k| center + width * spread(sequence, k)).collect::<Vec<f64>>()
        };
        let params = if shared { 1 } else { count };
        Self {
            layer: layer(),
            lists: [
                list(0, 2 * count, (0.0, 0.5)),
                list(1, 2 * params, (0.6, 0.4)),
                list(2, count * (HORIZON + 1), (0.0, 0.4)),
                list(3, Friction::LEN, (0.0, 0.6)),
            ],
            d_states: list(4, count * (HORIZON + 1) * 2, (0.0, 1.0)),
            d_controls: list(5, count * HORIZON, (0.0, 1.0)),
        }
    }

    /// The loss.
    ///
    /// # Panics
    /// If a problem has no solution.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let [x0, params, references, weights] = &self.lists;
        let output = self.layer.forward_with(x0, params, references, weights, None).expect("the data are finite");
        assert!(output.status.iter().all(|status| status.is_converged()), "{:?}", output.status);
        let sum = |values: &[f64], weights: &[f64]| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>();
        sum(&output.states, &self.d_states) + sum(&output.controls, &self.d_controls)
    }

    /// The central difference of the loss in entry `i` of a list, of fourth order.
    #[must_use]
    pub fn difference(&self, list: usize, i: usize) -> f64 {
        let h = 1e-3;
        let at = |step: f64| {
            let mut moved = self.clone();
            moved.lists[list][i] += step;
            moved.loss()
        };
        (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
    }

    /// Compares gradients in all lists with the differences in every entry.
    ///
    /// # Panics
    /// Where they differ. Solves are exact to some 1e-12 and the step is 1e-3; the truncation is its fourth power.
    pub fn check(&self, gradients: &[Vec<f64>; 4]) {
        for (list, given) in gradients.iter().enumerate() {
            assert_eq!(given.len(), self.lists[list].len(), "{}", INPUTS[list]);
            for (i, given) in given.iter().enumerate() {
                let measured = self.difference(list, i);
                let near = (given - measured).abs() <= 1e-7 * (1.0 + measured.abs());
                assert!(near, "{} {i}: {given} {measured}", INPUTS[list]);
            }
        }
    }
}
