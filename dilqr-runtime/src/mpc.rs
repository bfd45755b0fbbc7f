//! Model predictive control: the same problem, solved anew from every measured state.
//!
//! Each step starts from the plan of the last one, shifted by one stage. The plan is rolled out from the measured state
//! under its own feedback law: on an unstable system the controls alone would be no guess. Multipliers are shifted, too.
//! Where the solve finds nothing better, that rollout is the plan and its control is applied. This is suboptimal model
//! predictive control (Scokaert, Mayne and Rawlings 1999).

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::cause::Cause;
use crate::error::{Input, SettingsError, SolveError, check_finite, check_length, check_vector};
use crate::guess::Guess;
use crate::ilqr::Ilqr;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::constraints::{Violation, constraints_along, violation};
use crate::ocp::rollout::Simulation;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::at_stage;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::{Multipliers, Solution, copy};
use crate::stats::Stats;
use crate::status::Status;

/// A controller with a receding horizon.
///
/// [`Mpc::new`] and the first step allocate all memory; later steps allocate nothing. [`Settings::max_iterations`] bounds
/// the work of a step. A stage is one sampling period: every call of [`Mpc::step`] that gives a control shifts the plan by
/// one stage.
///
/// ```
/// # #[cfg(feature = "dual")] {
/// use dilqr_runtime::model::{Stage, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Model, Mpc, Scalar, Settings, Status};
///
/// /// A point on a line, pushed to the origin; its parameter is the price of pushing.
/// struct Point;
/// impl Model<2, 1, 1> for Point {
///     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
///         next[0] = x[0] + S::from_f64(0.1) * x[1];
///         next[1] = x[1] + S::from_f64(0.1) * u[0];
///     }
///     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
///         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
///     }
///     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
///         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
///     }
/// }
///
/// let mut mpc = Mpc::new(Point, [0.1], 20, Settings { max_iterations: 10, ..Settings::default() })?;
/// let mut x = SVector::from([1.0, 0.0]);
/// for _ in 0..60 {
///     let step = mpc.step(&x)?;
///     assert_eq!(step.status, Status::Converged);
///     // The plant; here it is the model.
///     x = SVector::from([x[0] + 0.1 * x[1], x[1] + 0.1 * step.control[0]]);
/// }
/// assert!(x.amax() < 0.01);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mpc<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0> {
    solver: Ilqr<M, NX, NU, NP, NS>,
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

/// What to do until the next measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MpcStep<const NX: usize, const NU: usize> {
    /// The control of the coming stage, `NU`; within its bounds.
    pub control: SVector<f64, NU>,
    /// `K_0`, `NU x NX`. For a state `x'` that is measured before the next step, the control is `control + gain (x' - x)` to
    /// first order; it need not be within the bounds.
    pub gain: SMatrix<f64, NU, NX>,
    /// How this step's solve ended.
    pub status: Status,
    /// Why and where, as in [`Solution::cause`].
    pub cause: Option<Cause>,
    /// Whether the plan is the solution of this step. Otherwise that solution is no better than the last plan, which stays
    /// in use under its feedback law.
    pub replanned: bool,
    /// `sum_t l + l_T` of the plan.
    pub cost: f64,
    /// Counts of this step's solve, with the plan's violation.
    pub stats: Stats,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Mpc<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// A controller that looks `horizon` stages ahead. Its first step starts from zero controls, within the bounds;
    /// [`Mpc::start_from`] sets a better start.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range, and a horizon of 0.
    pub fn new(
        model: M,
        params: impl Into<SVector<f64, NP>>,
        horizon: usize,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
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
            solution
        };
        let mut plan = room();
        plan.multipliers.stage.resize(horizon * limits.listed(), 0.0);
        plan.multipliers.terminal.resize(limits.terminal(), 0.0);
        let mut mpc = Self {
            solver: Ilqr::new(model, horizon, settings)?,
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
        Ok(mpc)
    }

    /// The control for the measured state `x`.
    ///
    /// A solve that does not converge is no error: the status says so. The step then gives the best trajectory found, or
    /// the feedback of the last plan where that violates the constraints less. The control is within the bounds either way,
    /// and the next step starts from that plan.
    ///
    /// # Errors
    /// [`SolveError`] for numbers that are not finite, reversed bounds, or the wrong number of stage parameters. The plan
    /// does not change, and the step can be repeated with another measurement.
    pub fn step(&mut self, x: &(impl Copy + Into<SVector<f64, NX>>)) -> Result<MpcStep<NX, NU>, SolveError> {
        self.problem.x0 = (*x).into();
        self.problem.check(self.solver.model(), self.horizon())?;
        let fallback = self.guess();
        self.solver.solve_into(&self.problem, &mut self.solution)?;

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
            copy(&mut warm.stage, &self.plan.multipliers.stage);
            copy(&mut warm.terminal, &self.plan.multipliers.terminal);
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

    /// Shifts the plan by one stage, for a sampling period without a step, such as a lost measurement.
    pub fn advance(&mut self) {
        self.stages_elapsed += 1;
        if let Some(Multipliers { stage, .. }) = &mut self.problem.multipliers {
            shift(stage, 1, const { M::LIMITS.listed() });
        }
    }

    /// Changes the parameters, from the next step on.
    pub fn set_params(&mut self, params: impl Into<SVector<f64, NP>>) {
        self.problem.params = params.into();
    }

    /// The parameters of the next step.
    #[must_use]
    pub fn params(&self) -> &SVector<f64, NP> {
        &self.problem.params
    }

    /// Changes the stage parameters, from the next step on: `s_0 .. s_T`, `T + 1` of them, of the stages in the horizon of
    /// the next step. A reference that moves with time is set before every step.
    pub fn set_stage_params<C: Copy + Into<SVector<f64, NS>>>(&mut self, stage_params: &[C]) {
        self.problem.stage_params.clear();
        self.problem.stage_params.extend(stage_params.iter().map(|&s| s.into()));
    }

    /// The plan of the last step: the trajectory from the measured state, with the step's status and counts. Where the step
    /// did not replan, gains, costates and multipliers are those of the older plan. `None` before the first step.
    #[must_use]
    pub fn plan(&self) -> Option<&Solution<NX, NU, NP, NS>> {
        self.stepped.then_some(&self.plan)
    }

    /// Starts anew from the feedback law and the multipliers of a solution over the same horizon. Its initial state should
    /// be near that of the next step. Parameters and stage parameters stay.
    ///
    /// # Errors
    /// [`SolveError`] for lists of the wrong lengths, and numbers that are not finite; the plan does not change.
    pub fn start_from(&mut self, solution: &Solution<NX, NU, NP, NS>) -> Result<(), SolveError> {
        let limits = const { &M::LIMITS };
        let horizon = self.horizon();
        let Solution { states, controls, gains, multipliers, .. } = solution;
        let Multipliers { stage, terminal } = multipliers;
        check_length(Input::States, states.len(), horizon + 1)?;
        check_length(Input::Controls, controls.len(), horizon)?;
        check_length(Input::Gains, gains.len(), horizon)?;
        check_length(Input::Multipliers, stage.len(), horizon * limits.listed())?;
        check_length(Input::Multipliers, terminal.len(), limits.terminal())?;
        check_finite(Input::States, states.iter().map(|x| x.as_slice()))?;
        check_finite(Input::Controls, controls.iter().map(|u| u.as_slice()))?;
        check_finite(Input::Gains, gains.iter().map(|gain| gain.as_slice()))?;
        check_vector(Input::Multipliers, stage)?;
        check_vector(Input::Multipliers, terminal)?;
        self.reset();
        self.plan.states.copy_from_slice(states);
        self.plan.controls.copy_from_slice(controls);
        self.plan.gains.copy_from_slice(gains);
        self.plan.multipliers.clone_from(multipliers);
        self.solved = solution.status == Status::Converged;
        self.problem.multipliers = self.solved.then(|| multipliers.clone());
        Ok(())
    }

    /// Drops the plan. Parameters and stage parameters stay.
    pub fn reset(&mut self) {
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

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        self.solver.model()
    }

    /// `T`, the number of stages it looks ahead.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.solver.horizon()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.solver.settings()
    }

    /// Makes the rollout of the shifted plan the guess of the problem.
    fn guess(&mut self) -> ShiftedPlan<NU> {
        let limits = const { &M::LIMITS };
        let (stages_elapsed, horizon) = (self.stages_elapsed, self.horizon());
        let Self { solver, problem, plan, constraints, .. } = self;
        let Problem { x0, params, stage_params, guess, .. } = problem;
        let model = solver.model();
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
