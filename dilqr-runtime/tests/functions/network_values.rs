//! Networks as values: their scaling, and their files.

use dilqr_runtime::{
    Direction, Gradient, Initializer, LossGradient, Problem, SafetensorsError, Scalar, Settings, Status,
    VectorFunction, batch, check_function,
};
use num_dual::HyperDual64;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A cart on a track with friction and a slope that a network gives.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.05)]
pub mod track {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    #[network(layers = [3, 7, 5, 2], activation = silu)]
    pub struct Ground;

    pub fn derivative(x: State, u: Control, p: Params, ground: &Ground) -> State {
        let [friction, slope] = ground.evaluate([x.place, x.speed, u.force]);
        State { place: x.speed, speed: (u.force - friction * x.speed) / p.mass + 0.1 * slope }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.05 * (x.place * x.place + 0.1 * x.speed * x.speed + 0.05 * u.force * u.force)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (x.place * x.place + x.speed * x.speed)
    }
}

const T: usize = 12;
const SIZES: [usize; 4] = [3, 7, 5, 2];

/// Means and scales of inputs and outputs.
const INPUTS: ([f64; 3], [f64; 3]) = ([0.4, -1.2, 3.0], [0.5, 2.0, 40.0]);
const OUTPUTS: ([f64; 2], [f64; 2]) = ([0.3, -0.2], [0.1, 3.0]);

fn scaled(weights: &[f64]) -> track::Ground {
    let plain = track::Ground::from_weights(weights).unwrap();
    plain.with_input_scaling(INPUTS.0, INPUTS.1).unwrap().with_output_scaling(OUTPUTS.0, OUTPUTS.1).unwrap()
}

fn weights() -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(2);
    (0..track::Ground::LEN).map(|_| random.random_range(-0.8..0.8)).collect()
}

/// The first of the weights of a layer.
fn start(layer: usize) -> usize {
    (0..layer).map(|l| (SIZES[l] + 1) * SIZES[l + 1]).sum()
}

/// The network with scaling, written out.
fn by_hand<S: Scalar>(weights: &[f64], z: [S; 3]) -> [S; 2] {
    let n = S::from_f64;
    let mut h: Vec<S> = (0..3).map(|i| (z[i] - n(INPUTS.0[i])) / n(INPUTS.1[i])).collect();
    for layer in 0..3 {
        let (columns, rows) = (SIZES[layer], SIZES[layer + 1]);
        let own = &weights[start(layer)..start(layer + 1)];
        h = (0..rows)
            .map(|row| {
                let sum = (0..columns)
                    .fold(n(own[rows * columns + row]), |sum, column| sum + n(own[row * columns + column]) * h[column]);
                if layer == 2 { sum } else { sum / (S::one() + (-sum).exp()) }
            })
            .collect();
    }
    [n(OUTPUTS.0[0]) + n(OUTPUTS.1[0]) * h[0], n(OUTPUTS.0[1]) + n(OUTPUTS.1[1]) * h[1]]
}

/// Values, Jacobians and second derivatives beside dual numbers and differences.
#[test]
fn scaling_of_derivatives() {
    let (weights, z, mu) = (weights(), [0.9, -2.5, 17.0], [0.7, -1.3]);
    let network = scaled(&weights);
    assert_eq!(network.weights(), weights);
    let check = check_function(&network, &z);
    assert!(check.largest() < 1e-7, "{check:?}");
    let (value, jacobian, contraction) = (network.evaluate(z), network.jacobian(&z), network.contraction(&z, &mu));
    for i in 0..3 {
        for j in 0..3 {
            let mut duals = z.map(HyperDual64::from_re);
            duals[i].eps1 = 1.0;
            duals[j].eps2 = 1.0;
            let y = by_hand(&weights, duals);
            // Sums of at most seven terms near one.
            let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14 * (1.0 + b.abs()), "{a} {b}");
            for k in 0..2 {
                close(value[k], y[k].re);
                close(jacobian[k][i], y[k].eps1);
            }
            close(contraction[i][j], mu[0] * y[0].eps1eps2 + mu[1] * y[1].eps1eps2);
        }
    }
}

/// The weights of the network without scaling that has the same values.
fn folded(weights: &[f64]) -> Vec<f64> {
    let mut folded = weights.to_vec();
    for row in 0..SIZES[1] {
        for column in 0..3 {
            let weight = weights[row * 3 + column] / INPUTS.1[column];
            folded[row * 3 + column] = weight;
            folded[SIZES[1] * 3 + row] -= weight * INPUTS.0[column];
        }
    }
    let last = start(2);
    for row in 0..2 {
        for column in 0..5 {
            folded[last + row * 5 + column] *= OUTPUTS.1[row];
        }
        folded[last + 10 + row] = OUTPUTS.0[row] + OUTPUTS.1[row] * weights[last + 10 + row];
    }
    folded
}

/// The gradient in the weights from that in the folded ones.
fn unfolded(gradient: &[f64]) -> Vec<f64> {
    let mut unfolded = gradient.to_vec();
    for row in 0..SIZES[1] {
        for column in 0..3 {
            let of_bias = gradient[SIZES[1] * 3 + row];
            unfolded[row * 3 + column] = (gradient[row * 3 + column] - of_bias * INPUTS.0[column]) / INPUTS.1[column];
        }
    }
    let last = start(2);
    for row in 0..2 {
        for column in 0..5 {
            unfolded[last + row * 5 + column] *= OUTPUTS.1[row];
        }
        unfolded[last + 10 + row] *= OUTPUTS.1[row];
    }
    unfolded
}

/// Solves, gradients, second derivatives and lanes: those of a network without scaling that has the same values.
#[test]
fn scaling_through_a_solve() {
    let problem: track::Problem = Problem::new([1.0, 0.5], [1.3], T);
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    loss.states[T] = [1.0, -0.4].into();
    loss.controls[2][0] = 0.3;
    let derivatives = |ground: track::Ground| {
        let model = track::Track::new(ground);
        let mut solver = track::Solver::new(model.clone(), T, settings).unwrap();
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let none = |_: &_, _: &_| LossGradient::zeros(T);
        let product = solver.hvp(&solution, &loss, &Direction::new([0.7]), none).unwrap();
        let lanes = batch::vjp_lanes(&model, &settings, std::slice::from_ref(&solution), std::slice::from_ref(&loss))
            .remove(0)
            .unwrap();
        [solver.vjp(&solution, &loss).unwrap(), solver.value_gradient(&solution).unwrap(), product, lanes]
    };
    let weights = weights();
    let with_scaling: [Gradient<2, 1>; 4] = derivatives(scaled(&weights));
    let without = derivatives(track::Ground::from_weights(&folded(&weights)).unwrap());
    for (gradient, other) in with_scaling.iter().zip(&without) {
        let expected = unfolded(&other.weights);
        let size = expected.iter().fold(0.0, |size: f64, entry| size.max(entry.abs()));
        assert!(size > 1e-3, "{size}");
        // Two solves to 1e-11.
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * size.max(b.abs()), "{a} {b} of {size}");
        gradient.weights.iter().zip(&expected).for_each(|(a, b)| close(*a, *b));
        close(gradient.params[0], other.params[0]);
        gradient.initial_state.iter().zip(&other.initial_state).for_each(|(a, b)| close(*a, *b));
    }
}

#[test]
fn scaling_at_the_door() {
    let network = || track::Ground::xavier(1);
    let message = |mean, scale| network().with_input_scaling(mean, scale).unwrap_err().to_string();
    let zeros = [0.0; 3];
    assert_eq!(message(zeros, [1.0, 0.0, 1.0]), "the scale of the inputs is 0 at entry 1, expected a positive number");
    assert_eq!(
        message(zeros, [1.0, 1.0, f64::NAN]),
        "the scale of the inputs is NaN at entry 2, expected a positive number"
    );
    assert_eq!(
        message([f64::INFINITY, 0.0, 0.0], [1.0; 3]),
        "the mean of the inputs is inf at entry 0, expected a finite number"
    );
    let error = network().with_output_scaling([0.0; 2], [-1.0, 1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the scale of the outputs is -1 at entry 0, expected a positive number");
}

/// A file of the format safetensors, byte by byte: the length of the header, the header, the numbers.
struct File {
    header: Vec<String>,
    data: Vec<u8>,
}

impl File {
    fn empty() -> Self {
        Self { header: Vec::new(), data: Vec::new() }
    }

    fn tensor(mut self, name: &str, shape: &[usize], (dtype, bytes): (&str, Vec<u8>)) -> Self {
        let (start, end) = (self.data.len(), self.data.len() + bytes.len());
        self.header.push(format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
        self.data.extend(bytes);
        self
    }

    fn doubles(self, name: &str, shape: &[usize], numbers: &[f64]) -> Self {
        self.tensor(name, shape, ("F64", numbers.iter().flat_map(|number| number.to_le_bytes()).collect()))
    }

    fn bytes(&self) -> Vec<u8> {
        let header = format!("{{{}}}", self.header.join(","));
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &self.data].concat()
    }
}

/// The file of a network with the weights 0, 1, 2, .. / 8 and these numbers of layers.
fn file(numbers: [usize; 3]) -> File {
    let weights: Vec<f64> = (0..track::Ground::LEN).map(|i| i as f64 / 8.0).collect();
    (0..3).fold(File::empty(), |file, layer| {
        let (columns, rows) = (SIZES[layer], SIZES[layer + 1]);
        let (matrix, biases) = weights[start(layer)..start(layer + 1)].split_at(rows * columns);
        let number = numbers[layer];
        file.doubles(&format!("layers.{number}.weight"), &[rows, columns], matrix).doubles(
            &format!("layers.{number}.bias"),
            &[rows],
            biases,
        )
    })
}

#[test]
fn files() {
    // The layers of `nn.ModuleList`, and those of `nn.Sequential`, with activations between them.
    for numbers in [[0, 1, 2], [0, 2, 4]] {
        let network = track::Ground::from_safetensors(&file(numbers).bytes()).unwrap();
        assert!(network.weights().iter().enumerate().all(|(i, weight)| *weight == i as f64 / 8.0));
        assert_eq!(
            network.evaluate([0.0; 3]),
            track::Ground::from_weights(network.weights()).unwrap().evaluate([0.0; 3])
        );
    }
    // Other tensors are left alone, and numbers of single precision are read as they are.
    let weights = weights();
    let single = (0..3).fold(File::empty().doubles("epoch", &[], &[7.0]), |file, layer| {
        let (columns, rows) = (SIZES[layer], SIZES[layer + 1]);
        let floats: Vec<u8> =
            weights[start(layer)..start(layer + 1)].iter().flat_map(|w| (*w as f32).to_le_bytes()).collect();
        let (matrix, biases) = floats.split_at(4 * rows * columns);
        file.tensor(&format!("layers.{layer}.weight"), &[rows, columns], ("F32", matrix.to_vec())).tensor(
            &format!("layers.{layer}.bias"),
            &[rows],
            ("F32", biases.to_vec()),
        )
    });
    let read = track::Ground::from_safetensors(&single.bytes()).unwrap();
    assert!(read.weights().iter().zip(&weights).all(|(read, weight)| *read == f64::from(*weight as f32)));
    // What is written is read, scaling included.
    for network in [scaled(&weights), track::Ground::xavier(3)] {
        let bytes = network.to_safetensors().unwrap();
        assert_eq!(track::Ground::from_safetensors(&bytes).unwrap(), network);
    }
    let bytes = track::Ground::xavier(3).to_safetensors().unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header["layers.1.weight"]["shape"], serde_json::json!([5, 7]));
    assert_eq!(header["layers.2.bias"]["dtype"], "F64");
    assert_eq!(header.as_object().unwrap().len(), 6);
}

#[test]
fn files_at_the_door() {
    let message = |bytes: &[u8]| track::Ground::from_safetensors(bytes).unwrap_err().to_string();
    let without = |tensor: &str| {
        let mut file = file([0, 1, 2]);
        file.header.retain(|entry| !entry.starts_with(&format!("\"{tensor}\"")));
        file
    };
    // Its numbers stay, under another name: a file without gaps.
    let missing = |tensor: &str| {
        let mut file = file([0, 1, 2]);
        file.header.iter_mut().for_each(|entry| *entry = entry.replace(&format!("\"{tensor}\""), "\"other\""));
        message(&file.bytes())
    };
    assert!(message(b"nothing").starts_with("the bytes are no safetensors file: "), "{}", message(b"nothing"));
    assert!(message(&without("layers.1.bias").bytes()).starts_with("the bytes are no safetensors file: "));
    assert!(matches!(
        track::Ground::from_safetensors(&file([0, 1, 2]).bytes()[..200]),
        Err(SafetensorsError::Format(_))
    ));
    assert_eq!(missing("layers.1.bias"), "the file has no tensor `layers.1.bias`, expected one with the shape [5]");
    assert_eq!(
        missing("layers.0.weight"),
        "the file has no tensor `layers.0.weight`, expected one with the shape [7, 3]"
    );
    let one = File::empty().doubles("layers.0.weight", &[7, 3], &[0.0; 21]).doubles("layers.0.bias", &[7], &[0.0; 7]);
    assert_eq!(message(&one.bytes()), "the file has no tensor `layers.1.weight`, expected one with the shape [5, 7]");
    let more = file([0, 1, 2]).doubles("layers.7.bias", &[2], &[0.0; 2]);
    assert_eq!(message(&more.bytes()), "the file has the tensor `layers.7.bias`, expected 3 layers");
    let transposed = File::empty().doubles("layers.0.weight", &[3, 7], &[0.0; 21]);
    assert_eq!(message(&transposed.bytes()), "the tensor `layers.0.weight` has the shape [3, 7], expected [7, 3]");
    let half = File::empty().tensor("layers.0.weight", &[7, 3], ("F16", vec![0; 42]));
    assert_eq!(message(&half.bytes()), "the tensor `layers.0.weight` has the dtype F16, expected F64 or F32");
    let mut matrix = [0.0; 21];
    matrix[5] = f64::NAN;
    let nan = File::empty().doubles("layers.0.weight", &[7, 3], &matrix);
    assert_eq!(message(&nan.bytes()), "the tensor `layers.0.weight` is NaN at entry 5, expected a finite number");
    let with = |mean: &[f64], scale: &[f64]| {
        file([0, 1, 2]).doubles("input.mean", &[mean.len()], mean).doubles("input.scale", &[scale.len()], scale)
    };
    assert_eq!(
        message(&with(&[0.0; 3], &[1.0, 0.0, 1.0]).bytes()),
        "the tensor `input.scale` is 0 at entry 1, expected a positive number"
    );
    assert_eq!(message(&with(&[0.0; 3], &[1.0]).bytes()), "the tensor `input.scale` has the shape [1], expected [3]");
    let half = file([0, 1, 2]).doubles("output.mean", &[2], &[0.0; 2]);
    assert_eq!(message(&half.bytes()), "the file has no tensor `output.scale`, expected one with the shape [2]");
}

/// Initializers give what they say to the network's type, and a constant output is one until the last layer is trained.
#[test]
fn initial_weights() {
    let all = [
        Initializer::XavierUniform,
        Initializer::XavierNormal,
        Initializer::HeUniform,
        Initializer::HeNormal,
        Initializer::LecunUniform,
        Initializer::LecunNormal,
        Initializer::PyTorch,
    ];
    for (index, initializer) in all.into_iter().enumerate() {
        let network = track::Ground::initialized(initializer, 4);
        assert_eq!(network, track::Ground::initialized(initializer, 4));
        assert_ne!(network, track::Ground::initialized(initializer, 5));
        assert!(all[..index].iter().all(|other| track::Ground::initialized(*other, 4) != network));
        let check = check_function(&network, &[0.3, -0.7, 1.1]);
        assert!(check.largest() < 1e-7, "{initializer:?}: {check:?}");
    }
    assert_eq!(track::Ground::xavier(4), track::Ground::initialized(Initializer::XavierUniform, 4));

    let network = track::Ground::initialized(Initializer::HeNormal, 4).with_constant_output([0.5, -2.0]).unwrap();
    for z in [[0.0; 3], [3.0, -40.0, 1.0]] {
        assert_eq!(network.evaluate(z), [0.5, -2.0]);
        assert_eq!(network.jacobian(&z), [[0.0; 3]; 2]);
    }
    // Hidden layers stay, and only the last layer has a gradient at first.
    let before = track::Ground::initialized(Initializer::HeNormal, 4);
    assert_eq!(network.weights()[..start(2)], before.weights()[..start(2)]);
    let mut solver = track::Solver::new(track::Track::new(network.clone()), T, Settings::default()).unwrap();
    let solution = solver.solve(&Problem::new([1.0, 0.5], [1.3], T)).unwrap();
    let gradient = solver.value_gradient(&solution).unwrap();
    assert!(gradient.weights[..start(2)].iter().all(|weight| *weight == 0.0));
    assert!(gradient.weights[start(2)..].iter().all(|weight| *weight != 0.0));
    // The values are those of the last layer, before its scaling.
    let network = network.with_output_scaling([1.0, 1.0], [10.0, 2.0]).unwrap();
    assert_eq!(network.evaluate([0.3; 3]), [6.0, -3.0]);
    let error = track::Ground::xavier(1).with_constant_output([0.0, f64::NAN]).unwrap_err();
    assert_eq!(error.to_string(), "the constant output is NaN at entry 1, expected a finite number");
}
