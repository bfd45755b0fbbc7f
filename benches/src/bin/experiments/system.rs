//! The two systems with their experts, and the demonstrated trajectories.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Solution, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Failure;
use crate::models::{cartpole, pendulum};

/// Number of controls of a demonstration.
pub(crate) const HORIZON: usize = 20;

/// A limit that no control reaches.
pub(crate) const NO_LIMIT: f64 = 1e6;

/// A model of [`models`](crate::models), whose `NP` parameters are those of the dynamics, `NX + 1` weights, `NX + 1`
/// linear terms and the control's limit, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System<M, const NX: usize, const NP: usize> {
    pub(crate) name: &'static str,
    pub(crate) model: M,
    pub(crate) names: [&'static str; NP],
    /// The parameters of the expert.
    pub(crate) expert: SVector<f64, NP>,
    /// The initial parameters of the dynamics for learners.
    pub(crate) wrong: &'static [f64],
    /// A random initial state.
    pub(crate) draw: fn(&mut StdRng) -> SVector<f64, NX>,
}

/// The pendulum of the publications.
pub(crate) fn pendulum() -> System<pendulum::Pendulum, 3, 12> {
    let expert = pendulum::Params {
        gravity: 10.0,
        mass: 1.0,
        length: 1.0,
        weight: [1.0, 1.0, 0.1, 0.001],
        linear: [-1.0, 0.0, 0.0, 0.0],
        limit: 2.0,
    };
    let draw = |random: &mut StdRng| {
        let angle: f64 = random.random_range(-core::f64::consts::FRAC_PI_2..core::f64::consts::FRAC_PI_2);
        [angle.cos(), angle.sin(), random.random_range(-1.0..1.0)].into()
    };
    System {
        name: "pendulum",
        model: pendulum::Pendulum,
        names: pendulum::Params::NAMES,
        expert: expert.into(),
        wrong: &[15.0, 3.0, 0.5],
        draw,
    }
}

/// The cart-pole of the publications.
pub(crate) fn cartpole() -> System<cartpole::Cartpole, 5, 17> {
    let expert = cartpole::Params {
        gravity: 9.8,
        mass_cart: 1.0,
        mass_pole: 0.1,
        length: 0.5,
        weight: [0.1, 0.1, 1.0, 1.0, 0.1, 0.001],
        linear: [0.0, 0.0, -1.0, 0.0, 0.0, 0.0],
        limit: 100.0,
    };
    let draw = |random: &mut StdRng| {
        let [position, velocity] = [random.random_range(-0.5..0.5), random.random_range(-0.5..0.5)];
        let angle: f64 = random.random_range(-core::f64::consts::PI..core::f64::consts::PI);
        [position, velocity, angle.cos(), angle.sin(), random.random_range(-1.0..1.0)].into()
    };
    System {
        name: "cartpole",
        model: cartpole::Cartpole,
        names: cartpole::Params::NAMES,
        expert: expert.into(),
        wrong: &[9.8, 3.0, 0.1, 1.0],
        draw,
    }
}

/// Settings of the solver: controls accurate to 1e-7 at a weight of 1e-3, for losses down to 1e-12.
pub(crate) fn settings() -> Settings {
    Settings { tolerance: 1e-10, ..Settings::default() }
}

/// One trajectory of the expert.
pub(crate) type Demonstration<const NX: usize, const NP: usize> = Solution<NX, 1, NP>;

/// All demonstrations of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Demonstrations<const NX: usize, const NP: usize> {
    pub(crate) train: Vec<Demonstration<NX, NP>>,
    pub(crate) validation: Vec<Demonstration<NX, NP>>,
    pub(crate) test: Vec<Demonstration<NX, NP>>,
    /// Number of initial states from which the expert did not converge; others replace them.
    pub(crate) redrawn: usize,
}

impl<M, const NX: usize, const NP: usize> System<M, NX, NP>
where
    M: Model<NX, 1, NP> + Copy,
{
    /// Number of parameters of the dynamics, which come first.
    pub(crate) const DYNAMICS: usize = NP - 2 * (NX + 1) - 1;

    /// The expert's parameters, with the learners' initial parameters of the dynamics.
    pub(crate) fn start(&self) -> SVector<f64, NP> {
        let mut params = self.expert;
        params.rows_mut(0, Self::DYNAMICS).copy_from_slice(self.wrong);
        params
    }

    /// A solver for problems of `horizon` stages.
    pub(crate) fn solver(&self, horizon: usize) -> Result<Ilqr<M, NX, 1, NP>, Failure> {
        Ok(Ilqr::new(self.model, horizon, settings())?)
    }

    /// The trajectories of a seed: `train`, and `held_out` each for validation and for the test. Every solve starts
    /// from zero controls.
    pub(crate) fn demonstrate(
        &self,
        seed: u64,
        train: usize,
        held_out: usize,
    ) -> Result<Demonstrations<NX, NP>, Failure> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut solver = self.solver(HORIZON)?;
        let mut redrawn = 0;
        let mut some = |count: usize| -> Result<Vec<_>, Failure> {
            let mut trajectories = Vec::with_capacity(count);
            while trajectories.len() < count {
                let solution = solver.solve(&Problem::new((self.draw)(&mut random), self.expert, HORIZON))?;
                match solution.status {
                    Status::Converged => trajectories.push(solution),
                    _ => redrawn += 1,
                }
                if redrawn > 1000 {
                    return Err(format!("the expert of the {} hardly ever converges", self.name).into());
                }
            }
            Ok(trajectories)
        };
        // Held-out trajectories first: they are the same for every number of trajectories to train on.
        let (validation, test) = (some(held_out)?, some(held_out)?);
        Ok(Demonstrations { train: some(train)?, validation, test, redrawn })
    }
}
