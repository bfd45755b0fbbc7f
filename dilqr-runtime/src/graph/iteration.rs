//! The iteration: Gauss and Newton's or Levenberg and Marquardt's far from a solution, Newton's near it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::graph::cholesky::{Cholesky, Indefinite};
use crate::graph::kind::FactorKind;
use crate::graph::layout::Layout;
use crate::graph::objective;
use crate::graph::pattern::Pattern;
use crate::graph::settings::{Method, Settings};
use crate::graph::solution::GraphCause;
use crate::graph::system::{Curvature, Point, System};
use crate::linalg::products::larger;
use crate::ocp::stationarity::ROUNDING;
use crate::settings::Hessian;
use crate::stats::Stats;
use crate::status::Status;

/// The first damping, over the diagonal. With it a step is nearly that of Gauss and Newton.
const FIRST_DAMPING: f64 = 1e-4;

/// The least damping: it changes a step by less than second derivatives of residuals do, and keeps rounding errors of the gradient small
/// along directions that factors leave free.
const LEAST_DAMPING: f64 = 1e-10;

/// From here on steps are gradient steps too short to change anything.
const MOST_DAMPING: f64 = 1e16;

/// The relative step below which Newton's method is tried, and its longest step.
const NEAR: f64 = 0.1;

/// The most halvings of a step of Gauss and Newton's.
const HALVINGS: usize = 40;

/// The parts of a graph that a solve reads.
#[derive(Clone, Copy)]
pub(super) struct Structure<'a> {
    pub(super) kinds: &'a [Box<dyn FactorKind>],
    pub(super) layout: &'a Layout,
    pub(super) pattern: &'a Pattern,
    pub(super) params: &'a [f64],
    /// The slopes of a linear term in all numbers: a loss that tilts the objective.
    pub(super) tilt: Option<&'a [f64]>,
}

/// The memory of a solve.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) system: System,
    pub(super) cholesky: Cholesky,
    pub(super) step: Vec<f64>,
    damped: Vec<f64>,
    magnitudes: Vec<f64>,
    candidate: Vec<f64>,
}

impl Memory {
    pub(super) fn new(layout: &Layout, pattern: &Pattern, cholesky: Cholesky) -> Self {
        let (n, entries) = (layout.dimension, pattern.rows.len());
        Self {
            system: System::zeros(n, entries),
            cholesky,
            step: vec![0.0; n],
            damped: vec![0.0; entries],
            magnitudes: vec![0.0; n],
            candidate: vec![0.0; layout.numbers],
        }
    }
}

/// Where a solve is.
pub(super) struct Iteration<'a> {
    pub(super) structure: Structure<'a>,
    pub(super) memory: &'a mut Memory,
    pub(super) values: Vec<f64>,
    pub(super) objective: f64,
    pub(super) stats: Stats,
    pub(super) cause: Option<GraphCause>,
    damping: f64,
    growth: f64,
}

/// Where the objective is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    /// At the values.
    Here,
    /// After the step.
    Step,
    /// After the step, which is halved.
    Half,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// It was accepted, and had this relative length.
    Accepted(f64),
    /// There is none to be accepted.
    Ended(Status),
}

impl<'a> Iteration<'a> {
    pub(super) fn new(structure: Structure<'a>, memory: &'a mut Memory, values: Vec<f64>) -> Self {
        let (damping, growth) = (FIRST_DAMPING, 2.0);
        Self { structure, memory, values, objective: f64::NAN, stats: Stats::default(), cause: None, damping, growth }
    }

    /// Iterates to the end.
    pub(super) fn run(&mut self, settings: &Settings) -> Status {
        self.objective = self.objective_at(Trial::Here);
        let curvature = match settings.hessian {
            Hessian::GaussNewton => Curvature::GaussNewton,
            Hessian::Exact => Curvature::Exact,
        };
        let mut near = settings.hessian == Hessian::Exact;
        loop {
            self.cause = None;
            if near {
                match self.newton(settings) {
                    Some(Outcome::Ended(status)) => return status,
                    Some(Outcome::Accepted(_)) => continue,
                    None => {}
                }
            }
            if self.stats.iterations >= settings.max_iterations {
                return Status::IterationLimit;
            }
            if !self.expand(curvature) {
                return Status::Diverged;
            }
            let outcome = match settings.method {
                Method::LevenbergMarquardt => self.damped_step(),
                Method::GaussNewton => self.halved_step(),
            };
            match outcome {
                Outcome::Accepted(length) => near = length <= NEAR,
                Outcome::Ended(status) if near => return status,
                // Exact second derivatives decide what kind of point it is.
                Outcome::Ended(_) => near = true,
            }
        }
    }

    /// A step of Newton's method; `None` where it makes none. What is wrong with the Hessian, if it is, is the cause so far.
    fn newton(&mut self, settings: &Settings) -> Option<Outcome> {
        if !self.expand(Curvature::Exact) {
            return Some(Outcome::Ended(Status::Diverged));
        }
        self.stats.stationarity = self.stationarity();
        let length = match self.solve_newton() {
            Ok(length) => length,
            Err(indefinite) => {
                self.cause = Some(cause(self.structure.layout, indefinite));
                return self.is_rounding().then_some(Outcome::Ended(Status::RegularizationLimit));
            }
        };
        self.stats.step = length;
        if length <= settings.tolerance || self.is_rounding() {
            return Some(Outcome::Ended(Status::Converged));
        }
        if self.stats.iterations >= settings.max_iterations {
            return Some(Outcome::Ended(Status::IterationLimit));
        }
        if length > NEAR {
            return None;
        }
        self.stats.line_search_steps += 1;
        let objective = self.objective_at(Trial::Step);
        let slack = ROUNDING * self.objective.abs();
        (objective <= self.objective + slack).then(|| {
            self.accept(objective);
            Outcome::Accepted(length)
        })
    }

    /// Newton's step of the expanded system, and its relative length.
    pub(super) fn solve_newton(&mut self) -> Result<f64, Indefinite> {
        let Memory { system, cholesky, step, .. } = &mut *self.memory;
        cholesky.factorize(self.structure.pattern, &system.hessian)?;
        step.iter_mut().zip(&system.gradient).for_each(|(step, slope)| *step = -slope);
        cholesky.solve(step);
        Ok(self.length())
    }

    /// A step with damping that lowers the objective.
    fn damped_step(&mut self) -> Outcome {
        loop {
            if self.damping > MOST_DAMPING {
                return Outcome::Ended(Status::LineSearchFailed);
            }
            let Some(length) = self.solve_damped(self.damping) else {
                self.grow();
                if self.damping > MOST_DAMPING {
                    return Outcome::Ended(Status::RegularizationLimit);
                }
                continue;
            };
            let (predicted, rounding) = (self.predicted(), ROUNDING * self.objective.abs());
            if self.is_flat() || (self.cause.is_some() && predicted <= rounding) {
                // The point is stationary as far as the objective can tell, and no strict minimum.
                return Outcome::Ended(Status::RegularizationLimit);
            }
            self.stats.line_search_steps += 1;
            let objective = self.objective_at(Trial::Step);
            let ratio = (self.objective - objective) / predicted;
            if objective < self.objective && ratio > 0.0 {
                // Nielsen's rule.
                let factor = (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0);
                self.damping = (self.damping * factor).max(LEAST_DAMPING);
                self.growth = 2.0;
                self.accept(objective);
                return Outcome::Accepted(length);
            }
            if predicted <= rounding && objective <= self.objective + rounding {
                // The decrease is a rounding error of the objective.
                self.accept(objective);
                return Outcome::Accepted(length);
            }
            self.grow();
        }
    }

    /// A step of Gauss and Newton's, halved until it lowers the objective.
    fn halved_step(&mut self) -> Outcome {
        let Some(length) = self.solve_damped(0.0) else { return Outcome::Ended(Status::RegularizationLimit) };
        if self.is_flat() {
            return Outcome::Ended(Status::RegularizationLimit);
        }
        for trial in core::iter::once(Trial::Step).chain([Trial::Half; HALVINGS]) {
            self.stats.line_search_steps += 1;
            let objective = self.objective_at(trial);
            if objective < self.objective {
                self.accept(objective);
                return Outcome::Accepted(length);
            }
        }
        Outcome::Ended(Status::LineSearchFailed)
    }

    fn grow(&mut self) {
        self.stats.regularizations += 1;
        self.damping *= self.growth;
        self.growth *= 2.0;
    }

    /// The step with this damping, and its relative length; `None` where the matrix is not positive definite.
    fn solve_damped(&mut self, damping: f64) -> Option<f64> {
        let Memory { system, cholesky, step, damped, .. } = &mut *self.memory;
        damped.copy_from_slice(&system.hessian);
        for &entry in &self.structure.pattern.diagonal {
            damped[entry] += damping * damped[entry].abs();
        }
        cholesky.factorize(self.structure.pattern, damped).ok()?;
        step.iter_mut().zip(&system.gradient).for_each(|(step, slope)| *step = -slope);
        cholesky.solve(step);
        Some(self.length())
    }

    /// Fills the system at the values. False where it is not finite.
    pub(super) fn expand(&mut self, curvature: Curvature) -> bool {
        let Structure { kinds, layout, pattern, params, tilt } = self.structure;
        let at = Point { values: &self.values, params };
        objective::expand(kinds, layout, at, curvature, &mut self.memory.system);
        if let Some(tilt) = tilt {
            add_tilt(layout, pattern, (&self.values, tilt), curvature, &mut self.memory.system);
        }
        let finite = self.memory.system.is_finite();
        if !finite {
            self.cause = objective::first_broken(kinds, layout, at).map(|factor| GraphCause::NonFinite { factor });
        }
        layout.magnitudes(&self.values, &mut self.memory.magnitudes);
        finite
    }

    /// The objective at the values, or after a step, which is kept as the candidate.
    fn objective_at(&mut self, trial: Trial) -> f64 {
        let Structure { kinds, layout, params, tilt, .. } = self.structure;
        let Memory { candidate, step, .. } = &mut *self.memory;
        if trial == Trial::Half {
            step.iter_mut().for_each(|entry| *entry *= 0.5);
        }
        match trial {
            Trial::Here => candidate.copy_from_slice(&self.values),
            Trial::Step | Trial::Half => layout.retract(&self.values, step, candidate),
        }
        let tilted = tilt.map_or(0.0, |tilt| candidate.iter().zip(tilt).map(|(value, slope)| value * slope).sum());
        objective::value(kinds, layout, Point { values: candidate, params }) + tilted
    }

    /// Takes the step that was evaluated last.
    fn accept(&mut self, objective: f64) {
        self.objective = objective;
        self.values.copy_from_slice(&self.memory.candidate);
        self.stats.iterations += 1;
    }

    /// The largest change of a local coordinate over its magnitude.
    fn length(&self) -> f64 {
        let Memory { step, magnitudes, .. } = &*self.memory;
        let ratios = step.iter().zip(magnitudes).map(|(step, magnitude)| step.abs() / magnitude);
        ratios.fold(0.0, larger)
    }

    /// The decrease of the objective that the damped model predicts, `-g' d / 2 + damping d' D d / 2`.
    fn predicted(&self) -> f64 {
        let Memory { system, step, .. } = &*self.memory;
        let terms = step.iter().zip(&system.gradient).zip(&self.structure.pattern.diagonal);
        terms.map(|((d, g), &entry)| 0.5 * d * (self.damping * system.hessian[entry].abs() * d - g)).sum()
    }

    /// Whether the gradient vanishes.
    fn is_flat(&self) -> bool {
        self.memory.system.gradient.iter().all(|slope| *slope == 0.0)
    }

    /// Whether the gradient consists of rounding errors.
    pub(super) fn is_rounding(&self) -> bool {
        let System { gradient, terms, .. } = &self.memory.system;
        gradient.iter().zip(terms).all(|(slope, terms)| slope.abs() <= ROUNDING * terms)
    }

    /// The largest slope over its terms.
    fn stationarity(&self) -> f64 {
        let System { gradient, terms, .. } = &self.memory.system;
        let of = |(slope, terms): (&f64, &f64)| if *slope == 0.0 { 0.0 } else { slope.abs() / terms };
        gradient.iter().zip(terms).map(of).fold(0.0, f64::max)
    }
}

/// What a Hessian that is not positive definite says about a point.
pub(super) fn cause(layout: &Layout, Indefinite { row, singular }: Indefinite) -> GraphCause {
    let block = layout.block_of(row);
    if singular { GraphCause::Singular { block } } else { GraphCause::NotStrictMinimum { block } }
}

/// Adds a linear term in the numbers of all blocks.
fn add_tilt(
    layout: &Layout,
    pattern: &Pattern,
    (values, tilt): (&[f64], &[f64]),
    curvature: Curvature,
    system: &mut System,
) {
    system.objective += values.iter().zip(tilt).map(|(value, slope)| value * slope).sum::<f64>();
    let mut local = vec![0.0; layout.dimension];
    layout.pull(values, tilt, &mut local);
    for (i, slope) in local.into_iter().enumerate() {
        system.gradient[i] += slope;
        system.terms[i] += slope.abs();
    }
    if curvature == Curvature::GaussNewton {
        return;
    }
    for place in layout.places.iter().filter(|place| !place.held) {
        if let Some((first, factor)) = place.manifold.curvature(&values[place.numbers()], &tilt[place.numbers()]) {
            for i in place.local + first..place.local + first + 3 {
                system.hessian[pattern.diagonal[i]] += factor;
            }
        }
    }
}
