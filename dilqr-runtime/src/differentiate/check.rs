//! The check before a gradient: that a trajectory is a solution with a derivative, and the factorization about it.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::error::{GradientError, Input, check_length};
use crate::kkt::linear::KktSystem;
use crate::kkt::relaxed::Relaxation;
use crate::kkt::report::{ActiveSetReport, COMPLEMENTARITY};
use crate::kkt::{Kkt, KktLinear};
use crate::linalg::products::{larger, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::equality_constrained::Singular;
use crate::model::Model;
use crate::model::limits::Limit;
use crate::model::records::StageExpansion;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity::{Magnitudes, STEP_MARGIN, clear_rounding};
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::{Mask, Scalar};
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::status::Status;

/// The least tolerance on the dynamics residual of a solution. A kernel and its variant with other shared subexpressions
/// round differently, by some units in the last place times the cancellation in the dynamics.
const DYNAMICS_FLOOR: f64 = 1e-12;

/// A factorized KKT system and the trajectory it belongs to, with memory for linear solves.
#[derive(Clone, Debug)]
pub(crate) struct KktWorkspace<const NX: usize, const NU: usize, const NS: usize> {
    pub(crate) kkt: Kkt<f64, NX, NU>,
    /// For solves with one column.
    pub(crate) linear: KktLinear<f64, NX, NU, 1>,
    pub(crate) states: Vec<SVector<f64, NX>>,
    pub(crate) controls: Vec<SVector<f64, NU>>,
    pub(crate) stage_params: Vec<SVector<f64, NS>>,
    /// Costates of a solution with limits; empty for models without.
    costates: Vec<SVector<f64, NX>>,
    /// Multipliers of the constraints, those of the stages first.
    pub(crate) multipliers: Vec<f64>,
    /// Those that a Newton step would give.
    new_multipliers: Vec<f64>,
    pub(crate) report: ActiveSetReport,
}

impl<const NX: usize, const NU: usize, const NS: usize> KktWorkspace<NX, NU, NS> {
    pub(crate) fn new<M, const NP: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let kkt = Kkt::new::<M, NP, NS>(horizon);
        let constraints = vec![0.0; horizon * limits.stage() + limits.terminal()];
        Self {
            linear: kkt.linear(),
            kkt,
            states: vec![SVector::zeros(); horizon + 1],
            controls: vec![SVector::zeros(); horizon],
            stage_params: vec![SVector::zeros(); horizon + 1],
            costates: vec![SVector::zeros(); if limits.constrained() { horizon + 1 } else { 0 }],
            new_multipliers: constraints.clone(),
            multipliers: constraints,
            report: ActiveSetReport::with_room(horizon, NU, limits),
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.controls.len()
    }

    /// Copies the trajectory of a solution.
    ///
    /// # Errors
    /// [`GradientError::Input`] for lists that are not of this horizon.
    pub(crate) fn load<M, const NP: usize>(&mut self, solution: &Solution<NX, NU, NP, NS>) -> Result<(), GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states, controls, stage_params, multipliers, bound_multipliers, .. } = solution;
        let (horizon, limits) = (self.horizon(), const { &M::LIMITS });
        check_length(Input::Controls, controls.len(), horizon)?;
        check_length(Input::States, states.len(), horizon + 1)?;
        check_length(Input::StageParams, stage_params.len(), horizon + 1)?;
        check_length(Input::Multipliers, multipliers.stage.len(), horizon * limits.stage())?;
        check_length(Input::Multipliers, multipliers.terminal.len(), limits.terminal())?;
        if limits.bounded && solution.relaxation.is_some() {
            check_length(Input::BoundMultipliers, bound_multipliers.len(), horizon)?;
        }
        self.states.copy_from_slice(states);
        self.controls.copy_from_slice(controls);
        self.stage_params.copy_from_slice(stage_params);
        if !self.costates.is_empty() {
            check_length(Input::Costates, solution.costates.len(), horizon + 1)?;
            self.costates.copy_from_slice(&solution.costates);
        }
        let (stage, terminal) = self.multipliers.split_at_mut(multipliers.stage.len());
        stage.copy_from_slice(&multipliers.stage);
        terminal.copy_from_slice(&multipliers.terminal);
        Ok(())
    }

    /// The system, the memory for its linear part, and the trajectory.
    pub(crate) fn parts<'a, const NP: usize>(
        &'a mut self,
        params: &'a SVector<f64, NP>,
    ) -> KktParts<'a, NX, NU, NP, NS> {
        let Self { kkt, linear, states, controls, stage_params, costates, multipliers, new_multipliers, report } = self;
        let terminal = match kkt {
            Kkt::Unconstrained(_) => 0,
            Kkt::ActiveSet(system) => system.terminal_constraints(),
        };
        let (stage, terminal) = multipliers.split_at(multipliers.len() - terminal);
        let multipliers = MultipliersRef { stage, terminal };
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        KktParts { kkt, linear, point, costates, new_multipliers, report }
    }

    /// Checks that the trajectory is a solution, and factorizes the LQ problem about it. Returns the relative Newton step.
    ///
    /// # Errors
    /// [`GradientError`] where it is none, or has no derivative.
    pub(crate) fn factorize<M, const NP: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) -> Result<f64, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let KktParts { kkt, linear, point, costates, new_multipliers, report } = self.parts(&solution.params);
        let (dynamics_tolerance, step_tolerance) = (dynamics_tolerance(settings), step_tolerance(settings));
        let magnitudes = Magnitudes::of(point.states, point.controls);
        let dynamics = dynamics_residual(model, &solution.x0, point, &magnitudes, dynamics_tolerance);
        let not_converged = |step, violation| GradientError::NotConverged {
            status: solution.status,
            dynamics,
            dynamics_tolerance,
            step,
            step_tolerance,
            violation,
        };
        if dynamics.is_nan() || dynamics > dynamics_tolerance {
            return Err(not_converged(f64::NAN, f64::NAN));
        }
        let relaxation = Relaxation::of(solution);
        let weighable = relaxation.is_none();
        kkt.set_relaxation::<M, NP, NS>(relaxation);
        let beyond = bound_violation(model, point, &magnitudes);
        // Costates of the recursion have few digits along long active constraints on the state. Those of the solver do not.
        let known = (!costates.is_empty()).then_some(costates);
        let mut found = KktParts { kkt, linear, point, costates, new_multipliers, report };
        let mut verdict = found.eliminate_rows((model, method), (solution, known), step_tolerance);
        let violation = larger(larger(found.report.violation, beyond), found.report.complementarity);
        let feasible = solution.status == Status::Converged
            && violation <= step_tolerance
            && found.report.complementarity <= COMPLEMENTARITY;
        let sound = verdict.is_sound(step_tolerance) && (!weighable || found.is_precise());
        if let (true, Some(known), false) = (feasible && weighable, known, sound) {
            found.point.costates = Some(known);
            // Rows that cannot be eliminated may still be independent.
            match found.weigh_rows((model, method), step_tolerance) {
                Some(weighed) if weighed.factorized.is_ok() || verdict.factorized.is_ok() => verdict = weighed,
                None if verdict.factorized.is_ok() => verdict.step = f64::NAN,
                _ => {}
            }
        }
        let Verdict { factorized, stationary, step } = verdict;
        let settled = step <= step_tolerance || factorized.is_err();
        if !feasible || !stationary || !settled {
            return Err(not_converged(step, violation));
        }
        factorized.map_err(|(stage, singular)| singular_system(stage, singular))?;
        check_activity(found.report, settings)?;
        Ok(step)
    }
}

/// What a factorization shows of a trajectory.
struct Verdict {
    factorized: Result<(), (usize, Singular)>,
    stationary: bool,
    /// The relative Newton step; NaN where there is none.
    step: f64,
}

impl Verdict {
    fn is_sound(&self, tolerance: f64) -> bool {
        self.factorized.is_ok() && self.stationary && self.step <= tolerance
    }
}

impl<'a, const NX: usize, const NU: usize, const NP: usize, const NS: usize> KktParts<'a, NX, NU, NP, NS> {
    /// Factorizes with the costates of the recursion, then with `known` ones where these are imprecise.
    fn eliminate_rows<M>(
        &mut self,
        (model, method): (&M, Differentiation),
        (solution, known): (&Solution<NX, NU, NP, NS>, Option<&'a [SVector<f64, NX>]>),
        tolerance: f64,
    ) -> Verdict
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (mut factorized, mut stationary) = (Ok(()), false);
        for costates in core::iter::once(None).chain(known.map(Some)) {
            if stationary {
                break;
            }
            self.point.costates = costates;
            factorized = self.kkt.factorize(model, self.point, method, self.report);
            // Terminal rows that depend on one another end the recursion before it has begun: stationarity then is not
            // known. A trajectory without multipliers is judged by its step alone, since there all terms may vanish
            // together.
            stationary = match factorized {
                Ok(()) if solution.multipliers.are_zero() => true,
                Err(_) if self.report.stationarity.is_nan() => true,
                _ => self.report.stationarity <= tolerance,
            };
        }
        let step = if factorized.is_ok() { self.newton_step::<M>() } else { f64::NAN };
        Verdict { factorized, stationary, step }
    }

    /// Factorizes with the rows in proximal form. `None` where that finds no solution either.
    fn weigh_rows<M>(&mut self, (model, method): (&M, Differentiation), tolerance: f64) -> Option<Verdict>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Kkt::ActiveSet(system) = &mut *self.kkt else { return None };
        let KktLinear::ActiveSet(memory) = &mut *self.linear else { return None };
        system.factorize_proximal(model, self.point, method, self.report).ok()?;
        let stationary = self.report.stationarity <= tolerance;
        if stationary && !system.has_independent_rows(memory) {
            return Some(Verdict { factorized: Err((0, Singular::Dependent(None))), stationary, step: f64::NAN });
        }
        let verdict = Verdict { factorized: Ok(()), stationary, step: self.newton_step::<M>() };
        verdict.is_sound(tolerance).then_some(verdict)
    }

    /// Whether solves with the factorization have most of their digits.
    fn is_precise(&mut self) -> bool {
        match (&*self.kkt, &mut *self.linear) {
            (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) => system.is_precise(memory),
            _ => true,
        }
    }

    /// The relative Newton step about the trajectory.
    fn newton_step<M>(&mut self) -> f64
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (states, controls) = (self.point.states, self.point.controls);
        match (&*self.kkt, &mut *self.linear) {
            (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) => {
                system.newton_step(memory, const { &M::LIMITS }, self.new_multipliers, (states, controls))
            }
            (Kkt::ActiveSet(_), _) => f64::NAN,
            (Kkt::Unconstrained(system), _) => system.relative_newton_step(&Magnitudes::of(states, controls)),
        }
    }
}

/// The parts of a [`KktWorkspace`], borrowed.
pub(crate) struct KktParts<'a, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) kkt: &'a mut Kkt<f64, NX, NU>,
    pub(crate) linear: &'a mut KktLinear<f64, NX, NU, 1>,
    pub(crate) point: TrajectoryRef<'a, f64, NX, NU, NP, NS>,
    costates: &'a [SVector<f64, NX>],
    new_multipliers: &'a mut [f64],
    report: &'a mut ActiveSetReport,
}

/// The error of a factorization that ended at `stage`.
pub(crate) fn singular_system(stage: usize, singular: Singular) -> GradientError {
    match singular {
        Singular::Indefinite => GradientError::NotPositiveDefinite { stage },
        Singular::Dependent(source) => GradientError::ConstraintsDependent { stage, limit: source.map(Limit::from) },
    }
}

/// Strict complementarity: no limit may be both at its bound and without a multiplier. Barriers must have a derivative.
fn check_activity(report: &ActiveSetReport, settings: &Settings) -> Result<(), GradientError> {
    if report.undefined {
        return Err(GradientError::Undefined);
    }
    match report.weakest() {
        Some((margin, weakest)) if margin <= settings.activity => {
            Err(GradientError::WeaklyActive { stage: weakest.stage, limit: weakest.source.into(), margin })
        }
        _ => Ok(()),
    }
}

/// How far a control is beyond its bounds at most, over its largest magnitude on the trajectory.
fn bound_violation<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    magnitudes: &Magnitudes<f64, NX, NU>,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let bounds = Bounds::of(model, point.params);
    let mut largest = 0.0;
    for u in point.controls {
        let beyond = SVector::from_fn(|i, _| (bounds.lower[i] - u[i]).max(u[i] - bounds.upper[i]).max(0.0));
        largest = f64::max(largest, magnitudes.relative_control(&beyond));
    }
    largest
}

/// The largest [`dynamics_residual`] of a solution.
pub(crate) fn dynamics_tolerance(settings: &Settings) -> f64 {
    settings.tolerance.max(DYNAMICS_FLOOR)
}

/// The largest relative Newton step at a solution.
pub(crate) fn step_tolerance(settings: &Settings) -> f64 {
    STEP_MARGIN * settings.tolerance
}

/// The largest residual `|x_{t+1} - f(x_t, u_t)|` over the magnitude of its state, with `x_0` against the given one; NaN if
/// a number is. A residual above `tolerance` counts as zero where it is a rounding error of its terms `fx x` and `fu u`.
pub(crate) fn dynamics_residual<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    x0: &SVector<S, NX>,
    point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    magnitudes: &Magnitudes<S, NX, NU>,
    tolerance: f64,
) -> S
where
    M: Model<NX, NU, NP, NS>,
{
    let tolerance = S::from_f64(tolerance);
    let mut largest = magnitudes.relative_state(&(point.states[0] - x0));
    for (t, u) in point.controls.iter().enumerate() {
        let at = point.stage(t);
        let mut next = zeros();
        // The kernel of rollouts, so that a rollout agrees to the last bit.
        model.step(at, &mut next);
        let mut residual = point.states[t + 1] - next;
        let mut relative = magnitudes.relative_state(&residual);
        if !relative.less_equal(tolerance).all() {
            let mut stage = StageExpansion::zeros();
            model.expand_stage(at, &mut stage);
            clear_rounding(&mut residual, &next, (&stage.fx, at.x), (&stage.fu, u));
            relative = magnitudes.relative_state(&residual);
        }
        largest = larger(largest, relative);
    }
    largest
}
