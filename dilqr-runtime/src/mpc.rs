//! Model predictive control: the same problem, solved anew from every measured state.

use core::fmt;

use nalgebra::SVector;

use crate::engine::{Controller, Engine};
use crate::error::{SettingsError, SolveError};
use crate::formulation::Formulation;
use crate::mpc_step::MpcStep;
use crate::settings::Settings;
use crate::solution::Solution;

/// A controller with a receding horizon.
///
/// [`Mpc::new`] and the first step allocate all memory; later steps allocate nothing. [`Settings::max_iterations`] bounds
/// the work of a step. A stage is one sampling period: every call of [`Mpc::step`] that gives a control shifts the plan by
/// one stage.
///
/// ```
/// # #[cfg(feature = "dual")] {
/// use dilqr_runtime::model::{Stage, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Model, Mpc, Scalar, Settings, Status};
///
/// /// A point on a line, pushed to the origin; its parameter is the price of pushing.
/// struct Point;
/// impl Model<2, 1, 1> for Point {
///     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
///         next[0] = x[0] + S::from_f64(0.1) * x[1];
///         next[1] = x[1] + S::from_f64(0.1) * u[0];
///     }
///     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
///         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
///     }
///     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
///         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
///     }
/// }
///
/// let mut mpc = Mpc::new(Point, [0.1], 20, Settings { max_iterations: 10, ..Settings::default() })?;
/// let mut x = SVector::from([1.0, 0.0]);
/// for _ in 0..60 {
///     let step = mpc.step(&x)?;
///     assert_eq!(step.status, Status::Converged);
///     // The plant; here it is the model.
///     x = SVector::from([x[0] + 0.1 * x[1], x[1] + 0.1 * step.control[0]]);
/// }
/// assert!(x.amax() < 0.01);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Models that read the previous control
///
/// The first step needs the control that was applied before it, from [`Mpc::set_previous`]. From then on the previous control
/// is the one that the last step gave, and after [`Mpc::advance`] the plan's; `set_previous` corrects it where the plant got
/// another one. Design variables and the excesses of soft constraints start from those of the last plan.
pub struct Mpc<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    controller: ControllerOf<M, NX, NU, NP, NS, ND>,
}

/// The controller of a model.
type ControllerOf<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> =
    <<M as Formulation<NX, NU, NP, NS, ND>>::Engine as Engine<NX, NU, NP, NS, ND>>::Controller;

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Clone
    for Mpc<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
    ControllerOf<M, NX, NU, NP, NS, ND>: Clone,
{
    fn clone(&self) -> Self {
        Self { controller: self.controller.clone() }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> fmt::Debug
    for Mpc<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
    ControllerOf<M, NX, NU, NP, NS, ND>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpc").field("controller", &self.controller).finish()
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Mpc<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    /// A controller that looks `horizon` stages ahead. Its first step starts from zero controls, within the bounds;
    /// [`Mpc::start_from`] sets a better start.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range, and a horizon of 0.
    pub fn new(
        model: M,
        params: impl Into<SVector<f64, NP>>,
        horizon: usize,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        settings.check_solver(horizon)?;
        Ok(Self { controller: Controller::new(model, params.into(), horizon, settings) })
    }

    /// The control for the measured state `x`.
    ///
    /// A solve that does not converge is no error: the status says so. The step then gives the best trajectory found, or
    /// the feedback of the last plan where that violates the constraints less. The control is within the bounds either way,
    /// and the next step starts from that plan.
    ///
    /// # Errors
    /// [`SolveError`] for numbers that are not finite, reversed bounds, negative penalties, or the wrong number of stage
    /// parameters. The plan does not change, and the step can be repeated with another measurement.
    pub fn step(&mut self, x: &(impl Copy + Into<SVector<f64, NX>>)) -> Result<MpcStep<NX, NU>, SolveError> {
        self.controller.step((*x).into())
    }

    /// Shifts the plan by one stage, for a sampling period without a step, such as a lost measurement.
    pub fn advance(&mut self) {
        self.controller.advance();
    }

    /// Sets the control that was applied in the stage before the next step, `NU`, for models that read it. The first step
    /// needs it; for other models it is an error of the step.
    pub fn set_previous(&mut self, previous: impl Into<SVector<f64, NU>>) {
        self.controller.set_previous(previous.into());
    }

    /// Sets the guess of the design variables for the next step, `ND`; zeros without it.
    pub fn set_design(&mut self, design: impl Into<SVector<f64, ND>>) {
        self.controller.set_design(design.into());
    }

    /// Changes the parameters, from the next step on.
    pub fn set_params(&mut self, params: impl Into<SVector<f64, NP>>) {
        self.controller.set_params(params.into());
    }

    /// The parameters of the next step.
    #[must_use]
    pub fn params(&self) -> &SVector<f64, NP> {
        self.controller.params()
    }

    /// Changes the stage parameters, from the next step on: `s_0 .. s_T`, `T + 1` of them, of the stages in the horizon of
    /// the next step. A reference that moves with time is set before every step.
    pub fn set_stage_params<C: Copy + Into<SVector<f64, NS>>>(&mut self, stage_params: &[C]) {
        self.controller.set_stage_params(stage_params.iter().map(|&s| s.into()));
    }

    /// The plan of the last step: the trajectory from the measured state, with the step's status and counts. Where the step
    /// did not replan, gains, costates and multipliers are those of the older plan. `None` before the first step.
    #[must_use]
    pub fn plan(&self) -> Option<&Solution<NX, NU, NP, NS, ND>> {
        self.controller.plan()
    }

    /// Starts anew from the feedback law and the multipliers of a solution over the same horizon. Its initial state should
    /// be near that of the next step. Parameters and stage parameters stay.
    ///
    /// # Errors
    /// [`SolveError`] for lists of the wrong lengths, and numbers that are not finite; the plan does not change.
    pub fn start_from(&mut self, solution: &Solution<NX, NU, NP, NS, ND>) -> Result<(), SolveError> {
        self.controller.start_from(solution)
    }

    /// Drops the plan. Parameters and stage parameters stay.
    pub fn reset(&mut self) {
        self.controller.reset();
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        self.controller.model()
    }

    /// The model, to be changed: its weights, where it has networks. Solutions of before are no solutions then.
    pub fn model_mut(&mut self) -> &mut M {
        self.controller.model_mut()
    }

    /// `T`, the number of stages it looks ahead.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.controller.horizon()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.controller.settings()
    }
}
