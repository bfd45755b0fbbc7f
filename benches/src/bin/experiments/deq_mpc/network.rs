//! A temporal convolution over the stages of a plan, with two layers or with a fixed point in their place, and its derivatives.
//!
//! ```text
//! two layers     a = tanh(A f), z = tanh(B a), y = C z
//! fixed point    z = tanh(A f + B z),          y = C z
//! ```
//!
//! The sum of the magnitudes of the weights of `B` that lead to a hidden value is kept below one, so that the fixed point exists, is
//! the only one, and has a derivative (El Ghaoui et al., *Implicit deep learning*, 2021).
//!
//! `A`, `B` and `C` are convolutions over three stages with zeros beyond the ends. The fixed point is found by Anderson's method
//! and differentiated by the implicit function theorem (Bai, Kolter and Koltun, *Deep Equilibrium Models*, 2019).

use dilqr_runtime::nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::rngs::StdRng;

/// Stages that an output of a convolution sees.
const WIDTH: usize = 3;

/// Earlier iterates in a step of Anderson's method.
const MEMORY: usize = 4;

const ITERATIONS: usize = 60;

/// The largest sum of magnitudes of repeated weights.
const CONTRACTION: f64 = 0.9;

/// The change of an iterate, over its size, that ends the iteration.
const TOLERANCE: f64 = 1e-9;

/// What stands between the first and the last convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TwoLayers,
    FixedPoint,
}

/// The numbers of channels, and the number of stages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) inputs: usize,
    pub(super) channels: usize,
    pub(super) outputs: usize,
    pub(super) stages: usize,
}

/// One convolution among the weights: where it begins, and its channels.
#[derive(Clone, Copy, Debug)]
struct Convolution {
    first: usize,
    inputs: usize,
    outputs: usize,
    stages: usize,
}

impl Convolution {
    fn len(&self) -> usize {
        self.outputs * (WIDTH * self.inputs + 1)
    }

    /// The weight of input `j` at `k - 1` stages from output `i`; those of the constants follow.
    fn at(&self, i: usize, j: usize, k: usize) -> usize {
        self.first + (i * WIDTH + k) * self.inputs + j
    }

    fn constant(&self, i: usize) -> usize {
        self.first + WIDTH * self.inputs * self.outputs + i
    }

    /// The stage that tap `k` of stage `t` sees.
    fn source(&self, t: usize, k: usize) -> Option<usize> {
        (t + k).checked_sub(1).filter(|&source| source < self.stages)
    }

    /// Adds the convolution of `x`, stage after stage.
    fn add(&self, weights: &[f64], x: &[f64], out: &mut [f64]) {
        for t in 0..self.stages {
            for i in 0..self.outputs {
                let mut sum = weights[self.constant(i)];
                for k in 0..WIDTH {
                    let Some(source) = self.source(t, k) else { continue };
                    let row = &weights[self.at(i, 0, k)..][..self.inputs];
                    sum += row.iter().zip(&x[source * self.inputs..]).map(|(w, x)| w * x).sum::<f64>();
                }
                out[t * self.outputs + i] += sum;
            }
        }
    }

    /// Adds the transposed convolution of `g` to the gradient in `x`, if there is one.
    fn add_transposed(&self, weights: &[f64], g: &[f64], out: &mut [f64]) {
        for t in 0..self.stages {
            for i in 0..self.outputs {
                let g = g[t * self.outputs + i];
                for k in 0..WIDTH {
                    let Some(source) = self.source(t, k) else { continue };
                    let row = &weights[self.at(i, 0, k)..][..self.inputs];
                    out[source * self.inputs..].iter_mut().zip(row).for_each(|(out, w)| *out += g * w);
                }
            }
        }
    }

    /// Adds the gradient in the weights.
    fn add_weights(&self, x: &[f64], g: &[f64], out: &mut [f64]) {
        for t in 0..self.stages {
            for i in 0..self.outputs {
                let g = g[t * self.outputs + i];
                out[self.constant(i)] += g;
                for k in 0..WIDTH {
                    let Some(source) = self.source(t, k) else { continue };
                    let row = &mut out[self.at(i, 0, k)..][..self.inputs];
                    row.iter_mut().zip(&x[source * self.inputs..]).for_each(|(out, x)| *out += g * x);
                }
            }
        }
    }
}

/// The network with its weights.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) kind: Kind,
    shape: Shape,
    layers: [Convolution; 3],
    pub(super) weights: Vec<f64>,
}

/// A pass through the network, for its derivative.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    input: Vec<f64>,
    /// The first layer's values; empty for a fixed point.
    first: Vec<f64>,
    hidden: Vec<f64>,
    pub(super) output: Vec<f64>,
    /// Whether the fixed point has been found.
    pub(super) found: bool,
}

impl Network {
    /// Glorot's distribution; the layer that a fixed point repeats is a third of that, and the last one a tenth.
    pub(super) fn new(kind: Kind, shape: Shape, random: &mut StdRng) -> Self {
        let Shape { inputs, channels, outputs, stages } = shape;
        let mut first = 0;
        let layers = [(inputs, channels), (channels, channels), (channels, outputs)].map(|(inputs, outputs)| {
            let layer = Convolution { first, inputs, outputs, stages };
            first += layer.len();
            layer
        });
        let mut weights = vec![0.0; first];
        for (layer, part) in layers.iter().zip([1.0, if kind == Kind::FixedPoint { 0.3 } else { 1.0 }, 0.1]) {
            let reach = part * (6.0 / (WIDTH * (layer.inputs + layer.outputs)) as f64).sqrt();
            let count = WIDTH * layer.inputs * layer.outputs;
            weights[layer.first..][..count].iter_mut().for_each(|w| *w = random.random_range(-reach..reach));
        }
        let mut network = Self { kind, shape, layers, weights };
        network.contract();
        network
    }

    /// Shortens the weights that a fixed point repeats to sums of at most [`CONTRACTION`].
    pub(super) fn contract(&mut self) {
        if self.kind == Kind::TwoLayers {
            return;
        }
        let b = self.layers[1];
        for i in 0..b.outputs {
            let row = &mut self.weights[b.at(i, 0, 0)..][..WIDTH * b.inputs];
            let sum = row.iter().map(|w| w.abs()).sum::<f64>();
            if sum > CONTRACTION {
                row.iter_mut().for_each(|w| *w *= CONTRACTION / sum);
            }
        }
    }

    /// The number of hidden values.
    fn hidden(&self) -> usize {
        self.shape.channels * self.shape.stages
    }

    pub(super) fn pass(&self, input: Vec<f64>) -> Pass {
        let [a, b, c] = &self.layers;
        let activated = |mut values: Vec<f64>| {
            values.iter_mut().for_each(|value| *value = value.tanh());
            values
        };
        let mut drive = vec![0.0; self.hidden()];
        a.add(&self.weights, &input, &mut drive);
        let (first, hidden, found) = match self.kind {
            Kind::TwoLayers => {
                let first = activated(drive);
                let mut hidden = vec![0.0; self.hidden()];
                b.add(&self.weights, &first, &mut hidden);
                (first, activated(hidden), true)
            }
            Kind::FixedPoint => {
                let (hidden, found) = fixed_point(vec![0.0; self.hidden()], |z| {
                    let mut next = drive.clone();
                    b.add(&self.weights, z, &mut next);
                    activated(next)
                });
                (Vec::new(), hidden, found)
            }
        };
        let mut output = vec![0.0; self.shape.outputs * self.shape.stages];
        c.add(&self.weights, &hidden, &mut output);
        Pass { input, first, hidden, output, found }
    }

    /// Adds the gradient in the weights of a loss with this gradient in the output; returns that in the input. `None` where the
    /// adjoint's fixed point is not found.
    pub(super) fn pull_back(&self, pass: &Pass, output: &[f64], weights: &mut [f64]) -> Option<Vec<f64>> {
        let [a, b, c] = &self.layers;
        let Pass { input, first, hidden, .. } = pass;
        c.add_weights(hidden, output, weights);
        let mut of_hidden = vec![0.0; self.hidden()];
        c.add_transposed(&self.weights, output, &mut of_hidden);
        // Through `tanh` whose value this is.
        let through =
            |g: &[f64], value: &[f64]| g.iter().zip(value).map(|(g, z)| g * (1.0 - z * z)).collect::<Vec<_>>();
        let of_drive = match self.kind {
            Kind::TwoLayers => {
                let inner = through(&of_hidden, hidden);
                b.add_weights(first, &inner, weights);
                let mut of_first = vec![0.0; self.hidden()];
                b.add_transposed(&self.weights, &inner, &mut of_first);
                through(&of_first, first)
            }
            Kind::FixedPoint => {
                let (adjoint, found) = fixed_point(of_hidden.clone(), |adjoint| {
                    let mut next = of_hidden.clone();
                    b.add_transposed(&self.weights, &through(adjoint, hidden), &mut next);
                    next
                });
                if !found {
                    return None;
                }
                let inner = through(&adjoint, hidden);
                b.add_weights(hidden, &inner, weights);
                inner
            }
        };
        a.add_weights(input, &of_drive, weights);
        let mut of_input = vec![0.0; input.len()];
        a.add_transposed(&self.weights, &of_drive, &mut of_input);
        Some(of_input)
    }
}

/// A fixed point of a map by Anderson's method (Walker and Ni 2011), and whether it was found.
pub(super) fn fixed_point(mut z: Vec<f64>, map: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, bool) {
    let n = z.len();
    let (mut points, mut residuals): (Vec<DVector<f64>>, Vec<DVector<f64>>) = (Vec::new(), Vec::new());
    for _ in 0..ITERATIONS {
        let image = map(&z);
        let residual = DVector::from_fn(n, |i, _| image[i] - z[i]);
        let size = image.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
        let change = residual.amax();
        if !change.is_finite() {
            return (z, false);
        }
        if change <= TOLERANCE * size {
            return (image, true);
        }
        points.push(DVector::from_vec(image));
        residuals.push(residual);
        if points.len() > MEMORY + 1 {
            points.remove(0);
            residuals.remove(0);
        }
        let last = points.len() - 1;
        let mut next = points[last].clone();
        if last > 0 {
            let change = |list: &[DVector<f64>]| DMatrix::from_fn(n, last, |i, k| list[k + 1][i] - list[k][i]);
            let (of_points, of_residuals) = (change(&points), change(&residuals));
            let parts = of_residuals.svd(true, true);
            let least = 1e-12 * parts.singular_values.max();
            if let Ok(mix) = parts.solve(&residuals[last], least) {
                next -= of_points * mix;
            }
        }
        z.copy_from_slice(next.as_slice());
    }
    (z, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Gradients in weights and inputs against central differences.
    #[test]
    fn gradients() {
        let shape = Shape { inputs: 3, channels: 5, outputs: 2, stages: 4 };
        for kind in [Kind::TwoLayers, Kind::FixedPoint] {
            let mut random = StdRng::seed_from_u64(7);
            let mut network = Network::new(kind, shape, &mut random);
            let mut draw = |n: usize| (0..n).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
            let (mut input, g) = (draw(12), draw(8));
            let pass = network.pass(input.clone());
            assert!(pass.found);
            let mut weights = vec![0.0; network.weights.len()];
            let of_input = network.pull_back(&pass, &g, &mut weights).expect("it contracts");
            let value = |network: &Network, input: &[f64]| {
                network.pass(input.to_vec()).output.iter().zip(&g).map(|(y, g)| y * g).sum::<f64>()
            };
            // Second-order differences with a step of 1e-5 leave 1e-10 of third derivatives, and the fixed point's 1e-9 over 1e-5.
            let close = |given: f64, difference: f64| {
                assert!(
                    (given - difference).abs() <= 1e-5 * (1.0 + difference.abs()),
                    "{kind:?}: {given} {difference}"
                );
            };
            for k in (0..weights.len()).step_by(3) {
                let mut at = |h: f64| {
                    network.weights[k] += h;
                    let value = value(&network, &input);
                    network.weights[k] -= h;
                    value
                };
                close(weights[k], (at(1e-5) - at(-1e-5)) / 2e-5);
            }
            for k in 0..input.len() {
                let mut at = |h: f64| {
                    input[k] += h;
                    let value = value(&network, &input);
                    input[k] -= h;
                    value
                };
                close(of_input[k], (at(1e-5) - at(-1e-5)) / 2e-5);
            }
        }
    }

    /// A linear map whose powers do not contract.
    #[test]
    fn fixed_points_beyond_plain_iteration() {
        let (z, found) = fixed_point(vec![0.0; 2], |z| vec![1.0 - 2.0 * z[0], 0.5 - 3.0 * z[1] + 0.1 * z[0]]);
        assert!(found);
        assert!((z[0] - 1.0 / 3.0).abs() < 1e-8 && (z[1] - (0.5 + 0.1 / 3.0) / 4.0).abs() < 1e-8, "{z:?}");
    }
}
