//! A network sets the references and prices of a controller, and learns them from demonstrations.
//!
//! What the network sees decides where the expert wants the pendulum to be, and how much effort that is worth. The learner has
//! the expert's trajectories only. It solves the same problems with the references and prices of its network, and follows
//! the gradient of the distance between trajectories, through the solves. Every epoch starts from the solutions of the last.
//! The network computes with `f32`, as networks of burn do by default; its outputs are cast.
//!
//! The example fails if the distance on demonstrations that it was not trained on does not fall to a hundredth.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Device, Tensor, TensorData};
use dilqr_burn::{Inputs, Layer};
use dilqr_follower::{Demonstrations, Follower, HORIZON, layer, spread};

/// An error of any kind.
type Failure = Box<dyn std::error::Error>;

/// The layer of the pendulum.
type Controller = Layer<Follower, 2, 1, 2, 1>;

/// The outcome of the layer.
type Solved = dilqr_burn::Solved<Follower, 2, 1, 2, 1>;

/// Observation, 2 numbers -> logarithms of two prices, and a reference.
#[derive(Module, Debug)]
struct Policy {
    hidden: Linear,
    output: Linear,
}

impl Policy {
    const WIDTH: usize = 16;

    /// A network with fixed small weights.
    fn new(device: &Device) -> Self {
        let linear = |sequence, inputs: usize, outputs: usize| {
            let weights = (0..inputs * outputs).map(|k| spread(sequence, k) / (inputs as f64).sqrt());
            let data = TensorData::new(weights.collect::<Vec<f64>>(), [inputs, outputs]);
            let weight = Param::from_tensor(Tensor::from_data(data, (device, DType::F32)));
            Linear { weight, bias: Some(Param::from_tensor(Tensor::zeros([outputs], (device, DType::F32)))) }
        };
        Self { hidden: linear(0, 2, Self::WIDTH), output: linear(1, Self::WIDTH, 3) }
    }

    /// Prices, `B x 2`, and references, `B x (T + 1) x 1`.
    fn evaluate(&self, observations: Tensor<2>) -> (Tensor<2>, Tensor<3>) {
        let values = self.output.forward(self.hidden.forward(observations).tanh()).cast(DType::F64);
        let prices = values.clone().narrow(1, 0, 2).exp();
        let references = values.narrow(1, 2, 1).unsqueeze_dim::<3>(1).repeat_dim(1, HORIZON + 1);
        (prices, references)
    }
}

/// Demonstrations as tensors.
struct Data {
    observations: Tensor<2>,
    x0: Tensor<2>,
    states: Tensor<3>,
    controls: Tensor<3>,
}

impl Data {
    fn new(demonstrations: &Demonstrations, device: &Device) -> Self {
        fn tensor<const D: usize>(values: &[f64], shape: [usize; D], options: (&Device, DType)) -> Tensor<D> {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), options)
        }
        let count = demonstrations.count();
        Self {
            observations: tensor(&demonstrations.observations, [count, 2], (device, DType::F32)),
            x0: tensor(&demonstrations.x0, [count, 2], (device, DType::F64)),
            states: tensor(&demonstrations.states, [count, HORIZON + 1, 2], (device, DType::F64)),
            controls: tensor(&demonstrations.controls, [count, HORIZON, 1], (device, DType::F64)),
        }
    }

    /// The mean square of the distance to the demonstrations, and the solutions.
    fn loss(
        &self,
        policy: &Policy,
        controller: &Controller,
        previous: Option<&Solved>,
    ) -> Result<(Tensor<1>, Solved), Failure> {
        let (prices, references) = policy.evaluate(self.observations.clone());
        let inputs = Inputs::new(&self.x0).with_params(&prices).with_stage_params(&references);
        let solved = match previous {
            Some(previous) => controller.forward_from(&inputs, previous.output())?,
            None => controller.forward(&inputs)?,
        };
        if let Some(problem) = solved.output().status.iter().position(|status| !status.is_converged()) {
            return Err(format!("problem {problem}: {:?}", solved.output().status[problem]).into());
        }
        let states = (solved.states.clone() - self.states.clone()).square().mean();
        let controls = (solved.controls.clone() - self.controls.clone()).square().mean();
        Ok((states + controls, solved))
    }
}

/// The iterations that all solves of a batch took.
fn iterations(solved: &Solved) -> usize {
    solved.output().solutions().iter().map(|solution| solution.stats.iterations).sum()
}

/// The number in a tensor with one.
fn number(tensor: &Tensor<1>) -> Result<f64, Failure> {
    Ok(tensor.to_data().try_to_vec::<f64>()?[0])
}

fn main() -> Result<(), Failure> {
    let device = Device::flex().autodiff();
    let train = Data::new(&Demonstrations::new(0, 32), &device);
    let test = Data::new(&Demonstrations::new(1000, 32), &device);
    let controller = Layer::new(layer());
    let mut policy = Policy::new(&device);
    let mut optimizer = AdamConfig::new().init();

    println!("epoch   loss       loss of others   iterations");
    let mut previous = None;
    let mut losses = Vec::new();
    for epoch in 0..=EPOCHS {
        let (loss, solved) = train.loss(&policy, &controller, previous.as_ref())?;
        if epoch % (EPOCHS / 10) == 0 {
            let others = number(&test.loss(&policy, &controller, None)?.0)?;
            println!("{epoch:5}   {:.3e}  {others:.3e}        {:6}", number(&loss)?, iterations(&solved));
            losses.push(others);
        }
        let gradients = loss.backward();
        // The error of the backward pass, if there is one.
        solved.refused()?;
        policy = optimizer.step(0.03, policy.clone(), GradientsParams::from_grads(gradients, &policy));
        previous = Some(solved);
    }
    let fall = losses[losses.len() - 1] / losses[0];
    if fall < 0.01 { Ok(()) } else { Err(format!("the loss fell to {fall:.3} only").into()) }
}

/// Gradient steps, each on all demonstrations.
const EPOCHS: usize = 150;
