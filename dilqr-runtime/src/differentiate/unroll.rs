//! Differentiating the steps of a solve, rather than its result: what automatic differentiation makes of an iLQR loop.
//!
//! One full Gauss-Newton step about a trajectory, by a backward pass and a rollout of `u = u_t + k_t + K_t (x - x_t)`,
//! is a map of trajectories. It has neither line search nor regularization, and it depends on the data of the problem:
//!
//! ```text
//! z <- F(z, p),    z = (x_0 .. x_T, u_0 .. u_{T-1})
//! ```
//!
//! A solution is a fixed point of it, `z* = F(z*, p)`, and its derivative is `dz*/dp = (I - F_z)^-1 F_p`: the exact gradient
//! (DiLQR, Wang et al., ICML 2025). The methods of this module apply `F` a number of times on dual numbers instead, which
//! costs that many solves for every parameter, and is an approximation:
//!
//! * [`Ilqr::unrolled`](crate::Ilqr::unrolled) starts where the solve did and differentiates through every step: the
//!   alternative that differentiable MPC (Amos et al. 2018) and DiLQR are measured against. Where the guess was a list of
//!   controls (or none, that is zeros) these are constants, and the first trajectory is their rollout. Where it was a
//!   rollout under a feedback law, the constant is a law again: the guess's controls with the gains of a Gauss-Newton pass
//!   about it. Its controls alone, rolled out on an unstable system, would lose every digit.
//! * [`Ilqr::truncated`](crate::Ilqr::truncated) starts at the solution in the same way, `u = u_t + K_t (x - x_t)` being
//!   the constant: truncated backpropagation (Williams and Peng 1990; for optimizers Shaban et al. 2019). What `k` steps
//!   leave out is the Neumann series of `(I - F_z)^-1` from its `k`-th term on, applied to what the start leaves out.
//!
//! Both converge to the exact derivative at the rate at which the steps converge, and only where these do: a solution that
//! needed line search, regularization or second derivatives of the dynamics need not be attracting for `F`. There the answer
//! is [`NotContracting`](crate::GradientError::NotContracting) with the figures. There are three cases:
//!
//! 1. The last step, or its derivative, is not shorter than the one before it by a thousandth at least.
//! 2. The last step leads away from the solution.
//! 3. The steps settle elsewhere.
//!
//! Fewer steps may still contract, and the first two may not where later ones do.
//!
//! Controls are kept within their bounds as in the solve: where a bound holds, a control moves with it. A relaxed problem's
//! steps have its barriers; a solve with constraints is not unrolled, and neither is a relaxed one with equalities. Every parameter, every entry of the initial state and
//! every stage parameter (`T + 1` times `NS` of them) is a direction of its own, and each takes all the steps. The loss
//! gradient is the one at the solution, for any number of steps, and what has no implicit gradient is refused here, too.
//! Memory is allocated by every call.

use nalgebra::SVector;
use num_dual::Dual;

use crate::error::GradientError;
use crate::gradient::{Gradient, LossGradient};
use crate::kkt::penalties::bound_multipliers;
use crate::linalg::products::add_product;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::{Penalty, PenaltyKind};
use crate::ocp::rollout::{FeedbackLaw, cost_along, rollout};
use crate::ocp::trajectory::Trajectory;
use crate::settings::{Hessian, Settings};
use crate::solution::Solution;
use crate::solve::backward_pass::{PassSettings, Policy, StageWorkspace};

/// Relative change of an entry that may be rounding along the horizon.
const NOISE: f64 = 1e-9;

/// Steps that are this much shorter than the way to the solution, or shorter than the one before them by no more, will not
/// get there in a thousand.
const SLOW: f64 = 1e-3;

type Number = Dual<f64>;

/// Where the steps begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a, const NX: usize, const NU: usize> {
    /// `T` controls, within the bounds.
    pub(crate) controls: &'a [SVector<f64, NU>],
    /// Their `T + 1` states, where a feedback law about them is to keep an unstable system from leaving them; else empty.
    pub(crate) states: &'a [SVector<f64, NX>],
}

/// What is differentiated by: one entry of the problem's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Param(usize),
    InitialState(usize),
    StageParam(usize, usize),
}

/// The gradient of the loss through `iterations` steps.
pub(crate) fn vjp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    settings: &Settings,
    solution: &Solution<NX, NU, NP, NS>,
    loss: &LossGradient<NX, NU>,
    (start, iterations): (Start<'_, NX, NU>, usize),
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = solution.horizon();
    let kind = match solution.relaxation {
        Some(tau) => PenaltyKind::Barrier { tau, from: 0.5 * least_slack(model, solution, tau) },
        // Without constraints there is nothing to weigh.
        None => PenaltyKind::Augmented,
    };
    let mut steps = Steps {
        model,
        solution,
        start,
        iterations,
        near: near(settings.tolerance),
        current: Trajectory::zeros(horizon, &M::LIMITS),
        trial: Trajectory::zeros(horizon, &M::LIMITS),
        policy: Policy::zeros(horizon, &M::LIMITS),
        records: StageWorkspace::zeros(&M::LIMITS),
        stage_params: solution.stage_params.iter().map(constant).collect(),
        penalty: Penalty::new(kind, horizon, &M::LIMITS),
    };
    let mut gradient = Gradient::zeros(horizon);
    for i in 0..NP {
        gradient.params[i] = steps.derivative(Variable::Param(i), loss)?;
    }
    for i in 0..NX {
        gradient.initial_state[i] = steps.derivative(Variable::InitialState(i), loss)?;
    }
    for t in 0..=horizon {
        for i in 0..NS {
            gradient.stage_params[t][i] = steps.derivative(Variable::StageParam(t, i), loss)?;
        }
    }
    gradient.check()
}

/// The least slack of a relaxed solution. The barrier of a step continues as a parabola from half of it on.
fn least_slack<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP, NS>,
    tau: f64,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let constraints = solution.multipliers.iter().copied();
    let bounds = Bounds::of(model, &solution.params);
    let of_bounds = solution.bound_multipliers.iter().flat_map(|net| {
        bounds
            .sides()
            .map(|(i, side)| bound_multipliers(tau, net[i], (bounds.lower[i], bounds.upper[i]))[side as usize])
    });
    tau / constraints.chain(of_bounds).fold(tau, f64::max)
}

fn constant<const N: usize>(vector: &SVector<f64, N>) -> SVector<Number, N> {
    vector.map(Dual::from_re)
}

/// Memory of the steps, and what they are about.
struct Steps<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    model: &'a M,
    solution: &'a Solution<NX, NU, NP, NS>,
    start: Start<'a, NX, NU>,
    iterations: usize,
    /// Relative distance from the solution at which a trajectory is one.
    near: f64,
    current: Trajectory<Number, NX, NU>,
    trial: Trajectory<Number, NX, NU>,
    policy: Policy<Number, NX, NU>,
    records: StageWorkspace<Number, NX, NU>,
    stage_params: Vec<SVector<Number, NS>>,
    penalty: Penalty<Number>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Steps<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Takes all steps along one direction of the data; the loss gradient applied to the derivative of where they end.
    fn derivative(&mut self, variable: Variable, loss: &LossGradient<NX, NU>) -> Result<f64, GradientError> {
        let mut params = constant(&self.solution.params);
        let mut x0 = constant(&self.solution.x0);
        for (s, given) in self.stage_params.iter_mut().zip(&self.solution.stage_params) {
            *s = constant(given);
        }
        match variable {
            Variable::Param(i) => params[i].eps = 1.0,
            Variable::InitialState(i) => x0[i].eps = 1.0,
            Variable::StageParam(t, i) => self.stage_params[t][i].eps = 1.0,
        }
        let bounds = Bounds::of(self.model, &params);
        if !self.begin(&params, &x0, &bounds) {
            let (step, previous, distance) = (f64::INFINITY, f64::NAN, f64::NAN);
            return Err(GradientError::NotContracting { iteration: 0, step, previous, distance });
        }
        let mut progress = Progress::at(self.distance());
        for _ in 0..self.iterations {
            if !self.step(&params, &bounds) {
                return Err(progress.no_step());
            }
            let steps = [|number: Number| number.re, |number: Number| number.eps]
                .map(|part| moved(&self.trial, &self.current, part));
            core::mem::swap(&mut self.current, &mut self.trial);
            progress.next(steps, self.distance());
        }
        let sizes = [largest(&self.current, |number| number.re), largest(&self.current, |number| number.eps)];
        progress.check(self.near, sizes)?;
        let Trajectory { states, controls, .. } = &self.current;
        let by_states: f64 = loss.states.iter().zip(states).map(|(g, x)| g.dot(&x.map(|x| x.eps))).sum();
        let by_controls: f64 = loss.controls.iter().zip(controls).map(|(g, u)| g.dot(&u.map(|u| u.eps))).sum();
        Ok(by_states + by_controls)
    }

    /// The trajectory before the first step; false where there is none.
    fn begin(&mut self, params: &SVector<Number, NP>, x0: &SVector<Number, NX>, bounds: &Bounds<Number, NU>) -> bool {
        let Self { model, start, current, trial, policy, records, stage_params, penalty, .. } = self;
        let instance = OcpInstance { model: *model, params, stage_params, bounds, penalty };
        let Start { states, controls } = *start;
        for (u, given) in current.controls.iter_mut().zip(controls) {
            *u = constant(given);
            if instance.keeps_bounds() {
                attach(u, bounds);
            }
        }
        if states.is_empty() {
            rollout(&instance, x0, |_, _, _| {}, current);
            return true;
        }
        for (x, given) in current.states.iter_mut().zip(states) {
            *x = constant(given);
        }
        cost_along(&instance, current);
        if policy
            .backward_pass(&instance, current, PassSettings::plain(Hessian::GaussNewton), records, None)
            .outcome()
            .is_err()
        {
            return false;
        }
        // The gains are constants, too.
        let law = |t: usize, x: &SVector<Number, NX>, u: &mut SVector<Number, NU>| {
            *u = current.controls[t];
            add_product(u, &policy.gains[t].map(|entry| Dual::from_re(entry.re)), &(x - current.states[t]));
        };
        rollout(&instance, x0, law, trial);
        core::mem::swap(current, trial);
        true
    }

    /// One full Gauss-Newton step from the current trajectory to the trial one; false where there is none.
    fn step(&mut self, params: &SVector<Number, NP>, bounds: &Bounds<Number, NU>) -> bool {
        let Self { model, current, trial, policy, records, stage_params, penalty, .. } = self;
        let instance = OcpInstance { model: *model, params, stage_params, bounds, penalty };
        if policy
            .backward_pass(&instance, current, PassSettings::plain(Hessian::GaussNewton), records, None)
            .outcome()
            .is_err()
        {
            return false;
        }
        let full = Dual::from_re(1.0);
        let Policy { gains, feedforward, .. } = &*policy;
        FeedbackLaw { reference: current, gains, feedforward, alpha: full }.rollout(&instance, trial).1
    }

    /// How far the current trajectory is from the solution: the largest entry of the difference.
    fn distance(&self) -> f64 {
        let Solution { states, controls, .. } = self.solution;
        let by_states = states.iter().zip(&self.current.states).map(|(a, b)| (a - b.map(|b| b.re)).amax());
        let by_controls = controls.iter().zip(&self.current.controls).map(|(a, b)| (a - b.map(|b| b.re)).amax());
        by_states.chain(by_controls).fold(0.0, f64::max)
    }
}

/// Gives controls that are at their bounds the derivatives of these: the solve moved a guess from beyond a bound to it.
fn attach<const NU: usize>(u: &mut SVector<Number, NU>, bounds: &Bounds<Number, NU>) {
    for ((u, lower), upper) in u.iter_mut().zip(&bounds.lower).zip(&bounds.upper) {
        if u.re <= lower.re {
            *u = *lower;
        } else if u.re >= upper.re {
            *u = *upper;
        }
    }
}

/// How far the last two steps moved, and how far from the solution they ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    iteration: usize,
    /// Changes of values and of derivatives.
    previous: [f64; 2],
    steps: [f64; 2],
    /// Before the last step, and after it.
    before: f64,
    distance: f64,
}

impl Progress {
    /// Before the first step.
    pub(crate) fn at(distance: f64) -> Self {
        Self { iteration: 0, previous: [f64::NAN; 2], steps: [f64::NAN; 2], before: f64::NAN, distance }
    }

    /// After one more step, with its changes of values and of derivatives.
    pub(crate) fn next(&mut self, steps: [f64; 2], distance: f64) {
        let Self { iteration, steps: previous, distance: before, .. } = *self;
        *self = Self { iteration: iteration + 1, previous, steps, before, distance };
    }

    /// The error where there is no next step.
    pub(crate) fn no_step(&self) -> GradientError {
        let Self { iteration, steps: [previous, _], distance, .. } = *self;
        GradientError::NotContracting { iteration: iteration + 1, step: f64::INFINITY, previous, distance }
    }

    /// Refuses steps that do not lead to the solution, where values and derivatives have these sizes.
    pub(crate) fn check(&self, near: f64, sizes: [f64; 2]) -> Result<(), GradientError> {
        let Self { iteration, previous, steps, before, distance } = *self;
        if iteration == 0 {
            return Ok(());
        }
        let away = distance > before || steps[0] < SLOW * distance;
        let lost = away && distance > near * sizes[0];
        // Or below the rounding of numbers of this size.
        let contracts =
            |i: usize| previous[i].is_nan() || steps[i] <= ((1.0 - SLOW) * previous[i]).max(NOISE * sizes[i]);
        let failed = if lost { Some(0) } else { [0, 1].into_iter().find(|&i| !contracts(i)) };
        match failed {
            Some(i) => {
                Err(GradientError::NotContracting { iteration, step: steps[i], previous: previous[i], distance })
            }
            None => Ok(()),
        }
    }
}

/// Relative distance from the solution at which a point is one. A solution is good to its tolerance in units of a gradient; what
/// that is in units of the unknowns depends on the curvature.
pub(crate) fn near(tolerance: f64) -> f64 {
    tolerance.sqrt().max(NOISE)
}

/// The largest change of a part of the trajectory's numbers.
fn moved<const NX: usize, const NU: usize>(
    to: &Trajectory<Number, NX, NU>,
    from: &Trajectory<Number, NX, NU>,
    part: impl Fn(Number) -> f64 + Copy,
) -> f64 {
    let by_states = to.states.iter().zip(&from.states).map(|(a, b)| (a.map(part) - b.map(part)).amax());
    let by_controls = to.controls.iter().zip(&from.controls).map(|(a, b)| (a.map(part) - b.map(part)).amax());
    by_states.chain(by_controls).fold(0.0, f64::max)
}

/// The largest entry of a part of the trajectory's numbers, at least 1.
fn largest<const NX: usize, const NU: usize>(
    trajectory: &Trajectory<Number, NX, NU>,
    part: impl Fn(Number) -> f64 + Copy,
) -> f64 {
    let by_states = trajectory.states.iter().map(|x| x.map(part).amax());
    by_states.chain(trajectory.controls.iter().map(|u| u.map(part).amax())).fold(1.0, f64::max)
}
