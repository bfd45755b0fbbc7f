//! Solutions at which limits are weakly active, or active rows depend on one another.
//!
//! There the usual conditions for a derivative fail, and yet it may exist. The procedure:
//!
//! 1. Only strongly active limits are rows. Of rows that are linear combinations of others one is left out, until the rest
//!    are independent.
//! 2. The reduced Hessian of that problem is positive definite, so its solution path has a derivative.
//! 3. Each limit that is no row, but active, does not change along that path in any datum, weights included ([`columns`]). Then the path
//!    satisfies all limits to first order, and is the solution path of the problem with all of them: of the quadratic
//!    problem that gives the directional derivatives (Jittorntrum, *Solution point differentiability without strict
//!    complementarity in nonlinear programming*, 1984) it is the solution in every direction.
//! 4. Where rows were left out, another set of multipliers gives the same derivative ([`multiplier_split`]).
//!
//! Where a step fails, the derivative does not exist or cannot be told from one that does not: an error.
//!
//! [`columns`]: crate::differentiate::columns
//! [`multiplier_split`]: crate::differentiate::multiplier_split

use alloc::vec::Vec;

use crate::differentiate::active_row::ActiveRow;
use crate::differentiate::candidate::{Candidate, Factorization, PRECISE};
use crate::differentiate::columns::first_moving;
use crate::differentiate::multiplier_split::splits_agree;
use crate::error::GradientError;
use crate::kkt::report::LimitNames;
use crate::kkt::selection::Selection;
use crate::kkt::units::LimitState;
use crate::kkt::{Kkt, KktLinear};
use crate::lq::equality_constrained::{ConstraintId, Singular};
use crate::model::Model;

/// The outcome: the relative Newton step, and why second derivatives do not exist, if there is a reason.
pub(super) type Outcome = (f64, Option<GradientError>);

/// A weakly active limit and its margin.
type Weak = (f64, LimitState);

/// A row that is left out: its stage and its limit.
type Dropped = (usize, ConstraintId);

/// The error of a factorization that ended at `stage`.
pub(crate) fn singular_system(names: LimitNames, (stage, singular): (usize, Singular)) -> GradientError {
    match singular {
        Singular::Indefinite => GradientError::NotPositiveDefinite { stage },
        Singular::Dependent(source) => {
            let limit = source.map(|source| names.name(stage, source).1);
            GradientError::ConstraintsDependent { stage, limit }
        }
    }
}

fn weakly_active(names: LimitNames, &(margin, limit): &Weak) -> GradientError {
    let (stage, limit) = names.name(limit.stage, limit.source);
    GradientError::WeaklyActive { stage, limit, margin }
}

impl<const NX: usize, const NU: usize> Factorization<'_, NX, NU> {
    /// Replaces the factorization about a candidate where its limits are degenerate. `found` is its relative Newton step, or
    /// why it does not exist: [`GradientError::ConstraintsDependent`]. Allocates nothing where there is nothing degenerate.
    ///
    /// # Errors
    /// Where the derivative does not exist, or cannot be told from one that does not.
    pub(super) fn resolve<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &mut Candidate<'_, M, NX, NU, NP, NS>,
        found: Result<f64, GradientError>,
    ) -> Result<Outcome, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        // Nothing is degenerate without limits, and rustc compiles none of the rest.
        if const { !M::LIMITS.limited() && !M::START.is_free() } {
            return found.map(|step| (step, None));
        }
        // A factorization that fails reports a part of the limits.
        let weak = self.weak();
        let weakest = weak.iter().min_by(|a, b| a.0.total_cmp(&b.0));
        match (&found, weakest) {
            (Ok(step), None) => return Ok((*step, None)),
            // Limits that cannot be eliminated are not left out either.
            (Ok(_), Some(weakest)) if self.kkt.proximal_form().is_some() => {
                return Err(weakly_active(self.names, weakest));
            }
            _ => {}
        }
        let first = self.attempt(candidate, (&found, &weak), false);
        if first.is_err() && !self.dropped().is_empty() {
            // The magnitudes of variables at rest are rounding errors, next to which rows seem to be dependent.
            let second = self.attempt(candidate, (&found, &weak), true);
            if second.is_ok() {
                return second;
            }
        }
        first
    }

    /// Why the optimal cost has no gradient, if there is a reason.
    pub(super) fn kink_of_cost(&self) -> Option<GradientError> {
        let limit = self.report.kink_of_cost(self.activity, self.names)?;
        Some(weakly_active(self.names, &(self.report.units.distance(&limit), limit)))
    }

    /// The weakly active limits that the trajectory depends on.
    fn weak(&self) -> Vec<Weak> {
        self.report.weak_for_trajectory(self.activity, self.names)
    }

    /// The rows that the last factorizations have left out.
    fn dropped(&self) -> Vec<Dropped> {
        match &self.kkt {
            Kkt::Unconstrained(_) => Vec::new(),
            Kkt::ActiveSet(system) => system.selection.dropped.clone(),
        }
    }

    fn attempt<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &mut Candidate<'_, M, NX, NU, NP, NS>,
        (found, weak): (&Result<f64, GradientError>, &[Weak]),
        plain_units: bool,
    ) -> Result<Outcome, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (mut step, weak) = match found {
            Ok(step) => (*step, weak.to_vec()),
            Err(dependent) => {
                let step = self.factorize_without(candidate, &[], plain_units).ok_or_else(|| dependent.clone())?;
                (step, self.weak())
            }
        };
        let weakest = weak.iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|weakest| weakly_active(self.names, weakest));
        if let Some(weakest) = &weakest {
            step = self.factorize_without(candidate, &weak, plain_units).ok_or_else(|| weakest.clone())?;
        }
        let dropped = self.dropped();
        // The trajectory does not depend on the others.
        let checked = dropped.iter().copied().filter(|&(t, limit)| !self.names.is_without_choice(t, limit)).collect();
        self.check_free_rows(candidate, (weak, checked), step)?;
        let dependent = dropped.first().map(|&first| dependent(self.names, first));
        Ok((step, dependent.or(weakest)))
    }

    /// Makes the next factorizations leave out the limits in `weak`, and rows that depend on others.
    fn select<M, const NP: usize, const NS: usize>(&mut self, weak: &[Weak], plain_units: bool)
    where
        M: Model<NX, NU, NP, NS>,
    {
        if let Kkt::ActiveSet(system) = &mut *self.kkt {
            let left_out = weak.iter().map(|(_, limit)| (limit.stage, limit.source));
            let mut selection = Selection::without(left_out, (system.stages.len(), NU), const { &M::LIMITS });
            selection.plain_units = plain_units;
            system.selection = selection;
        }
    }

    /// Factorizes without the limits in `weak`, and without rows that depend on others. The relative Newton step of that
    /// problem; `None` where its reduced Hessian is not positive definite, or the candidate is no solution of it.
    fn factorize_without<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &mut Candidate<'_, M, NX, NU, NP, NS>,
        weak: &[Weak],
        plain_units: bool,
    ) -> Option<f64>
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.select::<M, NP, NS>(weak, plain_units);
        let verdict = self.eliminate_rows(candidate);
        (self.solve_residual(&verdict, candidate.tolerance) <= PRECISE).then_some(verdict.step)
    }

    /// Checks the limits that are active and no rows, at a solution with the relative Newton step `step`.
    fn check_free_rows<M, const NP: usize, const NS: usize>(
        &mut self,
        candidate: &Candidate<'_, M, NX, NU, NP, NS>,
        (weak, dropped): (Vec<Weak>, Vec<Dropped>),
        step: f64,
    ) -> Result<(), GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (Kkt::ActiveSet(system), KktLinear::ActiveSet(memory)) = (&*self.kkt, &mut *self.linear) else {
            return Ok(());
        };
        let limits = weak.iter().map(|(_, limit)| (limit.stage, limit.source)).chain(dropped.iter().copied());
        let rows = ActiveRow::all(candidate, limits);
        if let Some(moving) = first_moving(system, candidate, &rows, step) {
            return Err(match weak.get(moving) {
                Some(weak) => weakly_active(self.names, weak),
                None => dependent(self.names, dropped[moving - weak.len()]),
            });
        }
        let rows = &rows[weak.len()..];
        match dropped.first() {
            Some(&first) if !splits_agree((system, memory), candidate, rows, (&self.report.units, step)) => {
                Err(dependent(self.names, first))
            }
            _ => Ok(()),
        }
    }
}

fn dependent(names: LimitNames, (stage, limit): Dropped) -> GradientError {
    GradientError::ConstraintsDependent { stage, limit: Some(names.name(stage, limit).1) }
}
