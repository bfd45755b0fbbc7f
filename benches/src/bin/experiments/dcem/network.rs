//! A network of dense layers, evaluated at many points at once, with the gradient in weights and inputs.
//!
//! The networks of the runtime take one point at a time, as the stages of a problem do: they read all weights for each.
//! The samples of the cross-entropy method are a matrix, and so products of matrices do the same work in a tenth of the
//! time.

use dilqr_runtime::nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};
use rand::rngs::StdRng;

use super::noise::normal;

/// The function of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    Elu,
    Softplus,
}

impl Activation {
    fn value(self, a: f64) -> f64 {
        match self {
            Self::Elu if a > 0.0 => a,
            Self::Elu => a.exp_m1(),
            Self::Softplus => a.max(0.0) + (-a.abs()).exp().ln_1p(),
        }
    }

    /// The slope at the point where this is the value.
    fn slope(self, value: f64) -> f64 {
        match self {
            Self::Elu if value > 0.0 => 1.0,
            Self::Elu => value + 1.0,
            // With a value ln(1 + e^a) it is e^a / (1 + e^a).
            Self::Softplus => -(-value).exp_m1(),
        }
    }
}

/// Sizes of the layers and all weights: `W_1` row by row, `b_1`, `W_2`, .., as the networks of the runtime have them.
#[derive(Clone, Debug)]
pub(super) struct Network {
    sizes: Vec<usize>,
    activation: Activation,
    pub(super) weights: Vec<f64>,
}

/// A pass of points through the network, for its derivative: the inputs of each layer, a row a point.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    layers: Vec<DMatrix<f64>>,
}

impl Network {
    /// Zero biases and normal weights, whose deviation is a function of the numbers of inputs and outputs.
    pub(super) fn new(
        sizes: &[usize],
        activation: Activation,
        deviation: fn(f64, f64) -> f64,
        random: &mut StdRng,
    ) -> Self {
        let mut weights = Vec::new();
        for pair in sizes.windows(2) {
            let deviation = deviation(pair[0] as f64, pair[1] as f64);
            weights.extend((0..pair[0] * pair[1]).map(|_| deviation * normal(random)));
            weights.extend(vec![0.0; pair[1]]);
        }
        Self { sizes: sizes.to_vec(), activation, weights }
    }

    /// A network with these weights.
    pub(super) fn from_weights(sizes: &[usize], activation: Activation, weights: &[f64]) -> Self {
        Self { sizes: sizes.to_vec(), activation, weights: weights.to_vec() }
    }

    /// Of each layer: inputs, outputs, the place of its matrix and that of its biases.
    fn layers(&self) -> Vec<Layer> {
        let mut first = 0;
        let layer = |pair: &[usize]| {
            let layer = Layer { inputs: pair[0], outputs: pair[1], matrix: first, biases: first + pair[0] * pair[1] };
            first = layer.biases + layer.outputs;
            layer
        };
        self.sizes.windows(2).map(layer).collect()
    }

    /// The outputs at points, a column each.
    pub(super) fn values(&self, points: &DMatrix<f64>) -> (DMatrix<f64>, Pass) {
        let layers = self.layers();
        let mut pass = Pass { layers: Vec::with_capacity(layers.len()) };
        let mut values = points.transpose();
        for (index, layer) in layers.iter().enumerate() {
            let biases = &self.weights[layer.biases..][..layer.outputs];
            let mut next = DMatrix::from_fn(points.ncols(), layer.outputs, |_, j| biases[j]);
            next.gemm(1.0, &values, &self.transposed(layer), 1.0);
            if index + 1 < layers.len() {
                next.apply(|a| *a = self.activation.value(*a));
            }
            pass.layers.push(std::mem::replace(&mut values, next));
        }
        (values.transpose(), pass)
    }

    /// The transpose of a layer's matrix, whose columns are the rows of the matrix. A view of the matrix itself has a
    /// stride from row to row, and the product of nalgebra 0.35 with such a view leaves its memory where a side is
    /// shorter than six.
    fn transposed(&self, layer: &Layer) -> DMatrixView<'_, f64> {
        DMatrixView::from_slice(&self.weights[layer.matrix..layer.biases], layer.inputs, layer.outputs)
    }

    /// Adds the gradient in the weights of a loss with this gradient in the outputs; returns that in the points.
    pub(super) fn pull_back(&self, pass: &Pass, of_outputs: DMatrix<f64>, weights: &mut [f64]) -> DMatrix<f64> {
        let mut adjoints = of_outputs;
        for (index, (layer, inputs)) in self.layers().iter().zip(&pass.layers).enumerate().rev() {
            let out = &mut weights[layer.matrix..layer.biases];
            let rows = adjoints.transpose();
            DMatrixViewMut::from_slice(out, layer.inputs, layer.outputs).gemm(1.0, &inputs.transpose(), &rows, 1.0);
            let out = weights[layer.biases..][..layer.outputs].iter_mut();
            out.zip(&adjoints.column_sum()).for_each(|(out, g)| *out += g);
            adjoints = self.transposed(layer) * &adjoints;
            if index > 0 {
                adjoints.zip_apply(&inputs.transpose(), |g, value| *g *= self.activation.slope(value));
            }
        }
        adjoints
    }
}

#[derive(Clone, Copy, Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    matrix: usize,
    biases: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// By hand, one hidden unit: `y = 3 elu(2 x - 1) + 0.5`.
    #[test]
    fn by_hand() {
        let network = Network::from_weights(&[1, 1, 1], Activation::Elu, &[2.0, -1.0, 3.0, 0.5]);
        let (y, pass) = network.values(&DMatrix::from_row_slice(1, 2, &[1.0, 0.0]));
        let below = (-1.0_f64).exp() - 1.0;
        assert!((y[0] - 3.5).abs() < 1e-15 && (y[1] - (3.0 * below + 0.5)).abs() < 1e-15, "{y}");
        let mut weights = vec![0.0; 4];
        let of_points = network.pull_back(&pass, DMatrix::from_row_slice(1, 2, &[0.0, 1.0]), &mut weights);
        let slope = 3.0 * (-1.0_f64).exp();
        for (given, by_hand) in weights.iter().zip([0.0, slope, below, 1.0]).chain([(&of_points[1], 2.0 * slope)]) {
            assert!((given - by_hand).abs() < 1e-14, "{given} and {by_hand}");
        }
    }

    /// Gradients in weights and points against central differences.
    #[test]
    fn gradients() {
        for activation in [Activation::Elu, Activation::Softplus] {
            let mut random = StdRng::seed_from_u64(5);
            let mut network = Network::new(&[2, 7, 6, 3], activation, |n, m| 2.0 / (n + m).sqrt(), &mut random);
            network.weights.iter_mut().for_each(|w| *w += random.random_range(-0.1..0.1));
            let mut points = DMatrix::from_fn(2, 8, |_, _| random.random_range(-1.0..1.0));
            let g = DMatrix::from_fn(3, 8, |_, _| random.random_range(-1.0..1.0));
            let (_, pass) = network.values(&points);
            let mut weights = vec![0.0; network.weights.len()];
            let of_points = network.pull_back(&pass, g.clone(), &mut weights);
            // 1e-10 times third derivatives, and 1e-14 over 1e-5 of rounding.
            let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-7, "{activation:?}: {a} and {b}");
            for k in 0..weights.len() {
                let mut at = |h: f64| {
                    network.weights[k] += h;
                    let value = network.values(&points).0.dot(&g);
                    network.weights[k] -= h;
                    value
                };
                close((at(1e-5) - at(-1e-5)) / 2e-5, weights[k]);
            }
            for k in 0..points.len() {
                let mut at = |h: f64| {
                    points[k] += h;
                    let value = network.values(&points).0.dot(&g);
                    points[k] -= h;
                    value
                };
                close((at(1e-5) - at(-1e-5)) / 2e-5, of_points[k]);
            }
        }
    }
}
