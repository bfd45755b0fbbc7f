//! Differentiating a solution: exact, by the implicit function theorem at the fixed point.
//!
//! At a solution the optimality conditions hold, and differentiating them gives one LQ problem with the exact Hessian of
//! the Hamiltonian `H = l + lambda' f` about the solution's own trajectory (DiLQR, Wang et al., ICML 2025, arXiv
//! 2506.17473, whose fixed-point form is equivalent; for the LQ form without the moving linearization see Amos et al.,
//! *Differentiable MPC*, 2018):
//!
//! ```text
//! minimize    sum_t 1/2 dz_t' [hxx hux'; hux huu]_t dz_t + gx_t' dx_t + gu_t' du_t   (+ terminal block)
//! subject to  dx_{t+1} = fx_t dx_t + fu_t du_t,   dx_0 = 0
//! ```
//!
//! where `gx_t, gu_t` is the loss gradient. With `dlambda` its costate,
//!
//! ```text
//! dL/dp   = sum_t hxp_t' dx_t + hup_t' du_t + fp_t' dlambda_{t+1}   + l_T,xp' dx_T
//! dL/ds_t = the same contraction with the derivatives in s_t
//! dL/dx_0 = dlambda_0
//! ```
//!
//! With constraints `c = 0` that are active, and their multipliers `mu`, `H = l + lambda' f + mu' c`; the LQ problem carries
//! `cx dx + cu du = 0` with a multiplier `dmu`, and the contraction gains `cp' dmu`. A control at its bound `u_i = b(p)` has
//! `du_i = 0`, and its multiplier times `db/dp` joins the gradient. The derivative exists where the active limits are
//! linearly independent and each has a multiplier other than zero (strict complementarity), and where the Hessian is
//! positive definite on what they leave free; each of the three is checked, and refused by name (Fiacco, *Sensitivity
//! analysis for nonlinear programming using penalty methods*, 1976).
//!
//! The quadratic part never sees a regularization, and nothing is taken from the last solve: trajectory, parameters and
//! initial state are read from the solution, and its optimality is checked on the way.

mod factorization_key;
#[cfg(feature = "dual")]
pub(crate) mod hvp;
#[cfg(feature = "lanes")]
pub(crate) mod lanes;
pub(crate) mod stage_jacobian;
#[cfg(feature = "dual")]
pub(crate) mod unroll;

use crate::gradient::all_finite;
use crate::scalar::Mask;
use nalgebra::{SMatrix, SVector};

use crate::differentiate::factorization_key::Owner;
#[cfg(feature = "dual")]
use crate::differentiate::unroll::Start;
use crate::error::{GradientError, Input, check_length};
use crate::gradient::{Gradient, Jacobian, LossGradient, check_loss};
use crate::kkt::active_set::Constrained;
use crate::kkt::relaxed::Relaxed;
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::unconstrained::{Factorized, Sensitivity};
use crate::linalg::products::{add_transposed_product, larger, zeros};
use crate::lq::bounds::{Bounds, Side};
use crate::lq::equality_constrained::{ConstraintId, Singular};
use crate::model::Model;
use crate::model::limits::Limit;
use crate::model::records::StageExpansion;
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::rollout::TrajectoryRef;
use crate::ocp::stationarity::{Magnitudes, clear_rounding};
use crate::scalar::Scalar;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::status::Status;

/// The dynamics residual a solution may have is the settings' tolerance, but at least this: a kernel and its variant with
/// other shared subexpressions round differently, by some units in the last place times the cancellation in the dynamics.
const DYNAMICS_FLOOR: f64 = 1e-12;

/// The relative Newton step that a solution may be away from, in units of the settings' tolerance. It is measured here with
/// the exact Hessian; the forward solve may have stopped on a Gauss-Newton step, which is shorter than the way to the
/// solution by as much as these steps contract slowly.
pub(crate) const STEP_MARGIN: f64 = 100.0;

/// The LQ problem about a solution: on its own, or with the limits that are active there.
#[derive(Clone, Debug)]
pub(crate) struct Implicit<const NX: usize, const NU: usize> {
    free: Sensitivity<f64, NX, NU>,
    /// For models with limits only.
    limited: Option<Constrained<f64, NX, NU>>,
    /// The solution it is factorized about.
    owner: Owner,
}

impl<const NX: usize, const NU: usize> Implicit<NX, NU> {
    pub(crate) fn new<M, const NP: usize, const NS: usize>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let limited = const { M::LIMITS.limited() };
        Self {
            free: Sensitivity::new(if limited { 0 } else { horizon }),
            limited: limited.then(|| Constrained::new::<M, NP, NS>(horizon)),
            owner: Owner::none((horizon + 1) * (NX + NU + NS + M::LIMITS.stage()) + NX + NP + M::LIMITS.terminal()),
        }
    }

    /// The memory of a factorization, for a solve to leave one there: for models without limits.
    pub(crate) fn lend(&mut self) -> Option<&mut Sensitivity<f64, NX, NU>> {
        self.owner.clear();
        self.limited.is_none().then_some(&mut self.free)
    }

    /// What was left in the lent memory is the factorization about this solution.
    pub(crate) fn adopt<const NP: usize, const NS: usize>(&mut self, solution: &Solution<NX, NU, NP, NS>) {
        self.owner.set(solution, Differentiation::Implicit);
    }

    pub(crate) fn horizon(&self) -> usize {
        self.limited.as_ref().map_or(self.free.horizon(), Constrained::horizon)
    }

    pub(crate) fn vjp<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
        loss: &LossGradient<NX, NU>,
        method: Differentiation,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = self.horizon();
        check_loss(loss, horizon)?;
        let point = self.linearize(model, settings, solution, method)?;
        #[cfg(feature = "dual")]
        match method {
            Differentiation::Unrolled { iterations } => {
                return unroll::vjp(model, settings, solution, loss, Start::Guess, iterations);
            }
            Differentiation::Truncated { iterations } => {
                return unroll::vjp(model, settings, solution, loss, Start::Solution, iterations);
            }
            Differentiation::Implicit | Differentiation::FixedLinearization => {}
        }
        let mut gradient = Gradient::zeros(horizon);
        let LossGradient { states, controls } = loss;
        let Gradient { params, stage_params, .. } = &mut gradient;
        gradient.initial_state = match &self.limited {
            Some(limited) if solution.relaxation.is_none() => {
                limited.adjoint(model, point, multipliers(solution), states, controls, params, stage_params)
            }
            _ => self.free.adjoint(model, point, states, controls, params, stage_params),
        };
        gradient.check()
    }

    pub(crate) fn jacobian<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
    ) -> Result<Jacobian<NX, NU, NP>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let point = self.linearize(model, settings, solution, Differentiation::Implicit)?;
        let horizon = self.horizon();
        let jacobian = match &self.limited {
            Some(limited) if solution.relaxation.is_none() => {
                let lq_solution = limited.propagate(model, point, multipliers(solution));
                Jacobian { states: lq_solution.dx, controls: lq_solution.du }
            }
            _ => {
                let mut jacobian =
                    Jacobian { states: vec![SMatrix::zeros(); horizon + 1], controls: vec![SMatrix::zeros(); horizon] };
                self.free.propagate(model, point, &mut jacobian.states, &mut jacobian.controls);
                jacobian
            }
        };
        let finite = jacobian.states.iter().all(all_finite) && jacobian.controls.iter().all(all_finite);
        if finite { Ok(jacobian) } else { Err(GradientError::Undefined) }
    }

    pub(crate) fn stage_jacobian<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
        stage: usize,
    ) -> Result<Jacobian<NX, NU, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = self.horizon();
        if stage > horizon {
            return Err(GradientError::NoSuchStage { given: stage, horizon });
        }
        let point = self.linearize(model, settings, solution, Differentiation::Implicit)?;
        let (states, controls) = match &self.limited {
            Some(limited) if solution.relaxation.is_none() => {
                stage_jacobian::limited(limited, model, point, multipliers(solution), stage)
            }
            _ => {
                let (mut states, mut controls) = (vec![SMatrix::zeros(); horizon + 1], vec![SMatrix::zeros(); horizon]);
                stage_jacobian::free(&mut self.free, model, point, stage, &mut states, &mut controls);
                (states, controls)
            }
        };
        let finite = states.iter().all(all_finite) && controls.iter().all(all_finite);
        if finite { Ok(Jacobian { states, controls }) } else { Err(GradientError::Undefined) }
    }

    pub(crate) fn value_gradient<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &Solution<NX, NU, NP, NS>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let point = self.linearize(model, settings, solution, Differentiation::Implicit)?;
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = self.horizon();
        let costates = match &self.limited {
            Some(limited) if solution.relaxation.is_none() => &limited.costates,
            _ => &self.free.costates,
        };
        let mut gradient = Gradient::zeros(horizon);
        for t in 0..horizon {
            model.add_hamiltonian_parameter_gradient(
                Stage::new(&states[t], &controls[t], params, &stage_params[t]),
                &costates[t + 1],
                ParameterGradient { p: &mut gradient.params, s: &mut gradient.stage_params[t] },
            );
        }
        model.add_terminal_parameter_gradient(
            Terminal::new(&states[horizon], params, &stage_params[horizon]),
            ParameterGradient { p: &mut gradient.params, s: &mut gradient.stage_params[horizon] },
        );
        gradient.initial_state = costates[0];
        let Gradient { params: gp, stage_params: gs, .. } = &mut gradient;
        if solution.relaxation.is_some() {
            if let Some(relaxed) = &mut self.free.relaxed {
                for (t, gs) in gs.iter_mut().enumerate().take(horizon) {
                    relaxed.contract_stage(model, point, t, None, gp, gs);
                }
                relaxed.contract_terminal(model, point, None, gp, &mut gs[horizon]);
            }
        } else if self.limited.is_some() {
            add_limits(model, point, multipliers(solution), costates, &mut gradient);
        }
        gradient.check()
    }

    /// Checks that `solution` is one, and factorizes the LQ problem about it.
    pub(crate) fn linearize<'a, M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &'a Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) -> Result<TrajectoryRef<'a, f64, NX, NU, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states, controls, params, stage_params, .. } = solution;
        let horizon = self.horizon();
        check_length(Input::Controls, controls.len(), horizon)?;
        check_length(Input::States, states.len(), horizon + 1)?;
        check_length(Input::StageParams, stage_params.len(), horizon + 1)?;
        let limits = const { &M::LIMITS };
        check_length(Input::Multipliers, solution.multipliers.stage.len(), horizon * limits.stage())?;
        check_length(Input::Multipliers, solution.multipliers.terminal.len(), limits.terminal())?;
        let point = TrajectoryRef { states, controls, params, stage_params };
        if solution.status == Status::Converged && self.owner.is(solution, method) {
            return Ok(point);
        }
        self.owner.clear();

        let dynamics_tolerance = dynamics_tolerance(settings);
        let step_tolerance = step_tolerance(settings);
        let magnitudes = Magnitudes::of(states, controls);
        let dynamics = dynamics_residual(model, &solution.x0, point, &magnitudes, dynamics_tolerance);
        let not_converged = |step, violation| GradientError::NotConverged {
            status: solution.status,
            dynamics,
            dynamics_tolerance,
            step,
            step_tolerance,
            violation,
        };
        let consistent = dynamics <= dynamics_tolerance;
        if !consistent {
            return Err(not_converged(f64::NAN, f64::NAN));
        }
        let relaxation = solution.relaxation.filter(|_| limits.limited());
        if relaxation.is_some() && self.free.horizon() != horizon {
            self.free = Sensitivity::new(horizon);
        }
        self.free.relaxed = relaxation.map(|tau| Relaxed::new(tau, horizon, limits));
        let mut report = ActiveSetReport::NONE;
        let factorized = match &mut self.limited {
            Some(limited) if relaxation.is_none() => {
                let (multipliers, rule) = (multipliers(solution), ActiveSetRule::MultipliersRef);
                limited.factorize(model, point, multipliers, method, rule, &mut report)
            }
            _ => {
                let (stationarity, result) = match self.free.factorize(model, point, method) {
                    Ok(Factorized { stationarity, .. }) => (stationarity, Ok(())),
                    Err((stage, stationarity)) => (stationarity, Err((stage, Singular::Indefinite))),
                };
                report.stationarity = stationarity;
                result
            }
        };
        // A relaxed problem has no limits to violate.
        let beyond = if relaxation.is_some() { 0.0 } else { bound_violation(model, point, &magnitudes) };
        let violation = report.violation.0.max(beyond);
        let step = match (&self.limited, factorized.is_ok()) {
            (_, false) => f64::NAN,
            (Some(limited), _) if relaxation.is_none() => limited.relative_newton_step(&magnitudes),
            _ => self.free.relative_newton_step(&magnitudes),
        };
        // Terminal rows that depend on one another end the sweep before it has begun: stationarity then is not known. A
        // trajectory without multipliers is judged by its step alone, since there all terms may vanish together.
        let stationary = match factorized {
            Ok(()) if solution.multipliers.are_zero() => true,
            Err(_) if report.stationarity.is_nan() => true,
            _ => report.stationarity <= step_tolerance,
        };
        let settled = step <= step_tolerance || factorized.is_err();
        let feasible = violation <= step_tolerance;
        if solution.status != Status::Converged || !stationary || !settled || !feasible {
            return Err(not_converged(step, violation));
        }
        match factorized {
            Ok(()) => {}
            Err((stage, Singular::Indefinite)) => return Err(GradientError::NotPositiveDefinite { stage }),
            Err((stage, Singular::Dependent(source))) => {
                return Err(GradientError::ConstraintsDependent { stage, limit: source.map(Limit::from) });
            }
        }
        match report.weakest() {
            Some((margin, limit_state)) if margin <= settings.activity => {
                Err(GradientError::WeaklyActive { stage: limit_state.stage, limit: limit_state.source.into(), margin })
            }
            _ => {
                self.owner.set(solution, method);
                Ok(point)
            }
        }
    }
}

fn multipliers<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> MultipliersRef<'_, f64> {
    MultipliersRef { stage: &solution.multipliers.stage, terminal: &solution.multipliers.terminal }
}

/// What constraints and bounds add to the gradient of the optimal cost: their multipliers times their derivatives.
fn add_limits<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    multipliers: MultipliersRef<'_, f64>,
    costates: &[SVector<f64, NX>],
    gradient: &mut Gradient<NX, NP, NS>,
) where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let TrajectoryRef { states, controls, params, stage_params } = point;
    let (no_dx, no_du) = (SVector::zeros(), SVector::zeros());
    let horizon = controls.len();
    let bounds = Bounds::of(model, params);
    let (mut lower, mut upper) = (SVector::zeros(), SVector::zeros());
    let mut hamiltonian = crate::model::records::HamiltonianExpansion::zeros();
    let mut constraints = crate::model::limits::ConstraintExpansion::zeros(limits.stage());
    for t in 0..horizon {
        let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
        let mu = &multipliers.stage[t * limits.stage()..][..limits.stage()];
        model.add_stage_constraint_contraction(
            Stage::new(x, u, params, s),
            mu,
            Variation::new(&no_dx, &no_du),
            mu,
            ParameterGradient { p: &mut gradient.params, s: &mut gradient.stage_params[t] },
        );
        if limits.bounded {
            model.expand_hamiltonian(Stage::new(x, u, params, s), &no_dx, &mut hamiltonian);
            model.expand_stage_constraints(Stage::new(x, u, params, s), mu, &mut constraints);
            let mut qu = hamiltonian.lu;
            add_transposed_product(&mut qu, &hamiltonian.fu, &costates[t + 1]);
            for (cu, &mu) in constraints.cu.iter().zip(mu) {
                qu += cu * mu;
            }
            for i in 0..NU {
                match bounds.active_bound(i, u, &qu) {
                    Some(Side::Lower) => lower[i] += qu[i],
                    Some(Side::Upper) => upper[i] += qu[i],
                    None => {}
                }
            }
        }
    }
    model.add_terminal_constraint_contraction(
        Terminal::new(&states[horizon], params, &stage_params[horizon]),
        multipliers.terminal,
        &no_dx,
        multipliers.terminal,
        ParameterGradient { p: &mut gradient.params, s: &mut gradient.stage_params[horizon] },
    );
    model.add_bounds_contraction(params, &lower, &upper, &mut gradient.params);
}

/// How far a control is beyond its bounds at most, over its largest magnitude on the trajectory.
fn bound_violation<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    magnitudes: &Magnitudes<f64, NX, NU>,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let bounds = Bounds::of(model, point.params);
    let mut largest = 0.0;
    for u in point.controls {
        let beyond = SVector::from_fn(|i, _| (bounds.lower[i] - u[i]).max(u[i] - bounds.upper[i]).max(0.0));
        largest = f64::max(largest, magnitudes.relative(&SVector::zeros(), &beyond));
    }
    largest
}

impl From<ConstraintId> for Limit {
    fn from(source: ConstraintId) -> Self {
        match source {
            ConstraintId::Constraint(index) => Self::Constraint { index },
            ConstraintId::Bound(control, Side::Lower) => Self::LowerBound { control },
            ConstraintId::Bound(control, Side::Upper) => Self::UpperBound { control },
        }
    }
}

/// What [`dynamics_residual`] may be at a solution.
pub(crate) fn dynamics_tolerance(settings: &Settings) -> f64 {
    settings.tolerance.max(DYNAMICS_FLOOR)
}

/// What the relative Newton step may be at a solution.
pub(crate) fn step_tolerance(settings: &Settings) -> f64 {
    STEP_MARGIN * settings.tolerance
}

/// The largest residual `|x_{t+1} - f(x_t, u_t)|` over the magnitude of its state, with `x_0` against the given one; NaN if
/// a number is. A residual above `tolerance` counts as zero where it is a rounding error of its terms `fx x` and `fu u`.
pub(crate) fn dynamics_residual<S: Scalar, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    x0: &SVector<S, NX>,
    point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    magnitudes: &Magnitudes<S, NX, NU>,
    tolerance: f64,
) -> S
where
    M: Model<NX, NU, NP, NS>,
{
    let tolerance = S::from_f64(tolerance);
    let mut largest = magnitudes.relative(&(point.states[0] - x0), &zeros());
    for (t, u) in point.controls.iter().enumerate() {
        let (x, s) = (&point.states[t], &point.stage_params[t]);
        let mut next = zeros();
        // The kernel of rollouts, so that a rollout agrees to the last bit.
        let at = Stage::new(x, u, point.params, s);
        model.step(at, &mut next);
        let mut residual = point.states[t + 1] - next;
        let mut relative = magnitudes.relative(&residual, &zeros());
        if !relative.less_equal(tolerance).all() {
            let mut stage = StageExpansion::zeros();
            model.expand_stage(at, &mut stage);
            clear_rounding(&mut residual, &next, (&stage.fx, x), (&stage.fu, u));
            relative = magnitudes.relative(&residual, &zeros());
        }
        largest = larger(largest, relative);
    }
    largest
}
