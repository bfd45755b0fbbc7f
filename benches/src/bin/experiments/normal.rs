//! Normal numbers from uniform ones.

use rand::Rng;
use rand::rngs::StdRng;

/// A number with mean 0 and deviation 1, by the transform of Box and Muller.
pub(crate) fn normal(random: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (random.random_range(f64::MIN_POSITIVE..1.0), random.random_range(0.0..1.0));
    (-2.0 * a.ln()).sqrt() * (core::f64::consts::TAU * b).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Mean and variance of many.
    #[test]
    fn moments() {
        let mut random = StdRng::seed_from_u64(5);
        let numbers: Vec<f64> = (0..40_000).map(|_| normal(&mut random)).collect();
        let mean = numbers.iter().sum::<f64>() / 40_000.0;
        let square = numbers.iter().map(|x| x * x).sum::<f64>() / 40_000.0;
        // Five deviations: 1 and the root of 2, over the root of the number, which is 200.
        assert!(mean.abs() < 0.025 && (square - 1.0).abs() < 0.036, "{mean} {square}");
    }
}
