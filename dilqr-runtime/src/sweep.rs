//! The backward sweep of the forward solve: derivatives along a trajectory, and the LQ problem's solution from them.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::dense::{dot, larger, zeros};
use crate::instance::{Additions, Bounds, Instance};
use crate::limits::{ConstraintExpansion, Limits};
use crate::model::{HamiltonianExpansion, Model, StageExpansion, TerminalExpansion};
use crate::riccati::{PatternOf, Quadratic, StageFactor};
use crate::scalar::Scalar;
use crate::settings::Hessian;
use crate::trajectory::{Trajectory, at_stage};

/// The step a sweep proposes, about the trajectory it was made for.
#[derive(Clone, Debug)]
pub(crate) struct Policy<S, const NX: usize, const NU: usize> {
    /// `K_t`, `T` matrices.
    pub(crate) gains: Vec<SMatrix<S, NU, NX>>,
    /// `k_t`, `T` vectors.
    pub(crate) feedforward: Vec<SVector<S, NU>>,
    /// Closed-loop costates, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<S, NX>>,
    /// `Quu` of every stage; infinity on the diagonal for controls at a bound.
    pub(crate) curvatures: Vec<SMatrix<S, NU, NU>>,
    /// `Qu` where a bound holds a control, zero elsewhere; empty for models without bounds.
    pub(crate) held: Vec<SVector<S, NU>>,
}

/// What a sweep says of its trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sweep<S> {
    /// Derivative of the cost along the step, `sum_t k' Qu`; not positive.
    pub(crate) slope: S,
    /// `max |Q_u| / max(1, max |l_u|)`.
    pub(crate) stationarity: f64,
    /// `max(1, max |l_u|)`
    pub(crate) scale: f64,
    /// The second derivatives it used.
    pub(crate) hessian: Hessian,
}

impl Sweep<f64> {
    /// Of no sweep, or one that did not finish.
    pub(crate) const NONE: Self = Self { slope: f64::NAN, stationarity: f64::NAN, scale: 1.0, hessian: Hessian::Exact };
}

/// Why a sweep did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `Quu` is not positive definite: more regularisation helps.
    Indefinite,
    /// The derivatives along the trajectory are not finite: nothing helps.
    NonFinite,
}

/// Stationarity as it is accumulated over the stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stationarity {
    qu: f64,
    lu: f64,
}

impl Stationarity {
    pub(crate) const START: Self = Self { qu: 0.0, lu: 1.0 };

    #[inline(always)]
    pub(crate) fn add<S: Scalar, const NU: usize>(&mut self, qu: &SVector<S, NU>, lu: &SVector<S, NU>) {
        for i in 0..NU {
            self.qu = larger(self.qu, qu[i].to_f64().abs());
            self.lu = self.lu.max(lu[i].to_f64().abs());
        }
    }

    /// As [`add`](Self::add), without the entries that a bound keeps from going downhill.
    #[inline(always)]
    pub(crate) fn add_free<S: Scalar, const NU: usize>(
        &mut self,
        u: &SVector<S, NU>,
        qu: &SVector<S, NU>,
        lu: &SVector<S, NU>,
        bounds: &Bounds<S, NU>,
    ) {
        let mut free = *qu;
        for i in 0..NU {
            if bounds.held(i, u, qu).is_some() {
                free[i] = S::zero();
            }
        }
        self.add(&free, lu);
    }

    /// `max(1, max |l_u|)`
    pub(crate) fn scale(self) -> f64 {
        self.lu
    }

    pub(crate) fn value(self) -> f64 {
        self.qu / self.lu
    }
}

/// One record of each kind, filled stage after stage by the kernels of one model.
#[derive(Clone, Debug)]
pub(crate) struct Records<S, const NX: usize, const NU: usize> {
    stage: StageExpansion<S, NX, NU>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    terminal: TerminalExpansion<S, NX>,
    factor: StageFactor<S, NX, NU>,
    /// `lu` without the augmented Lagrangian's part, for models with constraints: what stationarity is measured by, so that
    /// it means the same whichever way a solve ends.
    cost_lu: SVector<S, NU>,
    constraints: ConstraintExpansion<S, NX, NU>,
    terminal_constraints: ConstraintExpansion<S, NX, 0>,
    multipliers: Vec<S>,
    terminal_multipliers: Vec<S>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Records<S, NX, NU> {
    pub(crate) fn zeros(limits: &Limits) -> Self {
        Self {
            constraints: ConstraintExpansion::zeros(limits.stage()),
            terminal_constraints: ConstraintExpansion::zeros(limits.terminal()),
            multipliers: vec![S::zero(); limits.stage()],
            terminal_multipliers: vec![S::zero(); limits.terminal()],
            stage: StageExpansion::zeros(),
            hamiltonian: HamiltonianExpansion::zeros(),
            terminal: TerminalExpansion::zeros(),
            factor: StageFactor::zeros(),
            cost_lu: zeros(),
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> Policy<S, NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        Self {
            curvatures: vec![zeros(); horizon],
            held: vec![zeros(); if limits.bounded { horizon } else { 0 }],
            gains: vec![zeros(); horizon],
            feedforward: vec![zeros(); horizon],
            costates: vec![zeros(); horizon + 1],
        }
    }

    /// Sweeps backward about `trajectory` with the proximal weight `mu`.
    ///
    /// With [`Hessian::Exact`] second derivatives of the dynamics are contracted with the gradient of the next stage's
    /// value function, which is the closed-loop costate (see [`riccati`](crate::riccati)).
    pub(crate) fn sweep<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &Instance<'_, M, S, NU, NP, NS>,
        trajectory: &Trajectory<S, NX, NU>,
        hessian: Hessian,
        mu: S,
        records: &mut Records<S, NX, NU>,
    ) -> Result<Sweep<S>, Failure>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Instance { model, params: p, stage_params, bounds, .. } = instance;
        let limits = const { &M::LIMITS };
        let Trajectory { states, controls, constraints } = trajectory;
        let horizon = controls.len();
        model.expand_terminal(&states[horizon], p, &stage_params[horizon], &mut records.terminal);
        if limits.terminal() > 0 {
            instance.expand_terminal_penalty(
                &states[horizon],
                &constraints[at_stage(constraints, horizon, horizon, limits)],
                &mut records.terminal_multipliers,
                &mut records.terminal_constraints,
                &mut records.terminal.lx,
                &mut records.terminal.lxx,
            );
        }
        let terminal = &records.terminal;
        if !finite(&[terminal.lx.as_slice(), terminal.lxx.as_slice()]) {
            return Err(Failure::NonFinite);
        }
        let mut value = terminal.lxx;
        for i in 0..NX {
            value[(i, i)] += mu;
        }
        let mut lambda = terminal.lx;
        if limits.terminal() > 0 {
            // The kernel writes no structural zero, but penalties were added there.
            records.terminal = TerminalExpansion::zeros();
        }
        self.costates[horizon] = lambda;

        let mut slope = S::zero();
        let mut stationarity = Stationarity::START;
        for t in (0..horizon).rev() {
            let (x, u) = (&states[t], &controls[t]);
            if limits.limited() {
                // As above.
                records.stage = StageExpansion::zeros();
                records.hamiltonian = HamiltonianExpansion::zeros();
            }
            records.expand(instance, t, x, u, constraints, horizon, hessian, &lambda);
            let Records { stage, hamiltonian, factor, cost_lu, .. } = records;
            let (quadratic, lx, lu) = match hessian {
                Hessian::Exact => {
                    let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &*hamiltonian;
                    (Quadratic { fx, fu, hxx, hux, huu }, lx, lu)
                }
                Hessian::GaussNewton => {
                    let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = &*stage;
                    (Quadratic { fx, fu, hxx: lxx, hux: lux, huu: luu }, lx, lu)
                }
            };
            let augmented = limits.constrained() && !instance.penalty.covers_bounds();
            let measure = if augmented { &*cost_lu } else { lu };
            let step = if instance.keeps_bounds() {
                let step = factor
                    .boxed_where::<PatternOf<M, NP, NS>>(&quadratic, mu, lx, lu, u, bounds, &mut value, &mut lambda)
                    .map_err(|_| diagnose(&quadratic, lx, lu))?;
                stationarity.add_free(u, &step.qu, measure, bounds);
                self.held[t] = bounds.held_part(u, &step.qu);
                step
            } else {
                if factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, mu, &mut value).is_err() {
                    return Err(diagnose(&quadratic, lx, lu));
                }
                let step =
                    factor.linear_where::<PatternOf<M, NP, NS>, 1>(quadratic.fx, quadratic.fu, lx, lu, &mut lambda);
                stationarity.add(&step.qu, measure);
                step
            };
            slope += dot(&step.k, &step.qu);

            if !all_finite(&step.k, &lambda) {
                return Err(diagnose(&quadratic, lx, lu));
            }
            self.curvatures[t] = factor.curvature;
            self.gains[t] = factor.gain;
            self.feedforward[t] = step.k;
            self.costates[t] = lambda;
        }
        Ok(Sweep { slope, stationarity: stationarity.value(), scale: stationarity.scale(), hessian })
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> Records<S, NX, NU> {
    /// The derivatives of stage `t`, penalties included.
    #[inline(always)]
    fn expand<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &Instance<'_, M, S, NU, NP, NS>,
        t: usize,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        constraints: &[S],
        horizon: usize,
        hessian: Hessian,
        lambda: &SVector<S, NX>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let Instance { model, params: p, stage_params, .. } = instance;
        let limits = const { &M::LIMITS };
        let s = &stage_params[t];
        let additions = match hessian {
            Hessian::Exact => {
                model.expand_hamiltonian(x, u, p, s, lambda, &mut self.hamiltonian);
                let HamiltonianExpansion { lx, lu, hxx, hux, huu, .. } = &mut self.hamiltonian;
                Additions { lx, lu, hxx, hux, huu }
            }
            Hessian::GaussNewton => {
                model.expand_stage(x, u, p, s, &mut self.stage);
                let StageExpansion { lx, lu, lxx, lux, luu, .. } = &mut self.stage;
                Additions { lx, lu, hxx: lxx, hux: lux, huu: luu }
            }
        };
        if limits.limited() {
            self.cost_lu = *additions.lu;
            let c = &constraints[at_stage(constraints, t, horizon, limits)];
            instance.expand_stage_penalty(t, x, u, c, &mut self.multipliers, &mut self.constraints, additions);
        }
    }
}

/// Whether a failed stage was given numbers that are finite.
#[cold]
fn diagnose<S: Scalar, const NX: usize, const NU: usize>(
    stage: &Quadratic<'_, S, NX, NU>,
    lx: &SVector<S, NX>,
    lu: &SVector<S, NU>,
) -> Failure {
    let Quadratic { fx, fu, hxx, hux, huu } = stage;
    let first = [fx.as_slice(), fu.as_slice(), lx.as_slice(), lu.as_slice()];
    let second = [hxx.as_slice(), hux.as_slice(), huu.as_slice()];
    if finite(&first) && finite(&second) { Failure::Indefinite } else { Failure::NonFinite }
}

fn finite<S: Scalar>(slices: &[&[S]]) -> bool {
    slices.iter().all(|entries| entries.iter().all(|entry| entry.to_f64().is_finite()))
}

/// One test for a stage's results: a sum is finite only if every term is. A gain that is not finite makes `lambda`, which
/// contains `K' Qu`, not finite either.
#[inline(always)]
fn all_finite<S: Scalar, const NX: usize, const NU: usize>(k: &SVector<S, NU>, lambda: &SVector<S, NX>) -> bool {
    let mut sum = 0.0;
    for i in 0..NX {
        sum += lambda[i].to_f64();
    }
    for j in 0..NU {
        sum += k[j].to_f64();
    }
    sum.is_finite()
}
