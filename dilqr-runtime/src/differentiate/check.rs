//! The check before a gradient: that a trajectory is a solution with a derivative, and the factorization about it.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::differentiate::candidate::{Candidate, Factorization, Verdict};
use crate::differentiate::degenerate::singular_system;
use crate::error::{GradientError, Input, check_length};
use crate::kkt::linear::KktSystem;
use crate::kkt::penalties::PenaltyLaw;
use crate::kkt::report::{ActiveSetReport, COMPLEMENTARITY, LimitNames};
use crate::kkt::{Kkt, KktLinear};
use crate::linalg::products::{larger, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::equality_constrained::Singular;
use crate::model::Model;
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
    /// Why the factorized solution has no second derivatives, if there is a reason.
    pub(crate) second_order: Option<GradientError>,
    /// Why the optimal cost has no gradient at the factorized solution, if there is a reason.
    pub(crate) cost: Option<GradientError>,
}

impl<const NX: usize, const NU: usize, const NS: usize> KktWorkspace<NX, NU, NS> {
    pub(crate) fn new<M, const NP: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let kkt = Kkt::new::<M, NP, NS>(horizon);
        let constraints = vec![0.0; horizon * limits.listed() + limits.terminal()];
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
            second_order: None,
            cost: None,
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
        multipliers.check_lengths(horizon, limits)?;
        if limits.bounded && solution.relaxation.is_some() {
            check_length(Input::BoundMultipliers, bound_multipliers.len(), horizon)?;
        }
        if let Some(augmented) = &solution.augmented_lagrangian {
            augmented.check(horizon, limits)?;
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
        let Self {
            kkt, linear, states, controls, stage_params, costates, multipliers, new_multipliers, report, ..
        } = self;
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
        (self.second_order, self.cost) = (None, None);
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
        let law = PenaltyLaw::of(solution);
        let (as_rows, is_relaxed) = (law.is_none(), matches!(law, Some(PenaltyLaw::Barriers { .. })));
        kkt.set_penalties::<M, NP, NS>(law);
        kkt.enforce_all();
        let beyond = bound_violation(model, point, &magnitudes);
        let (known, has_multipliers) = ((!costates.is_empty()).then_some(costates), !solution.multipliers.are_zero());
        let mut candidate = Candidate { model, method, point, known, has_multipliers, tolerance: step_tolerance };
        let (activity, names) = (settings.activity, LimitNames::of::<M, NX, NU, NP, NS>(solution.horizon()));
        let mut system = Factorization { kkt, linear, new_multipliers, report, activity, names };
        let mut verdict = system.eliminate_rows(&mut candidate);
        let violation = larger(larger(system.report.violation, beyond), system.report.complementarity);
        let feasible = solution.status == Status::Converged
            && violation <= step_tolerance
            && (!is_relaxed || system.report.complementarity <= COMPLEMENTARITY);
        if feasible && as_rows {
            system.weigh_rows(&mut candidate, &mut verdict);
        }
        let Verdict { factorized, stationary, step } = verdict;
        if !feasible || !stationary || !(step <= step_tolerance || factorized.is_err()) {
            return Err(not_converged(step, violation));
        }
        let found = match factorized {
            Err(indefinite @ (_, Singular::Indefinite)) => return Err(singular_system(names, indefinite)),
            Err(dependent) => Err(singular_system(names, dependent)),
            Ok(()) => Ok(step),
        };
        let (step, second_order) = if is_relaxed { (found?, None) } else { system.resolve(&mut candidate, found)? };
        if system.report.undefined {
            return Err(GradientError::Undefined);
        }
        (self.cost, self.second_order) = (if as_rows { system.kink_of_cost() } else { None }, second_order);
        Ok(step)
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

/// The largest residual `|x_{t+1} - f(x_t, u_t)|` over the magnitude of its state; NaN if a number is. Entries of `x_0` that
/// are not chosen are compared with the given ones. A residual above `tolerance` counts as zero where it is a rounding error of
/// its terms `fx x` and `fu u`.
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
    let mut moved = point.states[0] - x0;
    for i in (0..NX).filter(|&i| M::START.free[i]) {
        moved[i] = S::zero();
    }
    let mut largest = magnitudes.relative_state(&moved);
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
