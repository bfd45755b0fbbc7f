//! The decisions of one solve in lanes: what it needs next, and what it makes of what it gets.
//!
//! These are the decisions of the loop in [`forward`](crate::forward), taken apart where that loop waits for a rollout or a
//! sweep, so that several solves can wait for the same one. Given the same numbers they are the same.

use crate::settings::{Hessian, Settings};
use crate::solution::{Stats, Status};
use crate::sweep::{Failure, Sweep};
use crate::trajectory::Cost;

/// What a solve is waiting for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Need {
    /// The closed-loop rollout of this step length about the current trajectory, into the trial one.
    Rollout { alpha: f64 },
    /// A backward sweep.
    Sweep { hessian: Hessian, mu: f64, about: Subject },
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
    /// About a stationary trajectory, without regularisation: only if that exists is the point a strict minimum.
    Confirm,
}

/// A line search under way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    alpha: f64,
    /// Trials before this one.
    trials: usize,
    /// By stationarity, where the cost can no longer tell, with the noise of the cost; otherwise by decrease.
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
    horizon: usize,
    phase: Phase,
    mu: f64,
    /// Whether Gauss-Newton's Hessian may stand in for an indefinite exact one.
    substitute: bool,
    cost: Cost<f64>,
    trial_cost: Cost<f64>,
    sweep: Sweep<f64>,
    pub(crate) stats: Stats,
}

impl<'a> Course<'a> {
    /// From an initial trajectory, which stands as the trial, and its cost.
    pub(crate) fn new(settings: &'a Settings, horizon: usize, cost: Cost<f64>, finite: bool) -> Self {
        let mu = settings.regularisation.initial;
        let mut course = Self {
            settings,
            horizon,
            phase: Phase::Search(Search { alpha: 0.0, trials: 0, noise: None }),
            mu,
            substitute: true,
            cost,
            trial_cost: cost,
            sweep: Sweep::NONE,
            stats: Stats::default(),
        };
        if finite {
            course.sweep_for(Purpose::Arrive, mu);
        } else {
            course.fail(Status::Diverged, Subject::Trial);
        }
        course
    }

    pub(crate) fn need(&self) -> Need {
        match self.phase {
            Phase::Sweep { purpose, hessian, mu, .. } => {
                let about = match purpose {
                    Purpose::Arrive | Purpose::Compare(_) => Subject::Trial,
                    Purpose::Turn | Purpose::Confirm => Subject::Current,
                };
                Need::Sweep { hessian, mu, about }
            }
            Phase::Search(Search { alpha, .. }) => Need::Rollout { alpha },
            Phase::End(end) => Need::End(end),
        }
    }

    /// Takes note of a rollout: its cost, if it is finite.
    pub(crate) fn rolled(&mut self, cost: Option<Cost<f64>>) {
        let Phase::Search(search) = self.phase else { return };
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
                    self.stats.iterations += 1;
                    self.mu = self.decreased(self.mu);
                    return self.sweep_for(Purpose::Arrive, self.mu);
                }
                _ => {}
            }
        }
        self.shorten(search);
    }

    /// Takes note of a sweep. Whether the trajectory that was swept, and its policy, become the current ones.
    #[must_use]
    pub(crate) fn swept(&mut self, outcome: Result<Sweep<f64>, Failure>) -> bool {
        let Phase::Sweep { purpose, hessian, mu, substitute } = self.phase else { return false };
        let failure = match outcome {
            Ok(sweep) => return self.arrive(purpose, mu, sweep),
            Err(failure) => failure,
        };
        if purpose == Purpose::Confirm {
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
                let demand = 1.0 - self.settings.line_search.sufficient_decrease * search.alpha;
                let better = sweep.stationarity <= demand * self.sweep.stationarity;
                if !better {
                    self.shorten(search);
                    return false;
                }
                self.stats.iterations += 1;
                self.cost = self.trial_cost;
            }
            Purpose::Arrive => self.cost = self.trial_cost,
            Purpose::Turn | Purpose::Confirm => {}
        }
        self.mu = mu;
        self.sweep = sweep;
        match purpose {
            Purpose::Turn => self.aim(),
            _ => self.judge(),
        }
        true
    }

    /// What to do about the current trajectory.
    fn judge(&mut self) {
        let stationary = self.sweep.stationarity <= self.settings.tolerance;
        let regularised = self.mu > 0.0 || self.sweep.hessian != self.settings.hessian;
        if stationary && regularised {
            let hessian = self.settings.hessian;
            self.phase = Phase::Sweep { purpose: Purpose::Confirm, hessian, mu: 0.0, substitute: false };
        } else if stationary {
            self.end(Status::Converged);
        } else if self.stats.iterations == self.settings.max_iterations {
            self.end(Status::IterationLimit);
        } else {
            self.aim();
        }
    }

    /// Begins a line search.
    fn aim(&mut self) {
        let noise = self.cost.noise(self.horizon);
        let noise = (-0.5 * self.sweep.slope <= noise).then_some(noise);
        self.phase = Phase::Search(Search { alpha: 1.0, trials: 0, noise });
    }

    fn shorten(&mut self, search: Search) {
        let line_search = self.settings.line_search;
        let next = Search { alpha: search.alpha * line_search.shrink, trials: search.trials + 1, ..search };
        if next.trials < line_search.max_steps {
            self.phase = Phase::Search(next);
        } else if search.noise.is_some() {
            self.end(Status::LineSearchFailed);
        } else if let Some(mu) = self.increased(self.mu) {
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
