//! The forward solve of several problems at once, one in each lane of a scalar.
//!
//! A turn is one rollout or one backward sweep, for every lane that waits for it ([`course`](crate::course) says what a
//! lane waits for). Each lane has its own step length, regularization and end; when it ends its place is taken by the next
//! problem. What a lane computes depends on nothing but its problem.

use crate::scalar::Mask;
use crate::solve::lane_copies::{masked_copy, masked_copy_trajectory};
use core::sync::atomic::{AtomicUsize, Ordering};
use nalgebra::SVector;

use crate::error::SolveError;
use crate::linalg::products::zeros;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::{Penalty, PenaltyKind};
use crate::ocp::rollout::{Cost, FeedbackLaw, Trajectory};
use crate::problem::Problem;
use crate::scalar::lanes::Lanes;
use crate::settings::{Hessian, Settings};
use crate::solution::Solution;
use crate::solve::backward_pass::{BackwardPass, Failure, PassSettings, Policy, StageWorkspace};
use crate::solve::globalization::{IterationState, Request, Slot, Termination};
use crate::solve::lane_copies::{gather, scatter, scatter_one};
use crate::solve::workspace::Forward;
use crate::stats::Stats;

/// The memory of as many solves as there are lanes.
pub(crate) struct Lockstep<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    current: Trajectory<L, NX, NU>,
    trial: Trajectory<L, NX, NU>,
    /// Where a rollout goes before it is the trial.
    rolled: Trajectory<L, NX, NU>,
    policy: Policy<L, NX, NU>,
    /// Where a sweep goes before it is the current policy.
    new_policy: Policy<L, NX, NU>,
    records: StageWorkspace<L, NX, NU>,
    params: SVector<L, NP>,
    stage_params: Vec<SVector<L, NS>>,
    bounds: Bounds<L, NU>,
    penalty: Penalty<L>,
    /// A solver of single problems: its memory is where problems come from and solutions are written.
    single: Forward<NX, NU, NS>,
}

/// A problem in a lane: its index, and how far it is.
#[derive(Clone, Copy)]
struct LaneSlot<'a> {
    problem: usize,
    course: IterationState<'a>,
}

/// What came of a problem, with its index.
pub(crate) type Outcome<const NX: usize, const NU: usize, const NP: usize, const NS: usize> =
    (usize, Result<Solution<NX, NU, NP, NS>, SolveError>);

impl<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Lockstep<L, NX, NU, NP, NS> {
    /// Whether problems of a model can be solved in lanes: a solve with constraints goes in rounds of its own, and one with
    /// penalties for its limits is left to the solver of single problems as well.
    pub(crate) fn supports<M>(settings: &Settings) -> bool
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        !limits.constrained() && (!limits.bounded || settings.relaxation.is_none())
    }

    pub(crate) fn new<M>(horizon: usize) -> Self
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
            penalty: Penalty::new(PenaltyKind::Augmented { weight: 1.0 }, horizon, limits),
            single: Forward::new::<M, NP>(horizon),
        }
    }

    /// Solves the problems that `next` counts out, until there is none left.
    pub(crate) fn run<M>(
        &mut self,
        model: &M,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS>],
        next: &AtomicUsize,
    ) -> Vec<Outcome<NX, NU, NP, NS>>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut outcomes = Vec::new();
        let mut slots: Vec<Option<LaneSlot<'_>>> = vec![None; L::COUNT];
        loop {
            for lane in 0..L::COUNT {
                if let Some(LaneSlot { problem, course }) = slots[lane]
                    && let Request::Termination(end) = course.need()
                {
                    outcomes.push((
                        problem,
                        Ok(self.extract_solution(lane, (model, settings), &problems[problem], &course, end)),
                    ));
                    slots[lane] = None;
                }
                while slots[lane].is_none() {
                    let problem = next.fetch_add(1, Ordering::Relaxed);
                    let Some(given) = problems.get(problem) else { break };
                    match self.load_problem(lane, model, settings, given) {
                        Ok(course) => slots[lane] = Some(LaneSlot { problem, course }),
                        Err(error) => outcomes.push((problem, Err(error))),
                    }
                }
            }
            if slots.iter().all(Option::is_none) {
                return outcomes;
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
        problem.check(model, single.horizon())?;
        single.load_problem(model, problem);
        single.current.cost = single.start(model, problem)?;
        scatter(lane, &single.current.trajectory.states, &mut trial.states);
        scatter(lane, &single.current.trajectory.controls, &mut trial.controls);
        scatter(lane, &single.stage_params, &mut self.stage_params);
        scatter_one(lane, problem.params(), &mut self.params);
        scatter_one(lane, &single.bounds.lower, &mut self.bounds.lower);
        scatter_one(lane, &single.bounds.upper, &mut self.bounds.upper);
        let cost = single.current.cost;
        let mut course =
            IterationState::new((settings, settings.tolerance), (single.horizon(), cost), true, Stats::default());
        if !single.current.is_finite() {
            course.diverge();
        }
        Ok(course)
    }

    /// The solution of a lane that has ended, written by the solver of single problems.
    fn extract_solution<M>(
        &mut self,
        lane: usize,
        (model, settings): (&M, &Settings),
        problem: &Problem<NX, NU, NP, NS>,
        course: &IterationState<'_>,
        end: Termination,
    ) -> Solution<NX, NU, NP, NS>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Termination { status, trajectory, cost, sweep } = end;
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
        gather(lane, &self.policy.costates, &mut single.current.policy.costates);
        gather(lane, &self.policy.curvatures, &mut single.current.policy.curvatures);
        gather(lane, &self.policy.held, &mut single.current.policy.held);
        single.current.cost = cost;
        single.current.sweep = sweep;
        single.finish((model, settings), (status, course.stats), problem, &mut solution);
        solution
    }

    /// One rollout or one sweep, for the lanes that wait for it.
    fn step<M>(&mut self, model: &M, slots: &mut [Option<LaneSlot<'_>>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let needs: Vec<Option<Request>> = slots.iter().map(|slot| slot.map(|slot| slot.course.need())).collect();
        let sweeping = |wanted: Hessian| {
            needs
                .iter()
                .filter(|need| matches!(need, Some(Request::BackwardPass { method, .. }) if method.hessian == wanted))
                .count()
        };
        if needs.iter().any(|need| matches!(need, Some(Request::Rollout { .. }))) {
            // Rollouts are the cheaper ones, and soon all lanes wait for sweeps.
            self.roll(model, slots, &needs);
        } else if sweeping(Hessian::Exact) >= sweeping(Hessian::GaussNewton) {
            self.sweep(model, Hessian::Exact, slots, &needs);
        } else {
            self.sweep(model, Hessian::GaussNewton, slots, &needs);
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
        // A lane that compares nothing must not keep the others waiting.
        let bounds = L::from_lanes(|lane| match (&slots[lane], took(lane)) {
            (Some(slot), true) => slot.course.step_bound().unwrap_or(-1.0),
            _ => -1.0,
        });
        let change = current.relative_change(rolled, bounds);
        if (0..L::COUNT).all(|lane| needs[lane].is_none() || took(lane)) {
            core::mem::swap(rolled, trial);
        } else {
            masked_copy_trajectory(L::mask(took), rolled, trial);
        }
        for (lane, slot) in slots.iter_mut().enumerate().filter(|(lane, _)| took(*lane)) {
            let Some(slot) = slot else { continue };
            let cost = Cost { total: cost.total.lane(lane), magnitude: cost.magnitude.lane(lane) };
            slot.course.on_rollout(L::holds(finite, lane).then_some(cost), change.lane(lane));
        }
    }

    fn sweep<M>(&mut self, model: &M, hessian: Hessian, slots: &mut [Option<LaneSlot<'_>>], needs: &[Option<Request>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, policy, new_policy, records, params, stage_params, bounds, penalty, .. } = self;
        let instance = OcpInstance { model, params, stage_params, bounds, penalty };
        let wanted = |lane: usize| match needs[lane] {
            Some(Request::BackwardPass { method, about }) if method.hessian == hessian => Some((method, about)),
            _ => None,
        };
        let again = L::mask(|lane| matches!(wanted(lane), Some((_, Slot::Current))));
        if again.any() {
            masked_copy_trajectory(again, current, trial);
        }
        let mu = L::from_lanes(|lane| wanted(lane).map_or(0.0, |(method, _)| method.mu));
        let sweep = new_policy.backward_pass(&instance, trial, PassSettings { hessian, mu }, records, None);
        let mut taken = vec![false; L::COUNT];
        for (lane, slot) in slots.iter_mut().enumerate() {
            if let (Some(slot), Some(_)) = (slot, wanted(lane)) {
                taken[lane] = slot.course.on_backward_pass(outcome(&sweep, lane));
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
        }
    }
}

/// What a sweep says of one lane.
fn outcome<L: Lanes>(sweep: &BackwardPass<L>, lane: usize) -> Result<BackwardPass<f64>, Failure> {
    if L::holds(sweep.indefinite, lane) {
        Err(Failure::Indefinite)
    } else if L::holds(sweep.non_finite, lane) {
        Err(Failure::NonFinite)
    } else {
        Ok(BackwardPass {
            slope: sweep.slope.lane(lane),
            sensitivity: sweep.sensitivity.lane(lane),
            stationarity: sweep.stationarity.lane(lane),
            scale: sweep.scale.lane(lane),
            hessian: sweep.hessian,
            ..BackwardPass::NONE
        })
    }
}
