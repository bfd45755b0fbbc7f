//! Tasks of inverse optimal control: models, true parameters, initial states, and the published learners' starts and
//! losses.

use core::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Solution, Status};

use super::models::arm::Arm;
use super::models::cart_pole::CartPole;
use super::models::quadrotor::Quadrotor;
use super::models::rocket::Rocket;
use super::published::{self, Trial};
use crate::Failure;

/// A model with its true parameters, and initial states of the demonstrations.
#[derive(Clone, Debug)]
pub(super) struct System<M, const NX: usize, const NU: usize, const NP: usize> {
    pub(super) name: &'static str,
    pub(super) model: M,
    pub(super) truth: SVector<f64, NP>,
    pub(super) starts: Vec<SVector<f64, NX>>,
    pub(super) horizon: usize,
    /// Step length on half the gradient of the mean loss: the published chain rule leaves the factor 2 out.
    pub(super) rate: f64,
    /// Steps of the published runs.
    pub(super) steps: usize,
    pub(super) trials: &'static [Trial<NP>],
}

pub(super) fn cart_pole() -> System<CartPole, 4, 1, 7> {
    System {
        name: "cart-pole",
        model: CartPole,
        truth: [0.5, 0.5, 1.0, 1.0, 6.0, 1.0, 1.0].into(),
        starts: [0.0, -0.5, -0.25, 0.25, 0.5].map(|angle| [0.0, angle, 0.0, 0.0].into()).into(),
        horizon: 30,
        rate: 1e-4,
        steps: 9999,
        trials: &published::CART_POLE,
    }
}

pub(super) fn arm() -> System<Arm, 4, 2, 8> {
    let angles = [(-FRAC_PI_2, 0.0), (-3.0 * FRAC_PI_4, -FRAC_PI_2), (-FRAC_PI_4, FRAC_PI_2), (-FRAC_PI_2, PI)];
    System {
        name: "arm",
        model: Arm,
        truth: [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5].into(),
        starts: angles.map(|(first, second)| [first, second, 0.0, 0.0].into()).into(),
        horizon: 35,
        rate: 1e-4,
        steps: 9999,
        trials: &published::ARM,
    }
}

/// The state of a body at rest at a position, with an attitude.
pub(super) fn body(position: [f64; 3], attitude: [f64; 4]) -> SVector<f64, 13> {
    let [x, y, z] = position;
    let [qw, qx, qy, qz] = attitude;
    [x, y, z, 0.0, 0.0, 0.0, qw, qx, qy, qz, 0.0, 0.0, 0.0].into()
}

pub(super) fn quadrotor() -> System<Quadrotor, 13, 4, 9> {
    let upright = [1.0, 0.0, 0.0, 0.0];
    System {
        name: "quadrotor",
        model: Quadrotor,
        truth: [1.0, 1.0, 1.0, 1.0, 0.4, 1.0, 1.0, 5.0, 1.0].into(),
        starts: vec![body([-8.0, -6.0, 9.0], upright), body([8.0, 6.0, 9.0], upright)],
        horizon: 50,
        // The published script has 1e-4, the published results were made with 3e-4.
        rate: 3e-4,
        steps: 9999,
        trials: &published::QUADROTOR,
    }
}

/// The attitude of the rocket after a rotation by an angle about the difference of the horizontal axes.
pub(super) fn tilted(angle: f64) -> [f64; 4] {
    let (sin, cos) = (0.5 * angle).sin_cos();
    let each = sin * core::f64::consts::FRAC_1_SQRT_2;
    [cos, 0.0, each, -each]
}

pub(super) fn rocket() -> System<Rocket, 13, 3, 10> {
    let mut start = body([10.0, -8.0, 5.0], tilted(1.0));
    start[3] = -0.5;
    System {
        name: "rocket",
        model: Rocket,
        truth: [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 50.0, 1.0, 1.0].into(),
        starts: vec![start],
        horizon: 40,
        rate: 3e-4,
        steps: 4999,
        trials: &published::ROCKET,
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize> System<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    pub(super) fn solver(&self, horizon: usize) -> Result<Ilqr<M, NX, NU, NP>, Failure> {
        Ok(Ilqr::new(self.model, horizon, Settings::default())?)
    }

    /// Optimal trajectories at the true parameters, from zero controls.
    pub(super) fn demonstrations(&self) -> Result<Vec<Solution<NX, NU, NP>>, Failure> {
        let mut solver = self.solver(self.horizon)?;
        let solve = |&x0: &SVector<f64, NX>| solve(&mut solver, &Problem::new(x0, self.truth, self.horizon));
        let solutions = self.starts.iter().map(solve).collect::<Result<Option<Vec<_>>, Failure>>()?;
        solutions.ok_or_else(|| format!("the demonstrations of the {} do not converge", self.name).into())
    }
}

/// The solution of a problem, if the solve converges.
pub(super) fn solve<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    problem: &Problem<NX, NU, NP>,
) -> Result<Option<Solution<NX, NU, NP>>, Failure>
where
    M: Model<NX, NU, NP>,
{
    let solution = solver.solve(problem)?;
    Ok((solution.status == Status::Converged).then_some(solution))
}

/// The solution from the first guess whose solve converges.
pub(super) fn solve_first<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    guesses: impl IntoIterator<Item = Problem<NX, NU, NP>>,
) -> Result<Option<Solution<NX, NU, NP>>, Failure>
where
    M: Model<NX, NU, NP>,
{
    for guess in guesses {
        let found = solve(solver, &guess)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
