//! The decisions of a solve: which rollout or sweep it needs next, and what it makes of what comes back.
//!
//! Rollouts and sweeps are others' business, so that several solves, in lanes, can wait for the same one.

use crate::iteration::Iteration;
use crate::ocp::rollout::Cost;
use crate::scalar::float;
use crate::settings::{Hessian, Settings};
use crate::solve::backward_pass::{BackwardPass, Failure, PassSettings};
use crate::stats::Stats;
use crate::status::Status;

/// What a solve is waiting for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    /// The closed-loop rollout of this step length about the current trajectory, into the trial one.
    Rollout { alpha: f64 },
    /// A backward sweep.
    BackwardPass { method: PassSettings<f64>, about: Slot },
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
    /// The sweep about it: the current policy's, or [`BackwardPass::NONE`].
    pub(crate) sweep: BackwardPass<f64>,
}

/// Why the solve sweeps, and what comes of it.
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
    /// By the predicted decrease, where the cost can no longer tell, with the noise of the cost; otherwise by decrease.
    noise: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    BackwardPass { reason: Reason, hessian: Hessian, mu: f64, gauss_newton_fallback: bool },
    Search(Search),
    Termination(Termination),
}

/// A solve under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IterationState<'a> {
    settings: &'a Settings,
    tolerance: f64,
    horizon: usize,
    phase: Phase,
    /// Of the current trajectory's sweep.
    mu: f64,
    /// Whether Gauss-Newton's Hessian may stand in for an indefinite exact one: not after it has led to a step that did not
    /// do what it promised.
    pub(crate) gauss_newton_fallback: bool,
    cost: Cost<f64>,
    trial_cost: Cost<f64>,
    sweep: BackwardPass<f64>,
    /// Length of the step to the current trajectory, 0 for the initial one.
    step: f64,
    /// The report of the current trajectory, until it is taken.
    pending_report: Option<Iteration>,
    /// Whether the current trajectory has been reported.
    reported: bool,
    /// Whether the solve is so close to its end that the next sweep may be the last.
    near_convergence: bool,
    /// Whether the current trajectory's step has been looked at without regularization.
    checked: bool,
    pub(crate) stats: Stats,
}

impl<'a> IterationState<'a> {
    /// To a relative Newton step of `tolerance`, from an initial trajectory that stands as the trial, and its cost.
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
            sweep: BackwardPass::NONE,
            step: 0.0,
            pending_report: None,
            reported: false,
            near_convergence: false,
            checked: false,
            stats,
        }
    }

    /// Ends a solve whose initial trajectory is not finite.
    #[cfg(feature = "lanes")]
    pub(crate) fn diverge(&mut self) {
        self.fail(Status::Diverged, Slot::Trial);
    }

    /// Whether the sweep that is needed next may be the last, with the exact Hessian and without regularization.
    pub(crate) fn may_end(&self) -> bool {
        self.near_convergence && matches!(self.phase, Phase::BackwardPass { hessian: Hessian::Exact, mu: 0.0, .. })
    }

    /// What there is to tell of a new current trajectory, once for each.
    pub(crate) fn take_report(&mut self) -> Option<Iteration> {
        self.pending_report.take()
    }

    pub(crate) fn need(&self) -> Request {
        match self.phase {
            Phase::BackwardPass { reason, hessian, mu, .. } => {
                let about = match reason {
                    Reason::NewIterate | Reason::DecreaseTest(_) => Slot::Trial,
                    Reason::IncreaseRegularization | Reason::UnregularizedCheck => Slot::Current,
                };
                Request::BackwardPass { method: PassSettings { hessian, mu }, about }
            }
            Phase::Search(Search { alpha, .. }) => Request::Rollout { alpha },
            Phase::Termination(end) => Request::Termination(end),
        }
    }

    /// What a step may change relatively for the trajectory it is taken from to be a solution, if the rollout that is
    /// needed next is the whole step.
    pub(crate) fn step_bound(&self) -> Option<f64> {
        match self.phase {
            // A proximal term of weight `mu` shortens steps to `1 / (1 + mu)` of their length at the most.
            Phase::Search(Search { alpha: 1.0, .. }) => Some(self.tolerance / (1.0 + self.mu)),
            _ => None,
        }
    }

    /// Takes note of a rollout: its cost, if it is finite, and the relative change of the trajectory where
    /// [`step_bound`](Self::step_bound) has one.
    pub(crate) fn on_rollout(&mut self, cost: Option<Cost<f64>>, change: f64) {
        let Phase::Search(search) = self.phase else { return };
        if self.step_bound().is_some_and(|bound| cost.is_some() && change <= bound) {
            self.stats.step = change;
            return self.accept_convergence();
        }
        self.report();
        if search.trials == 0 && self.stats.iterations == self.settings.max_iterations {
            return self.end(Status::IterationLimit);
        }
        self.stats.line_search_steps += 1;
        if let Some(cost) = cost {
            self.trial_cost = cost;
            let change = cost.total - self.cost.total;
            match search.noise {
                Some(noise) if change <= noise => {
                    return self.sweep_for(Reason::DecreaseTest(search), self.decreased(self.mu));
                }
                None if change <= self.settings.line_search.sufficient_decrease * search.alpha * self.sweep.slope => {
                    self.gauss_newton_fallback = self.is_trustworthy(search.alpha);
                    self.step = search.alpha;
                    self.stats.iterations += 1;
                    self.mu = self.decreased(self.mu);
                    return self.sweep_for(Reason::NewIterate, self.mu);
                }
                _ => {}
            }
        }
        self.backtrack(search);
    }

    /// Takes note of a sweep. One that fails is repeated: with Gauss-Newton's Hessian, once, if the settings' is the exact
    /// one, then with `mu` raised again and again. Whether the trajectory that was swept, and its policy, become the current ones.
    #[must_use]
    pub(crate) fn on_backward_pass(&mut self, outcome: Result<BackwardPass<f64>, Failure>) -> bool {
        let Phase::BackwardPass { reason, hessian, mu, gauss_newton_fallback } = self.phase else { return false };
        let failure = match outcome {
            Ok(sweep) => return self.on_policy(reason, mu, sweep),
            Err(failure) => failure,
        };
        if reason == Reason::UnregularizedCheck {
            // The regularized sweep stays.
            self.report();
            self.end(Status::RegularizationLimit);
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

    /// A sweep that finished.
    fn on_policy(&mut self, reason: Reason, mu: f64, sweep: BackwardPass<f64>) -> bool {
        match reason {
            Reason::DecreaseTest(search) => {
                // What a step would still gain is the distance to the minimum in the metric of the Hessian.
                let demand = 1.0 - self.settings.line_search.sufficient_decrease * search.alpha;
                let better = -sweep.slope <= demand * -self.sweep.slope;
                if !better {
                    self.backtrack(search);
                    return false;
                }
                self.stats.iterations += 1;
                self.step = search.alpha;
                self.cost = self.trial_cost;
            }
            Reason::NewIterate => self.cost = self.trial_cost,
            Reason::IncreaseRegularization | Reason::UnregularizedCheck => {}
        }
        self.mu = mu;
        self.sweep = sweep;
        if matches!(reason, Reason::NewIterate | Reason::DecreaseTest(_)) {
            self.checked = false;
            self.reported = false;
            // Steps of the exact Hessian square the stationarity, up to a factor.
            self.near_convergence = self.sweep.stationarity <= 3e3 * float::f64::sqrt(self.tolerance);
        }
        self.start_line_search();
        true
    }

    /// Ends on the current trajectory, whose step is small, or looks at it once more as the settings ask for.
    fn accept_convergence(&mut self) {
        if self.mu == 0.0 && self.sweep.hessian == self.settings.hessian {
            self.report();
            self.end(Status::Converged);
        } else {
            self.check_unregularized();
        }
    }

    /// Sweeps about the current trajectory without regularization.
    fn check_unregularized(&mut self) {
        if self.checked {
            // That step is neither small nor any good.
            self.report();
            return self.end(Status::LineSearchFailed);
        }
        self.checked = true;
        self.near_convergence = true;
        let hessian = self.settings.hessian;
        self.phase =
            Phase::BackwardPass { reason: Reason::UnregularizedCheck, hessian, mu: 0.0, gauss_newton_fallback: false };
    }

    /// Reports the current trajectory, unless that has been done.
    fn report(&mut self) {
        if !self.reported {
            self.reported = true;
            self.pending_report = Some(Iteration {
                iteration: self.stats.iterations,
                cost: self.cost.total,
                stationarity: self.sweep.stationarity,
                regularization: self.mu,
                step: self.step,
            });
        }
    }

    /// Begins a line search: by the decrease of the cost, or by that of the predicted decrease where the latter is below
    /// the cost's rounding.
    fn start_line_search(&mut self) {
        let noise = self.cost.noise(self.horizon, self.sweep.sensitivity);
        let noise = (-0.5 * self.sweep.slope <= noise).then_some(noise);
        self.phase = Phase::Search(Search { alpha: 1.0, trials: 0, noise });
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
            // The LQ problem describes the cost too badly at the length of its step: a larger mu shortens and turns it.
            self.sweep_for(Reason::IncreaseRegularization, mu);
        } else {
            self.end(Status::LineSearchFailed);
        }
    }

    fn sweep_for(&mut self, reason: Reason, mu: f64) {
        let hessian = self.settings.hessian;
        let gauss_newton_fallback = hessian == Hessian::Exact && self.gauss_newton_fallback;
        self.phase = Phase::BackwardPass { reason, hessian, mu, gauss_newton_fallback };
    }

    /// Ends on the current trajectory.
    fn end(&mut self, status: Status) {
        let Self { cost, sweep, .. } = *self;
        self.phase = Phase::Termination(Termination { status, trajectory: Slot::Current, cost, sweep });
    }

    /// Ends on a trajectory that could not be swept.
    fn fail(&mut self, status: Status, trajectory: Slot) {
        let cost = if trajectory == Slot::Trial { self.trial_cost } else { self.cost };
        self.phase = Phase::Termination(Termination { status, trajectory, cost, sweep: BackwardPass::NONE });
    }

    /// Whether the current sweep's model of the cost held for the step to the trial trajectory, so that a gauss_newton_fallback for the
    /// exact Hessian may be used again.
    fn is_trustworthy(&self, alpha: f64) -> bool {
        let ratio = (self.cost.total - self.trial_cost.total) / (-0.5 * self.sweep.slope);
        self.sweep.hessian == self.settings.hessian || (alpha == 1.0 && (0.5..2.0).contains(&ratio))
    }

    fn increased(&mut self, mu: f64) -> Option<f64> {
        self.stats.regularizations += 1;
        self.settings.regularization.increased(mu)
    }

    fn decreased(&self, mu: f64) -> f64 {
        self.settings.regularization.decreased(mu)
    }
}
