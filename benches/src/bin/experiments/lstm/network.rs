//! A recurrent network: one layer of LSTM units (Hochreiter and Schmidhuber 1997) and a linear output at every stage,
//! with its derivative by backpropagation through time.
//!
//! ```text
//! (i, f, g, o) = sigma, sigma, tanh, sigma of  W_x x + b_x + W_h h + b_h
//! c <- f c + i g,   h <- o tanh(c),   y = w h + b
//! ```
//!
//! The input `x` is the same at all stages, so its product is made once. Problems are the columns of matrices, and
//! stages are blocks of columns. All stages share the product that makes the gradient in `W_h`.

use dilqr_runtime::nalgebra::{self, DMatrix, DVector, RealField};
use rand::Rng;
use rand::rngs::StdRng;

/// The arithmetic of passes.
pub(super) trait Real: RealField + Copy {
    fn value(self) -> f64;
}

impl Real for f32 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn value(self) -> f64 {
        self
    }
}

/// The numbers of inputs, of units and of stages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) inputs: usize,
    pub(super) units: usize,
    pub(super) stages: usize,
}

impl Shape {
    /// The number of weights: `W_x` and `W_h` column by column, `b_x`, `b_h`, `w`, `b`.
    pub(super) fn len(self) -> usize {
        self.parts().iter().sum()
    }

    fn parts(self) -> [usize; 6] {
        let Self { inputs, units, .. } = self;
        [4 * units * inputs, 4 * units * units, 4 * units, 4 * units, units, 1]
    }

    /// PyTorch's choice for these layers: uniform, as far as the root of the number of units.
    pub(super) fn draw(self, random: &mut StdRng) -> Vec<f64> {
        let reach = 1.0 / (self.units as f64).sqrt();
        (0..self.len()).map(|_| random.random_range(-reach..reach)).collect()
    }

    /// The parts of a list of weights or of a gradient.
    fn split(self, list: &[f64]) -> [&[f64]; 6] {
        let mut rest = list;
        self.parts().map(|part| {
            let (own, others) = rest.split_at(part);
            rest = others;
            own
        })
    }
}

/// A network in the arithmetic of its passes.
#[derive(Clone, Debug)]
pub(super) struct Network<T> {
    shape: Shape,
    input: DMatrix<T>,
    recurrent: DMatrix<T>,
    /// `W_h'`, since a product with a transposed matrix is slower.
    transposed: DMatrix<T>,
    /// `b_x + b_h`
    bias: DVector<T>,
    output: DVector<T>,
    offset: T,
}

/// A pass through the network. Blocks of columns belong to stages; `hidden` and `cells` begin with the zeros before the
/// first.
#[derive(Clone, Debug)]
pub(super) struct Pass<T> {
    gates: DMatrix<T>,
    hidden: DMatrix<T>,
    cells: DMatrix<T>,
    /// `tanh(c)`
    squashed: DMatrix<T>,
    /// A column for each problem in each stage.
    pub(super) outputs: DVector<T>,
}

impl<T: Real> Network<T> {
    pub(super) fn new(shape: Shape, weights: &[f64]) -> Self {
        let [input, recurrent, first, second, output, offset] = shape.split(weights);
        let cast = |list: &[f64]| list.iter().map(|&w| nalgebra::convert(w)).collect::<Vec<T>>();
        let gates = 4 * shape.units;
        let recurrent = DMatrix::from_vec(gates, shape.units, cast(recurrent));
        Self {
            shape,
            input: DMatrix::from_vec(gates, shape.inputs, cast(input)),
            transposed: recurrent.transpose(),
            recurrent,
            bias: DVector::from_vec(cast(first)) + DVector::from_vec(cast(second)),
            output: DVector::from_vec(cast(output)),
            offset: nalgebra::convert(offset[0]),
        }
    }

    /// The outputs of all stages for a batch of inputs, a column each.
    pub(super) fn pass(&self, x: &DMatrix<T>) -> Pass<T> {
        let Shape { units, stages, .. } = self.shape;
        let count = x.ncols();
        let mut drive = &self.input * x;
        drive.column_iter_mut().for_each(|mut column| column += &self.bias);
        let zeros = |rows: usize, stages: usize| DMatrix::<T>::zeros(rows, stages * count);
        let (mut gates, mut squashed) = (zeros(4 * units, stages), zeros(units, stages));
        let (mut hidden, mut cells) = (zeros(units, stages + 1), zeros(units, stages + 1));
        for t in 0..stages {
            let mut own = gates.columns_mut(t * count, count);
            own.copy_from(&drive);
            if t > 0 {
                own.gemm(T::one(), &self.recurrent, &hidden.columns(t * count, count), T::one());
            }
            for k in t * count..(t + 1) * count {
                let before = cells.column(k).into_owned();
                let unit = Column {
                    gates: &mut gates.as_mut_slice()[4 * units * k..][..4 * units],
                    cell: &mut cells.as_mut_slice()[units * (k + count)..][..units],
                    squashed: &mut squashed.as_mut_slice()[units * k..][..units],
                    hidden: &mut hidden.as_mut_slice()[units * (k + count)..][..units],
                };
                unit.activate(before.as_slice());
            }
        }
        let mut outputs = hidden.columns(count, stages * count).tr_mul(&self.output);
        outputs.add_scalar_mut(self.offset);
        Pass { gates, hidden, cells, squashed, outputs }
    }

    /// The gradient in all weights of a loss with this gradient in the outputs.
    pub(super) fn pull_back(&self, x: &DMatrix<T>, pass: &Pass<T>, loss: &DVector<T>) -> Vec<f64> {
        let Shape { units, stages, .. } = self.shape;
        let count = x.ncols();
        let mut of_gates = DMatrix::<T>::zeros(4 * units, stages * count);
        let mut of_cells = DMatrix::<T>::zeros(units, count);
        let mut of_hidden = DMatrix::<T>::zeros(units, count);
        let mut of_drive = DMatrix::<T>::zeros(4 * units, count);
        for t in (0..stages).rev() {
            if t + 1 < stages {
                let next = of_gates.columns((t + 1) * count, count);
                of_hidden.gemm(T::one(), &self.transposed, &next, T::zero());
            }
            of_hidden.ger(T::one(), &self.output, &loss.rows(t * count, count), T::one());
            for k in 0..count {
                let at = t * count + k;
                let gates = &pass.gates.as_slice()[4 * units * at..][..4 * units];
                let before = &pass.cells.as_slice()[units * at..][..units];
                let squashed = &pass.squashed.as_slice()[units * at..][..units];
                let cells = &mut of_cells.as_mut_slice()[units * k..][..units];
                let hidden = &of_hidden.as_slice()[units * k..][..units];
                let own = &mut of_gates.as_mut_slice()[4 * units * at..][..4 * units];
                pull_back_column((gates, before, squashed), hidden, cells, own);
            }
            of_drive += of_gates.columns(t * count, count);
        }
        // From the second stage on: `h` is zero before the first.
        let later = (stages - 1) * count;
        let hidden = pass.hidden.columns(count, later).transpose();
        let of_recurrent = of_gates.columns(count, later) * hidden;
        let of_bias = of_drive.column_sum();
        let of_output = pass.hidden.columns(count, stages * count) * loss;
        let of_input = of_drive * x.transpose();
        let of_offset = [loss.sum()];
        let parts = [of_input.as_slice(), of_recurrent.as_slice(), of_bias.as_slice(), of_bias.as_slice()];
        let parts = parts.into_iter().chain([of_output.as_slice(), &of_offset]);
        parts.flatten().map(|g| g.value()).collect()
    }
}

/// What a stage writes for one problem.
struct Column<'a, T> {
    /// Sums on entry, their activations on return: `i`, `f`, `g`, `o`, as many of each as units.
    gates: &'a mut [T],
    cell: &'a mut [T],
    squashed: &'a mut [T],
    hidden: &'a mut [T],
}

impl<T: Real> Column<'_, T> {
    /// From the cells of the stage before.
    fn activate(self, before: &[T]) {
        let Self { gates, cell, squashed, hidden } = self;
        let units = before.len();
        let (i, rest) = gates.split_at_mut(units);
        let (f, rest) = rest.split_at_mut(units);
        let (g, o) = rest.split_at_mut(units);
        for gate in [&mut *i, &mut *f, &mut *o] {
            gate.iter_mut().for_each(|a| *a = T::one() / (T::one() + (-*a).exp()));
        }
        g.iter_mut().for_each(|a| *a = tanh(*a));
        for k in 0..units {
            cell[k] = f[k] * before[k] + i[k] * g[k];
            squashed[k] = tanh(cell[k]);
            hidden[k] = o[k] * squashed[k];
        }
    }
}

/// By an exponential, which takes a third of the library function's time. The error is that of rounding numbers of size
/// one.
fn tanh<T: Real>(a: T) -> T {
    let (one, two) = (T::one(), T::one() + T::one());
    one - two / (one + (two * a).exp())
}

/// A stage of one problem, backward: `cells` is the loss's gradient in `c` on entry and in the `c` of the stage before
/// on return.
fn pull_back_column<T: Real>(
    (gates, before, squashed): (&[T], &[T], &[T]),
    hidden: &[T],
    cells: &mut [T],
    of_gates: &mut [T],
) {
    let units = before.len();
    let (one, gate) = (T::one(), |part: usize, k: usize| gates[part * units + k]);
    for k in 0..units {
        let [i, f, g, o] = [0, 1, 2, 3].map(|part| gate(part, k));
        let of_cell = cells[k] + hidden[k] * o * (one - squashed[k] * squashed[k]);
        of_gates[k] = of_cell * g * i * (one - i);
        of_gates[units + k] = of_cell * before[k] * f * (one - f);
        of_gates[2 * units + k] = of_cell * i * (one - g * g);
        of_gates[3 * units + k] = hidden[k] * squashed[k] * o * (one - o);
        cells[k] = of_cell * f;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const SHAPE: Shape = Shape { inputs: 2, units: 6, stages: 4 };

    fn drawn(seed: u64) -> (Vec<f64>, DMatrix<f64>, DVector<f64>) {
        let mut random = StdRng::seed_from_u64(seed);
        let weights = SHAPE.draw(&mut random);
        let mut some = |count: usize| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
        // More problems than five: smaller products are made by other loops.
        let (x, loss) = (some(2 * 7), some(4 * 7));
        (weights, DMatrix::from_vec(2, 7, x), DVector::from_vec(loss))
    }

    /// Two stages of one unit by hand.
    #[test]
    fn by_hand() {
        let shape = Shape { inputs: 1, units: 1, stages: 2 };
        // `W_x`, `W_h`, `b_x`, `b_h`, each for i, f, g, o; `w`, `b`.
        let weights =
            [0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, 0.01, 0.02, 0.03, 0.04, -0.05, 0.06, -0.07, 0.08, 1.5, -0.25];
        assert_eq!(shape.len(), weights.len());
        let x = 0.9;
        let pass = Network::new(shape, &weights).pass(&DMatrix::from_element(1, 1, x));
        let sigma = |a: f64| 1.0 / (1.0 + (-a).exp());
        let (mut c, mut h) = (0.0, 0.0);
        for t in 0..2 {
            let [i, f, g, o] =
                [0, 1, 2, 3].map(|k| weights[k] * x + weights[4 + k] * h + weights[8 + k] + weights[12 + k]);
            c = sigma(f) * c + sigma(i) * g.tanh();
            h = sigma(o) * f64::tanh(c);
            // Some twenty operations on numbers below two.
            assert!((pass.outputs[t] - (1.5 * h - 0.25)).abs() < 1e-14);
        }
    }

    /// Every entry of the gradient against central differences.
    #[test]
    fn gradient() {
        let (mut weights, x, loss) = drawn(5);
        let network = Network::new(SHAPE, &weights);
        let gradient = network.pull_back(&x, &network.pass(&x), &loss);
        assert_eq!(gradient.len(), weights.len());
        let value = |weights: &[f64]| Network::new(SHAPE, weights).pass(&x).outputs.dot(&loss);
        let largest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        for k in 0..weights.len() {
            let mut at = |h: f64| {
                weights[k] += h;
                let value = value(&weights);
                weights[k] -= h;
                value
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            // Third derivatives times 1e-10, and rounding errors of 1e-16 over the step.
            assert!((gradient[k] - difference).abs() < 1e-9 * largest, "{k}: {} {difference}", gradient[k]);
        }
    }

    /// Single precision gives the same, to its digits.
    #[test]
    fn single_precision() {
        let (weights, x, loss) = drawn(6);
        let (double, single) = (Network::<f64>::new(SHAPE, &weights), Network::<f32>::new(SHAPE, &weights));
        let exact = double.pull_back(&x, &double.pass(&x), &loss);
        let (x, loss) = (x.map(|x| x as f32), loss.map(|g| g as f32));
        let rounded = single.pull_back(&x, &single.pass(&x), &loss);
        let largest = exact.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        // Some hundred sums of rounding errors of 6e-8.
        assert!(exact.iter().zip(&rounded).all(|(a, b)| (a - b).abs() < 1e-5 * largest));
        assert!(exact != rounded);
    }
}
