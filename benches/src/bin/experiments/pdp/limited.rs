//! The systems with limits, and the tasks of Safe-PDP: parameters of dynamics, cost and limits from one trajectory.

use core::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Model, Problem, Settings, Solution};

use super::models::limited_arm::LimitedArm;
use super::models::limited_cart_pole::LimitedCartPole;
use super::models::limited_quadrotor::LimitedQuadrotor;
use super::models::limited_rocket::LimitedRocket;
use super::published::{self, SafeTrial};
use super::systems::{body, solve_first};
use crate::Failure;

/// A model with limits, its true parameters, and the published learner. Parameters are those of the dynamics, of the
/// cost and of the limits.
#[derive(Clone, Debug)]
pub(super) struct LimitedSystem<M, const NX: usize, const NU: usize, const NP: usize> {
    pub(super) name: &'static str,
    pub(super) model: M,
    pub(super) truth: SVector<f64, NP>,
    pub(super) start: SVector<f64, NX>,
    pub(super) horizon: usize,
    /// The weight of the barriers.
    pub(super) relaxation: f64,
    /// Step length on half the gradient.
    pub(super) rate: f64,
    pub(super) steps: usize,
    /// The width of the uniform errors of the learner's start.
    pub(super) width: f64,
    pub(super) published: SafeTrial<NP>,
}

pub(super) fn cart_pole() -> LimitedSystem<LimitedCartPole, 4, 1, 9> {
    LimitedSystem {
        name: "cart-pole",
        model: LimitedCartPole,
        truth: [0.5, 0.5, 1.0, 0.1, 1.0, 0.1, 0.1, 5.0, 0.8].into(),
        start: SVector::zeros(),
        horizon: 35,
        relaxation: 1e-2,
        rate: 8e-6,
        steps: 60,
        width: 0.05,
        published: published::SAFE_CART_POLE,
    }
}

pub(super) fn arm() -> LimitedSystem<LimitedArm, 4, 2, 10> {
    LimitedSystem {
        name: "arm",
        model: LimitedArm,
        truth: [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 1.0, PI].into(),
        start: [-FRAC_PI_2, 3.0 * FRAC_PI_4, 0.0, 0.0].into(),
        horizon: 25,
        relaxation: 1e-2,
        rate: 5e-3,
        steps: 100,
        width: 0.6,
        published: published::SAFE_ARM,
    }
}

pub(super) fn quadrotor() -> LimitedSystem<LimitedQuadrotor, 13, 4, 11> {
    let mut start = body([-5.0, 5.0, 5.0], [1.0, 0.0, 0.0, 0.0]);
    (start[3], start[4]) = (-5.0, -5.0);
    LimitedSystem {
        name: "quadrotor",
        model: LimitedQuadrotor,
        truth: [1.0, 1.0, 1.0, 1.0, 0.4, 1.0, 1.0, 5.0, 1.0, 12.0, 200.0].into(),
        start,
        horizon: 25,
        relaxation: 1e-2,
        rate: 1e-4,
        steps: 100,
        width: 0.2,
        published: published::SAFE_QUADROTOR,
    }
}

/// Added to a moment of inertia of the rocket. The published ones are equal, so the rocket does not roll: its roll
/// would be the rounding errors of other states, and our solves with barriers do not converge then. They do from a
/// difference of 1e-8 on.
const ASYMMETRY: f64 = 1e-6;

pub(super) fn rocket() -> LimitedSystem<LimitedRocket, 13, 3, 12> {
    let mut start = body([10.0, -8.0, 5.0], [1.0, 0.0, 0.0, 0.0]);
    start[3] = -0.1;
    let mut published = published::SAFE_ROCKET;
    published.start[2] += ASYMMETRY;
    LimitedSystem {
        name: "rocket",
        model: LimitedRocket,
        truth: [0.5, 1.0, 1.0 + ASYMMETRY, 1.0, 1.0, 10.0, 1.0, 50.0, 1.0, 1.0, 400.0, 0.3].into(),
        start,
        horizon: 40,
        relaxation: 1.0,
        rate: 1e-5,
        steps: 60,
        width: 0.3,
        published,
    }
}

/// A solver of the system with its limits or with barriers in their place, which begins with its last trajectory.
pub(super) struct Planner<M, const NX: usize, const NU: usize, const NP: usize>
where
    M: Model<NX, NU, NP> + Copy,
{
    pub(super) solver: Ilqr<M, NX, NU, NP>,
    start: SVector<f64, NX>,
    last: Option<Solution<NX, NU, NP>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize> Planner<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    pub(super) fn new(system: &LimitedSystem<M, NX, NU, NP>, relaxation: Option<f64>) -> Result<Self, Failure> {
        let settings = Settings { relaxation, ..Settings::default() };
        let solver = Ilqr::new(system.model, system.horizon, settings)?;
        Ok(Self { solver, start: system.start, last: None })
    }

    /// The next solve begins here.
    pub(super) fn start_from(&mut self, solution: &Solution<NX, NU, NP>) {
        self.last = Some(solution.clone());
    }

    /// The optimal trajectory, from the last one or else from zero controls. `None` if neither solve converges.
    pub(super) fn plan(&mut self, params: &SVector<f64, NP>) -> Result<Option<Solution<NX, NU, NP>>, Failure> {
        let problem = || Problem::new(self.start, *params, self.solver.horizon());
        let last = self.last.as_ref().map(|last| problem().with_warm_start(self.solver.model(), last));
        let guesses = [last, Some(problem())];
        let found = solve_first(&mut self.solver, guesses.into_iter().flatten())?;
        if found.is_some() {
            self.last.clone_from(&found);
        }
        Ok(found)
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize> LimitedSystem<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    /// The optimal trajectory at the true parameters.
    pub(super) fn demonstration(&self) -> Result<Solution<NX, NU, NP>, Failure> {
        let found = Planner::new(self, None)?.plan(&self.truth)?;
        found.ok_or_else(|| format!("the demonstration of the {} does not converge", self.name).into())
    }
}
