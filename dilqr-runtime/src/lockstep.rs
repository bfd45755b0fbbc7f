//! The forward solve of several problems at once, one in each lane of a scalar.
//!
//! A turn is one rollout or one backward sweep, for every lane that waits for it ([`course`](crate::course) says what a
//! lane waits for). Each lane has its own step length, regularisation and end; when it ends its place is taken by the next
//! problem. What a lane computes depends on nothing but its problem.

use core::sync::atomic::{AtomicUsize, Ordering};

use nalgebra::{SMatrix, SVector};

use crate::course::{Course, End, Need, Subject};
use crate::dense::zeros;
use crate::error::SolveError;
use crate::forward::Forward;
use crate::instance::{Bounds, Instance};
use crate::lanes::Lanes;
use crate::model::Model;
use crate::penalty::{Law, Penalty};
use crate::problem::Problem;
use crate::scalar::Mask;
use crate::settings::{Hessian, Settings};
use crate::solution::{Solution, Stats};
use crate::sweep::{Failure, Method, Policy, Records, Sweep};
use crate::trajectory::{Cost, Trajectory, closed_loop_rollout};

/// The memory of as many solves as there are lanes.
pub(crate) struct Lockstep<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    current: Trajectory<L, NX, NU>,
    trial: Trajectory<L, NX, NU>,
    /// Where a rollout goes before it is the trial.
    rolled: Trajectory<L, NX, NU>,
    policy: Policy<L, NX, NU>,
    /// Where a sweep goes before it is the current policy.
    swept: Policy<L, NX, NU>,
    records: Records<L, NX, NU>,
    params: SVector<L, NP>,
    stage_params: Vec<SVector<L, NS>>,
    bounds: Bounds<L, NU>,
    penalty: Penalty<L>,
    /// A solver of single problems: its memory is where problems come from and solutions are written.
    single: Forward<NX, NU, NS>,
}

/// A problem in a lane: its index, and how far it is.
#[derive(Clone, Copy)]
struct Seat<'a> {
    problem: usize,
    course: Course<'a>,
}

/// What came of a problem, with its index.
pub(crate) type Outcome<const NX: usize, const NU: usize, const NP: usize, const NS: usize> =
    (usize, Result<Solution<NX, NU, NP, NS>, SolveError>);

impl<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Lockstep<L, NX, NU, NP, NS> {
    /// Whether problems of a model can be solved in lanes: a solve with constraints goes in rounds of its own, and one with
    /// penalties for its limits is left to the solver of single problems as well.
    pub(crate) fn suits<M>(settings: &Settings) -> bool
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
            swept: policy,
            records: Records::zeros(limits),
            params: zeros(),
            stage_params: vec![zeros(); horizon + 1],
            bounds: Bounds::open(),
            penalty: Penalty::new(Law::Augmented { weight: 1.0 }, horizon, limits),
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
        let mut seats: Vec<Option<Seat<'_>>> = vec![None; L::COUNT];
        loop {
            for lane in 0..L::COUNT {
                if let Some(Seat { problem, course }) = seats[lane]
                    && let Need::End(end) = course.need()
                {
                    outcomes.push((problem, Ok(self.lift(lane, model, settings, &problems[problem], &course, end))));
                    seats[lane] = None;
                }
                while seats[lane].is_none() {
                    let problem = next.fetch_add(1, Ordering::Relaxed);
                    let Some(given) = problems.get(problem) else { break };
                    match given.check(model, self.single.horizon()) {
                        Ok(()) => {
                            let course = self.seat(lane, model, settings, given);
                            seats[lane] = Some(Seat { problem, course });
                        }
                        Err(error) => outcomes.push((problem, Err(error))),
                    }
                }
            }
            if seats.iter().all(Option::is_none) {
                return outcomes;
            }
            self.turn(model, &mut seats);
        }
    }

    /// Puts a problem and its initial trajectory into a lane.
    fn seat<'a, M>(
        &mut self,
        lane: usize,
        model: &M,
        settings: &'a Settings,
        problem: &Problem<NX, NU, NP, NS>,
    ) -> Course<'a>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { single, trial, .. } = self;
        single.seat(model, problem);
        single.current.cost = single.start(model, problem);
        put(lane, &single.current.trajectory.states, &mut trial.states);
        put(lane, &single.current.trajectory.controls, &mut trial.controls);
        put(lane, &single.stage_params, &mut self.stage_params);
        put_one(lane, problem.params(), &mut self.params);
        put_one(lane, &single.bounds.lower, &mut self.bounds.lower);
        put_one(lane, &single.bounds.upper, &mut self.bounds.upper);
        let cost = single.current.cost;
        let mut course = Course::new(settings, settings.tolerance, single.horizon(), cost, true, Stats::default());
        if !single.current.is_finite() {
            course.diverge();
        }
        course
    }

    /// The solution of a lane that has ended, written by the solver of single problems.
    fn lift<M>(
        &mut self,
        lane: usize,
        model: &M,
        settings: &Settings,
        problem: &Problem<NX, NU, NP, NS>,
        course: &Course<'_>,
        end: End,
    ) -> Solution<NX, NU, NP, NS>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let End { status, trajectory, cost, sweep } = end;
        let trajectory = match trajectory {
            Subject::Current => &self.current,
            Subject::Trial => &self.trial,
        };
        let single = &mut self.single;
        single.seat(model, problem);
        take(lane, &trajectory.states, &mut single.current.trajectory.states);
        take(lane, &trajectory.controls, &mut single.current.trajectory.controls);
        take(lane, &self.policy.gains, &mut single.current.policy.gains);
        take(lane, &self.policy.costates, &mut single.current.policy.costates);
        take(lane, &self.policy.curvatures, &mut single.current.policy.curvatures);
        take(lane, &self.policy.held, &mut single.current.policy.held);
        single.current.cost = cost;
        single.current.sweep = sweep;
        let mut solution = Solution::new(single.horizon());
        single.finish(model, settings, status, course.stats, problem, &mut solution);
        solution
    }

    /// One rollout or one sweep, for the lanes that wait for it.
    fn turn<M>(&mut self, model: &M, seats: &mut [Option<Seat<'_>>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let needs: Vec<Option<Need>> = seats.iter().map(|seat| seat.map(|seat| seat.course.need())).collect();
        let sweeping = |wanted: Hessian| {
            needs
                .iter()
                .filter(|need| matches!(need, Some(Need::Sweep { method, .. }) if method.hessian == wanted))
                .count()
        };
        if needs.iter().any(|need| matches!(need, Some(Need::Rollout { .. }))) {
            // Rollouts are the cheaper ones, and soon all lanes wait for sweeps.
            self.roll(model, seats, &needs);
        } else if sweeping(Hessian::Exact) >= sweeping(Hessian::GaussNewton) {
            self.sweep(model, Hessian::Exact, seats, &needs);
        } else {
            self.sweep(model, Hessian::GaussNewton, seats, &needs);
        }
    }

    fn roll<M>(&mut self, model: &M, seats: &mut [Option<Seat<'_>>], needs: &[Option<Need>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, rolled, policy, params, stage_params, bounds, penalty, .. } = self;
        let instance = Instance { model, params, stage_params, bounds, penalty };
        let alpha = L::from_lanes(|lane| if let Some(Need::Rollout { alpha }) = needs[lane] { alpha } else { 0.0 });
        let (cost, finite) = closed_loop_rollout(&instance, current, &policy.gains, &policy.feedforward, alpha, rolled);
        let took = |lane: usize| matches!(needs[lane], Some(Need::Rollout { .. }));
        // A lane that compares nothing must not keep the others waiting.
        let bounds = L::from_lanes(|lane| match (&seats[lane], took(lane)) {
            (Some(seat), true) => seat.course.step_bound().unwrap_or(-1.0),
            _ => -1.0,
        });
        let change = current.relative_change(rolled, bounds);
        if (0..L::COUNT).all(|lane| needs[lane].is_none() || took(lane)) {
            core::mem::swap(rolled, trial);
        } else {
            blend_trajectory(L::mask(took), rolled, trial);
        }
        for (lane, seat) in seats.iter_mut().enumerate().filter(|(lane, _)| took(*lane)) {
            let Some(seat) = seat else { continue };
            let cost = Cost { total: cost.total.lane(lane), magnitude: cost.magnitude.lane(lane) };
            seat.course.rolled(L::holds(finite, lane).then_some(cost), change.lane(lane));
        }
    }

    fn sweep<M>(&mut self, model: &M, hessian: Hessian, seats: &mut [Option<Seat<'_>>], needs: &[Option<Need>])
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { current, trial, policy, swept, records, params, stage_params, bounds, penalty, .. } = self;
        let instance = Instance { model, params, stage_params, bounds, penalty };
        let wanted = |lane: usize| match needs[lane] {
            Some(Need::Sweep { method, about }) if method.hessian == hessian => Some((method, about)),
            _ => None,
        };
        let again = L::mask(|lane| matches!(wanted(lane), Some((_, Subject::Current))));
        if again.any() {
            blend_trajectory(again, current, trial);
        }
        let mu = L::from_lanes(|lane| wanted(lane).map_or(0.0, |(method, _)| method.mu));
        let sweep = swept.sweep(&instance, trial, Method { hessian, mu }, records, None);
        let mut taken = vec![false; L::COUNT];
        for (lane, seat) in seats.iter_mut().enumerate() {
            if let (Some(seat), Some(_)) = (seat, wanted(lane)) {
                taken[lane] = seat.course.swept(outcome(&sweep, lane));
            }
        }
        if (0..L::COUNT).all(|lane| needs[lane].is_none() || taken[lane]) {
            core::mem::swap(current, trial);
            core::mem::swap(policy, swept);
        } else if taken.contains(&true) {
            let taken = L::mask(|lane| taken[lane]);
            blend_trajectory(taken, trial, current);
            blend(taken, &swept.gains, &mut policy.gains);
            blend(taken, &swept.feedforward, &mut policy.feedforward);
            blend(taken, &swept.costates, &mut policy.costates);
            blend(taken, &swept.curvatures, &mut policy.curvatures);
            blend(taken, &swept.held, &mut policy.held);
        }
    }
}

/// What a sweep says of one lane.
fn outcome<L: Lanes>(sweep: &Sweep<L>, lane: usize) -> Result<Sweep<f64>, Failure> {
    if L::holds(sweep.indefinite, lane) {
        Err(Failure::Indefinite)
    } else if L::holds(sweep.non_finite, lane) {
        Err(Failure::NonFinite)
    } else {
        Ok(Sweep {
            slope: sweep.slope.lane(lane),
            sensitivity: sweep.sensitivity.lane(lane),
            stationarity: sweep.stationarity.lane(lane),
            scale: sweep.scale.lane(lane),
            hessian: sweep.hessian,
            ..Sweep::NONE
        })
    }
}

/// Puts a list of matrices into a lane.
pub(crate) fn put<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &[SMatrix<f64, R, C>],
    to: &mut [SMatrix<L, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        put_one(lane, from, to);
    }
}

/// Puts a matrix into a lane.
pub(crate) fn put_one<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &SMatrix<f64, R, C>,
    to: &mut SMatrix<L, R, C>,
) {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        to.set_lane(lane, *from);
    }
}

/// Takes a list of matrices out of a lane.
pub(crate) fn take<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &[SMatrix<L, R, C>],
    to: &mut [SMatrix<f64, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        take_one(lane, from, to);
    }
}

/// Takes a matrix out of a lane.
pub(crate) fn take_one<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &SMatrix<L, R, C>,
    to: &mut SMatrix<f64, R, C>,
) {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        *to = from.lane(lane);
    }
}

/// Copies the lanes where the mask holds.
fn blend<L: Lanes, const R: usize, const C: usize>(
    mask: L::Mask,
    from: &[SMatrix<L, R, C>],
    to: &mut [SMatrix<L, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        for (from, to) in from.iter().zip(to.iter_mut()) {
            *to = L::select(mask, *from, *to);
        }
    }
}

/// Copies states and controls of the lanes where the mask holds.
fn blend_trajectory<L: Lanes, const NX: usize, const NU: usize>(
    mask: L::Mask,
    from: &Trajectory<L, NX, NU>,
    to: &mut Trajectory<L, NX, NU>,
) {
    blend(mask, &from.states, &mut to.states);
    blend(mask, &from.controls, &mut to.controls);
}
