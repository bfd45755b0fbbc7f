//! The pendulum and the cart-pole of DEQ-MPC's demonstrations, their experts, and their data.

#![allow(unreachable_pub, reason = "models, as the users of a library have them")]

use std::path::Path;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Ilqr, Model, Problem, Settings};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Failure;

/// Stages of the learned controller.
pub(super) const HORIZON: usize = 5;

/// Stages that the expert looks ahead.
const EXPERT_HORIZON: usize = 50;

/// A model of the pendulum. The bounds of the control, costs and limits are those of a task.
macro_rules! pendulum {
    ($(#[$about:meta])* $name:ident, { $(#[$($bounds:tt)*])* }, { $($task:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model]
        pub(crate) mod $name {
            pub struct State {
                pub theta: f64,
                pub omega: f64,
            }
            pub struct Control {
                $(#[$($bounds)*])*
                pub torque: f64,
            }
            pub struct Params {
                pub limit: f64,
            }
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                let omega = x.omega + 0.05 * (u.torque + 10.0 * x.theta.sin());
                State { theta: x.theta + 0.05 * omega, omega }
            }
            $($task)*
        }
    };
}

/// A model of the cart-pole, as [`pendulum!`].
macro_rules! cartpole {
    ($(#[$about:meta])* $name:ident, { $(#[$($bounds:tt)*])* }, { $($task:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
        pub(crate) mod $name {
            pub struct State {
                pub position: f64,
                pub theta: f64,
                pub velocity: f64,
                pub omega: f64,
            }
            pub struct Control {
                $(#[$($bounds)*])*
                pub force: f64,
            }
            pub struct Params {
                pub limit: f64,
            }
            pub fn derivative(x: State, u: Control, _p: Params) -> State {
                let (sin, cos) = x.theta.sin_cos();
                let push = u.force + 0.5 * 9.81 * sin * cos - sin * x.omega.powi(2);
                let cart = push / (10.0 + sin.powi(2) + 0.5 * cos.powi(2));
                State { position: x.velocity, theta: x.omega, velocity: cart, omega: 0.5 * (9.81 * sin + cos * cart) }
            }
            $($task)*
        }
    };
}

pendulum!(
    /// Follows a plan of the pendulum, stage by stage. Its limits are constraints, which an augmented Lagrangian penalizes.
    follow_pendulum, {}, {
        pub struct StageParams {
            pub theta: f64,
            pub omega: f64,
        }
        pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
            terminal_cost(x, p, s) + 1e-5 * u.torque.powi(2)
        }
        pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
            (x.theta - s.theta).powi(2) + 0.1 * (x.omega - s.omega).powi(2)
        }
        pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 2] {
            [u.torque - p.limit, -p.limit - u.torque]
        }
    }
);

pendulum!(
    /// Swings the pendulum up.
    lift_pendulum, { #[bounds(-p.limit, p.limit)] }, {
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
            0.1 * terminal_cost(x, p) + 1e-3 * u.torque.powi(2)
        }
        pub fn terminal_cost(x: State, _p: Params) -> f64 {
            20.0 * (1.0 - x.theta.cos()) + x.omega.powi(2)
        }
    }
);

cartpole!(
    /// Follows a plan of the cart-pole.
    follow_cartpole, {}, {
        pub struct StageParams {
            pub position: f64,
            pub theta: f64,
            pub velocity: f64,
            pub omega: f64,
        }
        pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
            terminal_cost(x, p, s) + 1e-8 * u.force.powi(2)
        }
        pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
            (x.position - s.position).powi(2)
                + (x.theta - s.theta).powi(2)
                + 0.1 * (x.velocity - s.velocity).powi(2)
                + 0.1 * (x.omega - s.omega).powi(2)
        }
        pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 2] {
            [u.force - p.limit, -p.limit - u.force]
        }
    }
);

cartpole!(
    /// Swings the cart-pole up.
    lift_cartpole, { #[bounds(-p.limit, p.limit)] }, {
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
            0.1 * terminal_cost(x, p) + 1e-6 * u.force.powi(2)
        }
        pub fn terminal_cost(x: State, _p: Params) -> f64 {
            2.0 * x.position.powi(2) + 20.0 * (1.0 - x.theta.cos()) + 0.2 * x.velocity.powi(2) + x.omega.powi(2)
        }
    }
);

/// A system: what follows plans on it, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct System<M, E, const NX: usize> {
    pub(super) name: &'static str,
    pub(super) model: M,
    expert: E,
    pub(super) limit: f64,
    /// The state that is an angle.
    pub(super) angle: usize,
    /// Sizes of the states.
    pub(super) scale: [f64; NX],
    /// Initial states are uniform within these, the angle anywhere.
    reach: [f64; NX],
    /// The reward of a state whose angle lies within half a turn.
    reward: fn(&SVector<f64, NX>) -> f64,
}

pub(super) type PendulumSystem = System<follow_pendulum::FollowPendulum, lift_pendulum::LiftPendulum, 2>;
pub(super) type CartpoleSystem = System<follow_cartpole::FollowCartpole, lift_cartpole::LiftCartpole, 4>;

pub(super) fn pendulum() -> PendulumSystem {
    System {
        name: "pendulum",
        model: follow_pendulum::FollowPendulum,
        expert: lift_pendulum::LiftPendulum,
        limit: 3.0,
        angle: 0,
        scale: [1.0, 3.0],
        reach: [std::f64::consts::PI, 1.0],
        reward: |x| -x[0] * x[0],
    }
}

pub(super) fn cartpole() -> CartpoleSystem {
    System {
        name: "cart-pole",
        model: follow_cartpole::FollowCartpole,
        expert: lift_cartpole::LiftCartpole,
        limit: 100.0,
        angle: 1,
        scale: [1.0, 1.0, 3.0, 3.0],
        reach: [0.5, std::f64::consts::PI, 0.5, 0.5],
        reward: |x| -(x[1].abs() + x[0].abs() + if x[0].abs() > 10.0 { 80.0 } else { 0.0 }),
    }
}

/// A controller that looks far ahead. It solves from several guesses and takes the cheapest plan, because a single one often misses
/// the way up.
pub(super) struct Expert<E, const NX: usize>
where
    E: Formulation<NX, 1, 1, 0, 0>,
{
    solver: Ilqr<E, NX, 1, 1>,
    limit: f64,
    /// The controls of the last plan.
    last: Option<Vec<SVector<f64, 1>>>,
}

impl<E, const NX: usize> Expert<E, NX>
where
    E: Formulation<NX, 1, 1, 0, 0>,
{
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) fn control(&mut self, x: &SVector<f64, NX>) -> Result<f64, Failure> {
        let constant = |part: f64| vec![SVector::from([part * self.limit]); EXPERT_HORIZON];
        let mut guesses = vec![constant(0.0), constant(0.7), constant(-0.7)];
        if let Some(last) = &self.last {
            guesses.push([&last[1..], &last[EXPERT_HORIZON - 1..]].concat());
        }
        let mut best = (f64::INFINITY, guesses[0].clone());
        for guess in &guesses {
            let solution = self.solver.solve(&Problem::new(*x, [self.limit], EXPERT_HORIZON).with_controls(guess))?;
            if solution.cost < best.0 {
                best = (solution.cost, solution.controls);
            }
        }
        let u = best.1[0][0];
        self.last = Some(best.1);
        Ok(u)
    }
}

/// States and controls of an expert, one control less; angles do not jump.
#[derive(Clone, Debug)]
pub(super) struct Trajectory<const NX: usize> {
    pub(super) states: Vec<SVector<f64, NX>>,
    pub(super) controls: Vec<f64>,
}

/// An angle within half a turn.
fn wrapped(angle: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    angle - turn * (angle / turn).round()
}

impl<M, E, const NX: usize> System<M, E, NX>
where
    M: Model<NX, 1, 1, NX> + Copy,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy,
{
    pub(super) fn start(&self, random: &mut StdRng) -> SVector<f64, NX> {
        SVector::from_fn(|i, _| self.reach[i] * random.random_range(-1.0..1.0))
    }

    /// The state after one stage.
    pub(super) fn next(&self, x: &SVector<f64, NX>, u: f64) -> SVector<f64, NX> {
        let (u, p, s) = (SVector::from([u]), SVector::from([self.limit]), SVector::zeros());
        let mut next = SVector::zeros();
        self.model.step(dilqr_runtime::model::Stage::new(x, &u, &p, &s), &mut next);
        next
    }

    /// The state with its angle within half a turn.
    pub(super) fn wrap(&self, x: &SVector<f64, NX>) -> SVector<f64, NX> {
        let mut x = *x;
        x[self.angle] = wrapped(x[self.angle]);
        x
    }

    /// The reward of a closed loop under a law, and whether it ends upright, up to a tenth of a radian.
    pub(super) fn reward(
        &self,
        mut x: SVector<f64, NX>,
        steps: usize,
        mut law: impl FnMut(&SVector<f64, NX>) -> Result<f64, Failure>,
    ) -> Result<(f64, bool), Failure> {
        let mut sum = 0.0;
        for _ in 0..steps {
            let u = law(&self.wrap(&x))?;
            x = self.next(&x, u.clamp(-self.limit, self.limit));
            sum += (self.reward)(&self.wrap(&x));
        }
        Ok((sum, self.wrap(&x)[self.angle].abs() < 0.1))
    }

    /// The expert.
    pub(super) fn expert(&self) -> Result<Expert<E, NX>, Failure> {
        let settings = Settings { tolerance: 1e-6, max_iterations: 100, ..Settings::default() };
        let solver = Ilqr::new(self.expert, EXPERT_HORIZON, settings)?;
        Ok(Expert { solver, limit: self.limit, last: None })
    }

    /// Trajectories of the expert.
    pub(super) fn demonstrations(&self, count: usize, steps: usize, seed: u64) -> Result<Vec<Trajectory<NX>>, Failure> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut expert = self.expert()?;
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let (mut states, mut controls) = (vec![self.start(&mut random)], Vec::new());
            expert.forget();
            for t in 0..steps {
                let u = expert.control(&states[t])?;
                states.push(self.next(&states[t], u));
                controls.push(u);
            }
            all.push(Trajectory { states, controls });
        }
        Ok(all)
    }

    /// The largest difference of a state from that of the model, over the size of its variable.
    pub(super) fn mismatch(&self, trajectories: &[Trajectory<NX>]) -> f64 {
        let mut largest = 0.0_f64;
        for Trajectory { states, controls } in trajectories {
            for (t, &u) in controls.iter().enumerate() {
                let difference = states[t + 1] - self.next(&states[t], u);
                largest = (0..NX).map(|i| difference[i].abs() / self.scale[i]).fold(largest, f64::max);
            }
        }
        largest
    }

    /// Published trajectories, from a file with a row for each state and the control there.
    pub(super) fn read(&self, folder: &Path) -> Result<Vec<Trajectory<NX>>, Failure> {
        let path = folder.join(format!("{}.csv", self.name.replace('-', "")));
        let mut reader = csv::Reader::from_path(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut all: Vec<Trajectory<NX>> = Vec::new();
        let mut last = None;
        for (line, row) in reader.deserialize::<Vec<f64>>().enumerate() {
            let row = row.map_err(|error| format!("{}: {error}", path.display()))?;
            if row.len() != NX + 2 {
                return Err(format!(
                    "{}: line {} has {} numbers, expected {}",
                    path.display(),
                    line + 2,
                    row.len(),
                    NX + 2
                )
                .into());
            }
            if last != Some(row[0]) {
                all.push(Trajectory { states: Vec::new(), controls: Vec::new() });
                last = Some(row[0]);
            }
            let Some(trajectory) = all.last_mut() else { continue };
            let mut x = SVector::from_column_slice(&row[1..=NX]);
            if let Some(before) = trajectory.states.last() {
                x[self.angle] = before[self.angle] + wrapped(x[self.angle] - before[self.angle]);
            }
            trajectory.states.push(x);
            trajectory.controls.push(row[NX + 1]);
        }
        // The last control leads beyond the data.
        all.iter_mut().for_each(|trajectory| {
            trajectory.controls.pop();
        });
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expert ends upright and at rest.
    #[test]
    fn experts_swing_up() -> Result<(), Failure> {
        let up = |trajectory: &Trajectory<2>| trajectory.states.last().is_some_and(|x| wrapped(x[0]).abs() < 0.05);
        assert!(pendulum().demonstrations(3, 120, 1)?.iter().all(up));
        let up = |trajectory: &Trajectory<4>| trajectory.states.last().is_some_and(|x| wrapped(x[1]).abs() < 0.05);
        assert!(cartpole().demonstrations(2, 120, 1)?.iter().all(up));
        Ok(())
    }

    #[test]
    fn angles_within_half_a_turn() {
        for (angle, expected) in [(0.1, 0.1), (6.0, 6.0 - std::f64::consts::TAU), (-4.0, std::f64::consts::TAU - 4.0)] {
            assert!((wrapped(angle) - expected).abs() < 1e-12);
        }
    }
}
