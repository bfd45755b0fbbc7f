//! A trajectory that may be a solution: the factorization about it, and whether it is stationary.

use nalgebra::SVector;

use crate::kkt::Kkt;
use crate::kkt::report::ActiveSetReport;
use crate::lq::equality_constrained::Singular;
use crate::model::Model;
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

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Candidate<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Factorizes about the trajectory. Returns the outcome, and whether the trajectory is stationary as far as the
    /// recursion came.
    pub(super) fn factorize(
        &mut self,
        kkt: &mut Kkt<f64, NX, NU>,
        report: &mut ActiveSetReport,
    ) -> (Result<(), (usize, Singular)>, bool) {
        let (mut factorized, mut stationary) = (Ok(()), false);
        // Costates of the recursion have few digits along long active constraints on the state. Those of the solver do not.
        for costates in core::iter::once(None).chain(self.known.map(Some)) {
            if stationary {
                break;
            }
            self.point.costates = costates;
            factorized = kkt.factorize(self.model, self.point, self.method, report);
            // Terminal rows that depend on one another end the recursion before it has begun: stationarity then is not
            // known.
            stationary = match factorized {
                Ok(()) if !self.has_multipliers => true,
                Err(_) if report.stationarity.is_nan() => true,
                _ => report.stationarity <= self.tolerance,
            };
        }
        (factorized, stationary)
    }
}
