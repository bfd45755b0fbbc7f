//! An instance of the optimal control problem: a model with its data, bounds and penalties.

use alloc::vec::Vec;
use core::marker::PhantomData;
use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::lq::bounds::Bounds;
use crate::lq::riccati::Pattern;
use crate::model::Model;
use crate::model::limits::ConstraintExpansion;
use crate::model::stage::{Stage, Terminal};
use crate::ocp::constraints::is_enforced_at;
use crate::ocp::penalty::{Penalty, PenaltyValue};
use crate::ocp::stage_functions;
use crate::ocp::stationarity::relative_change;
use crate::ocp::trajectory::Trajectory;
use crate::scalar::{Mask, Scalar};

/// The pattern of a model's [`SPARSITY`](Model::SPARSITY).
pub(crate) struct PatternOf<M, const NP: usize, const NS: usize>(PhantomData<M>);

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Pattern<NX, NU> for PatternOf<M, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    const FX: [[bool; NX]; NX] = M::SPARSITY.fx;
    const FU: [[bool; NU]; NX] = M::SPARSITY.fu;
}

/// The inputs of rollouts and backward passes besides the trajectory.
pub(crate) struct OcpInstance<'a, M, S, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) model: &'a M,
    pub(crate) params: &'a SVector<S, NP>,
    /// `s_t`, `T + 1` vectors.
    pub(crate) stage_params: &'a [SVector<S, NS>],
    pub(crate) bounds: &'a Bounds<S, NU>,
    pub(crate) penalty: &'a Penalty<S>,
}

/// The derivatives of a stage's cost, to which penalties are added.
pub(crate) struct CostDerivativesMut<'a, S, const NX: usize, const NU: usize> {
    pub(crate) lx: &'a mut SVector<S, NX>,
    pub(crate) lu: &'a mut SVector<S, NU>,
    pub(crate) hxx: &'a mut SMatrix<S, NX, NX>,
    pub(crate) hux: &'a mut SMatrix<S, NU, NX>,
    pub(crate) huu: &'a mut SMatrix<S, NU, NU>,
}

impl<M, S: Scalar, const NU: usize, const NP: usize, const NS: usize> OcpInstance<'_, M, S, NU, NP, NS> {
    /// Whether rollouts and backward passes enforce the bounds. Otherwise penalties replace them.
    #[inline(always)]
    pub(crate) fn keeps_bounds<const NX: usize>(&self) -> bool
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        limits.bounded && !self.penalty.covers_bounds()
    }

    /// The largest relative change between two trajectories, whose numbers are finite. It is infinite where a control
    /// reaches a bound: however short that step, a solution and its derivative have the control at the bound.
    pub(crate) fn relative_change<const NX: usize>(&self, from: &Trajectory<S, NX, NU>, to: &Trajectory<S, NX, NU>) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let change = relative_change((&from.states, &from.controls), (&to.states, &to.controls));
        if !self.keeps_bounds() {
            return change;
        }
        let mut reached = S::Mask::splat(false);
        for (u, new) in from.controls.iter().zip(&to.controls) {
            reached = reached | self.bounds.reached(u, new);
        }
        S::select(reached, S::from_f64(f64::INFINITY), change)
    }

    /// Evaluates the constraints of stage `t` into `c` and returns the sum of their penalties.
    #[inline]
    pub(crate) fn stage_penalty<const NX: usize>(
        &self,
        t: usize,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        c: &mut [S],
    ) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let mut sum = S::zero();
        if limits.listed() > 0 {
            let at = Stage::new(x, u, self.params, &self.stage_params[t]);
            stage_functions::stage_constraints((self.model, t), at, c);
            let multipliers = self.penalty.at_stage(t, limits);
            for (i, (&c, &multiplier)) in c.iter().zip(multipliers).enumerate() {
                if is_enforced_at(limits, t, i) {
                    sum += self.penalty.term(i, limits.is_inequality(i), c, multiplier).value;
                }
            }
        }
        if limits.bounded && self.penalty.covers_bounds() {
            for i in 0..NU {
                for (_, term) in self.penalty.of_bounds(self.bounds, i, u) {
                    sum += term.value;
                }
            }
        }
        sum
    }

    /// [`stage_penalty`](Self::stage_penalty) for the terminal state.
    #[inline]
    pub(crate) fn terminal_penalty<const NX: usize>(&self, x: &SVector<S, NX>, c: &mut [S]) -> S
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let mut sum = S::zero();
        if limits.terminal() > 0 {
            self.model.terminal_constraints(
                Terminal::new(x, self.params, &self.stage_params[self.stage_params.len() - 1]),
                c,
            );
            for (i, (&c, &multiplier)) in c.iter().zip(&self.penalty.terminal).enumerate() {
                sum += self.penalty.term(limits.listed() + i, i < limits.terminal_inequalities, c, multiplier).value;
            }
        }
        sum
    }

    /// Adds the penalties of stage `t` to its derivatives. `c` holds the values of the constraints. `record` receives the
    /// multipliers that correspond to the penalties, and the expansion of the constraints.
    pub(crate) fn expand_stage_penalty<const NX: usize>(
        &self,
        t: usize,
        at: Stage<'_, S, NX, NU, NP, NS>,
        c: &[S],
        record: &mut PenaltyRecord<S, NX, NU>,
        mut derivatives: CostDerivativesMut<'_, S, NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.listed() > 0 {
            let multipliers = self.penalty.at_stage(t, limits);
            let term = |i: usize| {
                is_enforced_at(limits, t, i)
                    .then(|| self.penalty.term(i, limits.is_inequality(i), c[i], multipliers[i]))
            };
            let PenaltyRecord { multipliers: mu, expansion } = record;
            for (i, mu) in mu.iter_mut().enumerate() {
                *mu = term(i).map_or_else(S::zero, |term| term.slope);
            }
            self.model.expand_stage_constraints(at, mu, expansion);
            // A constraint that is not active may have no derivative here.
            if mu.iter().any(|multiplier| !multiplier.vanishes()) {
                *derivatives.hxx += expansion.hxx;
                *derivatives.hux += expansion.hux;
                *derivatives.huu += expansion.huu;
            }
            for i in 0..limits.listed() {
                if let Some(term) = term(i) {
                    derivatives.add_constraint(&expansion.cx[i], &expansion.cu[i], &term);
                }
            }
        }
        if limits.bounded && self.penalty.covers_bounds() {
            for i in 0..NU {
                for (side, term) in self.penalty.of_bounds(self.bounds, i, at.u) {
                    derivatives.lu[i] += side.direction::<S>() * term.slope;
                    derivatives.huu[(i, i)] += term.curvature;
                }
            }
        }
    }

    /// [`expand_stage_penalty`](Self::expand_stage_penalty) for the terminal state.
    pub(crate) fn expand_terminal_penalty<const NX: usize>(
        &self,
        x: &SVector<S, NX>,
        c: &[S],
        record: &mut PenaltyRecord<S, NX, 0>,
        lx: &mut SVector<S, NX>,
        lxx: &mut SMatrix<S, NX, NX>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.terminal() == 0 {
            return;
        }
        let term = |i: usize| {
            let inequality = i < limits.terminal_inequalities;
            self.penalty.term(limits.listed() + i, inequality, c[i], self.penalty.terminal[i])
        };
        let PenaltyRecord { multipliers: mu, expansion } = record;
        for (i, mu) in mu.iter_mut().enumerate() {
            *mu = term(i).slope;
        }
        let s = &self.stage_params[self.stage_params.len() - 1];
        self.model.expand_terminal_constraints(Terminal::new(x, self.params, s), mu, expansion);
        if mu.iter().any(|multiplier| !multiplier.vanishes()) {
            *lxx += expansion.hxx;
        }
        let (mut lu, mut hux, mut huu) = (zeros::<S, 0, 1>(), zeros::<S, 0, NX>(), zeros::<S, 0, 0>());
        let mut derivatives = CostDerivativesMut { lx, lu: &mut lu, hxx: lxx, hux: &mut hux, huu: &mut huu };
        for i in 0..limits.terminal() {
            derivatives.add_constraint(&expansion.cx[i], &expansion.cu[i], &term(i));
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> CostDerivativesMut<'_, S, NX, NU> {
    /// Adds the penalty of a constraint with the gradients `cx` and `cu`: `slope c_z` to the gradient, and
    /// `curvature c_z c_z'` to the Hessian.
    fn add_constraint(&mut self, cx: &SVector<S, NX>, cu: &SVector<S, NU>, term: &PenaltyValue<S>) {
        let PenaltyValue { slope, curvature, .. } = *term;
        if slope.vanishes() && curvature.vanishes() {
            return;
        }
        for i in 0..NX {
            self.lx[i] += slope * cx[i];
            let scaled = curvature * cx[i];
            for j in 0..NX {
                self.hxx[(j, i)] += cx[j] * scaled;
            }
            for j in 0..NU {
                self.hux[(j, i)] += cu[j] * scaled;
            }
        }
        for i in 0..NU {
            self.lu[i] += slope * cu[i];
            let scaled = curvature * cu[i];
            for j in 0..NU {
                self.huu[(j, i)] += cu[j] * scaled;
            }
        }
    }
}

/// Memory for the penalties of a stage: the multipliers that correspond to them, and the expansion of the constraints.
#[derive(Clone, Debug)]
pub(crate) struct PenaltyRecord<S, const NX: usize, const NU: usize> {
    pub(crate) multipliers: Vec<S>,
    pub(crate) expansion: ConstraintExpansion<S, NX, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> PenaltyRecord<S, NX, NU> {
    /// Memory for this many constraints.
    pub(crate) fn zeros(count: usize) -> Self {
        Self { multipliers: vec![S::zero(); count], expansion: ConstraintExpansion::zeros(count) }
    }
}
