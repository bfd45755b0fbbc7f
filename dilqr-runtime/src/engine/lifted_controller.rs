//! The controller of a lifted model: that of the model underneath, with conversions.

use alloc::boxed::Box;

use nalgebra::SVector;

use crate::engine::Controller;
use crate::engine::controller::PlainController;
use crate::engine::lift::{self, Lift, Lifting};
use crate::error::{Input, InputError, SolveError, check_vector};
use crate::mpc_step::MpcStep;
use crate::settings::Settings;
use crate::solution::Solution;

/// The controller of a lifted model; `C` is the model underneath.
#[derive(Clone, Debug)]
pub struct LiftedController<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> {
    plain: PlainController<C, NZ, NW, NP, NS>,
    /// The plan of the last step, in the model's variables.
    plan: Solution<NX, NU, NP, NS, ND>,
    /// The solution underneath the one to start from.
    start: Box<Solution<NZ, NW, NP, NS>>,
    /// The control that was applied before the next step.
    previous: Option<SVector<f64, NU>>,
    /// The guess of the design for the next step.
    design: SVector<f64, ND>,
    /// Whether design and excesses start from the last plan.
    planned: bool,
}

impl<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> LiftedController<C, NX, NU, NP, NS, ND, NZ, NW>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    const LIFTING: Lifting<NX, NU, NP, NS, ND, NZ, NW> = Lifting::of::<C>();

    /// The state underneath a measured one.
    fn measured(&self, x: &SVector<f64, NX>) -> Result<SVector<f64, NZ>, InputError> {
        check_vector(Input::InitialState, x.as_slice())?;
        check_vector(Input::Design, self.design.as_slice())?;
        let previous = match self.previous {
            Some(_) if !C::PREVIOUS => return Err(InputError::PreviousUnused),
            None if C::PREVIOUS => return Err(InputError::PreviousMissing),
            Some(given) => given,
            None => SVector::zeros(),
        };
        check_vector(Input::Previous, previous.as_slice())?;
        let slacks = match self.plain.plan() {
            Some(plan) if self.planned => Self::LIFTING.terminal_slacks(&plan.states[0]),
            _ => &[],
        };
        Ok(Self::LIFTING.state(x, &previous, &self.design, slacks))
    }
}

impl<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> Controller<NX, NU, NP, NS, ND> for LiftedController<C, NX, NU, NP, NS, ND, NZ, NW>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    type Model = C::Model;

    fn new(model: C::Model, params: SVector<f64, NP>, horizon: usize, settings: Settings) -> Self {
        Self {
            plain: PlainController::new(C::new(model), params, horizon, settings),
            plan: Solution::empty(horizon),
            start: Box::new(Solution::empty(horizon)),
            previous: None,
            design: SVector::zeros(),
            planned: false,
        }
    }

    fn step(&mut self, x: SVector<f64, NX>) -> Result<MpcStep<NX, NU>, SolveError> {
        self.plain.load(self.measured(&x)?)?;
        let problem = self.plain.problem();
        let data = (problem.params(), problem.stage_params());
        lift::check_penalties::<C, NX, NU, NP, NS, ND, NZ, NW>(data, problem.horizon())?;
        let step = self.plain.step_loaded()?;
        if let Some(plan) = self.plain.plan() {
            Self::LIFTING.solution(plan, self.previous, &mut self.plan);
            self.design = self.plan.design;
        }
        self.planned = true;
        let control = Self::LIFTING.model_control(&step.control);
        if C::PREVIOUS {
            self.previous = Some(control);
        }
        Ok(MpcStep {
            control,
            gain: step.gain.fixed_view::<NU, NX>(0, 0).into_owned(),
            status: step.status,
            cause: step.cause.map(|cause| Self::LIFTING.cause(cause)),
            replanned: step.replanned,
            cost: step.cost,
            stats: step.stats,
        })
    }

    fn advance(&mut self) {
        let skipped = self.plain.stages_elapsed();
        self.plain.advance();
        if C::PREVIOUS && self.planned {
            // The last entry stays in use beyond the end of the plan.
            let stage = skipped.min(self.plan.controls.len() - 1);
            self.previous = Some(self.plan.controls[stage]);
        }
    }

    fn set_previous(&mut self, previous: SVector<f64, NU>) {
        self.previous = Some(previous);
    }

    fn set_design(&mut self, design: SVector<f64, ND>) {
        self.design = design;
    }

    fn set_params(&mut self, params: SVector<f64, NP>) {
        self.plain.set_params(params);
    }

    fn params(&self) -> &SVector<f64, NP> {
        self.plain.params()
    }

    fn set_stage_params(&mut self, stage_params: impl Iterator<Item = SVector<f64, NS>>) {
        self.plain.set_stage_params(stage_params);
    }

    fn plan(&self) -> Option<&Solution<NX, NU, NP, NS, ND>> {
        self.plain.plan().map(|_| &self.plan)
    }

    fn start_from(&mut self, solution: &Solution<NX, NU, NP, NS, ND>) -> Result<(), SolveError> {
        Self::LIFTING.solution_underneath(solution, &mut self.start);
        self.plain.start_from(&self.start)?;
        self.design = solution.design;
        self.planned = false;
        Ok(())
    }

    fn reset(&mut self) {
        self.plain.reset();
        self.planned = false;
    }

    fn model(&self) -> &C::Model {
        self.plain.model().model()
    }

    fn model_mut(&mut self) -> &mut C::Model {
        self.plain.model_mut().model_mut()
    }

    fn horizon(&self) -> usize {
        self.plain.horizon()
    }

    fn settings(&self) -> &Settings {
        self.plain.settings()
    }
}
