//! The decisions of a solve: which rollout or sweep it needs next, and what it makes of what comes back.
//!
//! Rollouts and sweeps are others' business, so that several solves, in lanes, can wait for the same one.

use crate::float;
use crate::ilqr::Iteration;
use crate::settings::{Hessian, Settings};
use crate::solution::{Stats, Status};
use crate::sweep::{Failure, Method, Sweep};
use crate::trajectory::Cost;

/// What a solve is waiting for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Need {
    /// The closed-loop rollout of this step length about the current trajectory, into the trial one.
    Rollout { alpha: f64 },
    /// A backward sweep.
    Sweep { method: Method<f64>, about: Subject },
    /// Nothing more.
    End(End),
}

/// Which of its two trajectories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Current,
    Trial,
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) status: Status,
    /// The trajectory to return.
    pub(crate) trajectory: Subject,
    /// Its cost.
    pub(crate) cost: Cost<f64>,
    /// The sweep about it: the current policy's, or [`Sweep::NONE`].
    pub(crate) sweep: Sweep<f64>,
}

/// Why the solve sweeps, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Purpose {
    /// About a trajectory that has been accepted, the initial one included.
    Arrive,
    /// About the current trajectory once more, with a larger `mu`, since no step was long enough.
    Turn,
    /// About a trial that is accepted if it is more stationary.
    Compare(Search),
    /// About a trajectory whose regularised step is small, without regularisation: only if that exists is the point a
    /// strict minimum.
    Confirm,
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
    Sweep { purpose: Purpose, hessian: Hessian, mu: f64, substitute: bool },
    Search(Search),
    End(End),
}

/// A solve under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    settings: &'a Settings,
    tolerance: f64,
    horizon: usize,
    phase: Phase,
    /// Of the current trajectory's sweep.
    mu: f64,
    /// Whether Gauss-Newton's Hessian may stand in for an indefinite exact one: not after it has led to a step that did not
    /// do what it promised.
    pub(crate) substitute: bool,
    cost: Cost<f64>,
    trial_cost: Cost<f64>,
    sweep: Sweep<f64>,
    /// Length of the step to the current trajectory, 0 for the initial one.
    step: f64,
    /// The report of the current trajectory, until it is taken.
    news: Option<Iteration>,
    /// Whether the current trajectory has been reported.
    told: bool,
    /// Whether the solve is so close to its end that the next sweep may be the last.
    close: bool,
    /// Whether the current trajectory's step has been looked at without regularisation.
    confirmed: bool,
    pub(crate) stats: Stats,
}

impl<'a> Course<'a> {
    /// To a relative Newton step of `tolerance`, from an initial trajectory that stands as the trial, and its cost.
    pub(crate) fn new(
        settings: &'a Settings,
        tolerance: f64,
        horizon: usize,
        cost: Cost<f64>,
        substitute: bool,
        stats: Stats,
    ) -> Self {
        let mu = settings.regularisation.initial;
        let (hessian, purpose) = (settings.hessian, Purpose::Arrive);
        Self {
            settings,
            tolerance,
            horizon,
            phase: Phase::Sweep { purpose, hessian, mu, substitute: hessian == Hessian::Exact && substitute },
            mu,
            substitute,
            cost,
            trial_cost: cost,
            sweep: Sweep::NONE,
            step: 0.0,
            news: None,
            told: false,
            close: false,
            confirmed: false,
            stats,
        }
    }

    /// Ends a solve whose initial trajectory is not finite.
    #[cfg(feature = "lanes")]
    pub(crate) fn diverge(&mut self) {
        self.fail(Status::Diverged, Subject::Trial);
    }

    /// Whether the sweep that is needed next may be the last, with the exact Hessian and without regularisation.
    pub(crate) fn may_end(&self) -> bool {
        self.close && matches!(self.phase, Phase::Sweep { hessian: Hessian::Exact, mu: 0.0, .. })
    }

    /// What there is to tell of a new current trajectory, once for each.
    pub(crate) fn news(&mut self) -> Option<Iteration> {
        self.news.take()
    }

    pub(crate) fn need(&self) -> Need {
        match self.phase {
            Phase::Sweep { purpose, hessian, mu, .. } => {
                let about = match purpose {
                    Purpose::Arrive | Purpose::Compare(_) => Subject::Trial,
                    Purpose::Turn | Purpose::Confirm => Subject::Current,
                };
                Need::Sweep { method: Method { hessian, mu }, about }
            }
            Phase::Search(Search { alpha, .. }) => Need::Rollout { alpha },
            Phase::End(end) => Need::End(end),
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
    pub(crate) fn rolled(&mut self, cost: Option<Cost<f64>>, change: f64) {
        let Phase::Search(search) = self.phase else { return };
        if self.step_bound().is_some_and(|bound| cost.is_some() && change <= bound) {
            self.stats.step = change;
            return self.conclude();
        }
        self.tell();
        if search.trials == 0 && self.stats.iterations == self.settings.max_iterations {
            return self.end(Status::IterationLimit);
        }
        self.stats.line_search_steps += 1;
        if let Some(cost) = cost {
            self.trial_cost = cost;
            let change = cost.total - self.cost.total;
            match search.noise {
                Some(noise) if change <= noise => {
                    return self.sweep_for(Purpose::Compare(search), self.decreased(self.mu));
                }
                None if change <= self.settings.line_search.sufficient_decrease * search.alpha * self.sweep.slope => {
                    self.substitute = self.is_trustworthy(search.alpha);
                    self.step = search.alpha;
                    self.stats.iterations += 1;
                    self.mu = self.decreased(self.mu);
                    return self.sweep_for(Purpose::Arrive, self.mu);
                }
                _ => {}
            }
        }
        self.shorten(search);
    }

    /// Takes note of a sweep. One that fails is repeated: with Gauss-Newton's Hessian, once, if the settings' is the exact
    /// one, then with `mu` raised again and again. Whether the trajectory that was swept, and its policy, become the current ones.
    #[must_use]
    pub(crate) fn swept(&mut self, outcome: Result<Sweep<f64>, Failure>) -> bool {
        let Phase::Sweep { purpose, hessian, mu, substitute } = self.phase else { return false };
        let failure = match outcome {
            Ok(sweep) => return self.arrive(purpose, mu, sweep),
            Err(failure) => failure,
        };
        if purpose == Purpose::Confirm {
            // The regularised sweep stays.
            self.tell();
            self.end(Status::RegularisationLimit);
            return false;
        }
        let status = if hessian == self.settings.hessian && failure == Failure::NonFinite {
            Status::Diverged
        } else if hessian == self.settings.hessian && substitute {
            self.stats.regularisations += 1;
            self.phase = Phase::Sweep { purpose, hessian: Hessian::GaussNewton, mu, substitute: false };
            return false;
        } else if let Some(mu) = self.increased(mu) {
            self.phase = Phase::Sweep { purpose, hessian: self.settings.hessian, mu, substitute: false };
            return false;
        } else {
            Status::RegularisationLimit
        };
        match purpose {
            Purpose::Compare(search) => self.shorten(search),
            Purpose::Turn => self.fail(status, Subject::Current),
            Purpose::Arrive | Purpose::Confirm => self.fail(status, Subject::Trial),
        }
        false
    }

    /// A sweep that finished.
    fn arrive(&mut self, purpose: Purpose, mu: f64, sweep: Sweep<f64>) -> bool {
        match purpose {
            Purpose::Compare(search) => {
                // What a step would still gain is the distance to the minimum in the metric of the Hessian.
                let demand = 1.0 - self.settings.line_search.sufficient_decrease * search.alpha;
                let better = -sweep.slope <= demand * -self.sweep.slope;
                if !better {
                    self.shorten(search);
                    return false;
                }
                self.stats.iterations += 1;
                self.step = search.alpha;
                self.cost = self.trial_cost;
            }
            Purpose::Arrive => self.cost = self.trial_cost,
            Purpose::Turn | Purpose::Confirm => {}
        }
        self.mu = mu;
        self.sweep = sweep;
        if matches!(purpose, Purpose::Arrive | Purpose::Compare(_)) {
            self.confirmed = false;
            self.told = false;
            // Steps of the exact Hessian square the stationarity, up to a factor.
            self.close = self.sweep.stationarity <= 3e3 * float::f64::sqrt(self.tolerance);
        }
        self.aim();
        true
    }

    /// Ends on the current trajectory, whose step is small, or looks at it once more as the settings ask for.
    fn conclude(&mut self) {
        if self.mu == 0.0 && self.sweep.hessian == self.settings.hessian {
            self.tell();
            self.end(Status::Converged);
        } else {
            self.confirm();
        }
    }

    /// Sweeps about the current trajectory without regularisation.
    fn confirm(&mut self) {
        if self.confirmed {
            // That step is neither small nor any good.
            self.tell();
            return self.end(Status::LineSearchFailed);
        }
        self.confirmed = true;
        self.close = true;
        let hessian = self.settings.hessian;
        self.phase = Phase::Sweep { purpose: Purpose::Confirm, hessian, mu: 0.0, substitute: false };
    }

    /// Reports the current trajectory, unless that has been done.
    fn tell(&mut self) {
        if !self.told {
            self.told = true;
            self.news = Some(Iteration {
                iteration: self.stats.iterations,
                cost: self.cost.total,
                stationarity: self.sweep.stationarity,
                regularisation: self.mu,
                step: self.step,
            });
        }
    }

    /// Begins a line search: by the decrease of the cost, or by that of the predicted decrease where the latter is below
    /// the cost's rounding.
    fn aim(&mut self) {
        let noise = self.cost.noise(self.horizon, self.sweep.sensitivity);
        let noise = (-0.5 * self.sweep.slope <= noise).then_some(noise);
        self.phase = Phase::Search(Search { alpha: 1.0, trials: 0, noise });
    }

    /// The next shorter step, if there is one.
    fn shorten(&mut self, search: Search) {
        let line_search = self.settings.line_search;
        let next = Search { alpha: search.alpha * line_search.shrink, trials: search.trials + 1, ..search };
        if next.trials < line_search.max_steps {
            self.phase = Phase::Search(next);
        } else if search.noise.is_some() {
            self.confirm();
        } else if let Some(mu) = self.increased(self.mu) {
            // The LQ problem describes the cost too badly at the length of its step: a larger mu shortens and turns it.
            self.sweep_for(Purpose::Turn, mu);
        } else {
            self.end(Status::LineSearchFailed);
        }
    }

    fn sweep_for(&mut self, purpose: Purpose, mu: f64) {
        let hessian = self.settings.hessian;
        let substitute = hessian == Hessian::Exact && self.substitute;
        self.phase = Phase::Sweep { purpose, hessian, mu, substitute };
    }

    /// Ends on the current trajectory.
    fn end(&mut self, status: Status) {
        let Self { cost, sweep, .. } = *self;
        self.phase = Phase::End(End { status, trajectory: Subject::Current, cost, sweep });
    }

    /// Ends on a trajectory that could not be swept.
    fn fail(&mut self, status: Status, trajectory: Subject) {
        let cost = if trajectory == Subject::Trial { self.trial_cost } else { self.cost };
        self.phase = Phase::End(End { status, trajectory, cost, sweep: Sweep::NONE });
    }

    /// Whether the current sweep's model of the cost held for the step to the trial trajectory, so that a substitute for the
    /// exact Hessian may be used again.
    fn is_trustworthy(&self, alpha: f64) -> bool {
        let ratio = (self.cost.total - self.trial_cost.total) / (-0.5 * self.sweep.slope);
        self.sweep.hessian == self.settings.hessian || (alpha == 1.0 && (0.5..2.0).contains(&ratio))
    }

    fn increased(&mut self, mu: f64) -> Option<f64> {
        self.stats.regularisations += 1;
        self.settings.regularisation.increased(mu)
    }

    fn decreased(&self, mu: f64) -> f64 {
        self.settings.regularisation.decreased(mu)
    }
}
