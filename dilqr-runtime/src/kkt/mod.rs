//! The linear-quadratic problem about a trajectory: the optimality conditions to first order, factorized once and solved
//! for any number of linear parts. Newton steps, gradients, Jacobians and second derivatives are such solves.

pub(crate) mod active_set;
mod active_set_elimination;
mod active_set_initial;
pub(crate) mod active_set_linear;
mod active_set_penalties;
mod active_set_proximal;
mod active_set_step;
mod dependent_limit;
mod initial_rows;
mod lagrangian;
pub(crate) mod linear;
mod lq_record;
pub(crate) mod penalties;
mod proximal_rows;
mod refinement;
pub(crate) mod report;
pub(crate) mod selection;
pub(crate) mod term_sizes;
pub(crate) mod unconstrained;
pub(crate) mod units;
mod weighted_constraints;
pub(crate) mod weighted_rows;

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{KktSystem, LinearTerms, Step};
use crate::kkt::penalties::{Penalties, PenaltyLaw};
pub(crate) use crate::kkt::proximal_rows::PlainUnits;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::selection::Selection;
use crate::kkt::unconstrained::{Factorized, Unconstrained, UnconstrainedLinear};
use crate::lq::equality_constrained::{ConstraintId, Singular};
use crate::lq::riccati::Pattern;
use crate::model::Model;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;
use crate::settings::Differentiation;

/// The factorization for a model: with rows for active limits where the model has limits, without any where it has none.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one of them for each solver")]
pub(crate) enum Kkt<S, const NX: usize, const NU: usize> {
    Unconstrained(Unconstrained<S, NX, NU>),
    ActiveSet(ActiveSet<S, NX, NU>),
}

/// Memory for the linear part of a solve.
#[derive(Clone, Debug)]
pub(crate) enum KktLinear<S, const NX: usize, const NU: usize, const C: usize> {
    Unconstrained(UnconstrainedLinear<S, NX, NU, C>),
    ActiveSet(ActiveSetLinear<S, NX, NU, C>),
}

impl<S: ScalarReal, const NX: usize, const NU: usize> Kkt<S, NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        if const { M::LIMITS.limited() || M::START.is_free() } {
            Self::ActiveSet(ActiveSet::new::<M, NP, NS>(horizon))
        } else {
            Self::Unconstrained(Unconstrained::new(horizon))
        }
    }

    /// Makes the next factorization one with limits as terms of the cost, or one with active limits as rows.
    pub(crate) fn set_penalties<M, const NP: usize, const NS: usize>(&mut self, law: Option<PenaltyLaw<'_, NU>>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        if let Self::ActiveSet(active_set) = self {
            let horizon = active_set.horizon();
            active_set.penalties = law.map(|law| Penalties::new(law, horizon, const { &M::LIMITS }));
        }
    }

    /// Makes the next factorization one with all active limits as rows.
    pub(crate) fn enforce_all(&mut self) {
        if let Self::ActiveSet(active_set) = self {
            active_set.selection = Selection::ALL;
        }
    }

    /// Factorizes the problem about `point`; `report` receives the residuals and the limits that are near.
    ///
    /// # Errors
    /// The stage at which the recursion ends, and why.
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        method: Differentiation,
        report: &mut ActiveSetReport,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        match self {
            Self::Unconstrained(system) => {
                report.clear();
                let result = system.factorize(model, point, method);
                let (Ok(Factorized { stationarity, .. }) | Err((_, stationarity))) = result;
                report.stationarity = stationarity;
                result.map(|_| ()).map_err(|(stage, _)| (stage, Singular::Indefinite))
            }
            Self::ActiveSet(system) => {
                system.factorize(model, point, (method, ActiveSetRule::PositiveMultiplier), report)
            }
        }
    }

    /// The form of the last factorization's rows, where that is the proximal one.
    pub(crate) fn proximal_form(&self) -> Option<PlainUnits> {
        match self {
            Self::ActiveSet(system) if system.in_proximal_form => Some(system.plain_weights),
            _ => None,
        }
    }

    /// Constants of the active rows of stage `t`, of the terminal state at the horizon: how far the trajectory is from them.
    #[cfg(feature = "dual")]
    pub(crate) fn row_constants(&self, t: usize) -> &[SVector<S, 1>] {
        match self {
            Self::Unconstrained(_) => &[],
            Self::ActiveSet(system) => system.row_constants(t),
        }
    }

    /// `Qu` where a bound holds a control, zero elsewhere, `T` vectors; empty for models without bounds.
    pub(crate) fn bound_multipliers(&self) -> &[SVector<S, NU>] {
        match self {
            Self::Unconstrained(_) => &[],
            Self::ActiveSet(system) => &system.held,
        }
    }

    /// The curvature of stage `t` in closed-loop coordinates: `Quu` on the controls that the active limits leave free, with
    /// infinity on the diagonal for the others.
    pub(crate) fn curvature(&self, t: usize) -> &SMatrix<S, NU, NU> {
        match self {
            Self::Unconstrained(system) => system.curvature(t),
            Self::ActiveSet(system) => &system.stages[t].curvature,
        }
    }
}

impl<S: ScalarReal, const NX: usize, const NU: usize> KktSystem<S, NX, NU> for Kkt<S, NX, NU> {
    type Linear<const C: usize> = KktLinear<S, NX, NU, C>;

    fn linear<const C: usize>(&self) -> KktLinear<S, NX, NU, C> {
        match self {
            Self::Unconstrained(system) => KktLinear::Unconstrained(system.linear()),
            Self::ActiveSet(system) => KktLinear::ActiveSet(system.linear()),
        }
    }

    fn horizon(&self) -> usize {
        match self {
            Self::Unconstrained(system) => system.horizon(),
            Self::ActiveSet(system) => system.horizon(),
        }
    }

    fn costates(&self) -> &[SVector<S, NX>] {
        match self {
            Self::Unconstrained(system) => system.costates(),
            Self::ActiveSet(system) => system.costates(),
        }
    }

    fn rows(&self, t: usize) -> &[ConstraintId] {
        match self {
            Self::Unconstrained(system) => system.rows(t),
            Self::ActiveSet(system) => system.rows(t),
        }
    }

    fn terminal_rows(&self) -> &[usize] {
        match self {
            Self::Unconstrained(system) => system.terminal_rows(),
            Self::ActiveSet(system) => system.terminal_rows(),
        }
    }

    fn penalties(&self) -> Option<&Penalties<S, NX, NU>> {
        match self {
            Self::Unconstrained(_) => None,
            Self::ActiveSet(system) => system.penalties(),
        }
    }

    #[cfg(feature = "dual")]
    fn penalties_mut(&mut self) -> Option<&mut Penalties<S, NX, NU>> {
        match self {
            Self::Unconstrained(_) => None,
            Self::ActiveSet(system) => system.penalties_mut(),
        }
    }

    fn stage_multipliers(memory: &mut KktLinear<S, NX, NU, 1>) -> Option<&mut Vec<S>> {
        match memory {
            KktLinear::Unconstrained(_) => None,
            KktLinear::ActiveSet(memory) => ActiveSet::stage_multipliers(memory),
        }
    }

    fn solve<P: Pattern<NX, NU>, const C: usize, const ADJOINT: bool>(
        &self,
        memory: &mut KktLinear<S, NX, NU, C>,
        mut terms: impl FnMut(usize, &mut LinearTerms<S, NX, NU, C>),
        mut visit: impl FnMut(usize, Step<'_, S, NX, NU, C>),
    ) -> SMatrix<S, NX, C> {
        // Memory is made by `linear` of the same system.
        match self {
            Self::Unconstrained(system) => {
                let mut other = None;
                let memory = match memory {
                    KktLinear::Unconstrained(memory) => memory,
                    KktLinear::ActiveSet(_) => other.insert(system.linear()),
                };
                system.solve::<P, C, ADJOINT>(memory, terms, visit)
            }
            Self::ActiveSet(system) => {
                let mut other = None;
                let memory = match memory {
                    KktLinear::ActiveSet(memory) => memory,
                    KktLinear::Unconstrained(_) => other.insert(system.linear()),
                };
                system.solve_with_rows(memory, &mut terms, &mut visit)
            }
        }
    }
}
