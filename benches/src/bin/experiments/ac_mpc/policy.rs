//! The policy: a network with one hidden layer makes the weights of all stages' costs from an observation.
//!
//! ```text
//! h = tanh(A o + a),   r = sigma(B h + b)
//! quadratic weights 1e-6 + r,   linear ones r - 1/2, of the thrust -9.8066 r
//! ```
//!
//! The ranges are the published ones over 1e5: a common factor of the cost has no effect. So a network of small weights
//! makes the vehicle hover. Problems are the columns of matrices.

use dilqr_runtime::nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::rngs::StdRng;
use rayon::prelude::*;

use super::flight::{GRAVITY, OBSERVED};

/// Weights of a stage: as many quadratic ones as linear ones.
pub(super) const WEIGHTS: usize = 28;

/// Units of the hidden layer: the width of the published layers.
pub(super) const UNITS: usize = 512;

/// The least quadratic weight.
const LEAST: f64 = 1e-6;

/// The entry of the linear weights that belongs to the thrust.
const THRUST: usize = 10;

/// Problems of a piece of work. Pieces do not depend on threads, so sums have the same bits for any number of them.
pub(super) const PIECE: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy {
    pub(super) first: DMatrix<f64>,
    pub(super) first_bias: DVector<f64>,
    pub(super) last: DMatrix<f64>,
    pub(super) last_bias: DVector<f64>,
}

/// A pass: hidden values and the last layer's sigmoids, for the derivative.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    hidden: DMatrix<f64>,
    sigmoids: DMatrix<f64>,
    /// The weights of all stages, a column for each problem.
    pub(super) weights: DMatrix<f64>,
}

impl Policy {
    /// Uniform weights. The last layer's are so large that sigmoids spread over their range, as those of trained
    /// networks do; some controls are then at their bounds.
    pub(super) fn draw(horizon: usize, units: usize, random: &mut StdRng) -> Self {
        let mut matrix = |rows: usize, columns: usize, reach: f64| {
            DMatrix::from_fn(rows, columns, |_, _| random.random_range(-reach..reach))
        };
        let rows = WEIGHTS * horizon;
        let last = matrix(rows, units, 6.0 / (units as f64).sqrt());
        let first = matrix(units, OBSERVED, (6.0 / (units + OBSERVED) as f64).sqrt());
        Self { first_bias: DVector::zeros(units), last_bias: DVector::zeros(rows), first, last }
    }

    /// Stages of its controllers.
    pub(super) fn horizon(&self) -> usize {
        self.last.nrows() / WEIGHTS
    }

    /// The Euclidean norm of all weights.
    pub(super) fn norm(&self) -> f64 {
        let parts = [self.first.norm_squared(), self.first_bias.norm_squared(), self.last.norm_squared()];
        (parts.iter().sum::<f64>() + self.last_bias.norm_squared()).sqrt()
    }

    /// The norm of the difference.
    pub(super) fn distance(&self, other: &Self) -> f64 {
        let difference = Self {
            first: &self.first - &other.first,
            first_bias: &self.first_bias - &other.first_bias,
            last: &self.last - &other.last,
            last_bias: &self.last_bias - &other.last_bias,
        };
        difference.norm()
    }

    fn zeros_like(&self) -> Self {
        let zeros = |matrix: &DMatrix<f64>| DMatrix::zeros(matrix.nrows(), matrix.ncols());
        Self {
            first: zeros(&self.first),
            first_bias: DVector::zeros(self.first_bias.len()),
            last: zeros(&self.last),
            last_bias: DVector::zeros(self.last_bias.len()),
        }
    }

    /// The passes of a batch in pieces, on the threads of rayon.
    pub(super) fn passes(&self, observations: &DMatrix<f64>) -> Vec<Pass> {
        let pieces: Vec<usize> = (0..observations.ncols()).step_by(PIECE).collect();
        let of_piece = |&begin: &usize| {
            let count = PIECE.min(observations.ncols() - begin);
            self.pass(&observations.columns(begin, count).into_owned())
        };
        pieces.par_iter().map(of_piece).collect()
    }

    fn pass(&self, observations: &DMatrix<f64>) -> Pass {
        let mut hidden = &self.first * observations;
        hidden.column_iter_mut().for_each(|mut column| column += &self.first_bias);
        hidden.apply(|a| *a = a.tanh());
        let mut sigmoids = &self.last * &hidden;
        sigmoids.column_iter_mut().for_each(|mut column| column += &self.last_bias);
        sigmoids.apply(|a| *a = 1.0 / (1.0 + (-*a).exp()));
        let mut weights = sigmoids.clone();
        for stage in weights.as_mut_slice().chunks_exact_mut(WEIGHTS) {
            let (quadratic, linear) = stage.split_at_mut(WEIGHTS / 2);
            quadratic.iter_mut().for_each(|r| *r += LEAST);
            linear.iter_mut().enumerate().for_each(|(i, r)| *r = if i == THRUST { -GRAVITY * *r } else { *r - 0.5 });
        }
        Pass { hidden, sigmoids, weights }
    }

    /// The gradient in the network, summed over the batch, of a loss with this gradient in the weights of the costs.
    pub(super) fn pull_back(&self, observations: &DMatrix<f64>, passes: &[Pass], loss: &DMatrix<f64>) -> Self {
        let of_piece = |(piece, pass): (usize, &Pass)| {
            let (begin, count) = (piece * PIECE, pass.weights.ncols());
            self.pull_back_piece(
                &observations.columns(begin, count).into_owned(),
                pass,
                loss.columns(begin, count).into(),
            )
        };
        let parts: Vec<Self> = passes.par_iter().enumerate().map(of_piece).collect();
        let mut parts = parts.into_iter();
        let Some(mut sum) = parts.next() else { return self.zeros_like() };
        for part in parts {
            sum.first += part.first;
            sum.first_bias += part.first_bias;
            sum.last += part.last;
            sum.last_bias += part.last_bias;
        }
        sum
    }

    fn pull_back_piece(&self, observations: &DMatrix<f64>, pass: &Pass, mut loss: DMatrix<f64>) -> Self {
        for (stage, sigmoids) in
            loss.as_mut_slice().chunks_exact_mut(WEIGHTS).zip(pass.sigmoids.as_slice().chunks_exact(WEIGHTS))
        {
            stage[WEIGHTS / 2 + THRUST] *= -GRAVITY;
            stage.iter_mut().zip(sigmoids).for_each(|(g, r)| *g *= r * (1.0 - r));
        }
        let mut of_hidden = self.last.transpose() * &loss;
        of_hidden.zip_apply(&pass.hidden, |g, h| *g *= 1.0 - h * h);
        Self {
            first: &of_hidden * observations.transpose(),
            first_bias: of_hidden.column_sum(),
            last: &loss * pass.hidden.transpose(),
            last_bias: loss.column_sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Some entries of each part of the gradient against central differences, of a batch of more than one piece.
    #[test]
    fn gradient() {
        let mut random = StdRng::seed_from_u64(4);
        let mut policy = Policy::draw(2, 7, &mut random);
        let count = PIECE + 3;
        let observations = DMatrix::from_fn(OBSERVED, count, |_, _| random.random_range(-1.0..1.0));
        let loss = DMatrix::from_fn(2 * WEIGHTS, count, |_, _| random.random_range(-1.0..1.0));
        let gradient = policy.pull_back(&observations, &policy.passes(&observations), &loss);
        let value = |policy: &Policy| {
            let weights = policy.passes(&observations);
            let mut columns = loss.column_iter();
            weights
                .iter()
                .flat_map(|pass| pass.weights.column_iter())
                .fold(0.0, |sum, own| sum + columns.next().map_or(f64::NAN, |loss| loss.dot(&own)))
        };
        let parts: [(fn(&mut Policy) -> &mut [f64], usize); 4] = [
            (|policy| policy.first.as_mut_slice(), 17),
            (|policy| policy.first_bias.as_mut_slice(), 1),
            (|policy| policy.last.as_mut_slice(), 13),
            (|policy| policy.last_bias.as_mut_slice(), 3),
        ];
        for (part, step) in parts {
            for k in (0..part(&mut policy).len()).step_by(step) {
                let mut at = |h: f64| {
                    part(&mut policy)[k] += h;
                    let value = value(&policy);
                    part(&mut policy)[k] -= h;
                    value
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                let own = part(&mut gradient.clone())[k];
                // Third derivatives times 1e-10, and rounding errors of 1e-13 of a sum of some thousand over the step.
                assert!((own - difference).abs() < 1e-7 * (1.0 + own.abs()), "{k}: {own} {difference}");
            }
        }
    }

    /// A network of zeros makes the vehicle hover: the unconstrained optimum of each control is that of the first guess.
    #[test]
    fn hovering() {
        let policy = Policy::draw(1, 3, &mut StdRng::seed_from_u64(1)).zeros_like();
        let weights = &policy.passes(&DMatrix::zeros(OBSERVED, 1))[0].weights;
        for (i, hover) in super::super::flight::HOVER.into_iter().enumerate() {
            let optimum = -weights[WEIGHTS / 2 + 10 + i] / weights[10 + i];
            // The least weight moves the optimum by 2e-6 of it.
            assert!((optimum - hover).abs() < 1e-5 * (1.0 + hover), "{optimum}");
        }
    }
}
