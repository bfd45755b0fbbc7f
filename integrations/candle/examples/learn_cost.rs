//! A network sets the references and prices of a controller, and learns them from demonstrations.
//!
//! What the network sees decides where the expert wants the pendulum to be, and how much effort that is worth. The learner has
//! the expert's trajectories only. It solves the same problems with the references and prices of its network, and follows
//! the gradient of the distance between trajectories, through the solves. Every epoch starts from the solutions of the last.
//!
//! The example fails if the distance on demonstrations that it was not trained on does not fall to a hundredth.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};
use dilqr_candle::{Inputs, Layer};
use dilqr_follower::{Demonstrations, Follower, HORIZON, layer, spread};

/// An error of any kind.
type Failure = Box<dyn std::error::Error>;

/// The layer of the pendulum.
type Controller = Layer<Follower, 2, 1, 2, 1>;

/// The outcome of the layer.
type Solved = dilqr_candle::Solved<Follower, 2, 1, 2, 1>;

/// Observation, 2 numbers -> logarithms of two prices, and a reference.
struct Policy {
    hidden: Linear,
    output: Linear,
}

impl Policy {
    const WIDTH: usize = 16;

    /// A network with fixed small weights, and its variables.
    fn new() -> candle_core::Result<(Self, Vec<Var>)> {
        let matrix = |sequence, rows: usize, columns: usize| {
            let weights = (0..rows * columns).map(|k| spread(sequence, k) / (columns as f64).sqrt());
            Var::from_vec(weights.collect(), (rows, columns), &Device::Cpu)
        };
        let variables = vec![
            matrix(0, Self::WIDTH, 2)?,
            Var::zeros(Self::WIDTH, DType::F64, &Device::Cpu)?,
            matrix(1, 3, Self::WIDTH)?,
            Var::zeros(3, DType::F64, &Device::Cpu)?,
        ];
        let linear =
            |k: usize| Linear::new(variables[k].as_tensor().clone(), Some(variables[k + 1].as_tensor().clone()));
        Ok((Self { hidden: linear(0), output: linear(2) }, variables))
    }

    /// Prices, `B x 2`, and references, `B x (T + 1) x 1`.
    fn evaluate(&self, observations: &Tensor) -> candle_core::Result<[Tensor; 2]> {
        let values = self.output.forward(&self.hidden.forward(observations)?.tanh()?)?;
        let prices = values.narrow(1, 0, 2)?.exp()?;
        let references = values.narrow(1, 2, 1)?.unsqueeze(1)?.repeat((1, HORIZON + 1, 1))?;
        Ok([prices, references])
    }
}

/// Demonstrations as tensors.
struct Data {
    observations: Tensor,
    x0: Tensor,
    states: Tensor,
    controls: Tensor,
}

impl Data {
    fn new(demonstrations: &Demonstrations) -> candle_core::Result<Self> {
        let count = demonstrations.count();
        let tensor = |values: &[f64]| Tensor::from_slice(values, values.len(), &Device::Cpu);
        Ok(Self {
            observations: tensor(&demonstrations.observations)?.reshape((count, 2))?,
            x0: tensor(&demonstrations.x0)?.reshape((count, 2))?,
            states: tensor(&demonstrations.states)?.reshape((count, HORIZON + 1, 2))?,
            controls: tensor(&demonstrations.controls)?.reshape((count, HORIZON, 1))?,
        })
    }

    /// The mean square of the distance to the demonstrations, and the solutions.
    fn loss(
        &self,
        policy: &Policy,
        controller: &Controller,
        previous: Option<&Solved>,
    ) -> Result<(Tensor, Solved), Failure> {
        let [prices, references] = policy.evaluate(&self.observations)?;
        let inputs = Inputs::new(&self.x0).with_params(&prices).with_stage_params(&references);
        let solved = match previous {
            Some(previous) => controller.forward_from(&inputs, previous.output())?,
            None => controller.forward(&inputs)?,
        };
        if let Some(problem) = solved.output().status.iter().position(|status| !status.is_converged()) {
            return Err(format!("problem {problem}: {:?}", solved.output().status[problem]).into());
        }
        let states = (&solved.states - &self.states)?.sqr()?.mean_all()?;
        let controls = (&solved.controls - &self.controls)?.sqr()?.mean_all()?;
        Ok(((states + controls)?, solved))
    }
}

/// The iterations that all solves of a batch took.
fn iterations(solved: &Solved) -> usize {
    solved.output().solutions().iter().map(|solution| solution.stats.iterations).sum()
}

fn main() -> Result<(), Failure> {
    let (train, test) = (Data::new(&Demonstrations::new(0, 32))?, Data::new(&Demonstrations::new(1000, 32))?);
    let controller = Layer::new(layer());
    let (policy, variables) = Policy::new()?;
    let settings = ParamsAdamW { lr: 0.03, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(variables, settings)?;

    println!("epoch   loss       loss of others   iterations");
    let mut previous = None;
    let mut losses = Vec::new();
    for epoch in 0..=EPOCHS {
        let (loss, solved) = train.loss(&policy, &controller, previous.as_ref())?;
        if epoch % (EPOCHS / 10) == 0 {
            let others = test.loss(&policy, &controller, None)?.0.to_scalar::<f64>()?;
            println!("{epoch:5}   {:.3e}  {others:.3e}        {:6}", loss.to_scalar::<f64>()?, iterations(&solved));
            losses.push(others);
        }
        optimizer.backward_step(&loss)?;
        previous = Some(solved);
    }
    let fall = losses[losses.len() - 1] / losses[0];
    if fall < 0.01 { Ok(()) } else { Err(format!("the loss fell to {fall:.3} only").into()) }
}

/// Gradient steps, each on all demonstrations.
const EPOCHS: usize = 150;
