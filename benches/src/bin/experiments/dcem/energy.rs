//! Regression by an energy: a network of `x` and `y` whose minimizer in `y` is the prediction, found by the
//! differentiable cross-entropy method or by unrolled gradient descent.
//!
//! Both are differentiated as the sequence of steps that they are. Those of gradient descent need second derivatives of
//! the network, `dE_y/dy` and `dE_y/dw`, which are kernels of a model.

#![allow(unreachable_pub, reason = "models, as the users of a library have them")]

use dilqr_runtime::model::{ParameterGradient, Stage, StageExpansion, Variation};
use dilqr_runtime::nalgebra::{DMatrix, DVector, SVector};
use dilqr_runtime::{Initializer, Model, Status, implicit};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::cem::{Cem, Objective};
use super::network::{Activation, Network, Pass};
use crate::Failure;

/// The layers, as the models below have them.
pub(super) const SIZES: [usize; 5] = [2, 128, 128, 128, 1];

/// The step length of gradient descent.
const RATE: f64 = 0.1;

/// The energy as the cost of a stage.
#[dilqr_runtime::model]
pub(crate) mod landscape {
    pub struct State {
        pub y: f64,
    }
    pub struct Control {
        pub step: f64,
    }
    pub struct Params {
        pub x: f64,
    }
    #[network(layers = [2, 128, 128, 128, 1], activation = softplus)]
    pub struct Energy;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { y: x.y + u.step }
    }
    pub fn stage_cost(x: State, _u: Control, p: Params, energy: &Energy) -> f64 {
        energy.evaluate([p.x, x.y])[0]
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// The minimizer of the energy.
#[dilqr_runtime::implicit]
pub(crate) mod bottom {
    pub struct Unknown {
        pub y: f64,
    }
    pub struct Params {
        pub x: f64,
    }
    #[network(layers = [2, 128, 128, 128, 1], activation = softplus)]
    pub struct Energy;
    pub fn objective(y: Unknown, p: Params, energy: &Energy) -> f64 {
        energy.evaluate([p.x, y.y])[0]
    }
}

use bottom::{Bottom, Energy as BottomEnergy};
use landscape::{Energy, Landscape};

/// How predictions are found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Learner {
    Dcem(Cem),
    GradientDescent { iterations: usize },
}

impl Learner {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dcem(_) => "DCEM",
            Self::GradientDescent { .. } => "unrolled gradient descent",
        }
    }

    /// With another number of steps.
    pub(super) fn with_iterations(self, iterations: usize) -> Self {
        match self {
            Self::Dcem(method) => Self::Dcem(Cem { iterations, ..method }),
            Self::GradientDescent { .. } => Self::GradientDescent { iterations },
        }
    }

    pub(super) fn iterations(self) -> usize {
        match self {
            Self::Dcem(method) => method.iterations,
            Self::GradientDescent { iterations } => iterations,
        }
    }
}

/// Weights like PyTorch's.
pub(super) fn initial_weights(seed: u64) -> Vec<f64> {
    Energy::initialized(Initializer::PyTorch, seed).weights().to_vec()
}

/// The energy at one `x`, over samples of `y`.
struct Slice<'a> {
    network: &'a Network,
    x: f64,
}

impl Objective for Slice<'_> {
    type Pass = Pass;

    fn values(&self, points: &DMatrix<f64>) -> (Vec<f64>, Self::Pass) {
        let inputs = DMatrix::from_fn(2, points.ncols(), |i, c| if i == 0 { self.x } else { points[c] });
        let (values, pass) = self.network.values(&inputs);
        (values.iter().copied().collect(), pass)
    }

    fn pull_back(&self, pass: &Self::Pass, of_values: &[f64], weights: &mut [f64]) -> DMatrix<f64> {
        let of_values = DMatrix::from_row_slice(1, of_values.len(), of_values);
        self.network.pull_back(pass, of_values, weights).rows(1, 1).into_owned()
    }
}

/// Energies at one `x`.
pub(super) fn energies(weights: &[f64], x: f64, ys: &[f64]) -> Vec<f64> {
    let network = Network::from_weights(&SIZES, Activation::Softplus, weights);
    Slice { network: &network, x }.values(&DMatrix::from_row_slice(1, ys.len(), ys)).0
}

type OfStage<'a> = Stage<'a, f64, 1, 1, 1>;

/// The iterates of gradient descent from zero, and the second derivatives at all but the last.
fn descend(model: &Landscape, x: f64, iterations: usize) -> (Vec<f64>, Vec<f64>) {
    let (u, p, s) = (SVector::zeros(), SVector::from([x]), SVector::zeros());
    let (mut ys, mut curvatures) = (vec![0.0], Vec::new());
    let mut y = SVector::zeros();
    for _ in 0..iterations {
        let mut stage = StageExpansion::zeros();
        model.expand_stage(OfStage::new(&y, &u, &p, &s), &mut stage);
        curvatures.push(stage.lxx[(0, 0)]);
        y -= RATE * stage.lx;
        ys.push(y[0]);
    }
    (ys, curvatures)
}

/// Adds the gradient in the weights of a loss with this gradient in the last iterate.
fn pull_back_descent(model: &Landscape, x: f64, (ys, curvatures): (&[f64], &[f64]), of_last: f64, weights: &mut [f64]) {
    let (u, p, s, zero) = (SVector::zeros(), SVector::from([x]), SVector::zeros(), SVector::zeros());
    let mut adjoint = of_last;
    for (y, curvature) in ys.iter().zip(curvatures).rev() {
        let y = SVector::from([*y]);
        let dx = SVector::from([-RATE * adjoint]);
        let out = ParameterGradient { p: &mut SVector::zeros(), s: &mut SVector::zeros(), w: weights };
        model.add_parameter_contraction(OfStage::new(&y, &u, &p, &s), &zero, Variation::new(&dx, &zero), &zero, out);
        adjoint *= 1.0 - RATE * curvature;
    }
}

/// A trained network, in the forms that predictions and their gradients need.
pub(super) struct Regression {
    learner: Learner,
    network: Network,
    model: Landscape,
}

impl Regression {
    pub(super) fn new(learner: Learner, weights: &[f64]) -> Result<Self, Failure> {
        let network = Network::from_weights(&SIZES, Activation::Softplus, weights);
        Ok(Self { learner, network, model: Landscape::new(Energy::from_weights(weights)?) })
    }

    pub(super) fn weights(&self) -> &[f64] {
        &self.network.weights
    }

    pub(super) fn set_weights(&mut self, weights: &[f64]) {
        self.network.weights.copy_from_slice(weights);
        self.model.energy_mut().weights_mut().copy_from_slice(weights);
    }

    pub(super) fn predict(&self, x: f64, random: &mut StdRng) -> f64 {
        match self.learner {
            Learner::Dcem(method) => method.search(&Slice { network: &self.network, x }, random)[0],
            Learner::GradientDescent { iterations } => {
                descend(&self.model, x, iterations).0.last().copied().unwrap_or(0.0)
            }
        }
    }

    /// The squared error. Adds its gradient in the weights.
    pub(super) fn learn(&self, (x, target): (f64, f64), random: &mut StdRng, weights: &mut [f64]) -> f64 {
        match self.learner {
            Learner::Dcem(method) => {
                let slice = Slice { network: &self.network, x };
                let run = method.run(&slice, random);
                let error = run.mean[0] - target;
                method.pull_back(&slice, &run, &DVector::from_element(1, 2.0 * error), weights);
                error * error
            }
            Learner::GradientDescent { iterations } => {
                let (ys, curvatures) = descend(&self.model, x, iterations);
                let error = ys.last().copied().unwrap_or(0.0) - target;
                pull_back_descent(&self.model, x, (&ys[..iterations], &curvatures), 2.0 * error, weights);
                error * error
            }
        }
    }

    /// Predictions at all points. Each search has the same noise.
    pub(super) fn predictions(&self, xs: &[f64]) -> Vec<f64> {
        xs.iter().map(|&x| self.predict(x, &mut StdRng::seed_from_u64(13))).collect()
    }
}

/// The local minimum of the energy at each `x` that a descent by Newton's method finds from the prediction, if it finds
/// one.
pub(super) fn minima(weights: &[f64], predictions: &[(f64, f64)]) -> Result<Vec<Option<f64>>, Failure> {
    let function = Bottom::new(BottomEnergy::from_weights(weights)?);
    let mut solver = implicit::Solver::new(function, implicit::Settings::default())?;
    let mut all = Vec::new();
    for &(x, y) in predictions {
        let solution = solver.solve([y], [x])?;
        all.push((solution.status == Status::Converged).then_some(solution.unknown[0]));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Vec<f64> {
        // Larger than the initial ones, so that second derivatives count.
        initial_weights(3).iter().map(|w| 3.0 * w).collect()
    }

    fn learners() -> [Learner; 2] {
        let method =
            Cem { dimension: 1, samples: 8, elites: 3, iterations: 2, deviation: 2.0, temperature: 1.0, bounds: None };
        [Learner::Dcem(method), Learner::GradientDescent { iterations: 3 }]
    }

    /// The network of many points is that of the compiled model.
    #[test]
    fn one_energy() -> Result<(), Failure> {
        let model = Landscape::new(Energy::from_weights(&weights())?);
        let ys = [-2.0, 0.3, 1.7];
        let many = energies(&weights(), 0.8, &ys);
        for (y, value) in ys.iter().zip(many) {
            let one = model.energy().evaluate([0.8, *y])[0];
            // Sums of a hundred products in another order, three layers deep.
            assert!((one - value).abs() < 1e-12 * one.abs().max(1.0), "{one} and {value}");
        }
        Ok(())
    }

    /// Gradients in the weights, through all steps, against central differences of the squared error.
    #[test]
    fn gradients() -> Result<(), Failure> {
        for learner in learners() {
            let mut weights = weights();
            let mut regression = Regression::new(learner, &weights)?;
            let point = (0.9, 1.5);
            let mut gradient = vec![0.0; weights.len()];
            let noise = || StdRng::seed_from_u64(2);
            let error = regression.learn(point, &mut noise(), &mut gradient);
            let predicted = regression.predict(point.0, &mut noise());
            assert!((error - (predicted - point.1).powi(2)).abs() < 1e-12);
            let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
            assert!(largest > 1e-3, "{largest}");
            for k in (0..weights.len()).step_by(1789).chain([0, 130, weights.len() - 3]) {
                let mut at = |h: f64| {
                    weights[k] += h;
                    regression.set_weights(&weights);
                    weights[k] -= h;
                    (regression.predict(point.0, &mut noise()) - point.1).powi(2)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                // 1e-10 times third derivatives, and 1e-14 over 1e-5 of rounding.
                let name = learner.name();
                assert!((difference - gradient[k]).abs() < 1e-6 * largest, "{name} {k}: {difference} {}", gradient[k]);
            }
        }
        Ok(())
    }

    /// Weights of `sign (g(y - c) + g(c - y))`, where `g` is the softplus, three times one after another, which is
    /// convex.
    fn valley(c: f64, sign: f64) -> Vec<f64> {
        let mut weights = vec![0.0; Energy::LEN];
        let [first, second, third] = [0, 3 * 128, 3 * 128 + 129 * 128];
        for (unit, side) in [(0, 1.0), (1, -1.0)] {
            weights[first + 2 * unit + 1] = side;
            weights[first + 256 + unit] = -side * c;
            // Rows of 128.
            weights[second + 129 * unit] = 1.0;
            weights[third + 129 * unit] = 1.0;
        }
        let last = third + 129 * 128;
        weights[last..last + 2].fill(sign);
        weights
    }

    /// By symmetry the minimum is at `c`. Upside down there is none.
    #[test]
    fn local_minima() -> Result<(), Failure> {
        let [side, other] = [0.7 - 0.4, 0.7 + 0.4].map(|y| energies(&valley(0.7, 1.0), 2.0, &[y, 0.7]));
        assert!((side[0] - other[0]).abs() < 1e-13 && side[0] > side[1] + 1e-3, "{side:?} {other:?}");
        let found = minima(&valley(0.7, 1.0), &[(2.0, 0.0), (1.0, 1.5)])?;
        // The solver's tolerance.
        assert!(found.iter().all(|y| y.is_some_and(|y| (y - 0.7).abs() < 1e-8)), "{found:?}");
        assert_eq!(minima(&valley(0.7, -1.0), &[(2.0, 0.0)])?, [None]);
        Ok(())
    }
}
