//! Moving-horizon estimation: the trajectory of the last stages that fits their measurements best, solved anew with every
//! measurement.
//!
//! The initial state of a window is free and noise is its control. What the stages before the window say is its arrival
//! cost, a quadratic form whose mean and information are parameters of the model. Each step moves it on by one stage, by the
//! update of a filter (`engine::arrival`). For linear models with quadratic costs the estimate is that of
//! the Kalman filter, whatever the length of the window.

use alloc::vec::Vec;
use core::fmt;

use nalgebra::{SMatrix, SVector};

use crate::engine::{ArrivalRule, Engine, FirstEstimate};
use crate::error::{GradientError, SettingsError, SolveError};
use crate::estimate::{ArrivalUpdate, Estimate};
use crate::formulation::Formulation;
use crate::gradient::{Gradient, LossGradient};
use crate::ilqr::Ilqr;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::solution::Solution;

/// An estimator over a window of stages.
///
/// The model has a free initial state; its stage parameters hold the measurements, and its controls are noise. Where the
/// parameters have the fields `mean` (one entry a state) and `information` (one a state, or a matrix row by row), and the
/// initial cost is `(x - mean)' information (x - mean)` times a constant, the arrival cost moves with the window. Otherwise
/// the initial cost stays as it is. It may have terms in design variables besides.
///
/// The new arrival cost is what was dropped as a function of the next state, with dynamics and constraints linearized, as in an
/// extended Kalman filter. [`Estimate::arrival`] says whether it could be expressed:
///
/// * Soft constraints are costs. One that is violated has the curvature of its quadratic factor; one that its penalty holds at
///   its limit is held there; below it has no curvature. Where a penalty is linear beyond its limit, the slope of what was dropped
///   is lost.
/// * Noise without any cost has an infinite variance: along its effect the information is zero.
/// * Noise at a bound is held there. Other limits of noise and states do not count.
/// * A window whose solve has not converged leaves the information as it is.
/// * Design variables, and states without a mean, are held at their estimates. What was measured before a window says nothing of
///   them; what is to be remembered is a state without noise. The control before the window is that of the window before.
///
/// Limits hold in every window, and in the estimate from the first measurement. If that does not determine the design variables,
/// they stay at their guess.
///
/// Until the window is full it grows: the first step has one measurement and no control, the `k`-th one `k - 1` of them. Each
/// solve starts from the last estimate, moved on by one stage.
///
/// ```
/// # #[cfg(feature = "dual")] {
/// use dilqr_runtime::model::{Arrival, Stage, Start, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{LossGradient, Mhe, Model, Scalar, Settings, Status};
///
/// /// A walk, `x+ = x + u`, measured as `s`. Parameters: mean, information, and the weight of a step.
/// #[derive(Clone)]
/// struct Walk;
/// impl Model<1, 1, 3, 1> for Walk {
///     const START: Start<1> = Start {
///         cost: true,
///         arrival: Some(Arrival { states: 1, mean: 0, information: 1, full: true }),
///         ..Start::FREE
///     };
///     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 3, 1>, next: &mut SVector<S, 1>) {
///         next[0] = x[0] + u[0];
///     }
///     fn initial_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 3, 1>) -> S {
///         S::from_f64(0.5) * p[1] * (x[0] - p[0]).powi(2)
///     }
///     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 1, 1, 3, 1>) -> S {
///         S::from_f64(0.5) * ((x[0] - s[0]).powi(2) + p[2] * u[0].powi(2))
///     }
///     fn terminal_cost<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 1, 3, 1>) -> S {
///         S::from_f64(0.5) * (x[0] - s[0]).powi(2)
///     }
/// }
///
/// let mut mhe = Mhe::new(Walk, [0.0, 0.1, 4.0], 5, Settings::default())?;
/// let (mut mean, mut variance) = (0.0, 10.0);
/// for measured in [0.3, 0.1, -0.4, -0.2, 0.5, 0.9, 1.4, 1.0, 1.3_f64] {
///     // The Kalman filter, with variances 1 of a measurement and 1/4 of a step.
///     let gain = variance / (variance + 1.0);
///     (mean, variance) = (mean + gain * (measured - mean), variance * (1.0 - gain));
///     let estimate = mhe.step(&[measured])?;
///     assert_eq!(estimate.status, Status::Converged);
///     assert!((estimate.state[0] - mean).abs() < 1e-9 && (estimate.covariance[0] - variance).abs() < 1e-9);
///     variance += 0.25;
/// }
///
/// // How the newest state depends on the weight of a step, and on the measurements of the window.
/// let mut loss = LossGradient::zeros(5);
/// loss.states[5][0] = 1.0;
/// let gradient = mhe.vjp(&loss)?;
/// assert!(gradient.stage_params[5][0] > gradient.stage_params[0][0]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mhe<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    model: M,
    settings: Settings,
    /// The number of controls of a full window.
    window: usize,
    rule: ArrivalRule<NX>,
    /// The parameters of the current window, with mean and information of its first state.
    params: SVector<f64, NP>,
    /// The state and the design to start from.
    state: SVector<f64, NX>,
    design: SVector<f64, ND>,
    previous: Option<SVector<f64, NU>>,
    measurements: Vec<SVector<f64, NS>>,
    /// For the current length of the window; none for the first measurement.
    solver: Option<Ilqr<M, NX, NU, NP, NS, ND>>,
    solution: Option<Solution<NX, NU, NP, NS, ND>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Clone
    for Mhe<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    fn clone(&self) -> Self {
        Self {
            model: self.model.clone(),
            settings: self.settings,
            window: self.window,
            rule: self.rule,
            params: self.params,
            state: self.state,
            design: self.design,
            previous: self.previous,
            measurements: self.measurements.clone(),
            // Nothing of one solve is carried into the next: another solver gives the same answers.
            solver: None,
            solution: self.solution.clone(),
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> fmt::Debug
    for Mhe<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, settings, window, params, measurements, .. } = self;
        let mut fields = f.debug_struct("Mhe");
        fields.field("model", model).field("settings", settings).field("window", window).field("params", params);
        fields.field("measurements", &measurements.len()).finish_non_exhaustive()
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Mhe<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    /// An estimator whose full window has `window` controls, and one measurement more. `params` hold mean and information of
    /// the first state of all.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range, a window of 0, a model whose initial state is given, and one whose
    /// initial cost is no quadratic form of its `mean` and `information`.
    pub fn new(
        model: M,
        params: impl Into<SVector<f64, NP>>,
        window: usize,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        settings.check_solver(window)?;
        let params = params.into();
        let rule = M::Engine::arrival(&model, &params)?;
        Ok(Self {
            model,
            settings,
            window,
            rule,
            params,
            state: rule.mean,
            design: SVector::zeros(),
            previous: None,
            measurements: Vec::with_capacity(window + 1),
            solver: None,
            solution: None,
        })
    }

    /// Starts from this state in place of the arrival mean (or zero), and from this design in place of zero.
    #[must_use]
    pub fn with_guess(mut self, state: impl Into<SVector<f64, NX>>, design: impl Into<SVector<f64, ND>>) -> Self {
        (self.state, self.design) = (state.into(), design.into());
        self
    }

    /// The control of the stage before the first measurement, for models that read it.
    #[must_use]
    pub fn with_previous(mut self, previous: impl Into<SVector<f64, NU>>) -> Self {
        self.previous = Some(previous.into());
        self
    }

    /// Adds a measurement, with the other parameters of its stage, and estimates the state there.
    ///
    /// A solve that does not converge is no error: the status says so. The next window is then solved from its trajectory.
    ///
    /// # Errors
    /// [`SolveError`] for numbers that are not finite, reversed bounds, and a previous control that is missing or that no function
    /// reads. The estimator does not change, and the step can be repeated.
    pub fn step(&mut self, measurement: &(impl Copy + Into<SVector<f64, NS>>)) -> Result<Estimate<NX, ND>, SolveError> {
        let measurement = (*measurement).into();
        if self.measurements.is_empty() {
            return self.first_step(measurement);
        }
        let (problem, arrival) = self.next_problem(measurement)?;
        let horizon = problem.horizon();
        let solver = solver_for(&mut self.solver, (&self.model, horizon, self.settings))?;
        let solution = solver.solve(&problem)?;
        let covariance = match solver.differentiate(&solution) {
            Ok(mut sensitivities) => sensitivities.terminal_covariance(),
            Err(_) => SMatrix::repeat(f64::NAN),
        };
        let Solution { design, status, cause, cost, stats, .. } = solution;
        let state = solution.states[horizon];
        (self.params, self.previous) = (solution.params, solution.previous);
        self.measurements.clone_from(&solution.stage_params);
        if state.iter().chain(design.iter()).all(|entry| entry.is_finite()) {
            (self.state, self.design) = (state, design);
        }
        self.solution = Some(solution);
        Ok(Estimate { state, covariance, design, arrival, status, cause, cost, stats })
    }

    /// The estimate from the first measurement, which has no dynamics.
    fn first_step(&mut self, measurement: SVector<f64, NS>) -> Result<Estimate<NX, ND>, SolveError> {
        let problem = self.problem(1).with_stage_params(&[measurement; 2]);
        let found = M::Engine::first_estimate(&self.model, &self.settings, &problem)?;
        self.measurements.push(measurement);
        let FirstEstimate { state, design, covariance, cost, status, cause, stats } = found;
        (self.state, self.design) = (state, design);
        let arrival = ArrivalUpdate::Unchanged;
        Ok(Estimate { state, covariance, design, arrival, status, cause, cost, stats })
    }

    /// A problem over `horizon` stages that starts from the last estimate.
    fn problem(&self, horizon: usize) -> Problem<NX, NU, NP, NS, ND> {
        let mut problem = Problem::new(self.state, self.params, horizon).with_design(self.design);
        problem.previous = self.previous;
        problem
    }

    /// The problem of the window with one more measurement. It starts from the trajectory of the last one, which goes on without
    /// noise; where the window is full, it drops the first stage of that. Also, how its arrival cost came to be.
    #[allow(clippy::type_complexity, reason = "it is named nowhere else")]
    fn next_problem(
        &mut self,
        measurement: SVector<f64, NS>,
    ) -> Result<(Problem<NX, NU, NP, NS, ND>, ArrivalUpdate), SettingsError> {
        let full = self.measurements.len() > self.window;
        let mut problem = self.problem(self.measurements.len() - usize::from(full));
        let first = usize::from(full);
        problem.stage_params = self.measurements[first..].to_vec();
        problem.stage_params.push(measurement);
        let mut arrival = ArrivalUpdate::Unchanged;
        let Some(solution) = &self.solution else { return Ok((problem, arrival)) };
        if full {
            let solver = solver_for(&mut self.solver, (&self.model, solution.horizon(), self.settings))?;
            (problem.params, arrival) = solver.engine_mut().params_of_next_window(solution, &self.rule);
            problem.previous = problem.previous.and(solution.controls.first().copied());
        }
        let finite = |list: &[SVector<f64, NX>]| list.iter().all(|x| x.iter().all(|entry| entry.is_finite()));
        if finite(&solution.states) {
            let mut states = solution.states[first..].to_vec();
            let mut controls = solution.controls[first..].to_vec();
            states.push(self.state);
            controls.push(SVector::zeros());
            problem = problem.with_states(&states).with_controls(&controls);
        }
        Ok((problem, arrival))
    }

    /// The gradient of a loss on the trajectory of the last window, in its parameters and measurements. Mean and information of
    /// its first state count as parameters, which the measurements before the window do not change.
    ///
    /// # Errors
    /// As [`Ilqr::vjp`]; [`GradientError::NoWindow`] before the second measurement.
    pub fn vjp(&mut self, loss: &LossGradient<NX, NU, ND>) -> Result<Gradient<NX, NP, NS>, GradientError> {
        let Some(solution) = &self.solution else { return Err(GradientError::NoWindow) };
        let horizon = solution.horizon();
        solver_for(&mut self.solver, (&self.model, horizon, self.settings))?.vjp(solution, loss)
    }

    /// The solution of the last window; none before the second measurement.
    #[must_use]
    pub fn window(&self) -> Option<&Solution<NX, NU, NP, NS, ND>> {
        self.solution.as_ref()
    }

    /// The parameters of the last window, with mean and information of its first state.
    #[must_use]
    pub fn params(&self) -> &SVector<f64, NP> {
        &self.params
    }

    /// Replaces the parameters, mean and information included.
    ///
    /// # Errors
    /// As [`Mhe::new`].
    pub fn set_params(&mut self, params: impl Into<SVector<f64, NP>>) -> Result<(), SettingsError> {
        let params = params.into();
        self.rule = M::Engine::arrival(&self.model, &params)?;
        self.params = params;
        Ok(())
    }
}

/// The solver for a horizon: the one that is there, or a new one.
fn solver_for<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solver: &'a mut Option<Ilqr<M, NX, NU, NP, NS, ND>>,
    (model, horizon, settings): (&M, usize, Settings),
) -> Result<&'a mut Ilqr<M, NX, NU, NP, NS, ND>, SettingsError>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    let fitting = solver.take().filter(|solver| solver.horizon() == horizon);
    let fitting = match fitting {
        Some(solver) => solver,
        None => Ilqr::new(model.clone(), horizon, settings)?,
    };
    Ok(solver.insert(fitting))
}
