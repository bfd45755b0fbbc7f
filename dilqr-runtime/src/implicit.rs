//! Differentiating a solution: exact, by the implicit function theorem at the fixed point.
//!
//! At a solution the optimality conditions hold, and differentiating them gives one LQ problem with the exact Hessian of
//! the Hamiltonian `H = l + lambda' f` about the solution's own trajectory (DiLQR, Wang et al., ICML 2025, arXiv
//! 2506.17473, whose fixed-point form is equivalent; for the LQ form without the moving linearisation see Amos et al.,
//! *Differentiable MPC*, 2018):
//!
//! ```text
//! minimise    sum_t 1/2 dz_t' [hxx hux'; hux huu]_t dz_t + gx_t' dx_t + gu_t' du_t   (+ terminal block)
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
//! The quadratic part never sees a regularisation, and nothing is taken from the last solve: trajectory, parameters and
//! initial state are read from the solution, and its optimality is checked on the way.

use nalgebra::{SMatrix, SVector};

use crate::dense::larger;
use crate::error::{GradientError, Input, Place, find_non_finite};
use crate::model::Model;
use crate::sensitivity::{Point, Sensitivity};
use crate::settings::Settings;
use crate::solution::{Solution, Status};

/// The gradient of a scalar loss with respect to the trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct LossGradient<const NX: usize, const NU: usize> {
    /// `dL/dx_t`, `T + 1` vectors of `NX`.
    pub states: Vec<SVector<f64, NX>>,
    /// `dL/du_t`, `T` vectors of `NU`.
    pub controls: Vec<SVector<f64, NU>>,
}

impl<const NX: usize, const NU: usize> LossGradient<NX, NU> {
    /// Zero everywhere, over `horizon` stages.
    #[must_use]
    pub fn zeros(horizon: usize) -> Self {
        Self { states: vec![SVector::zeros(); horizon + 1], controls: vec![SVector::zeros(); horizon] }
    }
}

/// The gradient of a scalar with respect to everything a problem is given by.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// With respect to the parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// With respect to the initial state, `NX`.
    pub initial_state: SVector<f64, NX>,
    /// With respect to the stage parameters, `T + 1` vectors of `NS` (of no size where the model has none).
    pub stage_params: Vec<SVector<f64, NS>>,
}

/// The derivative of the optimal trajectory with respect to the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Jacobian<const NX: usize, const NU: usize, const NP: usize> {
    /// `dx_t/dp`, `T + 1` matrices `NX x NP`; the first is zero.
    pub states: Vec<SMatrix<f64, NX, NP>>,
    /// `du_t/dp`, `T` matrices `NU x NP`.
    pub controls: Vec<SMatrix<f64, NU, NP>>,
}

/// How to differentiate a solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Differentiation {
    /// The total derivative of the fixed point: exact.
    #[default]
    Implicit,
    /// The linearisation `(fx, fu)` is taken to be fixed, that is `lambda' f_zz` is dropped from the Hessian, as DiffMPC
    /// does (Amos et al. 2018). Exact for linear dynamics only; for comparison.
    FixedLinearization,
}

/// The dynamics residual a solution may have is the settings' tolerance, but at least this: a kernel and its variant with
/// other shared subexpressions round differently, by some units in the last place times the cancellation in the dynamics.
const DYNAMICS_FLOOR: f64 = 1e-12;

/// The stationarity a solution may have, in units of the settings' tolerance. It is measured here with gains of the exact
/// Hessian; the forward solve may have stopped on Gauss-Newton gains, whose costates differ by a sum over the horizon of
/// gain differences times `Q_u`.
const STATIONARITY_MARGIN: f64 = 100.0;

impl<const NX: usize, const NU: usize> Sensitivity<f64, NX, NU> {
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
        check_length(Input::LossStates, loss.states.len(), horizon + 1)?;
        check_length(Input::LossControls, loss.controls.len(), horizon)?;
        check_finite(Input::LossStates, loss.states.iter().map(|g| g.as_slice()))?;
        check_finite(Input::LossControls, loss.controls.iter().map(|g| g.as_slice()))?;
        let point = self.linearise(model, settings, solution, method)?;
        let mut gradient = Gradient::zeros(horizon);
        gradient.initial_state =
            self.adjoint(model, point, &loss.states, &loss.controls, &mut gradient.params, &mut gradient.stage_params);
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
        let point = self.linearise(model, settings, solution, Differentiation::Implicit)?;
        let horizon = self.horizon();
        let mut jacobian =
            Jacobian { states: vec![SMatrix::zeros(); horizon + 1], controls: vec![SMatrix::zeros(); horizon] };
        self.propagate(model, point, &mut jacobian.states, &mut jacobian.controls);
        let finite = jacobian.states.iter().all(all_finite) && jacobian.controls.iter().all(all_finite);
        if finite { Ok(jacobian) } else { Err(GradientError::Undefined) }
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
        let point = self.linearise(model, settings, solution, Differentiation::Implicit)?;
        let Point { states, controls, params, stage_params } = point;
        let horizon = self.horizon();
        let mut gradient = Gradient::zeros(horizon);
        for t in 0..horizon {
            model.add_hamiltonian_parameter_gradient(
                &states[t],
                &controls[t],
                params,
                &stage_params[t],
                &self.costates[t + 1],
                &mut gradient.params,
                &mut gradient.stage_params[t],
            );
        }
        model.add_terminal_parameter_gradient(
            &states[horizon],
            params,
            &stage_params[horizon],
            &mut gradient.params,
            &mut gradient.stage_params[horizon],
        );
        gradient.initial_state = self.costates[0];
        gradient.check()
    }

    /// Checks that `solution` is one, and factorises the LQ problem about it.
    fn linearise<'a, M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        settings: &Settings,
        solution: &'a Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) -> Result<Point<'a, f64, NX, NU, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states, controls, params, stage_params, .. } = solution;
        let horizon = self.horizon();
        check_length(Input::Controls, controls.len(), horizon)?;
        check_length(Input::States, states.len(), horizon + 1)?;
        check_length(Input::StageParams, stage_params.len(), horizon + 1)?;
        let point = Point { states, controls, params, stage_params };

        let dynamics_tolerance = settings.tolerance.max(DYNAMICS_FLOOR);
        let stationarity_tolerance = STATIONARITY_MARGIN * settings.tolerance;
        let dynamics = dynamics_residual(model, &solution.x0, point);
        let not_converged = |stationarity| GradientError::NotConverged {
            status: solution.status,
            dynamics,
            dynamics_tolerance,
            stationarity,
            stationarity_tolerance,
        };
        let consistent = dynamics <= dynamics_tolerance;
        if !consistent {
            return Err(not_converged(f64::NAN));
        }
        let factorised = self.factorise(model, point, method);
        let (Ok(stationarity) | Err((_, stationarity))) = factorised;
        let stationary = stationarity <= stationarity_tolerance;
        if solution.status != Status::Converged || !stationary {
            return Err(not_converged(stationarity));
        }
        match factorised {
            Ok(_) => Ok(point),
            Err((stage, _)) => Err(GradientError::NotPositiveDefinite { stage }),
        }
    }
}

impl<const NX: usize, const NP: usize, const NS: usize> Gradient<NX, NP, NS> {
    fn zeros(horizon: usize) -> Self {
        Self {
            params: SVector::zeros(),
            initial_state: SVector::zeros(),
            stage_params: vec![SVector::zeros(); horizon + 1],
        }
    }

    fn check(self) -> Result<Self, GradientError> {
        let finite =
            all_finite(&self.params) && all_finite(&self.initial_state) && self.stage_params.iter().all(all_finite);
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}

fn all_finite<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> bool {
    matrix.iter().all(|entry| entry.is_finite())
}

/// `max_t |x_{t+1} - f(x_t, u_t)| / max(1, |x_{t+1}|)`, with `x_0` against the given one; NaN if a number is.
fn dynamics_residual<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: &M,
    x0: &SVector<f64, NX>,
    point: Point<'_, f64, NX, NU, NP, NS>,
) -> f64
where
    M: Model<NX, NU, NP, NS>,
{
    let mut largest = 0.0;
    let mut compare = |stored: &SVector<f64, NX>, computed: &SVector<f64, NX>| {
        for i in 0..NX {
            largest = larger(largest, (stored[i] - computed[i]).abs() / stored[i].abs().max(1.0));
        }
    };
    compare(&point.states[0], x0);
    for (t, u) in point.controls.iter().enumerate() {
        let mut next = SVector::zeros();
        model.dynamics(&point.states[t], u, point.params, &point.stage_params[t], &mut next);
        compare(&point.states[t + 1], &next);
    }
    largest
}

fn check_length(input: Input, given: usize, expected: usize) -> Result<(), GradientError> {
    if given == expected { Ok(()) } else { Err(GradientError::WrongLength { input, given, expected }) }
}

fn check_finite<'a>(input: Input, vectors: impl Iterator<Item = &'a [f64]>) -> Result<(), GradientError> {
    match find_non_finite(vectors) {
        Some((stage, entry, given)) => {
            Err(GradientError::NonFinite { input, place: Place { stage: Some(stage), entry }, given })
        }
        None => Ok(()),
    }
}
