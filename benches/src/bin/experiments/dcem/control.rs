//! A controller that searches plans through a decoder: a network from a few latent numbers to all forces of a plan.

use dilqr_runtime::nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::cartpole::{HORIZON, LIMIT, Plans, Start};
use super::cem::{Cem, Objective};
use super::network::{Activation, Network, Pass};

/// Latent numbers.
pub(super) const LATENT: usize = 2;

/// Costs of decoded plans, a column a latent point.
pub(super) struct Decoded<'a> {
    pub(super) decoder: &'a Network,
    pub(super) plans: Plans,
}

/// The decoder's layers between the latent numbers and the forces.
pub(super) fn sizes(hidden: usize) -> [usize; 5] {
    [LATENT, hidden, hidden, hidden, HORIZON]
}

/// An untrained decoder, with the deviation of the published code.
pub(super) fn decoder(hidden: usize, random: &mut StdRng) -> Network {
    Network::new(&sizes(hidden), Activation::Elu, |inputs, outputs| 2.0 / (inputs + outputs).sqrt(), random)
}

/// A force between the limits.
fn force(output: f64) -> f64 {
    LIMIT * (0.5 * output).tanh()
}

impl Objective for Decoded<'_> {
    type Pass = (Pass, DMatrix<f64>);

    fn values(&self, points: &DMatrix<f64>) -> (Vec<f64>, Self::Pass) {
        let (mut outputs, pass) = self.decoder.values(points);
        // Twice a sigmoid, less one, is the hyperbolic tangent of the half.
        outputs.apply(|output| *output = force(*output));
        let (costs, plans) = self.plans.values(&outputs);
        (costs, (pass, plans))
    }

    fn pull_back(&self, (pass, plans): &Self::Pass, of_values: &[f64], weights: &mut [f64]) -> DMatrix<f64> {
        let mut of_outputs = self.plans.pull_back(plans, of_values, &mut []);
        of_outputs.zip_apply(plans, |g, force| *g *= 0.5 * (LIMIT - force * force / LIMIT));
        self.decoder.pull_back(pass, of_outputs, weights)
    }
}

impl Decoded<'_> {
    /// The cost of the plan of one latent point.
    fn cost(&self, latent: &DVector<f64>) -> f64 {
        self.values(&DMatrix::from_column_slice(LATENT, 1, latent.as_slice())).0[0]
    }

    /// The plan of one latent point.
    fn plan(&self, latent: &DVector<f64>) -> Vec<f64> {
        let point = DMatrix::from_column_slice(LATENT, 1, latent.as_slice());
        self.decoder.values(&point).0.iter().map(|&output| force(output)).collect()
    }

    /// The cost of the plan that the search finds. Adds its gradient in the decoder's weights, through all iterations
    /// of the search.
    pub(super) fn learn(&self, method: &Cem, random: &mut StdRng, weights: &mut [f64]) -> f64 {
        let run = method.run(self, random);
        let point = DMatrix::from_column_slice(LATENT, 1, run.mean.as_slice());
        let (cost, pass) = self.values(&point);
        let of_mean = self.pull_back(&pass, &[1.0], weights);
        method.pull_back(self, &run, &of_mean.column_sum(), weights);
        cost[0]
    }
}

/// The cost and the plan that a search from a start finds. Every search has the same noise.
pub(super) fn plan(decoder: &Network, method: &Cem, start: &Start) -> (f64, Vec<f64>) {
    let decoded = Decoded { decoder, plans: Plans { start: *start } };
    let latent = method.search(&decoded, &mut StdRng::seed_from_u64(11));
    (decoded.cost(&latent), decoded.plan(&latent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcem::cartpole::start;

    /// The gradient in the decoder's weights, through the search and the rollout, against central differences. A hard
    /// search has no derivative of its own, and a small change of the weights does not change its elites.
    #[test]
    fn gradient_through_the_search() {
        for temperature in [1.0, 0.3, 0.0] {
            let method = Cem {
                dimension: LATENT,
                samples: 10,
                elites: 3,
                iterations: 3,
                deviation: 0.5,
                temperature,
                bounds: Some((-1.0, 1.0)),
            };
            let mut random = StdRng::seed_from_u64(3);
            let mut network = decoder(6, &mut random);
            let plans = Plans { start: start(&mut random) };
            let mut gradient = vec![0.0; network.weights.len()];
            let noise = || StdRng::seed_from_u64(8);
            let cost = Decoded { decoder: &network, plans }.learn(&method, &mut noise(), &mut gradient);
            let searched = |network: &Network| {
                let decoded = Decoded { decoder: network, plans };
                decoded.cost(&method.search(&decoded, &mut noise()))
            };
            let again = searched(&network);
            assert!((cost - again).abs() < 1e-13 * cost.abs(), "{cost} and {again}");
            let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
            assert!(largest > 1e-2, "{largest}");
            for k in 0..gradient.len() {
                let mut at = |h: f64| {
                    network.weights[k] += h;
                    let cost = searched(&network);
                    network.weights[k] -= h;
                    cost
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                // 1e-12 times third derivatives, and 1e-14 over 1e-6 of rounding.
                assert!((difference - gradient[k]).abs() < 1e-6 * (1.0 + largest), "{k}: {difference} {}", gradient[k]);
            }
        }
    }
}
