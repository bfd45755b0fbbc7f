//! The backward sweep of the forward solve: derivatives along a trajectory, and the LQ problem's solution from them.

use crate::linalg::products::zeros;
use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::kkt::unconstrained::Sensitivity;
use crate::linalg::products::{dot, is_finite};
use crate::lq::box_constrained::BoundedControl;
use crate::lq::curvature::Curvature;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Quadratic, StageFactor, StageGradients, ValueFunctionMut};
use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::{CostDerivativesMut, OcpInstance, PatternOf};
use crate::ocp::rollout::{Trajectory, at_stage};
use crate::ocp::stationarity::{Stationarity, is_rounding, residual_terms};
use crate::scalar::{Mask, Scalar, ScalarReal};
use crate::settings::Hessian;

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

/// How a sweep is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PassSettings<S: Scalar> {
    /// The second derivatives.
    pub(crate) hessian: Hessian,
    /// The weight of the proximal term, in units of the curvature (see [`Curvature`]).
    pub(crate) mu: S,
}

impl<S: Scalar> PassSettings<S> {
    /// Without regularization.
    pub(crate) fn plain(hessian: Hessian) -> Self {
        Self { hessian, mu: S::zero() }
    }
}

/// What a sweep says of its trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BackwardPass<S: Scalar> {
    /// Derivative of the cost along the step, `sum_t k' Qu`; not positive.
    pub(crate) slope: S,
    /// `sum_t |lambda_t|' |x_t|`: what relative rounding errors of the states make of the cost.
    pub(crate) sensitivity: S::Real,
    /// See [`Stationarity::value`].
    pub(crate) stationarity: S::Real,
    /// See [`Stationarity::scale`].
    pub(crate) scale: S::Real,
    /// Where the sweep did not finish for a `Quu` that is not positive definite.
    pub(crate) indefinite: S::Mask,
    /// Where it did not finish for derivatives that are not finite.
    pub(crate) non_finite: S::Mask,
    /// The second derivatives it used.
    pub(crate) hessian: Hessian,
}

impl BackwardPass<f64> {
    /// Of no sweep, or one that did not finish.
    pub(crate) const NONE: Self = Self {
        slope: f64::NAN,
        sensitivity: f64::NAN,
        stationarity: f64::NAN,
        scale: 1.0,
        indefinite: false,
        non_finite: false,
        hessian: Hessian::Exact,
    };
}

impl<S: Scalar> BackwardPass<S> {
    /// Where no stage has failed so far.
    #[inline(always)]
    fn sound(&self) -> S::Mask {
        !(self.indefinite | self.non_finite)
    }

    /// A stage that failed somewhere, and where the numbers it was given are finite.
    #[cold]
    fn fail(&mut self, failed: S::Mask, given: S::Mask) {
        self.indefinite = self.indefinite | (failed & given);
        self.non_finite = self.non_finite | (failed & !given);
    }
}

impl<S: ScalarReal> BackwardPass<S> {
    /// The sweep, if it finished.
    #[inline]
    pub(crate) fn outcome(self) -> Result<Self, Failure> {
        if self.indefinite {
            Err(Failure::Indefinite)
        } else if self.non_finite {
            Err(Failure::NonFinite)
        } else {
            Ok(self)
        }
    }
}

/// Why a sweep did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `Quu` is not positive definite: more regularization helps.
    Indefinite,
    /// The derivatives along the trajectory are not finite: nothing helps.
    NonFinite,
}

/// One record of each kind, filled stage after stage by the kernels of one model.
#[derive(Clone, Debug)]
pub(crate) struct StageWorkspace<S, const NX: usize, const NU: usize> {
    stage: StageExpansion<S, NX, NU>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    terminal: TerminalExpansion<S, NX>,
    factor: StageFactor<S, NX, NU>,
    constraints: ConstraintExpansion<S, NX, NU>,
    terminal_constraints: ConstraintExpansion<S, NX, 0>,
    multipliers: Vec<S>,
    terminal_multipliers: Vec<S>,
}

impl<S: Scalar, const NX: usize, const NU: usize> StageWorkspace<S, NX, NU> {
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

    /// Sweeps backward about `trajectory`.
    ///
    /// With [`Hessian::Exact`] second derivatives of the dynamics are contracted with the gradient of the next stage's
    /// value function, which is the closed-loop costate (see [`riccati`](crate::riccati)). Where a stage cannot be swept
    /// the policy holds no meaning; the sweep ends as soon as that is everywhere.
    ///
    /// The factors of its stages are written to `keep`: with `mu = 0` they are those of the gradient, to the bit.
    pub(crate) fn backward_pass<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trajectory: &Trajectory<S, NX, NU>,
        method: PassSettings<S>,
        records: &mut StageWorkspace<S, NX, NU>,
        mut keep: Option<&mut Sensitivity<S, NX, NU>>,
    ) -> BackwardPass<S>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let OcpInstance { model, params: p, stage_params, bounds, .. } = instance;
        let limits = const { &M::LIMITS };
        let PassSettings { hessian, mu } = method;
        let Trajectory { states, controls, constraints } = trajectory;
        let horizon = controls.len();
        model.expand_terminal(Terminal::new(&states[horizon], p, &stage_params[horizon]), &mut records.terminal);
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
        let mut sweep = BackwardPass {
            slope: S::zero(),
            sensitivity: size(&terminal.lx, &states[horizon]),
            stationarity: S::Real::zero(),
            scale: S::Real::zero(),
            indefinite: S::Mask::splat(false),
            non_finite: !finite(&[terminal.lx.as_slice(), terminal.lxx.as_slice()]),
            hessian,
        };
        if !sweep.sound().any() {
            return sweep;
        }
        let mut value = terminal.lxx;
        let mut lambda = terminal.lx;
        let regularized = !mu.equal(S::zero()).all();
        let mut curvature = Curvature::of_terminal(&terminal.lxx);
        let mut proximal = Proximal::none();
        if regularized {
            proximal = curvature.proximal(mu);
            proximal.add_to(&mut value, &mut zeros::<S, NU, NU>());
        }
        if limits.terminal() > 0 {
            // The kernel writes no structural zero, but penalties were added there.
            records.terminal = TerminalExpansion::zeros();
        }
        self.costates[horizon] = lambda;
        if let Some(keep) = &mut keep {
            keep.record_terminal(&value, &lambda);
        }
        let mut stationarity = Stationarity::start();
        for t in (0..horizon).rev() {
            let (x, u) = (&states[t], &controls[t]);
            if limits.limited() {
                // As above.
                records.stage = StageExpansion::zeros();
                records.hamiltonian = HamiltonianExpansion::zeros();
            }
            records.expand(instance, t, x, u, constraints, horizon, hessian, &lambda);
            let StageWorkspace { stage, hamiltonian, factor, .. } = records;
            let (quadratic, lx, lu) = blocks(stage, hamiltonian, hessian);
            if regularized {
                curvature.add_stage::<PatternOf<M, NP, NS>>(&quadratic);
                proximal = curvature.proximal(mu);
            }
            let terms = residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, quadratic.fu, &lambda);
            let (mut step, definite) = if instance.keeps_bounds() {
                let (step, definite) = factor.box_constrained_where::<PatternOf<M, NP, NS>>(
                    &quadratic,
                    &proximal,
                    lx,
                    lu,
                    u,
                    bounds,
                    &mut value,
                    &mut lambda,
                );
                stationarity.add_free(u, &step.qu, &terms, bounds);
                self.held[t] = bounds.bound_multipliers(u, &step.qu);
                (step, definite)
            } else {
                let definite = factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, &proximal, &mut value);
                let step =
                    factor.linear_where::<PatternOf<M, NP, NS>, 1>(quadratic.fx, quadratic.fu, lx, lu, &mut lambda);
                stationarity.add(&step.qu, &terms);
                (step, definite)
            };
            // Rounding errors are no step: a solve that followed them would go on for ever. Derivatives of the step stay.
            let rounding = is_rounding((&step.qu, &terms), (&step.k, &factor.gain), (x, u));
            for j in 0..NU {
                step.k[j] = S::select(rounding[j], step.k[j] - S::from_real(step.k[j].real()), step.k[j]);
            }
            sweep.slope += dot(&step.k, &step.qu);
            sweep.sensitivity += size(&lambda, x);

            let failed = sweep.sound() & !(definite & all_finite(&step.k, &lambda));
            if failed.any() {
                sweep.fail(failed, finite_stage(&quadratic, lx, lu));
                if !sweep.sound().any() {
                    return sweep;
                }
            }
            if let Some(keep) = &mut keep {
                keep.record(t, &quadratic, factor, &value, &lambda);
            }
            self.curvatures[t] = factor.curvature;
            self.gains[t] = factor.gain;
            self.feedforward[t] = step.k;
            self.costates[t] = lambda;
        }
        sweep.stationarity = stationarity.value();
        sweep.scale = stationarity.scale();
        sweep
    }
}

/// The blocks of a stage, and the gradients of its cost, from the record that belongs to the Hessian.
#[inline(always)]
fn blocks<'a, S, const NX: usize, const NU: usize>(
    stage: &'a StageExpansion<S, NX, NU>,
    hamiltonian: &'a HamiltonianExpansion<S, NX, NU>,
    hessian: Hessian,
) -> (Quadratic<'a, S, NX, NU>, &'a SVector<S, NX>, &'a SVector<S, NU>) {
    match hessian {
        Hessian::Exact => {
            let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = hamiltonian;
            (Quadratic { fx, fu, hxx, hux, huu }, lx, lu)
        }
        Hessian::GaussNewton => {
            let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = stage;
            (Quadratic { fx, fu, hxx: lxx, hux: lux, huu: luu }, lx, lu)
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> StageWorkspace<S, NX, NU> {
    /// The derivatives of stage `t`, penalties included.
    #[inline(always)]
    fn expand<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
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
        let OcpInstance { model, params: p, stage_params, .. } = instance;
        let limits = const { &M::LIMITS };
        let s = &stage_params[t];
        let derivatives = match hessian {
            Hessian::Exact => {
                model.expand_hamiltonian(Stage { x, u, p, s }, lambda, &mut self.hamiltonian);
                let HamiltonianExpansion { lx, lu, hxx, hux, huu, .. } = &mut self.hamiltonian;
                CostDerivativesMut { lx, lu, hxx, hux, huu }
            }
            Hessian::GaussNewton => {
                model.expand_stage(Stage { x, u, p, s }, &mut self.stage);
                let StageExpansion { lx, lu, lxx, lux, luu, .. } = &mut self.stage;
                CostDerivativesMut { lx, lu, hxx: lxx, hux: lux, huu: luu }
            }
        };
        if limits.limited() {
            let c = &constraints[at_stage(constraints, t, horizon, limits)];
            instance.expand_stage_penalty(t, x, u, c, &mut self.multipliers, &mut self.constraints, derivatives);
        }
    }
}

/// Whether a failed stage was given numbers that are finite.
#[cold]
fn finite_stage<S: Scalar, const NX: usize, const NU: usize>(
    stage: &Quadratic<'_, S, NX, NU>,
    lx: &SVector<S, NX>,
    lu: &SVector<S, NU>,
) -> S::Mask {
    let Quadratic { fx, fu, hxx, hux, huu } = stage;
    let first = [fx.as_slice(), fu.as_slice(), lx.as_slice(), lu.as_slice()];
    let second = [hxx.as_slice(), hux.as_slice(), huu.as_slice()];
    finite(&first) & finite(&second)
}

fn finite<S: Scalar>(slices: &[&[S]]) -> S::Mask {
    slices.iter().flat_map(|entries| *entries).fold(S::Mask::splat(true), |finite, entry| finite & is_finite(*entry))
}

/// `|a|' |b|`
#[inline(always)]
fn size<S: Scalar, const N: usize>(a: &SVector<S, N>, b: &SVector<S, N>) -> S::Real {
    let mut sum = S::Real::zero();
    for i in 0..N {
        sum += a[i].real().abs() * b[i].real().abs();
    }
    sum
}

/// One test for a stage's results: a sum is finite only if every term is. A gain that is not finite makes `lambda`, which
/// contains `K' Qu`, not finite either.
#[inline(always)]
fn all_finite<S: Scalar, const NX: usize, const NU: usize>(k: &SVector<S, NU>, lambda: &SVector<S, NX>) -> S::Mask {
    let mut sum = S::Real::zero();
    for i in 0..NX {
        sum += lambda[i].real();
    }
    for j in 0..NU {
        sum += k[j].real();
    }
    is_finite(sum)
}
