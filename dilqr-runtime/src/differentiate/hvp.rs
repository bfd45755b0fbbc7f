//! Second derivatives of a loss through a solution: products of its Hessian with a direction, exact.
//!
//! For a loss `L(x_0 .. x_T, u_0 .. u_{T-1})` and the problem's data `d = (p, x_0, s_0 .. s_T)`, the product is the
//! derivative of the gradient along a direction `v` of the data:
//!
//! ```text
//! d2L/dd2 v = d/de [dL/dd](d + e v)   at e = 0
//! ```
//!
//! The adjoint solve about the solution (see [`differentiate`](crate::differentiate)) runs here on dual numbers `a + e b`.
//! Every number carries its derivative along `v`, so the dual part of the gradient is the product, to rounding. The dual
//! parts of the inputs are `v` for the data, their derivatives along `v` for the trajectory and the multipliers, and for the
//! loss gradient the loss Hessian times the trajectory's derivative. This is forward over reverse mode (Griewank and
//! Walther, *Evaluating Derivatives*, 2008). The trajectory's derivative is the dual part of one Newton step of the
//! optimality conditions, from the solution, at the data plus `e v`. No third derivative of the model is formed, and nothing is differenced.
//!
//! The active limits stay the same along the direction: strict complementarity grants it. Solutions without it are refused.
//! Needs the feature `dual`, and the model's derivatives on dual numbers: those of compiled models are generic, those of
//! hand-written ones must be, too.

use nalgebra::SVector;
use num_dual::Dual;
use num_traits::Zero;

use crate::differentiate::adjoint::{GradientMut, LossRef, adjoint};
use crate::differentiate::degenerate::singular_system;
use crate::error::{GradientError, Input, check_finite, check_length, check_vector};
use crate::gradient::{Gradient, LossGradient};
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::kkt::penalties::Penalties;
use crate::kkt::report::{ActiveSetReport, LimitNames};
use crate::kkt::{Kkt, KktLinear, PlainUnits};
use crate::linalg::products::zeros;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::model::records::{StageExpansion, TerminalExpansion};
use crate::model::start::Start;
use crate::ocp::instance::PatternOf;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::TrajectoryRef;
use crate::settings::Differentiation;

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

    /// With a direction of the initial state.
    #[must_use]
    pub fn with_initial_state(mut self, initial_state: impl Into<SVector<f64, NX>>) -> Self {
        self.initial_state = initial_state.into();
        self
    }

    /// With a direction of the stage parameters, `T + 1` vectors.
    #[must_use]
    pub fn with_stage_params<C: Copy + Into<SVector<f64, NS>>>(mut self, stage_params: &[C]) -> Self {
        self.stage_params = stage_params.iter().map(|&s| s.into()).collect();
        self
    }

    pub(crate) fn check(&self, horizon: usize) -> Result<(), GradientError> {
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
#[derive(Clone)]
struct DualTrajectory<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    states: Vec<SVector<Number, NX>>,
    controls: Vec<SVector<Number, NU>>,
    params: SVector<Number, NP>,
    stage_params: Vec<SVector<Number, NS>>,
    stage_multipliers: Vec<Number>,
    terminal_multipliers: Vec<Number>,
}

/// The product of the loss's Hessian with `direction` at a checked solution. `loss_hessian` gives that of the loss in the
/// trajectory, applied to the trajectory's derivative along the direction.
pub(crate) fn hvp<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    (point, factorized): (TrajectoryRef<'_, f64, NX, NU, NP, NS>, &Kkt<f64, NX, NU>),
    loss: &LossGradient<NX, NU>,
    direction: &Direction<NX, NP, NS>,
    loss_hessian: impl FnOnce(&[SVector<f64, NX>], &[SVector<f64, NU>]) -> LossGradient<NX, NU>,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut moved = Moved::along(model, (point, factorized), direction)?;
    let dx: Vec<_> = moved.dual.states.iter().map(|x| x.map(|x| x.eps)).collect();
    let du: Vec<_> = moved.dual.controls.iter().map(|u| u.map(|u| u.eps)).collect();
    moved.product(model, loss, &loss_hessian(&dx, &du))
}

/// A solution that moves along a direction of the data, and its LQ problem on dual numbers.
struct Moved<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    system: Kkt<Number, NX, NU>,
    /// The form of the rows in the factorization of the solution.
    form: Option<PlainUnits>,
    memory: KktLinear<Number, NX, NU, 1>,
    dual: DualTrajectory<NX, NU, NP, NS>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Moved<NX, NU, NP, NS> {
    fn along<M>(
        model: &M,
        (point, factorized): (TrajectoryRef<'_, f64, NX, NU, NP, NS>, &Kkt<f64, NX, NU>),
        direction: &Direction<NX, NP, NS>,
    ) -> Result<Self, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut system = Kkt::new::<M, NP, NS>(point.controls.len());
        system.set_penalties::<M, NP, NS>(factorized.penalties().map(Penalties::law));
        let form = factorized.proximal_form();
        let mut memory = system.linear();
        let mut dual = DualTrajectory::new(point, direction, &M::START);
        factorize((&mut system, form), model, &dual)?;
        newton_step(&mut system, &mut memory, model, &mut dual);
        Ok(Self { system, form, memory, dual })
    }

    /// The change of the gradient. `curved` is that of the loss gradient.
    fn product<M>(
        &mut self,
        model: &M,
        loss: &LossGradient<NX, NU>,
        curved: &LossGradient<NX, NU>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { system, form, memory, dual } = self;
        let horizon = dual.controls.len();
        check_length(Input::LossHessianStates, curved.states.len(), horizon + 1)?;
        check_length(Input::LossHessianControls, curved.controls.len(), horizon)?;
        check_finite(Input::LossHessianStates, curved.states.iter().map(|g| g.as_slice()))?;
        check_finite(Input::LossHessianControls, curved.controls.iter().map(|g| g.as_slice()))?;
        factorize((system, *form), model, dual)?;
        let states: Vec<_> = loss.states.iter().zip(&curved.states).map(|(g, h)| make_dual(g, h)).collect();
        let controls: Vec<_> = loss.controls.iter().zip(&curved.controls).map(|(g, h)| make_dual(g, h)).collect();
        let loss = LossRef { states: &states, controls: &controls };
        let (mut gp, mut gs) = (zeros(), vec![zeros(); horizon + 1]);
        let mut gw = vec![Number::zero(); model.weight_count()];
        let out = GradientMut { params: &mut gp, stage_params: &mut gs, weights: &mut gw };
        let g0 = adjoint((&*system, memory), model, dual.point(), &loss, out);
        let gradient = Gradient {
            params: gp.map(|g| g.eps),
            initial_state: g0.map(|g| g.eps),
            stage_params: gs.iter().map(|g| g.map(|g| g.eps)).collect(),
            weights: gw.iter().map(|g| g.eps).collect(),
        };
        gradient.check()
    }
}

/// Factorizes the LQ problem on dual numbers. The check in `f64` has found no fault with it, but for rounding.
fn factorize<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (system, form): (&mut Kkt<Number, NX, NU>, Option<PlainUnits>),
    model: &M,
    dual: &DualTrajectory<NX, NU, NP, NS>,
) -> Result<(), GradientError>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut report = ActiveSetReport::NONE;
    let factorized = match (&mut *system, form) {
        (Kkt::ActiveSet(rows), Some(units)) => {
            rows.factorize_proximal(model, dual.point(), (Differentiation::Implicit, units), &mut report)
        }
        _ => system.factorize(model, dual.point(), Differentiation::Implicit, &mut report),
    };
    let names = LimitNames::of::<M, NX, NU, NP, NS>(dual.controls.len());
    factorized.map_err(|found| singular_system(names, found))
}

/// Moves trajectory and multipliers by the dual part of the Newton step about them; their values, which are those of a
/// solution, stay.
fn newton_step<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &mut Kkt<Number, NX, NU>,
    memory: &mut KktLinear<Number, NX, NU, 1>,
    model: &M,
    dual: &mut DualTrajectory<NX, NU, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let horizon = dual.controls.len();
    let penalties = system.penalties();
    let mut moved = dual.clone();
    let mut moved_penalties: Vec<Vec<SVector<Number, 1>>> = Vec::new();
    let point = dual.point();
    system.solve::<PatternOf<M, NP, NS>, 1, false>(
        memory,
        |t, terms| {
            terms.rows.extend_from_slice(system.row_constants(t));
            terms.penalties.extend(penalties.into_iter().flat_map(|penalties| penalties.motion(t)));
            if t == horizon {
                terms.gx = terminal_gradient(model, point, penalties);
            } else {
                add_stage_terms(model, point, t, penalties, terms);
            }
        },
        |t, step| {
            add_dual_step(&mut moved.states[t], step.dx);
            if let Some(penalties) = penalties {
                let multipliers = moved.at_stage_mut(t, limits);
                let (constraints, _) = penalties.split(t, step.penalties);
                multipliers.iter_mut().zip(constraints).for_each(|(own, change)| own.eps = change[0].eps);
                moved_penalties.push(step.penalties.to_vec());
            }
            if t == horizon {
                for (&i, multiplier) in system.terminal_rows().iter().zip(step.rows) {
                    moved.terminal_multipliers[i].eps = multiplier[0].eps;
                }
                return;
            }
            add_dual_step(&mut moved.controls[t], step.du);
            for (row, multiplier) in system.rows(t).iter().zip(step.rows) {
                if let ConstraintId::Constraint(i) = *row {
                    moved.stage_multipliers[t * limits.listed() + i].eps = multiplier[0].eps;
                }
            }
        },
    );
    *dual = moved;
    if let Some(penalties) = system.penalties_mut() {
        moved_penalties.iter().enumerate().for_each(|(t, moved)| penalties.move_bounds(t, moved));
    }
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
    /// The solution, with the data moving along the direction.
    fn new(
        point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
        direction: &Direction<NX, NP, NS>,
        start: &Start<NX>,
    ) -> Self {
        let TrajectoryRef { states, controls, params, stage_params, multipliers, .. } = point;
        let mut states: Vec<_> = states.iter().map(|x| x.map(Dual::from_re)).collect();
        // A direction of entries that the solve chooses has no effect.
        let moved = SVector::from_fn(|i, _| if start.free[i] { 0.0 } else { direction.initial_state[i] });
        states[0] = make_dual(&point.states[0], &moved);
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

    /// The multipliers of stage `t`, of the terminal state at the horizon.
    fn at_stage_mut(&mut self, t: usize, limits: &Limits) -> &mut [Number] {
        match t < self.controls.len() {
            true => &mut self.stage_multipliers[t * limits.listed()..][..limits.listed()],
            false => &mut self.terminal_multipliers,
        }
    }

    fn point(&self) -> TrajectoryRef<'_, Number, NX, NU, NP, NS> {
        let Self { states, controls, params, stage_params, stage_multipliers, terminal_multipliers } = self;
        let multipliers = MultipliersRef { stage: stage_multipliers, terminal: terminal_multipliers };
        TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None }
    }
}

/// The gradient of stage `t`'s cost, and how far the dynamics lead from the next state.
fn add_stage_terms<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, Number, NX, NU, NP, NS>,
    t: usize,
    penalties: Option<&Penalties<Number, NX, NU>>,
    terms: &mut LinearTerms<Number, NX, NU, 1>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let mut stage = StageExpansion::zeros();
    stage_functions::expand_stage((model, t), point.stage(t), &mut stage);
    let StageExpansion { f, lx, lu, .. } = &mut stage;
    if let Some(penalties) = penalties {
        penalties.add_gradient(t, lx, lu);
    }
    (terms.gx, terms.gu, terms.offset) = (*lx, *lu, *f - point.states[t + 1]);
}

fn terminal_gradient<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, Number, NX, NU, NP, NS>,
    penalties: Option<&Penalties<Number, NX, NU>>,
) -> SVector<Number, NX>
where
    M: Model<NX, NU, NP, NS>,
{
    let mut terminal = TerminalExpansion::zeros();
    model.expand_terminal(point.terminal(), &mut terminal);
    if let Some(penalties) = penalties {
        penalties.add_gradient(point.controls.len(), &mut terminal.lx, &mut zeros());
    }
    terminal.lx
}
