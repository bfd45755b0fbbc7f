//! The backward pass of the forward solve: derivatives along a trajectory, and the LQ problem's solution from them.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::kkt::unconstrained::Unconstrained;
use crate::linalg::products::{dot, is_finite, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::curvature::ProximalTerm;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Feedforward, Pattern, Quadratic, StageFactor, ValueFunction};
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::{CostDerivativesMut, OcpInstance, PatternOf, PenaltyRecord};
use crate::ocp::stage_functions;
use crate::ocp::stationarity::{Stationarity, is_rounding, residual_terms};
use crate::ocp::trajectory::{Trajectory, at_stage};
use crate::scalar::{Mask, Scalar, ScalarReal};
use crate::settings::Hessian;

/// The step that a backward pass proposes, about its trajectory.
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
    /// See [`Stationarity::terms`].
    pub(crate) terms: SVector<S, NU>,
}

/// The Hessian and the regularization of a backward pass.
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

/// The result of a backward pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BackwardPass<S: Scalar> {
    /// Derivative of the cost along the step, `sum_t k' Qu`; not positive.
    pub(crate) slope: S,
    /// `sum_t |lambda_t|' |x_t|`: the change of the cost per relative rounding error of the states.
    pub(crate) sensitivity: S::Real,
    /// See [`Stationarity::value`].
    pub(crate) stationarity: S::Real,
    /// Where the pass did not finish for a `Quu` that is not positive definite.
    pub(crate) indefinite: S::Mask,
    /// Where it did not finish for derivatives that are not finite.
    pub(crate) non_finite: S::Mask,
    /// The second derivatives it used.
    pub(crate) hessian: Hessian,
}

impl BackwardPass<f64> {
    /// Of no pass, or one that did not finish.
    pub(crate) const NONE: Self = Self {
        slope: f64::NAN,
        sensitivity: f64::NAN,
        stationarity: f64::NAN,
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

    /// At the terminal state.
    fn about_terminal<const NX: usize>(
        terminal: &TerminalExpansion<S, NX>,
        x: &SVector<S, NX>,
        hessian: Hessian,
    ) -> Self {
        Self {
            slope: S::zero(),
            sensitivity: size(&terminal.lx, x),
            stationarity: S::Real::zero(),
            indefinite: S::Mask::splat(false),
            non_finite: !finite(&[terminal.lx.as_slice(), terminal.lxx.as_slice()]),
            hessian,
        }
    }

    /// Records a stage that failed where `failed` holds; `given` holds where its derivatives are finite.
    #[cold]
    fn fail(&mut self, failed: S::Mask, given: S::Mask) {
        self.indefinite = self.indefinite | (failed & given);
        self.non_finite = self.non_finite | (failed & !given);
    }
}

impl<S: ScalarReal> BackwardPass<S> {
    /// The pass, if it finished.
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

/// Why a backward pass did not finish.
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
    pub(super) stage: StageExpansion<S, NX, NU>,
    pub(super) hamiltonian: HamiltonianExpansion<S, NX, NU>,
    pub(super) terminal: TerminalExpansion<S, NX>,
    factor: StageFactor<S, NX, NU>,
    pub(super) constraints: PenaltyRecord<S, NX, NU>,
    pub(super) terminal_constraints: PenaltyRecord<S, NX, 0>,
}

impl<S: Scalar, const NX: usize, const NU: usize> StageWorkspace<S, NX, NU> {
    pub(crate) fn zeros(limits: &Limits) -> Self {
        Self {
            constraints: PenaltyRecord::zeros(limits.listed()),
            terminal_constraints: PenaltyRecord::zeros(limits.terminal()),
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
            terms: zeros(),
        }
    }

    /// The backward pass about `trajectory`.
    ///
    /// With [`Hessian::Exact`] second derivatives of the dynamics are contracted with the gradient of the next stage's
    /// value function, which is the closed-loop costate (see [`riccati`](crate::lq::riccati)). Where a stage has no minimum
    /// the policy has no meaning; the pass ends as soon as that holds in every lane.
    ///
    /// The factors of the stages are stored in `keep`: with `mu = 0` and the exact Hessian they are those of the gradient.
    pub(crate) fn backward_pass<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trajectory: &Trajectory<S, NX, NU>,
        PassSettings { hessian, mu }: PassSettings<S>,
        records: &mut StageWorkspace<S, NX, NU>,
        mut keep: Option<&mut Unconstrained<S, NX, NU>>,
    ) -> BackwardPass<S>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Trajectory { states, controls, .. } = trajectory;
        let horizon = controls.len();
        records.expand_terminal(instance, trajectory);
        let terminal = &records.terminal;
        let mut pass = BackwardPass::about_terminal(terminal, &states[horizon], hessian);
        if !pass.sound().any() {
            return pass;
        }
        let (mut value, mut lambda) = (terminal.lxx, terminal.lx);
        let mut proximal = ProximalTerm::of_terminal(mu, &mut value);
        self.costates[horizon] = lambda;
        if let Some(keep) = &mut keep {
            keep.record_terminal(&value, &lambda);
        }
        let mut stationarity = Stationarity::start();
        for t in (0..horizon).rev() {
            records.expand_stage(instance, trajectory, t, (hessian, &lambda));
            let StageWorkspace { stage, hamiltonian, factor, .. } = records;
            let (quadratic, lx, lu) = blocks(stage, hamiltonian, hessian);
            let terms = residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, quadratic.fu, &lambda);
            proximal.add_stage::<PatternOf<M, NP, NS>>(&quadratic, &terms, (&states[t], &controls[t]));
            let bounded = instance.keeps_bounds().then_some((&controls[t], instance.bounds));
            let (mut step, definite) = minimize::<PatternOf<M, NP, NS>, _, _, _>(
                factor,
                (&quadratic, &proximal.weights),
                (lx, lu),
                bounded,
                &mut ValueFunction { hessian: &mut value, gradient: &mut lambda },
            );
            self.measure(t, &step.qu, &terms, bounded, &mut stationarity);
            clear_rounding_steps(&mut step, &terms, &factor.gain, (&states[t], &controls[t]));
            pass.slope += dot(&step.k, &step.qu);
            pass.sensitivity += size(&lambda, &states[t]);

            let failed = pass.sound() & !(definite & all_finite(&step.k, &lambda));
            if failed.any() {
                pass.fail(failed, finite_stage(&quadratic, lx, lu));
                if !pass.sound().any() {
                    return pass;
                }
            }
            if let Some(keep) = &mut keep {
                keep.record(t, &quadratic, factor, &value, &lambda);
            }
            self.store(t, factor, &step.k, &lambda);
        }
        pass.stationarity = stationarity.value();
        self.terms = stationarity.terms().map(S::from_real);
        pass
    }

    /// Adds stage `t` to the stationarity test, and stores the multipliers of its active bounds.
    #[inline(always)]
    fn measure(
        &mut self,
        t: usize,
        qu: &SVector<S, NU>,
        terms: &SVector<S::Real, NU>,
        bounded: Option<(&SVector<S, NU>, &Bounds<S, NU>)>,
        stationarity: &mut Stationarity<S::Real, NU>,
    ) {
        match bounded {
            Some((u, bounds)) => {
                stationarity.add_free(u, qu, terms, bounds);
                self.held[t] = bounds.bound_multipliers(u, qu);
            }
            None => stationarity.add(qu, terms),
        }
    }

    /// Stores the policy of stage `t`.
    #[inline(always)]
    fn store(&mut self, t: usize, factor: &StageFactor<S, NX, NU>, k: &SVector<S, NU>, lambda: &SVector<S, NX>) {
        self.curvatures[t] = factor.curvature;
        self.gains[t] = factor.gain;
        self.feedforward[t] = *k;
        self.costates[t] = *lambda;
    }
}

/// A backward stage with the gradients of its cost, at a control within bounds where these are enforced. The mask is true
/// where the stage has a minimum.
#[inline(always)]
fn minimize<P: Pattern<NX, NU>, S: Scalar, const NX: usize, const NU: usize>(
    factor: &mut StageFactor<S, NX, NU>,
    (stage, proximal): (&Quadratic<'_, S, NX, NU>, &Proximal<S, NX, NU>),
    (lx, lu): (&SVector<S, NX>, &SVector<S, NU>),
    bounded: Option<(&SVector<S, NU>, &Bounds<S, NU>)>,
    value: &mut ValueFunction<'_, S, NX>,
) -> (Feedforward<S, NU, 1>, S::Mask) {
    if let Some(control) = bounded {
        return factor.box_constrained_where::<P>(stage, proximal, (lx, lu), control, value);
    }
    let definite = factor.quadratic_where::<P>(stage, proximal, value.hessian);
    (factor.linear_where::<P, 1>(stage.fx, stage.fu, lx, lu, value.gradient), definite)
}

/// Sets steps to zero that are rounding errors: a solve that followed them would go on for ever. Derivatives of the steps
/// stay.
#[inline(always)]
fn clear_rounding_steps<S: Scalar, const NX: usize, const NU: usize>(
    step: &mut Feedforward<S, NU, 1>,
    terms: &SVector<S::Real, NU>,
    gain: &SMatrix<S, NU, NX>,
    at: (&SVector<S, NX>, &SVector<S, NU>),
) {
    let rounding = is_rounding((&step.qu, terms), (&step.k, gain), at);
    for j in 0..NU {
        let k = step.k[j];
        step.k[j] = S::select(rounding[j], k - S::from_real(k.real()), k);
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
    /// The terminal cost's derivatives, penalties included.
    fn expand_terminal<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trajectory: &Trajectory<S, NX, NU>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        let horizon = trajectory.controls.len();
        let at = Terminal::new(&trajectory.states[horizon], instance.params, &instance.stage_params[horizon]);
        if limits.terminal() > 0 {
            // The kernel writes no structural zero, but penalties were added here.
            self.terminal = TerminalExpansion::zeros();
        }
        instance.model.expand_terminal(at, &mut self.terminal);
        if limits.terminal() > 0 {
            let c = &trajectory.constraints[at_stage(&trajectory.constraints, horizon, horizon, limits)];
            let TerminalExpansion { lx, lxx, .. } = &mut self.terminal;
            instance.expand_terminal_penalty(at.x, c, &mut self.terminal_constraints, lx, lxx);
        }
    }

    /// The derivatives of stage `t`, penalties included; `lambda` is the costate of the next stage.
    #[inline(always)]
    fn expand_stage<M, const NP: usize, const NS: usize>(
        &mut self,
        instance: &OcpInstance<'_, M, S, NU, NP, NS>,
        trajectory: &Trajectory<S, NX, NU>,
        t: usize,
        (hessian, lambda): (Hessian, &SVector<S, NX>),
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let OcpInstance { model, params, stage_params, .. } = instance;
        let Trajectory { states, controls, constraints } = trajectory;
        let limits = const { &M::LIMITS };
        let at = Stage::new(&states[t], &controls[t], params, &stage_params[t]);
        if limits.limited() {
            // Kernels write no structural zero, but penalties were added to the records.
            self.stage = StageExpansion::zeros();
            self.hamiltonian = HamiltonianExpansion::zeros();
        }
        let derivatives = match hessian {
            Hessian::Exact => {
                stage_functions::expand_hamiltonian((*model, t), at, lambda, &mut self.hamiltonian);
                let HamiltonianExpansion { lx, lu, hxx, hux, huu, .. } = &mut self.hamiltonian;
                CostDerivativesMut { lx, lu, hxx, hux, huu }
            }
            Hessian::GaussNewton => {
                stage_functions::expand_stage((*model, t), at, &mut self.stage);
                let StageExpansion { lx, lu, lxx, lux, luu, .. } = &mut self.stage;
                CostDerivativesMut { lx, lu, hxx: lxx, hux: lux, huu: luu }
            }
        };
        if limits.limited() {
            let c = &constraints[at_stage(constraints, t, controls.len(), limits)];
            instance.expand_stage_penalty(t, at, c, &mut self.constraints, derivatives);
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
