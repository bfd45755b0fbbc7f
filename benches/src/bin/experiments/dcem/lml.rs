//! The limited multi-label projection (Amos, Koltun and Kolter 2019, *The limited multi-label projection layer*): a
//! top-k with a derivative.
//!
//! ```text
//! y = argmin -x'y / tau - H(y)   over 0 <= y <= 1, sum y = k
//! y_i = sigmoid(x_i / tau + nu),  sum y = k
//! ```
//!
//! With `h_i = y_i (1 - y_i)` the implicit function theorem gives `dy_i = h_i (dx_i / tau + dnu)` and
//! `dnu = -h'dx / (tau sum h)`.

/// A projection, for its derivative.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    /// `y`
    pub(super) weights: Vec<f64>,
    /// `h`; zeros where nothing is to be differentiated.
    slopes: Vec<f64>,
    temperature: f64,
}

impl Projection {
    /// Of these scores, with weights whose sum is `k`. A temperature of zero is the limit: the `k` largest scores have
    /// the weight 1, those with a lower index first where scores are equal.
    pub(super) fn new(scores: &[f64], k: usize, temperature: f64) -> Self {
        let n = scores.len();
        if k == 0 || k >= n {
            // One point is left of the set.
            let weight = if k == 0 { 0.0 } else { 1.0 };
            return Self { weights: vec![weight; n], slopes: vec![0.0; n], temperature };
        }
        if temperature == 0.0 {
            return Self { weights: largest(scores, k), slopes: vec![0.0; n], temperature };
        }
        let scaled: Vec<f64> = scores.iter().map(|x| x / temperature).collect();
        let nu = multiplier(&scaled, k);
        let weights = scaled.iter().map(|x| sigmoid(x + nu)).collect();
        // Not y (1 - y), which is zero from 37 on.
        let slopes = scaled.iter().map(|x| sigmoid(x + nu) * sigmoid(-x - nu)).collect();
        Self { weights, slopes, temperature }
    }

    /// The gradient in the scores of a loss with this gradient in the weights.
    pub(super) fn pull_back(&self, of_weights: &[f64]) -> Vec<f64> {
        let sum: f64 = self.slopes.iter().sum();
        if sum == 0.0 {
            return vec![0.0; self.slopes.len()];
        }
        let mean = self.slopes.iter().zip(of_weights).map(|(h, g)| h * g).sum::<f64>() / sum;
        self.slopes.iter().zip(of_weights).map(|(h, g)| h * (g - mean) / self.temperature).collect()
    }
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// The `nu` at which the sum is `k`, by bisection down to neighboring numbers.
fn multiplier(scaled: &[f64], k: usize) -> f64 {
    let least = scaled.iter().copied().fold(f64::INFINITY, f64::min);
    let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let part = k as f64 / scaled.len() as f64;
    // All weights are at most k / n at the lower end, and at least k / n at the upper one.
    let logit = (part / (1.0 - part)).ln();
    let (mut low, mut high) = (logit - most, logit - least);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if excess(scaled, k, middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// `sum y - k`, as the difference of small numbers where all weights are near 0 or 1: their rounding errors would hide
/// it.
fn excess(scaled: &[f64], k: usize, nu: f64) -> f64 {
    let (mut above, mut sum) = (0, 0.0);
    for x in scaled {
        if x + nu >= 0.0 {
            above += 1;
            sum -= sigmoid(-x - nu);
        } else {
            sum += sigmoid(x + nu);
        }
    }
    sum + (f64::from(above) - k as f64)
}

/// One for the `k` largest, zero for the others.
fn largest(scores: &[f64], k: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut weights = vec![0.0; scores.len()];
    order.iter().take(k).for_each(|&index| weights[index] = 1.0);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Two scores, one chosen: `y_1 = sigmoid((x_1 - x_2) / (2 tau))`, whose derivative in `x_1` is `y_1 (1 - y_1) / (2
    /// tau)`.
    #[test]
    fn two_by_hand() {
        for (x, temperature) in [([0.3, -0.9], 1.0), ([2.0, 2.0], 0.1), ([-1.0, 4.0], 0.5)] {
            let projection = Projection::new(&x, 1, temperature);
            let y = 1.0 / (1.0 + ((x[1] - x[0]) / (2.0 * temperature)).exp());
            // nu is a neighbor of the root, whose rounding is that of numbers of at most 10.
            assert!((projection.weights[0] - y).abs() < 1e-14, "{projection:?}");
            let gradient = projection.pull_back(&[1.0, 0.0]);
            let slope = y * (1.0 - y) / (2.0 * temperature);
            assert!((gradient[0] - slope).abs() < 1e-13 && (gradient[1] + slope).abs() < 1e-13, "{gradient:?}");
        }
    }

    /// Sums, bounds, the optimality of `y` (differences of logits are those of scaled scores), and the order of the
    /// scores.
    #[test]
    fn optimality() {
        let mut random = StdRng::seed_from_u64(3);
        for (n, k) in [(2, 1), (5, 4), (40, 7), (100, 10)] {
            for temperature in [0.05, 1.0, 10.0] {
                let x: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
                let y = Projection::new(&x, k, temperature).weights;
                // n sigmoids, each with the rounding error of nu, which is of the size of 1 / tau = 20 at most.
                assert!((y.iter().sum::<f64>() - k as f64).abs() < 1e-12, "{y:?}");
                assert!(y.iter().all(|y| (0.0..=1.0).contains(y)));
                let logit = |y: f64| (y / (1.0 - y)).ln();
                for i in 1..n {
                    let (of_y, of_x) = (logit(y[i]) - logit(y[0]), (x[i] - x[0]) / temperature);
                    // A weight that is 1 - 1e-9 has seven digits of its logit; of 40 the logits lie within 40.
                    let digits = 1e-15 / (1.0 - y[i]).min(1.0 - y[0]);
                    assert!((of_y - of_x).abs() < 1e-12 + 10.0 * digits, "{of_y} and {of_x}");
                }
                let reversed: Vec<f64> = x.iter().rev().copied().collect();
                let other = Projection::new(&reversed, k, temperature).weights;
                // Sums in another order.
                assert!(y.iter().zip(other.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-13));
            }
        }
    }

    /// The derivative against central differences.
    #[test]
    fn derivative() {
        let mut random = StdRng::seed_from_u64(4);
        for (n, k, temperature) in [(3, 1, 1.0), (12, 4, 0.3), (30, 29, 2.0)] {
            let mut draw = || (0..n).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
            let (mut x, g) = (draw(), draw());
            let gradient = Projection::new(&x, k, temperature).pull_back(&g);
            for i in 0..n {
                let mut at = |h: f64| {
                    x[i] += h;
                    let y = Projection::new(&x, k, temperature).weights;
                    x[i] -= h;
                    y.iter().zip(&g).map(|(y, g)| y * g).sum::<f64>()
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                // 1e-10 times third derivatives, which grow with 1 / tau^3, and 1e-15 over 1e-5 of rounding.
                assert!((difference - gradient[i]).abs() < 1e-8, "{difference} and {}", gradient[i]);
            }
        }
    }

    /// Equal scores share the sum. All and none have no derivative but zero. The limit of zero temperature.
    #[test]
    fn limits() {
        let equal = Projection::new(&[0.7; 8], 3, 1.0);
        // Of nu near ln(3 / 5) - 0.7.
        assert!(equal.weights.iter().all(|y| (y - 0.375).abs() < 1e-15), "{equal:?}");
        for (k, weight) in [(0, 0.0), (2, 1.0)] {
            let projection = Projection::new(&[0.2, -3.0], k, 1.0);
            assert_eq!(projection.weights, [weight; 2]);
            assert_eq!(projection.pull_back(&[1.0, -2.0]), [0.0; 2]);
        }
        let x = [0.1, 0.5, -0.2, 0.4, 0.5];
        let hard = Projection::new(&x, 3, 0.0).weights;
        assert_eq!(hard, [0.0, 1.0, 0.0, 1.0, 1.0]);
        let cold = Projection::new(&x, 3, 1e-3).weights;
        // The scores at both sides of the limit are 0.3 apart, half of which is 150 temperatures.
        assert!(cold.iter().zip(&hard).all(|(a, b)| (a - b).abs() < 1e-60));
    }

    /// Scores so far apart that every slope underflows, or all but a few digits of the sum do.
    #[test]
    fn scores_far_apart() {
        let far = Projection::new(&[4000.0, 0.0, -4000.0], 1, 1.0);
        assert_eq!(far.weights, [1.0, 0.0, 0.0]);
        assert_eq!(far.pull_back(&[1.0, 2.0, 3.0]), [0.0; 3]);
        // Two scores 200 apart: nu is the middle, where sums of rounded weights are 1 all over.
        let apart = Projection::new(&[100.0, -100.0], 1, 1.0);
        let slope = (-100.0_f64).exp() / 2.0;
        let gradient = apart.pull_back(&[1.0, 0.0]);
        // exp(-100) changes by 100 times the relative error of its argument.
        assert!((gradient[0] / slope - 1.0).abs() < 1e-12 && (gradient[1] / slope + 1.0).abs() < 1e-12, "{gradient:?}");
    }
}
