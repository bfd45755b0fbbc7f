//! The forward solve of several problems at once, one in each lane of a scalar.
//!
//! A step is one rollout or one backward pass, for every lane that requests it (see
//! [`globalization`](crate::solve::globalization)). Each lane has its own step length, regularization and end. When a lane
//! ends, it takes the next problem. Its result depends on its problem alone.

use crate::scalar::Mask;
use core::slice::{from_mut, from_ref};
use core::sync::atomic::{AtomicUsize, Ordering};
use nalgebra::SVector;

use crate::error::SolveError;
use crate::kkt::unconstrained::Unconstrained;
use crate::linalg::lane_copies::{gather, gather_one, masked_copy, scatter, scatter_one};
use crate::linalg::products::zeros;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::{Penalty, PenaltyKind};
use crate::ocp::rollout::{Cost, FeedbackLaw};
use crate::ocp::trajectory::Trajectory;
use crate::problem::Problem;
use crate::scalar::lanes::Lanes;
use crate::settings::{Hessian, Settings};
use crate::solution::Solution;
use crate::solve::backward_pass::{BackwardPass, Failure, PassSettings, Policy, StageWorkspace};
use crate::solve::globalization::{IterationState, Request, Slot, Termination};
use crate::solve::workspace::SolveWorkspace;
use crate::stats::Stats;
use crate::status::Status;

/// The memory of as many solves as there are lanes.
pub(crate) struct Lockstep<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    current: Trajectory<L, NX, NU>,
    trial: Trajectory<L, NX, NU>,
    /// The result of a rollout, before it becomes the trial.
    rolled: Trajectory<L, NX, NU>,
    policy: Policy<L, NX, NU>,
    /// The result of a backward pass, before it becomes the current policy.
    new_policy: Policy<L, NX, NU>,
    records: StageWorkspace<L, NX, NU>,
    params: SVector<L, NP>,
    stage_params: Vec<SVector<L, NS>>,
    bounds: Bounds<L, NU>,
    penalty: Penalty<L>,
    /// The factors of the last backward pass, where they are kept for gradients.
    factors: Option<Unconstrained<L, NX, NU>>,
    /// A solver of single problems: it makes initial trajectories and writes solutions.
    single: SolveWorkspace<NX, NU, NS>,
}

/// A problem in a lane: its index, and the state of its iteration.
#[derive(Clone, Copy)]
struct LaneSlot<'a> {
    problem: usize,
    state: IterationState<'a>,
    /// Whether the last operation was a backward pass that may have been the last one, with its factors kept.
    factorized: bool,
}

/// A problem that has ended.
pub(crate) struct Outcome<'a, L, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    /// Its index.
    pub(crate) problem: usize,
    pub(crate) result: Result<Solution<NX, NU, NP, NS>, SolveError>,
    /// The factorization about the solution, where the solve has kept it: a lane of these.
    pub(crate) factors: Option<(&'a Unconstrained<L, NX, NU>, usize)>,
}

impl<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Lockstep<L, NX, NU, NP, NS> {
    /// Whether problems of a model can be solved in lanes. Problems with constraints, or with penalties for their limits,
    /// cannot, nor can interior-point solves and problems that choose entries of the initial state: the solver of single
    /// problems solves them.
    pub(crate) fn supports<M>(settings: &Settings) -> bool
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        !settings.begins_with_interior_point((limits, M::LINEAR_DYNAMICS), false)
            && !M::START.is_free()
            && !limits.constrained()
            && (!limits.bounded || settings.relaxation.is_none())
    }

    /// Where `keeps` holds, outcomes have their factorizations.
    pub(crate) fn new<M>(horizon: usize, keeps: bool) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let trajectory = Trajectory::zeros(horizon, limits);
        let policy = Policy::zeros(horizon, limits);
        Self {
            current: trajectory.clone(),
            trial: trajectory.clone(),
            rolled: trajectory,
            policy: policy.clone(),
            new_policy: policy,
            records: StageWorkspace::zeros(limits),
            params: zeros(),
            stage_params: vec![zeros(); horizon + 1],
            bounds: Bounds::open(),
            penalty: Penalty::new(PenaltyKind::Augmented, horizon, limits),
            factors: keeps.then(|| Unconstrained::new(horizon)),
            single: SolveWorkspace::new::<M, NP>(horizon),
        }
    }

    /// Takes problem indices from the shared counter `next` until all are solved. `take` gets each outcome. Interior-point
    /// solves take no lane.
    pub(crate) fn run<M>(
        &mut self,
        (model, settings): (&M, &Settings),
        problems: &[Problem<NX, NU, NP, NS>],
        next: &AtomicUsize,
        mut take: impl FnMut(Outcome<'_, L, NX, NU, NP, NS>),
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let mut slots: Vec<Option<LaneSlot<'_>>> = vec![None; L::COUNT];
        loop {
            for lane in 0..L::COUNT {
                if let Some(LaneSlot { problem, state, factorized }) = slots[lane]
                    && let Request::Termination(end) = state.request()
                {
                    let result = if settings.continues_with_interior_point(limits, end.status) {
                        self.single.solve_checked((model, settings), &problems[problem])
                    } else {
                        Ok(self.extract_solution(lane, (model, settings), &problems[problem], &state, end))
                    };
                    let kept = factorized && end.status == Status::Converged;
                    let factors = self.factors.as_ref().filter(|_| kept).map(|factors| (factors, lane));
                    take(Outcome { problem, result, factors });
                    slots[lane] = None;
                }
                while slots[lane].is_none() {
                    let problem = next.fetch_add(1, Ordering::Relaxed);
                    let Some(given) = problems.get(problem) else { break };
                    if settings.begins_with_interior_point((limits, M::LINEAR_DYNAMICS), given.states.is_some()) {
                        let result = self.single.solve_checked((model, settings), given);
                        take(Outcome { problem, result, factors: None });
                        continue;
                    }
                    match self.load_problem(lane, model, settings, given) {
                        Ok(state) => slots[lane] = Some(LaneSlot { problem, state, factorized: false }),
                        Err(error) => take(Outcome { problem, result: Err(error), factors: None }),
                    }
                }
            }
            if slots.iter().all(Option::is_none) {
                return;
            }
            self.step(model, &mut slots);
        }
    }

    /// Checks a problem, and puts it and its initial trajectory into a lane.
    fn load_problem<'a, M>(
        &mut self,
        lane: usize,
        model: &M,
        settings: &'a Settings,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Result<IterationState<'a>, SolveError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { single, trial, .. } = self;
        problem.check(model, single.horizon(), single.constraint_memory())?;
        single.load_problem(model, problem);
        single.current.cost = single.start(model, problem)?;
        scatter(lane, &single.current.trajectory.states, &mut trial.states);
        scatter(lane, &single.current.trajectory.controls, &mut trial.controls);
        scatter(lane, &single.stage_params, &mut self.stage_params);
        scatter_one(lane, problem.params(), &mut self.params);
        scatter_one(lane, &single.bounds.lower, &mut self.bounds.lower);
        scatter_one(lane, &single.bounds.upper, &mut self.bounds.upper);
        let cost = single.current.cost;
        let mut state =
            IterationState::new((settings, settings.tolerance), (single.horizon(), cost), true, Stats::default());
        if !single.current.is_finite() {
            state.diverge();
        }
        Ok(state)
    }

    /// The solution of a lane that has ended, written by the solver of single problems.
    fn extract_solution<M>(
        &mut self,
        lane: usize,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
        state: &IterationState<'_>,
        end: Termination,
    ) -> Solution<NX, NU, NP, NS>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Termination { status, trajectory, cost, pass } = end;
        let trajectory = match trajectory {
            Slot::Current => &self.current,
            Slot::Trial => &self.trial,
        };
        let single = &mut self.single;
        single.load_problem(model, problem);
        let mut solution = Solution::empty(single.horizon());
        gather(lane, &trajectory.states, &mut single.current.trajectory.states);
        gather(lane, &trajectory.controls, &mut single.current.trajectory.controls);
        gather(lane, &self.policy.gains, &mut single.current.policy.gains);
        gather(lane, &self.policy.feedforward, &mut single.current.policy.feedforward);
        gather(lane, &self.policy.costates, &mut single.current.policy.costates);
        gather(lane, &self.policy.curvatures, &mut single.current.policy.curvatures);
        gather(lane, &self.policy.held, &mut single.current.policy.held);
        gather_one(lane, &self.policy.terms, &mut single.current.policy.terms);
        single.current.cost = cost;
        single.current.pass = pass;
        single.finish((model, settings), (status, state.stats), problem, &mut solution);
        solution
    }

    /// Runs one rollout or one backward pass, for the lanes that request it.
    fn step<M>(&mut self, model: &M, slots: &mut [Option<LaneSlot<'_>>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let needs: Vec<Option<Request>> = slots.iter().map(|slot| slot.map(|slot| slot.state.request())).collect();
        let waiting = |wanted: Hessian| {
            needs
                .iter()
                .filter(
                    |need| matches!(need, Some(Request::BackwardPass { settings, .. }) if settings.hessian == wanted),
                )
                .count()
        };
        if needs.iter().any(|need| matches!(need, Some(Request::Rollout { .. }))) {
            // Rollouts are cheaper, and after them most lanes wait for a backward pass.
            self.roll(model, slots, &needs);
        } else if waiting(Hessian::Exact) >= waiting(Hessian::GaussNewton) {
            self.backward_pass(model, Hessian::Exact, slots, &needs);
        } else {
            self.backward_pass(model, Hessian::GaussNewton, slots, &needs);
        }
    }

    fn roll<M>(&mut self, model: &M, slots: &mut [Option<LaneSlot<'_>>], needs: &[Option<Request>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, rolled, policy, params, stage_params, bounds, penalty, .. } = self;
        let instance = OcpInstance { model, params, stage_params, bounds, penalty };
        let alpha = L::from_lanes(|lane| if let Some(Request::Rollout { alpha }) = needs[lane] { alpha } else { 0.0 });
        let Policy { gains, feedforward, .. } = &*policy;
        let law = FeedbackLaw { reference: current, gains, feedforward, alpha };
        let (cost, finite) = law.rollout(&instance, rolled);
        let took = |lane: usize| matches!(needs[lane], Some(Request::Rollout { .. }));
        let change = instance.relative_change(current, rolled);
        if (0..L::COUNT).all(|lane| needs[lane].is_none() || took(lane)) {
            core::mem::swap(rolled, trial);
        } else {
            masked_copy_trajectory(L::mask(took), rolled, trial);
        }
        for (lane, slot) in slots.iter_mut().enumerate().filter(|(lane, _)| took(*lane)) {
            let Some(slot) = slot else { continue };
            slot.factorized = false;
            let cost = Cost { total: cost.total.lane(lane), magnitude: cost.magnitude.lane(lane) };
            slot.state.on_rollout(L::holds(finite, lane).then_some(cost), change.lane(lane));
        }
    }

    fn backward_pass<M>(
        &mut self,
        model: &M,
        hessian: Hessian,
        slots: &mut [Option<LaneSlot<'_>>],
        needs: &[Option<Request>],
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, policy, new_policy, records, .. } = self;
        let Self { params, stage_params, bounds, penalty, factors, .. } = self;
        let instance = OcpInstance { model, params, stage_params, bounds, penalty };
        let wanted = |lane: usize| match needs[lane] {
            Some(Request::BackwardPass { settings, about }) if settings.hessian == hessian => Some((settings, about)),
            _ => None,
        };
        let again = L::mask(|lane| matches!(wanted(lane), Some((_, Slot::Current))));
        if again.any() {
            masked_copy_trajectory(again, current, trial);
        }
        let mu = L::from_lanes(|lane| wanted(lane).map_or(0.0, |(settings, _)| settings.mu));
        let may_end = |slot: &Option<LaneSlot<'_>>| slot.is_some_and(|slot| slot.state.may_end());
        let keep = factors.as_mut().filter(|_| slots.iter().any(may_end));
        let kept = keep.is_some();
        let pass = new_policy.backward_pass(&instance, trial, PassSettings { hessian, mu }, records, keep);
        let mut taken = vec![false; L::COUNT];
        for (lane, slot) in slots.iter_mut().enumerate() {
            if let (Some(slot), Some(_)) = (slot, wanted(lane)) {
                slot.factorized = kept && slot.state.may_end();
                taken[lane] = slot.state.on_backward_pass(outcome(&pass, lane));
            }
        }
        if (0..L::COUNT).all(|lane| needs[lane].is_none() || taken[lane]) {
            core::mem::swap(current, trial);
            core::mem::swap(policy, new_policy);
        } else if taken.contains(&true) {
            let taken = L::mask(|lane| taken[lane]);
            masked_copy_trajectory(taken, trial, current);
            masked_copy(taken, &new_policy.gains, &mut policy.gains);
            masked_copy(taken, &new_policy.feedforward, &mut policy.feedforward);
            masked_copy(taken, &new_policy.costates, &mut policy.costates);
            masked_copy(taken, &new_policy.curvatures, &mut policy.curvatures);
            masked_copy(taken, &new_policy.held, &mut policy.held);
            masked_copy(taken, from_ref(&new_policy.terms), from_mut(&mut policy.terms));
        }
    }
}

/// Copies states and controls of the lanes where the mask holds.
fn masked_copy_trajectory<L: Lanes, const NX: usize, const NU: usize>(
    mask: L::Mask,
    from: &Trajectory<L, NX, NU>,
    to: &mut Trajectory<L, NX, NU>,
) {
    masked_copy(mask, &from.states, &mut to.states);
    masked_copy(mask, &from.controls, &mut to.controls);
}

/// The result of a backward pass in one lane.
fn outcome<L: Lanes>(pass: &BackwardPass<L>, lane: usize) -> Result<BackwardPass<f64>, Failure> {
    if L::holds(pass.indefinite, lane) {
        Err(Failure::Indefinite)
    } else if L::holds(pass.non_finite, lane) {
        Err(Failure::NonFinite)
    } else {
        Ok(BackwardPass {
            slope: pass.slope.lane(lane),
            sensitivity: pass.sensitivity.lane(lane),
            stationarity: pass.stationarity.lane(lane),
            hessian: pass.hessian,
            ..BackwardPass::NONE
        })
    }
}
