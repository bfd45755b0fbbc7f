//! The layer in burn: gradients beside differences, values beside those of the runtime, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use burn::tensor::{DType, Device, Tensor, TensorData};
use dilqr_burn::{Inputs, Layer, TensorError};
use dilqr_follower::{Batch, Follower, HORIZON, layer, layer_with};
use dilqr_runtime::layer::{LayerError, OnNoGradient};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Input, Model, Scalar, Settings, Status};

type Solved = dilqr_burn::Solved<Follower, 2, 1, 2, 1>;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&device, DType::F64))
}

fn zeros<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    tensor(&vec![0.0; shape.iter().product()], shape)
}

fn numbers<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.to_data().try_to_vec().unwrap()
}

/// The inputs of a batch, which want gradients.
struct Variables {
    x0: Tensor<2>,
    params: Tensor<2>,
    references: Tensor<3>,
    weights: Tensor<1>,
}

impl Variables {
    fn new(batch: &Batch) -> Self {
        let [x0, params, references, weights] = &batch.lists;
        let count = x0.len() / 2;
        Self {
            x0: tensor(x0, [count, 2]).require_grad(),
            params: tensor(params, [params.len() / 2, 2]).require_grad(),
            references: tensor(references, [count, HORIZON + 1, 1]).require_grad(),
            weights: tensor(weights, [weights.len()]).require_grad(),
        }
    }

    fn inputs(&self) -> Inputs {
        let inputs = Inputs::new(&self.x0).with_params(&self.params);
        inputs.with_stage_params(&self.references).with_weights(&self.weights)
    }

    /// The gradients of a loss.
    fn gradients(&self, loss: &Tensor<1>) -> [Vec<f64>; 4] {
        let gradients = loss.backward();
        [
            numbers(&self.x0.grad(&gradients).unwrap()),
            numbers(&self.params.grad(&gradients).unwrap()),
            numbers(&self.references.grad(&gradients).unwrap()),
            numbers(&self.weights.grad(&gradients).unwrap()),
        ]
    }
}

/// The loss of a batch.
fn loss(batch: &Batch, solved: &Solved) -> Tensor<1> {
    let states = solved.states.clone() * tensor(&batch.d_states, solved.states.dims());
    let controls = solved.controls.clone() * tensor(&batch.d_controls, solved.controls.dims());
    states.sum() + controls.sum()
}

#[test]
fn gradients_are_those_of_differences() {
    for (count, shared) in [(2, false), (3, true)] {
        let batch = Batch::new(count, shared);
        let variables = Variables::new(&batch);
        let solved = Layer::new(layer()).forward(&variables.inputs()).unwrap();
        assert_eq!(solved.states.dims(), [count, HORIZON + 1, 2]);
        assert_eq!(solved.controls.dims(), [count, HORIZON, 1]);
        let loss = loss(&batch, &solved);
        // The same sum in another order.
        assert!((numbers(&loss)[0] - batch.loss()).abs() < 1e-12);
        batch.check(&variables.gradients(&loss));
        assert!(solved.refused().unwrap().iter().all(Option::is_none));
    }
}

/// The chain rule before and behind the layer, a tensor that is a view, and a batch in lanes.
#[test]
fn layers_are_parts_of_functions() {
    let batch = Batch::new(9, false);
    let variables = Variables::new(&batch);
    let layer = Layer::new(layer());
    let [of_x0, of_params, of_references, of_weights] =
        variables.gradients(&loss(&batch, &layer.forward(&variables.inputs()).unwrap()));

    // Columns instead of rows, logarithms instead of prices, and the square of the loss. Weights are constants.
    let columns = tensor(&numbers(&variables.x0.clone().transpose()), [2, 9]).require_grad();
    let logarithms = tensor(&numbers(&variables.params.clone().log()), [9, 2]).require_grad();
    let constants =
        Tensor::from_data(TensorData::new(batch.lists[3].clone(), [of_weights.len()]), (&Device::flex(), DType::F64));
    let inputs = Inputs::new(&columns.clone().transpose()).with_params(&logarithms.clone().exp());
    let inputs = inputs.with_stage_params(&variables.references).with_weights(&constants);
    let loss = loss(&batch, &layer.forward(&inputs).unwrap());
    let value = numbers(&loss)[0];
    let gradients = loss.square().backward();
    let near = |given: Vec<f64>, expected: Vec<f64>| {
        assert_eq!(given.len(), expected.len());
        for (given, expected) in given.iter().zip(expected) {
            let expected = 2.0 * value * expected;
            // Prices are logarithms' exponentials, to rounding; an unstable plant enlarges it.
            assert!((given - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{given} {expected}");
        }
    };
    near(numbers(&columns.grad(&gradients).unwrap().transpose()), of_x0);
    let prices = numbers(&variables.params);
    near(numbers(&logarithms.grad(&gradients).unwrap()), of_params.iter().zip(prices).map(|(g, p)| g * p).collect());
    near(numbers(&variables.references.grad(&gradients).unwrap()), of_references);
}

#[test]
fn values_are_those_of_the_runtime() {
    let batch = Batch::new(9, true);
    let variables = Variables::new(&batch);
    let layer_of_burn = Layer::new(layer());
    let given = Inputs::new(&variables.x0).with_params(&variables.params).with_stage_params(&variables.references);
    let solved = layer_of_burn.forward(&given).unwrap();
    let output = layer().forward(&batch.lists[0], &batch.lists[1], &batch.lists[2]).unwrap();
    assert_eq!((numbers(&solved.states), numbers(&solved.controls)), (output.states, output.controls));
    assert_eq!((&solved.output().status, &solved.output().cost), (&output.status, &output.cost));

    // From these solutions others are near, and the same ones are there.
    let warm = layer_of_burn.forward_from(&given, solved.output()).unwrap();
    assert!(warm.output().solutions().iter().all(|solution| solution.stats.iterations <= 1));
    let others = layer_of_burn.forward(&given.with_weights(&variables.weights)).unwrap();
    assert_ne!(numbers(&others.states), numbers(&solved.states));

    // Without derivatives, too.
    let plain = |tensor: &Tensor<2>| tensor.clone().inner();
    let given = Inputs::new(&plain(&variables.x0)).with_params(&plain(&variables.params));
    let inner = layer_of_burn.forward(&given.with_stage_params(&variables.references.clone().inner())).unwrap();
    assert_eq!(numbers(&inner.states), numbers(&solved.states));
    assert!(!inner.states.is_autodiff());
}

/// The first and the last of three problems need no iteration, the other one is not allowed any.
#[test]
fn problems_without_a_gradient() {
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let x0 = tensor(&[0.0, 0.0, 0.3, 0.0, 0.0, 0.0], [3, 2]).require_grad();
    let params = tensor(&[1.0, 0.5], [1, 2]).require_grad();
    let references = zeros([3, HORIZON + 1, 1]);
    let backward_of = |on, factor: f64| {
        let layer = Layer::new(layer_with(settings)).with_on_no_gradient(on);
        let inputs = Inputs::new(&x0).with_params(&params).with_stage_params(&references);
        let solved = layer.forward(&inputs).unwrap();
        assert_eq!(solved.output().status, [Status::Converged, Status::IterationLimit, Status::Converged]);
        assert_eq!(solved.refused(), Ok(vec![None; 3]));
        let gradients = (solved.controls.clone() * factor).sum().backward();
        (solved.refused(), numbers(&x0.grad(&gradients).unwrap()), numbers(&params.grad(&gradients).unwrap()))
    };
    let backward = |on| backward_of(on, 1.0);
    // No error comes through burn: no number of the batch is a gradient, and the error is there.
    let (refused, of_x0, of_params) = backward(OnNoGradient::Raise);
    let error = refused.unwrap_err();
    assert!(matches!(error, LayerError::NoGradient { problem: 1, .. }));
    assert!(error.to_string().starts_with("problem 1: the solution has not converged"), "{error}");
    assert!(of_x0.iter().chain(&of_params).all(|value| value.is_nan()));

    // A loss without a gradient of its own.
    let (refused, of_x0, _) = backward_of(OnNoGradient::Zero, f64::NAN);
    let error = refused.unwrap_err().to_string();
    assert_eq!(error, "the loss gradient in the controls is NaN at entry 0, expected a finite number");
    assert!(of_x0.iter().all(|value| value.is_nan()));

    let (refused, of_x0, of_params) = backward(OnNoGradient::Zero);
    assert_eq!(refused.unwrap().iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(of_x0[2..4], [0.0, 0.0]);
    assert!(of_x0[0] != 0.0 && of_x0[0] == of_x0[4] && of_params.iter().all(|value| value.is_finite()));
    let (refused, of_x0, of_params) = backward(OnNoGradient::Nan);
    assert!(refused.unwrap()[1].is_some());
    assert!(of_x0[2].is_nan() && of_x0[0].is_finite() && of_params[0].is_nan());
}

#[test]
fn tensors_are_checked() {
    let layer = Layer::new(layer());
    let (x0, params, references) = (zeros([2, 2]), zeros([1, 2]), zeros([2, HORIZON + 1, 1]));
    let refusal = |inputs: &Inputs| layer.forward(inputs).unwrap_err();
    let given = Inputs::new(&x0).with_params(&params).with_stage_params(&references);
    let floats = refusal(&given.clone().with_params(&zeros([2, 2]).cast(DType::F32)));
    assert_eq!(floats, TensorError::Type { input: Input::Params, given: "F32".into() });
    assert_eq!(floats.to_string(), "the parameter vector is a tensor of the type F32, expected F64");
    let text = |inputs: &Inputs| refusal(inputs).to_string();
    assert_eq!(
        text(&Inputs::new(&zeros([2, 3]))),
        "the initial state is a tensor of the shape [2, 3], expected [2, 2]"
    );
    assert_eq!(
        text(&given.clone().with_params(&zeros([3, 2]))),
        "the parameter vector is a tensor of the shape [3, 2], expected [2, 2]"
    );
    assert_eq!(
        text(&given.clone().with_stage_params(&zeros([2, HORIZON, 1]))),
        "the list of stage parameters is a tensor of the shape [2, 15, 1], expected [2, 16, 1]"
    );
    assert_eq!(text(&given.clone().with_weights(&zeros([4]))), "the list of weights has length 4, expected 13");
    assert_eq!(text(&Inputs::new(&x0).with_params(&params)), "the list of stage parameters has length 0, expected 32");
    assert_eq!(text(&Inputs::new(&zeros([0, 2]))), "the batch is empty, expected at least one initial state");
    // Tensors of a device that records operations, and has no numbers.
    let (recorder, mut elsewhere) = (Device::capture(), None);
    let _ = recorder.capture_scope(|scope| {
        let params = Tensor::zeros([2, 2], (&recorder, DType::F64));
        elsewhere = Some(refusal(&given.clone().with_params(&params)));
        scope.complete([], [])
    });
    let elsewhere = elsewhere.unwrap();
    assert!(matches!(elsewhere, TensorError::Device { input: Input::Params, expected: "Flex", .. }), "{elsewhere}");
    let one = Inputs::new(&zeros([1, 2])).with_params(&params).with_stage_params(&zeros([1, HORIZON + 1, 1]));
    let error = layer.forward_from(&given, layer.forward(&one).unwrap().output()).unwrap_err();
    assert_eq!(error.to_string(), "the previous output has 1 problems, expected 2");
    let nan = tensor(&[0.0, f64::NAN, 0.0, 0.0], [2, 2]);
    let given = Inputs::new(&nan).with_params(&params).with_stage_params(&references);
    assert_eq!(text(&given), "problem 0: the initial state is NaN at entry 1, expected a finite number");
}

/// `x+ = x + u`, `l = 1/2 u^2`, `l_T = 1/2 x^2`: without a parameter.
#[derive(Clone, Copy)]
struct Push;

impl Model<1, 1, 0> for Push {
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
        next[0] = at.x[0] + at.u[0];
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
        S::from_f64(0.5) * at.u[0] * at.u[0]
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0>) -> S {
        S::from_f64(0.5) * at.x[0] * at.x[0]
    }
}

/// `u = -x_0 / 2`. Tensors without a number are as good as none.
#[test]
fn models_without_parameters() {
    let layer = Layer::new(dilqr_runtime::layer::Layer::new(Push, 1, Settings::default()).unwrap());
    let x0 = tensor(&[3.0, -4.0], [2, 1]).require_grad();
    let empty = Inputs::new(&x0).with_params(&zeros([2, 0])).with_weights(&zeros([0]).require_grad());
    for inputs in [Inputs::new(&x0), empty] {
        let controls = layer.forward(&inputs).unwrap().controls;
        let gradients = controls.square().sum().backward();
        for (given, expected) in numbers(&x0.grad(&gradients).unwrap()).iter().zip([1.5, -2.0]) {
            assert!((given - expected).abs() < 1e-12);
        }
    }
}

/// The model's own weights have no gradient in a list that does not hold them.
#[test]
fn empty_lists_keep_the_weights_of_the_model() {
    let batch = Batch::new(2, false);
    let variables = Variables::new(&batch);
    let given = Inputs::new(&variables.x0).with_params(&variables.params).with_stage_params(&variables.references);
    let layer = Layer::new(layer());
    let of_prices = [given.clone(), given.with_weights(&zeros([0]).require_grad())].map(|inputs| {
        let gradients = loss(&batch, &layer.forward(&inputs).unwrap()).backward();
        numbers(&variables.params.grad(&gradients).unwrap())
    });
    assert_eq!(of_prices[0], of_prices[1]);
}
