//! The forward solve: its memory, and the loop over the backward passes and rollouts that the
//! [`globalization`](crate::solve::globalization) requests.

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::cause::Cause;
use crate::error::InputError;
#[cfg(feature = "std")]
use crate::error::SolveError;
use crate::iteration::Iteration;
use crate::kkt::unconstrained::Unconstrained;
use crate::lq::bounds::{Bounds, Side};
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::stage::{Stage, Terminal};
use crate::multipliers::copy;
use crate::ocp::constraints::constraints_along;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::{Penalty, PenaltyKind};
use crate::ocp::rollout::{Cost, FeedbackLaw, cost_along, rollout};
use crate::ocp::stage_functions;
use crate::ocp::trajectory::Trajectory;
use crate::problem::Problem;
use crate::settings::{Hessian, Method, Settings};
use crate::solution::{CertificateData, Solution};
use crate::solve::backward_pass::{BackwardPass, Failure, PassSettings, Policy, StageWorkspace};
use crate::solve::divergence::{find_cause, most_violated};
use crate::solve::globalization::{IterationState, Request, Slot, Termination};
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::iterate::Iterate;
use crate::solve::kink::KinkSearch;
use crate::solve::newton_workspace::{NewtonWorkspace, PrimalDualWeights};
use crate::stats::Stats;
use crate::status::Status;

/// The forward solve's memory: the current trajectory with its policy, and a trial of each.
#[derive(Clone, Debug)]
pub(crate) struct SolveWorkspace<const NX: usize, const NU: usize, const NS: usize> {
    pub(crate) current: Iterate<NX, NU>,
    pub(crate) trial: Iterate<NX, NU>,
    pub(crate) stage_params: Vec<SVector<f64, NS>>,
    pub(crate) bounds: Bounds<f64, NU>,
    /// The sides of the bounds that are limits: [`Bounds::sides`].
    pub(crate) sides: Vec<(usize, Side)>,
    pub(crate) penalty: Penalty<f64>,
    /// The magnitudes of the constraints, those of a stage before those of the terminal state.
    pub(crate) rows: Vec<f64>,
    /// Beside the interior-point method.
    pub(crate) active_set_newton: Option<NewtonWorkspace<NX, NU>>,
    /// For models with limits; for others from the first interior-point solve on.
    pub(crate) interior_point: Option<InteriorPoint<NX, NU>>,
    records: StageWorkspace<f64, NX, NU>,
}

/// Controls, and their states or none.
#[cfg(feature = "dual")]
type InitialTrajectory<const NX: usize, const NU: usize> = (Vec<SVector<f64, NU>>, Vec<SVector<f64, NX>>);

impl<const NX: usize, const NU: usize, const NS: usize> SolveWorkspace<NX, NU, NS> {
    pub(crate) fn new<M, const NP: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = &M::LIMITS;
        let interior = limits.limited() || M::START.is_free();
        Self {
            interior_point: interior.then(|| InteriorPoint::new::<M, NP, NS>(horizon)),
            active_set_newton: interior.then(|| NewtonWorkspace::new::<M, NP, NS>(horizon)),
            current: Iterate::new(horizon, limits),
            trial: Iterate::new(horizon, limits),
            stage_params: vec![SVector::zeros(); horizon + 1],
            bounds: Bounds::open(),
            sides: Vec::with_capacity(if limits.bounded { 2 * NU } else { 0 }),
            penalty: Penalty::new(PenaltyKind::Augmented, horizon, limits),
            rows: vec![1.0; limits.listed() + limits.terminal()],
            records: StageWorkspace::zeros(limits),
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.current.trajectory.controls.len()
    }

    /// Solves a problem that passed its check, and writes all fields of `solution`. Returns whether `keep` holds the
    /// factorization of the LQ problem about the solution. On an error, which is that of a policy, `solution` is unchanged.
    pub(crate) fn solve<M, const NP: usize>(
        &mut self,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
        observe: impl FnMut(&Iteration),
        solution: &mut Solution<NX, NU, NP, NS>,
        keep: Option<&mut Unconstrained<f64, NX, NU>>,
    ) -> Result<bool, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.load_problem(model, problem);
        // Nothing of the last solve is left.
        self.penalty.weights.fill(settings.penalty.initial);
        self.rows.fill(1.0);
        let warm = problem.multipliers().is_some();
        match problem.multipliers() {
            Some(given) => {
                self.penalty.stage.copy_from_slice(&given.stage);
                self.penalty.terminal.copy_from_slice(&given.terminal);
            }
            None => {
                self.penalty.stage.fill(0.0);
                self.penalty.terminal.fill(0.0);
            }
        }
        self.current.cost = self.start(model, problem)?;
        self.current.pass = BackwardPass::NONE;
        let mut solve = Solve { warm, keep, ..Solve::new((model, settings), problem, self) };
        let status = solve.run(observe);
        let Solve { stats, kept, .. } = solve;
        self.finish((model, settings), (status, stats), problem, solution);
        Ok(kept && status == Status::Converged)
    }

    /// Room for the constraints of a trajectory, for the check of a problem.
    pub(crate) fn constraint_memory(&mut self) -> &mut [f64] {
        &mut self.trial.trajectory.constraints
    }

    /// Checks and solves a problem; see [`solve`](Self::solve).
    #[cfg(feature = "std")]
    pub(crate) fn solve_checked<M, const NP: usize>(
        &mut self,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<Solution<NX, NU, NP, NS>, SolveError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        problem.check(model, self.horizon(), self.constraint_memory())?;
        let mut solution = Solution::empty(self.horizon());
        self.solve((model, settings), problem, |_| {}, &mut solution, None)?;
        Ok(solution)
    }

    /// Loads stage parameters and bounds of a problem.
    pub(crate) fn load_problem<M, const NP: usize>(&mut self, model: &M, problem: &Problem<NX, NU, NP, NS>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        if NS > 0 {
            self.stage_params.copy_from_slice(problem.stage_params());
        }
        self.bounds = Bounds::of(model, problem.params());
        self.sides.clear();
        self.sides.extend(self.bounds.sides());
    }

    /// Writes all fields of `solution` from the current trajectory and the backward pass about it.
    pub(crate) fn finish<M, const NP: usize>(
        &mut self,
        (model, settings): (&M, &Settings),
        (status, stats): (Status, Stats),
        problem: &Problem<NX, NU, NP, NS>,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        self.write(status, stats, problem, solution);
        solution.cause = self.cause(status, model, settings.hessian, problem.params());
        // Models with constraints and relaxed problems end on a Newton method with exact second derivatives.
        let exact = const { M::LIMITS.constrained() || M::START.is_free() }
            || settings.relaxation.is_some() && const { M::LIMITS.limited() };
        if status == Status::Converged && settings.hessian == Hessian::GaussNewton && !exact {
            self.curve_exactly(model, problem.params());
        }
        self.store_certificate_data(status, &M::LIMITS, &mut solution.certificate_data);
        if const { M::LIMITS.limited() } {
            solution.relaxation = settings.relaxation;
            solution.cost = self.cost_alone(model, problem.params());
        }
    }

    /// The cause of a solve that ended with this status on the current trajectory.
    fn cause<M, const NP: usize>(
        &mut self,
        status: Status,
        model: &M,
        hessian: Hessian,
        params: &SVector<f64, NP>,
    ) -> Option<Cause>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, stage_params, bounds, penalty, records, rows, .. } = self;
        let instance = OcpInstance { model, params, stage_params, bounds, penalty };
        let Iterate { trajectory, policy, pass, .. } = current;
        if status == Status::Infeasible {
            return Some(most_violated::<M, NX, NU, NP, NS>(trajectory, rows));
        }
        if status == Status::Diverged {
            return Some(find_cause(&instance, trajectory, hessian, records));
        }
        let stuck = status.found_no_step() || status == Status::IterationLimit;
        if !M::HAS_KINKS || !stuck || pass.slope.is_nan() {
            return None;
        }
        KinkSearch { instance, trajectory, policy, constraints: &mut trial.trajectory.constraints }.find()
    }

    /// Replaces the curvatures of the Gauss-Newton Hessian by those of the exact one.
    pub(crate) fn curve_exactly<M, const NP: usize>(&mut self, model: &M, params: &SVector<f64, NP>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, stage_params, bounds, penalty, records, .. } = self;
        let instance = OcpInstance { model, params, stage_params, bounds, penalty };
        let policy = &mut current.policy;
        let pass = trial.policy.backward_pass(
            &instance,
            &current.trajectory,
            PassSettings::plain(Hessian::Exact),
            records,
            None,
        );
        match pass.outcome() {
            Ok(_) => core::mem::swap(&mut policy.curvatures, &mut trial.policy.curvatures),
            Err(_) => policy.curvatures.fill(SMatrix::repeat(f64::NEG_INFINITY)),
        }
    }

    /// Stores the data of the certificate.
    fn store_certificate_data(&self, status: Status, limits: &Limits, certificate_data: &mut CertificateData<NU>) {
        let Iterate { trajectory, policy, pass, .. } = &self.current;
        certificate_data.lower = self.bounds.lower.into();
        certificate_data.upper = self.bounds.upper.into();
        // Without a backward pass the policy is that of another solve.
        let terms = if pass.stationarity.is_nan() { SVector::zeros() } else { policy.terms };
        certificate_data.terms = terms.into();
        copy(&mut certificate_data.rows, &self.rows);
        certificate_data.name_rows(limits);
        let constraints = constraints_along(&trajectory.constraints, trajectory.controls.len(), limits);
        certificate_data.constraints.clear();
        certificate_data.constraints.extend(constraints);
        let known: &[_] = if status == Status::Converged { &policy.curvatures } else { &[] };
        copy(&mut certificate_data.curvatures, known);
    }

    /// The cost of the current trajectory without penalties.
    fn cost_alone<M, const NP: usize>(&self, model: &M, params: &SVector<f64, NP>) -> f64
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Trajectory { states, controls, .. } = &self.current.trajectory;
        let stages = states.iter().zip(controls).zip(&self.stage_params).enumerate();
        let cost = |(t, ((x, u), s))| stage_functions::stage_cost((model, t), Stage::new(x, u, params, s));
        let sum: f64 = stages.map(cost).sum();
        let horizon = controls.len();
        sum + model.terminal_cost(Terminal::new(&states[horizon], params, &self.stage_params[horizon]))
    }

    /// The initial trajectory, within the bounds, and its cost. An error is that of a policy.
    pub(crate) fn start<M, const NP: usize>(
        &mut self,
        model: &M,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<Cost<f64>, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, stage_params, bounds, penalty, .. } = self;
        let instance = OcpInstance { model, params: problem.params(), stage_params, bounds, penalty };
        let trajectory = &mut current.trajectory;
        let mut together = problem.write_guess(model, &mut trajectory.controls, &mut trajectory.states)?;
        if instance.keeps_bounds() {
            for u in &mut trajectory.controls {
                let given = *u;
                bounds.clamp(u);
                together &= *u == given;
            }
        }
        Ok(if together {
            cost_along(&instance, trajectory)
        } else {
            rollout(&instance, &problem.first_state::<M>(), |_, _, _| {}, trajectory).0
        })
    }

    /// The controls that a solve of a problem starts from, within the bounds; with their states where they come from a
    /// feedback law.
    #[cfg(feature = "dual")]
    pub(crate) fn guess_of<M, const NP: usize>(
        &mut self,
        model: &M,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<InitialTrajectory<NX, NU>, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.load_problem(model, problem);
        self.start(model, problem)?;
        let Trajectory { states, controls, .. } = &self.current.trajectory;
        Ok((controls.clone(), if problem.guess().has_states() { states.clone() } else { Vec::new() }))
    }

    fn write<const NP: usize>(
        &self,
        status: Status,
        stats: Stats,
        problem: &Problem<NX, NU, NP, NS>,
        solution: &mut Solution<NX, NU, NP, NS>,
    ) {
        let Iterate { trajectory, cost, policy, pass } = &self.current;
        solution.status = status;
        solution.cost = cost.total;
        solution.stats = Stats { stationarity: pass.stationarity, ..stats };
        solution.x0 = *problem.x0();
        (solution.previous, solution.lifted) = (None, None);
        solution.params = *problem.params();
        (solution.relaxation, solution.augmented_lagrangian) = (None, None);
        copy(&mut solution.multipliers.stage, &self.penalty.stage);
        copy(&mut solution.multipliers.terminal, &self.penalty.terminal);
        copy(&mut solution.bound_multipliers, &policy.held);
        copy(&mut solution.stage_params, &self.stage_params);
        copy(&mut solution.states, &trajectory.states);
        copy(&mut solution.controls, &trajectory.controls);
        copy(&mut solution.gains, &policy.gains);
        copy(&mut solution.costates, &policy.costates);
        if pass.stationarity.is_nan() {
            // The last backward pass did not finish: the policy has no meaning.
            solution.gains.fill(SMatrix::repeat(f64::NAN));
            solution.costates.fill(SVector::repeat(f64::NAN));
            solution.bound_multipliers.fill(SVector::repeat(f64::NAN));
        }
    }
}

/// A solve under way.
pub(crate) struct Solve<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) model: &'a M,
    pub(crate) settings: &'a Settings,
    pub(crate) params: &'a SVector<f64, NP>,
    pub(crate) memory: &'a mut SolveWorkspace<NX, NU, NS>,
    pub(crate) stats: Stats,
    /// Whether the multipliers are those of a neighboring solution.
    pub(crate) warm: bool,
    /// Guesses of the states, or none.
    pub(crate) states: &'a [SVector<f64, NX>],
    /// See [`IterationState`].
    pub(crate) gauss_newton_fallback: bool,
    /// Where to store the factorization of the LQ problem about the solution.
    keep: Option<&'a mut Unconstrained<f64, NX, NU>>,
    /// Whether the last backward pass stored it there.
    kept: bool,
}

impl<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'a, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// A cold solve of a problem that is loaded.
    pub(crate) fn new(
        (model, settings): (&'a M, &'a Settings),
        problem: &'a Problem<NX, NU, NP, NS>,
        memory: &'a mut SolveWorkspace<NX, NU, NS>,
    ) -> Self {
        Self {
            model,
            settings,
            params: problem.params(),
            memory,
            stats: Stats::default(),
            warm: false,
            states: problem.states(),
            gauss_newton_fallback: true,
            keep: None,
            kept: false,
        }
    }

    fn run(&mut self, mut observe: impl FnMut(&Iteration)) -> Status {
        if self.settings.relaxation.is_some() && const { M::LIMITS.limited() } {
            return self.run_interior_point(self.settings.max_iterations, &mut observe);
        }
        let (constrained, free) = const { (M::LIMITS.constrained(), M::START.is_free()) };
        let warm = (constrained || free) && self.warm && self.memory.current.is_finite();
        if warm && self.newton(PrimalDualWeights::FirstPenalties) {
            return Status::Converged;
        }
        let interior = free
            || self
                .settings
                .begins_with_interior_point(const { (&M::LIMITS, M::LINEAR_DYNAMICS) }, !self.states.is_empty());
        let most = self.settings.max_iterations;
        if interior {
            let alone = self.uses_interior_point_alone();
            let status = self.run_interior_point(if alone { most } else { most / 2 }, &mut observe);
            if status.is_converged() || alone || status == Status::Unbounded {
                return status;
            }
        }
        if !self.memory.current.is_finite() {
            return Status::Diverged;
        }
        if constrained {
            return self.run_constrained(observe);
        }
        let status = self.minimize(self.settings.tolerance, &mut observe);
        let again = !interior && self.settings.continues_with_interior_point(const { &M::LIMITS }, status);
        if again && self.run_interior_point(most, &mut observe).is_converged() { Status::Converged } else { status }
    }

    /// Whether no other method follows the interior-point method. The others keep the initial state.
    pub(crate) fn uses_interior_point_alone(&self) -> bool {
        M::START.is_free() || self.settings.method == Method::InteriorPoint
    }

    /// Minimizes the cost, with its penalties, from the current trajectory.
    pub(crate) fn minimize(&mut self, tolerance: f64, observe: &mut impl FnMut(&Iteration)) -> Status {
        let (horizon, cost) = (self.memory.horizon(), self.memory.current.cost);
        let mut state =
            IterationState::new((self.settings, tolerance), (horizon, cost), self.gauss_newton_fallback, self.stats);
        // The state machine expects the initial trajectory as the trial.
        self.exchange();
        let Termination { status, trajectory, cost, pass } = loop {
            match state.request() {
                Request::Rollout { alpha } => {
                    let (cost, change) = self.roll(alpha, state.step_bound().is_some());
                    state.on_rollout(cost, change);
                }
                Request::BackwardPass { settings, about } => {
                    let outcome = self.backward_pass(settings, about, state.may_end());
                    match (state.on_backward_pass(outcome), about) {
                        (true, Slot::Trial) => self.exchange(),
                        (true, Slot::Current) => {
                            let SolveWorkspace { current, trial, .. } = &mut *self.memory;
                            core::mem::swap(&mut current.policy, &mut trial.policy);
                        }
                        (false, _) => {}
                    }
                }
                Request::Termination(end) => break end,
            }
            if let Some(iteration) = state.take_report() {
                observe(&iteration);
            }
        };
        if trajectory == Slot::Trial {
            self.exchange();
        }
        (self.memory.current.cost, self.memory.current.pass) = (cost, pass);
        (self.stats, self.gauss_newton_fallback) = (state.stats, state.gauss_newton_fallback);
        status
    }

    fn exchange(&mut self) {
        core::mem::swap(&mut self.memory.current, &mut self.memory.trial);
    }

    /// Rolls the current policy out into the trial trajectory. Returns the cost, if it is finite, and the relative change of
    /// the trajectory, if it is to be `measured` (else NaN).
    fn roll(&mut self, alpha: f64, measured: bool) -> (Option<Cost<f64>>, f64) {
        let SolveWorkspace { current, trial, stage_params, bounds, penalty, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        let Policy { gains, feedforward, .. } = &current.policy;
        let law = FeedbackLaw { reference: &current.trajectory, gains, feedforward, alpha };
        let (cost, finite) = law.rollout(&instance, &mut trial.trajectory);
        let change = if measured && finite {
            instance.relative_change(&current.trajectory, &trial.trajectory)
        } else {
            f64::NAN
        };
        (finite.then_some(cost), change)
    }

    /// Runs a backward pass about a trajectory into the trial's policy. `last` says that it may be the last one, whose
    /// factors are stored.
    fn backward_pass(
        &mut self,
        settings: PassSettings<f64>,
        about: Slot,
        last: bool,
    ) -> Result<BackwardPass<f64>, Failure> {
        let SolveWorkspace { current, trial, stage_params, bounds, penalty, records, .. } = &mut *self.memory;
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        let Iterate { trajectory, policy, .. } = trial;
        let about = match about {
            Slot::Current => &current.trajectory,
            Slot::Trial => trajectory,
        };
        self.kept = last && self.keep.is_some();
        let factors = if last { self.keep.as_deref_mut() } else { None };
        policy.backward_pass(&instance, about, settings, records, factors).outcome()
    }
}
