//! A trajectory that may be a solution: the factorization about it, and whether it is stationary.

use nalgebra::SVector;

use crate::kkt::report::{ActiveSetReport, LimitNames};
use crate::kkt::{Kkt, KktLinear, PlainUnits};
use crate::lq::equality_constrained::Singular;
use crate::model::Model;
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::TrajectoryRef;
use crate::settings::Differentiation;

/// A trajectory that may be a solution.
pub(super) struct Candidate<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(super) model: &'a M,
    pub(super) method: Differentiation,
    /// With the costates that the last factorization was made with.
    pub(super) point: TrajectoryRef<'a, f64, NX, NU, NP, NS>,
    /// The costates that the solution stores, for models with constraints.
    pub(super) known: Option<&'a [SVector<f64, NX>]>,
    /// Whether any constraint has a multiplier other than zero. A trajectory without is judged by its step alone, since
    /// there all terms may vanish together.
    pub(super) has_multipliers: bool,
    /// The largest residual of stationarity, over its terms, and the largest relative Newton step.
    pub(super) tolerance: f64,
}

/// A factorized system with its memory, and what it has shown.
pub(super) struct Factorization<'a, const NX: usize, const NU: usize> {
    pub(super) kkt: &'a mut Kkt<f64, NX, NU>,
    pub(super) linear: &'a mut KktLinear<f64, NX, NU, 1>,
    pub(super) new_multipliers: &'a mut [f64],
    pub(super) report: &'a mut ActiveSetReport,
    /// The margin up to which a limit is weakly active.
    pub(super) activity: f64,
    pub(super) names: LimitNames,
}

/// The residual of solves with eliminated rows up to which these are taken at once, and up to which they are taken where the
/// proximal form shows no more.
pub(super) const PRECISE: f64 = 1e-9;
const TOLERABLE: f64 = 1e-7;

/// What a factorization shows of a trajectory.
pub(super) struct Verdict {
    pub(super) factorized: Result<(), (usize, Singular)>,
    /// As far as the recursion came.
    pub(super) stationary: bool,
    /// The relative Newton step; NaN where there is none.
    pub(super) step: f64,
}

impl Verdict {
    /// Whether the trajectory is a solution.
    pub(super) fn is_sound(&self, tolerance: f64) -> bool {
        self.factorized.is_ok() && self.stationary && self.step <= tolerance
    }
}

impl<const NX: usize, const NU: usize> Factorization<'_, NX, NU> {
    /// Factorizes with eliminated rows.
    pub(super) fn eliminate_rows<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &mut Candidate<'_, M, NX, NU, NP, NS>,
    ) -> Verdict
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (mut factorized, mut stationary) = (Ok(()), false);
        // Costates of the recursion have few digits along long active constraints on the state. Those of the solver do not.
        for costates in core::iter::once(None).chain(candidate.known.map(Some)) {
            if stationary {
                break;
            }
            candidate.point.costates = costates;
            factorized = self.kkt.factorize(candidate.model, candidate.point, candidate.method, self.report);
            // Terminal rows that depend on one another end the recursion before it has begun: stationarity then is not
            // known.
            stationary = match factorized {
                Ok(()) if !candidate.has_multipliers => true,
                Err(_) if self.report.stationarity.is_nan() => true,
                _ => self.report.stationarity <= candidate.tolerance,
            };
        }
        let step = if factorized.is_ok() { self.newton_step(candidate) } else { f64::NAN };
        Verdict { factorized, stationary, step }
    }

    /// Factorizes with the rows in proximal form, where solves with eliminated ones lack digits: rows that cannot be
    /// eliminated may still be independent. The verdict stays where that shows no more.
    pub(super) fn weigh_rows<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &mut Candidate<'_, M, NX, NU, NP, NS>,
        verdict: &mut Verdict,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let residual = self.solve_residual(verdict, candidate.tolerance);
        let Some(known) = candidate.known.filter(|_| residual.is_nan() || residual > PRECISE) else { return };
        candidate.point.costates = Some(known);
        let mut weighed = self.weighed_verdict(candidate, PlainUnits(false));
        if weighed.as_ref().is_none_or(|weighed| weighed.factorized.is_err()) {
            weighed = self.weighed_verdict(candidate, PlainUnits(true));
        }
        match weighed {
            Some(weighed) if weighed.factorized.is_ok() => *verdict = weighed,
            // Beside a trajectory that is not stationary it says nothing.
            Some(dependent) if verdict.factorized.is_ok() && verdict.stationary => *verdict = dependent,
            _ if residual <= TOLERABLE => *verdict = self.eliminate_rows(candidate),
            // Solves with the eliminated rows have too few digits.
            _ if verdict.is_sound(candidate.tolerance) => verdict.step = f64::NAN,
            _ => {}
        }
    }

    /// `None` where the trajectory is no solution.
    fn weighed_verdict<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        units: PlainUnits,
    ) -> Option<Verdict>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) = (&mut *self.kkt, &mut *self.linear) else {
            return None;
        };
        let Candidate { model, method, point, tolerance, .. } = candidate;
        system.factorize_proximal(*model, *point, (*method, units), self.report).ok()?;
        let stationary = self.report.stationarity <= *tolerance;
        if stationary && !system.has_independent_rows(memory) {
            return Some(Verdict { factorized: Err((0, Singular::Dependent(None))), stationary, step: f64::NAN });
        }
        let verdict = Verdict { factorized: Ok(()), stationary, step: self.newton_step(candidate) };
        verdict.is_sound(*tolerance).then_some(verdict)
    }

    /// How many digits solves with eliminated rows lack at a solution; infinity at any other trajectory.
    pub(super) fn solve_residual(&mut self, verdict: &Verdict, tolerance: f64) -> f64 {
        match (&*self.kkt, &mut *self.linear) {
            _ if !verdict.is_sound(tolerance) => f64::INFINITY,
            (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) => system.solve_residual(memory),
            _ => 0.0,
        }
    }

    /// The relative Newton step about the trajectory.
    fn newton_step<M, const NP: usize, const NS: usize>(&mut self, candidate: &Candidate<'_, M, NX, NU, NP, NS>) -> f64
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (states, controls) = (candidate.point.states, candidate.point.controls);
        match (&*self.kkt, &mut *self.linear) {
            (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) => {
                system.newton_step(memory, const { &M::LIMITS }, self.new_multipliers, (states, controls))
            }
            (Kkt::ActiveSet(_), _) => f64::NAN,
            (Kkt::Unconstrained(system), _) => system.relative_newton_step(&Magnitudes::of(states, controls)),
        }
    }
}
