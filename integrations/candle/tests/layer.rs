//! The layer in candle: gradients beside differences, values beside those of the runtime, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use candle_core::{DType, Device, Tensor, Var};
use dilqr_candle::{Error, Inputs, Layer, TensorError};
use dilqr_follower::{Batch, Follower, HORIZON, layer, layer_with};
use dilqr_runtime::layer::{LayerError, OnNoGradient};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Input, Model, Scalar, Settings, Status};

type Solved = dilqr_candle::Solved<Follower, 2, 1, 2, 1>;

fn tensor(values: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The inputs of a batch: initial states, parameters, references, weights.
fn variables(batch: &Batch) -> [Var; 4] {
    let [x0, params, references, weights] = &batch.lists;
    let count = x0.len() / 2;
    let var = |values: &[f64], shape: &[usize]| Var::from_tensor(&tensor(values, shape)).unwrap();
    [
        var(x0, &[count, 2]),
        var(params, &[params.len() / 2, 2]),
        var(references, &[count, HORIZON + 1, 1]),
        var(weights, &[weights.len()]),
    ]
}

fn inputs([x0, params, references, weights]: &[Var; 4]) -> Inputs<'_> {
    Inputs::new(x0).with_params(params).with_stage_params(references).with_weights(weights)
}

/// The loss of a batch.
fn loss(batch: &Batch, solved: &Solved) -> Tensor {
    let states = (&solved.states * tensor(&batch.d_states, solved.states.dims())).unwrap().sum_all().unwrap();
    let controls = (&solved.controls * tensor(&batch.d_controls, solved.controls.dims())).unwrap().sum_all().unwrap();
    (states + controls).unwrap()
}

#[test]
fn gradients_are_those_of_differences() {
    for (count, shared) in [(2, false), (3, true)] {
        let batch = Batch::new(count, shared);
        let variables = variables(&batch);
        let solved = Layer::new(layer()).forward(&inputs(&variables)).unwrap();
        assert_eq!(solved.states.dims(), [count, HORIZON + 1, 2]);
        assert_eq!(solved.controls.dims(), [count, HORIZON, 1]);
        let loss = loss(&batch, &solved);
        // The same sum in another order.
        assert!((loss.to_scalar::<f64>().unwrap() - batch.loss()).abs() < 1e-12);
        let gradients = loss.backward().unwrap();
        batch.check(&variables.each_ref().map(|variable| numbers(gradients.get(variable).unwrap())));
        assert!(solved.refused().unwrap().iter().all(Option::is_none));
    }
}

/// The chain rule before and behind the layer, a tensor that is a view, and a batch in lanes.
#[test]
fn layers_are_parts_of_functions() {
    let batch = Batch::new(9, false);
    let variables = variables(&batch);
    let layer = Layer::new(layer());
    let plain = loss(&batch, &layer.forward(&inputs(&variables)).unwrap()).backward().unwrap();

    // Columns instead of rows, logarithms instead of prices, and the square of the loss.
    let columns = Var::from_tensor(&variables[0].t().unwrap().contiguous().unwrap()).unwrap();
    let logarithms = Var::from_tensor(&variables[1].log().unwrap()).unwrap();
    let (x0, params) = (columns.t().unwrap(), logarithms.exp().unwrap());
    let [_, _, references, weights] = &variables;
    let inputs = Inputs::new(&x0).with_params(&params).with_stage_params(references).with_weights(weights);
    let loss = loss(&batch, &layer.forward(&inputs).unwrap());
    let value = loss.to_scalar::<f64>().unwrap();
    let gradients = loss.sqr().unwrap().backward().unwrap();
    let near = |given: &Tensor, expected: &Tensor| {
        for (given, expected) in numbers(given).iter().zip(numbers(expected)) {
            let expected = 2.0 * value * expected;
            // Prices are logarithms' exponentials, to rounding; an unstable plant enlarges it.
            assert!((given - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{given} {expected}");
        }
    };
    near(gradients.get(&columns).unwrap(), &plain.get(&variables[0]).unwrap().t().unwrap());
    let of_prices = (plain.get(&variables[1]).unwrap() * variables[1].as_tensor()).unwrap();
    near(gradients.get(&logarithms).unwrap(), &of_prices);
    near(gradients.get(references).unwrap(), plain.get(references).unwrap());
    near(gradients.get(weights).unwrap(), plain.get(weights).unwrap());
}

#[test]
fn values_are_those_of_the_runtime() {
    let batch = Batch::new(9, true);
    let [x0, params, references, weights] = variables(&batch);
    let layer_of_candle = Layer::new(layer());
    let own_weights = layer_of_candle.forward(&Inputs::new(&x0).with_params(&params).with_stage_params(&references));
    let solved = own_weights.unwrap();
    let output = layer().forward(&batch.lists[0], &batch.lists[1], &batch.lists[2]).unwrap();
    assert_eq!((numbers(&solved.states), numbers(&solved.controls)), (output.states, output.controls));
    assert_eq!((&solved.output().status, &solved.output().cost), (&output.status, &output.cost));

    // From these solutions others are near, and the same ones are there.
    let given = Inputs::new(&x0).with_params(&params).with_stage_params(&references);
    let warm = layer_of_candle.forward_from(&given, solved.output()).unwrap();
    assert!(warm.output().solutions().iter().all(|solution| solution.stats.iterations <= 1));
    let others = layer_of_candle.forward(&given.with_weights(&weights)).unwrap();
    assert_ne!(numbers(&others.states), numbers(&solved.states));
}

/// The first and the last of three problems need no iteration, the other one is not allowed any.
#[test]
fn problems_without_a_gradient() {
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let x0 = Var::new(&[[0.0, 0.0], [0.3, 0.0], [0.0, 0.0]], &Device::Cpu).unwrap();
    let params = Var::new(&[[1.0, 0.5]], &Device::Cpu).unwrap();
    let references = Tensor::zeros((3, HORIZON + 1, 1), DType::F64, &Device::Cpu).unwrap();
    let solve = |on| {
        let layer = Layer::new(layer_with(settings)).with_on_no_gradient(on);
        layer.forward(&Inputs::new(&x0).with_params(&params).with_stage_params(&references)).unwrap()
    };
    let solved = solve(OnNoGradient::Raise);
    assert_eq!(solved.output().status, [Status::Converged, Status::IterationLimit, Status::Converged]);
    assert_eq!(solved.refused(), Ok(vec![None; 3]));
    let error = solved.controls.sum_all().unwrap().backward().unwrap_err().to_string();
    assert!(error.starts_with("problem 1: the solution has not converged"), "{error}");
    assert!(matches!(solved.refused(), Err(LayerError::NoGradient { problem: 1, .. })));

    // A loss without a gradient of its own.
    let error = (solved.controls.clone() * f64::NAN).unwrap().sum_all().unwrap().backward().unwrap_err().to_string();
    // Behind the text candle may print a backtrace.
    assert!(
        error.starts_with("the loss gradient in the controls is NaN at entry 0, expected a finite number"),
        "{error}"
    );

    let backward = |on| {
        let solved = solve(on);
        let gradients = solved.controls.sum_all().unwrap().backward().unwrap();
        let refused: Vec<bool> = solved.refused().unwrap().iter().map(Option::is_some).collect();
        assert_eq!(refused, [false, true, false]);
        (numbers(gradients.get(&x0).unwrap()), numbers(gradients.get(&params).unwrap()))
    };
    let (of_x0, of_params) = backward(OnNoGradient::Zero);
    assert_eq!(of_x0[2..4], [0.0, 0.0]);
    assert!(of_x0[0] != 0.0 && of_x0[0] == of_x0[4] && of_params.iter().all(|value| value.is_finite()));
    let (of_x0, of_params) = backward(OnNoGradient::Nan);
    assert!(of_x0[2].is_nan() && of_x0[0].is_finite() && of_params[0].is_nan());
}

#[test]
fn tensors_are_checked() {
    let layer = Layer::new(layer());
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F64, &Device::Cpu).unwrap();
    let (x0, params, references) = (zeros(&[2, 2]), zeros(&[1, 2]), zeros(&[2, HORIZON + 1, 1]));
    let error = |inputs: Inputs<'_>| {
        let Err(Error::Tensor(error)) = layer.forward(&inputs) else { unreachable!("the tensors are refused") };
        error
    };
    let given = Inputs::new(&x0).with_params(&params).with_stage_params(&references);
    let floats = zeros(&[2, 2]).to_dtype(DType::F32).unwrap();
    let text = error(given.with_params(&floats));
    assert_eq!(text, TensorError::Type { input: Input::Params, given: "F32".into() });
    assert_eq!(text.to_string(), "the parameter vector is a tensor of the type F32, expected F64");
    let text = |inputs: Inputs<'_>| error(inputs).to_string();
    assert_eq!(
        text(Inputs::new(&zeros(&[2, 3]))),
        "the initial state is a tensor of the shape [2, 3], expected [2, 2]"
    );
    assert_eq!(text(Inputs::new(&zeros(&[4]))), "the initial state is a tensor of the shape [4], expected [4, 2]");
    assert_eq!(
        text(given.with_params(&zeros(&[3, 2]))),
        "the parameter vector is a tensor of the shape [3, 2], expected [2, 2]"
    );
    assert_eq!(
        text(given.with_stage_params(&zeros(&[2, HORIZON, 1]))),
        "the list of stage parameters is a tensor of the shape [2, 15, 1], expected [2, 16, 1]"
    );
    assert_eq!(
        text(given.with_weights(&zeros(&[1, 13]))),
        "the list of weights is a tensor of the shape [1, 13], expected [13]"
    );
    assert_eq!(text(given.with_weights(&zeros(&[4]))), "the list of weights has length 4, expected 13");
    assert_eq!(text(Inputs::new(&x0).with_params(&params)), "the list of stage parameters has length 0, expected 32");
    assert_eq!(text(Inputs::new(&zeros(&[0, 2]))), "the batch is empty, expected at least one initial state");
    let nan = tensor(&[0.0, f64::NAN, 0.0, 0.0], &[2, 2]);
    let given = Inputs::new(&nan).with_params(&params).with_stage_params(&references);
    assert_eq!(text(given), "problem 0: the initial state is NaN at entry 1, expected a finite number");
    let one = Tensor::zeros((1, 2), DType::F64, &Device::Cpu).unwrap();
    let stages = zeros(&[1, HORIZON + 1, 1]);
    let previous = layer.forward(&Inputs::new(&one).with_params(&params).with_stage_params(&stages)).unwrap();
    let error = layer.forward_from(&given, previous.output()).unwrap_err();
    assert_eq!(error.to_string(), "the previous output has 1 problems, expected 2");
    // The error keeps its text on its way through candle's own.
    let error: candle_core::Error = layer.forward(&given).unwrap_err().into();
    assert!(error.to_string().contains("is NaN at entry 1"), "{error}");
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
    let x0 = Var::new(&[[3.0], [-4.0]], &Device::Cpu).unwrap();
    let (params, weights) = (tensor(&[], &[2, 0]), Var::zeros(0, DType::F64, &Device::Cpu).unwrap());
    for inputs in [Inputs::new(&x0), Inputs::new(&x0).with_params(&params).with_weights(&weights)] {
        let controls = layer.forward(&inputs).unwrap().controls;
        let gradients = controls.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for (given, expected) in numbers(gradients.get(&x0).unwrap()).iter().zip([1.5, -2.0]) {
            assert!((given - expected).abs() < 1e-12);
        }
    }
}

/// The model's own weights have no gradient in a list that does not hold them.
#[test]
fn empty_lists_keep_the_weights_of_the_model() {
    let batch = Batch::new(2, false);
    let [x0, params, references, _] = variables(&batch);
    let weights = Var::zeros(0, DType::F64, &Device::Cpu).unwrap();
    let given = Inputs::new(&x0).with_params(&params).with_stage_params(&references);
    let layer = Layer::new(layer());
    let of_prices = [given, given.with_weights(&weights)].map(|inputs| {
        let gradients = loss(&batch, &layer.forward(&inputs).unwrap()).backward().unwrap();
        numbers(gradients.get(&params).unwrap())
    });
    assert_eq!(of_prices[0], of_prices[1]);
}
