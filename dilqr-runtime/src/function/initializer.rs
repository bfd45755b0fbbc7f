//! Random weights from which the training of a network starts.

use alloc::boxed::Box;

use crate::function::layers::{layer_mut, weight_count};
use crate::linalg::random::SplitMix64;

/// How the weights of a network are drawn, layer by layer. A layer has `n` inputs and `m` outputs; "within `r`" is uniform between
/// `-r` and `r`. Biases are zero, except for [`PyTorch`](Self::PyTorch). A seed gives the same weights on every platform.
///
/// Numbers pass a layer at their size where the variance of its weights is `1 / n` times a gain of the activation: 1 for
/// `tanh` and `sigmoid`, about 2 for `elu`, `silu`, `softplus` and `sin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Initializer {
    /// Within `sqrt(6 / (n + m))`, variance `2 / (n + m)`: Glorot and Bengio, *Understanding the difficulty of training deep
    /// feedforward neural networks*, 2010.
    XavierUniform,
    /// Normal with variance `2 / (n + m)`: the same.
    XavierNormal,
    /// Within `sqrt(6 / n)`, variance `2 / n`: He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015; also called after
    /// Kaiming. For hidden layers of `sin`, Sitzmann and others, *Implicit neural representations with periodic activation
    /// functions*, 2020, take the same.
    HeUniform,
    /// Normal with variance `2 / n`: the same.
    HeNormal,
    /// Within `sqrt(3 / n)`, variance `1 / n`: LeCun, Bottou, Orr and Müller, *Efficient backprop*, 1998.
    LecunUniform,
    /// Normal with variance `1 / n`: the same.
    LecunNormal,
    /// Weights and biases within `sqrt(1 / n)`, variance `1 / (3 n)`: what `torch.nn.Linear` does by itself.
    PyTorch,
}

/// What the weights of a layer are drawn from.
enum Draw {
    /// Uniform between minus this number and this number.
    Within(f64),
    /// Normal with this standard deviation.
    Normal(f64),
}

impl Initializer {
    /// The weights of a network with layers of these sizes.
    pub(super) fn weights(self, sizes: &[usize], seed: u64) -> Box<[f64]> {
        let mut weights = vec![0.0; weight_count(sizes)];
        let mut random = SplitMix64::new(seed);
        for index in 0..sizes.len() - 1 {
            let draw = self.of_layer(sizes[index] as f64, sizes[index + 1] as f64);
            let mut fill = |entries: &mut [f64]| match draw {
                Draw::Within(range) => entries.iter_mut().for_each(|entry| *entry = range * random.symmetric()),
                Draw::Normal(deviation) => entries.iter_mut().for_each(|entry| *entry = deviation * random.normal()),
            };
            let (matrix, biases) = layer_mut(sizes, &mut weights, index);
            fill(matrix);
            if self == Self::PyTorch {
                fill(biases);
            }
        }
        weights.into()
    }

    fn of_layer(self, inputs: f64, outputs: f64) -> Draw {
        // Square roots are the same on every platform.
        let sqrt = crate::scalar::float::f64::sqrt;
        match self {
            Self::XavierUniform => Draw::Within(sqrt(6.0 / (inputs + outputs))),
            Self::XavierNormal => Draw::Normal(sqrt(2.0 / (inputs + outputs))),
            Self::HeUniform => Draw::Within(sqrt(6.0 / inputs)),
            Self::HeNormal => Draw::Normal(sqrt(2.0 / inputs)),
            Self::LecunUniform => Draw::Within(sqrt(3.0 / inputs)),
            Self::LecunNormal => Draw::Normal(sqrt(1.0 / inputs)),
            Self::PyTorch => Draw::Within(sqrt(1.0 / inputs)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Initializer;
    use crate::function::layers::LayerRef;

    const ALL: [Initializer; 7] = [
        Initializer::XavierUniform,
        Initializer::XavierNormal,
        Initializer::HeUniform,
        Initializer::HeNormal,
        Initializer::LecunUniform,
        Initializer::LecunNormal,
        Initializer::PyTorch,
    ];

    const SIZES: [usize; 4] = [50, 400, 300, 20];

    /// The variance that the variant's documentation states.
    fn variance(initializer: Initializer, n: f64, m: f64) -> f64 {
        match initializer {
            Initializer::XavierUniform | Initializer::XavierNormal => 2.0 / (n + m),
            Initializer::HeUniform | Initializer::HeNormal => 2.0 / n,
            Initializer::LecunUniform | Initializer::LecunNormal => 1.0 / n,
            Initializer::PyTorch => 1.0 / (3.0 * n),
        }
    }

    /// Mean, variance and kurtosis of numbers.
    fn moments(numbers: &[f64]) -> [f64; 3] {
        let mean_of = |power: i32, center: f64| {
            numbers.iter().map(|number| (number - center).powi(power)).sum::<f64>() / numbers.len() as f64
        };
        let mean = mean_of(1, 0.0);
        let variance = mean_of(2, mean);
        [mean, variance, mean_of(4, mean) / (variance * variance)]
    }

    #[test]
    fn moments_of_each_layer() {
        for initializer in ALL {
            let weights = initializer.weights(&SIZES, 3);
            for (index, size) in SIZES.windows(2).enumerate() {
                let (n, m) = (size[0] as f64, size[1] as f64);
                let LayerRef { matrix, biases, .. } = LayerRef::of(&SIZES, &weights, index);
                let [mean, found, kurtosis] = moments(matrix);
                let expected = variance(initializer, n, m);
                let is_normal =
                    matches!(initializer, Initializer::XavierNormal | Initializer::HeNormal | Initializer::LecunNormal);
                // Five standard deviations of each moment over as many numbers, at least 6000. A normal number has a kurtosis of
                // 3, a uniform one of 1.8.
                let count = matrix.len() as f64;
                let fourth = if is_normal { 3.0 } else { 1.8 };
                assert!(mean.abs() < 5.0 * (expected / count).sqrt(), "{initializer:?} {index}: mean {mean}");
                let deviation = ((fourth - 1.0) / count).sqrt();
                assert!(
                    (found / expected - 1.0).abs() < 5.0 * deviation,
                    "{initializer:?} {index}: {found} {expected}"
                );
                let deviation = if is_normal { (24.0 / count).sqrt() } else { (0.7 / count).sqrt() };
                assert!((kurtosis - fourth).abs() < 5.0 * deviation, "{initializer:?} {index}: kurtosis {kurtosis}");
                let range = (3.0 * expected).sqrt();
                let largest = matrix.iter().fold(0.0, |largest: f64, weight| largest.max(weight.abs()));
                assert_eq!(largest <= range, !is_normal, "{initializer:?} {index}: {largest} {range}");
                match initializer {
                    Initializer::PyTorch => {
                        let [_, found, _] = moments(biases);
                        // Twenty numbers have a variance that is right to a half.
                        assert!((found / expected - 1.0).abs() < 0.5, "{found} {expected}");
                    }
                    _ => assert!(biases.iter().all(|bias| *bias == 0.0)),
                }
            }
        }
    }

    /// A seed determines the weights, and no two weights of a layer are equal.
    #[test]
    fn seeds() {
        for initializer in ALL {
            let [first, again, other] = [1, 1, 2].map(|seed| initializer.weights(&SIZES, seed));
            assert!(first == again && first != other, "{initializer:?}");
            let mut matrix: Vec<u64> = first[..20_000].iter().map(|weight| weight.to_bits()).collect();
            matrix.sort_unstable();
            matrix.dedup();
            assert_eq!(matrix.len(), 20_000, "{initializer:?}");
        }
    }

    const UNIFORM: [f64; 3] = [-0.22034050321745702, -0.9664234109436878, 0.8015213612137668];
    const NORMAL: [f64; 4] = [-0.04174152338145233, 0.8764814690994567, -0.3059911682027957, -0.3756298278907194];

    /// These bits are those of every platform. The second ones were computed by a program of its own (Python, with its `log`).
    #[test]
    fn bits() {
        let uniform = Initializer::LecunUniform.weights(&[3, 1], 7);
        let normal = Initializer::LecunNormal.weights(&[1, 4], 7);
        assert_eq!(uniform[..3], UNIFORM);
        // The last digit of a logarithm may differ there.
        assert!(
            normal.iter().zip(NORMAL).all(|(given, known)| (given - known).abs() <= 2.0 * f64::EPSILON * known.abs())
        );
    }
}
