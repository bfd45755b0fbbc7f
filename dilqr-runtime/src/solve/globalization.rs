//! The globalization of a solve as a state machine: line search, regularization, convergence.
//!
//! It does no arithmetic on trajectories. It requests a rollout or a backward pass, and its caller reports the result. So the
//! solver in lanes can run one rollout for all problems that wait for one.

use crate::iteration::Iteration;
use crate::ocp::rollout::Cost;
use crate::scalar::float;
use crate::settings::{Hessian, Settings};
use crate::solve::backward_pass::{BackwardPass, Failure, PassSettings};
use crate::solve::unbounded::{EXTRAPOLATIONS, Fall};
use crate::stats::Stats;
use crate::status::Status;

/// The next operation that a solve needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    /// The closed-loop rollout of this step length about the current trajectory, into the trial one.
    Rollout { alpha: f64 },
    /// A backward pass about a trajectory.
    BackwardPass { settings: PassSettings<f64>, about: Slot },
    /// Nothing more.
    Termination(Termination),
}

/// Which of its two trajectories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Current,
    Trial,
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Termination {
    pub(crate) status: Status,
    /// The trajectory to return.
    pub(crate) trajectory: Slot,
    /// Its cost.
    pub(crate) cost: Cost<f64>,
    /// The backward pass about it, or [`BackwardPass::NONE`].
    pub(crate) pass: BackwardPass<f64>,
}

/// Why a backward pass is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    /// About a trajectory that has been accepted, the initial one included.
    NewIterate,
    /// About the current trajectory once more, with a larger `mu`, since no step was long enough.
    IncreaseRegularization,
    /// About a trial that is accepted if it is more stationary.
    DecreaseTest(Search),
    /// About a trajectory whose regularized step is small, without regularization: only if that exists is the point a
    /// strict minimum.
    UnregularizedCheck,
}

/// A line search under way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    alpha: f64,
    /// Trials before this one.
    trials: usize,
    /// The rounding error of the cost, where the predicted decrease is below it: the search then compares predicted
    /// decreases. `None` where it compares costs.
    noise: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    BackwardPass { reason: Reason, hessian: Hessian, mu: f64, gauss_newton_fallback: bool },
    Search(Search),
    Extrapolation(Extrapolation),
    Termination(Termination),
}

/// A rollout of a step many times as long as the current one, to see whether the cost has a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extrapolation {
    /// Index into [`EXTRAPOLATIONS`].
    length: usize,
    /// The status of the solve if it shows nothing; `None` where the solve then goes on.
    otherwise: Option<Status>,
}

/// A solve under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IterationState<'a> {
    settings: &'a Settings,
    tolerance: f64,
    horizon: usize,
    phase: Phase,
    /// The regularization of the current trajectory's backward pass.
    mu: f64,
    /// Whether the Gauss-Newton Hessian may replace an indefinite exact one. False after it led to a step whose decrease
    /// was far from the predicted one.
    pub(crate) gauss_newton_fallback: bool,
    cost: Cost<f64>,
    trial_cost: Cost<f64>,
    pass: BackwardPass<f64>,
    /// Length of the step to the current trajectory, 0 for the initial one.
    step: f64,
    /// The report of the current trajectory, until it is taken.
    pending_report: Option<Iteration>,
    /// Whether the current trajectory has been reported.
    reported: bool,
    /// Whether the next backward pass may be the last one.
    near_convergence: bool,
    /// Whether a backward pass without regularization about the current trajectory has been made.
    checked: bool,
    fall: Fall,
    pub(crate) stats: Stats,
}

impl<'a> IterationState<'a> {
    /// Starts a solve that ends at a relative Newton step of `tolerance`. The initial trajectory must be stored as the trial;
    /// `cost` is its cost.
    pub(crate) fn new(
        (settings, tolerance): (&'a Settings, f64),
        (horizon, cost): (usize, Cost<f64>),
        gauss_newton_fallback: bool,
        stats: Stats,
    ) -> Self {
        let mu = settings.regularization.initial;
        let (hessian, reason) = (settings.hessian, Reason::NewIterate);
        Self {
            settings,
            tolerance,
            horizon,
            phase: Phase::BackwardPass {
                reason,
                hessian,
                mu,
                gauss_newton_fallback: hessian == Hessian::Exact && gauss_newton_fallback,
            },
            mu,
            gauss_newton_fallback,
            cost,
            trial_cost: cost,
            pass: BackwardPass::NONE,
            step: 0.0,
            pending_report: None,
            reported: false,
            near_convergence: false,
            checked: false,
            fall: Fall::new(cost.total),
            stats,
        }
    }

    /// Ends a solve whose initial trajectory is not finite.
    #[cfg(feature = "lanes")]
    pub(crate) fn diverge(&mut self) {
        self.fail(Status::Diverged, Slot::Trial);
    }

    /// Whether the requested backward pass may be the last, with the exact Hessian and without regularization.
    pub(crate) fn may_end(&self) -> bool {
        self.near_convergence && matches!(self.phase, Phase::BackwardPass { hessian: Hessian::Exact, mu: 0.0, .. })
    }

    /// The report of a newly accepted iterate; `None` once taken.
    pub(crate) fn take_report(&mut self) -> Option<Iteration> {
        self.pending_report.take()
    }

    pub(crate) fn request(&self) -> Request {
        match self.phase {
            Phase::BackwardPass { reason, hessian, mu, .. } => {
                let about = match reason {
                    Reason::NewIterate | Reason::DecreaseTest(_) => Slot::Trial,
                    Reason::IncreaseRegularization | Reason::UnregularizedCheck => Slot::Current,
                };
                Request::BackwardPass { settings: PassSettings { hessian, mu }, about }
            }
            Phase::Search(Search { alpha, .. }) => Request::Rollout { alpha },
            Phase::Extrapolation(Extrapolation { length, .. }) => Request::Rollout { alpha: EXTRAPOLATIONS[length] },
            Phase::Termination(end) => Request::Termination(end),
        }
    }

    /// The largest relative change of the whole step at which the current trajectory is a solution; `None` where the
    /// requested rollout is not that of the whole step.
    pub(crate) fn step_bound(&self) -> Option<f64> {
        match self.phase {
            // A proximal term of weight `mu` shortens steps to `1 / (1 + mu)` of their length at the most.
            Phase::Search(Search { alpha: 1.0, .. }) => Some(self.tolerance / (1.0 + self.mu)),
            _ => None,
        }
    }

    /// Receives the result of a rollout: its cost, if it is finite, and the relative change of the trajectory where
    /// [`step_bound`](Self::step_bound) is given.
    pub(crate) fn on_rollout(&mut self, cost: Option<Cost<f64>>, change: f64) {
        match self.phase {
            Phase::Search(search) => self.on_trial(search, cost, change),
            Phase::Extrapolation(extrapolation) => self.on_extrapolation(extrapolation, cost),
            Phase::BackwardPass { .. } | Phase::Termination(_) => {}
        }
    }

    fn on_trial(&mut self, search: Search, cost: Option<Cost<f64>>, change: f64) {
        if self.step_bound().is_some_and(|bound| cost.is_some() && change <= bound) {
            self.stats.step = change;
            return self.accept_convergence();
        }
        self.report();
        if search.trials == 0 && self.stats.iterations == self.settings.max_iterations {
            return self.give_up(Status::IterationLimit);
        }
        self.stats.line_search_steps += 1;
        if let Some(cost) = cost {
            self.trial_cost = cost;
            let change = cost.total - self.cost.total;
            match search.noise {
                Some(noise) if change <= noise => {
                    return self.request_backward_pass(Reason::DecreaseTest(search), self.decreased(self.mu));
                }
                None if change <= self.settings.line_search.sufficient_decrease * search.alpha * self.pass.slope => {
                    self.gauss_newton_fallback = self.is_trustworthy(search.alpha);
                    self.step = search.alpha;
                    self.stats.iterations += 1;
                    self.mu = self.decreased(self.mu);
                    return self.request_backward_pass(Reason::NewIterate, self.mu);
                }
                _ => {}
            }
        }
        self.backtrack(search);
    }

    /// Receives the result of a backward pass. A failed pass is repeated: once with the Gauss-Newton Hessian, if the
    /// settings ask for the exact one, then with larger and larger `mu`. Returns whether the trajectory and its new policy
    /// become the current ones.
    #[must_use]
    pub(crate) fn on_backward_pass(&mut self, outcome: Result<BackwardPass<f64>, Failure>) -> bool {
        let Phase::BackwardPass { reason, hessian, mu, gauss_newton_fallback } = self.phase else { return false };
        let failure = match outcome {
            Ok(pass) => return self.on_policy(reason, mu, pass),
            Err(failure) => failure,
        };
        if reason == Reason::UnregularizedCheck {
            // The policy of the regularized pass stays.
            self.report();
            self.give_up(Status::RegularizationLimit);
            return false;
        }
        let status = if hessian == self.settings.hessian && failure == Failure::NonFinite {
            Status::Diverged
        } else if hessian == self.settings.hessian && gauss_newton_fallback {
            self.stats.regularizations += 1;
            self.phase =
                Phase::BackwardPass { reason, hessian: Hessian::GaussNewton, mu, gauss_newton_fallback: false };
            return false;
        } else if let Some(mu) = self.increased(mu) {
            self.phase =
                Phase::BackwardPass { reason, hessian: self.settings.hessian, mu, gauss_newton_fallback: false };
            return false;
        } else {
            Status::RegularizationLimit
        };
        match reason {
            Reason::DecreaseTest(search) => self.backtrack(search),
            Reason::IncreaseRegularization => self.fail(status, Slot::Current),
            Reason::NewIterate | Reason::UnregularizedCheck => self.fail(status, Slot::Trial),
        }
        false
    }

    /// Receives a backward pass that finished.
    fn on_policy(&mut self, reason: Reason, mu: f64, pass: BackwardPass<f64>) -> bool {
        match reason {
            Reason::DecreaseTest(search) => {
                // The predicted decrease is the squared distance to the minimum in the metric of the Hessian.
                let demand = 1.0 - self.settings.line_search.sufficient_decrease * search.alpha;
                let better = -pass.slope <= demand * -self.pass.slope;
                if !better {
                    self.backtrack(search);
                    return false;
                }
                self.stats.iterations += 1;
                self.step = search.alpha;
                self.take_trial_cost();
            }
            Reason::NewIterate => self.take_trial_cost(),
            Reason::IncreaseRegularization | Reason::UnregularizedCheck => {}
        }
        self.mu = mu;
        self.pass = pass;
        if matches!(reason, Reason::NewIterate | Reason::DecreaseTest(_)) {
            self.checked = false;
            self.reported = false;
            // Steps of the exact Hessian square the stationarity, up to a factor.
            self.near_convergence = self.pass.stationarity <= 3e3 * float::f64::sqrt(self.tolerance);
            self.fall.predict(-0.5 * self.pass.slope, self.noise());
            if self.fall.is_suspect() {
                self.extrapolate(None);
                return true;
            }
        }
        self.start_line_search();
        true
    }

    /// The trial becomes the current trajectory.
    fn take_trial_cost(&mut self) {
        self.cost = self.trial_cost;
        // The first iterate is no step.
        if self.step > 0.0 {
            self.fall.step_to(self.cost.total);
        }
    }

    /// Requests the rollout of an extrapolated step.
    fn extrapolate(&mut self, otherwise: Option<Status>) {
        self.phase = Phase::Extrapolation(Extrapolation { length: 0, otherwise });
    }

    /// Receives the cost of an extrapolated step, if it is finite.
    fn on_extrapolation(&mut self, Extrapolation { length, otherwise }: Extrapolation, cost: Option<Cost<f64>>) {
        let shorter = length + 1;
        if cost.is_none() && shorter < EXTRAPOLATIONS.len() {
            self.phase = Phase::Extrapolation(Extrapolation { length: shorter, otherwise });
            return;
        }
        let demand = self.settings.line_search.sufficient_decrease * EXTRAPOLATIONS[length] * self.pass.slope;
        if cost.is_some_and(|cost| self.fall.is_unbounded_along(cost.total, demand)) {
            self.report();
            return self.end(Status::Unbounded);
        }
        match otherwise {
            Some(status) => self.end(status),
            None => self.start_line_search(),
        }
    }

    /// The step of the current trajectory is small: ends, or requests a pass with the settings' Hessian and without
    /// regularization, which alone decides.
    fn accept_convergence(&mut self) {
        if self.mu == 0.0 && self.pass.hessian == self.settings.hessian {
            self.report();
            self.end(Status::Converged);
        } else {
            self.check_unregularized();
        }
    }

    /// Requests a backward pass about the current trajectory without regularization, once for each trajectory.
    fn check_unregularized(&mut self) {
        if self.checked {
            // The step without regularization is not small and brings no decrease.
            self.report();
            return self.give_up(Status::LineSearchFailed);
        }
        self.checked = true;
        self.near_convergence = true;
        let hessian = self.settings.hessian;
        self.phase =
            Phase::BackwardPass { reason: Reason::UnregularizedCheck, hessian, mu: 0.0, gauss_newton_fallback: false };
    }

    /// Prepares the report of the current trajectory, once.
    fn report(&mut self) {
        if !self.reported {
            self.reported = true;
            self.pending_report = Some(Iteration {
                iteration: self.stats.iterations,
                cost: self.cost.total,
                stationarity: self.pass.stationarity,
                regularization: self.mu,
                step: self.step,
            });
        }
    }

    /// Begins a line search: by the decrease of the cost, or by that of the predicted decrease where the latter is below
    /// the cost's rounding.
    fn start_line_search(&mut self) {
        let noise = self.noise();
        let noise = (-0.5 * self.pass.slope <= noise).then_some(noise);
        self.phase = Phase::Search(Search { alpha: 1.0, trials: 0, noise });
    }

    /// The rounding error of the current cost.
    fn noise(&self) -> f64 {
        self.cost.noise(self.horizon, self.pass.sensitivity)
    }

    /// The next shorter step, if there is one.
    fn backtrack(&mut self, search: Search) {
        let line_search = self.settings.line_search;
        let next =
            Search { alpha: search.alpha * line_search.backtracking_factor, trials: search.trials + 1, ..search };
        if next.trials < line_search.max_trials {
            self.phase = Phase::Search(next);
        } else if search.noise.is_some() {
            self.check_unregularized();
        } else if let Some(mu) = self.increased(self.mu) {
            // The LQ problem is a poor model of the cost at the length of its step. A larger mu shortens and turns the step.
            self.request_backward_pass(Reason::IncreaseRegularization, mu);
        } else {
            self.give_up(Status::LineSearchFailed);
        }
    }

    fn request_backward_pass(&mut self, reason: Reason, mu: f64) {
        let hessian = self.settings.hessian;
        let gauss_newton_fallback = hessian == Hessian::Exact && self.gauss_newton_fallback;
        self.phase = Phase::BackwardPass { reason, hessian, mu, gauss_newton_fallback };
    }

    /// Ends on the current trajectory, whose policy exists, if the cost has a bound.
    fn give_up(&mut self, status: Status) {
        if self.fall.is_unbounded() {
            self.end(Status::Unbounded);
        } else if self.fall.is_growing() {
            self.extrapolate(Some(status));
        } else {
            self.end(status);
        }
    }

    /// Ends on the current trajectory.
    fn end(&mut self, status: Status) {
        let Self { cost, pass, .. } = *self;
        self.phase = Phase::Termination(Termination { status, trajectory: Slot::Current, cost, pass });
    }

    /// Ends on a trajectory whose backward pass failed.
    fn fail(&mut self, status: Status, trajectory: Slot) {
        let status = if self.fall.is_unbounded() { Status::Unbounded } else { status };
        let cost = if trajectory == Slot::Trial { self.trial_cost } else { self.cost };
        self.phase = Phase::Termination(Termination { status, trajectory, cost, pass: BackwardPass::NONE });
    }

    /// Whether the model of the cost held for the step to the trial trajectory. If so, the Gauss-Newton Hessian may be used
    /// again.
    fn is_trustworthy(&self, alpha: f64) -> bool {
        let ratio = (self.cost.total - self.trial_cost.total) / (-0.5 * self.pass.slope);
        self.pass.hessian == self.settings.hessian || (alpha == 1.0 && (0.5..2.0).contains(&ratio))
    }

    fn increased(&mut self, mu: f64) -> Option<f64> {
        self.stats.regularizations += 1;
        self.settings.regularization.increased(mu)
    }

    fn decreased(&self, mu: f64) -> f64 {
        self.settings.regularization.decreased(mu)
    }
}
