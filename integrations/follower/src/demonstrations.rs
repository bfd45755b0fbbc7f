//! What an expert did, for a learner of the expert's costs.

use crate::{HORIZON, layer, spread};

/// Trajectories of an expert, who follows references at prices that both depend on what a learner observes.
#[derive(Clone, Debug)]
pub struct Demonstrations {
    /// What the learner observes, `B x 2` numbers between -1 and 1.
    pub observations: Vec<f64>,
    /// The initial states, `B x 2`.
    pub x0: Vec<f64>,
    /// The states, `B x (T + 1) x 2`.
    pub states: Vec<f64>,
    /// The controls, `B x T x 1`.
    pub controls: Vec<f64>,
}

impl Demonstrations {
    /// `count` demonstrations, from number `first` on.
    ///
    /// # Panics
    /// If the solver fails, which is an error of this file.
    #[must_use]
    pub fn new(first: usize, count: usize) -> Self {
        let rows = first..first + count;
        let observations: Vec<f64> = rows.clone().flat_map(|k| [spread(0, k), spread(1, k)]).collect();
        let x0: Vec<f64> = rows.flat_map(|k| [0.5 * spread(2, k), spread(3, k)]).collect();
        let (mut params, mut references) = (Vec::new(), Vec::new());
        for observation in observations.chunks_exact(2) {
            params.extend([observation[1].exp(), 0.1 * (0.5 * observation[0] * observation[1]).exp()]);
            references.extend([0.5 * (2.0 * observation[0]).tanh(); HORIZON + 1]);
        }
        let output = layer().forward(&x0, &params, &references).expect("the data are finite");
        assert!(output.status.iter().all(|status| status.is_converged()), "{:?}", output.status);
        Self { observations, x0, states: output.states, controls: output.controls }
    }

    /// The number of demonstrations.
    #[must_use]
    pub fn count(&self) -> usize {
        self.x0.len() / 2
    }
}
