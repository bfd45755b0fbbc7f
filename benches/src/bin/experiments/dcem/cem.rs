//! The cross-entropy method over a normal distribution, and its derivative (Amos and Yarats 2020, *The differentiable
//! cross-entropy method*).
//!
//! ```text
//! X_i = clamp(m + d * e_i)                      samples, of noise that is given
//! v_i = f(X_i),  s = (v - mean v) / std v       scores
//! y   = project(-s / tau, k)                    soft elites
//! m'  = sum y_i X_i / k,  d'^2 = sum y_i (X_i - m')^2 / k
//! ```
//!
//! At the temperature zero elites are the `k` best samples, and the derivative of the mean in `f` is zero.

use dilqr_runtime::nalgebra::{DMatrix, DVector, RowDVector};
use rand::rngs::StdRng;

use super::lml::Projection;
use super::noise::normal;

/// Added to the standard deviation of the values before scores are divided by it, as published.
const GUARD: f64 = 1e-6;

/// A function of columns that the method makes small.
pub(super) trait Objective {
    /// Intermediate values for the derivative.
    type Pass;

    /// The values at points, a column each.
    fn values(&self, points: &DMatrix<f64>) -> (Vec<f64>, Self::Pass);

    /// Adds the gradient in the weights of a loss with this gradient in the values; returns that in the points.
    fn pull_back(&self, pass: &Self::Pass, of_values: &[f64], weights: &mut [f64]) -> DMatrix<f64>;
}

/// The settings of the method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cem {
    pub(super) dimension: usize,
    pub(super) samples: usize,
    pub(super) elites: usize,
    pub(super) iterations: usize,
    /// The first standard deviation; the first mean is zero.
    pub(super) deviation: f64,
    pub(super) temperature: f64,
    /// Samples are moved into these.
    pub(super) bounds: Option<(f64, f64)>,
}

/// One iteration, for its derivative.
struct Iteration<P> {
    noise: DMatrix<f64>,
    points: DMatrix<f64>,
    /// Whether a number of a point is not at a bound.
    free: DMatrix<bool>,
    values: Vec<f64>,
    pass: P,
    elites: Projection,
    mean: DVector<f64>,
    deviation: DVector<f64>,
}

/// A whole run.
pub(super) struct Run<P> {
    iterations: Vec<Iteration<P>>,
    pub(super) mean: DVector<f64>,
}

impl Cem {
    /// A run that can be differentiated.
    pub(super) fn run<O: Objective>(&self, objective: &O, random: &mut StdRng) -> Run<O::Pass> {
        let mut run = Run { iterations: Vec::with_capacity(self.iterations), mean: DVector::zeros(self.dimension) };
        self.each(objective, random, |iteration| {
            run.mean.copy_from(&iteration.mean);
            run.iterations.push(iteration);
        });
        run
    }

    /// The mean after all iterations.
    pub(super) fn search<O: Objective>(&self, objective: &O, random: &mut StdRng) -> DVector<f64> {
        let mut mean = DVector::zeros(self.dimension);
        self.each(objective, random, |iteration| mean.copy_from(&iteration.mean));
        mean
    }

    fn each<O: Objective>(&self, objective: &O, random: &mut StdRng, mut then: impl FnMut(Iteration<O::Pass>)) {
        let mut mean = DVector::zeros(self.dimension);
        let mut deviation = DVector::from_element(self.dimension, self.deviation);
        for _ in 0..self.iterations {
            let noise = DMatrix::from_fn(self.dimension, self.samples, |_, _| normal(random));
            let iteration = self.iteration(objective, noise, (&mean, &deviation));
            mean.copy_from(&iteration.mean);
            deviation.copy_from(&iteration.deviation);
            then(iteration);
        }
    }

    fn iteration<O: Objective>(
        &self,
        objective: &O,
        noise: DMatrix<f64>,
        (mean, deviation): (&DVector<f64>, &DVector<f64>),
    ) -> Iteration<O::Pass> {
        let (low, high) = self.bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let raw = DMatrix::from_fn(noise.nrows(), noise.ncols(), |i, k| mean[i] + deviation[i] * noise[(i, k)]);
        let free = raw.map(|x| low <= x && x <= high);
        let points = raw.map(|x| x.clamp(low, high));
        let (values, pass) = objective.values(&points);
        let (middle, spread) = moments(&values);
        let scores: Vec<f64> = values.iter().map(|v| (middle - v) / (spread + GUARD)).collect();
        let elites = Projection::new(&scores, self.elites, self.temperature);
        let (mean, deviation) = self.refit(&points, &elites.weights);
        Iteration { noise, points, free, values, pass, elites, mean, deviation }
    }

    /// The weighted mean and standard deviation.
    fn refit(&self, points: &DMatrix<f64>, weights: &[f64]) -> (DVector<f64>, DVector<f64>) {
        let weights = RowDVector::from_column_slice(weights) / self.elites as f64;
        let mean = points * weights.transpose();
        let square = |i: usize, k: usize| weights[k] * (points[(i, k)] - mean[i]).powi(2);
        let of_row = |i: usize, _| (0..points.ncols()).map(|k| square(i, k)).sum::<f64>().sqrt();
        let deviation = DVector::from_fn(self.dimension, of_row);
        (mean, deviation)
    }

    /// Adds the gradient in the weights of a loss with this gradient in the last mean.
    pub(super) fn pull_back<O: Objective>(
        &self,
        objective: &O,
        run: &Run<O::Pass>,
        of_mean: &DVector<f64>,
        weights: &mut [f64],
    ) {
        let mut of_mean = of_mean.clone();
        let mut of_deviation = DVector::zeros(self.dimension);
        for iteration in run.iterations.iter().rev() {
            let (mut of_points, of_values) = self.of_refit(iteration, &of_mean, &of_deviation);
            if of_values.iter().any(|g| *g != 0.0) {
                of_points += objective.pull_back(&iteration.pass, &of_values, weights);
            }
            of_points.zip_apply(&iteration.free, |g, free| *g = if free { *g } else { 0.0 });
            of_mean = of_points.column_sum();
            of_deviation = of_points.component_mul(&iteration.noise).column_sum();
        }
    }

    /// The gradients in points and values, from those in the mean and the deviation that were fitted.
    fn of_refit<P>(
        &self,
        iteration: &Iteration<P>,
        of_mean: &DVector<f64>,
        of_deviation: &DVector<f64>,
    ) -> (DMatrix<f64>, Vec<f64>) {
        let Iteration { points, values, elites, mean, deviation, .. } = iteration;
        let k = self.elites as f64;
        // A deviation of zero is at the kink of the root: all samples are one, at a corner of the bounds.
        let of_variance = of_deviation.zip_map(deviation, |g, d| if d > 0.0 { g / (2.0 * d) } else { 0.0 });
        let off = DMatrix::from_fn(points.nrows(), points.ncols(), |i, c| points[(i, c)] - mean[i]);
        // The variance does not change with the mean, since weights have the sum k.
        let of_points = DMatrix::from_fn(points.nrows(), points.ncols(), |i, c| {
            elites.weights[c] / k * (of_mean[i] + 2.0 * of_variance[i] * off[(i, c)])
        });
        let of_weights: Vec<f64> = (0..points.ncols())
            .map(|c| {
                let of_row = |i: usize| of_mean[i] * points[(i, c)] + of_variance[i] * off[(i, c)].powi(2);
                (0..self.dimension).map(of_row).sum::<f64>() / k
            })
            .collect();
        (of_points, of_scores(values, &elites.pull_back(&of_weights)))
    }
}

/// The mean and the standard deviation, over one less than their number.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, square.sqrt())
}

/// The gradient in the values, from that in the scores `(mean - v) / (spread + guard)`.
fn of_scores(values: &[f64], g: &[f64]) -> Vec<f64> {
    let (middle, spread) = moments(values);
    if spread == 0.0 {
        // Equal values: the root has its kink, and no sample is better than another.
        return vec![0.0; values.len()];
    }
    let (n, scale) = (values.len() as f64, spread + GUARD);
    let mean = g.iter().sum::<f64>() / n;
    let along = g.iter().zip(values).map(|(g, v)| g * (middle - v)).sum::<f64>() / (scale * (n - 1.0) * spread);
    g.iter().zip(values).map(|(g, v)| (mean - g - along * (v - middle)) / scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// `v = sum_i w_i (x_i - w_(d + i))^2 + sin(3 x_1)`, in `2 d` weights.
    struct Bowl {
        weights: Vec<f64>,
    }

    impl Objective for Bowl {
        type Pass = DMatrix<f64>;

        fn values(&self, points: &DMatrix<f64>) -> (Vec<f64>, Self::Pass) {
            let d = points.nrows();
            let square = |i: usize, x: f64| self.weights[i] * (x - self.weights[d + i]).powi(2);
            let value = |c: usize| {
                let point = points.column(c);
                point.iter().enumerate().map(|(i, x)| square(i, *x)).sum::<f64>() + (3.0 * point[0]).sin()
            };
            ((0..points.ncols()).map(value).collect(), points.clone())
        }

        fn pull_back(&self, points: &Self::Pass, of_values: &[f64], weights: &mut [f64]) -> DMatrix<f64> {
            let d = points.nrows();
            let mut out = DMatrix::zeros(d, points.ncols());
            for (c, g) in of_values.iter().enumerate() {
                for i in 0..d {
                    let off = points[(i, c)] - self.weights[d + i];
                    weights[i] += g * off * off;
                    weights[d + i] -= 2.0 * g * self.weights[i] * off;
                    out[(i, c)] = 2.0 * g * self.weights[i] * off;
                }
                out[(0, c)] += 3.0 * g * (3.0 * points[(0, c)]).cos();
            }
            out
        }
    }

    fn method(temperature: f64, bounds: Option<(f64, f64)>) -> Cem {
        Cem { dimension: 2, samples: 12, elites: 4, iterations: 3, deviation: 0.7, temperature, bounds }
    }

    /// The reverse pass through all iterations against central differences, with bounds that some samples reach and
    /// without.
    #[test]
    fn derivative() {
        for (bounds, temperature) in [(None, 1.0), (Some((-0.6, 0.6)), 1.0), (None, 0.3)] {
            let method = method(temperature, bounds);
            let mut objective = Bowl { weights: vec![1.0, 2.0, 0.4, -0.5] };
            let run = method.run(&objective, &mut StdRng::seed_from_u64(2));
            let reached = |iteration: &Iteration<_>| iteration.free.iter().any(|free| !free);
            assert_eq!(run.iterations.iter().any(reached), bounds.is_some());
            let g = DVector::from_column_slice(&[1.0, -0.6]);
            let mut gradient = vec![0.0; 4];
            method.pull_back(&objective, &run, &g, &mut gradient);
            assert!(gradient.iter().all(|g| g.abs() > 1e-4), "{gradient:?}");
            for k in 0..4 {
                let mut at = |h: f64| {
                    objective.weights[k] += h;
                    let mean = method.search(&objective, &mut StdRng::seed_from_u64(2));
                    objective.weights[k] -= h;
                    mean.dot(&g)
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                // 1e-12 times third derivatives, and some 1e-15 over 1e-6 of rounding.
                assert!((difference - gradient[k]).abs() < 1e-7, "{k}: {difference} and {}", gradient[k]);
            }
        }
    }

    /// Without temperature the fitted distribution is that of the best samples, and nothing depends on the objective's
    /// weights.
    #[test]
    fn hard_elites() {
        let method = Cem { iterations: 1, ..method(0.0, None) };
        let objective = Bowl { weights: vec![1.0, 2.0, 0.4, -0.5] };
        let run = method.run(&objective, &mut StdRng::seed_from_u64(6));
        let Iteration { points, values, mean, deviation, .. } = &run.iterations[0];
        let mut order: Vec<usize> = (0..12).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        for i in 0..2 {
            let best: Vec<f64> = order[..4].iter().map(|&c| points[(i, c)]).collect();
            let middle = best.iter().sum::<f64>() / 4.0;
            let spread = (best.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / 4.0).sqrt();
            // Sums of four numbers of the size of one.
            assert!((mean[i] - middle).abs() < 1e-14 && (deviation[i] - spread).abs() < 1e-14);
        }
        let mut gradient = vec![0.0; 4];
        method.pull_back(&objective, &run, &DVector::from_element(2, 1.0), &mut gradient);
        assert_eq!(gradient, [0.0; 4]);
    }

    /// A cold soft method is the hard one.
    #[test]
    fn cold_is_hard() {
        let objective = Bowl { weights: vec![1.0, 2.0, 0.4, -0.5] };
        let means = [1e-6, 0.0].map(|t| method(t, None).search(&objective, &mut StdRng::seed_from_u64(8)));
        // Scores at the two sides of the limit are at least 1e-3 apart here: 500 temperatures.
        assert!((&means[0] - &means[1]).amax() < 1e-12, "{means:?}");
    }

    /// The minimum of a bowl.
    #[test]
    fn minimum() {
        let method = Cem { samples: 200, elites: 20, iterations: 30, ..method(0.0, None) };
        let mut random = StdRng::seed_from_u64(1);
        let weights = vec![1.0, 5.0, random.random_range(-0.5..0.5), 0.3];
        let found = method.search(&Bowl { weights }, &mut random);
        // The second number alone has no sine: the method contracts by at least a half an iteration.
        assert!((found[1] - 0.3).abs() < 1e-3, "{found}");
    }

    /// Where all values are equal, no gradient is passed on, and none is NaN.
    #[test]
    fn equal_values() {
        assert_eq!(of_scores(&[1.5; 4], &[1.0, 2.0, 3.0, 4.0]), [0.0; 4]);
    }
}
