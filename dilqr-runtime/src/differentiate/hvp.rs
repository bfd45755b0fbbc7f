//! Second derivatives of a loss through a solution: products of its Hessian with a direction, exact.
//!
//! For a loss `L(x_0 .. x_T, u_0 .. u_{T-1})` and the problem's data `d = (p, x_0, s_0 .. s_T)`, the product is the
//! derivative of the gradient along a direction `v` of the data:
//!
//! ```text
//! d2L/dd2 v = d/de [dL/dd](d + e v)   at e = 0
//! ```
//!
//! The gradient is the answer of two sweeps about the solution (see [`implicit`](crate::implicit)), which are run here on
//! dual numbers `a + e b`: every number of theirs carries its derivative along `v`, so that what comes out as the dual part
//! of the gradient is the product, to rounding. What goes in is the data plus `e v`, the trajectory plus `e` times its own
//! derivative, the multipliers of constraints likewise, and the loss gradient plus `e` times the loss Hessian's product with
//! the trajectory's derivative (Griewank and Walther, *Evaluating Derivatives*, 2008: forward over reverse). The
//! trajectory's derivative is the dual part of one Newton step of the optimality conditions, from the solution, at the data
//! plus `e v`. No third derivative of the model is formed, and nothing is differenced.
//!
//! The active limits stay the same along the direction, which strict complementarity grants and the first-order check asks
//! for. Needs the feature `dual`, and the model's derivatives on dual numbers: those of compiled models are generic, those of
//! hand-written ones must be, too.

use nalgebra::SVector;
use num_dual::Dual;

use crate::differentiate::Implicit;
use crate::error::{GradientError, Input, check_finite, check_length, check_vector};
use crate::gradient::{Gradient, LossGradient, check_loss};
use crate::kkt::active_set::{Constrained, Terms};
use crate::kkt::relaxed::Relaxed;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::unconstrained::Sensitivity;
use crate::linalg::products::zeros;
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::{ConstraintId, Singular};
use crate::model::Model;
use crate::model::limits::Limit;
use crate::model::records::{ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::CostDerivativesMut;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::TrajectoryRef;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;

type Number = Dual<f64>;

/// A direction in everything a problem is given by.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// Of the parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// Of the initial state, `NX`.
    pub initial_state: SVector<f64, NX>,
    /// Of the stage parameters, `T + 1` vectors of `NS`; empty for none.
    pub stage_params: Vec<SVector<f64, NS>>,
}

impl<const NX: usize, const NP: usize, const NS: usize> Direction<NX, NP, NS> {
    /// Of the parameters alone. `params` may be the model's struct, an array or a vector.
    #[must_use]
    pub fn new(params: impl Into<SVector<f64, NP>>) -> Self {
        Self { params: params.into(), initial_state: SVector::zeros(), stage_params: Vec::new() }
    }

    /// With the initial state dual, too.
    #[must_use]
    pub fn with_initial_state(mut self, initial_state: impl Into<SVector<f64, NX>>) -> Self {
        self.initial_state = initial_state.into();
        self
    }

    /// With the stage parameters dual, too: `T + 1` vectors.
    #[must_use]
    pub fn with_stage_params<C: Copy + Into<SVector<f64, NS>>>(mut self, stage_params: &[C]) -> Self {
        self.stage_params = stage_params.iter().map(|&s| s.into()).collect();
        self
    }

    fn check(&self, horizon: usize) -> Result<(), GradientError> {
        if !self.stage_params.is_empty() {
            check_length(Input::Direction, self.stage_params.len(), horizon + 1)?;
        }
        check_finite(Input::Direction, self.stage_params.iter().map(|s| s.as_slice()))?;
        check_vector(Input::Direction, self.params.as_slice())?;
        check_vector(Input::Direction, self.initial_state.as_slice())?;
        Ok(())
    }
}

/// A trajectory with its data and multipliers, on dual numbers.
struct DualTrajectory<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    states: Vec<SVector<Number, NX>>,
    controls: Vec<SVector<Number, NU>>,
    params: SVector<Number, NP>,
    stage_params: Vec<SVector<Number, NS>>,
    stage_multipliers: Vec<Number>,
    terminal_multipliers: Vec<Number>,
}

/// The sweeps' memory, as in [`Implicit`].
enum Sweeps<const NX: usize, const NU: usize> {
    Free(Sensitivity<Number, NX, NU>),
    Limited(Constrained<Number, NX, NU>),
}

/// The product of the loss's Hessian with `direction`. `loss_hessian` gives that of the loss in the trajectory, applied to
/// the trajectory's derivative along the direction.
pub(crate) fn hvp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    implicit: &mut Implicit<NX, NU>,
    model: &M,
    settings: &Settings,
    solution: &Solution<NX, NU, NP, NS>,
    loss: &LossGradient<NX, NU>,
    direction: &Direction<NX, NP, NS>,
    loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>]) -> LossGradient<NX, NU>,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    let horizon = implicit.horizon();
    check_loss(loss, horizon)?;
    direction.check(horizon)?;
    implicit.linearize(model, settings, solution, Differentiation::Implicit)?;

    let mut sweeps = Sweeps::new::<M, NP, NS>(horizon, solution.relaxation);
    let mut dual = DualTrajectory::new(solution, direction);
    sweeps.factorize(model, &dual)?;
    sweeps.newton_step(model, &mut dual);
    let dx: Vec<_> = dual.states.iter().map(|x| x.map(|x| x.eps)).collect();
    let du: Vec<_> = dual.controls.iter().map(|u| u.map(|u| u.eps)).collect();
    let curved = loss_hessian(&dx, &du);
    check_length(Input::LossHessianStates, curved.states.len(), horizon + 1)?;
    check_length(Input::LossHessianControls, curved.controls.len(), horizon)?;
    check_finite(Input::LossHessianStates, curved.states.iter().map(|g| g.as_slice()))?;
    check_finite(Input::LossHessianControls, curved.controls.iter().map(|g| g.as_slice()))?;

    sweeps.factorize(model, &dual)?;
    let states: Vec<_> = loss.states.iter().zip(&curved.states).map(|(g, h)| make_dual(g, h)).collect();
    let controls: Vec<_> = loss.controls.iter().zip(&curved.controls).map(|(g, h)| make_dual(g, h)).collect();
    sweeps.adjoint(model, &dual, &states, &controls).check()
}

/// `value + e slope`
fn make_dual<const N: usize>(value: &SVector<f64, N>, slope: &SVector<f64, N>) -> SVector<Number, N> {
    value.zip_map(slope, Dual::new)
}

/// Adds the dual part of a step.
fn add_dual_step<const N: usize>(number: &mut SVector<Number, N>, step: &SVector<Number, N>) {
    for (number, step) in number.iter_mut().zip(step.iter()) {
        number.eps += step.eps;
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> DualTrajectory<NX, NU, NP, NS> {
    /// The solution, with dual data.
    fn new(solution: &Solution<NX, NU, NP, NS>, direction: &Direction<NX, NP, NS>) -> Self {
        let Solution { states, controls, params, stage_params, multipliers, .. } = solution;
        let mut states: Vec<_> = states.iter().map(|x| x.map(Dual::from_re)).collect();
        states[0] = make_dual(&solution.states[0], &direction.initial_state);
        let at_rest = SVector::zeros();
        let along = |t: usize| direction.stage_params.get(t).unwrap_or(&at_rest);
        Self {
            states,
            controls: controls.iter().map(|u| u.map(Dual::from_re)).collect(),
            params: make_dual(params, &direction.params),
            stage_params: stage_params.iter().enumerate().map(|(t, s)| make_dual(s, along(t))).collect(),
            stage_multipliers: multipliers.stage.iter().map(|&mu| Dual::from_re(mu)).collect(),
            terminal_multipliers: multipliers.terminal.iter().map(|&mu| Dual::from_re(mu)).collect(),
        }
    }

    fn point(&self) -> TrajectoryRef<'_, Number, NX, NU, NP, NS> {
        let Self { states, controls, params, stage_params, .. } = self;
        TrajectoryRef { states, controls, params, stage_params }
    }

    fn multipliers(&self) -> MultipliersRef<'_, Number> {
        MultipliersRef { stage: &self.stage_multipliers, terminal: &self.terminal_multipliers }
    }
}

impl<const NX: usize, const NU: usize> Sweeps<NX, NU> {
    fn new<M, const NP: usize, const NS: usize>(horizon: usize, relaxation: Option<f64>) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limits = const { &M::LIMITS };
        if limits.limited() && relaxation.is_none() {
            return Self::Limited(Constrained::new::<M, NP, NS>(horizon));
        }
        let mut free = Sensitivity::new(horizon);
        free.relaxed = relaxation.filter(|_| limits.limited()).map(|tau| Relaxed::new(tau, horizon, limits));
        Self::Free(free)
    }

    /// Factorizes the LQ problem. What could be wrong with it the check in `f64` has said already, but for rounding.
    fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        dual: &DualTrajectory<NX, NU, NP, NS>,
    ) -> Result<(), GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let (point, method) = (dual.point(), Differentiation::Implicit);
        match self {
            Self::Free(free) => match free.factorize(model, point, method) {
                Ok(_) => Ok(()),
                Err((stage, _)) => Err(GradientError::NotPositiveDefinite { stage }),
            },
            Self::Limited(limited) => {
                let multipliers = dual.multipliers();
                let mut report = ActiveSetReport::NONE;
                match limited.factorize(model, point, multipliers, method, ActiveSetRule::MultipliersRef, &mut report) {
                    Ok(()) => Ok(()),
                    Err((stage, Singular::Indefinite)) => Err(GradientError::NotPositiveDefinite { stage }),
                    Err((stage, Singular::Dependent(source))) => {
                        Err(GradientError::ConstraintsDependent { stage, limit: source.map(Limit::from) })
                    }
                }
            }
        }
    }

    /// Moves trajectory and multipliers by the dual part of the Newton step about them; their values, which are those of a
    /// solution, stay.
    fn newton_step<M, const NP: usize, const NS: usize>(&mut self, model: &M, dual: &mut DualTrajectory<NX, NU, NP, NS>)
    where
        M: Model<NX, NU, NP, NS>,
    {
        match self {
            Self::Free(free) => {
                let horizon = free.horizon();
                let (mut dx, mut du) = (vec![zeros(); horizon + 1], vec![zeros(); horizon]);
                let mut relaxed = free.relaxed.take();
                let point = dual.point();
                let end = terminal_gradient(model, point, relaxed.as_mut());
                free.solve::<M, NP, NS, 1>(end, &mut dx, &mut du, |t| stage_terms(model, point, t, relaxed.as_mut()));
                free.relaxed = relaxed;
                dual.states.iter_mut().zip(&dx).for_each(|(x, dx)| add_dual_step(x, dx));
                dual.controls.iter_mut().zip(&du).for_each(|(u, du)| add_dual_step(u, du));
            }
            Self::Limited(limited) => limited_step(limited, model, dual),
        }
    }

    /// The gradient's sweeps; the dual part of what they give.
    fn adjoint<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        dual: &DualTrajectory<NX, NU, NP, NS>,
        loss_states: &[SVector<Number, NX>],
        loss_controls: &[SVector<Number, NU>],
    ) -> Gradient<NX, NP, NS>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let point = dual.point();
        let mut gp = zeros();
        let mut gs = vec![zeros(); point.states.len()];
        let g0 = match self {
            Self::Free(free) => free.adjoint(model, point, loss_states, loss_controls, &mut gp, &mut gs),
            Self::Limited(limited) => {
                let multipliers = dual.multipliers();
                limited.adjoint(model, point, multipliers, loss_states, loss_controls, &mut gp, &mut gs)
            }
        };
        Gradient {
            params: gp.map(|g| g.eps),
            initial_state: g0.map(|g| g.eps),
            stage_params: gs.iter().map(|g| g.map(|g| g.eps)).collect(),
        }
    }
}

/// The Newton step with the limits that are active: their values are the constants of the LQ problem's rows, and with the
/// gradient of the cost alone its multipliers are the new ones.
fn limited_step<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    limited: &Constrained<Number, NX, NU>,
    model: &M,
    dual: &mut DualTrajectory<NX, NU, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let point = dual.point();
    let TrajectoryRef { states, controls, params, stage_params } = point;
    let horizon = controls.len();
    let bounds = Bounds::of(model, params);
    let mut c = vec![Dual::from_re(0.0); limits.stage().max(limits.terminal())];
    let single = |value: Number| SVector::from([value]);
    let lq_solution = limited.solve::<1>(|t, terms: &mut Terms<Number, NX, NU, 1>| {
        if t == horizon {
            terms.gx = terminal_gradient(model, point, None);
            let c = &mut c[..limits.terminal()];
            if limits.terminal() > 0 {
                model.terminal_constraints(Terminal::new(&states[t], params, &stage_params[t]), c);
            }
            terms.own.extend(limited.terminal.sources.iter().map(|&i| single(c[i])));
            return;
        }
        let ParameterTerms { fp, hxp, hup } = stage_terms(model, point, t, None);
        (terms.gx, terms.gu, terms.offset) = (hxp, hup, fp);
        let c = &mut c[..limits.stage()];
        if limits.stage() > 0 {
            model.stage_constraints(Stage::new(&states[t], &controls[t], params, &stage_params[t]), c);
        }
        let u = &controls[t];
        terms.own.extend(limited.stages[t].sources.iter().map(|source| match *source {
            ConstraintId::Constraint(i) => single(c[i]),
            ConstraintId::Bound(i, Side::Lower) => single(bounds.lower[i] - u[i]),
            ConstraintId::Bound(i, Side::Upper) => single(u[i] - bounds.upper[i]),
        }));
    });
    dual.states.iter_mut().zip(&lq_solution.dx).for_each(|(x, dx)| add_dual_step(x, dx));
    dual.controls.iter_mut().zip(&lq_solution.du).for_each(|(u, du)| add_dual_step(u, du));
    for (t, (stage, own)) in limited.stages.iter().zip(&lq_solution.own).enumerate() {
        for (source, multiplier) in stage.sources.iter().zip(own) {
            if let ConstraintId::Constraint(i) = *source {
                dual.stage_multipliers[t * limits.stage() + i].eps = multiplier[0].eps;
            }
        }
    }
    for (&i, multiplier) in limited.terminal.sources.iter().zip(&lq_solution.terminal) {
        dual.terminal_multipliers[i].eps = multiplier[0].eps;
    }
}

/// The gradient of stage `t`'s cost, and how far the dynamics lead from the next state, as one linear part.
fn stage_terms<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, Number, NX, NU, NP, NS>,
    t: usize,
    relaxed: Option<&mut Relaxed<Number, NX, NU>>,
) -> ParameterTerms<Number, NX, NU, 1>
where
    M: Model<NX, NU, NP, NS>,
{
    let TrajectoryRef { states, controls, params, stage_params } = point;
    let mut stage = StageExpansion::zeros();
    model.expand_stage(Stage::new(&states[t], &controls[t], params, &stage_params[t]), &mut stage);
    let StageExpansion { f, lx, lu, lxx, lux, luu, .. } = &mut stage;
    if let Some(relaxed) = relaxed {
        relaxed.expand_stage(model, point, t, CostDerivativesMut { lx, lu, hxx: lxx, hux: lux, huu: luu });
    }
    ParameterTerms { fp: *f - states[t + 1], hxp: *lx, hup: *lu }
}

fn terminal_gradient<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, Number, NX, NU, NP, NS>,
    relaxed: Option<&mut Relaxed<Number, NX, NU>>,
) -> SVector<Number, NX>
where
    M: Model<NX, NU, NP, NS>,
{
    let TrajectoryRef { states, params, stage_params, .. } = point;
    let horizon = states.len() - 1;
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(&states[horizon], params, &stage_params[horizon]), &mut terminal);
    let TerminalExpansion { lx, lxx, .. } = &mut terminal;
    if let Some(relaxed) = relaxed {
        relaxed.expand_terminal(model, point, lx, lxx);
    }
    *lx
}
