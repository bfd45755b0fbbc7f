//! Model predictive control: the same problem, solved anew from every measured state.
//!
//! Each step starts from the plan of the last one, shifted by one stage. The plan is rolled out from the measured state
//! under its own feedback law: on an unstable system the controls alone would be no guess. Multipliers are shifted, too.
//! Where the solve finds nothing better, that rollout is the plan and its control is applied. This is suboptimal model
//! predictive control (Scokaert, Mayne and Rawlings 1999).

use alloc::boxed::Box;
use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::engine::Controller;
use crate::error::{Input, SolveError, check_finite, check_length};
use crate::guess::Guess;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::mpc_step::MpcStep;
use crate::multipliers::Multipliers;
use crate::ocp::constraints::{Violation, constraints_along, violation};
use crate::ocp::rollout::Simulation;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::at_stage;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::Solution;
use crate::solve::workspace::SolveWorkspace;
use crate::status::Status;

/// The controller of a [`Model`].
#[derive(Clone, Debug)]
pub struct PlainController<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    settings: Settings,
    model: M,
    forward: Box<SolveWorkspace<NX, NU, NS>>,
    /// Its guess is always a rollout. Its multipliers are those of the last solve that converged, shifted to the next step.
    /// Multipliers of a problem without a solution grow without bound and are a bad start.
    problem: Problem<NX, NU, NP, NS>,
    plan: Solution<NX, NU, NP, NS>,
    /// The solution of the current step. It becomes the plan if it is better.
    solution: Solution<NX, NU, NP, NS>,
    /// Memory for the multipliers of the problem, until it has some.
    multipliers: Multipliers,
    /// Values of the guess's constraints.
    constraints: Vec<f64>,
    /// Stages from the start of the plan to the coming step.
    stages_elapsed: usize,
    /// Whether the plan comes from a step.
    stepped: bool,
    /// Whether the plan comes from a solve that has converged.
    solved: bool,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Controller<NX, NU, NP, NS, 0>
    for PlainController<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    type Model = M;

    fn new(model: M, params: SVector<f64, NP>, horizon: usize, settings: Settings) -> Self {
        let limits = const { &M::LIMITS };
        let mut problem = Problem::new(SVector::zeros(), params, horizon);
        let (controls, states) = (vec![SVector::zeros(); horizon], vec![SVector::zeros(); horizon + 1]);
        problem.guess = Guess::Rollout { controls, states };
        let (stages, terminal) = (horizon * limits.listed(), limits.terminal());
        // With memory for all lists that a solve writes.
        let room = || {
            let mut solution = Solution::empty(horizon);
            solution.multipliers.stage.reserve_exact(stages);
            solution.multipliers.terminal.reserve_exact(terminal);
            solution.bound_multipliers.reserve_exact(if limits.bounded { horizon } else { 0 });
            solution.certificate_data.constraints.reserve_exact(stages + terminal);
            solution.certificate_data.rows.reserve_exact(limits.listed() + limits.terminal());
            solution.certificate_data.limits.reserve_exact(limits.listed() + limits.terminal());
            solution
        };
        let mut plan = room();
        plan.multipliers.stage.resize(horizon * limits.listed(), 0.0);
        plan.multipliers.terminal.resize(limits.terminal(), 0.0);
        let mut mpc = Self {
            settings,
            model,
            forward: Box::new(SolveWorkspace::new::<M, NP>(horizon)),
            problem,
            plan,
            solution: room(),
            constraints: vec![0.0; horizon * limits.listed() + limits.terminal()],
            multipliers: Multipliers { stage: Vec::with_capacity(stages), terminal: Vec::with_capacity(terminal) },
            stages_elapsed: 0,
            stepped: false,
            solved: false,
        };
        mpc.reset();
        mpc
    }

    fn step(&mut self, x: SVector<f64, NX>) -> Result<MpcStep<NX, NU>, SolveError> {
        self.load(x)?;
        self.step_loaded()
    }

    fn advance(&mut self) {
        self.stages_elapsed += 1;
        if let Some(Multipliers { stage, .. }) = &mut self.problem.multipliers {
            shift(stage, 1, const { M::LIMITS.listed() });
        }
    }

    fn set_previous(&mut self, previous: SVector<f64, NU>) {
        self.problem.previous = Some(previous);
    }

    fn set_design(&mut self, _: SVector<f64, 0>) {}

    fn set_params(&mut self, params: SVector<f64, NP>) {
        self.problem.params = params;
    }

    fn params(&self) -> &SVector<f64, NP> {
        &self.problem.params
    }

    fn set_stage_params(&mut self, stage_params: impl Iterator<Item = SVector<f64, NS>>) {
        self.problem.stage_params.clear();
        self.problem.stage_params.extend(stage_params);
    }

    fn plan(&self) -> Option<&Solution<NX, NU, NP, NS>> {
        self.stepped.then_some(&self.plan)
    }

    fn start_from(&mut self, solution: &Solution<NX, NU, NP, NS>) -> Result<(), SolveError> {
        let limits = const { &M::LIMITS };
        let horizon = self.horizon();
        let Solution { states, controls, gains, multipliers, .. } = solution;
        check_length(Input::States, states.len(), horizon + 1)?;
        check_length(Input::Controls, controls.len(), horizon)?;
        check_length(Input::Gains, gains.len(), horizon)?;
        multipliers.check_lengths(horizon, limits)?;
        check_finite(Input::States, states.iter().map(|x| x.as_slice()))?;
        check_finite(Input::Controls, controls.iter().map(|u| u.as_slice()))?;
        check_finite(Input::Gains, gains.iter().map(|gain| gain.as_slice()))?;
        multipliers.check_finite()?;
        self.reset();
        self.plan.states.copy_from_slice(states);
        self.plan.controls.copy_from_slice(controls);
        self.plan.gains.copy_from_slice(gains);
        self.plan.multipliers.clone_from(multipliers);
        self.solved = solution.status == Status::Converged;
        self.problem.multipliers = self.solved.then(|| multipliers.clone());
        Ok(())
    }

    fn reset(&mut self) {
        let Solution { states, controls, gains, costates, multipliers, .. } = &mut self.plan;
        states.fill(SVector::zeros());
        controls.fill(SVector::zeros());
        gains.fill(SMatrix::zeros());
        costates.fill(SVector::zeros());
        multipliers.stage.fill(0.0);
        multipliers.terminal.fill(0.0);
        if let Some(multipliers) = self.problem.multipliers.take() {
            self.multipliers = multipliers;
        }
        self.stages_elapsed = 0;
        self.stepped = false;
        self.solved = false;
    }

    fn model(&self) -> &M {
        &self.model
    }

    fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    fn horizon(&self) -> usize {
        self.forward.horizon()
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> PlainController<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Loads a measured state, and checks the problem.
    pub(crate) fn load(&mut self, x: SVector<f64, NX>) -> Result<(), SolveError> {
        self.problem.x0 = x;
        self.problem.check(&self.model, self.forward.horizon(), self.forward.constraint_memory())
    }

    /// The problem of the coming step.
    pub(crate) fn problem(&self) -> &Problem<NX, NU, NP, NS> {
        &self.problem
    }

    /// The step from a state that was loaded.
    pub(crate) fn step_loaded(&mut self) -> Result<MpcStep<NX, NU>, SolveError> {
        let fallback = self.guess();
        let Self { settings, model, forward, problem, solution, .. } = self;
        forward.solve((model, settings), problem, |_| {}, solution, None)?;

        let Solution { status, cause, mut stats, .. } = self.solution;
        let replanned = self.is_better(&fallback);
        if replanned {
            core::mem::swap(&mut self.plan, &mut self.solution);
            self.solved = status == Status::Converged;
        } else {
            self.move_on(&fallback);
            (stats.violation, stats.violation_stage) = (fallback.violation.value, fallback.violation.at());
        }
        (self.plan.status, self.plan.cause, self.plan.stats) = (status, cause, stats);
        self.stepped = true;
        if status == Status::Converged {
            let warm = self.problem.multipliers.get_or_insert_with(|| core::mem::take(&mut self.multipliers));
            warm.copy(&self.plan.multipliers);
        }
        self.stages_elapsed = 0;
        self.advance();
        Ok(MpcStep {
            control: if replanned { self.plan.controls[0] } else { fallback.control },
            gain: self.plan.gains[0],
            status,
            cause,
            replanned,
            cost: self.plan.cost,
            stats,
        })
    }

    /// Stages from the start of the plan to the coming step.
    pub(crate) fn stages_elapsed(&self) -> usize {
        self.stages_elapsed
    }

    /// Makes the rollout of the shifted plan the guess of the problem.
    fn guess(&mut self) -> ShiftedPlan<NU> {
        let limits = const { &M::LIMITS };
        let (stages_elapsed, horizon) = (self.stages_elapsed, self.horizon());
        let Self { model, problem, plan, constraints, .. } = self;
        let Problem { x0, params, stage_params, guess, .. } = problem;
        let bounds = Bounds::of(model, params);
        let simulation = Simulation { model, x0, params, stage_params };
        let law = |t: usize, x: &SVector<f64, NX>| {
            let stage = (t + stages_elapsed).min(horizon - 1);
            plan.controls[stage] + plan.gains[stage] * (x - plan.states[(t + stages_elapsed).min(horizon)])
        };
        let mut control = law(0, x0);
        if !control.iter().all(|value| value.is_finite()) {
            control.fill(0.0);
        }
        bounds.clamp(&mut control);
        let within = |mut u: SVector<f64, NU>| {
            bounds.clamp(&mut u);
            u
        };
        let mut cost = simulate(&simulation, |t, x| within(law(t, x)), guess, constraints);
        let followed = cost.is_some();
        if !followed {
            // The feedback law diverges from this state: start from zero controls.
            cost = simulate(&simulation, |_, _| within(SVector::zeros()), guess, constraints);
        }
        let along = constraints_along(constraints, horizon, limits);
        let violation = violation(along, (horizon, limits), &plan.certificate_data.rows);
        ShiftedPlan { control, cost: cost.unwrap_or(f64::NAN), followed, violation }
    }

    /// Whether the solution replaces the last plan.
    fn is_better(&self, fallback: &ShiftedPlan<NU>) -> bool {
        let Solution { status, gains, certificate_data, .. } = &self.solution;
        match status {
            Status::Converged => true,
            Status::Diverged => false,
            // The trajectory may be cheap because it violates constraints that the last plan satisfies. A plan that does not
            // come from a solution is replaced all the same, or the controller would keep it for ever.
            _ => {
                let usable = gains.iter().all(|gain| gain.iter().all(|entry| entry.is_finite()));
                let rows = &self.plan.certificate_data.rows;
                let along = certificate_data.constraints.iter().copied();
                let reached = violation(along, (self.horizon(), const { &M::LIMITS }), rows);
                usable && !(self.solved && fallback.followed && fallback.violation.relative < reached.relative)
            }
        }
    }

    /// Makes the guess the plan, with the feedback law of its rollout.
    fn move_on(&mut self, fallback: &ShiftedPlan<NU>) {
        let (stages_elapsed, limits) = (self.stages_elapsed, const { &M::LIMITS });
        let Self { problem, plan, .. } = self;
        shift(&mut plan.states, stages_elapsed, 1);
        shift(&mut plan.controls, stages_elapsed, 1);
        shift(&mut plan.gains, stages_elapsed, 1);
        shift(&mut plan.costates, stages_elapsed, 1);
        shift(&mut plan.multipliers.stage, stages_elapsed, limits.listed());
        if let Guess::Rollout { controls, states } = &problem.guess
            && fallback.followed
        {
            plan.controls.copy_from_slice(controls);
            plan.states.copy_from_slice(states);
        }
        plan.cost = fallback.cost;
        plan.x0 = problem.x0;
        plan.params = problem.params;
        if NS > 0 {
            plan.stage_params.copy_from_slice(&problem.stage_params);
        }
    }
}

/// Drops the first `count` stages of a list with `each` entries a stage. The last `count` stages keep their entries.
fn shift<T: Copy>(list: &mut [T], count: usize, each: usize) {
    list.copy_within((count * each).min(list.len()).., 0);
}

/// The rollout of the shifted plan: the answer if the solve finds nothing better.
struct ShiftedPlan<const NU: usize> {
    /// The plan's feedback at the measured state.
    control: SVector<f64, NU>,
    /// Cost of the guess.
    cost: f64,
    /// Whether the guess is the rollout of the plan's law.
    followed: bool,
    /// Largest violation of the guess, and its stage.
    violation: Violation,
}

/// Simulates the model under a law into the guess, and evaluates constraints. Returns the cost; `None` if a number is not
/// finite.
fn simulate<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    simulation: &Simulation<'_, M, f64, NX, NP, NS>,
    law: impl Fn(usize, &SVector<f64, NX>) -> SVector<f64, NU>,
    guess: &mut Guess<NX, NU>,
    constraints: &mut [f64],
) -> Option<f64>
where
    M: Model<NX, NU, NP, NS>,
{
    let Guess::Rollout { controls, states } = guess else { return None };
    let limits = const { &M::LIMITS };
    let Simulation { model, params, stage_params, .. } = *simulation;
    let horizon = controls.len();
    let visit = |t: usize, at: Stage<'_, f64, NX, NU, NP, NS>| {
        if limits.listed() > 0 {
            let range = at_stage(constraints, t, horizon, limits);
            stage_functions::stage_constraints((model, t), at, &mut constraints[range]);
        }
        None
    };
    let (cost, finite) = simulation.run(|t, x, u| *u = law(t, x), visit, (states, controls));
    if !finite {
        return None;
    }
    let none = SVector::zeros();
    let end = Terminal::new(&states[horizon], params, stage_params.get(horizon).unwrap_or(&none));
    if limits.terminal() > 0 {
        let range = at_stage(constraints, horizon, horizon, limits);
        model.terminal_constraints(end, &mut constraints[range]);
    }
    let cost = cost.total + model.terminal_cost(end);
    cost.is_finite().then_some(cost)
}
