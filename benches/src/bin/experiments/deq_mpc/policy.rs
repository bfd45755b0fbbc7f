//! The four policies of DEQ-MPC (Nguyen et al. 2024): a network plans targets for the states, a controller of few stages follows
//! them.
//!
//! | | the network is called | the network |
//! |---|---|---|
//! | Diff-MPC-NN | once, before the controller | two layers |
//! | Diff-MPC-DEQ | once | a fixed point |
//! | DEQ-MPC-NN | between the rounds of the controller's augmented Lagrangian, with their trajectory | two layers |
//! | DEQ-MPC-DEQ | between the rounds | a fixed point |
//!
//! In the first two the controller is solved with its limits. In the others the network sees the trajectory of the last round, two
//! rounds follow each call, and the loss is on all of them. The published gradient ends at what the network sees.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Ilqr, LossGradient, Model, Problem, Settings, Solution};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::network::{Kind, Network, Pass, Shape, fixed_point};
use super::systems::{HORIZON, System};
use crate::Failure;

/// States of a plan.
const STAGES: usize = HORIZON + 1;

/// Calls of the network, and rounds of the augmented Lagrangian after each.
const CALLS: usize = 6;
const ROUNDS: usize = 2;

/// The weight of the first round, and its factor from one to the next.
const WEIGHT: f64 = 10.0;
const INCREASE: f64 = 1.5;

const CHANNELS: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    DiffNn,
    DiffDeq,
    DeqNn,
    DeqDeq,
}

impl Method {
    pub(super) const ALL: [Self; 4] = [Self::DiffNn, Self::DiffDeq, Self::DeqNn, Self::DeqDeq];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DiffNn => "Diff-MPC-NN",
            Self::DiffDeq => "Diff-MPC-DEQ",
            Self::DeqNn => "DEQ-MPC-NN",
            Self::DeqDeq => "DEQ-MPC-DEQ",
        }
    }

    fn network(self) -> Kind {
        match self {
            Self::DiffNn | Self::DeqNn => Kind::TwoLayers,
            Self::DiffDeq | Self::DeqDeq => Kind::FixedPoint,
        }
    }

    pub(super) fn iterates(self) -> bool {
        matches!(self, Self::DeqNn | Self::DeqDeq)
    }
}

/// On which iterates the loss is, and how far its gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// On all, each up to what the network sees: as published.
    Published,
    /// On the last one alone.
    LastIterate,
    /// On the last one, through the joint fixed point of network and controller.
    JointFixedPoint,
}

impl Variant {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Published => "all iterates",
            Self::LastIterate => "last iterate",
            Self::JointFixedPoint => "joint fixed point",
        }
    }
}

/// A trajectory to imitate, from its first state on.
#[derive(Clone, Debug)]
pub(super) struct Window<const NX: usize> {
    pub(super) states: [SVector<f64, NX>; STAGES],
    pub(super) controls: [f64; HORIZON],
}

/// A call of the network and the rounds that followed it.
pub(super) struct Call<const NX: usize> {
    pass: Pass,
    rounds: Vec<Solution<NX, 1, 1, NX>>,
}

/// What could not be used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusals {
    pub(super) samples: usize,
    /// Networks or controllers that have found no solution.
    pub(super) unsolved: usize,
    /// Solutions without a gradient.
    pub(super) undifferentiable: usize,
}

/// A policy with its controller.
pub(super) struct Policy<M, E, const NX: usize>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0>,
{
    system: System<M, E, NX>,
    pub(super) method: Method,
    pub(super) variant: Variant,
    pub(super) network: Network,
    solver: Ilqr<M, NX, 1, 1, NX>,
    pub(super) refusals: Refusals,
    /// Accepted steps of the controller.
    pub(super) iterations: usize,
    /// States without a plan in closed loops.
    pub(super) unplanned: usize,
    /// The states of the last plan in a closed loop.
    plan: Option<Vec<SVector<f64, NX>>>,
}

impl<M, E, const NX: usize> Policy<M, E, NX>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy,
    E: Copy,
{
    pub(super) fn new(
        system: System<M, E, NX>,
        (method, variant): (Method, Variant),
        seed: u64,
    ) -> Result<Self, Failure> {
        // Sine and cosine of the angle, the other states, the trajectory from the first state on, and the stage.
        let shape = Shape { inputs: 2 * NX + 2, channels: CHANNELS, outputs: NX, stages: STAGES };
        let network = Network::new(method.network(), shape, &mut StdRng::seed_from_u64(seed));
        let settings = Settings { tolerance: 1e-8, max_iterations: 50, ..Settings::default() };
        let solver = Ilqr::new(system.model, HORIZON, settings)?;
        Ok(Self {
            system,
            method,
            variant,
            network,
            solver,
            refusals: Refusals::default(),
            iterations: 0,
            unplanned: 0,
            plan: None,
        })
    }

    fn input(&self, x0: &SVector<f64, NX>, trajectory: &[SVector<f64, NX>]) -> Vec<f64> {
        let System { angle, scale, .. } = &self.system;
        let mut input = Vec::with_capacity(STAGES * (2 * NX + 2));
        for (t, x) in trajectory.iter().enumerate() {
            let (sin, cos) = x0[*angle].sin_cos();
            input.extend([sin, cos]);
            input.extend((0..NX).filter(|i| i != angle).map(|i| x0[i] / scale[i]));
            input.extend((0..NX).map(|i| (x[i] - x0[i]) / scale[i]));
            input.push(t as f64 / HORIZON as f64);
        }
        input
    }

    /// The controller's problem for an output of the network.
    fn problem(&self, x0: &SVector<f64, NX>, output: &[f64]) -> Problem<NX, 1, 1, NX> {
        let scale = &self.system.scale;
        let target = |t: usize| SVector::<f64, NX>::from_fn(|i, _| x0[i] + scale[i] * output[t * NX + i]);
        let targets: Vec<_> = (0..STAGES).map(target).collect();
        Problem::new(*x0, [self.system.limit], HORIZON).with_stage_params(&targets)
    }

    /// All calls from a state on, with a first trajectory. `None` where something has no solution.
    pub(super) fn calls(
        &mut self,
        x0: &SVector<f64, NX>,
        first: &[SVector<f64, NX>],
    ) -> Result<Option<Vec<Call<NX>>>, Failure> {
        let mut calls: Vec<Call<NX>> = Vec::new();
        for call in 0..if self.method.iterates() { CALLS } else { 1 } {
            let last = last_round(&calls);
            let seen = last.map_or(first, |solution| &solution.states);
            let pass = self.network.pass(self.input(x0, seen));
            if !pass.found || !pass.output.iter().all(|y| y.is_finite()) {
                return Ok(None);
            }
            let problem = self.problem(x0, &pass.output);
            let rounds = match self.method.iterates() {
                true => self.rounds(&problem, last.cloned(), call)?,
                false => vec![self.solver.solve(&problem)?],
            };
            self.iterations += rounds.iter().map(|solution| solution.stats.iterations).sum::<usize>();
            if !rounds.iter().all(|solution| solution.status.is_converged()) {
                return Ok(None);
            }
            calls.push(Call { pass, rounds });
        }
        Ok(Some(calls))
    }

    /// The rounds after a call: the first has the multipliers of the last one before it.
    fn rounds(
        &mut self,
        problem: &Problem<NX, 1, 1, NX>,
        mut last: Option<Solution<NX, 1, 1, NX>>,
        call: usize,
    ) -> Result<Vec<Solution<NX, 1, 1, NX>>, Failure> {
        let mut rounds = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            let factor = if call + round == 0 { 1.0 } else { INCREASE };
            let next = last.as_ref().and_then(|last| last.next_subproblem(factor));
            let subproblem = match next {
                Some(next) => next,
                None => self.solver.first_subproblem(problem, WEIGHT)?,
            };
            let warm = match &last {
                Some(last) => problem.clone().with_warm_start(&self.system.model, last),
                None => problem.clone(),
            };
            let solution = self.solver.solve_augmented(&warm, &subproblem)?;
            last = Some(solution.clone());
            rounds.push(solution);
        }
        Ok(rounds)
    }

    /// The mean absolute error of a trajectory beside a window, over the sizes of its variables, and its gradient.
    fn loss(&self, solution: &Solution<NX, 1, 1, NX>, window: &Window<NX>) -> (f64, LossGradient<NX, 1>) {
        let (mut loss, mut slope) = (0.0, LossGradient::zeros(HORIZON));
        let each = 1.0 / (HORIZON * (NX + 1)) as f64;
        for t in 1..STAGES {
            for i in 0..NX {
                let (error, size) = (solution.states[t][i] - window.states[t][i], self.system.scale[i]);
                loss += each * error.abs() / size;
                slope.states[t][i] = each * error.signum() / size;
            }
        }
        for t in 0..HORIZON {
            let error = solution.controls[t][0] - window.controls[t];
            loss += each * error.abs() / self.system.limit;
            slope.controls[t][0] = each * error.signum() / self.system.limit;
        }
        (loss, slope)
    }

    /// The error of the last iterate beside a window; `None` where there is none.
    pub(super) fn error(&mut self, window: &Window<NX>) -> Result<Option<f64>, Failure> {
        let x0 = window.states[0];
        let calls = self.calls(&x0, &[x0; STAGES])?;
        let last = calls.as_deref().and_then(last_round);
        Ok(last.map(|solution| self.loss(solution, window).0))
    }

    /// Adds the gradient of the loss of a window in the weights. Returns the states of the last iterate.
    pub(super) fn learn(
        &mut self,
        window: &Window<NX>,
        first: &[SVector<f64, NX>],
        weights: &mut [f64],
    ) -> Result<Option<Vec<SVector<f64, NX>>>, Failure> {
        self.refusals.samples += 1;
        let Some(calls) = self.calls(&window.states[0], first)? else {
            self.refusals.unsolved += 1;
            return Ok(None);
        };
        let (mut gradient, mut count) = (vec![0.0; weights.len()], 0);
        let used = match self.variant {
            Variant::Published => &calls[..],
            _ => &calls[calls.len() - 1..],
        };
        for call in used {
            let rounds = match self.variant {
                Variant::Published => &call.rounds[..],
                _ => &call.rounds[call.rounds.len() - 1..],
            };
            count += rounds.len();
            let losses: Vec<_> = rounds.iter().map(|round| self.loss(round, window).1).collect();
            let found = match self.variant {
                Variant::JointFixedPoint => self.joint(call, &losses[0]),
                _ => self.solver.vjp_path(rounds, &losses).ok().map(|gradient| self.of_output(&gradient.stage_params)),
            };
            let pulled = found.and_then(|output| self.network.pull_back(&call.pass, &output, &mut gradient));
            if pulled.is_none() {
                self.refusals.undifferentiable += 1;
                return Ok(None);
            }
        }
        weights.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g / count as f64);
        let last = last_round(&calls);
        Ok(last.map(|solution| solution.states.clone()))
    }

    /// The gradient in the network's output, from that in the targets.
    fn of_output(&self, targets: &[SVector<f64, NX>]) -> Vec<f64> {
        targets.iter().flat_map(|g| (0..NX).map(|i| g[i] * self.system.scale[i]).collect::<Vec<_>>()).collect()
    }

    /// The gradient in the network's output by the implicit function theorem, as if the last call were the joint fixed point of network
    /// and controller: with the derivative `S` of the controller, multipliers held fixed, and that of the network in the trajectory,
    /// `N`, `g = S' (loss + N' g)`. `None` where that is not found.
    fn joint(&mut self, call: &Call<NX>, loss: &LossGradient<NX, 1>) -> Option<Vec<f64>> {
        let solution = call.rounds.last()?;
        let mut sensitivities = self.solver.differentiate(solution).ok()?;
        let jacobians: Option<Vec<_>> = (0..STAGES).map(|t| sensitivities.stage_jacobian(t).ok()).collect();
        let jacobians = jacobians?;
        let scale = &self.system.scale;
        let through = |states: &[SVector<f64, NX>]| {
            let mut output = Vec::with_capacity(STAGES * NX);
            for jacobian in &jacobians {
                let along = jacobian.states.iter().zip(states).map(|(j, g)| j.transpose() * g);
                let controls = jacobian.controls.iter().zip(&loss.controls).map(|(j, g)| j.transpose() * g);
                let sum: SVector<f64, NX> = along.chain(controls).sum();
                output.extend((0..NX).map(|i| sum[i] * scale[i]));
            }
            output
        };
        let first = through(&loss.states);
        let (output, found) = fixed_point(first, |output| {
            let mut unused = vec![0.0; self.network.weights.len()];
            let Some(input) = self.network.pull_back(&call.pass, output, &mut unused) else {
                return vec![f64::NAN; output.len()];
            };
            let mut states = loss.states.clone();
            for (state, input) in states.iter_mut().zip(input.chunks_exact(2 * NX + 2)) {
                for i in 0..NX {
                    state[i] += input[NX + 1 + i] / scale[i];
                }
            }
            through(&states)
        });
        found.then_some(output)
    }

    /// Begins another closed loop.
    pub(super) fn forget(&mut self) {
        self.plan = None;
    }

    /// The control for a state, from the last plan on; zero where there is none.
    pub(super) fn control(&mut self, x: &SVector<f64, NX>) -> Result<f64, Failure> {
        // An angle may have been turned since.
        let moved = |plan: &Vec<SVector<f64, NX>>| shifted(plan).iter().map(|y| y - plan[1] + x).collect();
        let first = self.plan.as_ref().map_or_else(|| vec![*x; STAGES], moved);
        let calls = self.calls(x, &first)?;
        let last = calls.as_deref().and_then(last_round);
        self.plan = last.map(|solution| solution.states.clone());
        self.unplanned += usize::from(last.is_none());
        Ok(last.map_or(0.0, |solution| solution.controls[0][0]))
    }
}

/// The solution of the last round, if there is one.
fn last_round<const NX: usize>(calls: &[Call<NX>]) -> Option<&Solution<NX, 1, 1, NX>> {
    calls.last()?.rounds.last()
}

/// The states of a plan from its second one on; the last one stays.
pub(super) fn shifted<const NX: usize>(plan: &[SVector<f64, NX>]) -> Vec<SVector<f64, NX>> {
    [&plan[1..], &plan[plan.len() - 1..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deq_mpc::systems::{cartpole, pendulum};

    /// The gradient in the weights against central differences: of the methods that call the network once, and of the joint fixed
    /// point, which the iterates of a network at its start have found to some digits. (It holds multipliers fixed, so no limit is
    /// near there.)
    fn check<M, E, const NX: usize>(system: System<M, E, NX>, method: Method, variant: Variant) -> Result<(), Failure>
    where
        M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy,
        E: Copy,
    {
        let mut policy = Policy::new(system, (method, variant), 5)?;
        let settings = Settings { tolerance: 1e-12, ..Settings::default() };
        policy.solver = Ilqr::new(system.model, HORIZON, settings)?;
        let x0 = SVector::<f64, NX>::from_fn(|i, _| 0.3 * system.scale[i] * (1.0 + i as f64).sin());
        let at =
            |t: usize| SVector::<f64, NX>::from_fn(|i, _| x0[i] + 0.1 * system.scale[i] * (t as f64 + i as f64).cos());
        let window = Window { states: std::array::from_fn(at), controls: [0.1 * system.limit; HORIZON] };
        let mut gradient = vec![0.0; policy.network.weights.len()];
        policy.learn(&window, &[window.states[0]; STAGES], &mut gradient)?.ok_or("no gradient")?;
        let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        for k in (0..gradient.len()).step_by(397) {
            let mut at = |h: f64| {
                policy.network.weights[k] += h;
                let error = policy.error(&window);
                policy.network.weights[k] -= h;
                error?.ok_or_else(|| Failure::from("no solution"))
            };
            let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
            // The joint fixed point is found to a part of 1e-4 after six calls.
            let tolerance = if variant == Variant::JointFixedPoint { 2e-3 } else { 1e-5 };
            assert!(
                (gradient[k] - difference).abs() <= tolerance * largest,
                "{} {method:?} {k}: {} {difference} {largest}",
                system.name,
                gradient[k]
            );
        }
        Ok(())
    }

    #[test]
    fn gradients() -> Result<(), Failure> {
        for method in [Method::DiffNn, Method::DiffDeq] {
            check(pendulum(), method, Variant::Published)?;
            check(cartpole(), method, Variant::Published)?;
        }
        let (mut pendulum, mut cartpole) = (pendulum(), cartpole());
        (pendulum.limit, cartpole.limit) = (1e3, 1e5);
        check(pendulum, Method::DeqNn, Variant::JointFixedPoint)?;
        check(cartpole, Method::DeqDeq, Variant::JointFixedPoint)
    }
}
